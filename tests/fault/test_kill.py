"""Every process of the stack is killed at random under load: each answered label is there, and start needs no
repair.

FAULT_SEED=N repeats the choices of an earlier run (a failure names its seed); FAULT_ROUNDS=N kills more often.
"""
import os
import random
import sqlite3
import time
from collections import Counter

import pytest
import requests
from crowd import Crowd
from harness import draw, kill, until
from storm import name_of, start_again
from toll import tried as toll

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20"))
SEED = int(os.environ.get("FAULT_SEED", random.randrange(10**6)))
ROUND_LABELS = 60  # labels that are answered between two rounds
PICTURES = 20_000  # more than are labelled in all rounds
LABELS = ["cat", "dog", "cow"]
AFTER_THE_SUPERVISOR = 5  # one round in so many kills the supervisor, and one everything at once


class Load(Crowd):
    """People who label without a pause, each in their own way, and what they were answered."""

    def __init__(self, server):
        self.server = server
        self.acknowledged = {"classify": {}, "queue": {}}  # dataset: filepath → the label that was answered "true"
        self.tried = Counter()  # (dataset, filepath): labels sent, answered or not
        self.at = Counter()  # of each person who classifies: how many pictures were tried
        self.failures = []
        self.lost = Counter()  # requests without an answer, by why
        people = [(self.classify, number) for number in range(3)] + [(self.tasks, 3), (self.tasks, 4), (self.obtain, 5)]
        super().__init__(people)

    def count(self):
        return sum(map(len, self.acknowledged.values()))

    def run(self, work, number):
        chance = random.Random(f"{SEED} {number}")
        while not self.ended.is_set():
            session = self.server.session(f"person{number}")
            try:
                work(session, number, chance)
            except requests.RequestException as failure:  # killed under this request: nobody knows what became of it
                with self.lock:
                    self.lost[type(failure).__name__] += 1
            except Exception as failure:  # noqa: BLE001 - told by the test
                with self.lock:
                    self.failures.append(f"{work.__name__}: {failure!r}")
                return

    def answer(self, session, path, body, **headers):
        """The answer, or an exception for what nginx says while a program is away."""
        answer = session.post(path, json=body, headers=headers)
        if answer.status_code in (502, 503, 504):
            raise requests.RequestException(f"status {answer.status_code}")
        return answer

    def note(self, dataset, filepath, label):
        with self.lock:
            self.acknowledged[dataset][filepath] = label

    def try_(self, dataset, filepath):
        with self.lock:
            self.tried[dataset, filepath] += 1

    def classify(self, session, number, chance):
        """Pictures of one's own, one after the other, whatever became of the one before."""
        while not self.ended.is_set():
            filepath, label = f"{number}-{self.at[number]}.png", chance.choice(LABELS)
            self.at[number] += 1
            body = {"dataset_name": "classify", "base_dir": str(self.server.images / "classify"), "filepath": filepath, "label": label}
            self.try_("classify", filepath)
            answer = self.answer(session, "/classify", body)
            assert (answer.status_code, answer.json()) == (200, {"response": True}), answer.text
            self.note("classify", filepath, label)

    def tasks(self, session, _number, chance):
        """Whatever the queue gives, three at a time."""
        while not self.ended.is_set():
            answer = self.answer(session, "/v1/datasets/queue/tasks", {"count": 3})
            assert answer.status_code in (200, 409), answer.text
            for task in answer.json().get("tasks", []):
                filepath, label = task["sample"]["filepath"], chance.choice(LABELS)
                self.try_("queue", filepath)
                answer = self.answer(session, f"/v1/datasets/queue/tasks/{task['token']}/label", {"label": label})
                assert (answer.status_code, answer.json()["label"]) == (200, label), answer.text
                self.note("queue", filepath, label)

    def obtain(self, session, _number, chance):
        """The next one by /obtain, then its label by /classify."""
        while not self.ended.is_set():
            answer = self.answer(session, "/obtain", {"dataset_name": "queue"}, Accept="application/json")
            assert answer.status_code == 200, answer.text
            told, label = answer.json(), chance.choice(LABELS)
            body = {key: told[key] for key in ("dataset_name", "base_dir", "filepath")}
            self.try_("queue", told["filepath"])
            answer = self.answer(session, "/classify", {**body, "label": label})
            assert answer.json() == {"response": True}, answer.text
            self.note("queue", told["filepath"], label)


def answers(server):
    try:
        return server.session("person7").post("/size", json={"dataset_name": "queue"}).status_code == 200
    except requests.RequestException:
        return False


def strike(server, chance, turn, due):
    """Kills one process, of a kind that is due if any is left, or the supervisor, or all; returns what it was."""
    supervisor = server.supervisor()
    if turn % AFTER_THE_SUPERVISOR == AFTER_THE_SUPERVISOR - 1:
        kill([supervisor])
        start_again(server)
        return "supervisor"
    if turn % AFTER_THE_SUPERVISOR == AFTER_THE_SUPERVISOR - 2:
        server.kill()
        start_again(server)
        return "everything"
    kinds = {name_of(pid): [] for pid in server.processes() if pid != supervisor}
    for pid in server.processes():
        kinds.get(name_of(pid), []).append(pid)
    waiting = [name for name in due if kinds.get(name)]
    busy = [name for name in ("classify", "obtain", "tasks") if name in kinds]
    kind = chance.choice(waiting or busy * 4 + [name for name in kinds if name])
    if kind in due:
        due.remove(kind)
    kill([chance.choice(kinds[kind])])
    return kind


def check_database(path, acknowledged, tried):
    """The acknowledged labels that are lost; the file is whole, and what is kept of it (counts, queue) is right."""
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    stored = dict(database.execute("SELECT filepath, label FROM samples"))
    lost = {filepath: label for filepath, label in acknowledged.items()
            if not stored[filepath] or tried[filepath] == 1 and stored[filepath] != label}
    unasked = [filepath for filepath, label in stored.items() if label and not tried[filepath]]
    assert not unasked, f"labels that nobody gave: {unasked[:5]}"

    rows = database.execute("SELECT state, label, COUNT(*) FROM samples GROUP BY state, label").fetchall()
    kept = {(kind, name): n for kind, name, n in database.execute("SELECT kind, name, n FROM counts") if n}
    counted = Counter()
    for state, label, n in rows:
        counted["size", ""] += n
        counted["state", str(state)] += n
        if label:
            counted["label", label] += n
    assert {(kind, str(name)): n for (kind, name), n in kept.items()} == dict(counted)
    assert database.execute("SELECT COUNT(*) FROM samples WHERE (state = 0) <> (label = '')").fetchone() == (0,)
    events = database.execute("SELECT sample, label FROM events ORDER BY sample, n").fetchall()
    last = {sample: label for sample, label in events}
    assert last == dict(database.execute("SELECT id, label FROM samples WHERE label <> ''"))
    database.close()
    return lost, len(events)


@pytest.fixture
def loaded(server):
    """Two datasets: one that is classified by name, and one whose pictures (one file under many names) are given out."""
    pictures = server.images / "queue"
    first = draw(pictures / "0.png")
    for number in range(1, PICTURES // 4):
        os.link(first, pictures / f"{number}.png")
    server.add_dataset("queue", labels=LABELS, samples=[f"{number}.png" for number in range(PICTURES // 4)])
    names = [f"{person}-{number}.png" for person in range(3) for number in range(PICTURES // 3)]
    server.add_dataset("classify", labels=LABELS, samples=names)
    return server.start()


def test_no_answered_label_is_lost_whatever_is_killed(loaded):
    server, chance = loaded, random.Random(SEED)
    print(f"FAULT_SEED={SEED}")
    begun, struck, due = time.monotonic(), Counter(), ["nginx master", "nginx worker", "multiwatch", "classify", "obtain", "tasks"]
    with Load(server) as load:
        for turn in range(ROUNDS):
            before = load.count()
            until(lambda: load.failures or load.count() >= before + ROUND_LABELS, f"{ROUND_LABELS} more labels (FAULT_SEED={SEED})")
            assert not load.failures, load.failures
            struck[strike(server, chance, turn, due)] += 1
            until(lambda: answers(server), f"an answer after round {turn} of {dict(struck)} (FAULT_SEED={SEED})")
        server.kill()
    assert not load.failures, load.failures
    start_again(server)
    assert "was replaced" not in "".join(log.read_text() for log in (server.state / "log").glob("*.log"))
    lost, events = {}, 0
    for dataset, acknowledged in load.acknowledged.items():
        tried = Counter({filepath: n for (name, filepath), n in load.tried.items() if name == dataset})
        missing, happened = check_database(server.databases / f"{dataset}.db", acknowledged, tried)
        lost |= missing
        events += happened
        counts = server.session("person0").get(f"/v1/datasets/{dataset}").json()["counts"]
        assert counts["labelled"] >= len(acknowledged)
    toll("a process is killed while people label (SIGKILL)", sum(struck.values()), len(lost))
    assert not lost, f"{len(lost)} of {load.count()} acknowledged labels are lost: {list(lost.items())[:5]}"
    assert not due or ROUNDS < 20, f"never killed: {due}"
    print(f"{load.count()} labels acknowledged ({events} events), {sum(load.lost.values())} requests lost,"
          f" killed {dict(struck)} in {time.monotonic() - begun:.0f} s")
    assert load.count() >= ROUNDS * ROUND_LABELS
