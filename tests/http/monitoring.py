"""Prometheus's own programs, and its text as numbers."""
import re
import shutil
import subprocess
import sys

from harness import TOP

sys.path.insert(0, str(TOP / "tests" / "services"))
import services  # noqa: E402

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
