"""Upload programs are killed with SIGKILL: each answered image is there whole; what was left between bytes and
metadata, and nothing else, is swept once it is old enough."""
import fcntl
import hashlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from collecting import DEFAULT, Collector, picture, samples
from crowd import Crowd
from harness import until
from toll import tried

KILLED = (502, 503, 504)  # what nginx answers when a program ends under it
TUS = {"Tus-Resumable": "1.0.0"}
EACH = 3  # kills of each program
MORE = 12  # uploads that are answered between two kills, by each way


@pytest.fixture
def collector(tmp_path):
    collector = Collector(tmp_path / "collector", {})
    try:
        yield collector.start()
    finally:
        collector.stop()
    assert not collector.sanitizer_reports()


def put(session, name, data):
    return session.put(f"/v1/datasets/{DEFAULT}/images/{name}.png", data=data)


def form(session, name, data):
    return session.post(f"/v1/datasets/{DEFAULT}/images", files={"files": (name, data)})


def single(session, name, data):
    return session.post("/single_upload/", files={"file": (name, data)})


def bulk(session, name, data):
    return session.post("/bulk_upload", files={"files": (name, data)})


def tus(session, _name, data):
    made = session.post(f"/v1/datasets/{DEFAULT}/uploads", headers={**TUS, "Upload-Length": str(len(data))})
    if made.status_code != 201:
        return made
    headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return session.patch(made.headers["Location"], data=data, headers=headers)


WAYS = {"put": (put, "images"), "form": (form, "images"), "single": (single, "single_upload"), "bulk": (bulk, "bulk_upload"),
        "tus": (tus, "uploads")}  # fmt: skip


def kill(collector, program):
    (pid,) = until(lambda: collector.processes(program), f"{program} runs")
    os.kill(pid, signal.SIGKILL)
    until(lambda: collector.processes(program) not in ([], [pid]), f"{program} is started again")


class Load(Crowd):
    """One who uploads by each way without a pause."""

    def __init__(self, collector):
        self.collector = collector
        self.answered = {way: [] for way in WAYS}  # bytes
        self.failures = []
        super().__init__([(way,) for way in WAYS])

    def run(self, way):
        session, send, number = self.collector.session("contributor"), WAYS[way][0], 0
        while not self.ended.is_set():
            data, number = picture(), number + 1
            try:
                answer = send(session, f"{way}-{number}", data)
            except requests.RequestException:
                continue
            if answer.status_code in (200, 201, 204):
                self.answered[way].append(data)
            elif answer.status_code not in KILLED:
                self.failures.append((way, answer.status_code, answer.text))

    def reach_more(self):
        counts = {way: len(done) + MORE for way, done in self.answered.items()}
        until(lambda: self.failures or all(len(self.answered[way]) >= count for way, count in counts.items()), f"uploads: {counts}")


def is_there(viewer, found, data):
    sample = found.get(hashlib.sha256(data).hexdigest())
    return sample and viewer.get(f"/v1/datasets/{DEFAULT}/samples/{sample['id']}/image").content == data


def test_every_answered_image_is_there_whole(collector):
    with Load(collector) as load:
        for _ in range(EACH):
            load.reach_more()
            for program in sorted({program for _, program in WAYS.values()}):
                kill(collector, program)
        load.reach_more()
    assert not load.failures
    viewer = collector.session("viewer")
    found = {}
    for sample in samples(viewer):
        assert sample["sha256"] not in found, "an image is there twice"
        found[sample["sha256"]] = sample
    lost = [way for way, done in load.answered.items() for data in done if not is_there(viewer, found, data)]
    tried("a program is killed while it takes uploads (SIGKILL)", EACH * len({program for _, program in WAYS.values()}), len(lost))
    assert not lost
    for sample in found.values():  # those that were stored and not answered are whole, too
        data = viewer.get(f"/v1/datasets/{DEFAULT}/samples/{sample['id']}/image").content
        assert hashlib.sha256(data).hexdigest() == sample["sha256"]
    assert collector.size() == len(found)
    collector.sweep()
    assert len(collector.objects()) == len(found), "no object is left that no sample has"


@pytest.mark.parametrize("way", ["put", "form", "single", "bulk"])
def test_an_image_without_its_metadata_is_swept_once_it_is_old_enough(collector, way):
    session, (send, program) = collector.session("contributor"), WAYS[way]
    assert send(session, "kept", picture()).status_code in (200, 201)
    before, data = collector.stored(), picture()
    with open(collector.databases / f"{DEFAULT}.db-lock", "rb") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)  # no metadata is written
        upload = pool.submit(send, collector.session("contributor"), "left", data)
        (key,) = until(lambda: collector.objects() - before[0], "the bytes are stored")
        kill(collector, program)
        assert upload.result().status_code in KILLED
    assert (collector.size(), collector.object(key)) == (before[1], data)

    assert collector.reload().returncode == 0
    assert key in collector.objects(), "it is young: it could be under way"
    collector.sweep()
    assert collector.stored() == before
    assert not collector.leftovers()
    assert send(session, "left", data).status_code in (200, 201)
    assert collector.objects() == before[0] | {key}


def test_an_image_that_got_its_metadata_after_all_is_not_swept(collector):
    """The client, unanswered, sent it again before the sweep came by."""
    session, data = collector.session("contributor"), picture()
    assert put(session, "first", picture()).status_code == 201  # opening a dataset takes its lock, too
    before = collector.objects()
    with open(collector.databases / f"{DEFAULT}.db-lock", "rb") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        upload = pool.submit(put, collector.session("contributor"), "a", data)
        (key,) = until(lambda: collector.objects() - before, "the bytes are stored")
        kill(collector, "images")
        assert upload.result().status_code in KILLED
    assert put(session, "a", data).status_code == 201
    collector.sweep()
    assert collector.objects() == before | {key}
    sample = list(samples(session))[-1]
    assert session.get(f"/v1/datasets/{DEFAULT}/samples/{sample['id']}/image").content == data


def test_a_whole_resumable_upload_without_its_sample_becomes_one_when_it_is_asked_for(collector):
    session, data = collector.session("contributor"), picture()
    made = session.post(f"/v1/datasets/{DEFAULT}/uploads", headers={**TUS, "Upload-Length": str(len(data))})
    address = made.headers["Location"]
    headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    with open(collector.databases / f"{DEFAULT}.db-lock", "rb") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        upload = pool.submit(collector.session("contributor").patch, address, data=data, headers=headers)
        until(collector.objects, "the bytes are stored")
        kill(collector, "uploads")
        assert upload.result().status_code in KILLED
    assert session.head(address, headers=TUS).headers["Upload-Offset"] == str(len(data))
    (sample,) = samples(session)
    assert session.get(f"/v1/datasets/{DEFAULT}/samples/{sample['id']}/image").content == data
    collector.sweep()
    assert len(collector.objects()) == 1
