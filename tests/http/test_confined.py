"""What decodes images and what unpacks archives is confined: one that misbehaves, planted in place of the real one, reaches nothing, and ends nothing but itself."""
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import DEFAULT, Collector, picture, samples
from harness import LIBEXEC, kill, until
from PIL import Image
from test_archive import tar

PNG = b"\x89PNG\r\n\x1a\n"
ARCHIVE = f"/v1/datasets/{DEFAULT}/archive"
REFUSED = "-1 Permission denied"
WORKERS = ["image", "archive"]
ENTRY, ENTRIES = 400_000, 50  # limits
SANITIZER = pytest.mark.skipif("asan" in str(LIBEXEC), reason="a sanitizer needs memory, and a place to report to")


@pytest.fixture(scope="module")
def planted(stores, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    shutil.copytree(LIBEXEC, folder / "bin")
    shutil.copytree(LIBEXEC.parent / "lib", folder / "lib", ignore=lambda *_: [name for name in os.listdir(LIBEXEC.parent / "lib") if not name.endswith(".so")])
    shutil.copy(LIBEXEC.parent / "tests/planted/lib/imagelabel-image.so", folder / "lib")
    shutil.copy(LIBEXEC.parent / "tests/planted/bin/unpack", folder / "bin")
    limits = {"archive_entry_bytes": ENTRY, "archive_entries": ENTRIES}
    collector = Collector(tmp_path_factory.mktemp("c") / "collector", stores.environment(), config={"limits": limits})
    collector.env["IMAGE_LABEL_LIBEXEC"] = str(folder / "bin")
    try:
        yield collector.start()
    finally:
        collector.stop()


def send(session, worker, deed, what="\0"):
    """An image or an archive which makes that worker do this."""
    text = f"{deed} {what}".encode() + b"\0"
    if worker == "archive":
        return session.post(ARCHIVE, data=text)
    return session.put(f"/v1/datasets/{DEFAULT}/images/image.png", data=PNG + text)


@pytest.fixture(params=WORKERS)
def does(request, planted):
    """Makes a worker do this; what came of it."""
    contributor = planted.session("contributor")

    def does(deed, what="\0"):
        answer = send(contributor, request.param, deed, what)
        assert answer.status_code == 422, answer.text
        said = answer.json()["detail"]
        assert f"planted: {deed} " in said, said
        return said.split(f"planted: {deed} ")[1].strip()

    does.worker = request.param
    return does


def test_nothing_is_opened(does, planted, tmp_path):
    (tmp_path / "secret").write_text("secret")
    for path in (tmp_path / "secret", planted.config_file, "/etc/passwd", "/usr/bin/env", "/proc/self/environ", "/dev/null", ".", planted.store):
        assert does("open", path) == REFUSED, path
    for path in (tmp_path / "made", planted.state / "log" / "images.log", "/dev/shm/made"):
        assert does("create", path) == REFUSED, path
    assert does("chmod", tmp_path / "secret") == REFUSED
    assert does("unlink", tmp_path / "secret") == REFUSED
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_nothing_is_asked_over_a_network_or_a_socket(does, planted, tmp_path):
    assert does("socket") == REFUSED
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        assert does("connect", tmp_path / "s") == REFUSED
        assert does("connect", planted.state / "sock" / "images.sock") == REFUSED


def test_no_other_process_is_made_or_touched(does, planted):
    before = planted.processes("images") + planted.processes("archive")
    for deed, what in (("execute", "/bin/sh"), ("fork", ""), ("kill", ""), ("trace", ""), ("limit", "")):
        assert does(deed, what) == REFUSED, deed
    assert planted.processes("images") + planted.processes("archive") == before


def test_the_image_stays_as_it_is(does):
    assert does("change", "another image") == REFUSED


def test_what_unpacks_an_archive_cannot_wait_but_for_the_archive(planted):
    """So that its processor time, which is bounded, bounds all of its time."""
    if "asan" not in str(LIBEXEC):
        assert REFUSED in send(planted.session("contributor"), "archive", "sleep").json()["detail"]


@SANITIZER
def test_nothing_is_written_to_the_log(does, planted):
    assert does("log", "a line in the log") == REFUSED
    assert "a line in the log" not in planted.logs()


def test_it_has_no_secret_and_no_other_file(does):
    assert does("secrets") == "0"
    assert does("descriptors") == {"image": "4", "archive": "3"}[does.worker]  # /dev/null twice, its socket, the image


@SANITIZER
def test_its_memory_is_bounded(does):
    assert int(does("allocate")) * 256 <= {"image": 2048 + 16 * os.cpu_count(), "archive": 512}[does.worker]


@pytest.mark.parametrize("deed", ["crash", "exit", "babble"])
def test_an_image_that_ends_its_decoder_is_refused_alone(planted, deed):
    contributor = planted.session("contributor")
    put = lambda name, data: contributor.put(f"/v1/datasets/{DEFAULT}/images/{name}.png", data=data)  # noqa: E731
    before = planted.processes("images")
    with ThreadPoolExecutor(8) as threads:
        well = [threads.submit(put, f"{deed}{n}", picture()) for n in range(16)]
        bad = [threads.submit(put, "bad", PNG + f"{deed} x".encode()) for _ in range(8)]
    for answer in bad:
        assert answer.result().status_code == 422
        assert "its decoder ends each time" in answer.result().json()["detail"]
    assert [answer.result().status_code for answer in well] == [201] * 16
    assert planted.processes("images") == before


def given(name, data, deed, what=""):
    """An archive of an image, and then a deed."""
    return f"{deed} {what}\0{name}\0".encode() + data


@pytest.mark.parametrize("deed", ["crash", "exit", "babble"])
def test_an_archive_that_ends_what_unpacks_it_is_refused_alone(planted, deed):
    """What came before is kept, and others go on."""
    contributor = planted.session("contributor")
    before = planted.processes("archive")
    with ThreadPoolExecutor(8) as threads:
        well = [threads.submit(contributor.post, ARCHIVE, data=given(f"{deed}/{n}.png", picture(), "nothing")) for n in range(8)]
        late = [threads.submit(contributor.post, ARCHIVE, data=given(f"{deed}/late{n}.png", picture(), deed, "x")) for n in range(4)]
        bad = [threads.submit(send, contributor, "archive", deed, "x") for _ in range(4)]
    for answer in bad:
        assert answer.result().status_code == 422
        assert "the archive cannot be unpacked" in answer.result().json()["detail"]
    for number, answer in enumerate(late):
        line, last = map(json.loads, answer.result().text.splitlines())
        assert (answer.result().status_code, line["path"]) == (200, f"{deed}/late{number}.png") and "id" in line
        assert last["summary"]["loaded"] == 1 and "the archive cannot be unpacked" in last["summary"]["error"]
    for answer in well:
        assert json.loads(answer.result().text.splitlines()[-1])["summary"] == {"loaded": 1, "duplicate": 0, "skipped": 0, "failed": 0}
    assert planted.processes("archive") == before
    until(lambda: not planted.processes("unpack"), "no worker is left")


def busy_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[11]) / os.sysconf("SC_CLK_TCK")


def test_what_unpacks_an_archive_never_outlives_the_program_that_waits_for_it(planted):
    with ThreadPoolExecutor(1) as threads:
        endless = threads.submit(send, planted.session("contributor"), "archive", "loop")
        (worker,) = until(lambda: planted.processes("unpack"), "a worker")
        until(lambda: busy_seconds(worker) > 0.2, "it loops")
        kill(planted.processes("archive"))
        until(lambda: not planted.processes("unpack"), "the worker ended, too")
        assert endless.result().status_code == 502
    until(lambda: planted.processes("archive"), "the program is there again")


LIES = {
    "path": ["../../escaped/a.png", "/escaped/a.png", "escaped/../a.png", "escaped//a.png", "./escaped/a.png", "escaped/.hidden/a.png",
             "BACKGROUND_Google/a.png", "escaped/a.png/", "escaped/\udcff.png", "", "a\ncat/a.png"],
    "label": ["dog", "", "../cat"],
    "type": ["text/html", "", "image/jp2"],
    "size": ["-2", str(ENTRY + 1)],
    "kind": ["4", "-1"],
    "target": ["../cat/a.png", "/cat/a.png", ""],
    "endless": ["bytes", "entries"],
    "wants": [""],
    # of each kind too short, too long, or none at all; an image's bytes without an image
    "message": ["3 4", "3 8", "3 4000", "4 16", "2 16", "5 8", "5 200000", "0 131080", "1 8", "99 8"],
}  # fmt: skip


@pytest.mark.parametrize("lie, what", [(lie, what) for lie in LIES for what in LIES[lie]])
def test_what_it_says_of_an_archive_is_not_believed(planted, lie, what):
    contributor = planted.session("contributor")
    data = f"{lie} {what}".encode(errors="surrogateescape") + b"\0"
    answer = contributor.post(ARCHIVE, data=data)
    if lie == "endless" and what == "entries":
        *lines, last = answer.text.splitlines()
        assert len(lines) == ENTRIES
        detail = json.loads(last)["summary"]["error"]
    elif lie == "endless":
        line, last = map(json.loads, answer.text.splitlines())
        assert "what unpacks it answers nonsense" in line["error"]
        detail = last["summary"]["error"]
    else:
        assert answer.status_code == 422
        detail = answer.json()["detail"]
    assert detail == "the archive cannot be unpacked: what unpacks it answers nonsense"
    assert not [path for path in map(str, planted.objects()) if "escaped" in path]


def test_what_unpacks_an_archive_and_takes_none_of_it_keeps_nobody_waiting(planted):
    answer = planted.session("contributor").post(ARCHIVE, data=b"deaf\0" + bytes(4 << 20))
    assert (answer.status_code, answer.json()["detail"]) == (422, "the archive cannot be unpacked: what unpacks it answers nonsense")


def test_an_error_that_has_no_end_is_cut(planted):
    answer = send(planted.session("contributor"), "archive", "unended")
    assert answer.status_code == 422
    assert set(answer.json()["detail"]) == {"x"} and len(answer.json()["detail"]) < 512


def test_no_program_with_secrets_runs_libarchive_on_what_others_send():
    needed = lambda program: subprocess.run(["objdump", "-p", LIBEXEC / program], capture_output=True, text=True, check=True).stdout  # noqa: E731
    assert "libarchive" in needed("unpack") and "libarchive" not in needed("archive")


def test_what_it_says_of_a_thumbnail_is_not_believed(planted):
    contributor = planted.session("contributor")
    made = contributor.put(f"/v1/datasets/{DEFAULT}/images/thumbed.png", data=picture())
    answer = contributor.get(made.json()["thumb_url"])
    assert answer.status_code >= 400 and "<script>" not in answer.text


# --- the real ones


def test_a_decoder_that_was_killed_is_replaced(make_collector):
    """And its image is no worse for that."""
    collector = make_collector().start()
    contributor = collector.session("contributor")
    for name in range(3):
        assert contributor.put(f"/v1/datasets/{DEFAULT}/images/{name}.png", data=picture()).status_code == 201
        (decoder,) = collector.processes("decode")
        kill([decoder])
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(out, "WEBP")
    assert contributor.put(f"/v1/datasets/{DEFAULT}/images/last.webp", data=out.getvalue()).status_code == 201
    assert collector.command("stop").returncode == 0
    until(lambda: not collector.processes("decode"), "no decoder is left")


def entry(path, data):
    """Of a tar that goes on."""
    info = tarfile.TarInfo(path)
    info.size = len(data)
    return info.tobuf() + data + bytes(-len(data) % 512)


def test_an_archive_whose_worker_was_killed_keeps_what_came(make_collector):
    """And its place is free again."""
    collector = make_collector().start()
    contributor = collector.session("contributor")
    killed = []

    def body():
        yield entry("cat/a.png", picture()) + entry("cat/filler.bin", bytes(600_000))
        until(lambda: "cat/a.png" in [sample["filepath"] for sample in samples(collector.session("contributor"))], "the image is stored")
        (worker,) = collector.processes("unpack")
        kill([worker])
        killed.append(worker)
        yield tar(("cat/b.png", picture()), ("cat/filler.bin", bytes(600_000)))

    answer = contributor.post(ARCHIVE, data=body())
    *lines, last = map(json.loads, answer.text.splitlines())
    assert killed and answer.status_code == 200 and lines[0]["path"] == "cat/a.png" and "id" in lines[0]
    assert last["summary"]["error"] == "the archive cannot be unpacked: what unpacks it has ended"
    assert json.loads(contributor.post(ARCHIVE, data=tar(("cat/b.png", picture()))).text.splitlines()[-1])["summary"]["loaded"] == 1
