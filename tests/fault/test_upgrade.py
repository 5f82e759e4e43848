"""Another version is installed over the one that runs, and reloaded: no request fails, and uploads under way end well."""
import base64
import contextlib
import http.client
import os
import shutil
import subprocess

import pytest
from collecting import DEFAULT, picture
from harness import TOP, kill, until
from storm import Storm, check_finds_nothing, lost, make_server
from test_archive import tar
from toll import tried

SIZE = 3_000
SOME = 150  # requests that are acknowledged between two steps
OTHER = "1.99.0"


def make(*words):
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", "-s", "-C", str(TOP), *words], env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def other_build(tmp_path_factory):
    """The same sources as another version: everything is linked anew, what knows its version compiled."""
    folder = tmp_path_factory.mktemp("other") / "build"
    shutil.copytree(TOP / "build" / "release", folder, symlinks=True, ignore=shutil.ignore_patterns("tests", "bin", "*.so", "*.a"))
    (folder / "lib" / "base" / "version.o").unlink()
    build = [f"VERSION={OTHER}", f"build={folder}"]
    make("all", *build)
    return build


def install_other(prefix, build, changed):
    make("install", f"PREFIX={prefix}", *build)
    files = {prefix / "bin" / "image-label-server": ("\nversion=", f"\nversion={OTHER} # ")}
    if changed:
        files[prefix / "share" / "image-label-server" / "nginx" / "nginx.conf.in"] = ("client_header_timeout 15s", "client_header_timeout 16s")
    for file, (old, new) in files.items():
        text = file.read_text()
        assert old in text
        fresh = file.with_name(".fresh")
        fresh.write_text(text.replace(old, new, 1))
        fresh.chmod(file.stat().st_mode)
        fresh.replace(file)


class SlowUpload:
    """One of which the second half is still to be sent."""

    def __init__(self, server, method, path, data):
        self.data = data
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.connection.putrequest(method, f"/v1/datasets/{DEFAULT}/{path}")
        self.connection.putheader("Authorization", "Basic " + base64.b64encode(b"contributor:secret").decode())
        self.connection.putheader("Content-Length", str(len(self.data)))
        self.connection.endheaders()
        self.connection.send(self.data[:20])

    def finish(self):
        self.connection.send(self.data[20:])
        answer = self.connection.getresponse()
        return answer.status, answer.read()


class Load(Storm):
    """With a new connection each time where nginx itself is reloaded: it closes kept ones that are idle, as HTTP lets it."""

    def __init__(self, server, kept):
        super().__init__(server, SIZE, 1)
        self.kept = kept

    def ask(self, session, method, path, **options):
        if not self.kept:
            session.headers["Connection"] = "close"
        return super().ask(session, method, path, **options)

    def go_on(self):
        before = self.acknowledged()
        until(lambda: self.failures or self.unknown or self.acknowledged() >= before + SOME, "more requests that are acknowledged")


def versions(server):
    """Of each program that serves."""
    told = {}
    for pid, name in server.executables().items():
        if (server.state / "sock" / f"{name}.sock").exists():
            told[name] = subprocess.run([f"/proc/{pid}/exe", "--version"], capture_output=True, text=True).stdout.split()[-1]
    return told


@pytest.mark.parametrize("changed", [False, True], ids=["programs", "programs and nginx.conf"])
def test_an_upgrade_in_place_fails_no_request(tmp_path, other_build, changed):
    prefix = tmp_path / "prefix"
    make("install", f"PREFIX={prefix}")
    server = make_server(tmp_path / "server", {}, SIZE)
    del server.env["IMAGE_LABEL_LIBEXEC"]
    server.scripts = prefix / "bin"
    server.config["limits"] = {"slow_seconds": 600}
    server.write_config()
    try:
        server.start()
        supervisor = server.supervisor()
        assert OTHER not in versions(server).values()
        with Load(server, not changed) as load, contextlib.ExitStack() as ended:
            load.go_on()
            slow = [SlowUpload(server, "PUT", f"images/slow{number}.png", picture()) for number in range(3)]
            slow.append(SlowUpload(server, "POST", "archive", tar(("slow/archived.png", picture()))))
            ended.callback(lambda: [one.connection.close() for one in slow])
            install_other(prefix, other_build, changed)
            kill(server.processes("decode"))  # those that are started now are for programs of the version before
            load.go_on()
            (old,) = server.processes("images")
            reload = subprocess.Popen([prefix / "bin" / "image-label-server", "--state", server.state, "reload"], env=server.env,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
            until(lambda: len(server.processes("images")) == 2, "a successor of what takes the slow uploads")
            load.go_on()
            assert old in server.processes("images")
            told = [one.finish() for one in slow]
            assert [status for status, _ in told] == [201] * 3 + [200] and b'"loaded":1' in told[-1][1], told
            said = reload.communicate(timeout=60)
            assert reload.returncode == 0, said
            load.go_on()
        failed = sum(load.unknown.values()) + len(load.failures)
        tried("an upgrade under load, in place (requests that failed)", 1, failed)
        assert not failed, (load.unknown, load.failures, server.logs())
        told = versions(server)
        assert set(told.values()) == {OTHER} and len(told) == len(list((server.state / "sock").glob("*.sock"))), told
        assert server.supervisor() == supervisor and "another version goes on" in (server.state / "log" / "supervisor.log").read_text()
        before = server.executables()
        kill(server.processes("multiwatch"))
        until(lambda: sorted(name for pid, name in server.executables().items() if pid not in before and name in told) == sorted(told),
              "the other version looks after its programs")
        assert not lost(load)
        check_finds_nothing(server)
    finally:
        server.stop()
