"""Fixtures of the audit: a server of the real stack over TLS."""
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parents[1] / layer) for layer in ("http", "services")]
from harness import Server  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("audited") / "server", tls=True, config={"listen": {"trusted_proxy": "192.0.2.1"}})
    server.add_user("ann")
    server.add_dataset()
    with server.start():
        yield server
