"""POST /classify: labels the sample with a given filepath; the label is durable once "true" is answered."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import stored_labels as stored

LABELS = ["cat", "dog", "no idea", 'ñ "猫"', "true"]
PEOPLE = 8
EACH = 25


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    for name in ("ann", "bob", *(f"person{number}" for number in range(PEOPLE))):
        server.add_user(name)
    server.add_user("viewer", role="viewer")
    server.add_user("elsewhere", role="annotator", datasets=["demo"])
    server.add_dataset("demo", labels=LABELS, samples=12)
    server.add_dataset("crowd", samples=[f"{number}.png" for number in range(PEOPLE * EACH)])
    server.add_dataset("contested", samples=["one.png"])
    return server.start()


@pytest.fixture
def body(server):
    """Whose label is right; each test labels a picture of its own."""
    return {"dataset_name": "demo", "base_dir": str(server.images / "demo"), "filepath": "image0.png", "label": "cat"}


def test_a_right_one_is_true_and_stored(server, ann, body):
    answer = ann.post("/classify", json={**body, "filepath": "image1.png"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"response": True}
    assert stored(server, "demo")["image1.png"] == "cat"


@pytest.mark.parametrize("label", LABELS)
def test_every_label_of_the_dataset_is_taken(server, ann, body, label):
    assert ann.post("/classify", json={**body, "filepath": "image2.png", "label": label}).json() == {"response": True}
    assert stored(server, "demo")["image2.png"] == label


def test_the_last_label_holds_whoever_gave_it(server, ann, body):
    bob = server.session("bob")
    for person, label in ((ann, "cat"), (bob, "dog"), (bob, "dog")):
        assert person.post("/classify", json={**body, "filepath": "image3.png", "label": label}).json() == {"response": True}
    assert stored(server, "demo")["image3.png"] == "dog"


def test_a_sample_need_not_have_been_obtained(server, ann, body):
    assert ann.post("/classify", json={**body, "filepath": "image11.png"}).json() == {"response": True}
    assert stored(server, "demo")["image11.png"] == "cat"


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": "cow"},
        {"label": ""},
        {"label": "Cat"},
        {"label": "cat "},
        {"label": "c" * 1000},
        {"filepath": "image99.png"},
        {"filepath": ""},
        {"filepath": "./image4.png"},
        {"filepath": "Image4.png"},
        {"filepath": "f" * 10000},
        {"base_dir": ""},
        {"base_dir": "/"},
        {"base_dir": "image4.png"},
    ],
    ids=lambda wrong: next("-".join((key, value[:12])) for key, value in wrong.items()),
)
def test_a_wrong_one_is_false_and_changes_nothing(server, ann, body, wrong):
    before = stored(server, "demo")
    answer = ann.post("/classify", json={**body, "filepath": "image4.png", **wrong})
    assert (answer.status_code, answer.json()) == (200, {"response": False})
    assert stored(server, "demo") == before


def test_a_base_dir_is_compared_as_it_is_written(ann, body):
    for other in (body["base_dir"] + "/", body["base_dir"] + "/../demo"):
        assert ann.post("/classify", json={**body, "base_dir": other}).json() == {"response": False}


@pytest.mark.parametrize("name", ["cats", "", "../sqlite_dbs/demo", "demo.db"])
def test_an_unknown_dataset_is_false_too(ann, body, name):
    answer = ann.post("/classify", json={**body, "dataset_name": name})
    assert (answer.status_code, answer.json()) == (404, {"response": False})


def test_so_is_one_that_may_not_be_seen(server, body):
    answer = server.session("elsewhere").post("/classify", json={**body, "dataset_name": "crowd"})
    assert (answer.status_code, answer.json()) == (404, {"response": False})


def test_who_may_only_look_may_not_label(server, body):
    answer = server.session("viewer").post("/classify", json={**body, "filepath": "image5.png"})
    assert answer.status_code == 403
    assert "annotator" in answer.json()["message"]
    assert stored(server, "demo")["image5.png"] == ""


def test_nobody_labels_without_a_password(server, anyone, body):
    answer = anyone.post("/classify", json={**body, "filepath": "image5.png"})
    assert (answer.status_code, answer.json()) == (401, {"message": "Authentication failed"})
    assert stored(server, "demo")["image5.png"] == ""


def test_only_post_is_taken(ann):
    answer = ann.put("/classify", json={})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_many_people_label_at_once(server):
    """Each answer "true" is in the database, with its own person's label."""
    base_dir = str(server.images / "crowd")

    def label(person):
        session = server.session(f"person{person}")
        for number in range(EACH):
            filepath = f"{person * EACH + number}.png"
            body = {"dataset_name": "crowd", "base_dir": base_dir, "filepath": filepath, "label": ("cat", "dog")[person % 2]}
            assert session.post("/classify", json=body).json() == {"response": True}

    with ThreadPoolExecutor(PEOPLE) as people:
        list(people.map(label, range(PEOPLE)))
    expected = {f"{number}.png": ("cat", "dog")[number // EACH % 2] for number in range(PEOPLE * EACH)}
    assert stored(server, "crowd") == expected
    counts = server.session("ann").get("/v1/datasets/crowd").json()["counts"]
    assert (counts["labelled"], counts["unlabelled"]) == (PEOPLE * EACH, 0)


def test_people_who_contest_one_sample_leave_one_label(server):
    def label(person):
        session = server.session(f"person{person}")
        body = {"dataset_name": "contested", "base_dir": str(server.images / "contested"), "filepath": "one.png"}
        for turn in range(EACH):
            answer = session.post("/classify", json={**body, "label": ("cat", "dog")[(person + turn) % 2]})
            assert answer.json() == {"response": True}

    with ThreadPoolExecutor(PEOPLE) as people:
        list(people.map(label, range(PEOPLE)))
    dataset = server.session("ann").get("/v1/datasets/contested").json()
    assert {label["name"]: label["count"] for label in dataset["labels"]} == {
        name: int(name == stored(server, "contested")["one.png"]) for name in ("cat", "dog")
    }
