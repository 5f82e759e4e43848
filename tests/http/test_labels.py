"""/v1/datasets/{d}/labels: listing and adding."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import DEFAULT, assert_problem

LABELS = f"/v1/datasets/{DEFAULT}/labels"


def names(session, **query):
    return [label["name"] for label in session.get(LABELS, params=query).json()["items"]]


def test_labels_are_listed_with_key_name_and_count(collector):
    answer = collector.session("viewer").get(LABELS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert set(answer.json()) == {"items", "next"} and answer.json()["next"] is None
    assert answer.json()["items"][:2] == [{"key": "0", "name": "accordion", "count": 0}, {"key": "1", "name": "airplanes", "count": 0}]


def test_labels_are_listed_page_by_page(collector, admin):
    made = admin.post("/v1/datasets", json={"name": "paged", "labels": [f"label{number}" for number in range(7)]})
    assert made.status_code == 201
    viewer, found, query = collector.session("viewer"), [], {"limit": 3}
    sizes = []
    while True:
        page = viewer.get("/v1/datasets/paged/labels", params=query).json()
        sizes.append(len(page["items"]))
        found += [label["name"] for label in page["items"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert sizes == [3, 3, 1] and found == [f"label{number}" for number in range(7)]


def test_a_last_page_that_is_full_has_no_next(collector):
    count = len(names(collector.session("viewer")))
    assert collector.session("viewer").get(LABELS, params={"limit": count}).json()["next"] is None


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "x"}, {"limit": 10001}, {"after": "x"}, {"after": -1}])
def test_a_page_that_cannot_be_is_refused(collector, query):
    assert_problem(collector.session("viewer").get(LABELS, params=query), 400, next(iter(query)))


def test_a_label_is_added_and_told(contributor):
    before = names(contributor)
    answer = contributor.post(LABELS, json={"name": "grün 猫"})
    assert answer.status_code == 201
    assert answer.json() == {"key": str(len(before)), "name": "grün 猫", "count": 0}
    assert names(contributor) == before + ["grün 猫"]


def test_a_label_that_is_there_is_answered_as_it_is(contributor):
    before = names(contributor)
    answer = contributor.post(LABELS, json={"name": "airplanes"})
    assert (answer.status_code, answer.json()) == (200, {"key": "1", "name": "airplanes", "count": 0})
    assert names(contributor) == before


def test_labels_added_at_once_all_survive_with_keys_of_their_own(collector):
    wanted = [f"many{number}" for number in range(30)]
    with ThreadPoolExecutor(15) as pool:
        answers = list(pool.map(lambda name: collector.session("contributor").post(LABELS, json={"name": name}), wanted))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["key"] for answer in answers}) == len(wanted)
    assert set(wanted) <= set(names(collector.session("viewer")))


def test_one_label_added_at_once_is_created_once(collector):
    with ThreadPoolExecutor(15) as pool:
        answers = list(pool.map(lambda _: collector.session("contributor").post(LABELS, json={"name": "once"}), range(15)))
    assert sorted(answer.status_code for answer in answers) == [200] * 14 + [201]
    assert len({answer.json()["key"] for answer in answers}) == 1


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 7}, {"name": None}, {"name": "a\nb"}, {"name": "x" * 257}, []])
def test_what_cannot_be_a_label_is_refused(contributor, body):
    before = names(contributor)
    assert_problem(contributor.post(LABELS, json=body), 400)
    assert names(contributor) == before


@pytest.mark.parametrize("role", ["viewer", "annotator"])
def test_adding_needs_a_contributor(collector, role):
    assert_problem(collector.session(role).post(LABELS, json={"name": "new"}), 403, "contributor")
    assert "new" not in names(collector.session(role))


def test_what_one_may_not_see_is_not_there(collector):
    guest = collector.session("guest")
    assert_problem(guest.get(LABELS), 404, "Database not found")
    assert_problem(guest.post(LABELS, json={"name": "new"}), 404, "Database not found")
    assert guest.post("/v1/datasets/secret/labels", json={"name": "new"}).status_code == 201


def test_labels_outlive_a_restart_with_their_keys(collector):
    contributor = collector.session("contributor")
    added = contributor.post(LABELS, json={"name": "before"}).json()
    assert added["name"] == "before" and added["key"] == str(len(names(contributor)) - 1)
    before = contributor.get(LABELS).json()
    collector.restart()
    contributor = collector.session("contributor")
    assert contributor.get(LABELS).json() == before
    assert contributor.post(LABELS, json={"name": "after"}).json()["key"] == str(len(before["items"]))
