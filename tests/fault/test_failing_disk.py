"""The disk fails at random under load, in each way a disk can: what cannot be done is told, nothing answered is lost, not even by
a power cut afterwards, and it goes on by itself once the disk is well.

FAULT_SEED=N repeats the choices of an earlier run (a failure names its seed).
"""
import errno
import random

import pytest
from harness import until
from promises import Kept, People, Promises, findings
from test_power_cut import DOWN, SEED, collector, cut_and_start_again, disk  # noqa: F401 (fixtures)
from toll import tried

FAILURES = 20  # in each round
FAULTS = {
    "fsync fails (EIO)": ("sync", errno.EIO, 0.2),
    "I/O errors of all kinds (EIO)": ("open,read,write,sync,name", errno.EIO, 0.05),
    "disk turns read-only": ("write,sync,name", errno.EROFS, 1),
    "disk full": ("write,name", errno.ENOSPC, 0.3),
    "no inodes left": ("name", errno.ENOSPC, 1),
    "no descriptors left in the system (ENFILE)": ("open,name", errno.ENFILE, 0.3),
    "no memory left in the system (ENOMEM)": ("open,read,write,name", errno.ENOMEM, 0.1),
}


def fail_for_a_while(disk, people, fault):
    """Until it has failed often enough, and people have been told."""
    before, refused = disk.failed, sum(people.refused.values())
    disk.fail(*fault)

    def enough():
        disk.fail(*fault)  # tells how often
        return people.failures or disk.failed >= before + FAILURES and sum(people.refused.values()) > refused

    until(enough, f"failures: {disk.failed - before}, {dict(people.refused)}")
    disk.mend()


def work_of_each(people):
    """But backups, which wait for minutes for a store to come back."""
    done, works = dict(people.done), set(people.names()) - {"backup"}
    until(lambda: people.failures or all(people.done[work] > done.get(work, 0) for work in works), f"work of each kind after {done}")


def fail_again_and_again(disk, collector, name, rounds):  # noqa: F811
    chance, promises, fault = random.Random(SEED), Promises(), FAULTS[name]
    print(f"FAULT_SEED={SEED}")
    disk.keep()
    for turn in range(rounds):
        with People(collector, promises, DOWN, f"{SEED} {turn}") as people:
            work_of_each(people)
            fail_for_a_while(disk, people, fault)
            work_of_each(people)
            assert not people.failures, people.failures
            cut_and_start_again(disk, collector, people, chance)
        lost = promises.broken(Kept(collector).is_there)
        tried(f"{name}, then a power cut", 1, len(lost))
        assert not lost, f"{lost[:5]} of {len(lost)} (FAULT_SEED={SEED}) {people.messages}"
        assert findings(collector) == {}
        disk.keep()


@pytest.mark.parametrize("name", list(FAULTS)[:1])
def test_a_failing_disk_loses_nothing_answered_and_is_used_again(disk, collector, name):  # noqa: F811
    fail_again_and_again(disk, collector, name, 1)
