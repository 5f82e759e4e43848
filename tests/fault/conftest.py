"""Fixtures of the fault tests: servers of the real stack, as the HTTP tests start them."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "http"))
from harness import Server  # noqa: E402


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path / "server")
    for number in range(8):
        server.add_user(f"person{number}")
    yield server
    server.stop()
    reports = server.sanitizer_reports()
    assert not reports, "\n".join(reports)
