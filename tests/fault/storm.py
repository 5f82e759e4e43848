"""All ways to work on a server at once, while its processes are killed, and what must hold afterwards: whatever was
acknowledged is there, no two people held one sample at a time, and image-label-check finds nothing.

What became of a request that was not answered is not known. Each way works on samples of its own, and leaves a sample alone
for long once that is so, so that of every sample either one label can be there, or two.
"""
import hashlib
import json
import os
import random
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import requests
import urllib3
from collecting import DEFAULT, Collector, picture, samples
from crowd import Crowd
from harness import PLAIN, SCRIPTS, draw, kill, until
from toll import tried

LABELS = ["cat", "dog", "cow"]
WAYS = {"classify", "label", "undo", "bulk", "tasks", "obtain", "put", "single", "form", "tus"}
TUS = {"Tus-Resumable": "1.0.0"}
DOWN = (502, 503, 504)  # what nginx says while a program is away, and programs while a store is
MANY = 20  # samples of one bulk label
TIMES = 10  # that a sample of one's own is worked on
PAUSE = 0.02  # seconds, of one who was not heard or not answered
SAID = 500  # kills, after which a run that takes long says how far it has come
FETCHED = 2_000  # images whose bytes are fetched at the end; check looks at all
ANNOTATORS, CONTRIBUTORS = 6, 4


class Unknown(Exception):
    """Not answered: it may have been done, or not."""


class Storm(Crowd):
    """People who lease, label, correct, undo and upload without a pause, each in their own way."""

    down = DOWN

    def __init__(self, server, size, seed):
        self.server, self.size, self.seed = server, size, seed
        self.may_be = {}  # (dataset, id): the labels that it may have; of all that were ever tried
        self.together = set()  # ids that were labelled in one request: all or none
        self.at = [0, 0, 0]  # of each part of the dataset own: which sample is next
        self.labelled = {f"annotator{n}": [] for n in range(ANNOTATORS)}  # ids of queue
        self.held, self.doubled = {}, []  # id of queue: who was given it and has not begun to label it
        self.uploads = {}  # SHA-256: the bytes that were acknowledged
        self.done, self.unknown, self.failures = Counter(), Counter(), []
        self.said = Counter()  # what those were told who were refused
        labelling, uploading = self.ways()
        super().__init__([(way, f"annotator{n}", n) for n, way in enumerate(labelling)]
                         + [(way, f"contributor{n}", n) for n, way in enumerate(uploading)])

    def ways(self):
        return [self.classify, self.correct, self.bulk, self.tasks, self.tasks, self.obtain], [self.put, self.form, self.tus, self.single]

    def acknowledged(self):
        return sum(self.done.values())

    def run(self, way, user, number):
        chance = random.Random(f"{self.seed} {number}")
        session = self.server.session(user)
        steps = way(session, user, chance)
        while not self.ended.is_set():
            try:
                next(steps)
            except (requests.RequestException, Unknown) as failure:
                with self.lock:
                    self.unknown[type(failure).__name__] += 1
                    if isinstance(failure, Unknown):
                        self.said[str(failure)] += 1
                steps = way(session, user, chance)
                self.ended.wait(PAUSE)
            except Exception as failure:  # noqa: BLE001 - told by the test
                self.failures.append(f"{way.__name__}: {failure!r}")
                return

    def ask(self, session, method, path, **options):
        """An answer; one that nobody hears waits until somebody does."""
        while True:
            try:
                answer = session.request(method, path, **options)
                break
            except requests.ConnectionError as failure:
                refused = getattr(failure.args[0], "reason", None)
                if not isinstance(refused, urllib3.exceptions.NewConnectionError) or self.ended.wait(PAUSE):
                    raise
        if answer.status_code in self.down:
            raise Unknown(f"{answer.status_code}: {answer.text[:200]}")
        return answer

    def try_label(self, dataset, ids, label):
        with self.lock:
            for id_ in ids:
                self.may_be.setdefault((dataset, id_), {""}).add(label)

    def note_label(self, dataset, ids, label, what):
        with self.lock:
            for id_ in ids:
                self.may_be[dataset, id_] = {label}
            self.done[what] += 1

    def fresh(self, part, number=1):
        """So many samples of the dataset own that nobody else works on, and the longest ago of these; part of three."""
        most = self.size // 3 // number * number
        at, self.at[part] = self.at[part], (self.at[part] + number) % most
        return [self.size // 3 * part + at + more for more in range(number)]

    def classify(self, session, _user, chance):
        """By the older system's requests."""
        while True:
            (id_,) = self.fresh(0)
            for _ in range(TIMES):
                label = chance.choice(LABELS)
                self.try_label("own", [id_], label)
                body = {"dataset_name": "own", "base_dir": str(self.server.images / "own"), "filepath": f"{id_}.png", "label": label}
                answer = self.ask(session, "POST", "/classify", json=body)
                assert (answer.status_code, answer.json()) == (200, {"response": True}), answer.text
                self.note_label("own", [id_], label, "classify")
                yield

    def correct(self, session, _user, chance):
        """A label, another one, and that one taken back."""
        while True:
            (id_,) = self.fresh(1)
            first, second = chance.sample(LABELS, 2)
            for what, label in (("label", first), *[("label", second), ("undo", first)] * TIMES):
                self.try_label("own", [id_], label)
                body = {"label": label} if what == "label" else {}
                answer = self.ask(session, "POST", f"/v1/datasets/own/samples/{id_}/{what}", json=body)
                assert (answer.status_code, answer.json()["label"]) == (200, label), answer.text
                self.note_label("own", [id_], label, what)
                yield

    def bulk(self, session, _user, chance):
        """Many at once, all or none."""
        while True:
            ids = self.fresh(2, MANY)
            self.together.add(tuple(ids))
            for _ in range(TIMES):
                self.label_all(session, "own", ids, chance.choice(LABELS))
                yield

    def label_all(self, session, dataset, ids, label):
        self.try_label(dataset, ids, label)
        answer = self.ask(session, "POST", f"/v1/datasets/{dataset}/samples/label", json={"ids": ids, "label": label})
        assert answer.status_code == 200, answer.text
        self.note_label(dataset, ids, label, "bulk")

    def clear(self, session, user):
        """When the queue is empty: takes away what this user has labelled, so that it is given out again."""
        with self.lock:
            ids, self.labelled[user] = self.labelled[user], []
        for at in range(0, len(ids), 1000):
            self.label_all(session, "queue", ids[at : at + 1000], "")

    def take(self, ids, user):
        """Notes whom samples were given; whoever has one already may not be given it, nor may another."""
        with self.lock:
            for id_ in ids:
                if id_ in self.held:
                    self.doubled.append((id_, self.held[id_], user))
                self.held[id_] = user

    def let_go(self, id_):
        with self.lock:
            self.held.pop(id_, None)

    def tasks(self, session, user, chance):
        while True:
            answer = self.ask(session, "POST", "/v1/datasets/queue/tasks", json={"count": 3})
            if answer.status_code == 204:
                self.clear(session, user)
                yield
                continue
            assert answer.status_code == 200, answer.text
            given = answer.json()["tasks"]
            self.take([task["sample"]["id"] for task in given], user)
            try:
                for task in given:
                    id_, label = task["sample"]["id"], chance.choice(LABELS)
                    self.try_label("queue", [id_], label)
                    self.let_go(id_)
                    answer = self.ask(session, "POST", f"/v1/datasets/queue/tasks/{task['token']}/label", json={"label": label})
                    assert (answer.status_code, answer.json()["label"]) == (200, label), answer.text
                    self.note_label("queue", [id_], label, "tasks")
                    self.labelled[user].append(id_)
                    yield
            finally:  # those that are left stay leased to this user, who has forgotten them
                for task in given:
                    self.let_go(task["sample"]["id"])

    def obtain(self, session, user, chance):
        """The next one by /obtain, which the same user gets again until it has a label, then its label by /classify."""
        while True:
            answer = self.ask(session, "POST", "/obtain", json={"dataset_name": "queue"}, headers={"Accept": "application/json"})
            if answer.status_code == 404:
                self.clear(session, user)
                yield
                continue
            assert answer.status_code == 200, answer.text
            told, label = answer.json(), chance.choice(LABELS)
            self.take([told["id"]], user)
            self.try_label("queue", [told["id"]], label)
            self.let_go(told["id"])
            body = {key: told[key] for key in ("dataset_name", "base_dir", "filepath")}
            answer = self.ask(session, "POST", "/classify", json={**body, "label": label})
            assert answer.json() == {"response": True}, answer.text
            self.note_label("queue", [told["id"]], label, "obtain")
            self.labelled[user].append(told["id"])
            yield

    def sent(self, data, answer, what, statuses=(200, 201)):
        assert answer.status_code in statuses, (what, answer.status_code, answer.text)
        with self.lock:
            self.uploads[hashlib.sha256(data).hexdigest()] = data
            self.done[what] += 1

    def put(self, session, _user, _chance):
        while True:
            data = picture()
            self.sent(data, self.ask(session, "PUT", f"/v1/datasets/{DEFAULT}/images/{hashlib.sha256(data).hexdigest()}.png", data=data), "put")
            yield

    def single(self, session, _user, _chance):
        while True:
            data = picture()
            self.sent(data, self.ask(session, "POST", "/single_upload/", files={"file": ("a.png", data)}), "single")
            yield

    def form(self, session, _user, _chance):
        while True:
            both = [picture(), picture()]
            answer = self.ask(session, "POST", "/bulk_upload", files=[("files", ("a.png", data)) for data in both])
            assert answer.status_code == 200 and len(answer.json()["uploaded"]) == 2, answer.text
            for data, one in zip(both, answer.json()["uploaded"]):
                if "error" in one:
                    raise Unknown(one["error"])
                self.sent(data, answer, "form")
            yield

    def tus(self, session, _user, _chance):
        while True:
            data = picture()
            made = self.ask(session, "POST", f"/v1/datasets/{DEFAULT}/uploads", headers={**TUS, "Upload-Length": str(len(data))})
            assert made.status_code == 201, made.text
            at = len(data) // 2
            for offset, part in ((0, data[:at]), (at, data[at:])):
                headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
                answer = self.ask(session, "PATCH", made.headers["Location"], data=part, headers=headers)
                assert answer.status_code == 204, answer.text
            self.sent(data, answer, "tus", (204,))
            yield


def make_server(folder, variables, size):
    """A collector with datasets of so many samples: own, and queue."""
    server = Collector(folder, variables)
    for number in range(ANNOTATORS):
        server.add_user(f"annotator{number}", role="annotator")
    for number in range(CONTRIBUTORS):
        server.add_user(f"contributor{number}", role="contributor")
    for name in ("own", "queue"):
        names = [f"{number}.png" for number in range(size)]
        folder = server.add_dataset(name, LABELS, names)
        for number in range(0, size, 10_000):  # a file system lets a file have so many names
            first = draw(folder / names[number])
            for other in names[number + 1 : number + 10_000]:
                os.link(first, folder / other)
    return server


def name_of(pid):
    """The program's name; of nginx also whether it is its master or a worker."""
    try:
        name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
        if name != "nginx":
            return name
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            return "nginx master" if b"master" in command.read() else "nginx worker"
    except OSError:
        return ""


def start_again(server):
    """As a person would; what was killed is no reason to say anything but that it runs as root."""
    done = server.command("start")
    assert done.returncode == 0, f"{done.stderr}\n{server.logs()}"
    assert [line for line in done.stderr.splitlines() if "running as root" not in line] == []


BUSY = ["classify", "obtain", "tasks", "samples", "images", "uploads", "single_upload", "bulk_upload", "decode"]


class Killer:
    """Kills a process after the other: mostly one of a program's; of `whole` kills one is of the supervisor, one of everything,
    and one each of what `services` names ({name: a function that kills it and starts it again})."""

    def __init__(self, server, chance, whole=200, services=None):
        self.server, self.chance, self.whole, self.services = server, chance, whole, services or {}
        self.struck = Counter()

    def strike(self):
        turn = sum(self.struck.values())
        self.struck[self.strike_at(turn)] += 1

    def strike_at(self, turn):
        supervisor = self.server.supervisor()
        for number, (name, strike) in enumerate(self.services.items()):
            if turn % self.whole == number:
                strike()
                return name
        if turn % self.whole == self.whole - 1:
            self.server.kill()
            start_again(self.server)
            return "everything"
        if turn % self.whole == self.whole // 2 - 1:
            kill([supervisor])
            start_again(self.server)
            return "supervisor"
        while True:
            kinds = {}
            for pid in self.server.processes():
                if pid != supervisor and (name := name_of(pid)):
                    kinds.setdefault(name, []).append(pid)
            if kinds:
                kind = self.chance.choice([*kinds, *([name for name in BUSY if name in kinds] * 4)])
                kill([self.chance.choice(kinds[kind])])
                return kind


def rage(storm, killer, rounds, between):
    """Kills so many times, each after as many acknowledged requests as `between`."""
    for turn in range(rounds):
        before = storm.acknowledged()
        until(lambda: storm.failures or storm.acknowledged() >= before + between,
              f"{between} more that are acknowledged after {turn} kills, {dict(killer.struck)} (FAULT_SEED={storm.seed})")
        assert not storm.failures, (storm.failures, f"FAULT_SEED={storm.seed}")
        killer.strike()
        if turn % SAID == SAID - 1:
            print(f"{turn + 1} kills, {storm.acknowledged()} requests acknowledged", flush=True)


def lost(storm):
    """What was acknowledged and is not there, or is wrong, a text each."""
    found, session = [], storm.server.session("admin")
    label = {}
    for dataset in ("own", "queue"):
        for sample in samples(session, dataset, limit=1000):
            label[dataset, sample["id"]] = sample["label"]
    for key, labels in storm.may_be.items():
        if label[key] not in labels:
            found.append(f"sample {key} has the label '{label[key]}', not {labels}")
    found += [f"{key} has the label {given}, which nobody gave" for key, given in label.items() if given and key not in storm.may_be]
    for ids in storm.together:
        if len({label["own", id_] for id_ in ids}) != 1:
            found.append(f"of {ids}, which were labelled in one request, only some were")
    found += [f"sample {id_} of {first} was given to {second}, too" for id_, first, second in storm.doubled]

    ids = {sample["sha256"]: sample["id"] for sample in samples(session, limit=1000)}
    found += [f"the image {digest} is not there" for digest in storm.uploads if digest not in ids]

    def check(digest):
        answer = storm.server.session("viewer").get(f"/v1/datasets/{DEFAULT}/samples/{ids[digest]}/image")
        return [] if answer.content == storm.uploads[digest] else [f"the image {digest} is answered as {answer.status_code}"]

    stored = [digest for digest in storm.uploads if digest in ids]
    with ThreadPoolExecutor(4) as pool:
        for wrong in pool.map(check, random.sample(stored, min(FETCHED, len(stored)))):
            found += wrong
    return found


def check_finds_nothing(server):
    words = [str(SCRIPTS / "image-label-check"), "--config", str(server.config_file), "--state", str(server.state), "--json", "--thorough"]
    done = subprocess.run(words, env={**PLAIN, **server.variables}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    findings = {kind: one for kind, one in json.loads(done.stdout)["findings"].items() if one["found"]}
    assert not findings, findings


def one_of_each(server):
    """Whether each program runs once, without one that was left over."""
    running = Counter(name_of(pid) for pid in server.processes())
    return all(running[path.name[:-5]] == 1 for path in (server.state / "sock").glob("*.sock")) and running["nginx master"] == 1


def weather(server, size, rounds, fault, seed, between=8, **options):
    """Starts the server, lets people work on it while it is killed so many times, each time after as many acknowledged requests
    as `between`, and looks whether all of them are there."""
    chance = random.Random(seed)
    killer, storm = Killer(server, chance, **options), Storm(server, size, seed)
    with storm:
        rage(storm, killer, rounds, between)
        until(lambda: storm.failures or one_of_each(server), "each program runs once")
        server.kill()
    assert not storm.failures, (storm.failures, f"FAULT_SEED={seed}")
    start_again(server)
    wrong = lost(storm)
    print(f"FAULT_SEED={seed}: {storm.acknowledged()} acknowledged {dict(storm.done)}, {sum(storm.unknown.values())} without an answer,"
          f" killed {dict(killer.struck)}")
    tried(fault, sum(killer.struck.values()) + 1, len(wrong))
    assert not wrong, (len(wrong), wrong[:10], f"FAULT_SEED={seed}")
    check_finds_nothing(server)
    assert set(storm.done) == WAYS, storm.done
    return storm, killer
