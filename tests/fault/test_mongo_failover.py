"""The primary of a MongoDB replica set is killed, stepped down or frozen under load: each answered label and upload is
there, and nobody waits long."""
import contextlib
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
FROZEN_STALL_MAX = 30  # and until a connection that is open and silent is given up


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

    def __init__(self, server, people=PEOPLE, senders=SENDERS):
        self.server = server
        self.labels = {}  # id: the label that was answered
        self.given = []  # ids, each time one was leased
        self.uploads = {}  # filepath: the SHA-256 of what was answered "created"
        self.failed = []
        self.last = dict.fromkeys(("label", "upload"), time.monotonic())  # when one was last answered
        self.stall = dict.fromkeys(("label", "upload"), 0)
        work = [(self.label, f"person{number}", number) for number in range(people)]
        work += [(self.upload, f"sender{number}", number) for number in range(senders)]
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


def primary(mongo):
    """Its port; while it does not answer, the others tell."""
    with pymongo.MongoClient(mongo.uri) as client:
        client.admin.command("ping", read_preference=pymongo.ReadPreference.PRIMARY)
        return client.primary[1]


@contextlib.contextmanager
def killed(mongo):
    port = primary(mongo)
    os.kill(mongo.pids[port], signal.SIGKILL)
    yield
    services.restart_mongod(mongo, port)


@contextlib.contextmanager
def stepped_down(mongo):
    with pymongo.MongoClient("127.0.0.1", primary(mongo), directConnection=True) as client:
        client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)
    yield


@contextlib.contextmanager
def frozen(mongo):
    """It goes on where it was once others have another primary, and finds itself replaced."""
    pid = mongo.pids[primary(mongo)]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_killed_primary_loses_nothing_answered_and_stalls_nobody_for_long(server, mongo):
    assert_outlived(server, mongo, killed, "is killed (SIGKILL)")


def assert_outlived(server, mongo, fault, name, stall_max=STALL_MAX):
    with Load(server) as load:
        load.reach(BEFORE, BEFORE // 2)
        with fault(mongo):
            load.reach(len(load.labels) + AFTER, len(load.uploads) + AFTER // 2)
        load.reach(len(load.labels) + BEFORE, len(load.uploads) + BEFORE // 2)
    print(f"{len(load.labels)} labels, {len(load.uploads)} uploads, {len(load.failed)} requests failed, longest stalls: "
          + ", ".join(f"{what} {seconds:.1f} s" for what, seconds in load.stall.items()))
    for what, seconds in load.stall.items():
        assert seconds < stall_max, f"no {what} was answered for {seconds:.1f} s"
    lost = {**lost_labels(mongo, load), **lost_uploads(mongo, load)}
    tried(f"MongoDB's primary {name} under load", 1, len(lost) + len(load.given) - len(set(load.given)))
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
