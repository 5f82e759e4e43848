"""Descriptors, or memory, that run out at random in a server's programs, and people who work on it and look at it meanwhile: what
cannot be done is told as what it is, never as "not there", "broken" or "nothing", and all goes on once there is enough again."""
import contextlib
import hashlib
import itertools
import mmap
import os
import random
import resource
import struct
import threading
from collections import Counter

import pytest
import requests
from collecting import DEFAULT, picture
from harness import LIBEXEC, VARIANT, until
from storm import BUSY, LABELS, WAYS, Storm, Unknown, check_finds_nothing, lost, make_server, name_of, one_of_each, rage, start_again
from test_archive import tar
from toll import tried

LIBRARY = LIBEXEC.parent / "tests" / "fault" / "scarce_memory.so"
LOOKS = {"size", "datasets", "samples", "sample", "labels", "me", "image", "thumb", "by_id", "export", "uploaded", "follow"}
REFUSALS = 4  # after which there is enough again, or after so many acknowledged requests
HELD = 12
PAGE = 50
LIES = ("broken", "truncated", "no image", "not an image", "not found", "damaged")  # what is said of bytes and things that are well


class ScarceStorm(Storm):
    """Some also look, and know what there is to be seen, or upload archives."""

    down = (500, 502, 503, 504)  # nginx's own answer is 500 where it can open nothing

    def __init__(self, server, size, seed):
        super().__init__(server, size, seed)
        self.drawn = (server.images / "own" / "0.png").read_bytes()
        self.ids = {}  # of images that were uploaded one by one, by SHA-256
        for way, user in ((self.look, "viewer"), (self.look, "annotator0"), (self.follow, "annotator1"), (self.pack, "contributor0")):
            self.threads.append(threading.Thread(target=self.run, args=(way, user, len(self.threads))))

    def ask(self, session, method, path, **options):
        try:
            return super().ask(session, method, path, **options)
        except requests.Timeout as failure:
            raise AssertionError(f"{method} {path} waits for good") from failure

    def clear(self, session, user):
        given = sum(dataset == "queue" for dataset, _ in self.may_be)
        assert given > self.size // 2, f"the queue is said to be empty after {given} of {self.size}"
        super().clear(session, user)

    def seen(self, what, answer, right):
        assert right, (what, answer.status_code, answer.text[:300])
        with self.lock:
            self.done[what] += 1

    def sent(self, data, answer, what, statuses=(200, 201)):
        super().sent(data, answer, what, statuses)
        if what in ("put", "single"):
            self.ids[answer.json()["id"]] = data

    def pack(self, session, _user, _chance):
        while True:
            both = {f"{hashlib.sha256(data).hexdigest()}.png": data for data in (picture(), picture())}
            answer = self.ask(session, "POST", f"/v1/datasets/{DEFAULT}/archive", data=tar(*both.items()))
            assert answer.status_code == 200, answer.text
            for line in map(requests.compat.json.loads, answer.text.splitlines()):
                if "error" in line:
                    raise Unknown(line["error"])
                if "summary" not in line:
                    assert "id" in line, line
                    self.sent(both[line["path"].rpartition("/")[2]], answer, "pack")
            yield

    def follow(self, session, _user, _chance):
        """The feed of own, by its cursors: each change once."""
        path, seen, after = "/v1/datasets/own/changes", set(), ""
        while True:
            answer = self.ask(session, "GET", path, params={"after": after} if after else {})
            page = answer.json() if answer.status_code == 200 else {"items": [], "next": ""}
            events = [(item["id"], item["at"], item["label"]) for item in page["items"]]
            self.seen("follow", answer, answer.status_code == 200 and not seen.intersection(events))
            seen.update(events)
            after = page["next"] or after
            yield

    def look(self, session, user, chance):
        own, after, at = "/v1/datasets/own", None, 0
        while True:
            id_ = chance.randrange(self.size)
            answer = self.ask(session, "POST", "/size", json={"dataset_name": "own"})
            self.seen("size", answer, answer.status_code == 200 and answer.json()["size"] == self.size)
            answer = self.ask(session, "GET", "/v1/datasets")
            sizes = {item["name"]: item["size"] for item in answer.json()["items"]} if answer.status_code == 200 else {}
            self.seen("datasets", answer, sizes.get("own") == sizes.get("queue") == self.size and DEFAULT in sizes)
            yield
            answer = self.ask(session, "GET", f"{own}/samples", params={"limit": PAGE, **({"after": after} if after else {})})
            listed = [item["filepath"] for item in answer.json()["items"]] if answer.status_code == 200 else []
            self.seen("samples", answer, listed == [f"{number}.png" for number in range(at, at + PAGE)])
            at = (at + PAGE) % self.size
            after = at and answer.json()["next"]
            answer = self.ask(session, "GET", f"{own}/samples/{id_}")
            self.seen("sample", answer, answer.status_code == 200 and answer.json()["filepath"] == f"{id_}.png")
            answer = self.ask(session, "GET", f"{own}/labels")
            self.seen("labels", answer, answer.status_code == 200 and [item["name"] for item in answer.json()["items"]] == LABELS)
            yield
            answer = self.ask(session, "GET", "/v1/me")
            self.seen("me", answer, answer.status_code == 200 and answer.json()["user"] == user)
            answer = self.ask(session, "GET", f"/images/own/{id_}.png")
            self.seen("image", answer, answer.status_code == 200 and answer.content == self.drawn)
            answer = self.ask(session, "GET", f"{own}/samples/{id_}/thumb")
            self.seen("thumb", answer, answer.status_code == 200 and answer.headers["Content-Type"].startswith("image/"))
            yield
            answer = self.ask(session, "POST", "/obtain", json={"dataset_name": "own", "id": id_})
            self.seen("by_id", answer, answer.status_code == 200 and answer.content == self.drawn)
            answer = self.ask(session, "GET", f"{own}/export?format=csv")
            self.seen("export", answer, answer.status_code == 200 and len(answer.text.splitlines()) == self.size + 1)
            for id_ in chance.sample(list(self.ids), min(1, len(self.ids))):
                answer = self.ask(session, "GET", f"/v1/datasets/{DEFAULT}/samples/{id_}/image")
                self.seen("uploaded", answer, answer.status_code == 200 and answer.content == self.ids[id_])
            yield


class Scarcity:
    """Makes something scarce, again and again, in a program or in all of them, until some were refused what they asked for."""

    environment = {}

    def __init__(self, _file, chance):
        self.chance = chance
        self.struck = Counter()

    def join(self, server, storm):
        self.server, self.storm = server, storm

    def strike(self):
        self.struck[self.make_scarce()] += 1
        refused, done = sum(self.storm.unknown.values()), self.storm.acknowledged()
        until(lambda: self.storm.failures or not self.is_served() or self.is_enough()
              and (sum(self.storm.unknown.values()) >= refused + REFUSALS or self.storm.acknowledged() >= done + HELD),
              f"somebody is refused or served, {dict(self.struck)}")
        self.mend()

    def is_enough(self):
        return True

    def is_served(self):
        return True

    def choose(self):
        """(what, the processes): of a program, or all."""
        kinds = {"supervisor": [self.server.supervisor()]}
        for pid in self.server.processes():
            kinds.setdefault(name_of(pid), []).append(pid)
        kinds.pop("", None)
        if self.chance.random() < 0.3:
            return "all", list(itertools.chain(*kinds.values()))
        kind = self.chance.choice([*kinds, *([name for name in BUSY if name in kinds] * 2)])
        return kind, kinds[kind]


def free_numbers(pid):
    opened = {int(number) for number in os.listdir(f"/proc/{pid}/fd")}
    return (number for number in itertools.count() if number not in opened)


class Descriptors(Scarcity):
    """Processes may open nothing more but a few files, by RLIMIT_NOFILE."""

    def join(self, server, storm):
        super().join(server, storm)
        self.enough = resource.prlimit(server.supervisor(), resource.RLIMIT_NOFILE)[0]

    def limit(self, pid, most):
        try:
            hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(most, hard), hard))
        except (ProcessLookupError, FileNotFoundError):
            pass

    def make_scarce(self):
        what, pids = self.choose()
        spare = self.chance.randrange(7)
        for pid in pids:
            try:
                self.limit(pid, next(itertools.islice(free_numbers(pid), spare, None)))
            except FileNotFoundError:  # it has ended
                pass
        return what

    def mend(self):
        """What was started meanwhile inherited it."""

        def processes():
            return [self.server.supervisor(), *self.server.processes()]

        def is_mended():
            pids = processes()
            for pid in pids:
                self.limit(pid, self.enough)
            return set(pids) == set(processes())

        until(is_mended, "no process is started any more that inherits it")


class Memory(Scarcity):
    """Allocations fail, each with a probability (scarce_memory.c); or a process's address space ends where it is (RLIMIT_AS),
    also of those that decode and unpack, which have no environment."""

    FIELDS = struct.Struct("=5Q")

    def __init__(self, file, chance):
        super().__init__(file, chance)
        if VARIANT != "release":
            pytest.skip("a sanitizer's library must come before the one that fails")
        file.write_bytes(bytes(self.FIELDS.size))
        with open(file, "r+b") as opened:
            self.shared = mmap.mmap(opened.fileno(), self.FIELDS.size)
        self.environment = {"LD_PRELOAD": str(LIBRARY), "SCARCE_MEMORY": str(file)}
        self.limited = []

    @property
    def failed(self):
        return struct.unpack_from("=Q", self.shared, 32)[0]

    def is_enough(self):
        return self.limited or self.failed >= self.goal

    def is_served(self):
        """The supervisor, a script, ends without memory; systemd would start it again, which ends what it left."""
        return os.path.exists(f"/proc/{self.supervisor}/exe")

    def make_scarce(self):
        self.supervisor = self.server.supervisor()
        self.goal = self.failed + self.chance.randrange(1, 20)
        if self.chance.random() < 0.25:
            what, self.limited = self.choose()
            for pid in self.limited:
                self.limit(pid)
            return f"RLIMIT_AS of {what}"
        libraries = self.chance.random() < 0.7
        struct.pack_into("=3Q", self.shared, 0, int(10 ** self.chance.uniform(1.5, 4.5)), libraries, self.chance.randrange(2**32))
        return "libraries" if libraries else "all"

    def limit(self, pid):
        try:
            with open(f"/proc/{pid}/statm", "rb") as statm:
                most = int(statm.read().split()[0]) * mmap.PAGESIZE + self.chance.randrange(1 << 20)
            hard = resource.prlimit(pid, resource.RLIMIT_AS)[1]
            resource.prlimit(pid, resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
        except (ProcessLookupError, FileNotFoundError, IndexError):
            pass

    @staticmethod
    def let_go(pid):
        with contextlib.suppress(ProcessLookupError):
            hard = resource.prlimit(pid, resource.RLIMIT_AS)[1]
            resource.prlimit(pid, resource.RLIMIT_AS, (hard, hard))

    def mend(self):
        struct.pack_into("=Q", self.shared, 0, 0)
        for pid in [self.supervisor, *self.server.processes()] if self.limited else ():
            self.let_go(pid)
        self.limited = []
        if not self.is_served():
            self.struck["(the supervisor ended)"] += 1
            start_again(self.server)


SCARCE = {"descriptors (EMFILE)": Descriptors, "memory (ENOMEM)": Memory}


def make_scarce(folder, what, variables, size, rounds, seed, stores, between=8):
    """Starts a server, and lets something run out so many times while people work, each time after as many acknowledged requests
    as `between`."""
    scarcity = SCARCE[what](folder / "scarce", random.Random(seed))
    server = make_server(folder / "server", {**scarcity.environment, **variables}, size)
    try:
        storm = ScarceStorm(server.start(), size, seed)
        scarcity.join(server, storm)
        with storm:
            rage(storm, scarcity, rounds, between)
            until(lambda: storm.failures or one_of_each(server), "each program runs once")
            before = dict(storm.done)
            until(lambda: storm.failures or all(storm.done[way] > before.get(way, 0) for way in before), f"work of each kind after {before}")
        print(f"FAULT_SEED={seed}: {storm.acknowledged()} acknowledged {dict(storm.done)}, {dict(storm.unknown)}, struck {dict(scarcity.struck)}")
        print(*(f"{times} x {said}" for said, times in storm.said.most_common()), sep="\n")
        assert not storm.failures, (storm.failures, f"FAULT_SEED={seed}")
        wrong = lost(storm) + [said for said in storm.said if any(lie in said for lie in LIES)]
        tried(f"no {what} left under load on {stores}", rounds, len(wrong))
        assert not wrong, (len(wrong), wrong[:10], f"FAULT_SEED={seed}")
        check_finds_nothing(server)
        assert set(storm.done) == WAYS | LOOKS | {"pack"}, storm.done
    finally:
        server.stop()
    assert not server.sanitizer_reports()
