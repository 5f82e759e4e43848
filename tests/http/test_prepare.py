"""`admin prepare`, `config` and `fold`: what a start does before anything is served."""
import json
import os
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import LIBEXEC

HIDDEN = ("AWS_", "MONGODB_", "DATABASE_", "IMAGE_LABEL_CONFIG")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}


@pytest.fixture
def config(tmp_path):
    return configured(tmp_path)


def configured(folder, **more):
    path = folder / "config.json"
    path.write_text(json.dumps({"sqlite_db_dir": "a/dbs", "json_db_dir": "a/json", "json_user_dir": "a/users", **more}))
    return path


def admin(config, command):
    words = [str(LIBEXEC / "admin"), command, "--config", str(config)]
    return subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)


def lay_user(config, text='{"user": "ann", "password": "secret"}'):
    folder = config.parent / "a/users"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ann.json").write_text(text)
    (folder / "ann.json").chmod(0o600)


def lay_dataset(config, name="cats", **more):
    folder = config.parent / "a/json"
    folder.mkdir(parents=True, exist_ok=True)
    sample = {"filepath": "1.png", "label": ""}
    keys = {"dataset_name": name, "labels": ["yes", "no"], "base_dir": "/", "samples": [sample], **more}
    (folder / f"{name}.json").write_text(json.dumps(keys))


def test_without_a_dataset_it_says_where_to_put_one(config):
    lay_user(config)
    answer = admin(config, "prepare")
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "no dataset" in answer.stderr
    assert str(config.parent / "a/json") in answer.stderr
    assert "image-label-load" in answer.stderr


def test_without_a_dataset_it_serves_if_that_is_configured(config):
    lay_user(config)
    configured(config.parent, when_empty="serve")
    assert admin(config, "prepare").returncode == 0


def test_a_dataset_that_cannot_be_opened_is_not_served_as_none(config):
    lay_user(config)
    configured(config.parent, when_empty="serve")
    dbs = config.parent / "a/dbs"
    dbs.mkdir(parents=True, exist_ok=True)
    (dbs / "broken.db").write_bytes(b"no database" * 100)
    answer = admin(config, "prepare")
    assert answer.returncode == 1 and "the only dataset cannot be opened" in answer.stderr


def test_without_a_user_it_says_how_to_make_one(config):
    lay_dataset(config)
    answer = admin(config, "prepare")
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "no user" in answer.stderr
    assert str(config.parent / "a/users") in answer.stderr
    assert "image-label-user add" in answer.stderr


def test_an_expired_user_is_none(config):
    lay_dataset(config)
    lay_user(config, '{"user": "ann", "password": "secret", "expires": "2001-01-01T00:00:00Z"}')
    assert "no user" in admin(config, "prepare").stderr


def test_a_bad_configuration_names_file_and_key(tmp_path):
    answer = admin(configured(tmp_path, json_user_dirs="x"), "prepare")
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert "config.json" in answer.stderr
    assert "json_user_dirs" in answer.stderr


def test_it_makes_folders_and_tells_a_line_a_dataset(config):
    lay_user(config)
    lay_dataset(config, "dogs")
    lay_dataset(config, "cats", samples=[{"filepath": "1.png", "label": "yes"}, {"filepath": "2.png", "label": ""}])
    answer = admin(config, "prepare")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.splitlines() == [
        "cats: new, 2 samples and 2 labels from cats.json",
        "dogs: new, 1 sample and 2 labels from dogs.json",
        "cats: 2 images, 1 labelled, 1 to label",
        "dogs: 1 image, 0 labelled, 1 to label",
    ]
    assert admin(config, "prepare").stdout.splitlines() == answer.stdout.splitlines()[2:]
    for name in (".htpasswd", ".grants"):
        assert (config.parent / "a/users" / name).stat().st_mode & 0o777 == 0o600


def test_what_is_broken_is_told_and_the_rest_holds(config):
    lay_user(config)
    lay_dataset(config, "cats")
    (config.parent / "a/json/broken.json").write_text('{"dataset_name": "x",\n"labels": [}')
    (config.parent / "a/users/broken.json").write_text("{")
    (config.parent / "a/dbs").mkdir()
    (config.parent / "a/dbs/noise.db").write_bytes(b"this is no database" * 100)
    answer = admin(config, "prepare")
    assert answer.returncode == 0
    told = answer.stderr.splitlines()
    assert len(told) == 3
    assert "json/broken.json" in told[0] and "line 2" in told[0]
    assert '"noise"' in told[1]
    assert "users/broken.json" in told[2]
    assert answer.stdout.splitlines()[-1] == "cats: 1 image, 0 labelled, 1 to label"


def test_a_database_that_cannot_be_opened_does_not_keep_the_others_from_being_served(tmp_path):
    """Whether its JSON is there, or gone: both at once, for each waits for the database."""
    configs, locks = [], []
    for merged in (False, True):
        (folder := tmp_path / f"merged {merged}").mkdir()
        configs.append(config := configured(folder))
        lay_user(config)
        lay_dataset(config, "cats")
        lay_dataset(config, "locked")
        assert admin(config, "prepare").returncode == 0
        (folder / "a/dbs/folder.db").mkdir()
        if merged:
            lay_dataset(config, "locked", labels=["yes", "no", "perhaps"])
        else:
            (folder / "a/json/locked.json").unlink()
        locks.append(other := sqlite3.connect(folder / "a/dbs/locked.db"))  # as a person's shell that was left open
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE samples SET label = label")
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda config: admin(config, "prepare"), configs))
    for other in locks:
        other.close()
    for answer in answers:
        assert answer.returncode == 0, answer.stderr
        assert "cats: 1 image, 0 labelled, 1 to label" in answer.stdout.splitlines()
        assert 'dataset "folder" cannot be opened' in answer.stderr
        assert "locked by another program" in answer.stderr


def test_one_that_cannot_be_opened_is_the_only_one(config):
    lay_user(config)
    (config.parent / "a/dbs/folder.db").mkdir(parents=True)
    assert admin(config, "prepare").stderr.splitlines()[-1] == "the only dataset cannot be opened"


def test_the_default_dataset_is_made(tmp_path):
    config = configured(tmp_path, default_dataset="collected")
    lay_user(config)
    answer = admin(config, "prepare")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == "collected: 0 images, 0 labelled, 0 to label\n"
    assert admin(config, "prepare").stdout == answer.stdout


def test_a_database_of_the_older_system_is_migrated(config):
    lay_user(config)
    (config.parent / "a/dbs").mkdir(parents=True)
    db = sqlite3.connect(config.parent / "a/dbs/old.db")
    db.executescript(
        """CREATE TABLE metadata (dataset_name TEXT, base_dir TEXT); CREATE TABLE labels (label TEXT);
        CREATE TABLE samples (filepath TEXT, label TEXT); INSERT INTO metadata VALUES ('old', '/');
        INSERT INTO labels VALUES ('yes'); INSERT INTO samples VALUES ('1.png', 'yes'), ('2.png', '')"""
    )
    db.close()
    answer = admin(config, "prepare")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == "old: 2 images, 1 labelled, 1 to label\n"


def test_config_is_json_with_absolute_paths_and_without_secrets(tmp_path):
    config = configured(tmp_path, dataset_store={"type": "mongodb", "uri": "mongodb://u:hidden@host/", "database": "d"})
    answer = admin(config, "config")
    assert answer.returncode == 0
    assert "hidden" not in answer.stdout
    resolved = json.loads(answer.stdout)
    assert resolved["json_user_dir"] == str(tmp_path / "a/users")
    assert resolved["path"] == str(config)


def test_fold_leaves_one_file_that_can_be_copied(config):
    lay_user(config)
    lay_dataset(config)
    admin(config, "prepare")
    answer = admin(config, "fold")
    assert (answer.returncode, answer.stderr) == (0, "")
    copy = config.parent / "copy.db"
    copy.write_bytes((config.parent / "a/dbs/cats.db").read_bytes())
    assert sqlite3.connect(copy).execute("SELECT filepath, label FROM samples").fetchall() == [("1.png", "")]


def test_wrong_usage_is_told(config):
    assert admin(config, "frobnicate").returncode == 2
    words = [str(LIBEXEC / "admin"), "config", "--config"]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 2


@pytest.mark.parametrize("there", ["nothing", "a file", "a folder"])
def test_a_dataset_whose_folder_is_not_there_is_told(config, there):
    lay_user(config)
    folder = config.parent / "pictures"
    if there == "a file":
        folder.write_text("")
    elif there == "a folder":
        folder.mkdir()
    lay_dataset(config, "cats", base_dir=str(folder))
    answer = admin(config, "prepare")
    assert answer.returncode == 0
    if there == "a folder":
        assert answer.stderr == ""
    else:
        assert f'dataset "cats": its images in {folder} cannot be read' in answer.stderr
        assert "image-label-load --in-place FOLDER --dataset cats --moved" in answer.stderr
