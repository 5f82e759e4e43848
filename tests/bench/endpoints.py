"""The topics of labelling over HTTP at a million samples: endpoints, scale, durable; they share one server."""
import base64
import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import tempfile
from pathlib import Path

from harness import Server
from meter import end_wrk, fdatasync_rate, in_turns, start_wrk, together, wrk
from stack import add_locations, add_user, put_database, start_bare

SECONDS = 1  # of one run of wrk; each measurement makes several, in turns with its ceiling
CONNECTIONS = 32
SMALL, LARGE = 1_000, 1_000_000  # samples
WALKS, WALK_LABELS = 3, 250  # turns and labels of each, of which SMALL must have enough
USERS, DURABLE_CONNECTIONS, DURABLE_SECONDS = 8, 64, 8
IMAGE_BYTES = 100_000
ACCEL, OBTAIN_OF_BARE = "/bench/file/image.png", 0.7


class Stack:
    """A server with a small and a large dataset of one picture, users with keys, and the ceilings beside it."""

    def __init__(self, folder, ended):
        self.server = Server(folder / "server")
        base_dir = self.server.images / "bench"
        base_dir.mkdir()
        # PNGs as far as anyone looks: one of the size that is measured, and a small one.
        (base_dir / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(IMAGE_BYTES - 8))
        (base_dir / "small.png").write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(192))
        put_database(self.server, "small", SMALL)
        put_database(self.server, "large", LARGE)
        # nginx serves the files of a folder itself if no other dataset has them
        shutil.copytree(base_dir, self.server.images / "apart")
        put_database(self.server, "apart", 1, "apart")
        self.base_dir = str(base_dir)
        self.users = [add_user(self.server, f"user{number}") for number in range(USERS)]
        print("taking over a database of a million samples…", flush=True)
        ended.callback(self.server.stop)
        self.server.start()
        add_locations(self.server, f"""
		location = /bench/return {{ auth_basic off; auth_request off; return 200 "ok"; }}
		location = /bench/bare {{ fastcgi_pass unix:{start_bare(folder, ended)}; }}
		location = /bench/accel {{ fastcgi_pass unix:{start_bare(folder, ended, ACCEL)}; }}
		location /bench/file/ {{ internal; alias {base_dir}/; }}
		location /bench/static/ {{ alias {base_dir}/; }}
		location /bench/open/ {{ auth_basic off; auth_request off; alias {base_dir}/; }}
		location /bench/plain/ {{ auth_basic_user_file "{plain_password(folder, self.users[0])}"; auth_request off; alias {base_dir}/; }}""")

    def load(self, path, body="", user=0, accept="*/*"):
        """One request over and over; user None: without a password."""
        authorization = "" if user is None else self.users[user]
        return lambda: wrk("same.lua", self.server.url + path, [authorization, accept, body], CONNECTIONS, SECONDS, threads=2)


def plain_password(folder, authorization):
    """A file of that user alone, whose password nginx only compares."""
    name, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":", 1)
    file = folder / "plain.htpasswd"
    file.write_text(f"{name}:{{PLAIN}}{password}\n")
    return file


@contextlib.contextmanager
def stack():
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ended:
        yield Stack(Path(folder), ended)


def endpoints(table, stack):
    """requests a second against a bare libfcgi program and against nginx's own files"""
    size = json.dumps({"dataset_name": "small"})
    obtain = json.dumps({"dataset_name": "small", "id": 0})
    table.tell("nginx return 200, no password", stack.load("/bench/return", user=None)().rate, "/s")

    runs = in_turns({"open": stack.load("/bench/open/small.png", user=None), "key": stack.load("/bench/static/small.png"),
                     "plain": stack.load("/bench/plain/small.png")})
    table.compare("generated key against no password (200 B file)", runs["key"], runs["open"], 0.85)
    table.tell("nginx's ceiling: a password that it only compares, of one user, against no password", runs["plain"].rate, "/s", runs["open"].rate)

    runs = in_turns({"bare": stack.load("/bench/bare", size), "size": stack.load("/size", size)})
    table.compare("/size against a bare libfcgi program", runs["size"], runs["bare"], 0.8)

    # nginx closes its connection to a program after X-Accel-Redirect, so no program can be as fast as a static file.
    runs = in_turns({"static": stack.load("/bench/static/image.png"), "accel": stack.load("/bench/accel", obtain),
                     "obtain": stack.load("/obtain", obtain), "images": stack.load("/images/apart/image.png")})
    table.compare("/obtain of 100 KB against a bare program that only answers X-Accel-Redirect", runs["obtain"], runs["accel"], OBTAIN_OF_BARE)
    table.tell("that bare program against a static file", runs["accel"].rate, "/s", runs["static"].rate)
    table.tell("/obtain of 100 KB against a static file", runs["obtain"].rate, "/s", runs["static"].rate)
    table.compare("/images/… of 100 KB against a static file", runs["images"], runs["static"], 0.85)


def scale(table, stack):
    """one person, one request after the other, on a million samples and on a thousand in turns"""
    times = {name: {"obtain": [], "classify": [], "size": []} for name in ("small", "large")}
    for _ in range(WALKS):
        for name, kinds in times.items():
            run = wrk("walk.lua", stack.server.url, [stack.users[0], name, stack.base_dir, WALK_LABELS], 1, 600)
            for kind, some in kinds.items():
                some += run.told[kind]
    for kind, what in (("size", "/size"), ("classify", "/classify"), ("obtain", "next unlabelled")):
        small, large = (statistics.median(times[name][kind]) for name in ("small", "large"))
        table.at_most(f"{what} at 10^6 against 10^3 samples, p50", large, small, 1.5, "us")


def durable(table, stack):
    """labels that are on the disk before their answer, by eight users at once"""
    before = fdatasync_rate(stack.server.folder)
    share = LARGE // 2 // USERS
    each = DURABLE_CONNECTIONS // USERS
    processes = [
        start_wrk("classify.lua", stack.server.url, [user, "large", stack.base_dir, LARGE // 2 + number * share], each, DURABLE_SECONDS)
        for number, user in enumerate(stack.users)
    ]
    runs = [end_wrk(process) for process in processes]
    disk = (before + fdatasync_rate(stack.server.folder)) / 2
    whole = together(runs, at_once=True)
    assert max(run.requests for run in runs) < share, "more labels than samples"
    with sqlite3.connect(stack.server.databases / "large.db") as database:
        stored = database.execute("SELECT COUNT(*) FROM samples WHERE id > ? AND label = 'cat'", (LARGE // 2,)).fetchone()[0]
    assert stored >= whole.requests, f"{whole.requests} labels answered, {stored} stored"
    what = f"durable /classify, {DURABLE_CONNECTIONS} connections"
    table.at_least(f"{what}, against fdatasync", whole.rate, disk, 2, "/s")
    table.at_most(f"{what}: p99 against p50", whole.percentile(0.99), whole.percentile(0.5), 20, "ms")
    rates = [run.rate for run in runs]
    table.at_least(f"{what}: slowest user against fastest, of {USERS}", min(rates), max(rates), 0.8, "/s")
