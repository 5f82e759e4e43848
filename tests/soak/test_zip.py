"""Zips whose numbers do not fit into the fields of the first zip format: many files, large files, and what follows them."""
import subprocess
import zipfile

import pytest
from harness import Server, draw

MANY = 70_000  # files: more than 16 bits count
LARGE = (4 << 30) + 5  # bytes: more than 32 bits count
PIECE = 1 << 20
MEMORY_KB = 32 * 1024


def name_of(number):
    """Every number has another name, and all are the same file."""
    return "".join(".//" if number >> bit & 1 else "./" for bit in range(17)) + "a.png"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    server.add_user("ann")
    many = server.add_dataset("many", ["cat"], [(name_of(number), "cat") for number in range(MANY)])
    draw(many / "a.png")
    large = server.add_dataset("large", ["cat"], [("first.png", "cat"), ("large.png", "cat"), ("last.png", "cat")])
    for name in ("first", "large", "last"):
        draw(large / f"{name}.png")
    with (large / "large.png").open("r+b") as file:
        file.truncate(LARGE)
    with server.start():
        yield server


def fetch(server, dataset, path):
    """Zeros take no room."""
    answer = server.session("ann").get(f"/v1/datasets/{dataset}/export", params={"format": "classfolders", "as": "zip"}, stream=True)
    assert answer.status_code == 200
    with path.open("wb") as file:
        for piece in answer.iter_content(PIECE):
            file.seek(len(piece), 1) if not piece.strip(b"\0") else file.write(piece)
        file.truncate()
    return path


def test_a_zip_of_many_files_takes_no_more_memory_than_one_of_few(server, tmp_path):
    path = fetch(server, "many", tmp_path / "many.zip")
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == MANY + 2 and archive.testzip() is None
    assert subprocess.run(["unzip", "-tqq", path]).returncode == 0
    (program,) = server.processes("export")
    peak = next(line for line in open(f"/proc/{program}/status") if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < MEMORY_KB


def test_a_zip_of_a_large_file_is_read_to_its_end(server, tmp_path):
    path = fetch(server, "large", tmp_path / "large.zip")
    with zipfile.ZipFile(path) as archive:
        assert [info.file_size for info in archive.infolist()][1] == LARGE
        assert archive.testzip() is None
        first, _, last = (server.images / "large" / f"{name}.png" for name in ("first", "large", "last"))
        assert archive.read("cat/first-0.png") == first.read_bytes() and archive.read("cat/last-2.png") == last.read_bytes()
    assert subprocess.run(["unzip", "-tqq", path]).returncode == 0
