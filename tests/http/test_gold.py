"""Samples whose answer is known: mixed in with others, they score who labels, who cannot tell them apart."""
import csv
import io
import json
import tarfile

import pytest
from collecting import assert_problem, samples

ALL, GOLDS = 10, 4
DATASETS = {"mixed": ALL, "twice": 6, "refused": 3, "seen": 6}


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    for name, role in (("ann", "annotator"), ("bob", "annotator"), ("con", "contributor"), ("vic", "viewer"), ("boss", "admin")):
        server.add_user(name, role=role)
    for name, count in DATASETS.items():
        server.add_dataset(name, samples=count)
    return server.start()


@pytest.fixture
def con(server):
    return server.session("con")


def mark(con, dataset, ids, label="cat"):
    for id in ids:
        answer = con.put(f"/v1/datasets/{dataset}/samples/{id}/gold", json={"label": label})
        assert answer.status_code == 200, answer.text
        assert (answer.json()["label"], answer.json()["state"], answer.json()["gold"]) == (label, "labelled", True)


def mix(server, dataset, rate):
    answer = server.session("boss").patch(f"/v1/datasets/{dataset}", json={"policy": {"gold_rate": rate}})
    assert (answer.status_code, answer.json()["policy"]["gold_rate"]) == (200, rate)


def get(session, path, **params):
    answer = session.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer


def lease(session, dataset, **body):
    answer = session.post(f"/v1/datasets/{dataset}/tasks", json=body)
    assert answer.status_code in (200, 204), answer.text
    return answer.json()["tasks"] if answer.status_code == 200 else []


def label(session, dataset, task, given):
    answer = session.post(f"/v1/datasets/{dataset}/tasks/{task['token']}/label", json={"label": given, "lead_time_ms": 1000})
    assert answer.status_code == 200, answer.text
    return answer.json()


def scores(session, dataset):
    return {score["user"]: (score["right"], score["answered"]) for score in get(session, f"/v1/datasets/{dataset}/stats").json()["gold"]}


# --- nobody can tell them apart


def of_this(sample):
    """A sample's document, without what only this one has."""
    return {key: value for key, value in sample.items() if key not in ("id", "filepath", "image_url", "thumb_url", "labelled_at")}


def folders(archive):
    return {name.rsplit("/", 1)[0] for name in tarfile.open(fileobj=io.BytesIO(archive)).getnames() if name.endswith(".png")}


def look(session, dataset, id):
    """All that a user is told of a sample, and of how many there are of each kind, as one who labels one after the other sees it."""
    base = f"/v1/datasets/{dataset}"
    shown = get(session, f"{base}/samples/{id}")
    described, stats = get(session, base).json(), get(session, f"{base}/stats").json()
    filepath = shown.json()["filepath"]
    finds = {f"{key}={value}".removesuffix(filepath): id in [sample["id"] for sample in samples(session, dataset, **{key: value})]
             for key, value in (("state", "unlabelled"), ("state", "labelled"), ("label", "cat"), ("label", ""), ("label", "dog"), ("by", "ann"),
                                ("by", "con"), ("q", filepath), ("since", "2020-01-01T00:00:00Z"), ("flagged", "false"),
                                ("gold", "true"), ("gold", "false"), ("disputed", "true"))}  # fmt: skip
    (line,) = [line for line in map(json.loads, get(session, f"{base}/export", format="jsonl").text.splitlines()) if line["filepath"] == filepath]
    (row,) = [row for row in csv.reader(io.StringIO(get(session, f"{base}/export", format="csv").text)) if row[0] == filepath]
    (seed,) = [seed for seed in get(session, f"{base}/export", format="json").json()["samples"] if seed["filepath"] == filepath]
    metrics = [line for line in get(session, "/metrics").text.splitlines() if f'dataset="{dataset}"' in line]
    return {
        "sample": of_this(shown.json()),
        "at": shown.json()["labelled_at"],
        "headers": sorted(shown.headers),
        "found by": finds,
        "history": [{**event, "at": None} for event in get(session, f"{base}/samples/{id}/history").json()["items"]],
        "exports": (sorted(line), line["label"], row[1], seed["label"]),
        "folders": folders(get(session, f"{base}/export", format="classfolders").content),
        "counts": {**described["counts"], **{entry["name"]: entry["count"] for entry in described["labels"]}},
        "stats": stats,
        "metrics": metrics,
        "activity": get(session, base, activity="true").json()["activity"],
    }


def step(before, after):
    """What labelling a sample has changed, with numbers as differences."""
    counts = {name: after["counts"][name] - before["counts"][name] for name in before["counts"]}
    days = [sum(day["labelled"] for day in told["stats"]["days"]) for told in (before, after)]
    rest = {key: after["stats"][key] for key in ("agreement", "confusion", "median_lead_time_ms")}
    people = {person["user"]: person["labelled"] for person in after["stats"]["people"]}
    was = {person["user"]: person["labelled"] for person in before["stats"]["people"]}
    numbers = [[int(line.rsplit(" ", 1)[1]) for line in told["metrics"]] for told in (before, after)]
    same = {key: after[key] for key in ("sample", "headers", "found by", "history", "exports")}
    return {**same, "counts": counts, "days": days[1] - days[0], "rest": rest, "keys": sorted(after["stats"]),
            "people": {user: n - was.get(user, 0) for user, n in people.items() if n != was.get(user, 0)},
            "metrics": [b - a for a, b in zip(*numbers)],
            "last": (after["activity"]["labelled_by"], after["activity"]["labelled_at"] == after["at"])}  # fmt: skip


def news(session, dataset, after):
    page = get(session, f"/v1/datasets/{dataset}/changes", after=after).json()
    return [(item["kind"], item["label"], item["by"]) for item in page["items"]], page["next"]


def last(session, dataset):
    page = get(session, f"/v1/datasets/{dataset}/changes").json()
    while page["items"]:
        assert not [item for item in page["items"] if item["label"]]  # of what is known, nothing was told
        page = get(session, f"/v1/datasets/{dataset}/changes", after=page["next"]).json()
    return page["next"]


def test_who_labels_sees_no_difference(server, ann, con):
    mark(con, "mixed", range(GOLDS))
    mix(server, "mixed", 50)
    cursor, first, steps, told = last(ann, "mixed"), [], [], []
    while tasks := lease(ann, "mixed", count=1):
        (task,) = tasks
        id = task["sample"]["id"]
        before = look(ann, "mixed", id)
        assert of_this(task["sample"]) == before["sample"]
        assert of_this(get(ann, "/v1/datasets/mixed/tasks").json()["tasks"][0]["sample"]) == before["sample"]
        answered = of_this(label(ann, "mixed", task, "dog"))
        after = look(ann, "mixed", id)
        assert answered == after["sample"]
        items, cursor = news(ann, "mixed", cursor)
        first.append((id, {key: before[key] for key in ("sample", "headers", "found by", "history", "exports")}))
        steps.append((id, step(before, after)))
        told.append((id, items))
    assert sorted(id for id, _ in first) == list(range(ALL))
    for seen in (first, steps, told):
        known = [what for id, what in seen if id < GOLDS]
        for id, what in seen:
            assert what == known[0], id
    assert told[0][1] == [("label", "dog", "ann")]
    described = get(ann, "/v1/datasets/mixed").json()
    assert (described["counts"]["labelled"], described["counts"]["unlabelled"]) == (ALL, 0)
    assert not [sample for sample in samples(ann, "mixed") if "gold" in sample or sample["label"] != "dog"]
    assert scores(con, "mixed") == {"ann": (0, GOLDS)}
    assert [sample["id"] for sample in samples(con, "mixed", label="cat")] == list(range(GOLDS))
    assert [sample["id"] for sample in samples(con, "mixed") if sample.get("gold")] == list(range(GOLDS))


def test_the_next_one_is_asked_for_them_too_and_knows_nothing_of_the_answers(server, con):
    """After test_who_labels_sees_no_difference: all else is labelled."""
    bob = server.session("bob")
    assert [sample["id"] for sample in samples(bob, "mixed", state="unlabelled")] == list(range(GOLDS))
    told = [item for item in get(bob, "/v1/datasets/mixed/changes").json()["items"] if item["kind"] == "label"]
    assert {item["id"] for item in told} == set(range(GOLDS, ALL))
    stats = get(bob, "/v1/datasets/mixed/stats").json()  # tells of no more than can be seen
    assert [(person["user"], person["labelled"], person["median_lead_time_ms"]) for person in stats["people"]] == [("ann", len(told), 1000)]
    assert sum(day["labelled"] for day in stats["days"]) == len(told)
    last = get(bob, "/v1/datasets/mixed", activity="true").json()["activity"]
    assert (last["labelled_by"], last["labelled_at"]) == ("ann", max(item["at"] for item in told))
    for number in range(GOLDS):
        (task,) = lease(bob, "mixed")
        assert (task["sample"]["state"], task["sample"]["label"], task["sample"]["version"]) == ("unlabelled", "", 0)
        body = {"dataset_name": "mixed", "base_dir": str(server.images / "mixed"), "filepath": task["sample"]["filepath"]}
        assert bob.post("/classify", json={**body, "label": "cat" if number else "dog"}).json() == {"response": True}
    assert lease(bob, "mixed") == []
    assert bob.post("/obtain", json={"dataset_name": "mixed"}).status_code == 404
    assert scores(con, "mixed") == {"ann": (0, GOLDS), "bob": (GOLDS - 1, GOLDS)}
    confusion = get(bob, "/v1/datasets/mixed/stats").json()
    assert (confusion["confusion"], "gold" in confusion) == ([], False)
    assert get(con, "/v1/datasets/mixed/stats").json()["confusion"][0]["counts"] == {"dog": {"cat": GOLDS - 1, "dog": 1}}


def test_one_is_corrected_and_undone_as_any_other(server, ann, con):
    mark(con, "twice", [0, 1, 2])
    mix(server, "twice", 40)
    told = {}
    while tasks := lease(ann, "twice", count=1):
        (task,) = tasks
        id, base = task["sample"]["id"], f"/v1/datasets/twice/samples/{task['sample']['id']}"
        label(ann, "twice", task, "dog")
        answers = [ann.post(f"{base}/label", json={"label": "cat", "version": 0}), ann.post(f"{base}/label", json={"label": "cat", "version": 1}),
                   ann.post(f"{base}/undo", json={"version": 2}), ann.post(f"{base}/label", json={"label": "cow"}), ann.put(f"{base}/flag", json={"note": "look"}),
                   ann.post(f"{base}/label", json={"label": "cat"})]  # fmt: skip
        told[id] = [(answer.status_code, of_this(answer.json()) if "id" in answer.json() else answer.json()["detail"].replace(f"Sample {id} ", "")) for answer in answers]
        told[id].append([(event["source"], event["label"]) for event in get(ann, f"{base}/history").json()["items"]])
    assert len(told) == DATASETS["twice"]
    for id, what in told.items():
        assert what == told[0], id
    assert scores(con, "twice") == {"ann": (3, 3)}
    answer = ann.post("/v1/datasets/twice/samples/label", json={"filter": {"label": "cat"}, "label": "dog"})
    assert (answer.status_code, answer.json()) == (200, {"labelled": DATASETS["twice"]})
    assert {sample["label"] for sample in samples(ann, "twice")} == {"dog"}
    assert scores(con, "twice") == {"ann": (0, 3)}
    assert [sample["label"] for sample in samples(con, "twice")] == ["cat"] * 3 + ["dog"] * 3


# --- who may know


def test_snapshots_tell_what_is_known_to_contributors_alone(server, ann, con):
    mark(con, "seen", [0, 1])
    assert con.post("/v1/datasets/seen/snapshots", json={"name": "v1"}).status_code == 201
    lines = [json.loads(line) for line in get(con, "/v1/datasets/seen/snapshots/v1").text.splitlines()]
    assert [line["label"] for line in lines] == ["cat", "cat", "", "", "", ""]
    for session in (ann, server.session("vic")):
        assert [item["name"] for item in get(session, "/v1/datasets/seen/snapshots").json()["items"]] == ["v1"]
        assert_problem(session.get("/v1/datasets/seen/snapshots/v1"), 403, "contributor")
        assert_problem(session.get("/v1/datasets/seen/export", params={"format": "csv", "snapshot": "v1"}), 403, "contributor")
        assert {sample["label"] for sample in samples(session, "seen")} == {""}
    assert "cat" in get(con, "/v1/datasets/seen/export", format="csv", snapshot="v1").text
    for session, labels in ((ann, {""}), (con, {"", "cat"})):
        token = session.post("/v1/tokens", json={"name": "mine", "scope": "read"}).json()
        answer = server.session().get("/v1/datasets/seen/samples", auth=(token["id"], token["secret"]))
        assert {sample["label"] for sample in answer.json()["items"]} == labels
    for id in (0, 1):
        taken = con.delete(f"/v1/datasets/seen/samples/{id}/gold")
        assert (taken.status_code, taken.json()["label"], "gold" in taken.json()) == (200, "cat", False)
    assert get(ann, "/v1/datasets/seen/snapshots/v1").status_code == 200
    assert get(ann, "/v1/datasets/seen/samples/0").json()["label"] == "cat"


def test_what_cannot_be_known_is_refused(server, ann, con):
    base = "/v1/datasets/refused/samples"
    for session in (ann, server.session("vic")):
        assert_problem(session.put(f"{base}/0/gold", json={"label": "cat"}), 403, "contributor")
        assert_problem(session.delete(f"{base}/0/gold"), 403, "contributor")
    assert_problem(con.put(f"{base}/0/gold"), 422, "no label")
    assert_problem(con.put(f"{base}/0/gold", json={"label": "cow"}), 422, "cow")
    assert_problem(con.put(f"{base}/0/gold", json={"label": 7}), 400, '"label"')
    assert_problem(con.put(f"{base}/0/gold", json={"lable": "cat"}), 400, "lable")
    for method in (con.put, con.delete):
        assert_problem(method(f"{base}/99/gold", json={}), 404, "99")
    boss = server.session("boss")
    for rate in (-1, 101, 0.5, "10", True):
        assert_problem(boss.patch("/v1/datasets/refused", json={"policy": {"gold_rate": rate}}), 400, "gold_rate")
    assert get(con, f"{base}/0").json()["state"] == "unlabelled"
    mark(con, "refused", [0])
    entries = get(boss, "/v1/audit").json()["items"]
    assert [(entry["by"], entry["target"], entry["detail"]) for entry in entries if entry["action"] == "sample.gold"][-1] == ("con", "0", "cat")
