"""Two servers between whose stores datasets are moved, and what there is to compare."""
import hashlib
import signal
import sqlite3
import subprocess

import pymongo
import pytest
from collecting import bucket_client, picture, samples
from conftest import finish
from harness import LIBEXEC, PLAIN, SCRIPTS, Server, until

WORDS = [str(SCRIPTS / "image-label-migrate")]


@pytest.fixture(scope="module")
def mongo(stores):
    running = stores.mongo()
    with pymongo.MongoClient(running.uri) as client:
        # So that what a killed program leaves behind ends soon.
        before = client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=5)["was"]
        yield running
        client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=before)


@pytest.fixture(scope="module")
def s3(stores):
    return stores.s3()


class Side(Server):
    """A server on the stores that its configuration file alone names, with a user of each kind."""

    def __init__(self, folder, config=None, env=None):
        super().__init__(folder, config={"image_store": {"type": "fs", "dir": str(folder / "store")}, **(config or {})}, env=env)
        self.store = folder / "store"
        for name in ("ann", "bob"):
            self.add_user(name, role="admin")


@pytest.fixture
def sides(tmp_path):
    """Makes servers' files, and ends those that were started: sides("here", config={…})."""
    made = []

    def make(name, config=None, env=None):
        made.append(Side(tmp_path / name, config, env))
        return made[-1]

    yield make
    finish(made)


@pytest.fixture
def cluster(sides, mongo, s3, request):
    """A side on MongoDB and S3, with a database and a bucket of the test's own."""
    name = "move-" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    bucket_client({**s3.environment}).create_bucket(Bucket=name)
    keys = {key: s3.environment[key] for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    side = sides("cluster", env=keys, config={
        "default_dataset": "collected",
        "dataset_store": {"type": "mongodb", "uri": mongo.uri, "database": name},
        "image_store": {"type": "s3", "endpoint": s3.endpoint, "region": s3.environment.get("AWS_REGION", "us-east-1"), "bucket": name},
    })
    side.keys, side.bucket = keys, name
    side.database = pymongo.MongoClient(mongo.uri)[name]
    side.s3 = bucket_client(s3.environment)
    return side


def migrate(source, target, *words, **env):
    words = [*WORDS, "--from", source.config_file, "--to", target.config_file, *words]
    keys = {**getattr(source, "keys", {}), **getattr(target, "keys", {})}
    return subprocess.run(words, env={**PLAIN, **keys, **env}, capture_output=True, text=True, timeout=300)


def moved(done):
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same" in done.stdout, done.stdout
    return done.stdout


def refused(done, *words, status=1):
    assert done.returncode == status, done.stdout + done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def dump(session, dataset):
    """All that a server tells of a dataset, but addresses and leases."""
    described = session.get(f"/v1/datasets/{dataset}").json()
    described["counts"].pop("leased")
    listed = []
    for sample in samples(session, dataset):
        sample.pop("image_url")
        sample.pop("thumb_url")
        sample["history"] = session.get(f"/v1/datasets/{dataset}/samples/{sample['id']}/history").json()
        listed.append(sample)
    snapshots = session.get(f"/v1/datasets/{dataset}/snapshots").json()["items"]
    for snapshot in snapshots:
        manifest = session.get(f"/v1/datasets/{dataset}/snapshots/{snapshot['name']}").content
        assert hashlib.sha256(manifest).hexdigest() == snapshot["digest"]
    return described, listed, snapshots


def images(session, dataset):
    """Every image's bytes."""
    ids = [sample["id"] for sample in samples(session, dataset)]
    found = [session.get(f"/v1/datasets/{dataset}/samples/{number}/image") for number in ids]
    assert all(answer.status_code == 200 for answer in found)
    return [answer.content for answer in found]


def task(session, dataset, action="label", **body):
    """Takes the next image and does that with it."""
    taken = session.post(f"/v1/datasets/{dataset}/tasks", json={}).json()["tasks"][0]
    done = session.post(f"/v1/datasets/{dataset}/tasks/{taken['token']}/{action}", json=body)
    assert done.status_code < 300, done.text
    return taken["sample"]["id"]


def classify(session, dataset, base_dir, filepath, label):
    body = {"dataset_name": dataset, "base_dir": str(base_dir), "filepath": filepath, "label": label}
    assert session.post("/classify", json=body).json() == {"response": True}


def rows(database):
    """A SQLite dataset as the older system's exporter reads it."""
    with sqlite3.connect(database) as db:
        found = db.execute("SELECT rowid, filepath, label FROM samples").fetchall()
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    return found


def content(folder):
    """The hash of every file below a folder, but of what SQLite lays beside its databases."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm", "-lock"))]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def used(here):
    """Datasets that have been worked with: photos, in a folder and uploaded; collected, public; asked, with three votes each."""
    here.config["default_dataset"] = "collected"
    here.write_config()
    base = here.add_dataset("photos", ["cat", "dog", "bird, big"], samples=6)
    here.start()
    ann, bob = here.session("ann"), here.session("bob")
    for number in range(3):
        put = ann.put(f"/v1/datasets/photos/images/sent/{number}.png", params={"label": "dog"} if number else {}, data=picture())
        assert put.status_code == 201
    task(ann, "photos", label="cat", lead_time_ms=1234)
    task(bob, "photos", label="dog")
    classify(bob, "photos", base, "image0.png", "bird, big")
    task(ann, "photos", "skip", policy="ignore")
    task(ann, "photos", "skip", policy="requeue_for_me")
    task(ann, "photos", "skip", policy="requeue_for_others")
    for name in ("red", "green"):
        assert ann.post(f"/add_label/{name}").status_code == 200
    for label in ("red", "green", ""):
        sent = ann.post("/single_upload/", params={"label": label} if label else {}, files={"file": ("from my phone.jpg", picture("JPEG"))})
        assert sent.status_code == 200
    for name in ("collected", "photos"):
        assert ann.post(f"/v1/datasets/{name}/snapshots", json={"name": "v1", "split": "50,25,25", "seed": "s"}).status_code == 201
    made = ann.post("/v1/datasets", json={"name": "asked", "labels": ["yes", "no"], "policy": {"overlap": 3, "lease_seconds": 50, "skip": "ignore"}})
    assert made.status_code == 201
    assert ann.put("/v1/datasets/asked/images/a.png", data=picture()).status_code == 201
    task(ann, "asked", label="yes")
    task(bob, "asked", label="no")
    return base


def many(side, name, count, uploaded=0):
    """A dataset of so many samples, some of them labelled, and some uploads."""
    pairs = [(f"{number}.png", "cat" if number % 3 == 0 else "") for number in range(count)]
    base = side.add_dataset(name, ["cat", "dog"], samples=pairs)
    if not uploaded:
        done = subprocess.run([LIBEXEC / "admin", "prepare", "--config", side.config_file], env=PLAIN, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return base
    side.start()
    ann = side.session("ann")
    for number in range(uploaded):
        assert ann.put(f"/v1/datasets/{name}/images/sent/{number}.png", data=picture()).status_code == 201
    side.command("stop")
    return base


def start_and_kill(source, target, name, condition, number=signal.SIGKILL):
    """Starts to move, and kills that as soon as something is there and not everything; gives what it said."""
    words = [*WORDS, "--from", source.config_file, "--to", target.config_file, "--dataset", name]
    keys = {**getattr(source, "keys", {}), **getattr(target, "keys", {})}
    process = subprocess.Popen(words, env={**PLAIN, **keys}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: condition() or process.poll() is not None, "some records in the destination")
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == -number, f"it was too quick: {out}{err}"
    return err


def half_moved(side, name):
    """How many samples the hidden database has."""
    try:
        db = sqlite3.connect(f"file:{side.databases}/.moving-{name}.db?mode=ro", uri=True)
        count = db.execute("SELECT COUNT(*) FROM samples").fetchone()[0]
        db.close()
        return count
    except sqlite3.Error:
        return 0


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A dataset of SQLite that takes a while to move."""
    side = Side(tmp_path_factory.mktemp("big") / "here")
    many(side, "many", 80000)
    return side
