"""start, stop, status, run: what they say, what they leave, and what they refuse."""
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from harness import LIBEXEC, SCRIPTS, Server, free_port, until
from reloading import SIZE
from supervising import answers, listens, refused, wait_gone
from supervising import kept, running, server  # noqa: F401 (fixtures)


def test_start_returns_once_it_answers_and_stop_leaves_nothing(server):
    server.port = free_port()
    assert server.command("status").returncode == 3
    done = server.command("start")
    assert done.returncode == 0, done.stderr
    assert answers(server)
    assert f"http://127.0.0.1:{server.port}/ui/" in done.stdout
    assert f"configuration: {server.config_file}" in done.stdout
    status = server.command("status")
    assert (status.returncode, f"http://127.0.0.1:{server.port}/" in status.stdout) == (0, True)
    assert str(server.config_file) in status.stdout
    done = server.reload()
    assert (done.returncode, done.stdout) == (0, f"image-label-server: reloaded; configuration: {server.config_file}\n")
    supervisor = server.supervisor()
    done = server.command("stop")
    assert (done.returncode, done.stdout) == (0, "image-label-server: stopped\n")
    assert not server.processes() and not Path(f"/proc/{supervisor}/exe").exists()
    assert not listens(server.port)
    assert not list((server.state / "sock").iterdir())
    assert server.command("status").returncode == 3


def test_stop_of_what_does_not_run_is_no_failure(server):
    server.state.mkdir()
    assert server.command("stop").returncode == 0


def test_stop_waits_for_one_that_is_just_ending(server):
    server.state.mkdir(parents=True)
    lock = server.state / "lock"
    # A supervisor that could not start has told so, and has not let go of its lock yet.
    with subprocess.Popen(["flock", str(lock), "cat"], stdin=subprocess.PIPE) as ending:
        until(lambda: lock.exists() and subprocess.run(["flock", "-n", "-s", str(lock), "true"], check=False).returncode, "the lock to be held")
        words = [str(server.scripts / "image-label-server"), "--config", str(server.config_file), "--state", str(server.state), "stop"]
        stop = subprocess.Popen(words, env=server.env, stdout=subprocess.PIPE, text=True)
        waiting = ["pgrep", "-P", str(stop.pid), "-f", "^flock -s -w"]
        until(lambda: stop.poll() is not None or subprocess.run(waiting, stdout=subprocess.DEVNULL, check=False).returncode == 0, "stop to wait")
        ending.stdin.close()
    assert (stop.wait(timeout=60), stop.stdout.read()) == (0, "image-label-server: not running\n")


def test_stop_finishes_the_request_under_way(running):
    body = json.dumps(SIZE).encode()
    with socket.create_connection(("127.0.0.1", running.port)) as connection:
        connection.sendall(
            b"POST /size HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\nContent-Type: application/json\r\n"
            b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert b"100 Continue" in connection.recv(1000)  # nginx is at it
        connection.sendall(body[:5])
        with subprocess.Popen([SCRIPTS / "image-label-server", "--state", running.state, "stop"], env=running.env) as stop:
            until(lambda: not listens(running.port), "no new connections")
            connection.sendall(body[5:])
            answer = connection.makefile("rb").read()
            connection.close()
            assert answer.startswith(b"HTTP/1.1 200"), answer
            assert stop.wait() == 0


def test_everything_is_private_and_sockets_have_mode_0660(kept):
    assert stat.S_IMODE(kept.state.stat().st_mode) & 0o077 == 0
    sockets = list((kept.state / "sock").iterdir())
    assert len(sockets) >= 7
    assert {stat.S_IMODE(file.stat().st_mode) for file in sockets} == {0o660}


def test_starts_within_two_paths_that_are_hard_to_write(tmp_path):
    server = Server(tmp_path / "with space 'quote\" and ünïcödé;{}")
    server.state = tmp_path / ("state $x " + "long" * 40)
    server.add_user("ann")
    server.add_dataset()
    with server:
        server.start()
        assert answers(server)
        assert server.session("ann").get("/images/demo/image0.png").status_code == 200


def test_two_servers_run_side_by_side(make_server):
    servers = []
    for name in ("ann", "bob"):
        server = make_server()
        server.add_user(name)
        server.add_dataset(samples=3 + len(servers))
        servers.append(server.start())
    sizes = [server.session(name).post("/size", json=SIZE).json()["size"] for server, name in zip(servers, ("ann", "bob"))]
    assert sizes == [3, 4]


# --- when somebody removes what it works in


def with_a_log_of_the_system(server):
    """The file to which its messages for syslog go."""
    folder = server.folder / "bin"
    folder.mkdir()
    (folder / "logger").write_text(f'#!/bin/sh\necho "$*" >>{folder}/log\n')
    (folder / "logger").chmod(0o755)
    server.env["PATH"] = f"{folder}:{os.environ['PATH']}"
    return folder / "log"


@pytest.mark.parametrize("what", ["", "sock", "log"])
def test_one_whose_state_folder_is_removed_says_so_and_ends(server, what):
    syslog = with_a_log_of_the_system(server)
    server.start()
    processes = {server.supervisor(), *server.processes()}
    (server.state / what).rename(server.folder / "removed")
    for pid in processes:
        wait_gone(pid)
    assert syslog.read_text().count("\n") == 1
    assert f"{server.state / (what or 'lock')} was removed or replaced while it served" in syslog.read_text()
    assert not listens(server.port)
    server.start()
    assert answers(server), "it makes what is missing"


def test_one_in_whose_state_folder_another_serves_leaves_that_alone(server):
    server.port = free_port()
    words = [server.scripts / "image-label-server", "--config", server.config_file, "--state", server.state, "--port", str(server.port), "run"]
    with subprocess.Popen(words, env=server.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as former:
        until(lambda: "Ctrl-C" in former.stdout.readline(), "it to serve")
        former.send_signal(signal.SIGSTOP)  # so that it notices late
        server.state.rename(server.folder / "removed")
        server.start()
        former.send_signal(signal.SIGCONT)
        said = former.stderr.read()
        assert former.wait() == 1
    assert f"{server.state}/lock was removed or replaced while it served" in said
    assert answers(server) and server.command("status").returncode == 0


# --- what it refuses


def test_second_server_of_a_state_folder_is_refused(kept):
    assert "already running" in refused(kept, "start")
    assert answers(kept)


def test_taken_port_is_named(server):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server.port = other.getsockname()[1]
        assert f"port {server.port} is taken" in refused(server, "start")
    assert not server.processes()


def test_port_that_is_taken_without_anybody_listening_is_named(server):
    with socket.socket() as other:  # as an outgoing connection has one
        other.bind(("127.0.0.1", 0))
        server.port = other.getsockname()[1]
        assert f":{server.port} failed" in refused(server, "start")
    assert not server.processes()


@pytest.mark.parametrize("name, make", [("log", Path.touch), ("lock", Path.mkdir)])
def test_what_is_in_the_way_in_the_state_folder_is_named(server, name, make):
    server.state.mkdir()
    make(server.state / name)
    server.port = free_port()
    line = refused(server, "start")
    assert "cannot" in line and str(server.state / name) in line
    (server.state / name).rename(server.state / "was in the way")


def test_no_dataset_is_refused(server):
    for file in server.seeds.iterdir():
        file.unlink()
    server.port = free_port()
    assert "dataset" in refused(server, "start")
    assert not server.processes()


def test_no_user_who_could_log_in_is_refused(server):
    """Where there is none at all an admin is made: test_first_start.py."""
    for file in server.users.iterdir():
        file.unlink()
    server.add_user("ann", expires="2001-01-01T00:00:00Z")
    server.port = free_port()
    assert "user" in refused(server, "start")
    assert not server.processes()


@pytest.mark.parametrize(
    "config, named",
    [({"limits": {"json_byte": 5}}, "json_bytes"), ({"listen": {"http_port": "many"}}, "http_port"), ({"sqlite_db_dirs": "x"}, "sqlite_db_dir")],
)
def test_bad_configuration_names_file_and_key(server, config, named):
    server.config.update(config)
    server.write_config()
    line = refused(server, "start")
    assert str(server.config_file) in line and named in line
    assert not server.processes()


def test_configuration_that_is_no_json_is_refused(server):
    server.config_file.write_text('{"json_db_dir": ')
    assert str(server.config_file) in refused(server, "start")


def test_missing_program_is_named(server, tmp_path):
    shutil.copytree(LIBEXEC, tmp_path / "libexec")
    (tmp_path / "libexec" / "tasks").unlink()
    server.env["IMAGE_LABEL_LIBEXEC"] = str(tmp_path / "libexec")
    server.port = free_port()
    assert "tasks" in refused(server, "start")


def test_program_that_ends_at_once_is_named_and_nothing_is_left_running(server, tmp_path):
    shutil.copytree(LIBEXEC, tmp_path / "libexec")
    program = tmp_path / "libexec" / "tasks"
    program.unlink()
    program.write_text("#!/bin/sh\necho cannot go on >&2\nexit 1\n")
    program.chmod(0o755)
    server.env["IMAGE_LABEL_LIBEXEC"] = str(tmp_path / "libexec")
    server.port = free_port()
    assert "tasks" in refused(server, "start")
    assert not server.processes()


@pytest.mark.parametrize("command, tool", [("start", "curl"), ("start", "jq"), ("start", "multiwatch"), ("start", "setsid"), ("status", "flock")])
def test_a_tool_that_is_not_installed_is_named(server, command, tool, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    for other in Path("/usr/bin").iterdir():
        if other.name != tool:
            (tmp_path / "bin" / other.name).symlink_to(other)
    server.state.mkdir()
    (server.state / "lock").touch()
    server.port = free_port()
    monkeypatch.setitem(server.env, "PATH", str(tmp_path / "bin"))
    assert f"{tool} is not installed" in refused(server, command)


def test_starts_by_a_name_without_a_folder(server):
    server.port = free_port()
    words = ["--config", server.config_file, "--state", server.state, "--port", str(server.port), "start"]
    done = subprocess.run(["bash", "image-label-server", *words], cwd=SCRIPTS, env=server.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert answers(server)


@pytest.mark.parametrize("arguments", [["--port", "seventy"], ["--port", "70000"], ["--nonsense"], ["start", "stop"], ["--port"]])
def test_wrong_arguments_are_refused(server, arguments):
    assert refused(server, *arguments)


def test_help_shows_examples():
    done = subprocess.run([SCRIPTS / "image-label-server", "--help"], capture_output=True, text=True, check=True)
    assert "Examples:" in done.stdout


def test_help_lists_the_keys_of_the_configuration():
    done = subprocess.run([SCRIPTS / "image-label-server", "--help", "config"], capture_output=True, text=True, check=True,
                          env={**os.environ, "IMAGE_LABEL_LIBEXEC": str(LIBEXEC)})
    assert re.search(r"^  limits\.lease_seconds +seconds .* from 1 to 604800; default 300$", done.stdout, re.M)


# --- run, in the foreground


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_it_is_told_to_end(server, ending):
    server.port = free_port()
    words = [SCRIPTS / "image-label-server", "--config", server.config_file, "--state", server.state, "--port", str(server.port), "run"]
    with subprocess.Popen(words, env=server.env, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        lines = iter(process.stdout.readline, "")
        assert any(f"http://127.0.0.1:{server.port}/ui/" in line for line in lines)
        assert answers(server)
        process.send_signal(ending)
        assert process.wait() == 0
    assert not server.processes()
    assert not listens(server.port)


@pytest.fixture
def nobodys(installed):
    """A server in folders of nobody's, not yet started."""
    with tempfile.TemporaryDirectory() as folder:
        nobody = pwd.getpwnam("nobody")
        os.chmod(folder, 0o755)
        server = Server(Path(folder) / "server", env={"IMAGE_LABEL_LIBEXEC": ""})
        server.scripts = installed  # where this user may run it
        server.add_user("ann")
        server.add_dataset()
        for path in [server.folder, *server.folder.rglob("*")]:
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        server.state = server.folder / "local" / "state" / "server"
        yield server


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_root_becomes_the_user_it_is_told(nobodys):
    server, uid = nobodys, pwd.getpwnam("nobody").pw_uid
    server.port = free_port()
    try:
        done = server.command("--user", "nobody", "start")
        assert done.returncode == 0, done.stderr
        assert "running as root" not in done.stderr
        assert answers(server)
        assert {Path(f"/proc/{pid}").stat().st_uid for pid in server.processes()} == {uid}
        assert [path for path in server.folder.rglob("*") if path.lstat().st_uid != uid] == []
    finally:
        server.stop()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def low_port():
    for port in range(1023, 600, -1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    return pytest.skip("no port below 1024 can be had")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_one_that_may_use_a_low_port_is_stopped_by_its_user(nobodys):
    """What has a capability shows less of itself in /proc, also to its own user."""
    user = ["setpriv", "--reuid=nobody", f"--regid={pwd.getpwnam('nobody').pw_gid}", "--init-groups"]
    right = ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"]
    if subprocess.run([*user, *right, "true"], check=False).returncode:
        pytest.skip("the right to use a low port cannot be given here")
    nobodys.port = low_port()
    try:
        done = nobodys.command("start", before=[*user, *right])
        assert done.returncode == 0, done.stderr
        assert answers(nobodys)
        pid = nobodys.supervisor()
        done = nobodys.command("stop", before=user)
        assert (done.returncode, done.stderr) == (0, "")
        assert not nobodys.processes() and not is_alive(pid)
        assert nobodys.command("status", before=user).returncode == 3
    finally:
        nobodys.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_user_who_may_not_run_it_is_told_to_root(make_server, tmp_path):
    server = make_server()
    server.scripts = tmp_path / "closed"
    server.scripts.mkdir(mode=0o700)
    shutil.copy(SCRIPTS / "image-label-server", server.scripts)
    done = server.command("--user", "nobody", "start")
    assert done.returncode != 0
    assert f"nobody may not run {server.scripts}/image-label-server" in done.stderr
    assert done.stderr.count("\n") == 1
