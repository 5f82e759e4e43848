"""scripts/image-label-migrate: what it refuses and leaves as it is, and which variables it takes."""
import json
import shutil
import subprocess

import pymongo
import pytest
from collecting import picture
from conftest import finish
from harness import LIBEXEC
from migrating import PLAIN, Side, WORDS, half_moved, migrate, moved, refused, rows, start_and_kill, task
from migrating import big, mongo, sides  # noqa: F401 (fixtures)

pytestmark = pytest.mark.on("mongo", "s3")


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
