"""A server that is started and stopped by image-label-server, as the tests of that command see it."""
import socket
from pathlib import Path

import pytest
import requests
from harness import until
from reloading import SIZE

PROGRAMS = ["size", "obtain", "classify", "tasks", "datasets", "access", "health"]


@pytest.fixture
def server(make_server):
    server = make_server()
    server.add_user("ann")
    server.add_dataset()
    return server


@pytest.fixture
def running(server):
    return server.start()


@pytest.fixture(scope="module")
def kept(make_shared_server):
    """For tests that leave it as they found it."""
    server = make_shared_server()
    server.add_user("ann")
    server.add_dataset()
    return server.start()


def answers(server):
    """Whether a label could be given now: nginx and a program answer."""
    try:
        return server.session("ann").post("/size", json=SIZE).status_code == 200
    except requests.ConnectionError:
        return False


def program_of(server, name):
    return until(lambda: server.processes(name), f"a process of {name}")[0]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_gone(pid):
    until(lambda: not Path(f"/proc/{pid}/exe").exists(), f"the end of process {pid}")


def refused(server, *arguments):
    """Runs a command that must fail with one line on stderr; returns that line."""
    done = server.command(*arguments)
    assert done.returncode == 1, done
    lines = [line for line in done.stderr.splitlines() if "running as root" not in line]
    assert len(lines) == 1, done.stderr
    return lines[0]
