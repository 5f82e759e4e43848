"""scripts/image-label-check: a healthy server is well while people work on it, and each planted fault is found."""
import json
import os
import sqlite3
import time
from contextlib import closing

import pytest
from backing import NAMES, command
from harness import draw, until
from migrating import classify, cluster, content, mongo, s3, sides, used  # noqa: F401 (fixtures)
from test_backup import Busy, server  # noqa: F401 (a fixture)
from test_migration import ROWS, older

pytestmark = pytest.mark.on("mongo", "s3")
OURS = "img-00000000-0000-8000-8000-000000000000.png"


def check(side, *words, status=0):
    """The number of findings by kind, and the whole report."""
    report = json.loads(command("image-label-check", side, "--json", "--state", side.state, *words, status=status)[0])
    return {kind: finding["found"] for kind, finding in report["findings"].items() if finding["found"]}, report


class Store:
    """The image store of a side, behind its server's back."""

    def __init__(self, side):
        self.side, self.bucket = side, getattr(side, "bucket", None)

    def delete(self, key):
        if self.bucket:
            self.side.s3.delete_object(Bucket=self.bucket, Key=key)
        else:
            self.path(key).unlink()

    def put(self, key, content):
        if self.bucket:
            self.side.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
            return
        path = self.side.store / "private" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time() - 7200,) * 2)

    def path(self, key):
        return next(self.side.store / tree / key for tree in ("private", "public") if (self.side.store / tree / key).exists())

    def has(self, key):
        if self.bucket:
            return "Contents" in self.side.s3.list_objects_v2(Bucket=self.bucket, Prefix=key)
        return any((self.side.store / tree / key).exists() for tree in ("private", "public"))


def keys_of(side, dataset):
    if hasattr(side, "database"):
        return [document["blob_key"] for document in side.database.images.find({"dataset": dataset, "blob_key": {"$exists": True}}).sort("id")]
    with closing(sqlite3.connect(side.databases / f"{dataset}.db")) as db:
        return [key for (key,) in db.execute("SELECT blob_key FROM samples WHERE blob_key IS NOT NULL ORDER BY id")]


def spoil(side, sql, change):
    """Changes the dataset photos behind the server's back."""
    if hasattr(side, "database"):
        collection, condition, update = change
        assert side.database[collection].update_one({"dataset": "photos", **condition}, update).matched_count == 1
        return
    with closing(sqlite3.connect(side.databases / "photos.db", isolation_level=None, timeout=20)) as db:
        db.execute(sql)


def test_a_healthy_server_is_well_while_people_work(server):
    used(server)
    with Busy(server) as busy:
        for words in ((), ("--thorough",), ("--repair", "--older-than", "0")):
            before = busy.done
            found, report = check(server, *words)
            assert found == {} and report["well"] and report["datasets"] == len(NAMES)
            until(lambda seen=before: busy.done > seen, "work meanwhile")
    assert check(server, "--older-than", "0")[0] == {}


def test_each_fault_is_found_and_repaired_where_that_is_safe(server):
    base = used(server)
    store, young = Store(server), ("--older-than", "0")
    ann = server.session("ann")
    ids = [item["id"] for item in ann.get("/v1/datasets/photos/samples", params={"limit": 100}).json()["items"]]
    assert ann.get(f"/v1/datasets/photos/samples/{ids[-1]}/thumb", params={"size": 256}).status_code == 200
    assert check(server, *young)[0] == {}

    store.put(f"datasets/photos/images/cat/{OURS}", b"left by a crash")
    store.put("datasets/photos/images/cat/img-from-somebody.png", b"somebody else's")
    assert check(server, *young, status=1)[0] == {"orphan": 2}
    assert check(server, *young, "--repair", status=1)[1]["findings"]["orphan"]["repaired"] == 1
    assert not store.has(f"datasets/photos/images/cat/{OURS}")
    store.delete("datasets/photos/images/cat/img-from-somebody.png")
    if store.bucket:
        store.put(f"datasets/photos/images/cat/{OURS}", b"perhaps under way on another machine")
        assert check(server)[0] == {}
        store.delete(f"datasets/photos/images/cat/{OURS}")

    spoil(server, "UPDATE counts SET n = n + 3 WHERE kind = 'state' AND name = '1'",
          ("counters", {"kind": "state", "name": "labelled"}, {"$inc": {"n": 3}}))
    spoil(server, "UPDATE counts SET n = n - 1 WHERE kind = 'label' AND name = 'dog'",
          ("counters", {"kind": "label", "name": "dog"}, {"$inc": {"n": -1}}))
    before = ann.get("/v1/datasets/photos").json()
    found, report = check(server, status=1)
    assert found == {"counts": 2} and any("photos: dog: kept" in text for text in report["findings"]["counts"]["examples"])
    assert check(server, "--repair")[1]["findings"]["counts"]["repaired"] == 2
    after = ann.get("/v1/datasets/photos").json()
    assert after["counts"]["labelled"] == before["counts"]["labelled"] - 3
    assert check(server)[0] == {}

    before = ann.get("/v1/datasets/photos/stats").json()
    for sql, kind, name, wrong in (("stats_given SET n = n + 1 WHERE by = 'bob'", "given", "^bob", {"n": 1}),
                                   ("stats_leads SET n = n + 2, ms = ms + 7 WHERE by = 'ann'", "lead", "^ann", {"n": 2, "ms": 7}),
                                   ("stats_pairs SET n = n - 1", "pair", "", {"n": -1}),
                                   ("stats_opinions SET n = n + 5", "opinion", "", {"n": 5})):
        spoil(server, f"UPDATE {sql}", ("counters", {"kind": kind, "name": {"$regex": name}}, {"$inc": wrong}))
    found, report = check(server, status=1)
    told = report["findings"]["statistics"]["examples"]
    assert found == {"statistics": 4} and any('labels given: "bob"' in text for text in told), (found, told)
    assert ann.get("/v1/datasets/photos/stats").json() != before
    assert check(server, "--repair")[1]["findings"]["statistics"]["repaired"] == 4
    assert check(server)[0] == {}
    assert ann.get("/v1/datasets/photos/stats").json() == before

    if hasattr(server, "database"):
        for collection, index in (("images", "by_label"), ("counters", "name")):
            server.database[collection].drop_index(index)
        found, report = check(server, status=1)
        assert found == {"database": 2} and "the index by_label of images is missing" in report["findings"]["database"]["examples"]
        assert check(server, "--repair")[1]["findings"]["database"]["repaired"] == 2
        assert check(server)[0] == {} and "by_label" in server.database.images.index_information()

    (base / "image3.png").rename(base / "away.png")
    assert check(server, status=1)[0] == {"folder": 1}
    (base / "away.png").rename(base / "image3.png")

    spoil(server, "UPDATE events SET label = 'cat' WHERE sample = 9", ("images", {"id": 8}, {"$set": {"Label": "cat"}}))
    found = check(server, status=1)[0]
    assert found.pop("history") == 1 and set(found) <= {"counts"}
    spoil(server, "UPDATE events SET label = 'dog' WHERE sample = 9", ("images", {"id": 8}, {"$set": {"Label": "dog"}}))
    assert check(server)[0] == {}

    group = next(folder for folder in (server.state / "cache/thumbs").iterdir() if any(folder.iterdir()))
    (group / "999-256").write_bytes(b"of a sample that is no more")
    (group.parent / "00000000-0000-4000-8000-000000000000").mkdir()
    assert check(server, status=1)[0] == {"thumbnail": 2}
    assert check(server, "--repair")[1]["findings"]["thumbnail"]["repaired"] == 2
    assert check(server)[0] == {}

    gone, *others = keys_of(server, "photos")
    store.delete(gone)
    store.delete(others[0])
    store.put(others[0], b"short")
    found, report = check(server, "--repair", status=1)
    assert found == {"missing": 1, "size": 1} and gone in report["findings"]["missing"]["examples"][0]
    assert not report["well"]


def test_a_database_of_the_older_system_is_well_before_and_after_it_is_served(sides):
    here = sides("here")
    for _, filepath, _ in ROWS:
        draw(here.images / "cats" / filepath)
    older(here.databases / "cats.db", here.images / "cats")
    before = content(here.databases)
    assert check(here)[0] == {}
    assert content(here.databases) == before
    here.start()
    classify(here.session("ann"), "cats", here.images / "cats", "b.png", "sphynx")
    found, report = check(here)
    assert found == {} and report["samples"] == len(ROWS)


def test_a_damaged_database_is_named_and_the_others_are_checked(sides):
    here = sides("here")
    here.add_dataset("broken", samples=[(f"{number}.png", "cat") for number in range(2000)], base_dir=here.images / "broken")
    here.add_dataset("whole", samples=2)
    here.start()
    here.command("stop")
    path = here.databases / "broken.db"
    content = bytearray(path.read_bytes())
    content[20 * 4096 + 8:24 * 4096] = bytes(4 * 4096 - 8)
    path.write_bytes(content)
    found, report = check(here, status=1)
    assert found["database"] >= 1 and report["findings"]["database"]["examples"][0].startswith("broken: ")
    assert report["datasets"] == 2


def test_what_cannot_be_checked_is_said(sides, tmp_path):
    here = sides("here")
    here.add_dataset("photos", samples=1)
    here.config["sqlite_db_dir"] = str(tmp_path / "nowhere")
    here.write_config()
    assert "the datasets: The folder of databases" in command("image-label-check", here, status=2)[1]
    assert "unknown option" in command("image-label-check", here, "--nonsense", status=2)[1]
