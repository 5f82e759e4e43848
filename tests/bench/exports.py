"""The topic "exports": downloads against the tools that read the same files on the same machine."""
import contextlib
import os
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

from harness import Server
from meter import Run, in_turns, peak_memory

ROWS, IMAGES, IMAGE_BYTES, ROUNDS = 200_000, 3_000, 100_000, 3
MEMORY_MB = 32


def timed(count, *words):
    begun = time.monotonic()
    subprocess.run(f"{' '.join(map(str, words))} | cat >/dev/null", shell=True, check=True, executable="/bin/bash")
    return Run.of(count, time.monotonic() - begun)


def put_rows(server):
    """A database of the older system, which the server takes over."""
    with contextlib.closing(sqlite3.connect(server.databases / "rows.db")) as database:
        database.executescript("PRAGMA synchronous = OFF; CREATE TABLE metadata (dataset_name TEXT, base_dir TEXT);"
                               "CREATE TABLE labels (label TEXT); CREATE TABLE samples (filepath TEXT, label TEXT);"
                               "INSERT INTO metadata VALUES ('rows', '/tmp'); INSERT INTO labels VALUES ('cat');")
        rows = ((f"camera{number % 7}/2024/image-{number:07}.jpg", "cat") for number in range(ROWS))
        database.executemany("INSERT INTO samples VALUES (?, ?)", rows)
        database.commit()


def put_images(server):
    names = [f"{number % 10}/{number}.jpg" for number in range(IMAGES)]
    folder = server.add_dataset("images", ["cat"], [(name, "cat") for name in names])
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\xff\xd8\xff" + os.urandom(IMAGE_BYTES - 3))
    return folder


def exports(table):
    """downloads, against sqlite3 and tar on the same files"""
    with tempfile.TemporaryDirectory() as name:
        server = Server(Path(name) / "server")
        server.add_user("ann")
        put_rows(server)
        folder = put_images(server)
        with server.start():
            get = lambda dataset, form: ("curl -sf -u ann:secret", f"'{server.url}/v1/datasets/{dataset}/export?format={form}'")
            select = f"sqlite3 -readonly -csv -header {server.databases}/rows.db 'SELECT filepath, label FROM samples'"
            runs = in_turns({"sqlite3": lambda: timed(ROWS, select), "export": lambda: timed(ROWS, *get("rows", "csv"))}, ROUNDS)
            table.compare(f"csv of {ROWS} samples, against sqlite3 -csv", runs["export"], runs["sqlite3"], 0.5)
            runs = in_turns({"tar": lambda: timed(IMAGES, f"tar -c -C {folder} ."),
                             "export": lambda: timed(IMAGES, *get("images", "classfolders"))}, ROUNDS)
            table.compare(f"class folders of {IMAGES} images of {IMAGE_BYTES // 1000} KB, against tar c", runs["export"], runs["tar"], 0.5)
            for form in ("huggingface", "jsonl"):
                timed(1, *get("images", form))
            memory = peak_memory(server.processes("export"))["export"]
            table.below("memory of the exporting program", memory, "MB", MEMORY_MB)
