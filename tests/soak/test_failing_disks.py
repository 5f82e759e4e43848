"""Each way in which a disk fails, many times under load, each time with a power cut afterwards.

FAULT_ROUNDS=N lets it fail so many times in each way; FAULT_SEED=N repeats the choices of an earlier run.
"""
import os

import pytest
from test_failing_disk import FAULTS, fail_again_and_again
from test_power_cut import collector, disk  # noqa: F401 (fixtures)


@pytest.mark.parametrize("name", FAULTS)
def test_disks_that_fail_again_and_again_lose_nothing(disk, collector, name):  # noqa: F811
    fail_again_and_again(disk, collector, name, int(os.environ.get("FAULT_ROUNDS", "20")))
