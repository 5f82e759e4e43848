"""Hundreds of power cuts under load.

FAULT_CUTS=N cuts so many times; FAULT_SEED=N repeats the choices of an earlier run.
"""
import os

from test_power_cut import collector, cut_again_and_again, disk  # noqa: F401 (fixtures)


def test_hundreds_of_power_cuts_lose_nothing(disk, collector):  # noqa: F811
    cut_again_and_again(disk, collector, int(os.environ.get("FAULT_CUTS", "300")))
