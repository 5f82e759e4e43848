"""Who may do what: the users' own files, with roles and datasets."""
import json
from urllib.parse import quote

import pytest
from harness import until

PICTURE = {"dataset_name": "cats", "id": 0}
DENIED = (401, {"message": "Authentication failed"})
UNSEEN = (404, {"message": "Database not found"})


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    server.add_user("ann")
    server.add_user("viewer", role="viewer")
    server.add_user("annotator", role="annotator")
    server.add_user("contributor", role="contributor")
    server.add_user("admin", role="admin")
    server.add_user("cats only", datasets=["cats"])
    server.add_user("viewer of cats", role="viewer", datasets=["cats"])
    server.add_user("mixed", datasets={"cats": "viewer", "dogs": "annotator"})
    server.add_user("all but", datasets={"*": "annotator", "cats": "none"})
    server.add_user("nothing", datasets=[])
    server.add_user("expired", expires="2020-01-01T00:00:00Z")
    server.add_user("lasting", expires="2120-01-01T00:00:00Z")
    server.add_user("ñ 猫 @.-_", password="pässwörd: with \" everything # in it 猫")
    server.add_user("long", password="p" * 250)
    server.add_user("changing", password="before")
    (server.users / "other name.json").write_text('{"user": "inside", "password": "secret"}')
    server.passwords["inside"] = "secret"
    (server.users / "broken.json").write_text('{"user": "broken",')
    (server.users / "no password.json").write_text('{"user": "passwordless"}')
    (server.users / "bad role.json").write_text('{"user": "odd", "password": "secret", "role": "king"}')
    (server.users / "bad name.json").write_text('{"user": "a:b", "password": "secret"}')
    server.add_dataset("cats")
    server.add_dataset("dogs")
    return server.start()


def answered(answer):
    return answer.status_code, answer.json()


def size(server, user, dataset="cats"):
    return server.session(user).post("/size", json={"dataset_name": dataset})


def classify(server, user, dataset="cats"):
    body = {"dataset_name": dataset, "base_dir": str(server.images / dataset), "filepath": "image0.png", "label": "cat"}
    return server.session(user).post("/classify", json=body)


# --- passwords


def test_a_file_of_the_older_system_labels_every_dataset(server):
    for dataset in ("cats", "dogs"):
        assert size(server, "ann", dataset).json()["size"] == 3
        assert classify(server, "ann", dataset).json() == {"response": True}
    assert server.session("ann").post("/obtain", json={"dataset_name": "cats"}).status_code == 200


def test_the_name_is_the_one_inside_the_file(server):
    assert size(server, "inside").status_code == 200
    assert answered(server.session().post("/size", json=PICTURE, auth=("other name", "secret"))) == DENIED


@pytest.mark.parametrize("user", ["ñ 猫 @.-_", "long"])
def test_names_and_passwords_may_hold_anything(server, user):
    auth = (user.encode(), server.passwords[user].encode())
    assert server.session().post("/size", json=PICTURE, auth=auth).status_code == 200
    assert server.session().post("/size", json=PICTURE, auth=(auth[0], auth[1][:-1])).status_code == 401
    assert server.session().post("/size", json=PICTURE, auth=(auth[0], auth[1] + b"x")).status_code == 401


@pytest.mark.parametrize("user", ["broken", "passwordless", "odd", "a", "a:b"])
def test_what_is_no_whole_user_is_nobody(server, user):
    assert answered(server.session().post("/size", json=PICTURE, auth=(user, "secret"))) == DENIED
    assert answered(server.session().post("/size", json=PICTURE, auth=(user, ""))) == DENIED


def test_a_file_that_is_wrong_is_named(server):
    said = server.reload().stderr
    for file in ("broken.json", "no password.json", "bad role.json", "bad name.json"):
        assert file in said


def test_an_expired_user_may_nothing(server):
    answer = size(server, "expired")
    assert answer.status_code in (401, 404)
    assert size(server, "lasting").status_code == 200


def test_another_password_holds_after_a_reload(server):
    before = ("changing", "before")
    assert server.session().post("/size", json=PICTURE, auth=before).status_code == 200
    server.add_user("changing", password="after")
    assert server.reload().returncode == 0
    until(lambda: server.session().post("/size", json=PICTURE, auth=before).status_code == 401, "the old password's end")
    assert size(server, "changing").status_code == 200


def test_a_file_that_is_gone_is_a_user_that_is_gone(server):
    server.add_user("leaving")
    assert server.reload().returncode == 0
    assert size(server, "leaving").status_code == 200
    (server.users / "leaving.json").unlink()
    assert server.reload().returncode == 0
    until(lambda: answered(size(server, "leaving")) == DENIED, "the user's end")


def test_no_password_lies_where_others_could_read_it(server):
    """A's own files stay as they are; what is made of them is for the server alone, and hashed."""
    for path in server.users.iterdir():
        if path.is_file() and path.suffix != ".json":
            assert path.stat().st_mode & 0o077 == 0, path
            assert "secret" not in path.read_text() and "wörd" not in path.read_text()
    for log in (server.state / "log").iterdir():
        assert "wörd" not in log.read_text()


# --- roles


@pytest.mark.parametrize(
    "user, sees, looks, labels",
    [
        ("viewer", 200, 200, 403),
        ("annotator", 200, 200, 200),
        ("contributor", 200, 200, 200),
        ("admin", 200, 200, 200),
        ("cats only", 200, 200, 200),
        ("viewer of cats", 200, 200, 403),
        ("mixed", 200, 200, 403),
        ("all but", 404, 404, 404),
        ("nothing", 404, 404, 404),
    ],
)
def test_a_role_says_what_may_be_done(server, user, sees, looks, labels):
    session = server.session(user)
    assert size(server, user).status_code == sees
    assert session.get("/v1/datasets/cats").status_code == sees
    assert session.post("/obtain", json=PICTURE).status_code == looks
    assert session.get("/images/cats/image0.png").status_code == looks
    assert session.post("/obtain", json={"dataset_name": "cats"}).status_code == labels
    assert classify(server, user).status_code == labels
    assert session.get("/v1/datasets/cats/tasks").status_code == labels


@pytest.mark.parametrize("user, dogs", [("cats only", 404), ("viewer of cats", 404), ("mixed", 200), ("all but", 200), ("nothing", 404)])
def test_it_holds_on_the_datasets_that_are_named(server, user, dogs):
    assert size(server, user, "dogs").status_code == dogs
    assert classify(server, user, "dogs").status_code == dogs
    assert server.session(user).get("/images/dogs/image0.png").status_code == dogs


def test_what_may_not_be_seen_looks_as_if_it_were_not_there(server):
    """The same answer, byte by byte, for a dataset of others and for one that does not exist."""
    session = server.session("nothing")

    def answers(dataset):
        told = [
            session.post("/size", json={"dataset_name": dataset}),
            session.post("/obtain", json={"dataset_name": dataset}),
            session.post("/obtain", json={"dataset_name": dataset, "id": 0}),
            session.post("/classify", json={"dataset_name": dataset, "base_dir": "/", "filepath": "image0.png", "label": "cat"}),
            session.get(f"/v1/datasets/{dataset}"),
            session.get(f"/v1/datasets/{dataset}/tasks"),
            session.post(f"/v1/datasets/{dataset}/tasks", json={}),
            session.get(f"/images/{dataset}/image0.png"),
        ]
        return [(answer.status_code, answer.content, answer.headers["Content-Type"]) for answer in told]

    assert answers("cats") == answers("nowhere")
    assert {status for status, _, _ in answers("cats")} == {404}


def test_datasets_of_odd_names_can_be_granted(make_server):
    server = make_server()
    names = ["ñ 猫", "a,b", "*x", "quote\"d", "back\\slash"]
    for name in names:
        server.add_dataset(name, samples=1)
    server.add_user("ann", datasets=names[:-1])
    ann = server.start().session("ann")
    assert {name: size(server, "ann", name).status_code for name in names} == {name: 404 if name == names[-1] else 200 for name in names}
    assert [dataset["name"] for dataset in ann.get("/v1/datasets").json()["items"]] == sorted(names[:-1], key=str.encode)
    for name in names[:-1]:
        told = ann.post("/obtain", json={"dataset_name": name, "id": 0}, headers={"Accept": "application/json"}).json()
        assert told["image_url"] == f"/images/{quote(name, safe='')}/image0.png"
        assert ann.get(told["image_url"]).status_code == 200
    assert json.loads(ann.post("/obtain", json={"dataset_name": names[0]}).headers["X-Response-Json"])["dataset_name"] == names[0]
