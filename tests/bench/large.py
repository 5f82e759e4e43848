"""The topics "seeding" and "large": a million samples from a JSON dataset; and what is asked of ten million samples on SQLite, and of
a million on a replica set of three, against the same of a thousandth of them, in one run and in turns."""
import contextlib
import http.client
import json
import sqlite3
import statistics
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode

from harness import Server
from intake import service, services
from meter import peak_memory, proportional_memory
from stack import add_user

SAMPLES = {"SQLite": 10_000_000, "MongoDB": 1_000_000}
OF_LARGE, FLAT = 1000, 1.2
TURNS, STARTS, LIMIT, DEEP = 25, 5, 100, 0.9
LOOKED_FOR_MS = 50
SEEDED, SEED_SECONDS = 1_000_000, 30
PEOPLE, DAYS, NEXT = 8, 30, 100  # NEXT: so many of the first samples without a label have a file
OLD, LAST = 1_700_000_000, 1_760_000_000  # seconds
LABELS = ("cat", "dog", "rare", "fox")
EXPORTS = ("csv", "json", "jsonl", "sagemaker", "labelstudio", "croissant")
SMALL_EXPORTS = 15

# What an index finds, and what is looked for among a bounded number of samples for a page.
INDEXED = {
    "none": {}, "state": {"state": "labelled"}, "no label": {"label": ""}, "label": {"label": "dog"}, "rare label": {"label": "rare"},
    "person": {"by": "user3"}, "flagged": {"flagged": "true"}, "disputed": {"disputed": "true"}, "gold": {"gold": "true"},
}  # fmt: skip
LOOKED_FOR = {
    "part": {"q": "png"}, "part of a folder": {"q": "part00000/"}, "rare part": {"q": "img00000777"}, "absent part": {"q": "nowhere"},
    "two letters": {"q": "zz"}, "not flagged": {"flagged": "false"}, "since ever": {"since": "2023-11-14T00:00:00Z"}, "label, person": {"label": "dog", "by": "user1"},
    "label, never that person": {"label": "rare", "by": "user1"}, "state, absent part": {"state": "labelled", "q": "zz"},
}  # fmt: skip


# --- two servers, one small and one large


class Sized:
    """A server with a dataset of so many samples, and a kept connection to it."""

    def __init__(self, folder, samples, env=None):
        self.server, self.samples = Server(folder, env=env), samples
        self.server.patience = 1800  # the first start counts in MongoDB what is there
        self.user = add_user(self.server, "ann", "contributor")
        self.base_dir = self.server.add_dataset("sized", LABELS, [filepath(0)])
        for number in range(9, 10 * NEXT, 10):
            path = self.base_dir / filepath(number)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"\x89PNG\r\n\x1a\n")

    def start(self):
        """Returns the seconds until the first answer."""
        begun = time.monotonic()
        self.server.start()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        assert self.ask("POST", "/size", {"dataset_name": "sized"})[0]["size"] == self.samples
        return time.monotonic() - begun

    def ask(self, method, path, body=None):
        """The answer, and how many milliseconds it took."""
        text = json.dumps(body) if body is not None else None
        headers = {"Authorization": self.user, "Accept": "application/json", "Content-Type": "application/json"}
        begun = time.monotonic()
        self.connection.request(method, path, text, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        took = (time.monotonic() - begun) * 1000
        assert answer.status == 200, f"{method} {path}: {answer.status} {content[:300]}"
        return json.loads(content), took

    def page(self, asked, after=None, limit=LIMIT):
        return self.ask("GET", "/v1/datasets/sized/samples?" + urlencode({**asked, "limit": limit, **({"after": after} if after else {})}))

    def deep(self):
        """A cursor behind nine tenths of the samples: of the labels that are few, where the list itself is long."""
        asked, every = ({}, 1) if self.samples <= 10_000 else ({"label": "rare"}, 2000)
        left, after = int(self.samples // every * DEEP), None
        while left > 0:
            page = self.page(asked, after, min(1000, left))[0]
            left, after = left - len(page["items"]), page["next"]
        return after

    def export(self, form):
        """Seconds."""
        url = f"{self.server.url}/v1/datasets/sized/export?format={form}"
        words = ["curl", "-sf", "-H", f"Authorization: {self.user}", "-o", "/dev/null", "-w", "%{time_total}", url]
        return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


# --- filling


def filepath(number):
    return f"part{number // 1000:05}/img{number:08}.png"


def labelled(number):
    """label, by, seconds; as if given by a task. One in ten has no label, and a few are found by nothing but their own."""
    if number % 10 == 9:
        return None
    if number % 2000 == 7:
        return "rare", "seldom", LAST
    return ("fox" if number % 10 == 1 else "dog" if number % 3 else "cat"), f"user{number % PEOPLE}", OLD + number % DAYS * 86400


# The same, in SQL. Indexes and triggers come afterwards.
FILL = f"""
DELETE FROM samples;
INSERT INTO samples_paths (samples_paths) VALUES ('delete-all');
INSERT INTO samples (id, filepath, position, label, labelled_by, labelled_at, state, slots, version, flag_note, flagged_by)
 SELECT id, printf('part%05d/img%08d.png', n / 1000, n), id, label, by, at * 1000000, label <> '', label = '', label <> '',
  iif(n % 100 = 3, 'look', NULL), iif(n % 100 = 3, 'ann', NULL) FROM (SELECT n, n + 1 AS id,
   CASE WHEN n % 10 = 9 THEN '' WHEN n % 2000 = 7 THEN 'rare' WHEN n % 10 = 1 THEN 'fox' WHEN n % 3 THEN 'dog' ELSE 'cat' END AS label,
   CASE WHEN n % 10 = 9 THEN '' WHEN n % 2000 = 7 THEN 'seldom' ELSE 'user' || (n % {PEOPLE}) END AS by,
   CASE WHEN n % 10 = 9 THEN 0 WHEN n % 2000 = 7 THEN {LAST} ELSE {OLD} + n % {DAYS} * 86400 END AS at FROM (
   WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :samples) SELECT n FROM numbers));
INSERT INTO events (sample, n, label, by, at, source, lead_time_ms)
 SELECT id, 1, label, labelled_by, labelled_at, 'task', 500 + id % 12 * 100 FROM samples WHERE label <> '';
INSERT INTO votes (sample, user, label, n, at) SELECT sample, by, label, n, at FROM events;
INSERT INTO feed (kind, sample, label, by, at) SELECT 0, sample, label, by, at FROM events;
INSERT INTO samples_paths (rowid, filepath) SELECT id, filepath FROM samples;
DELETE FROM counts WHERE kind IN ('size', 'label', 'state');
INSERT INTO counts SELECT 'size', '', COUNT(*) FROM samples;
INSERT INTO counts SELECT 'state', CAST(state AS TEXT), COUNT(*) FROM samples GROUP BY state;
INSERT INTO counts SELECT 'label', label, COUNT(*) FROM samples WHERE label <> '' GROUP BY label;
INSERT INTO stats_given SELECT by, at / 86400000000, COUNT(*) FROM events GROUP BY 1, 2;
INSERT INTO stats_leads SELECT by, lead_time_ms, COUNT(*), SUM(lead_time_ms) FROM events GROUP BY 1, 2;
"""


def fill_sqlite(sized, uri):
    with contextlib.closing(sqlite3.connect(sized.server.databases / "sized.db", isolation_level=None)) as database:
        database.executescript("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; PRAGMA temp_store = FILE;")
        later = database.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND (type = 'trigger' OR"
                                 " type = 'index' AND tbl_name IN ('samples', 'events'))").fetchall()
        for kind, name, _ in later:
            database.execute(f"DROP {kind} {name}")
        for statement in FILL.split(";\n"):
            database.execute(statement, {"samples": sized.samples} if ":samples" in statement else {})
        for *_, sql in later:
            database.execute(sql)
        database.execute("PRAGMA journal_mode = WAL")


def documents(model, first, last):
    for number in range(first, last):
        label, by, at = labelled(number) or ("", "", 0)
        said = {"votes": [{"user": by, "label": label, "n": 1, "at": at * 1_000_000}], "events": 1} if label else {}
        yield {**model, "id": number, "position": number, "filepath": filepath(number), "Label": label, "state": "labelled" if label else "unlabelled",
               "labelled_by": by, "labelled_at": at * 1_000_000, "version": int(label != ""), **said,
               **({"flag": "look", "flagged_by": "ann"} if number % 100 == 3 else {})}


def events(first, last):
    for number in range(first, last):
        if given := labelled(number):
            yield {"_id": {"dataset": "sized", "sample": number, "n": 1}, "label": given[0], "by": given[1], "at": given[2] * 1_000_000,
                   "source": "task", "lead_time_ms": 500 + (number + 1) % 12 * 100}


def fill_mongodb(sized, uri):
    """The server counts what is there for the statistics itself, when it is started."""
    import pymongo  # where there is no MongoDB, it may be missing
    from collections import Counter
    with pymongo.MongoClient(uri) as client:
        database = client[sized.server.env["DATABASE_NAME"]]
        model = database.images.find_one({"dataset": "sized"}, {"_id": False})
        database.images.delete_many({"dataset": "sized"})
        for first in range(0, sized.samples, 10_000):
            last = min(first + 10_000, sized.samples)
            database.images.insert_many(documents(model, first, last), ordered=False)
            database.events.insert_many(events(first, last), ordered=False)
        database.datasets.update_one({"_id": "sized"}, {"$set": {"next_id": sized.samples}, "$unset": {"stats_kept": ""}})
        labels = Counter((labelled(number) or ("",))[0] for number in range(sized.samples))
        database.counters.delete_many({"dataset": "sized"})
        database.counters.insert_many({"dataset": "sized", "kind": kind, "name": name, "shard": 0, "n": n} for kind, name, n in (
            *(("label", *each) for each in labels.items()), ("state", "labelled", sized.samples - labels[""]), ("state", "unlabelled", labels[""])))


# --- measuring


def quick(times):
    """The quickest: others may use the machine, too."""
    return min(times[1:])


def both_ms(small, large, ask):
    """For each, asked in turns."""
    return [quick(took) for took in zip(*((ask(small), ask(large)) for _ in range(TURNS + 1)))]


def label_next(sized, times):
    """The next one by /obtain, labelled by /classify; and the next one as a task, labelled by that."""
    next_one, obtained = sized.ask("POST", "/obtain", {"dataset_name": "sized"})
    given = {"dataset_name": "sized", "base_dir": next_one["base_dir"], "filepath": next_one["filepath"], "label": "cat"}
    answer, classified = sized.ask("POST", "/classify", given)
    assert answer == {"response": True}, answer
    tasks, leased = sized.ask("POST", "/v1/datasets/sized/tasks", {"count": 1})
    _, done = sized.ask("POST", f"/v1/datasets/sized/tasks/{quote(tasks['tasks'][0]['token'])}/label", {"label": "dog", "lead_time_ms": 900})
    for name, took in (("/obtain of the next", obtained), ("/classify", classified), ("a task", leased), ("its label", done)):
        times.setdefault(name, []).append(took)


def measure_requests(table, store, small, large):
    times = {}, {}
    for _ in range(TURNS + 1):
        for sized, of in zip((small, large), times):
            label_next(sized, of)
    for name in times[0]:
        one, other = (quick(of[name]) for of in times)
        table.at_most(f"{store}: {name}, of {large.samples:,} against {small.samples:,} samples", other, one, FLAT, "ms")
    for name, path in (("statistics", "/stats"), ("its description", ""), ("what changed", "/changes")):
        one, other = both_ms(small, large, lambda sized, path=path: sized.ask("GET", f"/v1/datasets/sized{path}")[1])
        table.at_most(f"{store}: {name}", other, one, FLAT, "ms")


def measure_pages(table, store, small, large, deep):
    """First pages, and pages behind most of the samples; of as many samples in both, where the small one has any."""
    for what, places in (("first page", {small: None, large: None}), (f"page behind {DEEP:.0%}", deep)):
        found = {}
        for name, asked in {**INDEXED, **LOOKED_FOR}.items():
            one, other = (len(sized.page(asked, after)[0]["items"]) for sized, after in places.items())
            limit = LIMIT if name in LOOKED_FOR else min(one, other) or LIMIT
            if name in LOOKED_FOR or bool(one) == bool(other):
                found[name] = both_ms(small, large, lambda sized, asked=asked, limit=limit, places=places: sized.page(asked, places[sized], limit)[1])
        indexed = {name: took for name, took in found.items() if name in INDEXED}
        name, (one, other) = max(indexed.items(), key=lambda item: item[1][1] / item[1][0])
        table.at_most(f"{store}: {what} of {len(indexed)} filters with an index", other, one, FLAT, "ms", f"worst: {name}")
        name, (one, other) = max(((name, found[name]) for name in LOOKED_FOR), key=lambda item: item[1][1])
        table.below(f"{store}: {what} of {len(LOOKED_FOR)} others, looked for in bounded time", other, "ms", LOOKED_FOR_MS,
                    f"slowest: {name}; of the small one {one:.1f} ms")


def measure_exports(table, store, small, large):
    for form in EXPORTS:
        before = [small.export(form) for _ in range(SMALL_EXPORTS)]
        whole = large.export(form)
        one = statistics.median(before + [small.export(form) for _ in range(SMALL_EXPORTS)]) / small.samples * 1e6
        each = whole / large.samples * 1e6
        table.at_most(f"{store}: export as {form}, a sample", each, one, FLAT, "us")


def measure_memory(table, store, small, large):
    one, other = (proportional_memory(sized.server.processes()) for sized in (small, large))
    table.at_most(f"{store}: memory of all programs afterwards", other, one, FLAT, "MB")
    one, other = (sum(peak_memory(sized.server.processes()).values()) for sized in (small, large))
    table.at_most(f"{store}: the sum of their peaks, of each program the largest", other, one, FLAT, "MB")


def measure_starts(table, store, small, large):
    times = []
    for _ in range(STARTS):
        times.append([])
        for sized in (small, large):
            sized.server.stop()
            times[-1].append(sized.start())
    one, other = (statistics.median(took) for took in zip(*times))
    table.at_most(f"{store}: start to first answer", other, one, FLAT, "s")


def tell_size(table, store, large, uri):
    if store == "SQLite":
        table.tell("SQLite: its database, a sample", (large.server.databases / "sized.db").stat().st_size / large.samples, "bytes")
        return
    import pymongo
    with pymongo.MongoClient(uri) as client:
        for name in ("images", "events"):
            told = client[large.server.env["DATABASE_NAME"]].command("collStats", name)
            table.tell(f"MongoDB: {name}, a document with its indexes on the disk", (told["storageSize"] + told["totalIndexSize"]) / told["count"], "bytes",
                       note=f"{told['avgObjSize']:.0f} uncompressed, indexes {told['totalIndexSize'] / told['count']:.0f}")


def seeding(table):
    """a million samples in one JSON dataset, until they are served, in each store"""
    for store, needed, goal in (("SQLite", None, SEED_SECONDS), ("MongoDB", partial(services.mongo, 1), None)):
        with tempfile.TemporaryDirectory() as name, service(table, f"{store}: seeding", needed) if needed else contextlib.nullcontext() as running:
            if needed and not running:
                continue
            server = Server(Path(name) / "server", env={"MONGODB_CONN_STRING": running.uri, "DATABASE_NAME": "bench"} if needed else {})
            server.add_user("ann")
            server.add_dataset("seeded", LABELS, [filepath(number) for number in range(SEEDED)])
            server.patience = 1800
            begun = time.monotonic()
            with server.start():
                size = server.session("ann").post("/size", json={"dataset_name": "seeded"}).json()["size"]
                took = time.monotonic() - begun
            assert size == SEEDED, size
            what = f"{store}: start with a JSON dataset of {SEEDED:,} samples to first answer"
            table.below(what, took, "s", goal) if goal else table.tell(what, took, "s")


def measure(table, store, folder, running, ended):
    samples, uri = SAMPLES[store], running and running.uri
    both = []
    for name, count in (("small", samples // OF_LARGE), ("large", samples)):
        sized = Sized(folder / name, count, {"MONGODB_CONN_STRING": uri, "DATABASE_NAME": name} if running else None)
        with sized.server.start():
            pass  # with one sample, for the schema
        (sized.server.seeds / "sized.json").unlink()
        print(f"filling {store} with {count:,} samples…", flush=True)
        (fill_mongodb if running else fill_sqlite)(sized, uri)
        both.append(sized)
    for sized in both:
        ended.callback(sized.server.stop)
        sized.start()
    measure_requests(table, store, *both)
    measure_pages(table, store, *both, {sized: sized.deep() for sized in both})
    measure_exports(table, store, *both)
    measure_memory(table, store, *both)
    measure_starts(table, store, *both)
    tell_size(table, store, both[1], uri)


def large(table):
    """requests, exports, memory and start of ten million samples, and of a million on a replica set of three, against a thousandth"""
    for store, needed in (("SQLite", None), ("MongoDB", partial(services.mongo, 3))):
        with tempfile.TemporaryDirectory() as name, service(table, f"{store}: large", needed) if needed else contextlib.nullcontext() as running:
            if needed and not running:
                continue
            with contextlib.ExitStack() as ended:
                measure(table, store, Path(name), running, ended)
