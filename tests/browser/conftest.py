"""Fixtures of the browser tests: one server, a Chromium for each of its users, a dataset for each test."""
import itertools
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "http")]
from chromium import Browser, programs  # noqa: E402
from faulty import Faulty  # noqa: E402
from harness import SCRIPTS, Server, draw  # noqa: E402

COLORS = ("tomato", "gold", "limegreen", "deepskyblue", "orchid", "slategray", "sienna", "navy")


class Dataset:
    """A dataset of the running server, and what is stored in it."""

    def __init__(self, server, name):
        self.server, self.name = server, name

    def load(self, *options):
        """Loads what is in its folder, as scripts/image-label-load does."""
        folder = self.server.images / self.name
        command = [SCRIPTS / "image-label-load", "--config", self.server.config_file, "--in-place", folder]
        command += ["--dataset", self.name, *options]
        done = subprocess.run(command, env=self.server.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def labels(self):
        """filepath → label, as any reader finds it in the SQLite file; only samples with a label."""
        with sqlite3.connect(f"file:{self.server.databases / self.name}.db?mode=ro", uri=True) as database:
            return dict(database.execute("SELECT filepath, label FROM samples WHERE label <> ''"))

    def counts(self, user="ann"):
        return self.server.session(user).get(f"/v1/datasets/{self.name}").json()["counts"]

    def lease(self, user, count=1):
        """Takes tasks, as another program would."""
        answer = self.server.session(user).post(f"/v1/datasets/{self.name}/tasks", json={"count": count})
        return answer.json()["tasks"] if answer.status_code == 200 else []

    def classify(self, user, filepath, label):
        body = {
            "dataset_name": self.name,
            "base_dir": str(self.server.images / self.name),
            "filepath": filepath,
            "label": label,
        }
        assert self.server.session(user).post("/classify", json=body).json() == {"response": True}


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One running server: ada is its admin, ann and bob label, carl also adds labels, vera only looks, newt has no role yet."""
    programs()
    running = Server(tmp_path_factory.mktemp("server"))
    running.add_user("ada", role="admin")
    running.add_user("ann")
    running.add_user("bob")
    running.add_user("vera", role="viewer")
    running.add_user("carl", role="contributor")
    running.add_user("newt", role="annotator", datasets=[])
    running.add_dataset("demo")
    try:
        yield running.start()
    finally:
        running.stop()


numbers = itertools.count(1)


@pytest.fixture
def make_dataset(server):
    """make_dataset(labels=…, samples=COUNT or filepaths): a new dataset on the running server."""

    def make(labels=("cat", "dog", "bird"), samples=8, name=None):
        name = name or f"set{next(numbers)}"
        paths = [f"{number:03}.png" for number in range(samples)] if isinstance(samples, int) else samples
        for number, path in enumerate(paths):
            draw(server.images / name / path, COLORS[number % len(COLORS)], (320, 240))
        dataset = Dataset(server, name)
        dataset.load("--labels", ",".join(labels))
        return dataset

    return make


@pytest.fixture
def dataset(make_dataset):
    return make_dataset()


@pytest.fixture(scope="session")
def browsers(server):
    """browsers(user): that user's Chromium, started once."""
    started = {}

    def browser(user):
        if user not in started:
            started[user] = Browser(server, user)
        return started[user]

    yield browser
    for each in started.values():
        each.quit()


@pytest.fixture
def browser(browsers):
    """Makes browser(user) for one test, with nothing left of other tests."""
    used = []

    def get(user):
        found = browsers(user)
        if found not in used:
            found.online()
            found.block()
            found.console()
            used.append(found)
        return found

    yield get
    for each in used:
        each.online()
        each.block()
        each.script("localStorage.clear()")
        each.driver.get("about:blank")


@pytest.fixture
def ada(browser):
    return browser("ada")


@pytest.fixture
def ann(browser):
    return browser("ann")


@pytest.fixture
def bob(browser):
    return browser("bob")


@pytest.fixture
def relay(server):
    """A connection to the server on which answers can get lost."""
    relay = Faulty(server.port)
    yield relay
    relay.close()
