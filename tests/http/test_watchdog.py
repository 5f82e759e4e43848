"""systemd is told when the server is ready, and then again and again that it answers; of one that hangs it is told nothing."""
import fcntl
import os
import signal
import socket
import subprocess

import pytest
from harness import free_port, until


@pytest.fixture
def watched(make_server, tmp_path):
    """A server that systemd would watch, and what it says to that."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        server = make_server(env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"})
        server.add_user("ann")
        server.add_dataset()

        def said():
            """What was said since the last time."""
            messages = []
            while True:
                try:
                    messages.append(listener.recv(4096).decode().strip())
                except BlockingIOError:
                    return [message for message in messages if not message.startswith(("X_", "MAINPID", "BARRIER"))]

        yield server, said


def test_a_server_that_answers_says_so_and_one_that_hangs_does_not(watched):
    server, said = watched
    server.port, heard = free_port(), []
    words = [server.scripts / "image-label-server", "--config", server.config_file, "--state", server.state, "--port", str(server.port), "run"]
    with subprocess.Popen(words, env=server.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as supervisor:
        try:
            watches(server, said, heard)
        finally:
            supervisor.terminate()


def reloads_slowly(server, said):
    """What a reload waits for here is the dataset's lock; a large JSON dataset takes as long."""
    with (server.databases / "demo.db-lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen([server.scripts / "image-label-server", "--state", server.state, "reload"], env=server.env) as reload:
            until((server.state / "reload.begun").exists, "the reload begins")
            said()
            for _ in range(2):
                until(lambda: "WATCHDOG=1" in said(), "systemd is told meanwhile")
            assert not (server.state / "reload.result").exists()
            fcntl.flock(lock, fcntl.LOCK_UN)
            until(lambda: (said(), reload.poll())[1] is not None, "the reload ends")  # what nobody reads makes its sender wait
            assert reload.returncode == 0


def watches(server, said, heard):
    until(lambda: heard.extend(said()) or "WATCHDOG=1" in heard, "the first word to the watchdog")
    assert "READY=1" in heard[0]
    (health,) = server.processes("health")
    os.kill(health, signal.SIGSTOP)
    complained = lambda: (server.state / "log" / "supervisor.log").read_text().count("it does not answer")  # noqa: E731
    until(lambda: complained() == 1, "the supervisor notices it")
    said()
    until(lambda: complained() == 2, "and again")
    assert said() == []
    os.kill(health, signal.SIGCONT)
    until(lambda: "WATCHDOG=1" in said(), "it answers again")
    reloads_slowly(server, said)
    environment = [open(f"/proc/{pid}/environ").read() for pid in server.processes("size") + server.processes("nginx")]
    assert not any("NOTIFY_SOCKET" in text or "WATCHDOG" in text for text in environment)
