"""Files that root's commands make in another user's folders belong to that user, so that their server can use
them."""
import json
import os
import pathlib
import subprocess
import tempfile

import pytest
from harness import LIBEXEC, SCRIPTS, draw

OWNER = 65534
# A process that was root is not to be traced, which finding leaks would be.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do as if it were another")


@pytest.fixture
def place():
    """A folder that all may enter, in which somebody else has one."""
    with tempfile.TemporaryDirectory() as top:
        top = pathlib.Path(top)
        top.chmod(0o755)
        (top / "theirs").mkdir()
        os.chown(top / "theirs", OWNER, OWNER)
        for number in range(3):
            draw(top / "photos" / f"{number}.png", (number, 99, 99))
        yield top


def configure(place, name="config.json", **more):
    path = place / name
    folder = place / "theirs"
    path.write_text(json.dumps({"sqlite_db_dir": f"{folder}/dbs", "json_db_dir": f"{folder}/json",
                                "json_user_dir": f"{folder}/users", **more}))
    return path


def run(script, *arguments, bin=None, **options):
    """Runs a command: out of the checkout, which only root may be able to enter, or out of the folder `bin`."""
    words = [str((bin or SCRIPTS) / script), *map(str, arguments)]
    environment = ENVIRONMENT if bin else {**ENVIRONMENT, "IMAGE_LABEL_LIBEXEC": str(LIBEXEC)}
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, **options)


def loaded(config, place, dataset="photos", **options):
    return run("image-label-load", "--config", config, "--in-place", place / "photos", "--dataset", dataset,
               "--labels", "a,b", **options)


def of_root(folder):
    return [str(path) for path in [folder, *folder.rglob("*")] if path.lstat().st_uid != OWNER]


def test_a_dataset_loaded_by_root_is_the_folders_owners(place, installed):
    config = configure(place)
    done = loaded(config, place)
    assert done.returncode == 0, done.stderr
    assert of_root(place / "theirs") == []
    again = loaded(config, place, bin=installed, user=OWNER, group=OWNER, extra_groups=[])
    assert again.returncode == 0 and "known" in again.stdout, again.stderr


def test_what_the_owner_cannot_read_is_not_said_to_be_made(place):
    (place / "photos").chmod(0o700)
    done = loaded(configure(place), place)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Permission denied" in done.stderr
    assert list((place / "theirs").glob("dbs/*.db")) == []


def test_a_user_added_by_root_is_the_folders_owners(place):
    assert run("image-label-user", "--config", configure(place), "add", "ann").returncode == 0
    assert (place / "theirs" / "dbs" / ".audit.db").exists()
    assert of_root(place / "theirs") == []


def test_what_root_moves_to_their_stores_is_theirs(place):
    source = configure(place, "source.json", sqlite_db_dir=str(place / "ours"), image_store={"dir": str(place / "our images")})
    target = configure(place, image_store={"dir": str(place / "theirs" / "deep" / "images")})
    assert loaded(source, place).returncode == 0
    done = run("image-label-migrate", "--from", source, "--to", target, "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (place / "theirs" / "dbs" / "photos.db").exists()
    assert of_root(place / "theirs") == []


def test_a_backup_and_a_check_by_root_leave_the_folders_their_owners(place):
    config, backups = configure(place), place / "backups"
    assert loaded(config, place).returncode == 0
    for words in (("image-label-backup", "--to", backups), ("image-label-check", "--state", place / "state")):
        done = run(*words, "--config", config)
        assert done.returncode == 0, done.stdout + done.stderr
        assert of_root(place / "theirs") == []
    target = configure(place, "other.json", sqlite_db_dir=str(place / "theirs" / "again" / "dbs"),
                       json_user_dir=str(place / "theirs" / "again" / "users"), image_store={"dir": str(place / "theirs" / "again" / "images")})
    done = run("image-label-backup", "restore", "--from", backups, "--config", target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (place / "theirs" / "again" / "dbs" / "photos.db").exists()
    assert of_root(place / "theirs") == []


def test_an_export_by_root_is_the_folders_owners(place):
    config = configure(place)
    assert loaded(config, place).returncode == 0
    target = place / "theirs" / "out.csv"
    assert run("image-label-export-csv", "--config", config, "--dataset", "photos", "-o", target).returncode == 0
    assert of_root(place / "theirs") == []


def test_a_demo_made_by_root_is_the_folders_owners(place):
    assert run("image-label-demo", place / "theirs" / "run").returncode == 0
    assert of_root(place / "theirs") == []
