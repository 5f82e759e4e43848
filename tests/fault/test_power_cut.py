"""The power is cut under load, and the disk keeps what was synced, alone or with some of the rest: all that was answered is
there, the databases are whole, and the start needs no repair.

FAULT_SEED=N repeats the choices of an earlier run (a failure names its seed); FAULT_CUTS=N cuts more often.
"""
import os
import random

import pytest
from collecting import DEFAULT, Collector
from faulty_disk import faulty_disk
from harness import kill, until
from promises import Kept, People, Promises, fill_server, findings
from toll import tried

CUTS = int(os.environ.get("FAULT_CUTS", "2"))
SEED = int(os.environ.get("FAULT_SEED", random.randrange(10**6)))
DOWN = (500, 502, 503, 504, 507)  # what the last requests before the end may be answered


@pytest.fixture
def disk(tmp_path):
    with faulty_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.fixture
def collector(disk):
    collector = Collector(disk.folder / "collector", {})
    fill_server(collector)
    try:
        yield collector.start()
    finally:
        if disk.off:
            kill(collector.processes())
            disk.mount()
        collector.stop()
    assert not collector.sanitizer_reports()


def start_again(collector):
    done = collector.command("start")
    assert done.returncode == 0, f"{done.stderr}\n{collector.logs()}"
    assert [line for line in done.stderr.splitlines() if "running as root" not in line] == []


def cut_and_start_again(disk, collector, people, chance):
    supervisor = collector.supervisor()
    disk.cut(chance)
    people.kill_command()
    kill([supervisor])
    until(lambda: not kill(collector.processes()) and not collector.processes(), "all are ended")
    people.join()
    disk.mount()
    start_again(collector)


def cut_again_and_again(disk, collector, cuts):
    chance, promises, lost = random.Random(SEED), Promises(), []
    print(f"FAULT_SEED={SEED}")
    for turn in range(cuts):
        disk.keep()
        with People(collector, promises, DOWN, f"{SEED} {turn}") as people:
            until(lambda: people.failures or people.least_done() > 0, f"some of each: {people.done} {people.messages}")
            goal = sum(people.done.values()) + chance.randrange(200)
            until(lambda: people.failures or sum(people.done.values()) >= goal, "more work")
            cut_and_start_again(disk, collector, people, chance)
        assert not people.failures, people.failures
        lost += promises.broken(Kept(collector).is_there)
        assert findings(collector) == {} or lost
        if lost:
            break
    tried("power cut (SQLite, files)", turn + 1, len(lost))
    assert not lost, f"{lost[:5]} of {len(lost)} (FAULT_SEED={SEED})"
    findings(collector, "--older-than", "0", "--repair")
    assert len(collector.objects()) == collector.size(), "what was stored, but not answered, can be cleared away"


def test_what_was_answered_outlives_a_power_cut(disk, collector):
    cut_again_and_again(disk, collector, CUTS)
