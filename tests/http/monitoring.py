"""Prometheus's own programs, and its text as numbers."""
import contextlib
import json
import re
import shutil
import subprocess
import sys

import requests
from harness import TOP

sys.path.insert(0, str(TOP / "tests" / "services"))
import services  # noqa: E402
from ports import free_port, release  # noqa: E402

MONITORING = TOP / "scripts" / "monitoring"

LINE = re.compile(r'(\w+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def program(name):
    """The path of prometheus or promtool, else a skip."""
    path = shutil.which(name)
    return path or services.unavailable("prometheus", f"there is no {name} (Debian's package prometheus)")


def promtool(*words, **options):
    """Runs it, and returns what it says; it must find nothing wrong."""
    done = subprocess.run([program("promtool"), *map(str, words)], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Metrics(dict):
    """{(name, frozenset of labels): value}."""

    def __init__(self, text):
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = LINE.fullmatch(line).groups()
                self[name, frozenset(LABEL.findall(labels or ""))] = float(value)

    def labels(self, name):
        return [dict(labels) for found, labels in self if found == name]

    def total(self, name, **labels):
        """The sum of the samples that have these labels; 0 without any."""
        return sum(value for (found, has), value in self.items() if found == name and labels.items() <= dict(has).items())


def metrics(session):
    answer = session.get("/metrics")
    assert answer.status_code == 200, answer.text
    return Metrics(answer.text)


@contextlib.contextmanager
def prometheus(folder, server, user):
    """A real Prometheus that scrapes the server as that user, with the rules; gives the address of its API."""
    port, own = free_port(), folder / "prometheus.yml"
    own.write_text(json.dumps({
        "global": {"scrape_interval": "2s", "evaluation_interval": "1s"},
        "rule_files": [str(MONITORING / "rules.yml")],
        "scrape_configs": [{
            "job_name": "image-label",
            "basic_auth": {"username": user, "password": "secret"},
            "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}],
        }],
    }))
    words = [program("prometheus"), f"--config.file={own}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("w") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            yield f"http://127.0.0.1:{port}/api/v1/"
        finally:
            process.terminate()
            process.wait(30)
            release(port)


def ask(api, what, **query):
    """The data of an answer of Prometheus's API; None while it does not answer."""
    try:
        answer = requests.get(api + what, params=query, timeout=10).json()
    except (requests.ConnectionError, ValueError):
        return None
    assert answer["status"] == "success", (query, answer)
    return answer["data"]
