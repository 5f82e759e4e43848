"""tusd from the Go module proxy, as it starts without options but where to listen and where to keep uploads."""
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from harness import TOP, until
from .label_studio import free_port, release, services
from meter import proportional_memory

# The newest first; an older Go takes the last one only.
MODULES = ("github.com/tus/tusd/v2/cmd/tusd@v2.9.1", "github.com/tus/tusd/cmd/tusd@v1.13.0")


def install():
    """The program and its version."""
    go = shutil.which("go")
    if not go:
        services.unavailable("go", "there is no go (apt-get install golang-go)")
    said = ""
    for module in MODULES:
        version = module.rpartition("@")[2]
        folder = TOP / "build" / "services" / f"tusd-{version}"
        if not (folder / "tusd").exists():
            environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-ldflags=-s"}
            done = subprocess.run([go, "install", module], env=environment, cwd="/", capture_output=True, text=True)
            said = done.stderr
        if (folder / "tusd").exists():
            return folder / "tusd", version
    services.unavailable("go", f"{subprocess.run([go, 'version'], capture_output=True, text=True).stdout.strip()}: {said.strip()[-300:]}")


def sync(path):
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.close(file)


class Tusd:
    def __init__(self, folder):
        self.program, self.version = install()
        self.port, self.uploads, self.log = free_port(), folder / "tusd", folder / "tusd.log"
        self.url, self.path, self.synced = f"http://127.0.0.1:{self.port}", "/files/", set()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([self.program, "-host", "127.0.0.1", "-port", str(self.port), "-upload-dir", str(self.uploads)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self.answers, "tusd")

    def answers(self):
        try:
            return requests.options(self.url + self.path, timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def and_synced(self, seconds, files=None):
        """Has what it kept since the last time on the disk; says how long its work and this took, or the rate of so many files."""
        now = set(self.uploads.iterdir()) - self.synced
        begun = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(sync, now))
        seconds += time.monotonic() - begun
        self.synced |= now
        return f"theirs, then synced: {f'{files / seconds:.0f}/s' if files else f'{seconds:.2f} s'}"

    def memory(self):
        return proportional_memory([self.process.pid])

    def close(self):
        self.process.terminate()
        self.process.wait()
        release(self.port)
