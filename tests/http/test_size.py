"""POST /size: how many samples a dataset has."""
import pytest


def test_a_dataset_has_a_size(ann):
    answer = ann.post("/size", json={"dataset_name": "demo"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"dataset_name": "demo", "size": 3}


def test_what_else_the_body_holds_is_passed_over(ann):
    answer = ann.post("/size", json={"dataset_name": "demo", "id": 7, "comment": {"any": ["thing"]}})
    assert (answer.status_code, answer.json()["size"]) == (200, 3)


def test_the_type_of_the_body_may_be_left_out_or_have_parameters(ann):
    for headers in ({}, {"Content-Type": "application/json; charset=utf-8"}, {"Content-Type": "Application/JSON"}):
        answer = ann.post("/size", data=b'{"dataset_name": "demo"}', headers=headers)
        assert (answer.status_code, answer.json()["size"]) == (200, 3)


def test_a_body_may_be_sent_in_chunks(ann):
    answer = ann.post("/size", data=iter([b'{"dataset_name"', b': "demo"}']))
    assert (answer.status_code, answer.json()["size"]) == (200, 3)


def test_an_unknown_dataset_is_not_found(ann):
    answer = ann.post("/size", json={"dataset_name": "cats"})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"message": "Database not found"}


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "/", "demo.db", "demo/", "./demo", "../sqlite_dbs/demo", "DEMO", " demo", "demo ", "demo\n", "demo%00",
     "d" * 129, "d" * 10000, ".demo", "demo-lock", "démo", "*", "%64emo"],
)
def test_a_name_is_a_name_and_never_a_path(ann, name):
    answer = ann.post("/size", json={"dataset_name": name})
    assert (answer.status_code, answer.json()) == (404, {"message": "Database not found"})


def test_nobody_is_answered_without_a_password(anyone):
    answer = anyone.post("/size", json={"dataset_name": "demo"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"message": "Authentication failed"}


@pytest.mark.parametrize(
    "user, password",
    [("ann", "wrong"), ("ann", ""), ("ann", "secret "), ("ann", "SECRET"), ("nobody", "secret"), ("", ""), ("Ann", "secret")],
)
def test_nobody_is_answered_with_a_wrong_password(anyone, user, password):
    answer = anyone.post("/size", json={"dataset_name": "demo"}, auth=(user, password))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.json() == {"message": "Authentication failed"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_post_is_taken(ann, method):
    answer = ann.request(method, "/size")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    if method != "HEAD":
        assert method in answer.json()["message"]


def test_an_address_beneath_it_is_nothing(ann):
    answer = ann.post("/size/", json={"dataset_name": "demo"})
    assert (answer.status_code, set(answer.json())) == (404, {"message"})
