"""reload: another configuration, other datasets and users, without losing a request."""
import json
import os
import signal
import socket
import subprocess

from harness import SCRIPTS, free_port, until
from reloading import assert_reloads_lose_nothing
from supervising import PROGRAMS, answers, listens, program_of, refused
from supervising import kept, running, server  # noqa: F401 (fixtures)


def test_reload_takes_new_datasets_and_users(running):
    running.add_dataset("more", samples=5)
    running.add_user("bob")
    assert running.session("ann").post("/size", json={"dataset_name": "more"}).status_code == 404
    before = {name: program_of(running, name) for name in PROGRAMS}
    done = running.reload()
    assert done.returncode == 0, done.stderr
    assert running.session("bob").post("/size", json={"dataset_name": "more"}).json()["size"] == 5
    assert not set(before.values()) & set(running.processes()), "programs that still have the old configuration"


def test_reload_with_a_bad_configuration_keeps_the_old_one_running(kept):
    before = {name: program_of(kept, name) for name in PROGRAMS}
    good = kept.config_file.read_text()
    kept.config_file.write_text(json.dumps({**kept.config, "limitz": {}}))
    line = refused(kept, "reload")
    assert str(kept.config_file) in line and "limits" in line
    assert before == {name: program_of(kept, name) for name in PROGRAMS}
    assert answers(kept)
    kept.config_file.write_text(good)
    assert kept.reload().returncode == 0


def test_reload_names_a_broken_dataset_and_goes_on(running):
    (running.seeds / "broken.json").write_text('{\n"dataset_name": oops')
    done = running.reload()
    assert done.returncode == 0
    assert "broken.json" in done.stderr
    assert answers(running)


def test_what_ends_after_reloads_is_started_again(running):
    """Reloads leave a supervisor that still looks after its programs, also when they follow one another closely."""
    for _ in range(2):
        assert running.reload().returncode == 0
    for name in ("multiwatch", "nginx"):
        for pid in running.processes(name):
            os.kill(pid, signal.SIGKILL)
        until(lambda: answers(running), f"the server without its {name}")


def test_reloads_at_the_same_time_are_all_taken(kept):
    reloads = [subprocess.Popen([SCRIPTS / "image-label-server", "--state", kept.state, "reload"], env=kept.env) for _ in range(3)]
    assert [reload.wait() for reload in reloads] == [0] * 3


def test_reload_of_what_does_not_run_is_refused(server):
    assert "not running" in refused(server, "reload")


def test_reload_works_on_what_was_started_under_nohup(server):
    command, server.command = server.command, lambda *words: command(*words, preexec_fn=ignore_hangup)
    server.start()
    assert server.reload().returncode == 0


def ignore_hangup():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def test_reload_changes_the_limits_of_nginx(running):
    running.config["limits"] = {"json_bytes": 2000}
    running.write_config()
    assert running.reload().returncode == 0
    refused_by_nginx = {"message": "The body is too large"}
    until(lambda: running.session("ann").post("/size", data=b" " * 2001).json() == refused_by_nginx, "the new limit")


def configure_port(server, port):
    server.config["listen"] = {"http_port": port}
    server.write_config()


def test_reload_moves_to_another_port(server):
    before, after = free_port(), free_port()
    configure_port(server, before)
    assert server.command("start").returncode == 0
    configure_port(server, after)
    assert server.reload().returncode == 0
    assert f"http://127.0.0.1:{after}/" in server.command("status").stdout
    server.port = after
    assert answers(server)
    until(lambda: not listens(before), "the old port is left")


def test_reload_to_a_taken_port_is_refused(server):
    port = free_port()
    configure_port(server, port)
    assert server.command("start").returncode == 0
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        configure_port(server, taken)
        assert f"port {taken} is taken" in refused(server, "reload")
    server.port = port
    assert answers(server)


def test_reload_loses_no_request(running):
    assert_reloads_lose_nothing(running, 3)  # tests/soak has many more of them
