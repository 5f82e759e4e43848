"""POST …/samples/{id}/label and /undo, PUT and DELETE …/flag, POST …/samples/label: who may, and what comes of it."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import assert_problem, samples

DATASETS = {"one": 6, "several": 3, "refused": 2, "again": 3, "flags": 3, "many": 40, "filtered": 30, "raced": 40, "leased": 1, "disputed": 3, "undone": 3}


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    for name, role in (("ann", "annotator"), ("bob", "annotator"), ("con", "contributor"), ("vic", "viewer"), ("boss", "admin")):
        server.add_user(name, role=role)
    server.add_user("guest", role="annotator", datasets=["flags"])
    for name, count in DATASETS.items():
        server.add_dataset(name, samples=count)
    server.start()
    assert server.session("boss").patch("/v1/datasets/several", json={"policy": {"overlap": 2}}).status_code == 200
    assert server.session("boss").patch("/v1/datasets/disputed", json={"policy": {"overlap": 2, "overlap_max": 2}}).status_code == 200
    return server


@pytest.fixture
def ann(server):
    return server.session("ann")


@pytest.fixture
def con(server):
    return server.session("con")


def post(session, path, status=200, headers=None, **body):
    answer = session.post(f"/v1/datasets/{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def label(session, dataset, sample, given, status=200, **body):
    return post(session, f"{dataset}/samples/{sample}/label", status, label=given, **body)


def sources(session, dataset, sample):
    return [event["source"] for event in session.get(f"/v1/datasets/{dataset}/samples/{sample}/history").json()["items"]]


def test_a_label_is_given_taken_away_and_all_of_it_undone(ann, server):
    given = label(ann, "one", 0, "cat")
    assert given == ann.get("/v1/datasets/one/samples/0").json()
    assert (given["label"], given["state"], given["version"], given["labelled_by"]) == ("cat", "labelled", 1, "ann")
    taken = label(server.session("bob"), "one", 0, "", version=1)
    assert (taken["label"], taken["state"], taken["version"], taken["labelled_by"], taken["labelled_at"]) == ("", "unlabelled", 2, None, None)
    undone = post(ann, "one/samples/0/undo")
    assert {**given, "version": 3} == undone
    assert post(ann, "one/samples/0/undo", version=3)["label"] == ""
    assert_problem(ann.post("/v1/datasets/one/samples/0/undo"), 409, "There is nothing to undo")
    assert sources(ann, "one", 0) == ["label", "label", "undo", "undo"]


def test_what_people_do_not_agree_on_waits_for_a_contributor(ann, con, server):
    for session, given in ((ann, "cat"), (server.session("bob"), "dog")):
        tasks = post(session, "disputed/tasks", count=2)["tasks"]
        told = [post(session, f"disputed/tasks/{task['token']}/label", label=given) for task in tasks]
    assert [(sample["id"], sample["state"], sample["label"], sample["labelled_by"]) for sample in told] == [(0, "review", "", None), (1, "review", "", None)]
    counts = ann.get("/v1/datasets/disputed").json()["counts"]
    assert (counts["review"], counts["unlabelled"], counts["labelled"]) == (2, 1, 0)
    assert [sample["id"] for sample in samples(ann, "disputed", state="review")] == [0, 1]
    assert [task["sample"]["id"] for task in post(con, "disputed/tasks", count=3)["tasks"]] == [2]
    post(ann, "disputed/samples/0/label", 403, label="cat")
    assert label(con, "disputed", 0, "cat")["state"] == "labelled"
    assert post(con, "disputed/samples/0/undo")["state"] == "review"
    assert server.session("boss").patch("/v1/datasets/disputed", json={"policy": {"overlap_max": 3}}).status_code == 200
    assert list(samples(ann, "disputed", state="review")) == []
    (again,) = post(con, "disputed/tasks", count=1)["tasks"]
    assert (again["sample"]["id"], again["sample"]["state"]) == (0, "unlabelled")


def test_a_label_for_another_version_is_409_and_says_what_is(ann):
    label(ann, "one", 1, "cat", version=0)
    problem = label(ann, "one", 1, "dog", 409, version=0)
    assert problem["message"] == "Sample 1 is at version 1 by now, labelled cat"
    assert post(ann, "one/samples/1/undo", 409, version=0)["message"] == "Sample 1 is at version 1 by now, labelled cat"
    assert ann.get("/v1/datasets/one/samples/1").json()["label"] == "cat"


def test_whoever_holds_what_is_labelled_directly_has_lost_it(server, con):
    ann = server.session("ann")
    (task,) = post(ann, "leased/tasks", count=1)["tasks"]
    label(con, "leased", 0, "dog")
    assert_problem(ann.post(f"/v1/datasets/leased/tasks/{task['token']}/label", json={"label": "cat"}), 409)
    assert ann.get("/v1/datasets/leased/samples/0").json()["label"] == "dog"


def test_of_several_only_a_contributor_decides_alone(server, ann, con):
    assert_problem(ann.post("/v1/datasets/several/samples/0/label", json={"label": "cat"}), 403, "contributor")
    assert_problem(ann.post("/v1/datasets/several/samples/label", json={"ids": [0], "label": "cat"}), 403, "contributor")
    (task,) = post(ann, "several/tasks", count=1)["tasks"]
    post(ann, f"several/tasks/{task['token']}/label", label="cat")
    bob = server.session("bob")
    assert_problem(bob.post(f"/v1/datasets/several/samples/{task['sample']['id']}/undo"), 409, "nothing to undo")
    assert post(ann, f"several/samples/{task['sample']['id']}/undo")["label"] == ""
    assert label(con, "several", 1, "dog")["label"] == "dog"
    assert post(con, "several/samples/label", ids=[2], label="cat") == {"labelled": 1}


def test_many_are_undone_at_once_or_none(ann, con):
    assert post(ann, "undone/samples/label", ids=[0, 1, 2], label="cat") == {"labelled": 3}
    label(con, "undone", 1, "dog")
    problem = post(ann, "undone/samples/undo", 409, ids=[0, 1], versions=[1, 1])
    assert problem["message"] == "Sample 1 is at version 2 by now, labelled dog"
    assert post(ann, "undone/samples/undo", ids=[0, 2, 0], versions=[1, 1, 1]) == {"undone": 2}
    assert [sample["label"] for sample in samples(ann, "undone")] == ["", "dog", ""]
    assert post(ann, "undone/samples/undo", 404, ids=[1, 77])["message"] == "There is no sample 77"
    for body in ({}, {"ids": 0}, {"ids": [0], "versions": [0, 1]}, {"ids": [0], "versions": 0}, {"ids": [0], "versions": ["0"]}):
        post(ann, "undone/samples/undo", 400, **body)


@pytest.mark.parametrize("path", ["label", "undo"])
@pytest.mark.parametrize("identity", ["2", "x", "-1", "9" * 30, "9223372036854775807"])
def test_a_sample_that_is_not_there_is_404(ann, path, identity):
    body = {"label": "cat"} if path == "label" else {}
    assert_problem(ann.post(f"/v1/datasets/refused/samples/{identity}/{path}", json=body), 404)
    assert_problem(ann.put(f"/v1/datasets/refused/samples/{identity}/flag", json={"note": "x"}), 404)


@pytest.mark.parametrize(
    "path, body, status, named",
    [
        ("0/label", {"label": "cow"}, 422, "cow"), ("0/label", {}, 400, "label"), ("0/label", {"label": None}, 400, "label"),
        ("0/label", {"label": 7}, 400, "label"), ("0/label", {"label": "cat", "version": "1"}, 400, "version"),
        ("0/label", {"label": "cat", "version": -1}, 400, "version"), ("0/label", {"label": "cat", "versions": 1}, 400, "versions"),
        ("0/label", {"label": "a\nb"}, 400, "label"), ("0/undo", {"label": "cat"}, 400, "label"), ("0/undo", {"version": 0.5}, 400, "version"),
        ("label", {"label": "cat"}, 400, "ids"), ("label", {"ids": [0], "filter": {}, "label": "cat"}, 400, "ids"),
        ("label", {"ids": [0]}, 400, "label"), ("label", {"ids": 0, "label": "cat"}, 400, "ids"), ("label", {"ids": ["0"], "label": "cat"}, 400, "ids"),
        ("label", {"ids": [0.5], "label": "cat"}, 400, "ids"), ("label", {"ids": [-1], "label": "cat"}, 400, "ids"),
        ("label", {"ids": [0, 77], "label": "cat"}, 404, "77"), ("label", {"ids": [0, 1], "label": "cow"}, 422, "cow"),
        ("label", {"filter": {"labels": "x"}, "label": "cat"}, 400, "labels"), ("label", {"filter": {"state": "done"}, "label": "cat"}, 400, "state"),
        ("label", {"filter": [], "label": "cat"}, 400, "filter"), ("label", {"filter": {"q": 1}, "label": "cat"}, 400, "q"),
        ("label", {"ids": [0] * 10001, "label": "cat"}, 400, "10000"), ("label", {"ids": [0], "label": "cat", "version": 0}, 400, "version"),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(ann, path, body, status, named):
    assert_problem(ann.post(f"/v1/datasets/refused/samples/{path}", json=body), status, named)
    assert [(sample["label"], sample["version"]) for sample in samples(ann, "refused")] == [("", 0)] * 2


def test_who_only_looks_may_correct_nothing(server):
    vic, guest = server.session("vic"), server.session("guest")
    for path, body in (("0/label", {"label": "cat"}), ("0/undo", {}), ("label", {"ids": [0], "label": "cat"})):
        assert_problem(vic.post(f"/v1/datasets/refused/samples/{path}", json=body), 403, "annotator")
        assert_problem(guest.post(f"/v1/datasets/refused/samples/{path}", json=body), 404)
        assert server.session().post(f"/v1/datasets/refused/samples/{path}", json=body).status_code == 401
    assert_problem(vic.put("/v1/datasets/refused/samples/0/flag", json={"note": "x"}), 403, "annotator")
    assert_problem(vic.delete("/v1/datasets/refused/samples/0/flag"), 403, "annotator")


def test_sent_again_with_its_key_it_is_done_once(ann):
    label(ann, "again", 0, "cat")
    label(ann, "again", 0, "dog")
    first, second = (post(ann, "again/samples/0/undo", headers={"Idempotency-Key": "undo"}) for _ in range(2))
    assert first == second and first["label"] == "cat"
    assert_problem(ann.post("/v1/datasets/again/samples/0/undo", json={"version": 9}, headers={"Idempotency-Key": "undo"}), 422)
    for path, body in (("1/label", {"label": "cat"}), ("label", {"ids": [2], "label": "dog"})):
        answers = [post(ann, f"again/samples/{path}", headers={"Idempotency-Key": path}, **body) for _ in range(2)]
        assert answers[0] == answers[1]
    assert [sources(ann, "again", sample) for sample in range(3)] == [["label", "label", "undo"], ["label"], ["label"]]


def test_undone_at_once_each_takes_back_one(ann):
    for given in ("cat", "dog") * 4:
        label(ann, "one", 2, given)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: ann.post("/v1/datasets/one/samples/2/undo").status_code, range(12)))
    assert sorted(answers) == [200] * 8 + [409] * 4
    assert ann.get("/v1/datasets/one/samples/2").json()["label"] == ""


def test_a_flag_is_a_note_that_can_be_found_changed_and_taken_away(server, ann):
    path = "/v1/datasets/flags/samples/1/flag"
    answer = ann.put(path, json={"note": "too dark, 猫?"})
    assert (answer.status_code, answer.json()["flag"], answer.json()["flagged_by"]) == (200, "too dark, 猫?", "ann")
    assert [sample["id"] for sample in samples(ann, "flags", flagged="true")] == [1]
    guest = server.session("guest")
    assert (guest.put(path).json()["flag"], guest.put(path, json={}).json()["flagged_by"]) == ("", "guest")
    assert label(ann, "flags", 1, "cat")["flag"] == ""
    for _ in range(2):
        answer = ann.delete(path)
        assert (answer.status_code, answer.json()["flag"], answer.json()["flagged_by"]) == (200, None, None)
    assert list(samples(ann, "flags", flagged="true")) == []
    audit = [(entry["by"], entry["action"], entry["target"], entry["dataset"]) for entry in server.session("boss").get("/v1/audit?limit=1000").json()["items"]]
    assert audit.count(("ann", "sample.flag", "1", "flags")) == 3


@pytest.mark.parametrize("note, status", [("x" * 1000, 200), ("x" * 1001, 400), ("é" * 501, 400), ("a\nb", 400), (7, 400)])
def test_a_note_has_bounds(ann, note, status):
    answer = ann.put("/v1/datasets/flags/samples/2/flag", json={"note": note})
    assert answer.status_code == status and (status == 200 or "note" in answer.json()["message"])
    assert_problem(ann.put("/v1/datasets/flags/samples/2/flag", json={"notes": "x"}), 400, "notes")


def test_many_are_labelled_by_their_ids(ann):
    assert post(ann, "many/samples/label", ids=[*range(30), 5, 5], label="cat") == {"labelled": 30}
    assert [sample["label"] for sample in samples(ann, "many")] == ["cat"] * 30 + [""] * 10
    assert ann.get("/v1/datasets/many").json()["counts"]["labelled"] == 30
    assert post(ann, "many/samples/label", ids=[3, 4], label="") == {"labelled": 2}
    assert post(ann, "many/samples/3/undo")["label"] == "cat"
    assert post(ann, "many/samples/label", ids=[], label="dog") == {"labelled": 0}


def test_many_are_labelled_by_a_filter(ann):
    assert post(ann, "filtered/samples/label", filter={"q": "image1"}, label="cat") == {"labelled": 11}
    since = ann.get("/v1/datasets/filtered/samples/1").json()["labelled_at"]
    mended = post(ann, "filtered/samples/label", filter={"label": "cat", "by": "ann", "since": since, "state": "labelled", "flagged": False}, label="dog")
    assert mended == {"labelled": 11}
    assert post(ann, "filtered/samples/label", filter={"label": "cat"}, label="dog") == {"labelled": 0}
    assert post(ann, "filtered/samples/label", filter={}, label="") == {"labelled": 30}
    assert {sample["state"] for sample in samples(ann, "filtered")} == {"unlabelled"}


def test_labelled_by_a_filter_while_others_label_no_label_of_theirs_is_lost(server, ann):
    """What the filter found and somebody labels meanwhile is not in it any more."""
    bob = server.session("bob")
    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(label, bob, "raced", number, "dog") for number in range(0, 40, 2)]
        answer = ann.post("/v1/datasets/raced/samples/label", json={"filter": {"state": "unlabelled"}, "label": "cat"})
        assert all(other.result() for other in others)
    assert answer.status_code in (200, 409), answer.text
    assert all(sample["label"] == "dog" for sample in samples(ann, "raced") if sample["id"] % 2 == 0)
