"""scripts/image-label-export: fetches an export, goes on after an interruption, and checks what came."""
import csv
import hashlib
import json
import os
import subprocess
import tarfile
import zipfile

import pytest
from harness import SCRIPTS, draw, until

SEEDED = [("a/1.png", "cat"), ("=2.png", "dog"), ("b/3.jpg", "cat"), ("4.png", "")]


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    server.add_user("ann")
    server.add_user("carol", role="contributor")
    folder = server.add_dataset("pets", ["cat", "dog"], SEEDED)
    for number, (filepath, _) in enumerate(SEEDED):
        draw(folder / filepath, (number, 9, 9), (400, 300))
    return server.start()


@pytest.fixture
def run(server, tmp_path):
    def run(form, *more, folder=tmp_path / "out", **options):
        words = [SCRIPTS / "image-label-export", "-u", "ann", "-d", "pets", "-b", server.url, "--format", form, *more, folder]
        environment = {**os.environ, "IMAGE_LABEL_PASSWORD": "secret", "HOME": str(tmp_path)}
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=environment, timeout=60, **options)
        done.files = [folder.parent / line if not line.startswith("/") else folder / os.path.basename(line) for line in done.stdout.splitlines()]
        return done

    return run


def fetched(done):
    assert done.returncode == 0, done.stderr
    return done.files


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "sagemaker", "labelstudio", "croissant", "classfolders", "huggingface"])
def test_each_form_is_saved_under_its_name_and_nothing_else_is_left(run, form):
    (file,) = fetched(run(form, "--split", "80,10,10", "--seed", "1 & 2"))
    assert file.stat().st_size > 0
    assert sorted(path.name for path in file.parent.iterdir()) == sorted({file.name} | ({"samples.jsonl"} if form == "croissant" else set()))


def test_filters_are_passed_on(run):
    (file,) = fetched(run("csv", "--label", "cat", "--q", ".png"))
    assert list(csv.reader(file.open(newline=""))) == [["filepath", "label"], ["a/1.png", "cat"]]


def test_a_snapshot_is_fetched_as_it_was(server, run):
    made = server.session("carol").post("/v1/datasets/pets/snapshots", json={"name": "v1", "split": "50,25,25", "seed": "s"})
    assert made.status_code == 201, made.text
    (whole,) = fetched(run("classfolders", "--snapshot", "v1"))
    assert {name.split("/")[0] for name in tarfile.open(whole).getnames()} <= {"train", "val", "test", "classes.txt", "classes.json"}
    done = run("csv", "--snapshot", "v2")
    assert done.returncode == 1 and "v2" in done.stderr


def test_class_folders_as_tar_and_as_zip(run):
    (tar,) = fetched(run("classfolders"))
    (archive,) = fetched(run("classfolders", "--as", "zip"))
    assert (tar.name, archive.name) == ("pets.tar", "pets.zip")
    assert sorted(tarfile.open(tar).getnames()) == sorted(zipfile.ZipFile(archive).namelist())


def test_croissant_comes_with_what_it_describes(run):
    (file,) = fetched(run("croissant"))
    described = json.loads(file.read_text())["distribution"][0]
    assert hashlib.sha256((file.parent / "samples.jsonl").read_bytes()).hexdigest() == described["sha256"]


def test_shards_are_saved_with_their_index(run):
    *shards, index = fetched(run("webdataset"))
    assert [(shard.name, tarfile.open(shard).getnames()[0]) for shard in shards] == [("000000.tar", "0.png")]
    assert json.loads(index.read_text())["shardlist"][0]["url"] == "000000.tar"


def test_a_shard_goes_on_where_it_broke_off(server, run):
    shard, _ = fetched(run("webdataset"))
    whole, etag = shard.read_bytes(), shard.with_name("000000.tar.etag").read_text()
    shard.with_name("000000.tar.part").write_bytes(whole[:3000])
    shard.with_name("000000.tar.part.etag").write_text(etag)
    shard.unlink()
    assert fetched(run("webdataset"))[0].read_bytes() == whole
    until(lambda: any(line["status"] == 206 for line in server.request_log()), "the rest alone was sent")


def test_a_shard_that_is_there_is_not_fetched_again_and_one_of_another_version_is(server, run):
    shard, _ = fetched(run("webdataset"))
    before = shard.stat()
    assert fetched(run("webdataset"))[0].stat().st_mtime_ns == before.st_mtime_ns
    draw(server.images / "pets" / "a/1.png", (77, 7, 7), (300, 300))
    again = fetched(run("webdataset"))[0]
    assert again.stat().st_mtime_ns != before.st_mtime_ns
    with tarfile.open(again) as archive:
        assert archive.extractfile("0.png").read() == (server.images / "pets" / "a/1.png").read_bytes()


def test_what_cannot_be_had_says_why_and_leaves_nothing(run, tmp_path):
    for words, status, says in (
        (("csv", "-d", "none"), 1, "Database not found"),
        (("csv", "--split", "80"), 1, "80,10,10"),
        (("csv", "-p", "wrong"), 1, "Authentication failed"),
        (("csv", "-b", "http://127.0.0.1:9"), 1, "broke off"),
        (("xls",), 2, "there is no format xls"),
        (("csv", "--spilt", "1"), 2, "--spilt"),
        (("csv", "--seed"), 2, "where to"),
    ):
        done = run(*words)
        assert (done.returncode, done.stdout) == (status, ""), (words, done.stderr)
        assert says in done.stderr, (words, done.stderr)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_help_and_version(run):
    for word, says in (("--help", "classfolders"), ("--version", "1.0.0")):
        done = run("csv", word)
        assert done.returncode == 0 and says in done.stdout
