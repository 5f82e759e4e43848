"""Everything of a server lies on one disk, which fills up: 507, nothing answered is lost, nothing is left behind,
and it goes on once there is room."""
import contextlib
import hashlib
import os
import signal
import sqlite3

import pytest
from collecting import DEFAULT, Collector, picture, samples
from disks import fill, small_disk
from harness import until
from toll import tried

DISK_MB = 24
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", DISK_MB) as folder:
        yield folder


@pytest.fixture
def collector(disk):
    collector = Collector(disk / "collector", {})
    collector.add_dataset("animals", labels=["cat", "dog"], samples=400)
    try:
        yield collector.start()
    finally:
        collector.stop()
    assert not collector.sanitizer_reports()


def by_tus(session, name, data):
    made = session.post(f"/v1/datasets/{DEFAULT}/uploads", headers={**TUS, "Upload-Length": str(len(data))})
    if made.status_code != 201:
        return made
    headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return session.patch(made.headers["Location"], data=data, headers=headers)


WAYS = {
    "PUT": lambda session, name, data: session.put(f"/v1/datasets/{DEFAULT}/images/{name}", data=data),
    "form": lambda session, name, data: session.post(f"/v1/datasets/{DEFAULT}/images", files={"files": (name, data)}),
    "single": lambda session, name, data: session.post("/single_upload/", files={"file": (name, data)}),
    "bulk": lambda session, name, data: session.post("/bulk_upload", files={"files": (name, data)}),
    "tus": by_tus,
}
DONE = (200, 201, 204)


def classify(collector, number, label):
    wanted = {"dataset_name": "animals", "base_dir": str(collector.images / "animals"), "filepath": f"image{number}.png", "label": label}
    return collector.session("contributor").post("/classify", json=wanted)


def label_until_full(collector, disk, labelled):
    """SQLite has set room aside in its log; the disk is filled again as that is used."""
    for number in range(len(labelled), 400):
        answer = classify(collector, number, ("cat", "dog")[number % 2])
        if answer.status_code != 200:
            return answer
        assert answer.json() == {"response": True}
        labelled[f"image{number}.png"] = ("cat", "dog")[number % 2]
        fill(disk)
    raise AssertionError("the disk was never full")


@pytest.mark.parametrize("size", [(90, 90), (1000, 1000)], ids=["24 KB", "3 MB"])
def test_a_full_disk_answers_507_loses_nothing_and_goes_on_when_there_is_room(collector, disk, size):
    contributor, labelled = collector.session("contributor"), {}
    kept, refused = {way: picture() for way in WAYS}, {way: picture("BMP", size) for way in WAYS}
    for way, data in kept.items():
        assert WAYS[way](contributor, f"{way}.png", data).status_code in DONE
    for number in range(5):
        assert classify(collector, number, ("cat", "dog")[number % 2]).json() == {"response": True}
        labelled[f"image{number}.png"] = ("cat", "dog")[number % 2]
    before, pids = collector.stored(), collector.programs()

    filler = fill(disk)
    for way, data in refused.items():
        answer = WAYS[way](contributor, f"{way}.bmp", data)
        assert answer.status_code == 507, (way, answer.status_code, answer.text)
        assert answer.json()["message"]
    answer = label_until_full(collector, disk, labelled)
    assert answer.status_code == 507 and answer.json()["message"]
    health = collector.session().get("/healthz")
    assert health.status_code == 503 and "full" in health.json()["message"]

    assert collector.stored() == before
    digests = {sample["sha256"]: sample for sample in samples(contributor)}
    for data in kept.values():
        sample = digests[hashlib.sha256(data).hexdigest()]
        assert contributor.get(f"/v1/datasets/{DEFAULT}/samples/{sample['id']}/image").content == data
    viewer = collector.session("viewer")  # of whom nginx knows nothing yet
    for name in (DEFAULT, "animals"):
        for sample in list(samples(contributor, name))[:3]:
            for address in (sample["image_url"], sample["thumb_url"]):
                assert viewer.get(address).status_code == 200, address
    assert collector.session("guest").get("/images/animals/image0.png").status_code == 404
    told = {sample["filepath"]: sample["label"] for sample in samples(contributor, "animals") if sample["label"]}
    tried("the disk is full", 1, len(labelled.items() - told.items()))
    assert told == labelled, "every answered label, and none that was refused"
    assert not [left for left in collector.leftovers() if "/uploads/" not in left], "a resumable one may go on"

    filler.unlink()
    for way, data in refused.items():
        answer = WAYS[way](contributor, f"{way}.bmp", data)
        assert answer.status_code in DONE, (way, answer.status_code, answer.text)
    assert classify(collector, 399, "cat").json() == {"response": True}
    assert collector.session().get("/healthz").status_code == 200
    assert len(collector.objects()) == len(before[0]) + len(WAYS)
    assert collector.programs() == pids, "it works without a restart"
    for name in (DEFAULT, "animals"):
        with contextlib.closing(sqlite3.connect(collector.databases / f"{name}.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_was_answered_outlives_a_stop_and_a_start_on_a_full_disk(collector, disk):
    contributor, data = collector.session("contributor"), picture()
    assert WAYS["PUT"](contributor, "kept.png", data).status_code == 201
    labelled = {}
    filler = fill(disk)
    assert label_until_full(collector, disk, labelled).status_code == 507
    for pid in (collector.supervisor(), *collector.processes()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    filler.unlink()
    done = collector.command("start")
    assert done.returncode == 0, done.stderr
    contributor = collector.session("contributor")
    (sample,) = samples(contributor)
    assert contributor.get(f"/v1/datasets/{DEFAULT}/samples/{sample['id']}/image").content == data
    assert {sample["filepath"]: sample["label"] for sample in samples(contributor, "animals") if sample["label"]} == labelled


def test_the_supervisor_goes_on_without_room(collector, disk):
    viewer, supervisor, ended = collector.session("viewer"), collector.supervisor(), set(collector.processes("multiwatch"))
    filler, log = fill(disk), collector.state / "log" / "supervisor.log"
    with open(log, "ab") as last_page:
        last_page.write(b"\n" * (-log.stat().st_size % 4096))
    for pid in ended:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(set(collector.processes("multiwatch")) - ended) == len(ended), "the programs to be started again")
    until(lambda: viewer.get("/fetch").status_code == 200, "an answer")
    refused = collector.reload()
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1), refused
    assert viewer.get("/fetch").status_code == 200
    filler.unlink()
    assert collector.reload().returncode == 0
    assert collector.supervisor() == supervisor and viewer.get("/fetch").status_code == 200
