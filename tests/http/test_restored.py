"""A backup restored over a dataset's database, beside the former one's log, is refused by name, and the other
datasets go on."""
import os
import shutil
import subprocess

import pytest
from harness import SCRIPTS, until

pytestmark = pytest.mark.on("sqlite")
TOLD = "cats.db was replaced, by a backup perhaps, while the log of the former one lies beside it: delete cats.db-wal and cats.db-shm"


@pytest.fixture
def server(make_server):
    server = make_server()
    server.add_user("ann")
    for name in ("cats", "dogs"):
        server.add_dataset(name, labels=("yes", "no"), samples=20)
    return server.start()


def label(server, dataset, number):
    body = {"dataset_name": dataset, "base_dir": str(server.images / dataset), "filepath": f"image{number}.png", "label": "yes"}
    return server.session("ann").post("/classify", json=body)


def labelled(server, dataset):
    return server.session("ann").get(f"/v1/datasets/{dataset}").json()["counts"]["labelled"]


def backed_up(server):
    """As the README says; label 0 is in the backup, and labels 1 to 3 are given later."""
    assert label(server, "cats", 0).json() == {"response": True}
    backup = server.folder / "cats.db"
    command = f"flock cats.db-lock sqlite3 cats.db \".backup '{backup}'\""
    subprocess.run(["bash", "-c", command], cwd=server.databases, check=True, timeout=60)
    for number in (1, 2, 3):
        assert label(server, "cats", number).json() == {"response": True}
    return backup


def over(backup, database):
    shutil.copyfile(backup, database)


def in_place_of(backup, database):
    os.replace(backup, database)


def assert_refused(server, told):
    assert f'dataset "cats" cannot be opened: Dataset cats: {TOLD}' in told
    refused = label(server, "cats", 4)
    assert refused.status_code == 503 and TOLD in refused.text, refused.text
    assert label(server, "dogs", 0).json() == {"response": True}
    anyone = server.session()
    until(lambda: anyone.get("/readyz").json()["unavailable"] == 1, "it is not ready")
    assert anyone.get("/readyz").status_code == 503
    load = [str(SCRIPTS / "image-label-load"), "--config", str(server.config_file), "--in-place", str(server.images / "cats"), "--dataset", "cats"]
    done = subprocess.run(load, env=server.env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and TOLD in done.stderr, done.stderr


def forget_log(server):
    for suffix in ("-wal", "-shm"):
        (server.databases / f"cats.db{suffix}").unlink()
    done = server.reload()
    assert done.returncode == 0 and "cannot be opened" not in done.stderr, done.stderr
    anyone = server.session()
    until(lambda: anyone.get("/readyz").status_code == 200, "it is ready again")


@pytest.mark.parametrize("restore", [over, in_place_of])
def test_after_a_kill(server, restore):
    backup, database = backed_up(server), server.databases / "cats.db"
    server.kill()
    former = shutil.copyfile(database, server.folder / "former.db")
    restore(backup, database)
    done = server.command("start")
    assert done.returncode == 0, done.stderr
    assert_refused(server, done.stderr)

    backup = shutil.copyfile(database, server.folder / "backup.db")
    restore(former, database)
    assert labelled(server, "cats") == 4

    restore(backup, database)
    forget_log(server)
    assert labelled(server, "cats") == 1
    assert label(server, "cats", 4).json() == {"response": True}


@pytest.mark.parametrize("restore", [over, in_place_of])
def test_under_the_running_server(server, restore):
    backup = backed_up(server)
    restore(backup, server.databases / "cats.db")
    refused = server.session("ann").get("/v1/datasets/cats/samples")
    assert refused.status_code == 503 and TOLD in refused.text
    refused = label(server, "cats", 4)
    assert refused.status_code == 503 and TOLD in refused.text
    done = server.reload()
    assert done.returncode == 0, done.stderr
    assert_refused(server, done.stderr)
    forget_log(server)
    assert labelled(server, "cats") == 1


def test_restoring_as_the_readme_says_is_nothing_to_tell(server):
    backup = backed_up(server)
    assert server.command("stop").returncode == 0
    shutil.copyfile(backup, server.databases / "cats.db")
    done = server.command("start")
    assert done.returncode == 0 and "cannot be opened" not in done.stderr, done.stderr
    assert labelled(server, "cats") == 1
    assert label(server, "cats", 4).json() == {"response": True}
