"""People over HTTP: users, their own passwords, and the audit log of who did what."""
import json
import os
import pwd
import re
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from harness import SCRIPTS, until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(scope="module")
def server(make_shared_server, tmp_path_factory):
    server = make_shared_server(config={"base_dirs": [str(tmp_path_factory.getbasetemp())]})
    for role in ("viewer", "annotator", "contributor", "admin"):
        server.add_user(role, role=role)
    server.add_user("admin of cats", datasets={"cats": "admin"})
    server.add_dataset("cats")
    return server.start()


@pytest.fixture
def admin(server):
    return server.session("admin")


def audit(session, since=None):
    """All entries of the log, page by page, or those after the cursor `since`."""
    entries, after = [], since
    while True:
        page = session.get("/v1/audit", params={"limit": 100, **({"after": after} if after else {})}).json()
        entries += page["items"]
        if not page["next"]:
            return entries
        after = page["next"]


def deeds(session):
    return [(entry["by"], entry["action"], entry["target"], entry["dataset"]) for entry in audit(session)]


# --- the audit log


def test_what_is_done_to_datasets_and_labels_is_in_the_audit_log(server, admin):
    before = deeds(admin)
    assert admin.post("/v1/datasets", json={"name": "dogs", "labels": ["beagle"]}).status_code == 201
    assert server.session("contributor").post("/v1/datasets/dogs/labels", json={"name": "poodle"}).status_code == 201
    assert server.session("contributor").post("/v1/datasets/dogs/labels", json={"name": "poodle"}).status_code == 200
    assert server.session("contributor").post("/add_label/pug?dataset=dogs").status_code == 200
    assert admin.patch("/v1/datasets/dogs", json={"policy": {"overlap": 2}}).status_code == 200
    assert admin.patch("/v1/datasets/dogs", json={"policy": {"overlap": 0}}).status_code in (400, 422)
    assert admin.delete("/v1/datasets/dogs").status_code == 204
    assert deeds(admin)[len(before) :] == [
        ("admin", "dataset.create", "dogs", "dogs"),
        ("contributor", "label.add", "poodle", "dogs"),
        ("contributor", "label.add", "pug", "dogs"),
        ("admin", "dataset.change", "dogs", "dogs"),
        ("admin", "dataset.remove", "dogs", "dogs"),
    ]


def test_an_entry_says_when_it_was_and_what_exactly(admin):
    admin.patch("/v1/datasets/cats", json={"policy": {"lease_seconds": 77}})
    entry = audit(admin)[-1]
    assert list(entry) == ["at", "by", "action", "target", "dataset", "detail"]
    assert "77" in entry["detail"] and "lease_seconds" in entry["detail"]
    assert TIME.fullmatch(entry["at"])
    at = datetime.fromisoformat(entry["at"].replace("Z", "+00:00"))
    assert abs((datetime.now(timezone.utc) - at).total_seconds()) < 60


def test_the_log_outlives_what_it_tells_of_and_a_restart(server, admin):
    admin.post("/v1/datasets", json={"name": "fleeting"})
    admin.delete("/v1/datasets/fleeting")
    before = audit(admin)
    server.restart()
    assert audit(admin) == before


def test_the_log_is_read_by_pages_that_hold_each_entry_once(admin):
    for name in ("one", "two", "three"):
        admin.post("/v1/datasets/cats/labels", json={"name": name})
    all_of_it, pages, after = audit(admin), [], {}
    while True:
        page = admin.get("/v1/audit", params={"limit": 2, **after}).json()
        assert len(page["items"]) <= 2
        pages += page["items"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert pages == all_of_it


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=1", "after=", "after=%00", "user=ann", "limit=1&limit=2", "order=", "order=desc"])
def test_a_page_that_there_is_not_is_named(admin, query):
    answer = admin.get("/v1/audit?" + query)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_the_most_that_a_page_holds_can_be_asked_for(admin):
    assert admin.get("/v1/audit?limit=1000").status_code == 200


@pytest.mark.parametrize("user", ["viewer", "annotator", "contributor", "admin of cats"])
def test_the_log_is_for_admins_of_everything(server, user):
    assert server.session(user).get("/v1/audit").status_code == 403


# --- users


def add(session, user, **more):
    return session.post("/v1/users", json={"user": user, **more})


def as_user(server, user, password):
    session = server.session()
    session.auth = (user, password)
    return session


def listed(session, path="/v1/users"):
    """All of a list's items, page by page."""
    items, after = [], {}
    while True:
        page = session.get(path, params={"limit": 3, **after}).json()
        items += page["items"]
        if page["next"] is None:
            return items
        after = {"after": page["next"]}


def test_a_user_that_is_added_can_log_in_at_once(server, admin):
    answer = add(admin, "ann", role="viewer")
    assert answer.status_code == 201
    assert {**answer.json(), "password": ""} == {
        "user": "ann",
        "role": "viewer",
        "datasets": {},
        "expires_at": None,
        "last_used_at": None,
        "password": "",
    }
    ann = as_user(server, "ann", answer.json()["password"])
    assert ann.get("/v1/me").json() == {"user": "ann", "role": "viewer", "datasets": {}}
    assert ann.get("/images/cats/image0.png").status_code == 200
    assert ann.post("/v1/datasets/cats/labels", json={"name": "new"}).status_code == 403
    assert "password" not in next(item for item in listed(admin) if item["user"] == "ann")
    assert admin.delete("/v1/users/ann").status_code == 204


@pytest.mark.parametrize(
    "given, role, datasets",
    [
        ({}, "annotator", {}),
        ({"role": "admin"}, "admin", {}),
        ({"role": "viewer", "datasets": ["cats", "dögs"]}, "none", {"cats": "viewer", "dögs": "viewer"}),
        ({"datasets": {"cats": "admin", "dogs": "viewer"}}, "none", {"cats": "admin", "dogs": "viewer"}),
        ({"datasets": {"*": "viewer", "cats": "contributor"}}, "viewer", {"cats": "contributor"}),
        ({"role": None, "datasets": None, "expires_at": None}, "annotator", {}),
    ],
)
def test_roles_are_overall_or_on_single_datasets(server, admin, given, role, datasets):
    answer = add(admin, "eve", **given)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["role"], answer.json()["datasets"]) == (role, datasets)
    eve = as_user(server, "eve", answer.json()["password"])
    assert eve.get("/v1/me").json() == {"user": "eve", "role": role, "datasets": datasets}
    assert admin.delete("/v1/users/eve").status_code == 204


def test_a_removed_user_is_let_in_nowhere_within_two_seconds(server, admin):
    bob = as_user(server, "bob", add(admin, "bob").json()["password"])
    assert bob.get("/images/cats/image0.png").status_code == 200
    assert bob.get("/v1/datasets/cats").status_code == 200
    assert admin.delete("/v1/users/bob").status_code == 204
    assert bob.get("/images/cats/image0.png").status_code == 401
    assert bob.get("/v1/datasets/cats").status_code == 401
    assert admin.delete("/v1/users/bob").status_code == 404


def test_a_user_made_again_has_another_key(server, admin):
    first = add(admin, "again").json()["password"]
    assert add(admin, "again").status_code == 409
    admin.delete("/v1/users/again")
    second = add(admin, "again").json()["password"]
    assert as_user(server, "again", first).get("/v1/me").status_code == 401
    assert as_user(server, "again", second).get("/v1/me").status_code == 200
    admin.delete("/v1/users/again")


def test_a_new_key_replaces_the_lost_one(server, admin):
    lost = add(admin, "eve").json()["password"]
    answer = admin.post("/v1/users/eve/key")
    assert answer.status_code == 200
    assert as_user(server, "eve", lost).get("/v1/me").status_code == 401
    assert as_user(server, "eve", answer.json()["password"]).get("/v1/me").status_code == 200
    assert answer.json()["password"] not in str(audit(admin))
    assert deeds(admin)[-1] == ("admin", "user.key", "eve", None)
    assert admin.post("/v1/users/nobody/key").status_code == 404
    assert server.session("admin of cats").post("/v1/users/eve/key").status_code == 403
    assert server.session("admin of cats").patch("/v1/users/eve", json={"role": "viewer"}).status_code == 403
    admin.delete("/v1/users/eve")


def test_the_newest_entries_can_come_first_page_by_page(admin):
    for name in ("four", "five", "six"):
        admin.post("/v1/datasets/cats/labels", json={"name": name})
    pages, after = [], {}
    while True:
        page = admin.get("/v1/audit", params={"order": "newest", "limit": 3, **after}).json()
        pages += page["items"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert pages == audit(admin)[::-1]
    first = admin.get("/v1/audit?limit=1").json()["next"]
    assert admin.get("/v1/audit", params={"order": "newest", "after": first}).status_code == 400


def test_an_expired_user_is_let_in_no_longer_but_listed(server, admin):
    soon = datetime.now(timezone.utc) + timedelta(seconds=2)
    fay = as_user(server, "fay", add(admin, "fay", expires_at=soon.isoformat()).json()["password"])
    assert fay.get("/v1/me").status_code == 200
    until(lambda: fay.get("/v1/me").status_code == 401, "fay expires")
    assert datetime.now(timezone.utc) > soon
    assert fay.get("/images/cats/image0.png").status_code == 401
    assert [item["expires_at"][:19] for item in listed(admin) if item["user"] == "fay"] == [soon.isoformat()[:19]]
    assert admin.delete("/v1/users/fay").status_code == 204


@pytest.mark.parametrize(
    "body, status, named",
    [
        ({}, 400, "user"),
        ({"user": ""}, 400, "user"),
        ({"user": 7}, 400, "user"),
        ({"user": "a:b"}, 400, "letters"),
        ({"user": "a/b"}, 400, "letters"),
        ({"user": "../x"}, 400, "letters"),
        ({"user": ".lock"}, 400, "'.'"),
        ({"user": "-x"}, 400, "'-'"),
        ({"user": "a\nb"}, 400, "letters"),
        ({"user": "ñ"}, 400, "letters"),
        ({"user": "x" * 65}, 400, "64"),
        ({"user": "x", "role": "king"}, 400, "king"),
        ({"user": "x", "role": "none"}, 422, "role"),
        ({"user": "x", "datasets": []}, 422, "no dataset"),
        ({"user": "x", "datasets": {}}, 422, "no dataset"),
        ({"user": "x", "datasets": "cats"}, 400, "datasets"),
        ({"user": "x", "datasets": [1]}, 400, "datasets"),
        ({"user": "x", "datasets": [""]}, 400, "datasets"),
        ({"user": "x", "datasets": ["a/b"]}, 400, "datasets"),
        ({"user": "x", "datasets": {"cats": "king"}}, 400, "king"),
        ({"user": "x", "datasets": [f"d{n}" for n in range(1001)]}, 422, "1000"),
        ({"user": "x", "expires_at": "tomorrow"}, 400, "expires_at"),
        ({"user": "x", "expires_at": "2001-01-01T00:00:00Z"}, 400, "past"),
        ({"user": "x", "password": "chosen by another"}, 400, "password"),
        ({"user": "x", "admin": True}, 400, "admin"),
    ],
)
def test_what_is_no_user_is_refused_by_name(admin, body, status, named):
    names = lambda: [item["user"] for item in listed(admin)]  # noqa: E731
    before = names()
    answer = admin.post("/v1/users", json=body)
    assert (answer.status_code, named in answer.json()["detail"]) == (status, True), answer.text
    assert names() == before


def test_a_user_may_have_so_many_datasets(admin):
    assert add(admin, "many", datasets=[f"d{n}" for n in range(1000)]).status_code == 201
    assert admin.delete("/v1/users/many").status_code == 204


def test_the_longest_name_can_be_added_and_removed(admin):
    assert add(admin, "x" * 64).status_code == 201
    assert admin.delete("/v1/users/" + "x" * 64).status_code == 204


@pytest.mark.parametrize("name", ["nobody", "%2e%2e%2fadmin", "a%2fb", "admin%00", ".lock", ".htpasswd", "admin.json", "x" * 300])
def test_who_is_not_there_cannot_be_removed(server, admin, name):
    assert admin.delete("/v1/users/" + name).status_code in (400, 404)
    assert admin.get("/v1/me").json()["user"] == "admin"


def test_the_last_admin_stays(server, admin):
    answer = admin.delete("/v1/users/admin")
    assert (answer.status_code, "last admin" in answer.json()["detail"]) == (409, True)
    second = as_user(server, "second", add(admin, "second", role="admin").json()["password"])
    assert second.delete("/v1/users/second").status_code == 204
    assert admin.delete("/v1/users/admin").status_code == 409


@pytest.mark.parametrize("given, role, datasets", [
    ({"role": "contributor"}, "contributor", {}), ({"role": "viewer", "datasets": ["cats", "dögs"]}, "none", {"cats": "viewer", "dögs": "viewer"}),
    ({"datasets": {"*": "viewer", "cats": "contributor"}}, "viewer", {"cats": "contributor"}), ({"datasets": ["cats"]}, "none", {"cats": "annotator"}),
    ({}, "none", {"cats": "annotator"}), ({"role": None, "datasets": None}, "none", {"cats": "annotator"}), ({"role": "admin"}, "admin", {}),
])  # fmt: skip
def test_what_a_user_may_do_is_changed_while_the_key_stays(server, admin, given, role, datasets):
    if "kim" not in server.passwords:
        server.passwords["kim"] = add(admin, "kim", datasets=["dogs"], expires_at="2130-01-31T00:00:00Z").json()["password"]
    kim = server.session("kim")
    answer = admin.patch("/v1/users/kim", json=given)
    assert answer.status_code == 200, answer.text
    assert {**answer.json(), "last_used_at": None} == {
        "user": "kim", "role": role, "datasets": datasets, "expires_at": "2130-01-31T00:00:00.000Z", "last_used_at": None}  # fmt: skip
    assert kim.get("/v1/me").json() == {"user": "kim", "role": role, "datasets": datasets}
    assert kim.get("/images/cats/image0.png").status_code == 200
    assert kim.get("/v1/users").status_code == (200 if role == "admin" else 403)


def test_until_when_a_user_may_is_changed(server, admin):
    key = add(admin, "lea", role="viewer").json()["password"]
    soon = (datetime.now(timezone.utc) + timedelta(seconds=2)).isoformat()
    assert admin.patch("/v1/users/lea", json={"expires_at": soon}).json()["expires_at"][:19] == soon[:19]
    until(lambda: as_user(server, "lea", key).get("/v1/me").status_code == 401, "lea expires")
    answer = admin.patch("/v1/users/lea", json={"expires_at": None}).json()
    assert (answer["expires_at"], answer["role"]) == (None, "viewer")
    assert as_user(server, "lea", key).get("/v1/me").json()["role"] == "viewer"


@pytest.mark.parametrize("body, status, named", [
    ({"role": "king"}, 400, "king"), ({"role": "none"}, 422, "role"), ({"datasets": []}, 422, "no dataset"), ({"datasets": ["a/b"]}, 400, "datasets"),
    ({"datasets": [f"d{n}" for n in range(1001)]}, 422, "1000"), ({"expires_at": "2001-01-01T00:00:00Z"}, 400, "past"), ({"password": "x" * 9}, 400, "password"),
    ({"user": "other"}, 400, "user"),
])  # fmt: skip
def test_a_change_that_is_none_is_refused_by_name(admin, body, status, named):
    before = listed(admin)
    answer = admin.patch("/v1/users/viewer", json=body)
    assert (answer.status_code, named in answer.json()["detail"]) == (status, True), answer.text
    assert [{**item, "last_used_at": None} for item in listed(admin)] == [{**item, "last_used_at": None} for item in before]


def test_who_is_not_there_cannot_be_changed_nor_by_whom_is_no_admin(server, admin):
    assert admin.patch("/v1/users/nobody", json={"role": "viewer"}).status_code == 404
    for user in ("viewer", "contributor", "admin of cats"):
        assert server.session(user).patch("/v1/users/viewer", json={"role": "admin"}).status_code == 403
    assert server.session("viewer").get("/v1/me").json()["role"] == "viewer"


@pytest.mark.parametrize("body", [{"role": "contributor"}, {"datasets": ["cats"]}, {"datasets": {"*": "viewer"}}, {"expires_at": "2130-01-31T00:00:00Z"}])
def test_the_last_admin_stays_one(admin, body):
    if "kim" in [item["user"] for item in listed(admin)]:
        admin.delete("/v1/users/kim")
    answer = admin.patch("/v1/users/admin", json=body)
    assert (answer.status_code, "last admin" in answer.json()["detail"]) == (409, True)
    assert admin.patch("/v1/users/admin", json={"role": "admin", "expires_at": None}).status_code == 200


def test_the_list_says_when_each_was_last_let_in(server, admin):
    key = add(admin, "gil").json()["password"]
    last = lambda: next(item["last_used_at"] for item in listed(admin) if item["user"] == "gil")  # noqa: E731
    assert last() is None
    assert as_user(server, "gil", "wrong").get("/v1/me").status_code == 401
    assert last() is None
    assert as_user(server, "gil", key).get("/v1/datasets").status_code == 200
    assert TIME.fullmatch(last())
    at = datetime.fromisoformat(last().replace("Z", "+00:00"))
    assert abs((datetime.now(timezone.utc) - at).total_seconds()) < 60
    admin.delete("/v1/users/gil")


def test_looking_at_images_alone_is_use(server, admin):
    key = add(admin, "hal").json()["password"]
    assert as_user(server, "hal", key).get("/images/cats/image0.png").status_code == 200
    assert next(item["last_used_at"] for item in listed(admin) if item["user"] == "hal")
    admin.delete("/v1/users/hal")


def test_users_of_files_are_listed_with_those_that_were_added(server, admin):
    names = [item["user"] for item in listed(admin)]
    assert {"viewer", "annotator", "contributor", "admin", "admin of cats"} <= {*names}
    assert names == sorted(names)
    of_cats = next(item for item in listed(admin) if item["user"] == "admin of cats")
    assert (of_cats["role"], of_cats["datasets"]) == ("none", {"cats": "admin"})


@pytest.mark.parametrize("user", ["viewer", "annotator", "contributor", "admin of cats"])
def test_users_are_for_admins_of_everything(server, user):
    session = server.session(user)
    assert session.get("/v1/users").status_code == 403
    assert add(session, "x", role="viewer").status_code == 403
    assert session.delete("/v1/users/viewer").status_code == 403
    assert server.session("viewer").get("/v1/me").status_code == 200


def test_nobody_is_shown_anything_without_a_password(server):
    for path in ("/v1/users", "/v1/tokens", "/v1/audit", "/v1/me", "/v1/me/password"):
        assert server.session().get(path).status_code == 401


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=ann", "after=", "role=admin"])
def test_a_page_of_users_that_there_is_not_is_named(admin, query):
    assert admin.get("/v1/users?" + query).status_code == 400


def test_what_is_done_to_users_is_in_the_audit_log_without_secrets(server, admin):
    before = audit(admin)
    key = add(admin, "ida", role="viewer", datasets=["cats"]).json()["password"]
    as_user(server, "ida", key).post("/v1/me/password", json={"password": "eight 8s"})
    add(admin, "ida")
    admin.patch("/v1/users/ida", json={"role": "contributor"})
    admin.delete("/v1/users/ida")
    new = audit(admin)[len(before) :]
    assert [(entry["by"], entry["action"], entry["target"], entry["dataset"]) for entry in new] == [
        ("admin", "user.add", "ida", None),
        ("ida", "password.change", "ida", None),
        ("admin", "user.change", "ida", None),
        ("admin", "user.remove", "ida", None),
    ]
    assert "viewer" in new[0]["detail"] and "cats" in new[0]["detail"]
    assert key not in str(new) and "eight 8s" not in str(new)


def test_what_commands_do_to_users_is_in_the_audit_log_too(server, admin):
    def run(*words, **more):
        subprocess.run([SCRIPTS / "image-label-user", "--config", server.config_file, *words], env=server.env, check=True, capture_output=True, timeout=60, **more)

    before = audit(admin)
    run("add", "joe", "--role", "viewer", "--datasets", "cats,dogs", "--expires", "2130-01-31")
    run("passwd", "joe", "--password", input=b"eight 8s\n")
    run("grant", "joe", "contributor", "--dataset", "cats")
    run("grant", "joe", "admin")
    run("list")
    run("remove", "joe")
    new = audit(admin)[len(before) :]
    assert [(entry["action"], entry["target"], entry["dataset"]) for entry in new] == [
        (action, "joe", None) for action in ("user.add", "password.change", "user.change", "user.change", "user.remove")]  # fmt: skip
    assert {entry["by"] for entry in new} == {"local:" + pwd.getpwuid(os.getuid()).pw_name}
    told = [json.loads(entry["detail"]) if entry["detail"] else None for entry in new]
    assert told == [{"role": "viewer", "datasets": ["cats", "dogs"], "expires_at": "2130-01-31T00:00:00.000Z"}, None,
                    {"role": "contributor", "datasets": ["cats"]}, {"role": "admin"}, None]  # fmt: skip
    assert "eight 8s" not in str(new)


def test_a_user_that_is_asked_for_again_by_the_same_key_is_made_once(server, admin):
    headers = {"Idempotency-Key": "add jo"}
    answers = [admin.post("/v1/users", json={"user": "jo", "role": "viewer"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert as_user(server, "jo", answers[1].json()["password"]).get("/v1/me").status_code == 200
    assert admin.post("/v1/users", json={"user": "jo2"}, headers=headers).status_code == 422
    admin.delete("/v1/users/jo")


# --- one's own password


def test_a_password_of_ones_own_replaces_the_key(server, admin):
    key = add(admin, "kim", role="viewer").json()["password"]
    kim = as_user(server, "kim", key)
    assert kim.get("/images/cats/image0.png").status_code == 200
    assert kim.post("/v1/me/password", json={"password": "pässw:rd"}).status_code == 204
    assert kim.get("/v1/me").status_code == 401
    assert kim.get("/images/cats/image0.png").status_code == 401
    kim = as_user(server, "kim", "pässw:rd".encode())
    assert kim.get("/v1/me").json()["user"] == "kim"
    assert kim.get("/images/cats/image0.png").status_code == 200
    assert kim.post("/v1/me/password", json={"password": "another one"}).status_code == 204
    assert kim.get("/v1/me").status_code == 401
    assert as_user(server, "kim", "another one").get("/v1/me").status_code == 200
    admin.delete("/v1/users/kim")


def test_a_file_of_the_older_system_takes_a_password_of_ones_own(server):
    server.add_user("lou", password="of the older one")
    assert server.reload().returncode == 0
    lou = server.session("lou")
    assert lou.post("/v1/me/password", json={"password": "of lou's own"}).status_code == 204
    assert lou.get("/v1/me").status_code == 401
    assert server.reload().returncode == 0
    assert lou.get("/v1/me").status_code == 401
    assert as_user(server, "lou", "of lou's own").get("/v1/me").status_code == 200


@pytest.mark.parametrize(
    "body, named",
    [
        ({}, "password"),
        ({"password": None}, "password"),
        ({"password": ["x"]}, "password"),
        ({"password": "1234567"}, "8 characters"),
        ({"password": "ñññññññ"}, "8 characters"),
        ({"password": ""}, "8 characters"),
        ({"password": "with\ncontrol characters"}, "control"),
        ({"password": "x" * 257}, "256"),
        ({"password": "long enough", "user": "admin"}, "user"),
    ],
)
def test_what_is_no_password_is_refused(server, body, named):
    answer = server.session("viewer").post("/v1/me/password", json=body)
    assert (answer.status_code, named in answer.json()["detail"]) == (400, True), answer.text
    assert server.session("viewer").get("/v1/me").status_code == 200


@pytest.mark.parametrize("password", ["12345678", "ñññññññn", "x" * 256])
def test_the_shortest_and_the_longest_password_are_taken(server, admin, password):
    mia = as_user(server, "mia", add(admin, "mia").json()["password"])
    assert mia.post("/v1/me/password", json={"password": password}).status_code == 204
    assert as_user(server, "mia", password.encode()).get("/v1/me").status_code == 200
    admin.delete("/v1/users/mia")
