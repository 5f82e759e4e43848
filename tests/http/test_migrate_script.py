"""scripts/image-label-migrate: datasets and their images are moved to other stores, and compared through both
sides' servers."""
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess

import pymongo
import pytest
import requests
from collecting import bucket_client, picture, samples
from conftest import finish
from harness import LIBEXEC, SCRIPTS, Server, draw, until
from test_migration import LABELS, ROWS, older

pytestmark = pytest.mark.on("mongo", "s3")
HIDDEN = ("AWS_", "MONGODB_", "DATABASE_", "FROM_", "TO_", "IMAGE_LABEL_CONFIG")
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)} | {"IMAGE_LABEL_LIBEXEC": str(LIBEXEC)}
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
    return described, listed


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
    made = ann.post("/v1/datasets", json={"name": "asked", "labels": ["yes", "no"], "policy": {"overlap": 3, "lease_seconds": 50, "skip": "ignore"}})
    assert made.status_code == 201
    assert ann.put("/v1/datasets/asked/images/a.png", data=picture()).status_code == 201
    task(ann, "asked", label="yes")
    task(bob, "asked", label="no")
    return base


NAMES = ("photos", "collected", "asked")


def test_datasets_move_to_mongodb_and_s3_and_back(sides, cluster):
    here, back = sides("here"), sides("back", {"default_dataset": "collected"})
    base = used(here)
    ann = here.session("ann")
    before = {name: dump(ann, name) for name in NAMES}
    bytes_before = {name: images(ann, name) for name in NAMES}
    here.command("stop")
    source = content(here.folder / "sqlite_dbs") | content(here.store)

    told = moved(migrate(here, cluster, "--all"))
    assert "3 datasets moved, 0 failed" in told
    assert content(here.folder / "sqlite_dbs") | content(here.store) == source

    # As other services find it.
    assert cluster.database.labels.find_one() == {"_id": "collected", "0": "red", "1": "green"}
    assert cluster.database.labels.find_one({"_id": "photos"}) == {"_id": "photos", "0": "cat", "1": "dog", "2": "bird, big"}
    for document, sent in zip(cluster.database.images.find({"dataset": "collected"}).sort("id"), bytes_before["collected"], strict=True):
        assert document["Label"] == before["collected"][1][document["id"]]["label"]
        assert document["Timestamp"].isoformat(timespec="milliseconds") + "Z" == before["collected"][1][document["id"]]["uploaded_at"]
        assert requests.get(document["Image URL"], timeout=30).content == sent
        assert document["Image URL"].endswith(f"/{cluster.bucket}/{document['blob_key']}")
        head = cluster.s3.head_object(Bucket=cluster.bucket, Key=document["blob_key"])
        assert (head["ContentType"], head["ContentLength"]) == ("image/jpeg", len(sent))
    private = cluster.database.images.find_one({"dataset": "asked"})
    assert private["Image URL"] == "" and private["blob_key"].startswith("datasets/asked/images/")
    address = f"{cluster.s3.meta.endpoint_url}/{cluster.bucket}/{private['blob_key']}"
    assert requests.get(address, timeout=30).status_code == 403

    cluster.start()
    ann = cluster.session("ann")
    for name in NAMES:
        assert dump(ann, name) == before[name]
        assert images(ann, name) == bytes_before[name]

    # It goes on there: the queue, the votes, the keys, the ids.
    assert task(ann, "photos", label="cat") == 5
    assert task(ann, "photos", label="cat") == 6
    assert task(ann, "photos", label="cat") == 3  # put to the end; 4 was passed on
    assert ann.post("/v1/datasets/photos/tasks", json={}).status_code == 204
    assert task(cluster.session("bob"), "photos", label="dog") == 4
    classify(ann, "photos", base, "image0.png", "dog")
    cluster.add_user("eve", role="admin")
    assert cluster.reload().returncode == 0
    task(cluster.session("eve"), "asked", label="yes")
    assert ann.get("/v1/datasets/asked/samples/0").json()["label"] == "yes"
    assert ann.post("/add_label/blue").json()["S3-Response"]["Key"] == "2"
    assert ann.put("/v1/datasets/photos/images/new.png", data=picture()).json()["id"] == 9
    assert ann.put("/v1/datasets/photos/images/again.png", data=bytes_before["photos"][6]).json()["duplicate"] is True
    before = {name: dump(ann, name) for name in NAMES}
    bytes_before = {name: images(ann, name) for name in NAMES}
    cluster.command("stop")

    moved(migrate(cluster, back, "--all", "--base", "https://labels.example.org/"))
    back.start()
    ann = back.session("ann")
    for name in NAMES:
        assert dump(ann, name) == before[name]
        assert images(ann, name) == bytes_before[name]
    with sqlite3.connect(back.databases / "collected.db") as db:
        urls = [url for (url,) in db.execute("SELECT url FROM samples")]
    db.close()
    assert all(url.startswith("https://labels.example.org/public/images/") for url in urls)
    assert requests.get(back.url + urls[0].removeprefix("https://labels.example.org"), timeout=30).content == bytes_before["collected"][0]
    assert rows(back.databases / "photos.db")[0][1:] == ("image0.png", "dog")


def test_a_database_of_the_older_system_moves_unopened(sides, cluster):
    """With its gaps, and its rows listed twice; and its file stays one of the older system."""
    here, back = sides("here"), sides("back")
    for _, filepath, _ in ROWS:
        draw(here.images / "cats" / filepath)
    older(here.databases / "cats.db", here.images / "cats")
    before = content(here.databases)
    moved(migrate(here, cluster, "-d", "cats"))
    assert content(here.databases) == before
    with sqlite3.connect(here.databases / "cats.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (0,)
    db.close()
    found = [(document["id"] + 1, document["filepath"], document["Label"]) for document in cluster.database.images.find().sort("id")]
    assert found == [(row, filepath, label or "") for row, filepath, label in ROWS]

    cluster.start()
    ann = cluster.session("ann")
    assert ann.post("/size", json={"dataset_name": "cats"}).json()["size"] == len(ROWS)
    classify(ann, "cats", here.images / "cats", "b.png", "sphynx")
    labelled = {document["id"] for document in cluster.database.images.find({"Label": "sphynx"})}
    assert labelled == {1, 6}
    cluster.command("stop")
    moved(migrate(cluster, back, "-d", "cats"))
    wanted = [(row, filepath, "sphynx" if filepath == "b.png" else label or "") for row, filepath, label in ROWS]
    assert rows(back.databases / "cats.db") == wanted
    with sqlite3.connect(back.databases / "cats.db") as db:
        labels = [label for (label,) in db.execute("SELECT label FROM labels")]
    db.close()
    assert labels == [label for label in dict.fromkeys(LABELS) if label]


def export(*words):
    return subprocess.run([str(SCRIPTS / "image-label-export-csv"), *map(str, words)], env=PLAIN, capture_output=True, text=True)


def test_an_export_out_of_mongodb_is_that_out_of_sqlite_to_the_byte(sides, mongo, tmp_path):
    names = ['with "quotes".png', "a, b.png", "line\nbreak\r.png", "猫/ñ.png", " space .png", "=1+1.png", "\x7f\t.png"]
    here = sides("here")
    there = sides("there", {"dataset_store": {"type": "mongodb", "uri": mongo.uri, "database": "exported"}})
    labels = ["tabby", 'sphynx, "bald"', "ça 猫"]
    here.add_dataset("cats", labels, samples=[(name, labels[number % 3]) for number, name in enumerate(names)] + [f"{number}.png" for number in range(2500)])
    done = subprocess.run([LIBEXEC / "admin", "prepare", "--config", here.config_file], env=PLAIN, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    moved(migrate(here, there, "-d", "cats"))
    outputs = []
    for number, source in enumerate((("-i", here.databases / "cats.db"), ("--config", here.config_file, "--dataset", "cats"),
                                     ("--config", there.config_file, "-d", "cats"))):
        done = export(*source, "-o", tmp_path / f"{number}.csv")
        used = [f"image-label-export-csv: configuration: {word}" for word in source if str(word).endswith(".json")]
        assert (done.returncode, done.stdout, done.stderr.splitlines()) == (0, "", used)
        outputs.append(((tmp_path / f"{number}.csv").read_bytes(), (tmp_path / f"{number}.csv.json").read_bytes()))
    assert outputs[0] == outputs[1] == outputs[2]
    assert outputs[0][0].count(b"\r\n") == 2508
    for number, config in enumerate((here.config_file, there.config_file)):
        done = export("--config", config, "--dataset", "dogs", "-o", tmp_path / "dogs.csv")
        assert done.returncode == 1 and "dogs" in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("dogs*")) and not list(tmp_path.glob(".image*"))


# --- interrupted --------------------------------------------------------------------------------------------------


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


def test_killed_in_the_middle_it_goes_on_where_it_was(sides, cluster):
    here = sides("here")
    many(here, "many", 20000, uploaded=30)
    start_and_kill(here, cluster, "many", lambda: cluster.database.images.count_documents({}) >= 1000)
    there = cluster.database.images.count_documents({})
    assert 1000 <= there < 20030

    # Half of it is not served.
    cluster.add_dataset("other", ["x"])
    cluster.start()
    ann = cluster.session("ann")
    assert ann.post("/size", json={"dataset_name": "many"}).status_code == 404
    assert "many" not in [item["name"] for item in ann.get("/v1/datasets").json()["items"]]
    assert ann.post("/v1/datasets", json={"name": "many"}).status_code == 409

    first = [document["_id"] for document in cluster.database.images.find({"dataset": "many"}).sort("id").limit(there)]
    told = moved(migrate(here, cluster, "-d", "many"))
    assert f"({there} of them before)" in told
    assert [document["_id"] for document in cluster.database.images.find({"dataset": "many"}).sort("id").limit(there)] == first
    assert ann.post("/size", json={"dataset_name": "many"}).json()["size"] == 20030
    assert len(cluster.s3.list_objects_v2(Bucket=cluster.bucket)["Contents"]) == 30
    counts = ann.get("/v1/datasets/many").json()["counts"]
    assert (counts["labelled"], counts["unlabelled"]) == (6667, 13363)


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


def test_in_sqlite_too_half_of_it_is_not_served_and_is_gone_on_with(sides, big):
    there = sides("there")
    start_and_kill(big, there, "many", lambda: half_moved(there, "many") >= 500)
    count = half_moved(there, "many")
    assert 500 <= count < 80000 and not (there.databases / "many.db").exists()
    there.add_dataset("other", ["x"])
    there.start()
    ann = there.session("ann")
    assert ann.post("/size", json={"dataset_name": "many"}).status_code == 404
    assert ann.post("/v1/datasets", json={"name": "many"}).status_code == 409
    assert f"({count} of them before)" in moved(migrate(big, there, "-d", "many"))
    assert ann.post("/size", json={"dataset_name": "many"}).json()["size"] == 80000
    assert rows(there.databases / "many.db") == rows(big.databases / "many.db")
    assert not list(there.databases.glob(".moving*"))


def test_interrupted_it_says_that_it_goes_on(sides, big):
    there = sides("there")
    err = start_and_kill(big, there, "many", lambda: half_moved(there, "many") >= 500, signal.SIGINT)
    assert err.endswith("\nimage-label-migrate: Interrupted; the same command goes on from here\n")


def test_what_changed_in_the_source_meanwhile_is_copied_and_told(sides, big, tmp_path):
    there, here = sides("there"), sides("here")
    (here.databases / "many.db").write_bytes((big.databases / "many.db").read_bytes())
    start_and_kill(here, there, "many", lambda: half_moved(there, "many") >= 500)
    here.add_dataset("other", ["x"])
    here.start()
    base = big.images / "many"
    classify(here.session("ann"), "many", base, "1.png", "dog")
    assert here.session("ann").post("/v1/datasets/many/labels", json={"name": "new"}).status_code == 201
    here.command("stop")
    done = migrate(here, there, "-d", "many")
    assert "the source was changed while it was moved" in done.stderr
    moved(done)
    assert rows(there.databases / "many.db") == rows(here.databases / "many.db")
    assert rows(there.databases / "many.db")[1] == (2, "1.png", "dog")


def test_after_a_kill_at_any_time_the_same_command_ends_right(sides, big):
    """As soon as there is a file, or later and later."""
    there = sides("there")
    for least in (0, 1, 5000, 15000):
        start_and_kill(big, there, "many", lambda: (there.databases / ".moving-many.db").exists() and half_moved(there, "many") >= least)
    moved(migrate(big, there, "-d", "many"))
    assert rows(there.databases / "many.db") == rows(big.databases / "many.db")


def test_restart_begins_anew(sides, big):
    there = sides("there")
    start_and_kill(big, there, "many", lambda: half_moved(there, "many") >= 500)
    assert "of them before" not in moved(migrate(big, there, "-d", "many", "--restart"))
    assert rows(there.databases / "many.db") == rows(big.databases / "many.db")


# --- refused ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def worked_with(tmp_path_factory):
    """A source with a dataset "cats" that has an upload, stopped; the tests get copies of it."""
    here = Side(tmp_path_factory.mktemp("small") / "here")
    here.add_dataset("cats", ["cat", "dog"], samples=2)
    here.start()
    ann = here.session("ann")
    assert ann.put("/v1/datasets/cats/images/sent.png", data=picture()).status_code == 201
    task(ann, "cats", label="cat")
    finish([here])
    return here


@pytest.fixture
def small(sides, worked_with):
    here = sides("here")
    shutil.copytree(worked_with.databases, here.databases, dirs_exist_ok=True)
    shutil.copytree(worked_with.store, here.store)
    return here


def other(side, name="cats"):
    """Another dataset of that name, not served."""
    side.add_dataset(name, ["x"], samples=1)
    done = subprocess.run([LIBEXEC / "admin", "prepare", "--config", side.config_file], env=PLAIN, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_dataset_that_is_there_already_is_left_as_it_is(sides, small):
    there = sides("there")
    other(there)
    before = rows(there.databases / "cats.db")
    refused(migrate(small, there, "-d", "cats"), "cats", "exists already")
    refused(migrate(small, there, "-d", "cats", "--restart"), "exists already")
    assert rows(there.databases / "cats.db") == before


def test_moved_again_it_is_compared_and_refused_once_it_differs(sides, small):
    there = sides("there")
    moved(migrate(small, there, "-d", "cats"))
    assert "was moved already, and is the same" in moved(migrate(small, there, "-d", "cats"))
    there.start()
    task(there.session("bob"), "cats", label="dog")
    before = rows(there.databases / "cats.db")
    refused(migrate(small, there, "-d", "cats"), "cats", "changed since")
    assert rows(there.databases / "cats.db") == before


def test_an_unfinished_move_of_another_source_is_left_as_it_is(sides, small, big):
    there = sides("there")
    start_and_kill(big, there, "many", lambda: half_moved(there, "many") >= 500)
    count = half_moved(there, "many")
    other(small, "many")
    refused(migrate(small, there, "-d", "many"), "unfinished move of another dataset")
    assert half_moved(there, "many") == count


def test_all_goes_on_past_one_that_is_refused(sides, small):
    there = sides("there")
    other(small, "ants")
    other(there, "ants")
    done = migrate(small, there, "--all")
    refused(done, "ants", "exists already")
    assert "1 datasets moved, 1 failed" in done.stdout
    assert rows(there.databases / "cats.db") == rows(small.databases / "cats.db")


def test_a_dataset_that_is_not_there_is_told_and_nothing_is_made(sides, small):
    there = sides("there")
    refused(migrate(small, there, "-d", "dogs"), "dogs", "no such dataset", str(small.databases))
    assert list(there.databases.iterdir()) == []


def test_both_sides_may_not_be_the_same_store(small, tmp_path):
    class Same:
        config_file = tmp_path / "same.json"

    Same.config_file.write_text(json.dumps({**small.config, "image_store": {"dir": str(tmp_path / "elsewhere")}}))
    refused(migrate(small, Same, "-d", "cats"), "the same store", "sqlite_db_dir")


def test_an_image_that_is_missing_or_damaged_keeps_the_dataset_back(sides, small):
    there = sides("there")
    (image,) = [path for path in small.store.rglob("*.png")]
    data = image.read_bytes()
    image.chmod(0o600)
    image.write_bytes(data[:-1] + b"?")
    refused(migrate(small, there, "-d", "cats"), "image 2", "not those that were uploaded", "--allow-missing")
    image.unlink()
    refused(migrate(small, there, "-d", "cats"), "image 2", "1 images are missing")
    assert not (there.databases / "cats.db").exists() and not list(there.store.rglob("*.png"))
    image.write_bytes(data)
    moved(migrate(small, there, "-d", "cats"))
    assert [path.read_bytes() for path in there.store.rglob("*.png")] == [data]


def test_with_allow_missing_the_rest_is_moved(sides, small):
    there = sides("there")
    (image,) = [path for path in small.store.rglob("*.png")]
    image.unlink()
    done = migrate(small, there, "-d", "cats", "--allow-missing")
    assert "image 2" in done.stderr and "missing images" in done.stdout
    moved(done)
    assert rows(there.databases / "cats.db") == rows(small.databases / "cats.db")


def test_other_bytes_under_an_images_key_are_not_overwritten(sides, small):
    there = sides("there")
    (image,) = [path for path in small.store.rglob("*.png")]
    taken = there.store / image.relative_to(small.store)
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"others'")
    refused(migrate(small, there, "-d", "cats"), "other bytes")
    assert taken.read_bytes() == b"others'"


@pytest.mark.parametrize("words", [[], ["-d", "a", "--all"], ["--what"], ["-d"], ["-d", "a", "b"], ["-d", "a", "--jobs", "0"]])
def test_wrong_usage_has_a_status_of_its_own(sides, small, words):
    refused(migrate(small, sides("there"), *words), "--help", status=2)


def test_a_configuration_that_is_wrong_is_named(sides, small):
    there = sides("there")
    there.config_file.write_text('{"dataset_store": {"typ": "mongodb"}}')
    refused(migrate(small, there, "-d", "cats"), "config.json", "typ")
    there.config_file.write_text('{"dataset_store": {"type": "mongodb", "database": "x"}}')
    refused(migrate(small, there, "-d", "cats"), "dataset_store.uri")
    there.config_file.unlink()
    refused(migrate(small, there, "-d", "cats"), "config.json")


def test_a_store_that_is_down_is_told_by_its_side(sides, small):
    there = sides("there", {"dataset_store": {"type": "mongodb", "uri": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300", "database": "x"}})
    refused(migrate(small, there, "-d", "cats"), "--to")
    refused(migrate(there, small, "-d", "cats"), "--from")


# --- the environment ----------------------------------------------------------------------------------------------


def test_the_collecting_systems_variables_choose_no_store(sides, small):
    there = sides("there")
    done = migrate(small, there, "-d", "cats", MONGODB_CONN_STRING="mongodb://127.0.0.1:1/", DATABASE_NAME="x", AWS_BUCKET_NAME="x")
    assert "note: MONGODB_CONN_STRING is set, and not used" in done.stderr
    moved(done)
    assert rows(there.databases / "cats.db") == rows(small.databases / "cats.db")


def test_a_variable_may_be_for_one_side(sides, small, mongo):
    there = sides("there")
    env = {"TO_MONGODB_CONN_STRING": mongo.uri, "TO_DATABASE_NAME": "one-side"}
    moved(migrate(small, there, "-d", "cats", **env))
    database = pymongo.MongoClient(mongo.uri)["one-side"]
    assert database.images.count_documents({"dataset": "cats"}) == 3
    assert list(there.databases.iterdir()) == []


def test_a_variable_fills_in_what_the_file_that_chose_the_store_leaves_open(sides, small, mongo):
    there = sides("there", {"dataset_store": {"type": "mongodb", "database": "left-open"}})
    moved(migrate(small, there, "-d", "cats", MONGODB_CONN_STRING=mongo.uri, DATABASE_NAME="not-this"))
    assert pymongo.MongoClient(mongo.uri)["left-open"].images.count_documents({"dataset": "cats"}) == 3


def test_help_has_examples():
    done = subprocess.run([*WORDS, "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "Examples:" in done.stdout and "TO_" in done.stdout
