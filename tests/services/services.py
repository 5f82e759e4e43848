"""Real services for the tests that need them: a MongoDB replica set and a Ceph S3 gateway on loopback, and
programs of PyPI.

with services.mongo(nodes=3) as mongo: … mongo.uri, mongo.pids
with services.s3() as s3: … s3.environment (AWS_…), s3.pids
services.venv("schemathesis"): the python of a virtual environment with the packages that schemathesis.txt pins

A test whose service is missing is skipped with the reason, or fails when REQUIRE=mongo,s3,pypi names the service.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

import pytest

HERE = pathlib.Path(__file__).resolve().parent


@dataclass
class Mongo:
    uri: str
    folder: pathlib.Path
    pids: dict = field(default_factory=dict)  # port: pid of its mongod
    commands: dict = field(default_factory=dict)  # port: the command that started it


@dataclass
class S3:
    environment: dict
    folder: pathlib.Path
    pids: dict = field(default_factory=dict)  # name ("client.rgw", "osd.0", "mon.a"): pid

    @property
    def endpoint(self):
        return self.environment["AWS_ENDPOINT_URL"]


def unavailable(name, reason):
    """Skips, or fails when REQUIRE demands the service."""
    if name in os.environ.get("REQUIRE", "").split(","):
        pytest.fail(f"{name} is required, and cannot be had: {reason}")
    pytest.skip(f"{name} cannot be had: {reason}")


def _start(script, name, folder, *options, environment=None):
    done = subprocess.run(
        [HERE / script, "start", *options, "--owner", str(os.getpid()), folder],
        capture_output=True, text=True, timeout=300, env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        unavailable(name, done.stderr.strip() or f"{script} ended with {done.returncode}")
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


@contextlib.contextmanager
def _folder(script, prefix):
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        subprocess.run([HERE / script, "stop", folder], check=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def mongo(nodes=3, election_ms=10000, oplog_mb=256, environment=None):
    with _folder("mongo", "mongo-") as folder:
        settings = _start("mongo", "mongo", folder, "--nodes", str(nodes), "--election", str(election_ms), "--oplog", str(oplog_mb),
                          environment=environment)
        rows = (line.split() for line in (folder / "pids").read_text().splitlines())
        pids = {int(port): int(pid) for port, pid in rows}
        yield Mongo(settings["TEST_MONGODB_URI"], folder, pids, {port: _command(pid) for port, pid in pids.items()})


@contextlib.contextmanager
def standalone():
    """The URI of a mongod that is no replica set, which a server must refuse."""
    with mongo(nodes=1) as running:
        (port,) = running.commands
        os.kill(running.pids[port], signal.SIGKILL)
        _until(lambda: not pathlib.Path(f"/proc/{running.pids[port]}/exe").exists())
        command = running.commands[port]
        at = command.index("--replSet")
        running.commands[port] = command[:at] + command[at + 2 :]
        restart_mongod(running, port)
        yield f"mongodb://127.0.0.1:{port}"


@contextlib.contextmanager
def s3():
    with _folder("ceph", "ceph-") as folder:
        environment = _start("ceph", "s3", folder)
        pids = {path.name[: -len(".pid")]: int(path.read_text()) for path in folder.glob("*.pid")}
        yield S3(environment, folder, pids)


def restart_mongod(mongo, port):
    """Starts a node again, on its data and at the same address, after a test has killed it."""
    with open(mongo.folder / "restart.log", "ab") as log:
        subprocess.run(mongo.commands[port], stdout=log, stderr=log, check=True)  # it forks when it answers
    mongo.pids[port] = _pid_of(mongo, port)


def _pid_of(mongo, port):
    number = [line.split()[0] for line in (mongo.folder / "pids").read_text().splitlines()].index(str(port))
    return int((mongo.folder / f"n{number}.pid").read_text())


def _command(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")


def restart_gateway(s3):
    """Starts the gateway of a running Ceph again, at the same address, after a test has killed it."""
    environment = {**os.environ, "CEPH_CONF": str(s3.folder / "ceph.conf")}
    pid_file = s3.folder / "client.rgw.pid"
    pid_file.unlink(missing_ok=True)
    subprocess.run(["radosgw", "-n", "client.rgw"], env=environment, check=True)
    s3.pids["client.rgw"] = int(_until(lambda: pid_file.exists() and pid_file.read_text().strip()))


def _until(condition):
    deadline = time.monotonic() + 60
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited a minute in vain"
        time.sleep(0.02)
    return value


def venv(name):
    """The python of a virtual environment with the packages pinned in NAME.txt beside this file, made once and
    kept under build/services."""
    pins = HERE / f"{name}.txt"
    folder = HERE.parents[1] / "build" / "services" / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    folder.mkdir(parents=True, exist_ok=True)
    python, made = folder / "venv" / "bin" / "python", folder / "made.txt"  # made.txt: the pins from which it was made
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed: another job of tests may want the same one
        if not made.exists() or made.read_text() != pins.read_text():
            pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", pins]
            for command in ([sys.executable, "-m", "venv", "--clear", folder / "venv"], pip):
                done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
                if done.returncode != 0:
                    unavailable("pypi", f"{name}: {done.stderr.strip()[-400:]}")
            shutil.copyfile(pins, made)
    return python
