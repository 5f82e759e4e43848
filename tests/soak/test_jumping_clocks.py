"""The time of day jumps hundreds of times by hours and days while people work on the server; on MongoDB and S3 also MongoDB's.

FAULT_ROUNDS=N lets it jump so often, instead of 1,000 and 200 times; FAULT_SEED=N repeats the choices of an earlier run.
"""
import os

import pytest
from test_clock_jumps import clock, jump_again_and_again, jump_on_mongodb_and_s3, make_jumping_server  # noqa: F401 (fixture)

SIZE = 60_000


def rounds(usual):
    return int(os.environ.get("FAULT_ROUNDS", usual))


def test_a_thousand_jumps_lose_nothing(tmp_path, clock):  # noqa: F811
    server = make_jumping_server(tmp_path, clock, SIZE)
    try:
        server.start()
        jump_again_and_again(server, clock, SIZE, rounds(1_000))
    finally:
        server.stop()


@pytest.mark.parametrize("store", ["stays", "learned"])
def test_two_hundred_jumps_lose_nothing_on_several_machines_stores(tmp_path, clock, store):  # noqa: F811
    jump_on_mongodb_and_s3(tmp_path, clock, SIZE, rounds(200), store)
