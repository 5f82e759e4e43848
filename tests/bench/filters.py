"""The topic "filters": any page of any filter of a list of a million samples, against the first page, and the merge of a label, in each store."""
import contextlib
import datetime
import itertools
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import requests

from harness import Server
from intake import service, services
from stack import add_user

SAMPLES, DAYS, AT_ONCE = 1_000_000, 365, 10_000
LIMIT, PLACES, TURNS, AGAIN, OF_FIRST, LOOKED_FOR_MS, MERGE_WAIT_MS = 100, 20, 5, 20, 1.5, 50, 500
OLD, RECENT, LAST = 1_700_000_000, 1_750_000_000, 1_760_000_000  # seconds
RECENT_FROM, RECENT_TO = 600_000, 800_000                          # ids, one after the other
ROW = "filepath, label, state, slots, labelled_by, labelled_at, flag_note"


def sample(number):
    """In the order of ROW, as if labelled through the server: one in ten has no label; a few are found by nothing but their own."""
    rare, flag = number % 2000 == 7, "look" if number % 100 == 3 else None
    filepath = f"part{number // 1000:03}/img{number:06}.png"
    if number % 10 == 9:
        return filepath, "", 0, 1, "", 0, flag
    at = LAST if number % 10000 == 7 else RECENT if RECENT_FROM <= number < RECENT_TO else OLD + number % DAYS * 86400
    label, by = ("rare", "seldom") if rare else ("fox" if number % 10 == 1 else "dog" if number % 3 else "cat", f"user{number % 8}")
    return filepath, label, 1, 0, by, at * 1_000_000, flag


# What an index finds; then what is looked for, a bounded number of samples for each page.
INDEXED = {
    "none": {}, "state": {"state": "labelled"}, "no label": {"label": ""}, "label": {"label": "dog"}, "rare label": {"label": "rare"}, "person": {"by": "user3"},
    "flagged": {"flagged": "true"}, "disputed": {"disputed": "true"}, "gold": {"gold": "true"}, "since just now": {"since": LAST}, "label, never that person": {"label": "rare", "by": "user1"},
}  # fmt: skip
PARTS = {"part": {"q": "png"}, "part of a folder": {"q": "part123/"}, "rare part": {"q": "img123456"}, "absent part": {"q": "nowhere"}, "label, rare part": {"label": "dog", "q": "img123457"}}
LOOKED_FOR = {
    "two letters": {"q": "zz"}, "not flagged": {"flagged": "false"}, "since ever": {"since": OLD}, "since recently": {"since": RECENT}, "label, person": {"label": "dog", "by": "user1"},
    "person, recently": {"by": "user1", "since": RECENT}, "state, absent part": {"state": "labelled", "q": "zz"}, "unlabelled, labelled since": {"state": "unlabelled", "since": OLD},
}  # fmt: skip
WALKED = {"rare part": PARTS["rare part"], "label, rare part": PARTS["label, rare part"], "since just now": INDEXED["since just now"]}


def query(asked):
    since = asked.get("since")
    return {**asked, **({"since": datetime.datetime.fromtimestamp(since, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")} if since else {})}


def fill_sqlite(server):
    path = server.databases / "million.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript("PRAGMA synchronous = OFF; CREATE TABLE metadata (dataset_name TEXT, base_dir TEXT);"
                               "CREATE TABLE labels (label TEXT); CREATE TABLE samples (filepath TEXT, label TEXT);"
                               "INSERT INTO metadata VALUES ('million', '/tmp'); INSERT INTO labels VALUES ('cat'), ('dog'), ('rare'), ('fox');")
        database.executemany("INSERT INTO samples VALUES (?, '')", (sample(number)[:1] for number in range(SAMPLES)))
        database.commit()
    with server.start():
        pass
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous = OFF")
        columns = [name.strip() for name in ROW.split(",")][1:]
        database.executemany(f"UPDATE samples SET version = 1, {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?",
                             ((*sample(number)[1:], number + 1) for number in range(SAMPLES)))
        database.commit()


def fill_mongodb(server, uri):
    """Documents like the first one, which a seed has made."""
    import pymongo  # where there is no MongoDB, it may be missing
    server.add_dataset("million", ["cat", "dog", "rare", "fox"], [sample(0)[0]])
    with server.start():
        pass
    with pymongo.MongoClient(uri) as client:
        database = client[server.env["DATABASE_NAME"]]
        model = database.images.find_one({"dataset": "million"}, {"_id": False})
        database.images.delete_many({"dataset": "million"})
        for first in range(0, SAMPLES, AT_ONCE):
            database.images.insert_many((document(model, number) for number in range(first, first + AT_ONCE)), ordered=False)
        database.datasets.update_one({"_id": "million"}, {"$set": {"next_id": SAMPLES}})
        labels = Counter(sample(number)[1] for number in range(SAMPLES))
        database.counters.delete_many({"dataset": "million"})
        database.counters.insert_many({"dataset": "million", "kind": kind, "name": name, "shard": 0, "n": n} for kind, name, n in (
            *(("label", *each) for each in labels.items()), ("state", "labelled", SAMPLES - labels[""]), ("state", "unlabelled", labels[""])))


def document(model, number):
    filepath, label, state, _slots, by, at, flag = sample(number)
    return {**model, "id": number, "position": number, "filepath": filepath, "Label": label, "state": "labelled" if state else "unlabelled",
            "labelled_by": by, "labelled_at": at, "version": 1, **({"flag": flag, "flagged_by": "ann"} if flag else {})}


class Pages:
    """Pages of one server's list, as they are asked for one after the other."""

    def __init__(self, server, user):
        self.session, self.url = requests.Session(), f"{server.url}/v1/datasets/million/samples"
        self.session.headers["Authorization"], self.session.trust_env = user, False

    def page(self, asked, after=None, limit=LIMIT):
        """The page, and how many milliseconds it took."""
        begun = time.monotonic()
        answer = self.session.get(self.url, params={**query(asked), "limit": limit, **({"after": after} if after else {})})
        took = (time.monotonic() - begun) * 1000
        assert answer.status_code == 200, answer.text
        return answer.json(), took

    def places(self):
        """Cursors, evenly spread."""
        after, found = None, []
        for number in itertools.count(1):
            after = self.page({}, after, 1000)[0]["next"]
            if not after:
                return found
            if number % (SAMPLES // 1000 // PLACES) == 0:
                found.append(after)

    def walk(self, asked):
        """All that the filter finds, by how many pages, and the slowest one's milliseconds."""
        after, ids, slowest = None, [], 0
        for number in itertools.count(1):
            page, took = self.page(asked, after, 1000)
            ids += [item["id"] for item in page["items"]]
            after, slowest = page["next"], max(slowest, took)
            if not after:
                return ids, number, slowest

    def fastest(self, asked, after=None):
        return min(self.page(asked, after)[1] for _ in range(TURNS))


def times(pages, places, asked):
    """For each filter the milliseconds of its first page and of its slowest other one. That is the slowest of many, by chance as well: so
    the two are then asked again, in turns."""
    found = {}
    for name, query in asked.items():
        slowest = max(places, key=lambda after, query=query: pages.fastest(query, after))
        found[name] = [min(took) for took in zip(*((pages.page(query)[1], pages.page(query, slowest)[1]) for _ in range(AGAIN)))]
    return found


def measure(table, store, pages):
    places = pages.places()
    assert len(places) >= PLACES - 1, "the list has lost samples"
    of_store = {"SQLite": ({**INDEXED, **PARTS}, LOOKED_FOR), "MongoDB": (INDEXED, {**PARTS, **LOOKED_FOR})}
    indexed, looked_for = (times(pages, places, asked) for asked in of_store[store])
    every = {**indexed, **looked_for}
    name, (first, other) = max(every.items(), key=lambda item: item[1][1] / item[1][0])
    table.at_most(f"{store}: any page of {len(every)} filters of {SAMPLES:,}, against its first", other, first, OF_FIRST, "ms", note=f"worst: {name}")
    name, both = max(looked_for.items(), key=lambda item: max(item[1]))
    table.below(f"{store}: the slowest page of {len(looked_for)} filters that no index finds", max(both), "ms", LOOKED_FOR_MS, note=f"worst: {name}")


def find_the_rare(table, store, pages):
    for name, asked in WALKED.items():
        ids, requests_made, slowest = pages.walk(asked)
        table.tell(f"{store}: all of \"{name}\", the slowest request", slowest, "ms", note=f"{len(ids)} by {requests_made} requests")


def merge(table, store, pages):
    """A label of 100,000 becomes another one, while somebody labels other samples one after the other."""
    key = {item["name"]: item["key"] for item in pages.session.get(pages.url.replace("samples", "labels")).json()["items"]}
    ended = threading.Event()

    def label_until_ended():
        waits = []
        while not ended.is_set():
            begun = time.monotonic()
            answer = pages.session.post(f"{pages.url}/{(len(waits) * 10 + 9) % SAMPLES}/label", json={"label": "rare"})
            assert answer.status_code == 200, answer.text
            waits.append((time.monotonic() - begun) * 1000)
        return waits

    with ThreadPoolExecutor(1) as pool:
        labelling, begun = pool.submit(label_until_ended), time.monotonic()
        try:
            answer = requests.post(f"{pages.url.replace('samples', 'labels')}/{key['fox']}/merge", json={"into": key["dog"]}, headers=dict(pages.session.headers), timeout=3600)
            took = time.monotonic() - begun
        finally:
            ended.set()
        assert answer.status_code == 200, answer.text
        waits = labelling.result()
    table.tell(f"{store}: merge of a label of {SAMPLES // 10:,} among {SAMPLES:,}", took, "s")
    table.below(f"{store}: the longest label during the merge", max(waits), "ms", MERGE_WAIT_MS, note=f"of {len(waits)}")


def filters(table):
    """pages of a million samples by any filter, and the merge of a label, in SQLite and in MongoDB"""
    for store, needed in (("SQLite", None), ("MongoDB", partial(services.mongo, 1))):
        with tempfile.TemporaryDirectory() as name, service(table, f"{store}: filters", needed) if needed else contextlib.nullcontext() as running:
            if needed and not running:
                continue
            print(f"filling {store} with {SAMPLES:,} samples…", flush=True)
            server = Server(Path(name) / "server", env={"MONGODB_CONN_STRING": running.uri, "DATABASE_NAME": "bench"} if needed else {})
            user = add_user(server, "ann", "contributor")
            fill_mongodb(server, running.uri) if needed else fill_sqlite(server)
            with server.start():
                pages = Pages(server, user)
                measure(table, store, pages)
                find_the_rare(table, store, pages)
                merge(table, store, pages)
