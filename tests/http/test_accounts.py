"""People over HTTP: the audit log of who did what."""
import re
from datetime import datetime, timezone

import pytest

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


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=1", "after=", "after=%00", "user=ann", "limit=1&limit=2"])
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
