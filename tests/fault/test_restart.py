"""A program that is ended finishes what is under way; restarts under load keep every answered label."""
import contextlib
import os
import signal
import socket
import sqlite3
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from harness import until
from toll import tried

PEOPLE = 6
RESTARTS = 3
PICTURES = 6_000


# --- FastCGI, spoken without nginx: a request can then be sent in parts

BEGIN, PARAMS, STDIN, STDOUT, END = 1, 4, 5, 6, 3


def record(kind, content=b""):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def params(**values):
    def length(n):
        return struct.pack(">B", n) if n < 128 else struct.pack(">I", n | 1 << 31)

    pairs = [(name.encode(), value.encode()) for name, value in values.items()]
    return b"".join(length(len(name)) + length(len(value)) + name + value for name, value in pairs)


def read_answer(connection):
    """What is sent on STDOUT until the request's end."""
    answer, stream = b"", connection.makefile("rb")
    while head := stream.read(8):
        _, kind, _, length, padding = struct.unpack(">BBHHBx", head)
        content = stream.read(length + padding)[:length]
        if kind == STDOUT:
            answer += content
        if kind == END:
            return answer
    raise AssertionError(f"the connection was closed before the request's end, after {answer!r}")


def threads(pid):
    """Those that serve requests, of which a program starts as many as it needs."""
    found = 0
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += (task / "comm").read_text() == "serving\n"
    return found


def descriptors(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_a_request_that_has_half_arrived_is_answered_before_the_end(server):
    server.add_dataset("demo", samples=3)
    server.start()
    body = b'{"dataset_name": "demo"}'
    (pid,) = server.processes("size")
    idle = descriptors(pid)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(server.state / "sock" / "size.sock"))
        connection.sendall(
            record(BEGIN, struct.pack(">HB5x", 1, 0))
            + record(PARAMS, params(REQUEST_METHOD="POST", REQUEST_URI="/size", REMOTE_USER="person0", CONTENT_TYPE="application/json",
                                    CONTENT_LENGTH=str(len(body)), REQUEST_ID="half"))
            + record(PARAMS)
            + record(STDIN, body[:10])
        )
        connection.settimeout(60)
        until(lambda: descriptors(pid) > idle, "the request to be accepted")
        os.kill(pid, signal.SIGTERM)
        until(lambda: threads(pid) <= 1, "every thread to end but the one that is busy")
        assert threads(pid) >= 1  # and one that was only just beginning had another name until now
        connection.sendall(record(STDIN, body[10:]) + record(STDIN))
        answer = read_answer(connection)
    assert answer.startswith(b"Status: 200") and b'{"dataset_name":"demo","size":3}' in answer
    until(lambda: threads(pid) == 0, "its end")
    assert server.session("person0").post("/size", json={"dataset_name": "demo"}).status_code == 200  # its successor


def test_restarts_under_load_keep_every_answered_label(server):
    """Stopped and started again while people label; what was answered "true" is there, and nothing is given twice."""
    names = [f"{number}.png" for number in range(PICTURES)]
    base_dir = str(server.add_dataset("demo", samples=names))
    server.start()
    ended, acknowledged = threading.Event(), [{} for _ in range(PEOPLE)]

    def label(person):
        for index, filepath in enumerate(names[person::PEOPLE]):
            body = {"dataset_name": "demo", "base_dir": base_dir, "filepath": filepath, "label": ("cat", "dog")[index % 2]}
            try:
                answer = server.session(f"person{person}").post("/classify", json=body)
            except requests.RequestException:
                pass  # stopped before or after it was heard
            else:
                assert answer.status_code in (200, 502, 503, 504), answer.text
                if answer.status_code == 200:
                    assert answer.json() == {"response": True}
                    acknowledged[person][filepath] = body["label"]
            if ended.is_set():
                return

    with ThreadPoolExecutor(PEOPLE) as people:
        work = [people.submit(label, person) for person in range(PEOPLE)]
        for _ in range(RESTARTS):
            before = sum(map(len, acknowledged))
            until(lambda: sum(map(len, acknowledged)) > before + 100 or any(done.done() for done in work), "more labels")
            server.restart()
        ended.set()
    for done in work:
        done.result()
    given = {filepath: label for mine in acknowledged for filepath, label in mine.items()}
    assert len(given) > 100 * RESTARTS
    database = sqlite3.connect(server.databases / "demo.db")
    stored = dict(database.execute("SELECT filepath, label FROM samples"))
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    lost = {filepath: label for filepath, label in given.items() if stored[filepath] != label}
    tried("the server is stopped and started under load", RESTARTS, len(lost))
    assert not lost
