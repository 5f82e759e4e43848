"""The primary of a MongoDB replica set is killed with SIGKILL in mid-load: each answered label is there, and nobody waits long."""
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pymongo
import pytest
import requests
from harness import Server, draw, until

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "services"))
import services  # noqa: E402

PEOPLE = 8
PICTURES = 10_000  # more than are labelled
LABELS = ["cat", "dog", "cow"]
BEFORE, AFTER = 200, 400  # labels that are answered before the primary is killed, and after
STALL_MAX = 15  # seconds


@pytest.fixture
def mongo():
    with services.mongo(nodes=3) as running:
        yield running


@pytest.fixture
def server(tmp_path, mongo):
    server = Server(tmp_path / "server", env={"MONGODB_CONN_STRING": mongo.uri, "DATABASE_NAME": "failover"})
    for number in range(PEOPLE):
        server.add_user(f"person{number}")
    pictures = [f"{number}.png" for number in range(PICTURES)]
    folder = server.add_dataset("queue", LABELS, pictures)
    picture = draw(folder / "picture.png")
    for name in pictures:
        os.link(picture, folder / name)
    server.start()
    yield server
    server.stop()
    assert not server.sanitizer_reports()


class Load:
    """People who lease and label without a pause; a request that fails is followed by the next, as a script would."""

    def __init__(self, server):
        self.server = server
        self.labels = {}  # id: the label that was answered
        self.given = []  # ids, each time one was leased
        self.failed = []
        self.last = time.monotonic()  # when a label was last answered
        self.stall = 0
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(PEOPLE)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def run(self, number):
        session = self.server.session(f"person{number}")
        while not self.ended.is_set():
            try:
                self.work(session, number)
            except requests.RequestException as failure:
                with self.lock:
                    self.failed.append(repr(failure))

    def work(self, session, number):
        answer = session.post("/v1/datasets/queue/tasks", json={"count": 2})
        answer.raise_for_status()
        for task in answer.json()["tasks"]:
            sample, label = task["sample"]["id"], LABELS[(task["sample"]["id"] + number) % len(LABELS)]
            with self.lock:
                self.given.append(sample)
            answer = session.post(f"/v1/datasets/queue/tasks/{task['token']}/label", json={"label": label})
            answer.raise_for_status()
            with self.lock:
                self.labels[sample] = label
                self.stall = max(self.stall, time.monotonic() - self.last)
                self.last = time.monotonic()

    def reach(self, count):
        until(lambda: len(self.labels) >= count, f"{count} labels; failed: {self.failed[:3]}")


def primary_pid(mongo):
    port = pymongo.MongoClient(mongo.uri).admin.command("hello")["primary"].rpartition(":")[2]
    return mongo.pids[int(port)]


def test_a_killed_primary_loses_no_answered_label_and_stalls_nobody_for_long(server, mongo):
    with Load(server) as load:
        load.reach(BEFORE)
        os.kill(primary_pid(mongo), signal.SIGKILL)
        load.reach(len(load.labels) + AFTER)
    assert load.stall < STALL_MAX, f"nothing was answered for {load.stall:.1f} s"
    print(f"{len(load.labels)} labels, longest stall {load.stall:.1f} s, {len(load.failed)} requests failed")

    database = pymongo.MongoClient(mongo.uri).failover
    stored = {sample["id"]: sample["Label"] for sample in database.images.find({"state": "labelled"})}
    lost = {sample: label for sample, label in load.labels.items() if stored.get(sample) != label}
    assert not lost, f"answered and not stored: {lost}; failed: {load.failed[:5]}"
    assert len(load.given) == len(set(load.given)), "a sample was given twice"

    events = list(database.events.find())
    assert {event["_id"]["sample"] for event in events} == set(stored)
    assert len(events) == len(stored), "a label is in the history twice"
    counts = server.session("person0").get("/v1/datasets/queue").json()["counts"]
    assert (counts["labelled"], counts["unlabelled"]) == (len(stored), PICTURES - len(stored))
