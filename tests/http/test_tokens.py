"""Tokens for scripts: each acts as its maker, within its scope and datasets, and no longer than its maker may."""
from datetime import datetime, timedelta, timezone

import pytest
from harness import until


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    for role in ("viewer", "annotator", "contributor", "admin"):
        server.add_user(role, role=role)
    server.add_user("of cats", datasets={"cats": "contributor"})
    server.add_dataset("cats")
    server.add_dataset("dogs")
    return server.start()


@pytest.fixture
def admin(server):
    return server.session("admin")


def make(server, maker, scope="write", name="script", **more):
    answer = server.session(maker).post("/v1/tokens", json={"name": name, "scope": scope, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def by(server, token):
    session = server.session()
    session.auth = (token["id"], token["secret"])
    return session


def listed(session):
    return session.get("/v1/tokens", params={"limit": 1000}).json()["items"]


def test_a_token_is_answered_with_its_secret_once(server, admin):
    token = make(server, "annotator", name="nightly 猫", datasets=["cats"], expires_at="2120-01-01T00:00:00Z")
    assert set(token) == {"id", "name", "user", "scope", "datasets", "created_at", "expires_at", "last_used_at", "secret"}
    assert (token["name"], token["user"], token["scope"], token["datasets"]) == ("nightly 猫", "annotator", "write", ["cats"])
    assert token["expires_at"].startswith("2120-01-01T00:00:00")
    (kept,) = [item for item in listed(server.session("annotator")) if item["id"] == token["id"]]
    assert kept == {name: value for name, value in token.items() if name != "secret"}
    assert token["secret"] not in "".join(path.read_text(errors="replace") for path in server.users.iterdir())


def test_an_admin_of_everything_sees_whose_tokens_there_are(server, admin):
    token = make(server, "annotator", name="seen")
    told = admin.get("/v1/tokens", params={"user": "annotator", "limit": 1000}).json()["items"]
    assert token["id"] in [item["id"] for item in told] and {item["user"] for item in told} == {"annotator"}
    assert server.session("annotator").get("/v1/tokens?user=annotator").status_code == 200
    assert server.session("annotator").get("/v1/tokens?user=admin").status_code == 403
    assert admin.get("/v1/tokens?user=nobody").json()["items"] == []


def test_a_token_labels_as_its_maker(server):
    session = by(server, make(server, "annotator"))
    assert session.get("/v1/me").json()["user"] == "annotator"
    (task,) = session.post("/v1/datasets/cats/tasks", json={"count": 1}).json()["tasks"]
    assert [held["token"] for held in server.session("annotator").get("/v1/datasets/cats/tasks").json()["tasks"]] == [task["token"]]
    assert session.post(f"/v1/datasets/cats/tasks/{task['token']}/label", json={"label": "cat"}).json()["labelled_by"] == "annotator"


@pytest.mark.parametrize("path", ["/v1/datasets/cats", "/v1/datasets/cats/samples", "/images/cats/image0.png", "/v1/me", "/ui/", "/fetch?dataset=cats"])
def test_a_token_to_read_reads(server, path):
    session = by(server, make(server, "annotator", "read"))
    assert session.get(path).status_code == 200
    assert session.head(path).status_code == 200


def test_a_token_to_read_changes_nothing(server, admin):
    session = by(server, make(server, "admin", "read"))
    sample = {"dataset_name": "dogs", "base_dir": str(server.images / "dogs"), "filepath": "image0.png", "label": "dog"}
    for method, path, body in [
        ("POST", "/classify", sample),
        ("POST", "/obtain", {"dataset_name": "dogs"}),
        ("POST", "/size", {"dataset_name": "dogs"}),
        ("POST", "/v1/datasets/dogs/tasks", {"count": 1}),
        ("POST", "/v1/datasets/dogs/labels", {"name": "new"}),
        ("POST", "/add_label/new?dataset=dogs", None),
        ("PATCH", "/v1/datasets/dogs", {"policy": {"overlap": 2}}),
        ("DELETE", "/v1/datasets/dogs", None),
        ("PUT", "/v1/datasets/dogs/images/x.png", None),
        ("POST", "/v1/datasets/dogs/uploads", None),
        ("POST", "/v1/users", {"user": "x"}),
        ("DELETE", "/v1/users/viewer", None),
        ("POST", "/v1/tokens", {"name": "x", "scope": "write"}),
    ]:
        answer = session.request(method, path, json=body)
        assert (answer.status_code, "token may only read" in answer.text) == (403, True), (method, path, answer.text)
    headers = {"X-HTTP-Method-Override": "PATCH", "Tus-Resumable": "1.0.0"}
    assert session.get("/v1/datasets/dogs/uploads/x", headers=headers).status_code == 403
    assert session.get("/v1/datasets/dogs").json()["counts"]["unlabelled"] == 3
    assert session.get("/v1/users").status_code == 200


def test_a_token_of_some_datasets_sees_no_others(server, admin):
    token = make(server, "admin", datasets=["cats"])
    session = by(server, token)
    assert session.get("/v1/me").json() == {
        "user": "admin",
        "role": "none",
        "datasets": {"cats": "admin"},
        "token": token["id"],
        "scope": "write",
    }
    assert [item["name"] for item in session.get("/v1/datasets").json()["items"]] == ["cats"]
    assert session.get("/images/cats/image0.png").status_code == 200
    assert session.get("/images/dogs/image0.png").status_code == 404
    assert session.get("/v1/datasets/dogs").status_code == 404
    assert session.post("/size", json={"dataset_name": "dogs"}).status_code == 404
    assert session.patch("/v1/datasets/cats", json={"policy": {"lease_seconds": 99}}).status_code == 200
    for method, path, body in [
        ("GET", "/v1/users", None),
        ("GET", "/v1/audit", None),
        ("POST", "/v1/users", {"user": "x", "role": "admin"}),
        ("DELETE", "/v1/users/viewer", None),
        ("POST", "/v1/datasets", {"name": "x"}),
        ("PATCH", "/v1/datasets/cats", {"base_dir": "/"}),
    ]:
        assert session.request(method, path, json=body).status_code == 403, (method, path)


def test_a_token_may_no_more_than_its_maker_may_by_then(server, admin):
    key = admin.post("/v1/users", json={"user": "nan", "datasets": {"cats": "contributor", "dogs": "viewer"}}).json()["password"]
    server.passwords["nan"] = key
    session = by(server, make(server, "nan"))
    assert session.get("/v1/me").json()["datasets"] == {"cats": "contributor", "dogs": "viewer"}
    assert session.post("/v1/datasets/cats/labels", json={"name": "nan's"}).status_code == 201
    assert session.post("/v1/datasets/dogs/labels", json={"name": "nan's"}).status_code == 403
    assert admin.delete("/v1/users/nan").status_code == 204
    assert session.get("/images/cats/image0.png").status_code == 401
    admin.post("/v1/users", json={"user": "nan", "role": "admin"})
    assert session.get("/v1/me").status_code == 401  # that is another one
    admin.delete("/v1/users/nan")


def test_a_removed_token_lets_nobody_in(server):
    token = make(server, "annotator", "read")
    session = by(server, token)
    assert session.get("/images/cats/image0.png").status_code == 200
    assert server.session("annotator").delete("/v1/tokens/" + token["id"]).status_code == 204
    for path in ("/images/cats/image0.png", "/v1/me", "/ui/"):
        assert session.get(path).status_code == 401
    assert server.session("annotator").delete("/v1/tokens/" + token["id"]).status_code == 404
    assert token["id"] not in str(listed(server.session("annotator")))


def test_an_expired_token_lets_nobody_in(server):
    soon = datetime.now(timezone.utc) + timedelta(seconds=2)
    token = make(server, "annotator", "read", expires_at=soon.isoformat())
    session = by(server, token)
    assert session.get("/images/cats/image0.png").status_code == 200
    until(lambda: session.get("/images/cats/image0.png").status_code == 401, "the token expires")
    assert datetime.now(timezone.utc) > soon
    assert session.get("/v1/me").status_code == 401
    assert token["id"] in str(listed(server.session("annotator")))


def test_a_wrong_secret_lets_nobody_in(server):
    token = make(server, "annotator")
    for secret in ("", "x", token["secret"][:-1], token["secret"] + "x", "secret"):
        assert by(server, {**token, "secret": secret}).get("/v1/me").status_code == 401
    assert by(server, {**token, "id": "annotator"}).get("/v1/me").status_code == 401
    assert by(server, {**token, "id": token["id"] + "x"}).get("/v1/me").status_code == 401


def test_each_sees_and_removes_their_own_and_an_admin_removes_any(server, admin):
    token = make(server, "annotator")
    assert token["id"] not in str(listed(server.session("viewer")))
    assert server.session("viewer").delete("/v1/tokens/" + token["id"]).status_code == 404
    assert by(server, token).get("/v1/me").status_code == 200
    assert admin.delete("/v1/tokens/" + token["id"]).status_code == 204
    assert by(server, token).get("/v1/me").status_code == 401


def test_a_token_makes_and_removes_no_token_nor_password(server, admin):
    token = make(server, "admin")
    session = by(server, token)
    for method, path, body in [
        ("POST", "/v1/tokens", {"name": "x", "scope": "write"}),
        ("DELETE", "/v1/tokens/" + token["id"], None),
        ("POST", "/v1/me/password", {"password": "taken over"}),
    ]:
        answer = session.request(method, path, json=body)
        assert (answer.status_code, "with a token" in answer.json()["detail"]) == (403, True), answer.text
    headers = {"Idempotency-Key": "my token"}
    made = admin.post("/v1/tokens", json={"name": "x", "scope": "write"}, headers=headers)
    again = session.post("/v1/tokens", json={"name": "x", "scope": "write"}, headers=headers)
    assert again.status_code == 403 and made.json()["secret"] not in again.text
    assert session.post("/v1/users", json={"user": "by-token", "role": "viewer"}).status_code == 201
    assert admin.delete("/v1/users/by-token").status_code == 204


def test_a_token_that_is_asked_for_again_by_the_same_key_is_made_once(server):
    session = server.session("viewer")
    answers = [session.post("/v1/tokens", json={"name": "one", "scope": "read"}, headers={"Idempotency-Key": "token"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert [item["id"] for item in listed(session) if item["name"] == "one"] == [answers[0].json()["id"]]
    assert by(server, answers[1].json()).get("/v1/me").status_code == 200


@pytest.mark.parametrize(
    "body, status, named",
    [
        ({"scope": "read"}, 400, "name"),
        ({"name": "", "scope": "read"}, 400, "name"),
        ({"name": "a\tb", "scope": "read"}, 400, "name"),
        ({"name": "x" * 257, "scope": "read"}, 400, "256"),
        ({"name": 1, "scope": "read"}, 400, "name"),
        ({"name": "x"}, 400, "scope"),
        ({"name": "x", "scope": "admin"}, 400, "admin"),
        ({"name": "x", "scope": "read", "datasets": []}, 422, "no dataset"),
        ({"name": "x", "scope": "read", "datasets": "cats"}, 400, "datasets"),
        ({"name": "x", "scope": "read", "datasets": {"cats": "admin"}}, 400, "datasets"),
        ({"name": "x", "scope": "read", "datasets": ["cats", "dogs"]}, 404, "dogs"),  # which this user may not see
        ({"name": "x", "scope": "read", "datasets": ["none\"'"]}, 404, "none\"'"),
        ({"name": "x", "scope": "read", "datasets": ["cats"] * 101}, 422, "100"),
        ({"name": "x", "scope": "read", "expires_at": "2001-01-01T00:00:00Z"}, 400, "past"),
        ({"name": "x", "scope": "read", "expires_at": "soon"}, 400, "expires_at"),
        ({"name": "x", "scope": "read", "user": "admin"}, 400, "user"),
    ],
)
def test_what_is_no_token_is_refused_by_name(server, body, status, named):
    session = server.session("of cats")
    answer = session.post("/v1/tokens", json=body)
    assert (answer.status_code, named in answer.json()["detail"]) == (status, True), answer.text
    assert listed(session) == []


def test_the_most_that_a_token_may_name_is_taken(server):
    token = make(server, "viewer", "read", "x" * 256, datasets=["cats"] * 100)
    assert len(token["datasets"]) == 100
    assert server.session("viewer").delete("/v1/tokens/" + token["id"]).status_code == 204


@pytest.mark.parametrize("id", ["token.none", "viewer", "..%2fviewer.json", "%00", "x" * 300, "token."])
def test_what_is_no_token_cannot_be_removed(server, admin, id):
    assert admin.delete("/v1/tokens/" + id).status_code in (400, 404)
    assert server.session("viewer").get("/v1/me").status_code == 200


def test_the_list_says_when_each_was_last_used(server):
    token = make(server, "contributor", "read")
    last = lambda: next(item["last_used_at"] for item in listed(server.session("contributor")) if item["id"] == token["id"])  # noqa: E731
    assert last() is None
    by(server, token).get("/images/cats/image0.png")
    assert last()


def test_what_is_done_to_tokens_is_in_the_audit_log_without_secrets(server, admin):
    token = make(server, "annotator", name="audited")
    server.session("annotator").delete("/v1/tokens/" + token["id"])
    entries = [entry for entry in admin.get("/v1/audit?limit=1000").json()["items"] if entry["target"] == "audited"]
    assert [(entry["by"], entry["action"]) for entry in entries] == [("annotator", "token.add"), ("annotator", "token.remove")]
    assert all(token["id"] in entry["detail"] for entry in entries)
    assert token["secret"] not in str(entries)


def test_tokens_outlive_a_restart_and_a_reload(server):
    session = by(server, make(server, "annotator"))
    assert server.reload().returncode == 0
    assert session.get("/v1/me").status_code == 200
    server.restart()
    assert session.get("/v1/me").status_code == 200
