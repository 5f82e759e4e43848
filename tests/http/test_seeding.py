"""The JSON datasets of a folder are merged into the store at start and at reload; the store is the truth."""
import json

import pytest
from harness import free_port


def seed(server, file, **keys):
    """Writes a seed; keys are those of the JSON, and the name is the file's unless told."""
    document = {
        "dataset_name": file.removesuffix(".json"),
        "labels": ["tabby", "sphynx"],
        "base_dir": str(server.images),
        "samples": [],
        **keys,
    }
    path = server.seeds / file
    path.write_text(json.dumps(document, indent=1))
    return path


def samples(*pairs):
    return [{"filepath": filepath, "label": label} for filepath, label in pairs]


@pytest.fixture(scope="module")
def server(make_shared_server):
    """One server for all; each test has datasets of its own, of which these are there at the start."""
    server = make_shared_server()
    server.add_user("ann")
    seed(server, "made.json", samples=samples(("b.png", "sphynx"), ("a.png", ""), ("c/d e.png", "tabby")))
    seed(server, "any file.json", dataset_name="ñ 猫", samples=samples(("a.png", "")))
    seed(server, "older.json.old", dataset_name="older")
    seed(server, ".hidden.json", dataset_name="hidden")
    seed(server, "twice.json", labels=["tabby", "tabby", "sphynx"], samples=samples(("a.png", ""), ("b.png", ""), ("a.png", "tabby")))
    seed(server, "two 1.json", dataset_name="two", labels=["tabby"], samples=samples(("a.png", "")))
    seed(server, "two 2.json", dataset_name="two", labels=["manx"], samples=samples(("b.png", "manx"), ("a.png", "tabby")))
    seed(server, "unlisted.json", labels=["tabby"], samples=samples(("a.png", "manx"), ("b.png", "")))
    seed(server, "again.json", samples=samples(("a.png", "tabby"), ("b.png", "")))
    seed(server, "deleted.json", samples=samples(("a.png", "")))
    seed(server, "grows.json", samples=samples(("a.png", ""), ("b.png", "tabby"), ("c.png", ""), ("d.png", "")))
    server.add_dataset("unplugged", samples=2)
    (server.images / "unplugged").rename(server.images / "plug")  # a disk that is not there
    return server.start()


def size(session, name):
    answer = session.post("/size", json={"dataset_name": name})
    return answer.json()["size"] if answer.status_code == 200 else None


def classify(server, session, name, filepath, label):
    body = {"dataset_name": name, "base_dir": str(server.images), "filepath": filepath, "label": label}
    return session.post("/classify", json=body).json()["response"]


def told(session, name):
    return session.get(f"/v1/datasets/{name}").json()


def label_counts(session, name):
    return [(label["name"], label["count"]) for label in told(session, name)["labels"]]


def labels_of(session, name):
    """Each sample's label, in their order."""
    items = session.get(f"/v1/datasets/{name}/samples").json()["items"]
    return [(item["filepath"], item["label"]) for item in items]


def reload(server):
    done = server.reload()
    assert done.returncode == 0, done.stderr
    return done


# --- at start


def test_a_dataset_is_made_of_a_seed(server, ann):
    dataset = told(ann, "made")
    assert (dataset["size"], dataset["base_dir"]) == (3, str(server.images))
    assert (dataset["counts"]["labelled"], dataset["counts"]["unlabelled"]) == (2, 1)
    assert label_counts(ann, "made") == [("tabby", 1), ("sphynx", 1)]
    assert labels_of(ann, "made") == [("b.png", "sphynx"), ("a.png", ""), ("c/d e.png", "tabby")]


def test_its_name_is_the_one_inside_the_file(ann):
    names = [dataset["name"] for dataset in ann.get("/v1/datasets").json()["items"]]
    assert "ñ 猫" in names and not {"any file", "older", "hidden"} & set(names)


def test_one_file_may_be_listed_twice_in_a_seed(ann):
    assert size(ann, "twice") == 2
    assert [name for name, _ in label_counts(ann, "twice")] == ["tabby", "sphynx"]


def test_two_seeds_of_one_name_are_merged(ann):
    assert label_counts(ann, "two") == [("tabby", 1), ("manx", 1)]
    assert labels_of(ann, "two") == [("a.png", "tabby"), ("b.png", "manx")]


def test_a_label_that_is_not_listed_stays_with_its_sample(server, ann):
    assert labels_of(ann, "unlisted") == [("a.png", "manx"), ("b.png", "")]
    assert classify(server, ann, "unlisted", "b.png", "tabby")
    assert not classify(server, ann, "unlisted", "b.png", "manx")


# --- at reload


def test_what_is_missing_is_added_and_what_people_gave_stays(server, ann):
    for filepath in ("a.png", "b.png"):
        assert classify(server, ann, "grows", filepath, "sphynx")
    added = samples(("e.png", "manx"), ("a.png", "tabby"), ("b.png", "tabby"), ("c.png", "manx"), ("f.png", ""))
    seed(server, "grows.json", labels=["manx", "tabby"], samples=added)
    reload(server)
    assert [name for name, _ in label_counts(ann, "grows")] == ["tabby", "sphynx", "manx"]
    assert labels_of(ann, "grows") == [
        ("a.png", "sphynx"),  # ann's
        ("b.png", "sphynx"),  # ann's
        ("c.png", "manx"),  # had none, and nobody ever gave it one
        ("d.png", ""),  # no longer in the seed, and still there
        ("e.png", "manx"),
        ("f.png", ""),
    ]


def test_a_new_seed_is_taken(server, ann):
    assert size(ann, "new") is None
    seed(server, "new.json", samples=samples(("a.png", ""), ("b.png", "")))
    reload(server)
    assert (size(ann, "new"), size(ann, "made")) == (2, 3)


def test_merging_again_changes_nothing_and_a_seed_may_be_deleted(server, ann):
    assert classify(server, ann, "again", "a.png", "sphynx")
    before = told(ann, "again"), labels_of(ann, "again"), size(ann, "deleted")
    (server.seeds / "deleted.json").unlink()
    path = server.seeds / "again.json"
    path.write_text(path.read_text() + "\n")
    for again in (server.reload, server.restart):
        again()
        ann = server.session("ann")
        assert (told(ann, "again"), labels_of(ann, "again"), size(ann, "deleted")) == before


def test_a_large_seed_is_merged_whole(server, ann):
    """Of more megabytes than a request may have, and of more samples than are merged at once."""
    pairs = [(f"{'deep/' * 20}{number}.png", ("", "tabby", "sphynx")[number % 3]) for number in range(25_000)]
    path = seed(server, "large.json", samples=samples(*pairs))
    assert path.stat().st_size > 3 * 1024 * 1024
    reload(server)
    counts = told(ann, "large")["counts"]
    assert (size(ann, "large"), counts["labelled"], counts["unlabelled"]) == (25_000, 16_666, 8_334)


def test_a_folder_that_is_away_withdraws_nothing(server, ann):
    assert ann.post("/obtain", json={"dataset_name": "unplugged"}).status_code == 503
    assert told(ann, "unplugged")["counts"]["unreadable"] == 0
    done = server.reload()
    assert f'dataset "unplugged": its images in {server.images}/unplugged cannot be read: No such file' in done.stderr
    (server.images / "plug").rename(server.images / "unplugged")
    assert "unplugged" not in reload(server).stderr
    assert ann.post("/obtain", json={"dataset_name": "unplugged"}).status_code == 200
    assert told(ann, "unplugged")["counts"]["unreadable"] == 0


BROKEN = {
    "no JSON": ('{"dataset_name": "dogs",\n "labels": [}\n', "line 2"),
    "cut": ('{"dataset_name": "dogs",\n "labels": ["a"],\n "samples": [', "line 3"),
    "no object": ("[]", "line 1"),
    "empty": ("", ""),
    "no name": ('{"labels": [], "base_dir": "/", "samples": []}', "dataset_name"),
    "a path for a name": ('{"dataset_name": "../dogs", "labels": [], "base_dir": "/", "samples": []}', "name"),
    "no base_dir": ('{"dataset_name": "dogs", "labels": [], "samples": []}', "base_dir"),
    "a label that is none": ('{"dataset_name": "dogs", "labels": [""],\n "base_dir": "/", "samples": []}', "label"),
    "a number for a label": ('{"dataset_name": "dogs", "labels": [1], "base_dir": "/", "samples": []}', "label"),
    "a sample without a path": ('{"dataset_name": "dogs", "labels": [], "base_dir": "/",\n "samples": [{}]}', "line 2"),
    "a duplicate key": ('{"dataset_name": "dogs",\n "dataset_name": "dogs", "labels": [], "base_dir": "/", "samples": []}', "line 2"),
}


def test_a_broken_seed_is_named_with_its_line_and_the_others_load(server, ann):
    for what, (text, _) in BROKEN.items():
        (server.seeds / f"{what}.json").write_text(text)
    (server.seeds / "bytes.json").write_bytes(b'{"dataset_name": "dogs\xff"}')
    seed(server, "zebra.json", samples=samples(("a.png", "")))
    said = reload(server).stderr.splitlines()
    for what, (_, why) in {**BROKEN, "bytes": ("", "UTF-8")}.items():
        (line,) = [line for line in said if f"{what}.json" in line]
        assert why in line, line
    assert size(ann, "zebra") == 1
    assert size(ann, "dogs") is None


# --- nothing to serve


def test_nothing_starts_without_a_dataset(make_server):
    server = make_server()
    server.add_user("ann")
    server.port = free_port()
    done = server.command("start")
    assert done.returncode == 1
    assert "dataset" in done.stderr.splitlines()[-1]
    assert server.processes() == []


def test_unless_a_default_dataset_is_to_be_made(make_server):
    server = make_server(config={"default_dataset": "inbox"})
    server.add_user("ann")
    assert size(server.start().session("ann"), "inbox") == 0
