"""scripts/image-label-migrate: whatever ends it in the middle, the same command goes on from there."""
import signal

import pytest
from migrating import classify, half_moved, many, migrate, moved, rows, start_and_kill
from migrating import big, cluster, mongo, s3, sides  # noqa: F401 (fixtures)

pytestmark = pytest.mark.on("mongo", "s3")


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
