"""The time of day of a server's programs, which jumps when it is told to (clock.c); and people who work on the server
meanwhile, and know which of their leases should have outlived the jumps."""
import mmap
import threading

import pytest
from harness import TOP, VARIANT, until
from storm import Storm, Unknown

FEED = "/v1/datasets/own/changes"
LIBRARY = TOP / "build" / VARIANT / "tests/fault/clock.so"


class Clock:
    def __init__(self, file):
        if VARIANT != "release":
            pytest.skip("a sanitizer's library must come before the clock's")
        file.write_bytes(bytes(8))
        with open(file, "r+b") as both:
            self.told = memoryview(mmap.mmap(both.fileno(), 8)).cast("q")
        self.seconds = 0
        self.environment = {"LD_PRELOAD": str(LIBRARY), "CLOCK_FILE": str(file)}

    def set(self, seconds):
        """So much after the true time, at once in all programs."""
        self.seconds = self.told[0] = seconds


class JumpingStorm(Storm):
    """A storm in which leases, and begun uploads, may run out only by a jump ahead. `store`: the leases' clock, which a store on
    another machine keeps: "jumps" with the programs', "stays" so that no lease runs out, or is "learned" by each program a
    little later than it jumps, so that nothing is known of leases for that long."""

    def __init__(self, server, size, seed, clock, lease_seconds, store="jumps"):
        super().__init__(server, size, seed)
        self.clock, self.lease_seconds, self.store = clock, lease_seconds, store
        self.period = 0  # grows before and after each jump ahead; odd: it jumps right now
        self.asking = threading.local()
        self.given = {}  # token of a lease, or address of an upload: the period in which it was asked for
        self.turn, self.obtaining = threading.Lock(), threading.Lock()
        self.feed, self.place = [], ""  # what those were told who follow, and where they are
        self.threads.append(threading.Thread(target=self.run, args=(self.follow, "viewer", len(self.threads))))

    def next_period(self):
        with self.lock:
            self.period += 1
            if self.store != "stays":
                self.held.clear()

    def jump(self, seconds):
        ahead = seconds - self.clock.seconds
        assert ahead < 0 or ahead > self.lease_seconds, "all leases run out, or none"
        if ahead < 0:
            self.clock.set(seconds)
            return
        with self.turn, self.obtaining:
            self.next_period()
            self.clock.set(seconds)
            self.next_period()

    def ask(self, session, method, path, **options):
        began = self.asking.began = self.period
        answer = super().ask(session, method, path, **options)
        if path.endswith("/tasks") and answer.status_code == 200:
            self.given |= {task["token"]: began for task in answer.json()["tasks"]}
        if path.endswith("/uploads") and answer.status_code == 201:
            self.given[answer.headers["Location"]] = began
        is_lease = "/tasks/" in path
        given = self.given.get(path.split("/")[-2] if is_lease else path)
        if given is not None and answer.status_code in (404, 409):
            over = given % 2 or given != self.period
            if is_lease and self.store != "jumps":
                over = self.store == "learned"
            assert over, f"it was over too early: {answer.text}"
            raise Unknown("it has run out")
        return answer

    def obtain(self, *words):
        """Between /obtain and /classify it does not jump ahead: /classify asks for no lease, so one that had run out meanwhile
        would label what is another's by now, whose lease would rightly be over."""
        steps = super().obtain(*words)
        while True:
            with self.turn:
                self.obtaining.acquire()
            try:
                next(steps)
            finally:
                self.obtaining.release()
            yield

    def take(self, ids, user):
        with self.lock:
            known = self.store == "stays" or (self.store == "jumps" and self.asking.began == self.period and self.period % 2 == 0)
        if known:
            super().take(ids, user)

    def follow(self, session, _user, _chance):
        """The feed of own, by its cursors."""
        while True:
            page = self.ask(session, "GET", FEED, params={"after": self.place} if self.place else {})
            assert page.status_code == 200, page.text
            self.feed += page.json()["items"]
            self.place = page.json()["next"]
            yield

    def page_on(self, after):
        """What follows this place in it, or all of it."""
        session, items = self.server.session("annotator0"), []
        while True:
            page = session.get(FEED, params={"after": after} if after else {}).json()
            if not page["items"]:
                return items
            items += page["items"]
            after = page["next"]


def rage_of_clocks(storm, chance, jumps, rounds, between):
    """So many jumps, each after as many acknowledged requests as `between`, and work of all kinds at the end."""
    for turn in range(rounds):
        before = storm.acknowledged()
        until(lambda: storm.failures or storm.acknowledged() >= before + between,
              f"{between} more that are acknowledged after {turn} jumps, {storm.clock.seconds} s off (FAULT_SEED={storm.seed})")
        assert not storm.failures, (storm.failures, f"FAULT_SEED={storm.seed}")
        storm.jump(chance.choice([to for to in jumps if to < storm.clock.seconds or to > storm.clock.seconds + storm.lease_seconds]))
    before = dict(storm.done)
    until(lambda: storm.failures or all(storm.done[way] > before.get(way, 0) for way in before), f"work of each kind after {before}")
