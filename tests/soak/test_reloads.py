"""Reload after reload under load: only a known fault loses requests that meet one, and only now and then."""
from harness import Server
from reloading import assert_reloads_lose_nothing

RELOADS = 60


def test_many_reloads_lose_no_request(tmp_path):
    server = Server(tmp_path / "server")
    server.add_user("ann")
    server.add_dataset()
    with server.start():
        assert_reloads_lose_nothing(server, RELOADS)
