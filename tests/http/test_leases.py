"""The next image of /obtain is leased: nobody else gets it while others are left."""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import draw, until

PEOPLE = 8
EACH = 12
CROWD = PEOPLE * EACH + PEOPLE  # as many as are labelled, and one for each person that nobody is given


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    for name in ("ann", "bob", "carl", *(f"person{number}" for number in range(PEOPLE))):
        server.add_user(name)
    server.add_user("viewer", role="viewer")
    for name, samples in {"demo": 3, "shared": 2, "classified": 3, "tasks": 3, "unreadable": 5, "all unreadable": 2, "scattered": 5, "away obtain": 5,
                          "away tasks": 5, "again": 40, "at once": 1}.items():
        server.add_dataset(name, samples=samples)
    for name in ("crowd", "to the end"):
        server.add_dataset(name, samples=CROWD)
    server.add_dataset("half done", samples=[("a.png", "cat"), "b.png", ("c.png", "dog")])
    for name in ("a.png", "b.png", "c.png"):
        (server.images / "half done" / name).write_bytes((server.images / "demo" / "image0.png").read_bytes())
    return server.start()


@pytest.fixture
def bob(server):
    return server.session("bob")


@pytest.fixture
def carl(server):
    return server.session("carl")


def obtain(session, dataset):
    """What the next one is: its description, or None when there is none."""
    answer = session.post("/obtain", json={"dataset_name": dataset})
    if answer.status_code == 404:
        assert answer.json() == {"message": "Sample not found"}
        return None
    assert answer.status_code == 200, answer.text
    return json.loads(answer.headers["X-Response-Json"])


def classify(session, told, label="cat"):
    body = {**{key: told[key] for key in ("dataset_name", "base_dir", "filepath")}, "label": label}
    return session.post("/classify", json=body).json()["response"]


def test_another_person_gets_another_one(ann, bob, carl):
    assert [obtain(session, "demo")["filepath"] for session in (ann, bob, carl)] == ["image0.png", "image1.png", "image2.png"]


def test_the_same_person_gets_the_same_one_again(ann, bob):
    assert [obtain(session, "demo")["filepath"] for session in (ann, bob, ann)] == ["image0.png", "image1.png", "image0.png"]


def test_when_all_are_leased_the_oldest_is_shared(ann, bob, carl):
    assert [obtain(session, "shared")["filepath"] for session in (ann, bob)] == ["image0.png", "image1.png"]
    assert obtain(carl, "shared")["filepath"] == "image0.png"
    assert obtain(carl, "shared")["filepath"] == "image0.png"
    assert classify(ann, obtain(ann, "shared"))  # no longer anyone's
    assert obtain(carl, "shared")["filepath"] == "image1.png"
    assert classify(carl, obtain(carl, "shared"))
    assert [obtain(session, "shared") for session in (ann, bob, carl)] == [None] * 3


def test_a_labelled_one_is_followed_by_the_next(ann, bob):
    first = obtain(ann, "classified")
    assert classify(bob, first)  # whoever does it
    assert obtain(ann, "classified")["filepath"] == "image1.png"


def test_only_what_has_no_label_is_given(ann):
    told = obtain(ann, "half done")
    assert told["filepath"] == "b.png"
    assert classify(ann, told)
    assert obtain(ann, "half done") is None


def test_tasks_and_obtain_share_one_queue(ann, bob):
    held = ann.post("/v1/datasets/tasks/tasks", json={"count": 2}).json()["tasks"]
    assert [task["sample"]["filepath"] for task in held] == ["image0.png", "image1.png"]
    assert obtain(bob, "tasks")["filepath"] == "image2.png"
    assert obtain(ann, "tasks")["filepath"] == "image0.png"  # ann's own oldest
    assert ann.post(f"/v1/datasets/tasks/tasks/{held[0]['token']}/release").status_code == 204
    assert obtain(ann, "tasks")["filepath"] == "image1.png"


def test_unreadable_files_are_passed_over_and_marked(server, ann, bob):
    for number in (0, 1, 3):
        (server.images / "unreadable" / f"image{number}.png").unlink()
    assert obtain(ann, "unreadable")["filepath"] == "image2.png"
    assert obtain(bob, "unreadable")["filepath"] == "image4.png"
    counts = ann.get("/v1/datasets/unreadable").json()["counts"]
    assert (counts["unreadable"], counts["unlabelled"], counts["leased"]) == (3, 2, 2)
    by_id = ann.post("/obtain", json={"dataset_name": "unreadable", "id": 0})
    assert (by_id.status_code, by_id.json()) == (404, {"message": "Image file not found"})


def test_one_that_is_deleted_while_it_is_held_is_passed_over_too(server, ann):
    (server.images / "unreadable" / "image2.png").unlink()
    told = obtain(ann, "unreadable")
    assert told["filepath"] == "image4.png"  # shared: bob holds the last one


def test_when_none_can_be_read_there_is_none(server, ann):
    for image in (server.images / "all unreadable").iterdir():
        image.unlink()
    assert obtain(ann, "all unreadable") is None
    assert ann.get("/v1/datasets/all%20unreadable").json()["counts"]["unreadable"] == 2


def test_who_may_only_look_leases_nothing(server):
    viewer = server.session("viewer")
    answer = viewer.post("/obtain", json={"dataset_name": "demo"})
    assert answer.status_code == 403 and "annotator" in answer.json()["message"]
    assert viewer.post("/obtain", json={"dataset_name": "demo", "id": 0}).status_code == 200


def test_people_at_once_never_get_the_same_while_others_are_left(server):
    def label(person):
        session, given = server.session(f"person{person}"), []
        for _ in range(EACH):
            told = obtain(session, "crowd")
            given.append(told["filepath"])
            assert obtain(session, "crowd") == told
            assert classify(session, told, ("cat", "dog")[person % 2])
        return given

    with ThreadPoolExecutor(PEOPLE) as people:
        given = sum(people.map(label, range(PEOPLE)), [])
    assert len(given) == len(set(given)) == PEOPLE * EACH
    counts = server.session("ann").get("/v1/datasets/crowd").json()["counts"]
    assert (counts["labelled"], counts["unlabelled"], counts["leased"]) == (PEOPLE * EACH, CROWD - PEOPLE * EACH, 0)


def test_people_at_once_label_everything(server):
    """To the very end, where the last ones are shared: nobody is told there is nothing before all is labelled."""

    def label(person):
        session, given = server.session(f"person{person}"), []
        while told := obtain(session, "to the end"):
            given.append(told["filepath"])
            assert len(given) <= CROWD
            assert classify(session, told)
        counts = session.get("/v1/datasets/to%20the%20end").json()["counts"]
        assert (counts["labelled"], counts["unlabelled"]) == (CROWD, 0)
        return given

    with ThreadPoolExecutor(PEOPLE) as people:
        given = sum(people.map(label, range(PEOPLE)), [])
    assert set(given) == {f"image{number}.png" for number in range(CROWD)}
    assert len(given) < CROWD + PEOPLE * PEOPLE  # only the last few were shared


def test_a_lease_ends_by_itself(make_server):
    server = make_server(config={"limits": {"lease_seconds": 1}})
    for name in ("ann", "bob"):
        server.add_user(name)
    server.add_dataset("demo", samples=2)
    server.start()
    ann, bob = server.session("ann"), server.session("bob")
    assert obtain(ann, "demo")["filepath"] == "image0.png"
    until(lambda: ann.get("/v1/datasets/demo").json()["counts"]["leased"] == 0, "the end of ann's lease")
    assert obtain(bob, "demo")["filepath"] == "image0.png"


def test_a_restart_keeps_labels_and_leases(make_server):
    server = make_server()
    for name in ("ann", "bob", "carl"):
        server.add_user(name)
    server.add_dataset("demo", samples=5)
    server.start()
    ann, bob, carl = (server.session(name) for name in ("ann", "bob", "carl"))
    assert classify(ann, obtain(ann, "demo"))
    assert [obtain(session, "demo")["filepath"] for session in (ann, bob)] == ["image1.png", "image2.png"]
    (task,) = ann.post("/v1/datasets/demo/tasks", json={}).json()["tasks"]
    for again in (server.restart, server.reload):
        again()
        ann, bob, carl = (server.session(name) for name in ("ann", "bob", "carl"))
        assert [obtain(session, "demo")["filepath"] for session in (bob, ann)] == ["image2.png", "image1.png"]
        assert obtain(carl, "demo")["filepath"] == "image4.png"
        assert [held["sample"]["id"] for held in ann.get("/v1/datasets/demo/tasks").json()["tasks"]] == [1, 3]
        counts = ann.get("/v1/datasets/demo").json()["counts"]
        assert (counts["labelled"], counts["leased"]) == (1, 4)
    assert ann.post(f"/v1/datasets/demo/tasks/{task['token']}/label", json={"label": "dog"}).status_code == 200


def test_what_is_missing_next_to_a_missing_file_is_marked_along_with_it(server, ann):
    for number in (0, 2, 4):
        (server.images / "scattered" / f"image{number}.png").unlink()
    assert obtain(ann, "scattered")["filepath"] == "image1.png"
    counts = ann.get("/v1/datasets/scattered").json()["counts"]
    assert (counts["unreadable"], counts["unlabelled"], counts["leased"]) == (3, 2, 1)


def post(session, name, way):
    if way == "obtain":
        return session.post("/obtain", json={"dataset_name": name}, headers={"Accept": "application/json"})
    return session.post(f"/v1/datasets/{name}/tasks", json={"count": 50})


@pytest.mark.parametrize("way", ["obtain", "tasks"])
def test_a_folder_that_is_away_for_a_moment_withdraws_nothing(server, ann, way):
    name = f"away {way}"
    folder = server.images / name
    folder.rename(folder.with_name(f"{way}.away"))
    answer = post(ann, name, way)
    assert answer.status_code == 503 and str(folder) in answer.json()["message"]
    assert ann.post("/obtain", json={"dataset_name": name, "id": 0}).status_code == 503
    assert ann.get(f"/v1/datasets/{name}").json()["counts"]["unreadable"] == 0
    folder.with_name(f"{way}.away").rename(folder)
    assert post(ann, name, way).status_code == 200


def test_files_that_are_there_again_come_back_by_themselves(server, ann, bob):
    folder = server.images / "again"
    files = sorted(folder.iterdir())
    for file in files[1:]:
        file.rename(file.with_suffix(".away"))
    assert (obtain(ann, "again")["filepath"], obtain(bob, "again")["filepath"]) == (files[0].name, files[0].name)  # shared
    counts = lambda: ann.get("/v1/datasets/again").json()["counts"]  # noqa: E731
    assert counts()["unreadable"] == 39
    for file in files[1:]:
        file.with_suffix(".away").rename(file)
    until(lambda: counts()["unreadable"] == 0, "the images are in the queue again")
    assert counts()["unlabelled"] == 40


def test_who_finds_nothing_else_gets_what_is_there_again(server, ann):
    folder = server.images / "at once"
    (folder / "image0.png").rename(folder / "away")
    assert ann.post("/v1/datasets/at%20once/tasks", json={}).status_code == 204
    (folder / "away").rename(folder / "image0.png")
    assert len(ann.post("/v1/datasets/at%20once/tasks", json={}).json()["tasks"]) == 1


@pytest.mark.parametrize("way", ["obtain", "tasks"])
def test_a_whole_disk_that_is_missing_keeps_nobody_waiting(server, ann, way):
    name = f"unplugged {way}"
    folder = server.add_dataset(name, samples=[f"{number}.png" for number in range(5000)])
    draw(folder / "4999.png")
    assert server.reload().returncode == 0
    ask = lambda: post(ann, name, way)  # noqa: E731
    requests = 0
    while (answer := ask()).status_code == 503:
        assert "ask again" in answer.json()["message"]
        requests += 1
        unreadable = ann.get(f"/v1/datasets/{name}").json()["counts"]["unreadable"]
        assert 2000 * requests <= unreadable <= 3050 * requests  # so many in a request, and what is looked at together
    assert requests > 0
    told = answer.json() if way == "obtain" else answer.json()["tasks"][0]["sample"]
    assert told["filepath"] == "4999.png"
    counts = ann.get(f"/v1/datasets/{name}").json()["counts"]
    assert (counts["unreadable"], counts["unlabelled"], counts["leased"]) == (4999, 1, 1)
