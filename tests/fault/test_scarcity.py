"""Descriptors and memory run out at random while people label, lease, upload, follow and download: what cannot be done is told as
that, nothing acknowledged is lost, and it goes on by itself once there is enough.

FAULT_SEED=N repeats the choices of an earlier run (a failure names its seed).
"""
import os
import random

import pytest
from scarcity import SCARCE, make_scarce

ROUNDS, SIZE = 20, 3_000
SEED = int(os.environ.get("FAULT_SEED", random.randrange(10**6)))


@pytest.mark.parametrize("what", SCARCE)
def test_what_runs_out_loses_nothing(tmp_path, what):
    make_scarce(tmp_path, what, {}, SIZE, ROUNDS, SEED, "SQLite and files")
