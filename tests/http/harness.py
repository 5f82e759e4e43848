"""Starts the real stack (nginx and the FastCGI programs) in a temporary folder on free ports, and always ends it."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests
from PIL import Image

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "services"))
from ports import free_port, release  # noqa: E402

SCRIPTS = TOP / "scripts"
VARIANT = {"": "release", "thread": "tsan"}.get(os.environ.get("SANITIZE", ""), "asan")
LIBEXEC = Path(os.environ.get("IMAGE_LABEL_LIBEXEC") or TOP / "build" / VARIANT / "bin")
# The environment without what chooses stores: for commands that are to go by their configuration alone.
HIDDEN = ("AWS_", "MONGODB_", "DATABASE_", "FROM_", "TO_", "IMAGE_LABEL_CONFIG")
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)} | {"IMAGE_LABEL_LIBEXEC": str(LIBEXEC)}
# The process that runs the tests may ignore these (nohup, a shell's "&"), and then the servers started here would,
# too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

DEADLINE = 60  # seconds after which waiting has failed


def kill(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it was ended by the one before it
            os.kill(pid, signal.SIGKILL)


def until(condition, what):
    """Waits until condition() is true and returns its value; fails naming `what` when that does not happen."""
    deadline = time.monotonic() + DEADLINE
    pause = 0.002
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {DEADLINE} s in vain: {what}"
        time.sleep(pause)
        pause = min(pause * 2, 0.1)
    return value


def files(folder):
    """The files and links in a folder and below, also while somebody makes and removes folders in it."""
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


def opened(pid):
    """The names of what a process holds open."""
    names = []
    with contextlib.suppress(OSError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                names.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    return names


def draw(path, color="red", size=(32, 24)):
    """Makes a picture file of the type of its name."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {".jpg": "JPEG", ".tif": "TIFF"}.get(path.suffix.lower(), path.suffix[1:].upper())
    Image.new("RGB", size, color).save(path, kind)
    return path


def sample_name(number):
    """Every number has another name, and all are the same file; classify.lua makes the same names."""
    return "".join(".//" if number >> bit & 1 else "./" for bit in range(19, -1, -1)) + "image.png"


class Server:
    """One server: first files (config, users, datasets), then start(). stop() leaves nothing, whatever has
    happened."""

    def __init__(self, folder, *, config=None, env=None, tls=False):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state = self.folder / "state"
        self.config_file = self.folder / "config.json"
        self.users = self.folder / "json_users"
        self.seeds = self.folder / "json_data"
        self.databases = self.folder / "sqlite_dbs"
        self.images = self.folder / "images"
        for made in (self.users, self.seeds, self.databases, self.images):
            made.mkdir(exist_ok=True)
        self.config = {
            "json_db_dir": str(self.seeds),
            "sqlite_db_dir": str(self.databases),
            "json_user_dir": str(self.users),
            **(config or {}),
        }
        self.write_config()
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MONGODB_", "DATABASE_"))},
            "IMAGE_LABEL_LIBEXEC": str(LIBEXEC),
            **(env or {}),
        }
        self.scripts = SCRIPTS
        self.passwords = {}
        self.port = self.tls_port = None
        self.tls = tls
        self.patience = 120  # seconds that a command may take

    # --- what it serves

    def write_config(self):
        self.config_file.write_text(json.dumps(self.config, indent=1))

    def add_user(self, name, password="secret", **more):
        """Writes a user's file; without further arguments one of the older system (no role: may label
        everything)."""
        given = {} if "password_hash" in more else {"password": password}
        file = self.users / f"{name.replace('/', '-')}.json"
        file.touch(0o600)
        file.write_text(json.dumps({"user": name, **given, **more}))
        self.passwords[name] = password

    def add_dataset(self, name="demo", labels=("cat", "dog"), samples=3, base_dir=None):
        """Writes a dataset's JSON. samples: how many pictures to draw, or a list of filepaths or (filepath, label)."""
        base_dir = Path(base_dir or self.images / name)
        base_dir.mkdir(parents=True, exist_ok=True)
        if isinstance(samples, int):
            samples = [f"image{number}.png" for number in range(samples)]
            for number, filepath in enumerate(samples):
                draw(base_dir / filepath, (number % 256, number // 256 % 256, 128))
        pairs = [(sample, "") if isinstance(sample, str) else sample for sample in samples]
        (self.seeds / f"{name}.json").write_text(
            json.dumps(
                {
                    "dataset_name": name,
                    "labels": list(labels),
                    "base_dir": str(base_dir),
                    "samples": [{"filepath": filepath, "label": label} for filepath, label in pairs],
                }
            )
        )
        return base_dir

    # --- running it

    def command(self, *arguments, before=(), **options):
        """Runs scripts/image-label-server with these arguments, through the command `before`; returns the
        finished process with its decoded output."""
        words = [*before, str(self.scripts / "image-label-server"), "--config", str(self.config_file), "--state", str(self.state)]
        if self.port is not None:
            words += ["--port", str(self.port)]
        if self.tls_port is not None:
            words += ["--tls-port", str(self.tls_port)]
        return subprocess.run(
            words + list(arguments), env=self.env, capture_output=True, text=True, timeout=self.patience, check=False, **options
        )

    def start(self):
        self.port = free_port()
        self.tls_port = free_port() if self.tls else None
        done = self.command("start")
        assert done.returncode == 0, f"start: {done.stderr}\n{self.logs()}"
        return self

    def stop(self):
        if not self.state.exists():  # it was never started
            return
        done = self.command("stop")
        for port in (self.port, self.tls_port):
            release(port)
        left = self.processes()
        for pid in left:
            os.kill(pid, 9)
        assert done.returncode == 0, f"stop: {done.stderr}"
        assert not left, f"left running after stop: {left}\n{self.logs()}"

    def reload(self):
        return self.command("reload")

    def restart(self):
        done = self.command("stop")
        assert done.returncode == 0, done.stderr
        done = self.command("start")
        assert done.returncode == 0, f"{done.stderr}\n{self.logs()}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def kill(self):
        """All of it at once, as when the power fails: nothing is ended or folded in."""
        kill([self.supervisor()])
        until(lambda: kill(self.processes()) or not self.processes(), "all are ended, and what they had just started")

    # --- looking at it

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self):
        return f"https://127.0.0.1:{self.tls_port}"  # a bare system may not know "localhost"

    @property
    def certificate(self):
        return str(self.state / "tls" / "certificate.pem")

    def session(self, user=None):
        """A requests session that knows the server's address: session.get("/size")."""
        return Session(self.url, (user, self.passwords[user]) if user else None)

    def supervisor(self):
        return int((self.state / "supervisor.pid").read_text())

    def executables(self):
        """{pid: the name of its program} for the live processes of this server, which are recognised by their
        working folder."""
        folder, found = os.path.realpath(self.state), {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{pid}/cwd") == folder:
                    found[int(pid)] = os.path.basename(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)"))
            except OSError:
                continue  # ended meanwhile, or another user's
        return found

    def processes(self, name=None):
        """The live processes of this server (or of one of its programs)."""
        return [pid for pid, program in self.executables().items() if name in (None, program)]

    def program_log(self, name):
        """The JSON lines that a program has logged."""
        lines = (self.state / "log" / f"{name}.log").read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def request_log(self):
        return [json.loads(line) for line in (self.state / "log" / "requests.log").read_text().splitlines()]

    def logs(self):
        """The ends of all logs, for the message of a failed test."""
        parts = []
        for log in sorted((self.state / "log").glob("*.log")):
            text = log.read_text(errors="replace")
            if text and log.name != "requests.log":
                parts.append(f"--- {log.name}\n{text[-3000:]}")
        return "\n".join(parts)

    def sanitizer_reports(self):
        """The sanitizers' findings in any program."""
        found = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")
        return [
            log.name + ": " + text[match.start() : match.start() + 4000]
            for log in (self.state / "log").glob("*.log")
            for text in [log.read_text(errors="replace")]
            for match in [found.search(text)]
            if match
        ]


class Session(requests.Session):
    """requests.Session with a base address; paths are sent as they are written, unless requests normalises them."""

    def __init__(self, base, auth):
        super().__init__()
        self.base = base
        self.auth = auth
        self.trust_env = False

    def request(self, method, url, **options):
        options.setdefault("timeout", DEADLINE)
        return super().request(method, self.base + url if url.startswith("/") else url, **options)


def send_raw(port, head, body=b""):
    """Sends bytes unchanged and returns (status, headers by lower-case name, body) of the single answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as connection:
        try:
            connection.sendall(head + body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before everything was sent: the answer is there
        answer = b""
        while b"\r\n\r\n" not in answer and (part := connection.recv(65536)):
            answer += part
        text, _, content = answer.partition(b"\r\n\r\n")
        lines = text.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if ": " in line)}
        length = int(headers.get("content-length", 0))
        while len(content) < length and (part := connection.recv(65536)):
            content += part
        return int(lines[0].split()[1]), headers, content


