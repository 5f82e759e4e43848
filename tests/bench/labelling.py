"""The topic "labelling": leases of tasks, and many samples at once, against one label by /classify or by id."""
import os
import re
import sqlite3
import statistics
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import requests

from harness import Server
from intake import service, services
from meter import in_turns, wrk
from stack import PROGRAMS, add_user, put_database

SAMPLES, AT_ONCE = 200_000, 1_000
CONNECTIONS, SECONDS, ROUNDS = 64, 2, 4
OF_CLASSIFY, OF_ONE, OF_BARE, TURNS, ONES = 0.8, 3, 1.25, 10, 5


def labels_by_tasks(table, server, user):
    """One user with many connections; each label has a lease of its own."""
    folder, first, leased = str(server.images / "bench"), 0, 0

    def classify():
        nonlocal first
        run = wrk("classify.lua", server.url, [user, "classified", folder, first], CONNECTIONS, SECONDS, threads=1)
        first += run.requests
        return run

    def lease():
        nonlocal leased
        before = count_labels(server)
        run = wrk("lease.lua", server.url, [user, "leased"], CONNECTIONS, SECONDS, threads=1)
        leased += count_labels(server) - before
        return run

    runs = in_turns({"classify": classify, "lease": lease}, ROUNDS)
    assert first < SAMPLES, "more labels than samples"
    table.compare(f"leases, and labels by them, {CONNECTIONS} connections, against /classify", runs["lease"], runs["classify"], OF_CLASSIFY)
    rate = leased / runs["lease"].seconds
    table.tell("labels alone, each after a lease of its own, against /classify", rate, "/s", runs["classify"].rate)


def count_labels(server):
    with sqlite3.connect(server.databases / "leased.db") as database:
        return database.execute("SELECT COUNT(*) FROM samples WHERE label = 'cat'").fetchone()[0]


def took_ms(session, url, body):
    begun = time.monotonic()
    answer = session.post(url, json=body)
    assert answer.status_code == 200, answer.text
    return (time.monotonic() - begun) * 1000


def labels_at_once(table, server, user):
    """In turns: some labelled and undone one by one, as many as are allowed at once."""
    url = f"{server.url}/v1/datasets/many/samples"
    times = {"label": [], "undo": [], "many": [], "undone": []}
    with requests.Session() as session:
        session.headers["Authorization"], session.trust_env = user, False
        for first in range(0, TURNS * (AT_ONCE + ONES), AT_ONCE + ONES):
            ids = list(range(first + ONES, first + ONES + AT_ONCE))
            for id in range(first, first + ONES):
                times["label"].append(took_ms(session, f"{url}/{id}/label", {"label": "cat"}))
                times["undo"].append(took_ms(session, f"{url}/{id}/undo", {}))
            times["many"].append(took_ms(session, f"{url}/label", {"ids": ids, "label": "cat"}))
            times["undone"].append(took_ms(session, f"{url}/undo", {"ids": ids}))
    label, undo, many, undone = (statistics.median(times[kind]) for kind in ("label", "undo", "many", "undone"))
    table.at_most("undo of one label, against the label", undo, label, OF_ONE, "ms")
    table.at_most(f"labels of {AT_ONCE} at once, against one", many, label, OF_ONE, "ms")
    table.at_most(f"undo of {AT_ONCE} at once, against one", undone, undo, OF_ONE, "ms")


def bulk_ms(table, program, environment, *what):
    """The medians that it prints; None if it failed."""
    done = subprocess.run([PROGRAMS / program, str(TURNS)], env=environment, capture_output=True, text=True)
    if done.returncode == 0:
        return map(float, re.findall(r"([\d.]+) ms", done.stdout))
    for each in what:
        table.not_measured(each, done.stderr)
    return None


def labels_in_sqlite(table):
    """Through the store's interface, without HTTP."""
    labels, undos = (f"SQLite: {what} of {AT_ONCE} at once, against a bare transaction of the same rows" for what in ("labels", "undo"))
    times = bulk_ms(table, "sqlite_bulk", os.environ, labels, undos)
    if times:
        _, _, many, bare, undone, bare_undone = times
        table.at_most(labels, many, bare, OF_BARE, "ms")
        table.at_most(undos, undone, bare_undone, OF_BARE, "ms")


def labels_in_mongodb(table):
    what = f"MongoDB: labels of {AT_ONCE} at once, against a bare libmongoc transaction"
    with service(table, what, partial(services.mongo, 1)) as replica_set:
        if not replica_set:
            return
        times = bulk_ms(table, "mongo_bulk", {"TEST_MONGODB_URI": replica_set.uri}, what)
    if not times:
        return
    one, many, bare = times
    table.at_most(what, many, bare, OF_BARE, "ms")
    table.at_most(f"MongoDB: labels of {AT_ONCE} at once, against one", many, one, OF_ONE, "ms")


def labelling(table):
    """leases of tasks, and labels of a thousand samples at once"""
    with tempfile.TemporaryDirectory() as name:
        server = Server(Path(name) / "server")
        user = add_user(server, "ann", "contributor")
        (server.images / "bench").mkdir()
        (server.images / "bench" / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        for dataset in ("classified", "leased", "many"):
            put_database(server, dataset, SAMPLES if dataset != "many" else TURNS * (AT_ONCE + ONES))
        with server.start():
            labels_by_tasks(table, server, user)
            labels_at_once(table, server, user)
    labels_in_sqlite(table)
    labels_in_mongodb(table)
