"""/v1/datasets/{d}/stats: labels by name, person and day, lead times, agreement."""
import datetime

import pymongo
import pytest
from collecting import assert_problem

PEOPLE = ("ann", "bob", "cyd")
SAID = [  # of each sample, by each of them; None: nothing
    ("circle", "circle", "circle"), ("square", "square", "circle"), ("circle", "square", None), ("square", "square", None),
    ("circle", "circle", "circle"), ("square", None, None), (None, None, None),
]
UNSAID = 1000  # further samples


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    for name in PEOPLE:
        server.add_user(name)
    server.add_user("viewer", role="viewer")
    server.add_user("elsewhere", datasets=["empty"])
    server.add_dataset("empty", samples=1)
    server.add_dataset("said", samples=[f"image{number}.png" for number in range(len(SAID) + UNSAID)], labels=["circle", "square"])
    server.add_dataset("timed", samples=5, labels=["circle"])
    return server.start()


def stats(session, dataset):
    answer = session.get(f"/v1/datasets/{dataset}/stats")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json"), answer.text
    return answer.json()


def test_a_dataset_of_which_nothing_was_said_has_no_measures(server):
    counted = stats(server.session("viewer"), "empty")
    assert {label["count"] for label in counted.pop("labels")} == {0}
    assert counted == {
        "people": [], "days": [], "median_lead_time_ms": None, "confusion": [],
        "agreement": {"fleiss_kappa": None, "krippendorff_alpha": None, "cohen_kappa": []}}


def test_what_people_say_is_counted_and_compared(server):
    session = server.session("viewer")
    folder = session.get("/v1/datasets/said").json()["base_dir"]
    paths = [sample["filepath"] for sample in session.get("/v1/datasets/said/samples").json()["items"]]
    for path, labels in zip(paths, SAID):
        for user, label in zip(PEOPLE, labels):
            if label:
                body = {"dataset_name": "said", "base_dir": folder, "filepath": path, "label": label}
                assert server.session(user).post("/classify", json=body).json() == {"response": True}
    counted = stats(session, "said")
    assert counted["labels"] == [{"name": "circle", "count": 3}, {"name": "square", "count": 3}]
    assert [(one["user"], one["labelled"], one["median_lead_time_ms"]) for one in counted["people"]] == [
        ("ann", 6, None), ("bob", 5, None), ("cyd", 3, None)]
    assert sum(day["labelled"] for day in counted["days"]) == 14
    assert all(datetime.date.fromisoformat(day["date"]) for day in counted["days"])
    assert counted["confusion"][0] == {
        "users": ["ann", "bob"], "counts": {"circle": {"circle": 2, "square": 1}, "square": {"square": 2}}}
    assert [one["users"] for one in counted["confusion"]] == [["ann", "bob"], ["ann", "cyd"], ["bob", "cyd"]]
    # scikit-learn, statsmodels (of the samples with three votes) and krippendorff
    kappas = {tuple(one["users"]): (one["kappa"], one["n"]) for one in counted["agreement"]["cohen_kappa"]}
    assert kappas[("ann", "bob")] == (pytest.approx(0.6153846153846154, abs=1e-9), 5)
    assert kappas[("ann", "cyd")] == (0, 3)
    assert counted["agreement"]["fleiss_kappa"] == pytest.approx(0.3571428571428568, abs=1e-9)
    assert counted["agreement"]["krippendorff_alpha"] == pytest.approx(0.4, abs=1e-9)


def test_lead_times_are_those_of_tasks_and_an_undo_takes_one_back(server):
    ann, ids = server.session("ann"), []
    for milliseconds in (1000, 4321, 7000, None):
        (task,) = ann.post("/v1/datasets/timed/tasks", json={}).json()["tasks"]
        ids.append(task["sample"]["id"])
        body = {"label": "circle"} | ({"lead_time_ms": milliseconds} if milliseconds else {})
        assert ann.post(f"/v1/datasets/timed/tasks/{task['token']}/label", json=body).status_code == 200
    counted = stats(ann, "timed")
    (person,) = counted["people"]
    assert (person["user"], person["labelled"], person["median_lead_time_ms"]) == ("ann", 4, 4321)
    assert person["images_per_hour"] == pytest.approx(3 * 3600_000 / 12321)
    assert counted["median_lead_time_ms"] == 4321
    assert ann.post(f"/v1/datasets/timed/samples/{ids[2]}/undo", json={}).status_code == 200
    counted = stats(ann, "timed")
    assert (counted["people"][0]["labelled"], counted["median_lead_time_ms"]) == (3, 2660.5)


def test_who_may_not_see_the_dataset_sees_no_statistics(server):
    assert_problem(server.session("elsewhere").get("/v1/datasets/said/stats"), 404, "Database not found")


@pytest.mark.parametrize("query", [{"by": "ann"}, {"limit": 1}])
def test_an_unknown_parameter_is_named(server, query):
    assert_problem(server.session("viewer").get("/v1/datasets/said/stats", params=query), 400, next(iter(query)))


@pytest.mark.on("mongo")
def test_statistics_read_the_counts_alone(server):
    session, store = server.session("viewer"), server.config["dataset_store"]
    stats(session, "said")  # what is read once is known
    with pymongo.MongoClient(store["uri"]) as client:
        database = client[store["database"]]
        counts = database.counters.count_documents({"dataset": "said"})
        database.command("profile", 2)
        try:
            stats(session, "said")
        finally:
            database.command("profile", 0)
        ran = list(database.system.profile.find({"appName": {"$regex": "^image-label-server stats"}}))
    assert any(entry["ns"].endswith(".counters") for entry in ran)
    assert not [entry["command"] for entry in ran if "COLLSCAN" in entry.get("planSummary", "")]
    assert sum(entry.get("docsExamined", 0) for entry in ran) <= 2 * counts + len(ran) < UNSAID


# --- a database whose labels were given before statistics were kept


@pytest.mark.on("mongo")
@pytest.mark.parametrize("counted", ["nothing", "a part"])
def test_labels_of_before_are_counted_at_the_next_start(make_server, counted):
    server = make_server()
    for name in PEOPLE:
        server.add_user(name)
    server.add_dataset("older", samples=600, labels=["circle", "square"])
    server.start()
    ann = server.session("ann")
    folder = ann.get("/v1/datasets/older").json()["base_dir"]

    def say(user, number, label):
        body = {"dataset_name": "older", "base_dir": folder, "filepath": f"image{number}.png", "label": label}
        assert server.session(user).post("/classify", json=body).json() == {"response": True}

    for number, labels in enumerate([("circle", "square", "circle"), ("square", "square", None), ("circle", None, None)]):
        for user, label in zip(PEOPLE, labels):
            if label:
                say(user, number, label)
    say("ann", 550, "circle")
    task = ann.post("/v1/datasets/older/tasks", json={}).json()["tasks"][0]
    assert ann.post(f"/v1/datasets/older/tasks/{task['token']}/label", json={"label": "square", "lead_time_ms": 1234}).status_code == 200
    assert ann.post("/v1/datasets/older/samples/550/undo").status_code == 200
    kept = stats(ann, "older")
    store = server.config["dataset_store"]
    database = pymongo.MongoClient(store["uri"])[store["database"]]
    if counted == "nothing":
        database.counters.delete_many({"kind": {"$in": ["given", "lead", "pair", "opinion"]}})
    else:  # as it is where what was said before is taken back
        database.counters.update_many({"kind": "given"}, {"$inc": {"n": -5}})
    assert stats(ann, "older") != kept
    database.datasets.update_one({"_id": "older"}, {"$unset": {"stats_kept": ""}})
    assert server.reload().returncode == 0
    assert stats(ann, "older") == kept
    say("bob", 2, "circle")
    assert server.reload().returncode == 0
    assert [one["labelled"] for one in stats(ann, "older")["people"]] == [4, 3, 1]
