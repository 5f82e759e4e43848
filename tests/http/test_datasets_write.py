"""POST, PATCH and DELETE of /v1/datasets: making, changing and removing datasets."""
import io
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from collecting import DEFAULT, Collector, assert_problem, picture
from conftest import finish
from harness import draw
from PIL import Image

DATASETS = "/v1/datasets"
POLICY = {"overlap": 1, "overlap_max": 3, "lease_seconds": 300, "order": "sequential", "skip": "requeue_for_me", "public": False, "gold_rate": 0}


def create(session, name, **more):
    return session.post(DATASETS, json={"name": name, **more})


def put(session, dataset, filepath, data):
    answer = session.put(f"{DATASETS}/{dataset}/images/{filepath}", data=data)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    """One for all, of which keeper is admin of two datasets that tests make."""
    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    collector.add_user("keeper", role="viewer", datasets={"keepers": "admin", "folder": "admin", DEFAULT: "viewer"})
    try:
        yield collector.start()
    finally:
        finish([collector])


# --- making


def test_a_dataset_is_made_empty_and_private(admin):
    answer = create(admin, "new")
    assert (answer.status_code, answer.headers["Location"]) == (201, "/v1/datasets/new")
    told = answer.json()
    assert (told["name"], told["base_dir"], told["size"], told["labels"], told["policy"]) == ("new", "", 0, [], POLICY)
    assert admin.get(DATASETS + "/new").json() == told
    assert "new" in [dataset["name"] for dataset in admin.get(DATASETS).json()["items"]]


def test_a_dataset_is_made_with_labels_folder_and_policy(admin, tmp_path):
    policy = {"overlap": 3, "overlap_max": 7, "lease_seconds": 60, "order": "random", "skip": "ignore", "public": True, "gold_rate": 7}
    told = create(admin, "whole", labels=["cat", "dog", "cat"], base_dir=str(tmp_path), policy=policy).json()
    assert [(label["key"], label["name"]) for label in told["labels"]] == [("0", "cat"), ("1", "dog")]
    assert (told["base_dir"], told["policy"]) == (str(tmp_path), policy)


def test_the_order_of_insertion_is_the_sequential_one(admin):
    assert create(admin, "inserted", policy={"order": "insertion"}).json()["policy"]["order"] == "sequential"
    for order, told in (("random", "random"), ("insertion", "sequential")):
        answer = admin.patch(DATASETS + "/inserted", json={"policy": {"order": order}})
        assert (answer.status_code, answer.json()["policy"]["order"]) == (200, told)


@pytest.mark.parametrize("name, location", [("a b", "a%20b"), ("grün", "gr%C3%BCn"), ("100%", "100%25"), ("a?b#c", "a%3Fb%23c")])
def test_a_name_may_be_any_text(admin, name, location):
    answer = create(admin, name)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1/datasets/{location}")
    assert admin.get(answer.headers["Location"]).json()["name"] == name
    assert put(admin, location, "a.png", picture())["filepath"] == "a.png"


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../x", "a\nb", "a\u0000b", "x" * 129, 7, None])
def test_a_name_that_cannot_be_is_refused(admin, name):
    assert_problem(create(admin, name), 400)


@pytest.mark.parametrize(
    "more",
    [
        {"base_dir": "relative"},
        {"base_dir": 7},
        {"base_dir": "/a\nb"},
        {"labels": "cat"},
        {"labels": [7]},
        {"labels": [""]},
        {"labels": ["a\nb"]},
        {"labels": ["fine", "x" * 257]},
        {"policy": []},
        {"policy": {"overlap": 0}},
        {"policy": {"overlap": 101}},
        {"policy": {"overlap_max": 0}},
        {"policy": {"overlap_max": 101}},
        {"policy": {"overlap": 3, "overlap_max": 2}},
        {"policy": {"order": "least_sure"}},
        {"policy": {"lease_seconds": 0}},
        {"policy": {"order": "backwards"}},
        {"policy": {"skip": "never"}},
        {"policy": {"public": "yes"}},
        {"policy": {"publik": True}},
        {"label": ["cat"]},
        {"public": True},
    ],
)
def test_what_cannot_be_leaves_no_dataset(admin, more):
    assert_problem(create(admin, "refused", **more), 400)
    assert admin.get(DATASETS + "/refused").status_code == 404


def test_as_many_labels_as_may_be_come_in_one_request_and_at_once(collector, admin):
    names = [f"label {i}" for i in range(10_000)]
    seen, reader = set(), collector.session("admin")
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(create, admin, "wordy", labels=names)
        while not made.done():
            told = reader.get(DATASETS + "/wordy").json()
            seen.add(len(told.get("labels", [])))
    assert made.result().status_code == 201, made.result().text
    assert [(label["key"], label["name"]) for label in made.result().json()["labels"]] == [(str(i), name) for i, name in enumerate(names)]
    assert seen <= {0, len(names)}


def test_a_label_listed_twice_is_one(admin):
    assert [label["name"] for label in create(admin, "twice", labels=["cat", "dog", "cat"]).json()["labels"]] == ["cat", "dog"]


def test_a_taken_name_is_a_conflict(admin):
    create(admin, "taken", labels=["cat"])
    assert_problem(create(admin, "taken", labels=["dog"]), 409, "taken")
    assert [label["name"] for label in admin.get(DATASETS + "/taken").json()["labels"]] == ["cat"]


def test_one_name_at_once_is_made_once(collector):
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: create(collector.session("admin"), "race").status_code, range(8)))
    assert sorted(told) == [201] + [409] * 7


# --- changing


def test_a_policy_is_changed_field_by_field(admin):
    create(admin, "changed", policy={"overlap": 2})
    answer = admin.patch(DATASETS + "/changed", json={"policy": {"order": "random"}})
    assert (answer.status_code, answer.json()["policy"]) == (200, {**POLICY, "overlap": 2, "overlap_max": 4, "order": "random"})
    answer = admin.patch(DATASETS + "/changed", json={"policy": {"skip": "ignore"}})
    assert answer.json()["policy"] == {**POLICY, "overlap": 2, "overlap_max": 4, "order": "random", "skip": "ignore"}
    assert admin.get(DATASETS + "/changed").json() == answer.json()


def test_the_order_least_sure_needs_predictions(admin):
    create(admin, "sure")
    for order in ("least_sure", "backwards"):
        answer = admin.patch(DATASETS + "/sure", json={"policy": {"order": order}})
        assert_problem(answer, 400, order)
        assert ("needs predictions" in answer.json()["detail"]) == (order == "least_sure")
    assert admin.get(DATASETS + "/sure").json()["policy"] == POLICY


def test_more_people_than_the_most_are_refused_naming_both(admin):
    create(admin, "most", policy={"overlap": 2, "overlap_max": 3})
    answer = admin.patch(DATASETS + "/most", json={"policy": {"overlap": 4}})
    assert_problem(answer, 400, "overlap_max")
    assert '"overlap", 4' in answer.json()["detail"]
    assert admin.patch(DATASETS + "/most", json={"policy": {"overlap": 4, "overlap_max": 4}}).json()["policy"]["overlap_max"] == 4


def test_changes_of_different_fields_at_once_all_hold(collector, admin):
    create(admin, "shared-policy")
    rounds = [{"overlap": 1 + n % 2, "overlap_max": 2 + n, "lease_seconds": 100 + n, "order": ("random", "sequential")[n % 2], "skip": ("ignore", "requeue_for_me")[n % 2], "public": n % 2 == 0, "gold_rate": n} for n in range(20)]  # fmt: skip
    with ThreadPoolExecutor(7) as pool:
        for policy in rounds:
            changes = [{"policy": {field: value}} for field, value in policy.items()]
            answers = list(pool.map(lambda change: collector.session("admin").patch(DATASETS + "/shared-policy", json=change), changes))
            assert [answer.status_code for answer in answers] == [200] * 7
            assert admin.get(DATASETS + "/shared-policy").json()["policy"] == policy


def test_the_folder_is_changed(admin, tmp_path):
    create(admin, "moved")
    assert admin.patch(DATASETS + "/moved", json={"base_dir": str(tmp_path)}).json()["base_dir"] == str(tmp_path)
    assert admin.patch(DATASETS + "/moved", json={}).json()["base_dir"] == str(tmp_path)


@pytest.mark.parametrize(
    "body",
    [{"base_dir": "relative"}, {"policy": {"overlap": -1}}, {"policy": {"unknown": 1}}, {"policy": 7}, []]
    + [{"public": False}, {"name": "other"}, {"labels": ["cat"]}, {"policy": {"order": "random"}, "base-dir": "/"}],
)
def test_a_change_that_cannot_be_changes_nothing(admin, body):
    create(admin, "unchanged")
    before = admin.get(DATASETS + "/unchanged").json()
    assert_problem(admin.patch(DATASETS + "/unchanged", json=body), 400)
    assert admin.get(DATASETS + "/unchanged").json() == before


def test_a_dataset_outlives_a_restart_and_a_lease_time_that_was_never_set_follows_the_configuration(make_collector):
    collector = make_collector(config={"limits": {"lease_seconds": 77}}).start()
    admin = collector.session("admin")
    create(admin, "kept", labels=["cat"])
    put(admin, "kept", "a.png", picture())
    admin.patch(DATASETS + "/kept", json={"policy": {"order": "random"}})
    assert admin.get(DATASETS + "/kept").json()["policy"]["lease_seconds"] == 77
    collector.config["limits"]["lease_seconds"] = 88
    collector.write_config()
    collector.restart()
    told = collector.session("admin").get(DATASETS + "/kept").json()
    assert (told["size"], told["labels"][0]["name"]) == (1, "cat")
    assert (told["policy"]["lease_seconds"], told["policy"]["order"]) == (88, "random")


def test_making_a_dataset_private_takes_its_images_from_the_public(collector, admin):
    create(admin, "closing", policy={"public": True})
    data = picture()
    answer = admin.post("/single_upload/", params={"dataset": "closing"}, files={"file": ("a.png", data)}).json()
    assert requests.get(answer["Image URL"], timeout=30).content == data
    assert admin.patch(DATASETS + "/closing", json={"policy": {"public": False}}).status_code == 200
    assert requests.get(answer["Image URL"], timeout=30).status_code in (403, 404)
    assert admin.get(f"{DATASETS}/closing/samples/{answer['id']}/image").content == data


def test_making_a_dataset_public_gives_its_images_urls_for_anyone(collector, admin):
    create(admin, "opening")
    data = [picture(), picture()]
    for number, one in enumerate(data):
        put(admin, "opening", f"{number}.png", one)
    assert admin.patch(DATASETS + "/opening", json={"policy": {"public": True}}).status_code == 200
    for number, one in enumerate(data):
        again = admin.post("/single_upload/", params={"dataset": "opening"}, files={"file": ("a.png", one)}).json()
        assert again["duplicate"] is True
        assert requests.get(again["Image URL"], timeout=30).content == one
        assert admin.get(f"{DATASETS}/opening/samples/{number}/image").content == one


# --- removing


def test_a_dataset_is_removed_with_all_it_holds(collector, admin):
    create(admin, "gone", labels=["cat"])
    put(admin, "gone", "a.png", picture())
    answer = admin.delete(DATASETS + "/gone")
    assert (answer.status_code, answer.content) == (204, b"")
    assert_problem(admin.get(DATASETS + "/gone"), 404, "Database not found")
    assert_problem(admin.delete(DATASETS + "/gone"), 404, "Database not found")
    assert_problem(admin.get(DATASETS + "/gone/samples"), 404)
    assert "gone" not in [dataset["name"] for dataset in admin.get(DATASETS).json()["items"]]


def test_one_of_the_same_name_begins_anew(collector, admin):
    def coloured(colour):
        out = io.BytesIO()
        Image.new("RGB", (300, 300), colour).save(out, "PNG")
        return out.getvalue()

    create(admin, "again", labels=["cat"])
    assert put(admin, "again", "a.png", coloured("red"))["id"] == 0
    assert admin.get(DATASETS + "/again/samples/0/thumb").status_code == 200
    kept = lambda: list((collector.state / "cache" / "thumbs").rglob("*"))
    assert kept()
    assert admin.delete(DATASETS + "/again").status_code == 204
    assert not kept()
    told = create(admin, "again").json()
    assert (told["size"], told["labels"]) == (0, [])
    assert admin.get(DATASETS + "/again/samples/0/thumb").status_code == 404, "nothing of the former one is shown"
    assert put(admin, "again", "b.png", coloured("blue"))["id"] == 0
    made = Image.open(io.BytesIO(admin.get(DATASETS + "/again/samples/0/thumb").content)).convert("RGB")
    assert made.getpixel((5, 5))[2] > 200 > made.getpixel((5, 5))[0]


def test_the_same_image_may_come_again_after_its_dataset_was_removed(collector, admin):
    data = picture()
    create(admin, "twice")
    put(admin, "twice", "a.png", data)
    admin.delete(DATASETS + "/twice")
    create(admin, "twice")
    told = put(admin, "twice", "a.png", data)
    assert told["duplicate"] is False
    assert admin.get(f"{DATASETS}/twice/samples/{told['id']}/image").content == data


def test_a_dataset_with_too_many_labels_is_not_made(admin):
    assert_problem(create(admin, "crowded", labels=[f"label{number}" for number in range(10001)]), 422, "10000")
    assert admin.get(DATASETS + "/crowded").status_code == 404


# --- who may


@pytest.mark.parametrize("role", ["viewer", "annotator", "contributor"])
def test_making_changing_and_removing_need_an_admin(collector, role):
    session = collector.session(role)
    assert_problem(create(session, "refused"), 403, "admin")
    assert_problem(session.patch(f"{DATASETS}/{DEFAULT}", json={"policy": {"overlap": 2}}), 403, "admin")
    assert_problem(session.delete(f"{DATASETS}/{DEFAULT}"), 403, "admin")
    assert collector.session("admin").get(f"{DATASETS}/{DEFAULT}").json()["policy"]["overlap"] == 1


def test_what_one_may_not_see_is_not_there(collector):
    guest = collector.session("guest")
    assert_problem(guest.patch(f"{DATASETS}/{DEFAULT}", json={}), 404, "Database not found")
    assert_problem(guest.delete(f"{DATASETS}/{DEFAULT}"), 404, "Database not found")
    assert_problem(create(guest, "refused"), 403)


def test_an_admin_of_one_dataset_changes_that_one_and_makes_none(collector, admin):
    keeper = collector.session("keeper")
    create(admin, "keepers")
    assert keeper.patch(DATASETS + "/keepers", json={"policy": {"overlap": 2}}).status_code == 200
    assert_problem(keeper.patch(f"{DATASETS}/{DEFAULT}", json={"policy": {"overlap": 2}}), 403)
    assert_problem(create(keeper, "more"), 403)
    assert keeper.delete(DATASETS + "/keepers").status_code == 204


def test_an_admin_of_one_dataset_sees_no_folder_through_it(collector, admin):
    """Whatever lies in base_dir and looks like an image is served to those who may see the dataset."""
    folder, keeper = collector.images / "hidden", collector.session("keeper")
    draw(folder / "image0.png")
    create(admin, "folder")
    assert_problem(keeper.patch(DATASETS + "/folder", json={"base_dir": str(folder)}), 403, "base_dir")
    assert keeper.get("/images/folder/image0.png").status_code == 404
    assert admin.patch(DATASETS + "/folder", json={"base_dir": str(folder)}).json()["base_dir"] == str(folder)
    assert keeper.patch(DATASETS + "/folder", json={"base_dir": str(folder), "policy": {"overlap": 2}}).status_code == 200


def test_the_default_dataset_is_public_and_others_are_not(collector, admin):
    assert admin.get(f"{DATASETS}/{DEFAULT}").json()["policy"]["public"] is True
    assert admin.get(DATASETS + "/secret").json()["policy"]["public"] is False
