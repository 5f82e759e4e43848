"""The topic "million": what is asked of a dataset in which a million labels were given."""
import contextlib
import itertools
import sqlite3
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from harness import Server
from meter import in_turns, peak_memory, wrk
from stack import add_user, put_database

SAMPLES, TWICE = 1_000_000, 300_000  # of which so many have no label yet, and as many were labelled by two people
PEOPLE, DAYS = 8, 365
ASKED, CONNECTIONS, SECONDS, ROUNDS = 20, 64, 2, 3
STATS_MS, SNAPSHOT_SECONDS, MEANWHILE, MEMORY_MB = 50, 10, 0.7, 32

# As if uploaded and labelled through the server.
FILL = f"""
PRAGMA synchronous = OFF;
UPDATE samples SET state = 1, slots = 0, version = 1, label = iif(id % 3, 'cat', 'dog'), labelled_by = 'user' || (id % {PEOPLE}),
 labelled_at = (1700000000 + id % {DAYS} * 86400) * 1000000, sha256 = printf('%064x', id), blob_key = 'datasets/million/cat/' || id,
 bytes = 100000, type = 'image/jpeg', width = 640, height = 480 WHERE id <= {SAMPLES - TWICE};
INSERT INTO events (sample, n, label, by, at, source, lead_time_ms)
 SELECT id, 1, label, labelled_by, labelled_at, 'task', 500 + id % 1500 FROM samples WHERE label <> '';
INSERT INTO votes (sample, user, label, n, at) SELECT sample, by, label, n, at FROM events;
INSERT INTO events (sample, n, label, by, at, source, lead_time_ms)
 SELECT id, 2, iif(id % 5, label, 'dog'), 'user' || ((id + 1) % {PEOPLE}), labelled_at, 'classify', -1 FROM samples WHERE id <= {TWICE};
INSERT INTO votes (sample, user, label, n, at) SELECT sample, by, label, n, at FROM events WHERE n = 2;
INSERT INTO stats_given SELECT by, at / 86400000000, COUNT(*) FROM events GROUP BY 1, 2;
INSERT INTO stats_leads SELECT by, lead_time_ms, COUNT(*), SUM(lead_time_ms) FROM events WHERE lead_time_ms >= 0 GROUP BY 1, 2;
"""


def fill(server):
    """Lets the server take over a database of the older system, and adds what it keeps."""
    (server.images / "bench").mkdir()
    (server.images / "bench" / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    put_database(server, "million", SAMPLES)
    with server.start(), requests.Session() as session:
        assert session.post(server.url + "/size", json={"dataset_name": "million"}, auth=("admin", "secret")).json()["size"] == SAMPLES
    with contextlib.closing(sqlite3.connect(server.databases / "million.db")) as database:
        database.executescript(FILL)


def answer_ms(session, url):
    begun = time.monotonic()
    answer = session.get(url)
    assert answer.status_code == 200, answer.text
    return (time.monotonic() - begun) * 1000


class Snapshots:
    """Makes one after the other."""

    def __init__(self, session, url):
        self.session, self.url, self.numbers = session, url, itertools.count()

    def make(self):
        """Returns how long it took."""
        begun = time.monotonic()
        answer = self.session.post(self.url, json={"name": f"snapshot{next(self.numbers)}", "split": "80,10,10"}, timeout=600)
        assert answer.status_code == 201 and answer.json()["size"] == SAMPLES, answer.text
        return time.monotonic() - begun

    @contextlib.contextmanager
    def under_way(self):
        """One after the other, all the time; all of them succeed."""
        ended = threading.Event()

        def go_on():
            while not ended.is_set():
                self.make()

        with ThreadPoolExecutor(1) as pool:
            making = pool.submit(go_on)
            try:
                yield
            finally:
                ended.set()
            making.result()


def million(table):
    """statistics and snapshots of a million labels, and labelling meanwhile"""
    with tempfile.TemporaryDirectory() as name:
        server = Server(Path(name) / "server")
        server.add_user("admin", role="admin")
        user = add_user(server, "ann", "contributor")
        print("making a database of a million labels…", flush=True)
        fill(server)
        with server.start(), requests.Session() as session:
            session.headers["Authorization"], session.trust_env = user, False
            dataset = f"{server.url}/v1/datasets/million"
            stats = session.get(f"{dataset}/stats").json()
            assert sum(person["labelled"] for person in stats["people"]) == SAMPLES, stats["people"]
            table.below("statistics of a million labels, median", statistics.median(answer_ms(session, f"{dataset}/stats") for _ in range(ASKED)), "ms", STATS_MS)
            snapshots = Snapshots(session, f"{dataset}/snapshots")
            table.below("snapshot of a million samples", snapshots.make(), "s", SNAPSHOT_SECONDS)
            first = SAMPLES - TWICE

            def label():
                nonlocal first
                run = wrk("classify.lua", server.url, [user, "million", str(server.images / "bench"), first], CONNECTIONS, SECONDS, threads=1)
                first += run.requests
                return run

            def label_meanwhile():
                with snapshots.under_way():
                    return label()

            runs = in_turns({"alone": label, "meanwhile": label_meanwhile}, ROUNDS)
            assert first < SAMPLES, "more labels than samples"
            table.compare(f"labels while a snapshot is made, {CONNECTIONS} connections, against without", runs["meanwhile"], runs["alone"], MEANWHILE)
            memory = peak_memory(server.processes("snapshots"))["snapshots"]
            table.below("memory of the program that made the snapshots", memory, "MB", MEMORY_MB)
