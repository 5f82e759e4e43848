"""scripts/image-label-migrate: datasets and their images are moved to other stores, and compared through both
sides' servers."""
import sqlite3
import subprocess

import pytest
import requests
from collecting import picture
from harness import LIBEXEC, SCRIPTS, draw
from migrating import PLAIN, classify, content, dump, images, migrate, moved, rows, task, used
from migrating import cluster, mongo, s3, sides  # noqa: F401 (fixtures)
from test_migration import LABELS, ROWS, older

pytestmark = pytest.mark.on("mongo", "s3")
NAMES = ("photos", "collected", "asked")


def followed_to(session):
    """A cursor of changes, in each dataset."""
    return {name: session.get(f"/v1/datasets/{name}/changes").json()["next"] for name in NAMES}


def begins_anew(session, cursors):
    """Whoever followed a dataset where it was is told so, and misses nothing."""
    for name, cursor in cursors.items():
        assert session.get(f"/v1/datasets/{name}/changes", params={"after": cursor}).status_code in (400, 410)
        assert session.get(f"/v1/datasets/{name}/changes").json()["items"]


def test_datasets_move_to_mongodb_and_s3_and_back(sides, cluster):
    here, back = sides("here"), sides("back", {"default_dataset": "collected"})
    base = used(here)
    ann = here.session("ann")
    before = {name: dump(ann, name) for name in NAMES}
    bytes_before = {name: images(ann, name) for name in NAMES}
    assert ann.post("/v1/users", json={"user": "eve"}).status_code == 201
    log = ann.get("/v1/audit").json()["items"]
    assert {"collected", "asked", None} <= {entry["dataset"] for entry in log}
    followed = followed_to(ann)
    here.command("stop")
    source = content(here.folder / "sqlite_dbs") | content(here.store)

    told = moved(migrate(here, cluster, "--all"))
    assert "3 datasets moved, 0 failed" in told and f"audit log: {len(log)} entries copied" in told
    assert "audit log: 0 entries copied" in moved(migrate(here, cluster, "--all"))
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
    assert ann.get("/v1/audit").json()["items"] == log
    begins_anew(ann, followed)

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
    log = [entry for entry in ann.get("/v1/audit").json()["items"] if entry["dataset"] in NAMES]
    followed = followed_to(ann)
    cluster.command("stop")

    moved(migrate(cluster, back, *[word for name in NAMES for word in ("-d", name)], "--base", "https://labels.example.org/"))
    back.start()
    ann = back.session("ann")
    assert ann.get("/v1/audit").json()["items"] == log
    begins_anew(ann, followed)
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
