"""A database of the older system opens as it is, is migrated in place, and stays readable by that system's exporter."""
import json
import sqlite3

import pytest
from harness import draw

LABELS = ["tabby", "sphynx", "tabby", "ñ 猫", None, ""]
# A row for each: rowid, filepath, label. Rows 4 and 8 were deleted, a.png and b.png are listed twice.
ROWS = [
    (1, "a.png", "tabby"),
    (2, "b.png", ""),
    (3, "c.png", None),
    (5, "a.png", ""),
    (6, "d e.png", "gone from the list"),
    (7, "b.png", ""),
    (9, "e.png", "ñ 猫"),
    (10, "f.png", ""),
]


def older(path, base_dir, rows=ROWS, labels=LABELS, name=None):
    """Makes a database as the older system does."""
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE IF NOT EXISTS metadata (dataset_name TEXT, base_dir TEXT)")
    database.execute("CREATE TABLE IF NOT EXISTS labels (label TEXT)")
    database.execute("CREATE TABLE IF NOT EXISTS samples (filepath TEXT, label TEXT)")
    database.execute("INSERT INTO metadata VALUES (?, ?)", (name or path.stem, str(base_dir)))
    database.executemany("INSERT INTO labels VALUES (?)", [(label,) for label in labels])
    database.executemany("INSERT INTO samples (rowid, filepath, label) VALUES (?, ?, ?)", rows)
    database.commit()
    database.close()


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    server.add_user("ann")
    server.add_dataset("demo")
    for _, filepath, _ in ROWS:
        draw(server.images / "cats" / filepath)
    return server.start()


@pytest.fixture
def cats(server, request):
    """The name of a database of the older system, one for each test, laid there while the server runs."""
    name = request.node.name
    older(server.databases / f"{name}.db", server.images / "cats")
    return name


def exported(server, name):
    """What the older exporter reads."""
    database = sqlite3.connect(server.databases / f"{name}.db")
    try:
        samples = database.execute("SELECT filepath, label FROM samples").fetchall()
        metadata = database.execute("SELECT * FROM metadata").fetchone()
        labels = [row[0] for row in database.execute("SELECT label FROM labels")]
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return samples, metadata[:2], labels
    finally:
        database.close()


def classify(server, session, name, filepath, label):
    body = {"dataset_name": name, "base_dir": str(server.images / "cats"), "filepath": filepath, "label": label}
    return session.post("/classify", json=body).json()["response"]


def test_its_rows_stay_as_they_are(server, ann, cats):
    told = ann.get(f"/v1/datasets/{cats}").json()
    samples, metadata, labels = exported(server, cats)
    assert samples == [(filepath, label or "") for _, filepath, label in ROWS]
    assert metadata == (cats, str(server.images / "cats"))
    assert labels == ["tabby", "sphynx", "ñ 猫"]
    assert [label["name"] for label in told["labels"]] == labels
    assert (told["counts"]["labelled"], told["counts"]["unlabelled"]) == (3, 5)


def test_its_size_counts_every_row(ann, cats):
    assert ann.post("/size", json={"dataset_name": cats}).json() == {"dataset_name": cats, "size": len(ROWS)}


def test_what_the_migration_wrote_is_in_the_database_before_the_first_answer(server, ann, cats):
    """Left in its log it would have to be read through by every program, and be folded in by who labels first."""
    assert ann.post("/size", json={"dataset_name": cats}).status_code == 200
    assert (server.databases / f"{cats}.db-wal").stat().st_size == 0


def test_an_id_is_a_rows_number_and_gaps_stay_gaps(ann, cats):
    rows = {row: filepath for row, filepath, _ in ROWS}
    for number in range(12):
        answer = ann.post("/obtain", json={"dataset_name": cats, "id": number})
        if number + 1 in rows:
            assert json.loads(answer.headers["X-Response-Json"])["filepath"] == rows[number + 1]
        else:
            assert (answer.status_code, answer.json()) == (404, {"message": "Sample not found"})


def test_a_label_goes_to_every_row_of_its_filepath(server, ann, cats):
    assert classify(server, ann, cats, "a.png", "sphynx")
    assert classify(server, ann, cats, "b.png", "ñ 猫")
    assert exported(server, cats)[0] == [
        ("a.png", "sphynx"), ("b.png", "ñ 猫"), ("c.png", ""), ("a.png", "sphynx"), ("d e.png", "gone from the list"),
        ("b.png", "ñ 猫"), ("e.png", "ñ 猫"), ("f.png", ""),
    ]


def test_all_that_has_no_label_is_given_in_its_order(server, ann, cats):
    """NULL is no label too; a row listed twice is done with its first."""
    given = []
    while (answer := ann.post("/obtain", json={"dataset_name": cats})).status_code == 200:
        told = json.loads(answer.headers["X-Response-Json"])
        assert told["labels"] == ["tabby", "sphynx", "ñ 猫"]
        given.append(told["filepath"])
        assert len(given) <= len(ROWS)
        assert classify(server, ann, cats, told["filepath"], "tabby")
    assert given == ["b.png", "c.png", "a.png", "f.png"]
    assert answer.json() == {"message": "Sample not found"}


def test_its_own_seed_beside_it_adds_nothing_twice(server, ann, cats):
    """The older system left the JSON in place that it had made the database of."""
    assert classify(server, ann, cats, "f.png", "sphynx")
    before = exported(server, cats)
    server.seeds.joinpath(f"{cats}.json").write_text(
        json.dumps(
            {
                "dataset_name": cats,
                "labels": ["tabby", "sphynx", "ñ 猫"],
                "base_dir": str(server.images / "cats"),
                "samples": [{"filepath": filepath, "label": label or ""} for _, filepath, label in ROWS],
            }
        )
    )
    done = server.reload()
    assert done.returncode == 0, done.stderr
    samples, *rest = exported(server, cats)
    assert len(samples) == len(ROWS) and rest == list(before[1:])
    assert dict(samples)["f.png"] == "sphynx"


def test_what_is_added_comes_after_the_last_row(server, ann, cats):
    server.seeds.joinpath(f"{cats}.json").write_text(
        json.dumps({"dataset_name": cats, "labels": ["manx"], "base_dir": str(server.images / "cats"),
                    "samples": [{"filepath": "new.png", "label": "manx"}]})
    )
    assert server.reload().returncode == 0
    draw(server.images / "cats" / "new.png")
    answer = ann.post("/obtain", json={"dataset_name": cats, "id": 10})
    assert json.loads(answer.headers["X-Response-Json"])["filepath"] == "new.png"
    assert exported(server, cats)[2] == ["tabby", "sphynx", "ñ 猫", "manx"]


def test_it_is_one_file_while_the_server_is_stopped_and_the_same_after(server, ann, cats, tmp_path):
    """So that it can be copied alone, and read where nothing may be written."""
    assert classify(server, ann, cats, "a.png", "sphynx")
    before = exported(server, cats)
    assert server.command("stop").returncode == 0
    copy = tmp_path / "copy.db"
    copy.write_bytes((server.databases / f"{cats}.db").read_bytes())
    database = sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True)
    assert database.execute("SELECT filepath, label FROM samples").fetchall() == before[0]
    database.close()
    assert server.command("start").returncode == 0
    assert exported(server, cats) == before


def test_older_databases_of_any_kind_are_opened(server, ann):
    """Empty ones, in WAL mode, of another name inside."""
    base = server.images / "cats"
    older(server.databases / "empty.db", base, rows=[], labels=[])
    older(server.databases / "copied from elsewhere.db", base, name="elsewhere")
    older(server.databases / "wal.db", base)
    with sqlite3.connect(server.databases / "wal.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("INSERT INTO samples VALUES ('f.png', '')")
    database.close()
    sizes = {name: ann.post("/size", json={"dataset_name": name}).json()["size"] for name in ("empty", "copied from elsewhere", "wal")}
    assert sizes == {"empty": 0, "copied from elsewhere": len(ROWS), "wal": len(ROWS) + 1}
    answer = ann.post("/obtain", json={"dataset_name": "copied from elsewhere", "id": 0})
    assert json.loads(answer.headers["X-Response-Json"])["base_dir"] == str(base)


def test_a_hundred_thousand_labels_are_numbered_in_their_order(server, ann):
    names = [f"label {i}" for i in range(100_000)]
    path = server.databases / "wordy.db"
    older(path, server.images / "cats", rows=[(1, "a.png", "label 5")], labels=names)
    labels = ann.get(f"{server.url}/v1/datasets/wordy").json()["labels"]
    assert [(label["key"], label["name"]) for label in labels] == [(str(i), name) for i, name in enumerate(names)]


def test_values_of_odd_types_are_text(server, ann):
    older(server.databases / "odd.db", server.images / "cats", rows=[(1, 17, 3.5), (2, b"f.png", b""), (3, "f.png", 0)], labels=[3.5, b"x", 0])
    told = ann.get("/v1/datasets/odd").json()
    assert (told["size"], [label["name"] for label in told["labels"]]) == (3, ["3.5", "x", "0"])
    answer = ann.post("/obtain", json={"dataset_name": "odd"})
    assert json.loads(answer.headers["X-Response-Json"])["filepath"] == "f.png"


def added_to(path, *statements):
    """An older database, to which somebody has added something."""
    older(path.with_suffix(".new"), "/nowhere", name=path.stem)
    database = sqlite3.connect(path.with_suffix(".new"))
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    path.with_suffix(".new").rename(path)
    return path


def test_what_people_added_to_it_is_kept(server, ann):
    path = added_to(
        server.databases / "grown.db",
        "ALTER TABLE samples ADD COLUMN note TEXT DEFAULT 'no ''note'''",
        'ALTER TABLE samples ADD COLUMN "odd ""name" REAL NOT NULL DEFAULT 1.5',
        "ALTER TABLE labels ADD COLUMN colour TEXT",
        "UPDATE samples SET note = 'the first' WHERE rowid = 1",
        "UPDATE labels SET colour = 'brown' WHERE rowid = 1",
        "CREATE INDEX by_note ON samples (note, label)",
        "CREATE INDEX by_label ON samples (label) WHERE label <> ''",
        "CREATE INDEX by_colour ON labels (colour)",
        "CREATE TABLE said (filepath TEXT, label TEXT)",
        "CREATE VIEW todo AS SELECT filepath, note FROM samples WHERE label = ''",
        "CREATE VIEW todo_count AS SELECT COUNT(*) AS n FROM todo",
        "CREATE TRIGGER noted AFTER UPDATE OF label ON samples BEGIN INSERT INTO said VALUES (NEW.filepath, NEW.label); END",
        "CREATE TRIGGER unsaid AFTER DELETE ON said BEGIN UPDATE samples SET note = '' WHERE filepath = OLD.filepath; END",
        "CREATE TRIGGER through INSTEAD OF INSERT ON todo BEGIN INSERT INTO said VALUES (NEW.filepath, 'by hand'); END",
    )
    assert ann.post("/size", json={"dataset_name": "grown"}).json()["size"] == len(ROWS)
    body = {"dataset_name": "grown", "base_dir": "/nowhere", "filepath": "f.png", "label": "tabby"}
    assert ann.post("/classify", json=body).json() == {"response": True}
    database = sqlite3.connect(path)
    names = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
    assert {"by_note", "by_label", "by_colour", "said", "todo", "todo_count", "noted", "unsaid", "through"} <= names
    assert database.execute('SELECT note, "odd ""name" FROM samples WHERE id IN (1, 2) ORDER BY id').fetchall() == [("the first", 1.5), ("no 'note'", 1.5)]
    assert database.execute("SELECT colour FROM labels WHERE label = 'tabby'").fetchall() == [("brown",)]
    assert database.execute("SELECT * FROM said").fetchall() == [("f.png", "tabby")]
    assert database.execute("SELECT n FROM todo_count").fetchone() == (4,)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert ann.get("/v1/datasets/grown").json()["counts"]["labelled"] == 4


def test_a_unique_filepath_stays_unique(server, ann):
    path = server.databases / "unique.db"
    database = sqlite3.connect(path.with_suffix(".new"))
    database.executescript(
        "CREATE TABLE metadata (dataset_name TEXT, base_dir TEXT); INSERT INTO metadata VALUES ('unique', '/nowhere');"
        "CREATE TABLE labels (label TEXT); INSERT INTO labels VALUES ('cat');"
        "CREATE TABLE samples (id INTEGER PRIMARY KEY, filepath TEXT UNIQUE, label TEXT, owner TEXT NOT NULL);"
        "INSERT INTO samples VALUES (3, 'a.png', '', 'eve');"
    )
    database.close()
    path.with_suffix(".new").rename(path)
    assert ann.post("/size", json={"dataset_name": "unique"}).json()["size"] == 1
    database = sqlite3.connect(path)
    assert database.execute("SELECT id, filepath, owner FROM samples").fetchall() == [(3, "a.png", "eve")]
    with pytest.raises(sqlite3.IntegrityError, match="filepath"):
        database.execute("INSERT INTO samples (filepath, position) VALUES ('a.png', 1)")
    database.close()


@pytest.mark.parametrize(
    "statement, name",
    [
        ("ALTER TABLE samples ADD COLUMN state TEXT", "state"),
        ("ALTER TABLE samples ADD COLUMN Bytes INTEGER", "bytes"),
        ("ALTER TABLE labels ADD COLUMN key TEXT", "key"),
        ("CREATE TABLE settings (a)", "settings"),
        ("CREATE VIEW events AS SELECT 1", "events"),
        ("CREATE INDEX samples_queue ON samples (label)", "samples_queue"),
        ("CREATE TRIGGER samples_state AFTER DELETE ON samples BEGIN SELECT 1; END", "samples_state"),
        ("ALTER TABLE samples ADD COLUMN sure INTEGER CHECK (sure < 2)", "CHECK"),
        ("ALTER TABLE samples ADD COLUMN upper TEXT AS (upper(label))", "AS"),
    ],
)
def test_what_cannot_be_kept_is_told_by_name_and_nothing_is_changed(server, ann, request, statement, name):
    dataset = f"refused {request.node.callspec.indices['statement']}"
    path = added_to(server.databases / f"{dataset}.db", statement)
    before = path.read_bytes()
    answer = ann.post("/size", json={"dataset_name": dataset})
    assert answer.status_code == 500
    assert name.lower() in server.program_log("size")[-1]["error"].lower()
    assert path.read_bytes() == before
    path.unlink()
