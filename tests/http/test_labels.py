"""/v1/datasets/{d}/labels: listing, adding and changing."""
import json
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from collecting import DEFAULT, assert_problem, picture

LABELS = f"/v1/datasets/{DEFAULT}/labels"


def label(key, name, **more):
    return {"key": str(key), "name": name, "count": 0, "colour": None, "description": "", "position": key} | more


def names(session, **query):
    return [label["name"] for label in session.get(LABELS, params=query).json()["items"]]


def test_labels_are_listed_with_key_name_and_count(collector):
    answer = collector.session("viewer").get(LABELS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert set(answer.json()) == {"items", "next"} and answer.json()["next"] is None
    assert answer.json()["items"][:2] == [label(0, "accordion"), label(1, "airplanes")]


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
    number = len(names(collector.session("viewer")))
    assert collector.session("viewer").get(LABELS, params={"limit": number}).json()["next"] is None


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "x"}, {"limit": 10001}, {"after": "x"}, {"after": -1}])
def test_a_page_that_cannot_be_is_refused(collector, query):
    assert_problem(collector.session("viewer").get(LABELS, params=query), 400, next(iter(query)))


def test_a_label_is_added_and_told(contributor):
    before = names(contributor)
    answer = contributor.post(LABELS, json={"name": "grün 猫"})
    assert answer.status_code == 201
    assert answer.json() == label(len(before), "grün 猫")
    assert names(contributor) == before + ["grün 猫"]


def test_a_label_that_is_there_is_answered_as_it_is(contributor):
    before = names(contributor)
    answer = contributor.post(LABELS, json={"name": "airplanes"})
    assert (answer.status_code, answer.json()) == (200, label(1, "airplanes"))
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


# --- changing


NUMBERS = count()


@pytest.fixture
def birds(admin):
    """A dataset of the test's own: its address."""
    name = f"birds{next(NUMBERS)}"
    assert admin.post("/v1/datasets", json={"name": name, "labels": ["owl", "crow", "wren"]}).status_code == 201
    return f"/v1/datasets/{name}"


def test_a_label_gets_a_colour_a_description_and_a_place(contributor, birds):
    answer = contributor.patch(f"{birds}/labels/2", json={"colour": "#00AAff", "description": "small, brown", "position": -1.5})
    assert (answer.status_code, answer.json()) == (200, label(2, "wren", colour="#00aaff", description="small, brown", position=-1.5))
    assert contributor.get(f"{birds}/labels").json()["items"] == [answer.json(), label(0, "owl"), label(1, "crow")]
    assert [found["key"] for found in contributor.get(birds).json()["labels"]] == ["2", "0", "1"]
    assert contributor.get("/fetch", params={"dataset": birds.split("/")[-1]}).json()["Response"] == {"0": "owl", "1": "crow", "2": "wren"}
    page = contributor.get(f"{birds}/labels", params={"limit": 1}).json()
    assert [found["key"] for found in contributor.get(f"{birds}/labels", params={"after": page["next"]}).json()["items"]] == ["0", "1"]
    again = contributor.patch(f"{birds}/labels/2", json={"colour": None, "description": None, "position": 2})
    assert (again.status_code, again.json()) == (200, label(2, "wren"))
    assert contributor.patch(f"{birds}/labels/2", json={}).json() == label(2, "wren")


@pytest.mark.parametrize("body, says", [
    ({"colour": "red"}, "colour"), ({"colour": "#12345g"}, "colour"), ({"colour": 7}, "colour"), ({"description": 7}, "description"),
    ({"description": "x" * 1001}, "1000"), ({"position": "first"}, "position"), ({"position": None}, "position"),
    ({"position": 1e10}, "position"), ({"color": "#000000"}, "color"), ([], "object"),
])
def test_a_change_that_cannot_be_is_refused(contributor, birds, body, says):
    before = contributor.get(f"{birds}/labels").json()
    assert_problem(contributor.patch(f"{birds}/labels/1", json=body), 400, says)
    assert contributor.get(f"{birds}/labels").json() == before


@pytest.mark.parametrize("key", ["3", "-1", "x", "99999999999999999999", "owl"])
def test_a_key_that_no_label_has_is_named(contributor, birds, key):
    assert_problem(contributor.patch(f"{birds}/labels/{key}", json={"colour": "#000000"}), 404, key)


def test_changing_needs_a_contributor(collector, birds):
    for role in ("viewer", "annotator"):
        assert_problem(collector.session(role).patch(f"{birds}/labels/1", json={"colour": "#000000"}), 403, "contributor")


def classify(session, birds, filepath, name):
    dataset = session.get(birds).json()
    body = {"dataset_name": dataset["name"], "base_dir": dataset["base_dir"], "filepath": filepath, "label": name}
    return session.post("/classify", json=body).json()["response"]


def put(session, birds, filepath, name=""):
    answer = session.put(f"{birds}/images/{filepath}", params={"label": name}, data=picture())
    assert answer.status_code == 201
    return answer.json()["id"]


def label_of(session, birds, number):
    return session.get(f"{birds}/samples/{number}").json()["label"]


def test_a_new_name_is_seen_everywhere(contributor, birds):
    number = put(contributor, birds, "1.png", "owl")
    assert classify(contributor, birds, "1.png", "crow") and classify(contributor, birds, "1.png", "owl")
    answer = contributor.patch(f"{birds}/labels/0", json={"name": "barn owl", "colour": "#ffffff"})
    assert (answer.status_code, answer.json()) == (200, label(0, "barn owl", count=1, colour="#ffffff"))
    assert label_of(contributor, birds, number) == "barn owl"
    events = contributor.get(f"{birds}/samples/{number}/history").json()["items"]
    assert [event["label"] for event in events] == ["barn owl", "crow", "barn owl"]
    assert classify(contributor, birds, "1.png", "owl") and label_of(contributor, birds, number) == "barn owl"  # an old page's
    assert_problem(contributor.patch(f"{birds}/labels/1", json={"name": "barn owl"}), 409, "barn owl")
    for name in ("", 7, "a\nb", "x" * 257):
        assert_problem(contributor.patch(f"{birds}/labels/1", json={"name": name}), 400)


def test_a_label_is_merged_into_another(contributor, admin, birds):
    number = put(contributor, birds, "1.png", "owl")
    answer = contributor.post(f"{birds}/labels/0/merge", json={"into": "1"})
    assert (answer.status_code, answer.json()) == (200, label(1, "crow", count=1))
    assert contributor.get(f"{birds}/labels").json()["items"] == [label(1, "crow", count=1), label(2, "wren")]
    events = contributor.get(f"{birds}/samples/{number}/history").json()["items"]
    assert [(event["label"], event["by"], event["source"]) for event in events] == [
        ("owl", "contributor", "upload"), ("crow", "contributor", "merge")]
    assert contributor.post(f"{birds}/labels/2/merge", json={"into": 1}).status_code == 200
    added = contributor.post(f"{birds}/labels", json={"name": "owl"})
    assert (added.status_code, added.json()["key"]) == (201, "3")
    (merge, _) = [entry for entry in audit(admin, birds) if entry["action"] == "label.merge"]
    assert (merge["by"], merge["target"], json.loads(merge["detail"])) == ("contributor", "owl", {"into": "1"})


def audit(admin, birds):
    entries, query = [], {}
    while True:
        page = admin.get("/v1/audit", params=query).json()
        entries += page["items"]
        if page["next"] is None:
            return [entry for entry in entries if entry["dataset"] == birds.split("/")[-1]]
        query["after"] = page["next"]


@pytest.mark.parametrize("key, body, status, says", [
    ("0", {"into": "0"}, 422, "itself"), ("0", {"into": "7"}, 422, "7"), ("0", {"into": "crow"}, 422, "crow"),
    ("7", {"into": "0"}, 404, "7"), ("owl", {"into": "0"}, 404, "owl"), ("0", {}, 400, "into"), ("0", {"into": None}, 400, "into"),
    ("0", {"into": "1", "name": "x"}, 400, "name"), ("0", {"into": 1.5}, 400, "into"),
])
def test_a_merge_that_cannot_be_is_refused(contributor, birds, key, body, status, says):
    before = contributor.get(f"{birds}/labels").json()
    assert_problem(contributor.post(f"{birds}/labels/{key}/merge", json=body), status, says)
    assert contributor.get(f"{birds}/labels").json() == before


def test_a_label_is_removed_once_nothing_has_it(contributor, admin, birds):
    number = put(contributor, birds, "1.png", "owl")
    assert_problem(contributor.delete(f"{birds}/labels/0"), 409, "owl")
    assert contributor.delete(f"{birds}/labels/2").status_code == 204
    assert_problem(contributor.delete(f"{birds}/labels/2"), 404, "2")
    assert contributor.get("/fetch", params={"dataset": birds.split("/")[-1]}).json()["Response"] == {"0": "owl", "1": "crow"}
    assert label_of(contributor, birds, number) == "owl"
    (removal,) = [entry for entry in audit(admin, birds) if entry["action"] == "label.remove"]
    assert (removal["by"], removal["target"]) == ("contributor", "wren")


def test_ends_of_labels_need_a_contributor(collector, birds):
    for role in ("viewer", "annotator"):
        assert_problem(collector.session(role).delete(f"{birds}/labels/1"), 403, "contributor")
        assert_problem(collector.session(role).post(f"{birds}/labels/1/merge", json={"into": "0"}), 403, "contributor")


def test_a_merge_that_is_sent_again_is_answered_as_the_first(contributor, birds):
    header = {"Idempotency-Key": f"merge in {birds}"}
    answers = [contributor.post(f"{birds}/labels/0/merge", json={"into": "1"}, headers=header) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200] and answers[0].json() == answers[1].json()
