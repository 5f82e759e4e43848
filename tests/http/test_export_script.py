"""scripts/image-label-export-csv: a dataset's file as CSV and JSON, with the file left exactly as it was."""
import csv
import hashlib
import json
import os
import pathlib
import shutil
import sqlite3
import stat
import subprocess
import tempfile
import threading

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "image-label-export-csv"
LABELS = ["tabby", "sphynx, bald", "ça 猫"]
SAMPLES = [
    ("tom/1.jpg", "tabby"),
    ("with space.png", ""),
    ('quote".png', "sphynx, bald"),
    ("line\nbreak.png", ""),
    ("猫/ñ.png", "ça 猫"),
]


def make(path, samples=SAMPLES, labels=LABELS, name="cats", base_dir="/data/cats", journal_mode="delete"):
    """A dataset as the older system writes it; in WAL mode as ours leaves it at rest."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(f"PRAGMA journal_mode = {journal_mode}")
    db.execute("CREATE TABLE metadata (dataset_name TEXT, base_dir TEXT)")
    db.execute("CREATE TABLE labels (label TEXT)")
    db.execute("CREATE TABLE samples (filepath TEXT, label TEXT)")
    db.execute("INSERT INTO metadata VALUES (?, ?)", (name, base_dir))
    db.executemany("INSERT INTO labels VALUES (?)", [(label,) for label in labels])
    db.execute("BEGIN")
    db.executemany("INSERT INTO samples VALUES (?, ?)", samples)
    db.execute("COMMIT")
    db.close()


def export(*arguments, script=SCRIPT, **options):
    return subprocess.run([script, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)


def exported(source, target):
    """The rows of an export that must succeed."""
    done = export("-i", source, "-o", target)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    with open(target, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["filepath", "label"]
    return [tuple(row) for row in rows]


def fingerprint(folder):
    """Every name in a folder with the hash of what it holds."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path):
    data = tmp_path / "sqlite dbs #1?%41"
    data.mkdir()
    return data


def test_rows_come_in_order_with_cells_quoted_only_where_needed(folder, tmp_path):
    make(folder / "cats.db")
    assert export("-i", folder / "cats.db", "-o", tmp_path / "out.csv").returncode == 0
    assert (tmp_path / "out.csv").read_bytes() == (
        "filepath,label\r\n"
        "tom/1.jpg,tabby\r\n"
        "with space.png,\r\n"
        '"quote"".png","sphynx, bald"\r\n'
        '"line\nbreak.png",\r\n'
        "猫/ñ.png,ça 猫\r\n").encode()


def test_the_json_beside_it_holds_name_base_dir_and_labels(folder, tmp_path):
    make(folder / "cats.db")
    assert export("--input", folder / "cats.db", "--output", tmp_path / "out.csv").returncode == 0
    expected = {"dataset_name": "cats", "base_dir": "/data/cats", "labels": LABELS}
    assert (tmp_path / "out.csv.json").read_text() == json.dumps(expected, indent=4)


def test_the_positional_form_names_folders(folder, tmp_path):
    make(folder / "cats.db")
    out = tmp_path / "out"
    out.mkdir()
    assert export(folder, "cats", out, "some name.csv").returncode == 0
    assert sorted(os.listdir(out)) == ["some name.csv", "some name.csv.json"]


def test_tilde_is_the_home_folder(folder, tmp_path):
    make(folder / "cats.db")
    done = export("-i", f"~/{folder.name}/cats.db", "-o", "~/out.csv", env={**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").exists()


def test_null_is_an_empty_cell(folder, tmp_path):
    make(folder / "cats.db", samples=[("a.png", None), ("b.png", "tabby")])
    assert exported(folder / "cats.db", tmp_path / "out.csv") == [("a.png", ""), ("b.png", "tabby")]


def test_no_samples_give_a_header_alone(folder, tmp_path):
    make(folder / "cats.db", samples=[], labels=[])
    assert exported(folder / "cats.db", tmp_path / "out.csv") == []
    assert json.loads((tmp_path / "out.csv.json").read_text())["labels"] == []


def test_an_export_has_the_usual_permissions(folder, tmp_path):
    make(folder / "cats.db")
    subprocess.run(["bash", "-c", 'umask 027; exec "$@"', "-", SCRIPT, "-i", folder / "cats.db", "-o", tmp_path / "out.csv"],
                   check=True)
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "out.csv.json").stat().st_mode) == 0o640


# --- the input stays as it is -------------------------------------------------------------------------------------


def copy_of_open(source, target):
    """What a crash leaves on the disk: the files as they are now, with nobody holding them."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        if os.path.exists(f"{source}{suffix}"):
            shutil.copy(f"{source}{suffix}", f"{target}{suffix}")


def crashed(folder, journal_mode):
    """A dataset whose program died: in WAL mode with a label only in the log, else in the middle of a transaction."""
    scratch = folder.parent / "scratch.db"
    make(scratch, samples=[(f"{i:04}.png", "") for i in range(2000)], journal_mode=journal_mode)
    db = sqlite3.connect(scratch, isolation_level=None)
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("PRAGMA cache_size = 2")
    db.execute("BEGIN")
    db.execute("UPDATE samples SET label = 'tabby'" + " WHERE rowid = 1" * (journal_mode == "wal"))
    if journal_mode == "wal":
        db.execute("COMMIT")
    copy_of_open(scratch, folder / "cats.db")
    db.close()
    return folder / "cats.db"


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_file_at_rest_is_not_touched(folder, tmp_path, journal_mode):
    make(folder / "cats.db", journal_mode=journal_mode)
    before = fingerprint(folder)
    assert exported(folder / "cats.db", tmp_path / "out.csv") == SAMPLES
    assert fingerprint(folder) == before
    assert list(before) == ["cats.db"]


def test_a_log_left_by_a_crash_is_read_and_left(folder, tmp_path):
    source = crashed(folder, "wal")
    before = fingerprint(folder)
    assert sorted(before) == ["cats.db", "cats.db-shm", "cats.db-wal"]
    assert exported(source, tmp_path / "out.csv")[:2] == [("0000.png", "tabby"), ("0001.png", "")]
    assert fingerprint(folder) == before


def test_a_log_without_its_shared_memory_file_is_read_and_left(folder, tmp_path):
    source = crashed(folder, "wal")
    os.unlink(f"{source}-shm")
    before = fingerprint(folder)
    assert exported(source, tmp_path / "out.csv")[:2] == [("0000.png", "tabby"), ("0001.png", "")]
    assert fingerprint(folder) == before


def test_a_transaction_cut_off_by_a_crash_is_not_exported_and_its_journal_left(folder, tmp_path):
    source = crashed(folder, "delete")
    before = fingerprint(folder)
    assert sorted(before) == ["cats.db", "cats.db-journal"]
    assert {label for _, label in exported(source, tmp_path / "out.csv")} == {""}
    assert fingerprint(folder) == before


def test_a_link_to_a_dataset_is_read_with_the_log_beside_the_dataset(folder, tmp_path):
    source = crashed(folder, "wal")
    (tmp_path / "link.db").symlink_to(source)
    assert exported(tmp_path / "link.db", tmp_path / "out.csv")[0] == ("0000.png", "tabby")


def test_labels_that_a_running_server_has_only_in_its_log_are_there(folder, tmp_path):
    make(folder / "cats.db", journal_mode="wal")
    server = sqlite3.connect(folder / "cats.db", isolation_level=None)
    server.execute("UPDATE samples SET label = 'tabby' WHERE filepath = 'with space.png'")
    before = fingerprint(folder)
    assert ("with space.png", "tabby") in exported(folder / "cats.db", tmp_path / "out.csv")
    assert fingerprint(folder) == before
    server.close()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_each_export_is_of_one_moment_while_labels_are_written(folder, tmp_path, journal_mode):
    """A writer gives all samples the same label in one transaction, over and over: no export may show two labels."""
    make(folder / "cats.db", samples=[(f"{i}.png", "0") for i in range(3000)], journal_mode=journal_mode)
    stop = threading.Event()
    written = threading.Event()

    def write():
        db = sqlite3.connect(folder / "cats.db", isolation_level=None, timeout=60)
        db.execute("PRAGMA synchronous = OFF")
        number = 0
        while not stop.is_set():
            number += 1
            db.execute("UPDATE samples SET label = ?", (str(number),))
            written.set()
        db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(60)
        for _ in range(5):
            rows = exported(folder / "cats.db", tmp_path / "out.csv")
            assert len(rows) == 3000
            assert len({label for _, label in rows}) == 1
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_a_folder_that_cannot_be_written_is_enough(journal_mode, installed):
    """As another user than root, whom permissions do not hold."""
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as top:
        data, out = pathlib.Path(top, "data"), pathlib.Path(top, "out")
        data.mkdir()
        out.mkdir(mode=0o777)
        out.chmod(0o777)
        make(data / "cats.db", journal_mode=journal_mode)
        (data / "cats.db").chmod(0o444)
        data.chmod(0o555)
        pathlib.Path(top).chmod(0o755)
        done = export("-i", data / "cats.db", "-o", out / "out.csv", script=installed / SCRIPT.name, **nobody)
        data.chmod(0o755)
        assert (done.returncode, done.stderr) == (0, "")
        assert os.listdir(data) == ["cats.db"]
        assert (out / "out.csv").read_bytes().startswith(b"filepath,label\r\ntom/1.jpg,tabby\r\n")


# --- failures -----------------------------------------------------------------------------------------------------


def refused(done, *words):
    """One clear line, and a status that says so."""
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_a_missing_dataset_is_named_and_not_made(folder, tmp_path):
    refused(export("-i", folder / "dogs.db", "-o", tmp_path / "out.csv"), "dogs.db", "no file")
    assert os.listdir(folder) == []
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("content", [b"", b"filepath,label\r\n", b"SQLite format 3\0 and then nothing of it"])
def test_what_is_no_dataset_is_refused(folder, tmp_path, content):
    (folder / "cats.db").write_bytes(content)
    refused(export("-i", folder / "cats.db", "-o", tmp_path / "out.csv"), "cats.db")
    assert (folder / "cats.db").read_bytes() == content
    assert os.listdir(tmp_path) == [folder.name]


def test_an_sqlite_file_without_the_tables_is_refused(folder, tmp_path):
    db = sqlite3.connect(folder / "cats.db")
    db.execute("CREATE TABLE something (else_)")
    db.close()
    refused(export("-i", folder / "cats.db", "-o", tmp_path / "out.csv"), "not a dataset", "no such table")
    assert os.listdir(tmp_path) == [folder.name]


def test_a_dataset_without_metadata_is_refused(folder, tmp_path):
    make(folder / "cats.db")
    db = sqlite3.connect(folder / "cats.db", isolation_level=None)
    db.execute("DELETE FROM metadata")
    db.close()
    refused(export("-i", folder / "cats.db", "-o", tmp_path / "out.csv"), "metadata is empty")


def test_a_damaged_dataset_leaves_the_export_of_before(folder, tmp_path):
    source = folder / "cats.db"
    make(source, samples=[(f"{i}.png", "") for i in range(5000)])
    content = bytearray(source.read_bytes())
    content[8192:40960] = b"\xff" * 32768
    source.write_bytes(content)
    (tmp_path / "out.csv").write_text("of before")
    refused(export("-i", source, "-o", tmp_path / "out.csv"), "cannot read", "malformed")
    assert (tmp_path / "out.csv").read_text() == "of before"
    assert sorted(os.listdir(tmp_path)) == ["out.csv", folder.name]


def test_an_output_that_cannot_be_written_is_refused(folder, tmp_path):
    make(folder / "cats.db")
    refused(export("-i", folder / "cats.db", "-o", tmp_path / "nowhere" / "out.csv"), "cannot write", "no folder")
    refused(export("-i", folder / "cats.db", "-o", tmp_path), "cannot write", "is a folder")
    refused(export("-i", folder / "cats.db", "-o", "/dev/null"), "cannot write", "no regular file")


def test_the_dataset_is_never_its_own_output(folder, tmp_path):
    make(folder / "cats.db")
    before = fingerprint(folder)
    refused(export("-i", folder / "cats.db", "-o", folder / "cats.db"), "the dataset itself")
    (tmp_path / "out.csv.json").hardlink_to(folder / "cats.db")
    refused(export("-i", folder / "cats.db", "-o", tmp_path / "out.csv"), "the dataset itself")
    assert fingerprint(folder) == before


def test_a_full_disk_is_said_and_leaves_nothing(folder, tmp_path):
    make(folder / "cats.db", samples=[(f"{i}.png", "") for i in range(50000)])
    done = subprocess.run(["bash", "-c", 'ulimit -f 64; trap "" XFSZ; exec "$@"', "-", SCRIPT, "-i", folder / "cats.db",
                           "-o", tmp_path / "out.csv"], capture_output=True, text=True)
    refused(done, "cannot write")
    assert os.listdir(tmp_path) == [folder.name]


@pytest.mark.parametrize("arguments", [
    [], ["-i", "x"], ["-o", "x"], ["a", "b", "c"], ["-i"], ["--what"], ["--config", "x", "-o", "x"],
    ["--config", "x", "-d", "x"], ["--config", "x", "-d", "x", "-i", "x", "-o", "x"]])
def test_wrong_usage_has_a_status_of_its_own(arguments):
    done = export(*arguments)
    refused(done, "--help")
    assert done.returncode == 2


def test_help_has_an_example():
    done = export("--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout
