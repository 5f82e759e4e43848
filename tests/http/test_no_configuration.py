"""With no configuration but a default dataset, SQLite and files do the work of the older collecting system."""
import sqlite3

import pytest
import requests
from bare import Bare
from collecting import form, picture
from harness import draw

pytestmark = pytest.mark.on("sqlite", "fs")


@pytest.fixture
def bare(tmp_path):
    """Makes a server in an empty home."""
    from conftest import finish

    made = []

    def make(**options):
        made.append(Bare(tmp_path / f"bare{len(made)}", **options))
        made[-1].add_user("ann", role="admin")
        return made[-1]

    yield make
    finish(made)


@pytest.mark.parametrize("options", [{"config": {"default_dataset": "leaves"}}, {"variables": {"DATABASE_NAME": "leaves"}}])
def test_a_default_dataset_is_all_that_collecting_needs(bare, options):
    server = bare(**options).start()
    ann, data = server.session("ann"), [picture(), picture("JPEG")]
    assert ann.post("/add_label/maple").json()["S3-Response"]["Key"] == "0"
    told = ann.post("/bulk_upload?label=0", files=form(("a.png", data[0]), ("b.jpg", data[1]))).json()
    assert [requests.get(file["Image URL"], timeout=30).content for file in told["uploaded"]] == data
    with sqlite3.connect(server.home / ".config/image-label-server/sqlite_dbs/leaves.db") as database:
        assert database.execute("SELECT label, count(*) FROM samples GROUP BY label").fetchall() == [("maple", 2)]


def test_a_folder_of_classes_loads_twice_and_the_second_time_adds_nothing(bare, tmp_path):
    server = bare(config={"default_dataset": "leaves"}).start()
    for number in range(30):
        draw(tmp_path / "trees" / ("oak", "maple", "birch")[number % 3] / f"{number}.png", (number, 9, 9))
    for row in (["loaded", "30"], ["duplicate", "30"]):
        done = server.script("image-label-load", "-u", "ann", "-b", server.url, "-d", "leaves", tmp_path / "trees",
                             IMAGE_LABEL_PASSWORD=server.passwords["ann"])
        assert (done.returncode, done.stderr) == (0, "")
        assert row in [line.split()[:2] for line in done.stdout.splitlines()], done.stdout
    assert server.session("ann").get("/v1/datasets/leaves").json()["size"] == 30
    done = server.script("image-label-export-csv", "--dataset", "leaves", "-o", tmp_path / "leaves.csv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "leaves.csv").read_text().count(",birch\n") == 10


def test_without_any_dataset_it_says_how_to_make_one(bare):
    done = bare().command("start")
    assert done.returncode == 1 and "no dataset" in done.stderr and "image-label-load" in done.stderr
