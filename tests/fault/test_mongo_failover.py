"""The primary of a MongoDB replica set is killed with SIGKILL under load: each answered label and upload is
there, and nobody waits long."""
import hashlib
import os
import signal
import time

import pymongo
import pytest
import requests
from collecting import picture, services
from crowd import Crowd
from harness import Server, draw, until
from toll import tried

PEOPLE = 6
SENDERS = 4
COLLECTED = "failover"  # the default dataset
PICTURES = 4_000  # more than are labelled
LABELS = ["cat", "dog", "cow"]
BEFORE, AFTER = 200, 400  # labels that are answered before the primary is killed, and after; half as many uploads
ELECTION_MS = 3000  # after which a silent primary is replaced
STALL_MAX = 15  # seconds: the election, and as long as the server goes on waiting for one


@pytest.fixture
def mongo():
    with services.mongo(nodes=3, election_ms=ELECTION_MS) as running:
        yield running


@pytest.fixture
def server(tmp_path, mongo):
    server = Server(tmp_path / "server", env={"MONGODB_CONN_STRING": mongo.uri, "DATABASE_NAME": COLLECTED})
    for number in range(PEOPLE):
        server.add_user(f"person{number}")
    for number in range(SENDERS):
        server.add_user(f"sender{number}", role="contributor")
    pictures = [f"{number}.png" for number in range(PICTURES)]
    folder = server.add_dataset("queue", LABELS, pictures)
    picture = draw(folder / "picture.png")
    for name in pictures:
        os.link(picture, folder / name)
    server.start()
    yield server
    server.stop()
    assert not server.sanitizer_reports()


class Load(Crowd):
    """People who lease and label, and who upload, without a pause; a request that fails is followed by the next, as a script
    would."""

    def __init__(self, server):
        self.server = server
        self.labels = {}  # id: the label that was answered
        self.given = []  # ids, each time one was leased
        self.uploads = {}  # filepath: the SHA-256 of what was answered "created"
        self.failed = []
        self.last = dict.fromkeys(("label", "upload"), time.monotonic())  # when one was last answered
        self.stall = dict.fromkeys(("label", "upload"), 0)
        work = [(self.label, f"person{number}", number) for number in range(PEOPLE)]
        work += [(self.upload, f"sender{number}", number) for number in range(SENDERS)]
        super().__init__(work)

    def run(self, work, user, number):
        session = self.server.session(user)
        while not self.ended.is_set():
            try:
                work(session, number)
            except requests.RequestException as failure:
                with self.lock:
                    self.failed.append(repr(failure))

    def answered(self, what):
        self.stall[what] = max(self.stall[what], time.monotonic() - self.last[what])
        self.last[what] = time.monotonic()

    def label(self, session, number):
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
                self.answered("label")

    def upload(self, session, _number):
        data = picture()
        digest = hashlib.sha256(data).hexdigest()
        answer = session.put(f"/v1/datasets/{COLLECTED}/images/{digest}.png", data=data)
        answer.raise_for_status()
        with self.lock:
            self.uploads[f"{digest}.png"] = digest
            self.answered("upload")

    def reach(self, labels, uploads):
        until(lambda: len(self.labels) >= labels and len(self.uploads) >= uploads,
              f"{labels} labels and {uploads} uploads; failed: {self.failed[:3]}")


def primary_pid(mongo):
    port = pymongo.MongoClient(mongo.uri).admin.command("hello")["primary"].rpartition(":")[2]
    return mongo.pids[int(port)]


def test_a_killed_primary_loses_nothing_answered_and_stalls_nobody_for_long(server, mongo):
    with Load(server) as load:
        load.reach(BEFORE, BEFORE // 2)
        os.kill(primary_pid(mongo), signal.SIGKILL)
        load.reach(len(load.labels) + AFTER, len(load.uploads) + AFTER // 2)
    print(f"{len(load.labels)} labels, {len(load.uploads)} uploads, {len(load.failed)} requests failed, longest stalls: "
          + ", ".join(f"{what} {seconds:.1f} s" for what, seconds in load.stall.items()))
    for what, seconds in load.stall.items():
        assert seconds < STALL_MAX, f"no {what} was answered for {seconds:.1f} s"
    lost = {**lost_labels(mongo, load), **lost_uploads(mongo, load)}
    tried("MongoDB's primary is killed under load (SIGKILL)", 1, len(lost))
    assert not lost, f"answered and not stored: {lost}; failed: {load.failed[:5]}"
    assert_labels(server, mongo, load)
    assert_uploads(server, mongo, load)


def lost_labels(mongo, load):
    found = pymongo.MongoClient(mongo.uri)[COLLECTED].images.find({"dataset": "queue", "state": "labelled"})
    stored = {sample["id"]: sample["Label"] for sample in found}
    return {sample: label for sample, label in load.labels.items() if stored.get(sample) != label}


def lost_uploads(mongo, load):
    found = pymongo.MongoClient(mongo.uri)[COLLECTED].images.find({"dataset": COLLECTED})
    stored = {document["filepath"]: document["sha256"] for document in found}
    return {filepath: digest for filepath, digest in load.uploads.items() if stored.get(filepath) != digest}


def assert_labels(server, mongo, load):
    database = pymongo.MongoClient(mongo.uri)[COLLECTED]
    stored = {sample["id"] for sample in database.images.find({"dataset": "queue", "state": "labelled"})}
    assert len(load.given) == len(set(load.given)), "a sample was given twice"

    events = list(database.events.find({"_id.dataset": "queue"}))
    assert {event["_id"]["sample"] for event in events} == stored
    assert len(events) == len(stored), "a label is in the history twice"
    counts = server.session("person0").get("/v1/datasets/queue").json()["counts"]
    assert (counts["labelled"], counts["unlabelled"]) == (len(stored), PICTURES - len(stored))


def assert_uploads(server, mongo, load):
    """Each answered one has one document and its bytes; the counts agree with the documents."""
    database = pymongo.MongoClient(mongo.uri)[COLLECTED]
    documents = list(database.images.find({"dataset": COLLECTED}))
    stored = {document["filepath"]: document for document in documents}
    assert len(stored) == len(documents), "an upload is there twice"
    session = server.session("sender0")
    for filepath, digest in load.uploads.items():
        answer = session.get(f"/v1/datasets/{COLLECTED}/samples/{stored[filepath]['id']}/image")
        assert hashlib.sha256(answer.content).hexdigest() == digest == stored[filepath]["sha256"]
    assert session.get(f"/v1/datasets/{COLLECTED}").json()["size"] == len(stored)
