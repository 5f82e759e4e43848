"""The time of day jumps hundreds of times by hours and days while people work on the server.

FAULT_ROUNDS=N lets it jump so often, instead of 1,000 times; FAULT_SEED=N repeats the choices of an earlier run.
"""
import os

from test_clock_jumps import clock, jump_again_and_again, make_jumping_server  # noqa: F401 (fixture)

SIZE = 60_000


def test_a_thousand_jumps_lose_nothing(tmp_path, clock):  # noqa: F811
    server = make_jumping_server(tmp_path, clock, SIZE)
    try:
        server.start()
        jump_again_and_again(server, clock, SIZE, int(os.environ.get("FAULT_ROUNDS", "1000")))
    finally:
        server.stop()
