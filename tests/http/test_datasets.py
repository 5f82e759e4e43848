"""GET /v1/datasets: which datasets are listed, and how each is described."""
import sqlite3
from urllib.parse import urlencode

import pytest
from collecting import assert_problem
from harness import draw


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    for name in ("ann", "bob"):
        server.add_user(name)
    server.add_user("guest", role="viewer", datasets=["cats", "odd %&é 猫"])
    server.add_user("stranger", role="viewer", datasets=["nothing"])
    server.add_dataset("cats", labels=["tabby", "sphynx"], samples=4)
    server.add_dataset("dogs", samples=2)
    server.add_dataset("odd %&é 猫", samples=["a b.png"])
    draw(server.images / "odd %&é 猫" / "a b.png")
    server.add_dataset("empty", labels=[], samples=[])
    return server.start()


def put_database(server, name, base_dir, samples=("a.png",)):
    """Lays a dataset of the older system among the databases, while the server runs."""
    new = server.databases / f".{name}.new"
    with sqlite3.connect(new) as database:
        database.execute("CREATE TABLE metadata (dataset_name TEXT, base_dir TEXT)")
        database.execute("CREATE TABLE labels (label TEXT)")
        database.execute("CREATE TABLE samples (filepath TEXT, label TEXT)")
        database.execute("INSERT INTO metadata VALUES (?, ?)", (name, str(base_dir)))
        database.execute("INSERT INTO labels VALUES ('cat')")
        database.executemany("INSERT INTO samples VALUES (?, '')", [(sample,) for sample in samples])
    database.close()
    new.rename(server.databases / f"{name}.db")


def names(session):
    return [dataset["name"] for dataset in session.get("/v1/datasets").json()["items"]]


# --- all


def test_the_list_tells_on_demand_what_goes_on_in_each(server, ann):
    def told(name):
        items = ann.get("/v1/datasets?activity=true").json()["items"]
        return next(item["activity"] for item in items if item["name"] == name)

    assert all("activity" not in item for item in ann.get("/v1/datasets?activity=false").json()["items"])
    assert told("empty") == {"working": [], "labelled_at": None, "labelled_by": None, "thumb_url": None}
    bob = server.session("bob")
    task = bob.post("/v1/datasets/dogs/tasks", json={}).json()["tasks"][0]
    assert told("dogs")["working"] == ["bob"]
    assert ann.get(told("dogs")["thumb_url"]).headers["Content-Type"].startswith("image/")
    label = ann.get("/v1/datasets/dogs").json()["labels"][0]["name"]
    bob.post(f"/v1/datasets/dogs/tasks/{task['token']}/label", json={"label": label})
    now = told("dogs")
    assert (now["working"], now["labelled_by"]) == ([], "bob")
    assert ann.get("/v1/datasets/dogs?activity=true").json()["activity"] == now
    assert now["labelled_at"] == ann.get("/v1/datasets/dogs/samples/0").json()["labelled_at"]


@pytest.mark.parametrize("query", ["activity=yes", "activity=", "activity=true&activity=true"])
def test_what_activity_cannot_be_is_named(ann, query):
    assert_problem(ann.get("/v1/datasets?" + query), 400)


# --- one


def test_a_dataset_tells_its_size_counts_labels_and_policy(server, ann):
    answer = ann.get("/v1/datasets/cats")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    told = answer.json()
    assert set(told) == {"name", "base_dir", "size", "counts", "labels", "policy"}
    assert (told["name"], told["base_dir"], told["size"]) == ("cats", str(server.images / "cats"), 4)
    assert told["counts"] == {"labelled": 0, "unlabelled": 4, "skipped": 0, "unreadable": 0, "review": 0, "leased": 0}
    assert told["labels"] == [
        {"key": str(key), "name": name, "count": 0, "colour": None, "description": "", "position": key}
        for key, name in enumerate(["tabby", "sphynx"])]
    assert set(told["policy"]) == {"overlap", "overlap_max", "lease_seconds", "order", "skip", "public", "gold_rate"}
    assert (told["policy"]["overlap"], told["policy"]["order"], told["policy"]["skip"]) == (1, "sequential", "requeue_for_me")


def test_its_counts_follow_what_is_done(server, ann):
    base_dir = str(server.images / "dogs")
    for label in ("dog", "dog", "cat"):
        body = {"dataset_name": "dogs", "base_dir": base_dir, "filepath": "image0.png", "label": label}
        assert ann.post("/classify", json=body).json() == {"response": True}
    told = ann.get("/v1/datasets/dogs").json()
    assert told["counts"] == {"labelled": 1, "unlabelled": 1, "skipped": 0, "unreadable": 0, "review": 0, "leased": 0}
    assert [(label["name"], label["count"]) for label in told["labels"]] == [("cat", 1), ("dog", 0)]


def test_an_empty_one_has_nothing(ann):
    told = ann.get("/v1/datasets/empty").json()
    assert (told["size"], told["labels"]) == (0, [])


def test_its_name_is_percent_encoded(ann):
    for address in ("odd%20%25%26%C3%A9%20%E7%8C%AB", "odd %25&é 猫"):
        answer = ann.get(f"/v1/datasets/{address}")
        assert (answer.status_code, answer.json()["name"]) == (200, "odd %&é 猫")


@pytest.mark.parametrize("name", ["birds", "CATS", "cats.db", "cats%2F", "cats%20", "%20", "c" * 200, "cats%00", "%ff", "..%2fcats"])
def test_an_unknown_one_is_not_found(ann, name):
    answer = ann.get(f"/v1/datasets/{name}")
    assert answer.status_code in ((404,) if name not in ("cats%00", "%ff") else (400, 404))
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_one_that_may_not_be_seen_is_not_found_either(server):
    guest = server.session("guest")
    assert guest.get("/v1/datasets/cats").status_code == 200
    assert_problem(guest.get("/v1/datasets/dogs"), 404, "Database not found")


# --- all


def test_they_are_listed_by_name(ann):
    answer = ann.get("/v1/datasets")
    assert (answer.status_code, set(answer.json())) == (200, {"items", "next"})
    assert names(ann) == ["cats", "dogs", "empty", "odd %&é 猫"]
    assert answer.json()["items"][0] == ann.get("/v1/datasets/cats").json()
    assert answer.json()["next"] is None


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_a_list_can_be_read_in_pieces(ann, limit):
    found, query = [], f"limit={limit}"
    while True:
        page = ann.get(f"/v1/datasets?{query}").json()
        assert 1 <= len(page["items"]) <= limit
        found += [dataset["name"] for dataset in page["items"]]
        if page["next"] is None:
            break
        query = urlencode({"limit": limit, "after": page["next"]})
    assert found == ["cats", "dogs", "empty", "odd %&é 猫"]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "", "1.5", "99999999999999999999"])
def test_a_limit_is_a_number(ann, limit):
    assert_problem(ann.get(f"/v1/datasets?limit={limit}"), 400, '"limit"')


def test_a_parameter_given_twice_is_refused(ann):
    assert_problem(ann.get("/v1/datasets?limit=1&limit=2"), 400, '"limit"')


def test_only_what_may_be_seen_is_listed(server):
    assert names(server.session("guest")) == ["cats", "odd %&é 猫"]
    assert names(server.session("stranger")) == []
    first = server.session("guest").get("/v1/datasets?limit=1").json()
    assert first["next"] and [dataset["name"] for dataset in first["items"]] == ["cats"]


def test_nobody_is_told_anything_without_a_password(anyone):
    assert_problem(anyone.get("/v1/datasets"), 401, "Authentication failed")
    assert_problem(anyone.get("/v1/datasets/cats"), 401, "Authentication failed")
    assert anyone.get("/images/cats/image0.png").status_code == 401


# --- while it runs


@pytest.mark.on("sqlite")
def test_one_added_while_it_runs_is_seen_at_once(server, ann):
    base = server.images / "added"
    draw(base / "a.png")
    put_database(server, "added", base)
    assert ann.post("/size", json={"dataset_name": "added"}).json() == {"dataset_name": "added", "size": 1}
    assert "added" in names(ann)
    assert ann.post("/obtain", json={"dataset_name": "added"}).status_code == 200
    assert ann.get("/images/added/a.png").status_code == 200


@pytest.mark.on("sqlite")
def test_one_removed_while_it_runs_is_gone_at_once(server, ann):
    base = server.images / "passing"
    draw(base / "a.png")
    put_database(server, "passing", base)
    body = {"dataset_name": "passing", "base_dir": str(base), "filepath": "a.png", "label": "cat"}
    assert ann.post("/classify", json=body).json() == {"response": True}
    for path in server.databases.glob("passing.db*"):
        path.unlink()
    for path, right in (("/size", {"message": "Database not found"}), ("/obtain", {"message": "Database not found"}),
                        ("/classify", {"response": False})):
        answer = ann.post(path, json=body)
        assert (answer.status_code, answer.json()) == (404, right)
    assert "passing" not in names(ann)
    assert not list(server.databases.glob("passing.db"))


@pytest.mark.on("sqlite")
def test_one_replaced_while_it_runs_is_the_new_one(server, ann):
    base = server.images / "replaced"
    for name in ("a.png", "b.png"):
        draw(base / name)
    put_database(server, "replaced", base, ["a.png"])
    assert ann.post("/size", json={"dataset_name": "replaced"}).json()["size"] == 1
    for path in server.databases.glob("replaced.db*"):
        path.unlink()
    put_database(server, "replaced", base, ["a.png", "b.png"])
    assert ann.post("/size", json={"dataset_name": "replaced"}).json()["size"] == 2


@pytest.mark.on("sqlite")
def test_one_that_is_broken_is_left_out(server, ann):
    (server.databases / "broken.db").write_bytes(b"this is no database, but it is long enough to look like one" * 100)
    assert "broken" not in names(ann) and "cats" in names(ann)
    for answer in (ann.post("/size", json={"dataset_name": "broken"}), ann.get("/v1/datasets/broken")):
        assert answer.status_code == 500 and "message" in answer.json()
    (server.databases / "broken.db").unlink()
