"""Whatever is killed is back: programs, nginx, the supervisor, all at once."""
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading

import pytest
import requests
from harness import DEADLINE, LIBEXEC, free_port, kill, until
from supervising import PROGRAMS, answers, program_of, refused, wait_gone
from supervising import kept, running, server  # noqa: F401 (fixtures)


@pytest.mark.parametrize("name", PROGRAMS)
def test_killed_program_is_back(kept, name):
    before = program_of(kept, name)
    os.kill(before, signal.SIGKILL)
    wait_gone(before)
    assert program_of(kept, name) != before
    assert answers(kept)
    assert kept.session("ann").get("/images/demo/image0.png").status_code == 200
    assert requests.get(kept.url + "/healthz").status_code == 200


def test_program_killed_thirty_times_in_a_row_is_back(running):
    for _ in range(30):
        victim = program_of(running, "size")
        os.kill(victim, signal.SIGKILL)
        wait_gone(victim)
    until(lambda: answers(running), "an answer")


def test_killed_multiwatch_takes_its_program_along_and_both_are_back(running):
    before = {name: program_of(running, name) for name in PROGRAMS}
    for pid in running.processes("multiwatch"):
        os.kill(pid, signal.SIGKILL)
    for pid in before.values():
        wait_gone(pid)
    until(lambda: answers(running), "an answer")
    assert not set(before.values()) & set(running.processes())


def test_killed_nginx_is_back_without_its_orphans(running):
    master = int((running.state / "nginx.pid").read_text())
    workers = set(running.processes("nginx"))
    os.kill(master, signal.SIGKILL)
    for worker in workers:
        wait_gone(worker)
    until(lambda: answers(running), "an answer")


def test_killed_nginx_worker_is_back(kept):
    master = int((kept.state / "nginx.pid").read_text())
    for worker in set(kept.processes("nginx")) - {master}:
        os.kill(worker, signal.SIGKILL)
        wait_gone(worker)
    until(lambda: answers(kept), "an answer")


def test_killed_supervisor_takes_all_along_and_start_needs_no_repair(running):
    os.kill(running.supervisor(), signal.SIGKILL)
    until(lambda: not running.processes(), "the end of all processes")
    assert running.command("status").returncode == 3
    done = running.command("start")
    assert done.returncode == 0, done.stderr
    assert answers(running)


def test_start_after_everything_was_killed_at_once(running):
    for pid in [running.supervisor(), *running.processes()]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # ended with another
    assert running.command("start").returncode == 0
    assert answers(running)


def test_start_ends_what_a_killed_supervisor_and_nginx_left(running):
    master = int((running.state / "nginx.pid").read_text())
    os.kill(running.supervisor(), signal.SIGSTOP)  # so that it cannot act on nginx's end
    os.kill(master, signal.SIGKILL)
    os.kill(running.supervisor(), signal.SIGKILL)
    orphans = running.processes("nginx")
    assert orphans
    assert running.command("start").returncode == 0
    assert answers(running)
    assert not set(orphans) & set(running.processes())


def test_a_killed_supervisors_pid_is_nobodys_while_the_next_one_starts(server, tmp_path):
    """Its file outlives it, also a restart of the machine, and the number may be another process's by then."""
    shutil.copytree(LIBEXEC, tmp_path / "libexec")
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    os.mkfifo(gate)
    admin = tmp_path / "libexec" / "admin"
    admin.unlink()
    admin.write_text(f'#!/bin/sh\n[ "$1" != prepare ] || {{ : >"{begun}"; read -r _ <"{gate}"; }}\nexec "{LIBEXEC}/admin" "$@"\n')
    admin.chmod(0o755)
    server.env["IMAGE_LABEL_LIBEXEC"] = str(tmp_path / "libexec")
    server.port = free_port()
    server.state.mkdir()
    with subprocess.Popen(["sleep", "600"]) as bystander:
        (server.state / "supervisor.pid").write_text(f"{bystander.pid}\n")
        (server.state / "status").write_text("image-label-server: running at http://127.0.0.1:9/ui/\n")
        starting = threading.Thread(target=server.command, args=["start"])
        starting.start()
        until(begun.exists, "the start to be under way")
        said = [refused(server, "reload"), server.command("status").stdout, refused(server, "stop")]
        gate.write_text("go on\n")
        starting.join()
        unharmed = bystander.poll() is None
        bystander.kill()
    assert unharmed and ["starting" in text for text in said] == [True] * 3, said
    assert answers(server)


def test_crash_loop_is_slowed_down(running):
    """A program that cannot live is tried again, ever more slowly, and the others go on."""
    program = running.state.parent / "libexec"
    running.stop()
    shutil.copytree(LIBEXEC, program)
    running.env["IMAGE_LABEL_LIBEXEC"] = str(program)
    running.start()
    (program / "tasks").unlink()
    (program / "tasks").write_text("#!/bin/sh\nexit 1\n")
    (program / "tasks").chmod(0o755)
    victims = running.processes("tasks")
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    log = running.state / "log" / "supervisor.log"
    until(lambda: '"message":"ended; started again after 5 s","name":"tasks"' in log.read_text(), "the longest pause")
    assert answers(running)


# --- while it starts, and while it lacks descriptors


def signals(pid, which):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(rf"^{which}:\s*(\w+)", status.read(), re.M)[1], 16)


def test_a_stop_while_a_program_starts_is_not_forgotten(running, tmp_path):
    """At any moment SIGTERM ends it, or is blocked, to be looked at when it serves."""
    term, seen = 1 << signal.SIGTERM - 1, set()
    environment = {**running.env, "IMAGE_LABEL_CONFIG": str(running.config_file), "IMAGE_LABEL_STATE": str(tmp_path)}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        listening.listen()
        for _ in range(5):
            program = subprocess.Popen([LIBEXEC / "size"], stdin=listening, env=environment, cwd=tmp_path)
            while not signals(program.pid, "SigBlk") & term:
                seen.add(bool(signals(program.pid, "SigCgt") & term))
            program.terminate()
            assert program.wait(DEADLINE) in (0, -signal.SIGTERM)
    assert seen == {False}


def turns(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read(), re.M)[1])


def test_the_supervisor_goes_on_without_descriptors(running):
    supervisor, before = running.supervisor(), running.processes()
    limit = resource.prlimit(supervisor, resource.RLIMIT_NOFILE)
    opened = {int(number) for number in os.listdir(f"/proc/{supervisor}/fd")}
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (min(set(range(99)) - opened), limit[1]))
    begun = turns(supervisor)
    until(lambda: turns(supervisor) >= begun + 15, "it has looked at everything")
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, limit)
    until(lambda: turns(supervisor) >= begun + 20, "and again")
    assert running.supervisor() == supervisor and sorted(running.processes()) == sorted(before)
    size = program_of(running, "size")
    kill(running.processes("multiwatch"))
    wait_gone(size)
    until(lambda: answers(running), "it starts programs again")
