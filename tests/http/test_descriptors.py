"""A program at its limit of open files, or of memory, says so, marks nothing, and goes on once there is enough again."""
import contextlib
import io
import itertools
import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import DEFAULT, picture
from harness import VARIANT
from PIL import Image
from test_archive import tar

SAMPLES = 60
numbers = itertools.count()
LINES = 20  # in a program's log; one that asks again and again at once has thousands


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    server.add_user("ann", role="admin")
    server.add_dataset("demo", samples=SAMPLES)
    server.add_dataset("unopened")
    return server.start()


@contextlib.contextmanager
def no_more_files(server, name, spare=0):
    """The program's processes may open nothing more but `spare` files each."""
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in server.processes(name)}
    for pid, before in limits.items():
        opened = {int(number) for number in os.listdir(f"/proc/{pid}/fd")}
        free = (number for number in itertools.count() if number not in opened)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (next(itertools.islice(free, spare, None)), before[1]))
    yield
    for pid, before in limits.items():
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def unlabelled(ann):
    return [dataset["counts"]["unlabelled"] for dataset in ann.get("/v1/datasets").json()["items"]]


def next_one(ann, dataset):
    return ann.post("/obtain", json={"dataset_name": dataset})


def tasks(ann, dataset):
    return ann.post(f"/v1/datasets/{dataset}/tasks", json={"count": 3})


def new_image():
    """A path, and bytes that are like no others."""
    number = next(numbers)
    image = Image.new("RGB", (20, 20), (number % 256, number // 256, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    return f"new/{number}.png", out.getvalue()


def put(ann, dataset):
    path, data = new_image()
    return ann.put(f"/v1/datasets/{dataset}/images/{path}", data=data)


def archive(ann, dataset):
    return ann.post(f"/v1/datasets/{dataset}/archive", data=tar(new_image()))


def thumb(ann, dataset):
    return ann.get(f"/v1/datasets/{dataset}/samples/1/thumb")


def size(ann, dataset):
    return ann.post("/size", json={"dataset_name": dataset})


def label(ann, dataset):
    body = {"dataset_name": dataset, "base_dir": ann.get(f"/v1/datasets/{dataset}").json()["base_dir"], "filepath": "image1.png", "label": "cat"}
    return ann.post("/classify", json=body)


def image(ann, dataset):
    return ann.get(f"/images/{dataset}/image1.png")


@pytest.mark.parametrize("program, ask", [("images", put), ("archive", archive), ("samples", thumb), ("size", size), ("access", image), ("gate", size), ("classify", label)])
def test_others_say_so_too(server, program, ask):
    ann = server.session("ann")
    assert ask(ann, "demo").status_code in (200, 201)
    for spare in range(6):
        with no_more_files(server, program, spare):
            statuses = [ask(server.session("ann"), dataset).status_code for dataset in ("demo", "unopened")]
        assert set(statuses) <= {200, 201, 503}, (spare, statuses)
    for dataset in ("demo", "unopened"):
        assert ask(ann, dataset).status_code in (200, 201)


@pytest.mark.parametrize("spare", range(5))
def test_no_dataset_is_left_out_of_the_list(make_server, spare):
    server = make_server()
    server.add_user("ann", role="admin")
    for name in ("cats", "dogs"):
        server.add_dataset(name)
    ann = server.start().session("ann")
    with no_more_files(server, "datasets", spare):
        answer = ann.get("/v1/datasets")
    assert answer.status_code == 503 or [item["name"] for item in answer.json()["items"]] == ["cats", "dogs"]
    assert len(ann.get("/v1/datasets").json()["items"]) == 2


@pytest.mark.parametrize("spare", range(4))
@pytest.mark.parametrize("program, ask", [("obtain", next_one), ("tasks", tasks)])
def test_it_is_503_and_nothing_is_marked(server, program, ask, spare):
    ann = server.session("ann")
    assert ask(ann, "demo").status_code == 200  # its database is open
    lines, before = len(server.program_log(program)), unlabelled(ann)
    with no_more_files(server, program, spare):
        statuses = [ask(server.session("ann"), dataset).status_code for dataset in ("demo", "demo", "unopened", "demo")]
        assert set(statuses) <= {200, 503} and (503 in statuses or spare > 0)
    assert len(server.program_log(program)) - lines <= LINES
    assert ask(ann, "demo").status_code == 200
    assert unlabelled(ann) == before


@pytest.mark.on("fs")
def test_nginx_does_not_say_that_a_public_image_is_not_there(make_collector):
    collector = make_collector().start()
    path, data = new_image()
    assert collector.session("contributor").put(f"/v1/datasets/{DEFAULT}/images/{path}", data=data).status_code == 201
    (key,) = collector.objects()
    anyone = collector.session()
    assert anyone.get(f"/public/{key}").content == data
    with no_more_files(collector, "nginx"):
        assert anyone.get(f"/public/{key}").status_code == 503
    assert anyone.get(f"/public/{key}").content == data


def limit_memory(pid, spare):
    """The process may map nothing more but so many bytes."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/statm", "rb") as statm:
        most = int(statm.read().split()[0]) * resource.getpagesize() + spare
        resource.prlimit(pid, resource.RLIMIT_AS, (most, resource.prlimit(pid, resource.RLIMIT_AS)[1]))


@pytest.mark.skipif(VARIANT != "release", reason="a sanitizer's own allocator ends a program without memory")
def test_without_memory_no_sound_image_is_called_broken(server):
    def send(name):
        files = [("files", (f"{name}{part}.png", picture())) for part in "ab"]
        return server.session("ann").post("/v1/datasets/demo/images", files=files)

    with ThreadPoolExecutor(8) as pool:
        for turn in range(24, 56):
            assert {answer.status_code for answer in pool.map(send, range(8))} == {200}, "there are decoders, which work well"
            for pid in server.processes("decode"):
                limit_memory(pid, turn << 14)
            for answer in pool.map(send, range(24)):
                assert answer.status_code in (200, 503) and "broken" not in answer.text, answer.text
            for pid in server.processes("decode"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
