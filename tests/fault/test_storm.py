"""Every process of the stack is killed at random while people label and upload in all ways at once.

FAULT_SEED=N repeats the choices of an earlier run (a failure names its seed).
"""
import os
import random

from storm import make_server, weather

ROUNDS = 40
SIZE = 3_000


def test_nothing_acknowledged_is_lost_whatever_is_killed(tmp_path):
    server = make_server(tmp_path / "server", {}, SIZE)
    try:
        server.start()
        seed = int(os.environ.get("FAULT_SEED", random.randrange(10**6)))
        weather(server, SIZE, ROUNDS, "any process, or all of them, killed (SIGKILL) on SQLite and files", seed, whole=20)
    finally:
        server.stop()
    assert not server.sanitizer_reports()
