"""Idempotency-Key: a POST that is sent again gets the first one's answer, and is done only once."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import picture


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    server.add_user("ann", role="admin")
    server.add_user("bob", role="admin")
    server.add_dataset(samples=30)
    return server.start()


@pytest.fixture
def ann(server):
    return server.session("ann")


def keyed(key):
    return {"Idempotency-Key": key}


def test_a_lease_that_is_asked_for_again_is_the_same_lease(ann):
    first, second = (ann.post("/v1/datasets/demo/tasks", json={"count": 2}, headers=keyed("lease")) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert first.headers["Content-Type"] == second.headers["Content-Type"]


def test_an_answer_is_not_given_again_to_who_may_not_see_the_dataset_any_more(make_server):
    server = make_server()
    server.add_user("bob", datasets=["demo", "other"])
    server.add_dataset()
    server.start()
    bob = server.session("bob")

    def ask():
        obtained = bob.post("/obtain", json={"dataset_name": "demo"}, headers=keyed("image"))
        body = {"dataset_name": "demo", "base_dir": str(server.images / "demo"), "filepath": "image1.png", "label": "cat"}
        return obtained.status_code, bob.post("/classify", json=body, headers=keyed("label")).json()

    assert ask() == ask() == (200, {"response": True})
    server.add_user("bob", datasets=["other"])
    assert server.reload().returncode == 0
    assert ask() == (404, {"response": False})
    server.add_user("bob", datasets=["demo", "other"])
    assert server.reload().returncode == 0
    assert ask() == (200, {"response": True})


def test_without_a_key_each_request_stands_for_itself(ann):
    first, second = (ann.post("/v1/datasets/demo/tasks", json={"count": 1}).json() for _ in range(2))
    assert first["tasks"][0]["token"] != second["tasks"][0]["token"]


def test_a_label_that_is_sent_again_is_no_conflict(ann):
    token = ann.post("/v1/datasets/demo/tasks", json={"count": 1}).json()["tasks"][0]["token"]
    address = f"/v1/datasets/demo/tasks/{token}/label"
    answers = [ann.post(address, json={"label": "cat"}, headers=keyed("label")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert ann.post(address, json={"label": "cat"}).status_code == 409


def test_a_refusal_is_given_again_too(ann):
    answers = [ann.post("/v1/datasets", json={"name": "demo"}, headers=keyed("taken")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0].content == answers[1].content


def test_the_same_key_with_another_body_or_address_is_refused(ann):
    ann.post("/v1/datasets/demo/labels", json={"name": "fox"}, headers=keyed("other"))
    for address, body in (("labels", {"name": "owl"}), ("tasks", {"name": "fox"})):
        answer = ann.post(f"/v1/datasets/demo/{address}", json=body, headers=keyed("other"))
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.json()["detail"]
    assert "owl" not in [label["name"] for label in ann.get("/v1/datasets/demo/labels").json()["items"]]


def test_keys_are_each_users_own(server, ann):
    tokens = {
        server.session(user).post("/v1/datasets/demo/tasks", json={}, headers=keyed("mine")).json()["tasks"][0]["token"]
        for user in ("ann", "bob")
    }
    assert len(tokens) == 2


def test_a_form_is_the_same_whatever_its_boundary(ann):
    image = picture()
    answers = [
        ann.post("/single_upload/?dataset=demo", files={"file": ("a.png", image)}, headers=keyed("form")) for _ in range(2)
    ]
    assert [answer.json()["duplicate"] for answer in answers] == [False, False]
    other = ann.post("/single_upload/?dataset=demo", files={"file": ("a.png", picture())}, headers=keyed("form"))
    assert other.status_code == 422


def test_requests_sent_at_once_are_done_once(ann):
    def add(_):
        return ann.post("/v1/datasets/demo/tasks", json={"count": 1}, headers=keyed("at once"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(add, range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


def test_it_is_remembered_across_a_restart(server, ann):
    before = ann.post("/v1/datasets/demo/tasks", json={"count": 1}, headers=keyed("restart"))
    server.restart()
    after = ann.post("/v1/datasets/demo/tasks", json={"count": 1}, headers=keyed("restart"))
    assert before.content == after.content


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_can_be_none_is_refused(ann, key):
    answer = ann.post("/v1/datasets/demo/labels", json={"name": "elk"}, headers=keyed(key))
    assert answer.status_code == 400


@pytest.mark.on("sqlite")
def test_a_database_of_answers_that_is_damaged_is_named_and_costs_nothing_else(make_server):
    server = make_server()
    server.add_user("ann", role="admin")
    server.add_dataset()
    (server.databases / ".idempotency.db").write_text("This is no database, but text that is longer than a header of one would be, by some words.")
    ann = server.start().session("ann")
    answers = [ann.post("/v1/datasets/demo/tasks", json={"count": 1}, headers=keyed("damaged")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200] and answers[0].content == answers[1].content
    aside = server.databases / ".idempotency.db.damaged"
    assert aside.exists()
    assert str(aside) in {line.get("aside") for line in server.program_log("tasks")}
