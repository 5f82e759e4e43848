"""/v1/datasets/{d}/tasks: leases of samples, and what is done with them."""
import json
import multiprocessing
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from collecting import stored_labels
from collecting import assert_problem
from harness import until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
DATASETS = {  # each test works on its own
    "one": 3, "fetch-ahead": 5, "done": 2, "labelling": 4, "lead": 1, "conflict": 3, "renew": 1, "release": 1, "later": 3,
    "others": 2, "ignore": 1, "bounds": 60, "counted": 3, "v1": 1, "crowd": 120, "chosen": 6, "chosen away": 4, "chosen badly": 3, "unreadable": 4, "escaped name %é": 1,
    "drained": 64, "together": 4,
}
PEOPLE = 6
CLIENTS, MORTAL = 16, 5  # so many of them die
CLOCKS = 0.2  # seconds by which the store's clock and ours may differ


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    for name in ("ann", "bob", *(f"person{number}" for number in range(CLIENTS))):
        server.add_user(name)
    server.add_user("viewer", role="viewer")
    server.add_user("boss", role="admin")
    server.add_user("elsewhere", datasets=["one"])
    for name, samples in DATASETS.items():
        server.add_dataset(name, samples=samples)
    return server.start()


@pytest.fixture
def bob(server):
    return server.session("bob")


def lease(session, dataset, **body):
    """The tasks that are given, none when nothing is left."""
    answer = session.post(f"/v1/datasets/{dataset}/tasks", json=body)
    assert answer.status_code in (200, 204), answer.text
    return answer.json()["tasks"] if answer.status_code == 200 else []


def use(session, dataset, task, action, **body):
    return session.post(f"/v1/datasets/{dataset}/tasks/{task['token']}/{action}", json=body)


def seconds(time):
    return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


# --- taking


def test_a_task_is_a_token_an_expiry_and_a_sample(ann):
    answer = ann.post("/v1/datasets/one/tasks", json={"count": 1})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    (task,) = answer.json()["tasks"]
    assert set(task) == {"token", "expires_at", "sample"}
    assert len(task["token"]) >= 22  # 128 bits
    assert TIME.fullmatch(task["expires_at"])
    sample = task["sample"]
    assert sample == {
        "id": 0, "filepath": "image0.png", "label": "", "state": "unlabelled", "version": 0, "flag": None,
        "flagged_by": None, "sha256": None, "bytes": None, "type": None, "width": None, "height": None, "image_url": "/images/one/image0.png",
        "thumb_url": sample["thumb_url"], "uploaded_at": None, "uploaded_by": None, "labelled_at": None, "labelled_by": None,
    }
    assert ann.get(sample["image_url"]).headers["Content-Type"] == "image/png"


def test_one_is_given_when_no_number_is_asked(bob):
    assert len(lease(bob, "one")) == 1
    assert len(bob.post("/v1/datasets/one/tasks").json()["tasks"]) == 1


def test_nobody_is_given_what_anyone_holds_the_asker_included(ann, bob):
    first = lease(ann, "fetch-ahead", count=2)
    more = lease(ann, "fetch-ahead", count=2)
    others = lease(bob, "fetch-ahead", count=2)
    given = [task["sample"]["id"] for task in first + more + others]
    assert given == [0, 1, 2, 3, 4]
    assert len({task["token"] for task in first + more + others}) == 5


def test_when_nothing_is_left_it_is_204(ann, bob):
    assert len(lease(ann, "done", count=50)) == 2
    for session in (ann, bob):
        answer = session.post("/v1/datasets/done/tasks", json={"count": 1})
        assert (answer.status_code, answer.content) == (204, b"")


def test_up_to_fifty_are_given_at_once(ann):
    assert len(lease(ann, "bounds", count=50)) == 50


@pytest.mark.parametrize("count", [0, 51, -1, 1.5, "2", True, [1], {}, 10**20])
def test_any_other_number_is_refused(bob, count):
    assert_problem(bob.post("/v1/datasets/bounds/tasks", json={"count": count}), 400, '"count"')
    assert bob.get("/v1/datasets/bounds/tasks").json() == {"tasks": []}


def test_chosen_samples_are_leased_those_that_can_be_had(ann, bob):
    """So a grid holds what it shows, whether labelled or not."""
    (task,) = lease(ann, "chosen", count=1)
    assert use(ann, "chosen", task, "label", label="cat").status_code == 200
    given = lease(bob, "chosen", ids=[4, 0, 2])
    assert [(task["sample"]["id"], task["sample"]["label"]) for task in given] == [(4, ""), (0, "cat"), (2, "")]
    assert [task["sample"]["id"] for task in lease(ann, "chosen", ids=[0, 1, 2, 3])] == [1, 3]
    assert ann.post("/v1/datasets/chosen/tasks", json={"ids": [0, 4]}).status_code == 204
    for task in given:
        assert use(bob, "chosen", task, "label", label="dog").status_code == 200
    assert {ann.get(f"/v1/datasets/chosen/samples/{number}").json()["label"] for number in (0, 2, 4)} == {"dog"}


def test_of_chosen_samples_those_whose_files_are_away_are_left_out(server, ann):
    (task,) = lease(ann, "chosen away", ids=[1])
    assert use(ann, "chosen away", task, "label", label="cat").status_code == 200
    for number in (1, 2):
        (server.images / "chosen away" / f"image{number}.png").unlink()
    assert [task["sample"]["id"] for task in lease(ann, "chosen away", ids=[3, 2, 1, 0])] == [3, 0]
    held = ann.get("/v1/datasets/chosen%20away/tasks").json()["tasks"]
    assert sorted(task["sample"]["id"] for task in held) == [0, 3]


@pytest.mark.parametrize("body, status, named", [
    ({"ids": []}, 400, '"ids"'),
    ({"ids": [0] * 51}, 400, '"ids"'),
    ({"ids": 0}, 400, '"ids"'),
    ({"ids": [-1]}, 400, '"ids"'),
    ({"ids": [0.5]}, 400, '"ids"'),
    ({"ids": ["0"]}, 400, '"ids"'),
    ({"ids": [0, None]}, 400, '"ids"'),
    ({"ids": [0], "count": 1}, 400, '"count"'),
    ({"ids": [0, 77]}, 404, "77"),
    ({"ids": [2**53 - 1]}, 404, str(2**53 - 1)),
    ({"ids": [2**53]}, 400, '"ids"'),
])
def test_ids_that_are_none_are_refused_and_nothing_is_leased(bob, body, status, named):
    assert_problem(bob.post("/v1/datasets/chosen%20badly/tasks", json=body), status, named)
    assert bob.get("/v1/datasets/chosen%20badly/tasks").json() == {"tasks": []}


def test_what_i_hold_is_listed_oldest_first(ann, bob):
    held = ann.get("/v1/datasets/fetch-ahead/tasks")
    assert held.status_code == 200
    assert [task["sample"]["id"] for task in held.json()["tasks"]] == [0, 1, 2, 3]
    assert [task["sample"]["id"] for task in bob.get("/v1/datasets/fetch-ahead/tasks").json()["tasks"]] == [4]
    assert set(held.json()["tasks"][0]) == {"token", "expires_at", "sample"}


def test_files_that_cannot_be_read_are_passed_over(server, ann):
    for name in ("image0.png", "image2.png"):
        (server.images / "unreadable" / name).unlink()
    assert [task["sample"]["id"] for task in lease(ann, "unreadable", count=4)] == [1, 3]
    assert ann.get("/v1/datasets/unreadable").json()["counts"]["unreadable"] == 2


def test_live_leases_are_counted(ann, bob):
    tasks = lease(ann, "counted", count=2)
    counts = ann.get("/v1/datasets/counted").json()["counts"]
    assert (counts["leased"], counts["unlabelled"], counts["labelled"]) == (2, 3, 0)
    use(ann, "counted", tasks[0], "label", label="cat")
    counts = bob.get("/v1/datasets/counted").json()["counts"]
    assert (counts["leased"], counts["unlabelled"], counts["labelled"]) == (1, 2, 1)


def test_a_datasets_name_is_percent_encoded(ann):
    (task,) = lease(ann, "escaped%20name%20%25%C3%A9")
    assert task["sample"]["image_url"] == "/images/escaped%20name%20%25%C3%A9/image0.png"
    assert ann.get(task["sample"]["image_url"]).status_code == 200
    assert use(ann, "escaped%20name%20%25%C3%A9", task, "label", label="cat").json()["label"] == "cat"


def test_many_people_never_get_the_same(server):
    """Everybody leases in batches until nothing is left: each sample is given once, and all of them are."""

    def take(person):
        session, given = server.session(f"person{person}"), []
        while tasks := lease(session, "crowd", count=1 + person):
            given += [task["sample"]["id"] for task in tasks]
        return given

    with ThreadPoolExecutor(PEOPLE) as people:
        given = sum(people.map(take, range(PEOPLE)), [])
    assert sorted(given) == list(range(DATASETS["crowd"]))


# --- clients that die


def work(server, person, log, all_hold):
    """One client, a process of its own: leases an image and labels it until none is left, and writes down what it does.
    A mortal one is killed once each client holds its first."""
    session, out = server.session(f"person{person}"), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(**what):
        os.write(out, (json.dumps({"person": person, "at": time.time(), **what}) + "\n").encode())

    for turn in range(10_000):
        tasks = lease(session, "drained")
        if not tasks:
            counts = session.get("/v1/datasets/drained").json()["counts"]
            if not counts["unlabelled"]:
                return
            time.sleep(0.05)  # others hold the rest
            continue
        (task,) = tasks
        held = {"id": task["sample"]["id"], "token": task["token"]}
        note(what="given", until=seconds(task["expires_at"]), **held)
        if turn == 0:
            all_hold.wait()
        if person < MORTAL:
            os.kill(os.getpid(), signal.SIGKILL)
        label = ("cat", "dog")[(person + held["id"]) % 2]
        note(what="labels", **held)
        status = use(session, "drained", task, "label", label=label).status_code
        note(what="labelled", status=status, label=label, **held)


def test_clients_of_which_some_die_drain_a_queue(server, tmp_path):
    """No image is held by two at the same time, and no label that was answered is lost."""
    boss = server.session("boss")
    assert boss.patch("/v1/datasets/drained", json={"policy": {"lease_seconds": 2}}).status_code == 200
    fork = multiprocessing.get_context("fork")
    all_hold = fork.Barrier(CLIENTS)
    clients = [fork.Process(target=work, args=(server, person, tmp_path / f"{person}.log", all_hold)) for person in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert [client.exitcode for client in clients] == [-signal.SIGKILL] * MORTAL + [0] * (CLIENTS - MORTAL)
    notes = sorted((json.loads(line) for log in tmp_path.iterdir() for line in log.read_text().splitlines()), key=lambda note: note["at"])
    held = {}  # image: until when somebody certainly holds it
    for note in notes:
        if note["what"] == "given":
            assert note["at"] >= held.get(note["id"], 0) - CLOCKS, note
            held[note["id"]] = note["until"]
        elif note["what"] == "labels":
            held[note["id"]] = min(note["at"], held[note["id"]])
    labelled = {note["id"]: note for note in notes if note.get("status") == 200}
    assert len(labelled) == sum(note.get("status") == 200 for note in notes) == DATASETS["drained"]
    assert {note["status"] for note in notes if note["what"] == "labelled"} <= {200, 409}  # 409: it took longer than its lease
    for id, note in labelled.items():
        (event,) = boss.get(f"/v1/datasets/drained/samples/{id}/history").json()["items"]
        assert (event["label"], event["by"]) == (note["label"], f"person{note['person']}")
    counts = boss.get("/v1/datasets/drained").json()["counts"]
    assert (counts["labelled"], counts["unlabelled"], counts["leased"]) == (DATASETS["drained"], 0, 0)


# --- labelling


def test_a_label_is_answered_with_the_sample_as_it_is_now(server, ann):
    (task,) = lease(ann, "labelling")
    answer = use(ann, "labelling", task, "label", label="dog", lead_time_ms=1234)
    assert answer.status_code == 200
    sample = answer.json()
    assert TIME.fullmatch(sample.pop("labelled_at"))
    for key in ("labelled_at", "thumb_url"):
        task["sample"].pop(key)
    sample.pop("thumb_url")
    assert sample == {**task["sample"], "label": "dog", "state": "labelled", "version": 1, "labelled_by": "ann"}
    assert stored_labels(server, "labelling")["image0.png"] == "dog"


@pytest.mark.parametrize("lead_time", [-1, 1.5, "100", 10**12, True])
def test_a_lead_time_is_a_number_of_milliseconds(ann, lead_time):
    tasks = ann.get("/v1/datasets/lead/tasks").json()["tasks"] or lease(ann, "lead")
    assert_problem(use(ann, "lead", tasks[0], "label", label="cat", lead_time_ms=lead_time), 400, '"lead_time_ms"')


def test_an_unknown_label_is_refused_and_the_task_stays(ann):
    (task,) = lease(ann, "labelling")
    assert_problem(use(ann, "labelling", task, "label", label="cow"), 422, "cow")
    assert_problem(use(ann, "labelling", task, "label"), 400, '"label"')
    assert_problem(use(ann, "labelling", task, "label", label=None), 400, '"label"')
    assert_problem(use(ann, "labelling", task, "label", label=7), 400, '"label"')
    assert_problem(use(ann, "labelling", task, "label", label=""), 400, "label")
    assert use(ann, "labelling", task, "label", label="cat").status_code == 200


@pytest.mark.parametrize("action", ["label", "renew", "release", "skip"])
def test_a_used_token_is_a_conflict(ann, action):
    (task,) = lease(ann, "conflict")
    assert use(ann, "conflict", task, "release").status_code == 204
    assert_problem(use(ann, "conflict", task, action, **({"label": "cat"} if action == "label" else {})), 409, "")


@pytest.mark.parametrize("action", ["label", "renew", "release", "skip"])
def test_so_is_anothers(ann, bob, action):
    (task,) = lease(ann, "conflict")
    assert_problem(use(bob, "conflict", task, action, **({"label": "cat"} if action == "label" else {})), 409, "")
    assert use(ann, "conflict", task, "release").status_code == 204


@pytest.mark.parametrize("action", ["label", "renew", "release", "skip"])
@pytest.mark.parametrize("token", ["A" * 22, "x", "t" * 5000, "%F0%9F%90%88", "%27%20OR%201=1"])
def test_so_is_one_that_never_was(ann, action, token):
    assert_problem(use(ann, "conflict", {"token": token}, action, **({"label": "cat"} if action == "label" else {})), 409, "")


def test_a_label_through_classify_takes_the_task_away(server, ann, bob):
    (task,) = lease(ann, "conflict")
    body = {"dataset_name": "conflict", "base_dir": str(server.images / "conflict"), "label": "dog"}
    assert bob.post("/classify", json={**body, "filepath": task["sample"]["filepath"]}).json() == {"response": True}
    assert_problem(use(ann, "conflict", task, "label", label="cat"), 409, "")


# --- renewing, releasing, skipping


def test_a_task_can_be_renewed(server, ann):
    (task,) = lease(ann, "renew")
    answer = until(
        lambda: (lambda told: seconds(told["expires_at"]) > seconds(task["expires_at"]) and told)(use(ann, "renew", task, "renew").json()),
        "a later expiry",
    )
    assert set(answer) == {"expires_at"} and TIME.fullmatch(answer["expires_at"])
    (held,) = ann.get("/v1/datasets/renew/tasks").json()["tasks"]
    assert held["expires_at"] == answer["expires_at"]


def test_a_released_one_is_given_to_the_next(ann, bob):
    (task,) = lease(ann, "release")
    assert lease(bob, "release") == []
    answer = use(ann, "release", task, "release")
    assert (answer.status_code, answer.content) == (204, b"")
    assert ann.get("/v1/datasets/release/tasks").json() == {"tasks": []}
    (again,) = lease(bob, "release")
    assert again["sample"]["id"] == task["sample"]["id"] and again["token"] != task["token"]


def test_a_skipped_one_comes_again_at_the_end(ann):
    (task,) = lease(ann, "later")
    assert use(ann, "later", task, "skip").status_code == 204
    assert [task["sample"]["id"] for task in lease(ann, "later", count=3)] == [1, 2, 0]


def test_one_skipped_for_others_never_comes_to_me_again(ann, bob):
    (task,) = lease(ann, "others")
    assert use(ann, "others", task, "skip", policy="requeue_for_others").status_code == 204
    assert [task["sample"]["id"] for task in lease(ann, "others", count=2)] == [1]
    assert [task["sample"]["id"] for task in lease(bob, "others", count=2)] == [0]


def test_one_that_is_ignored_is_skipped_for_all(ann, bob):
    (task,) = lease(ann, "ignore")
    assert_problem(use(ann, "ignore", task, "skip", policy="never"), 400, "never")
    assert_problem(use(ann, "ignore", task, "skip", policy=1), 400, '"policy"')
    assert use(ann, "ignore", task, "skip", policy="ignore").status_code == 204
    assert lease(bob, "ignore") == []
    counts = ann.get("/v1/datasets/ignore").json()["counts"]
    assert (counts["skipped"], counts["unlabelled"]) == (1, 0)


def test_an_expired_or_retaken_one_is_a_conflict(make_server):
    server = make_server(config={"limits": {"lease_seconds": 1}})
    server.add_user("ann")
    server.add_user("bob")
    server.add_dataset("demo", samples=2)
    server.start()
    ann, bob = server.session("ann"), server.session("bob")
    first, second = lease(ann, "demo", count=2)
    retaken = until(lambda: lease(bob, "demo", count=1), "the first lease's end")
    assert retaken[0]["sample"]["id"] == first["sample"]["id"]
    for task in (first, second):
        assert_problem(use(ann, "demo", task, "label", label="cat"), 409, "")
        assert_problem(use(ann, "demo", task, "renew"), 409, "")
    assert ann.get("/v1/datasets/demo").json()["counts"]["labelled"] == 0


# --- who may


def test_an_unknown_dataset_is_a_problem(ann):
    for name in ("cats", "%20", "d" * 200, "image.png"):
        assert_problem(ann.get(f"/v1/datasets/{name}/tasks"), 404, "Database not found")
        assert_problem(ann.post(f"/v1/datasets/{name}/tasks", json={}), 404, "Database not found")


def test_one_that_may_not_be_seen_is_not_found(server):
    elsewhere = server.session("elsewhere")
    assert elsewhere.get("/v1/datasets/one/tasks").status_code == 200
    for answer in (elsewhere.get("/v1/datasets/v1/tasks"), elsewhere.post("/v1/datasets/v1/tasks", json={})):
        assert_problem(answer, 404, "Database not found")


def test_who_may_only_look_gets_no_tasks(server):
    viewer = server.session("viewer")
    for answer in (viewer.get("/v1/datasets/v1/tasks"), viewer.post("/v1/datasets/v1/tasks", json={"count": 1})):
        assert_problem(answer, 403, "annotator")


def test_nobody_gets_tasks_without_a_password(anyone):
    answer = anyone.post("/v1/datasets/v1/tasks", json={})
    assert_problem(answer, 401, "Authentication failed")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_method_that_is_not_there_is_told_those_that_are(ann):
    answer = ann.delete("/v1/datasets/v1/tasks")
    assert_problem(answer, 405, "DELETE")
    assert answer.headers["Allow"] == "GET, POST"
    answer = ann.get("/v1/datasets/v1/tasks/abc/label")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_an_action_that_is_not_there_is_not_found(ann):
    assert_problem(ann.post("/v1/datasets/v1/tasks/abc/keep", json={}), 404, "")


# --- many at once


def test_many_are_renewed_and_given_back_at_once(ann, bob):
    tasks = lease(ann, "together", count=3)
    tokens = [task["token"] for task in tasks]
    (other,) = lease(bob, "together", count=1)
    renewed = ann.post("/v1/datasets/together/tasks/renew", json={"tokens": [*tokens, other["token"], "nobody's"]}).json()["renewed"]
    assert [task["token"] for task in renewed] == tokens
    assert all(seconds(now["expires_at"]) > seconds(task["expires_at"]) for now, task in zip(renewed, tasks))
    given_back = ann.post("/v1/datasets/together/tasks/release", json={"tokens": [other["token"], *tokens[:2]]}).json()
    assert given_back == {"released": tokens[:2]}
    assert [task["token"] for task in ann.get("/v1/datasets/together/tasks").json()["tasks"]] == tokens[2:]
    assert len(lease(bob, "together", count=4)) == 2


@pytest.mark.parametrize("action", ["renew", "release"])
@pytest.mark.parametrize("body", [{}, {"tokens": "x"}, {"tokens": [1]}, {"tokens": ["x"] * 51}, {"token": "x"}])
def test_many_tokens_that_cannot_be_are_refused(ann, action, body):
    assert_problem(ann.post(f"/v1/datasets/together/tasks/{action}", json=body), 400, "token")
