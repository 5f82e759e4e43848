"""/v1/datasets/{d}/images: one image put under a filepath, several posted in a form."""
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from collecting import BLOB, DEFAULT, LABELS, Collector, assert_problem, form, picture, samples
from conftest import finish

IMAGES = f"/v1/datasets/{DEFAULT}/images"
FIELDS = {
    "id", "filepath", "label", "state", "version", "flag", "flagged_by", "sha256", "bytes", "type", "width", "height",
    "image_url", "thumb_url", "uploaded_at", "uploaded_by", "labelled_at", "labelled_by",
}  # fmt: skip


def put(session, filepath, data, dataset=DEFAULT, **query):
    return session.put(f"/v1/datasets/{dataset}/images/{filepath}", data=data, params=query)


def post(session, *files, field="files", dataset=DEFAULT, **query):
    return session.post(f"/v1/datasets/{dataset}/images", files=form(*files, field=field), params=query)


def make_dataset(collector, name):
    assert collector.session("admin").post("/v1/datasets", json={"name": name, "labels": LABELS}).status_code == 201
    return name


def get_image(collector, session, url):
    return session.get(url) if url.startswith("/") else requests.get(url, timeout=30)


# --- PUT


def test_an_image_put_is_answered_with_its_sample(collector, contributor):
    data = picture("JPEG", (320, 200))
    answer = put(contributor, "trip/one.jpg", data, label="airplanes")
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/json")
    told = answer.json()
    assert set(told) == FIELDS | {"duplicate"}
    assert (told["filepath"], told["label"], told["state"]) == ("trip/one.jpg", "airplanes", "labelled")
    assert (told["bytes"], told["type"], told["width"], told["height"]) == (len(data), "image/jpeg", 320, 200)
    assert told["sha256"] == hashlib.sha256(data).hexdigest()
    assert (told["uploaded_by"], told["labelled_by"], told["duplicate"]) == ("contributor", "contributor", False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["uploaded_at"])
    del told["duplicate"]
    assert contributor.get(f"/v1/datasets/{DEFAULT}/samples/{told['id']}").json() == told


def test_the_image_is_served_as_it_was_sent(collector, contributor):
    data = picture("BMP")
    told = put(contributor, "served.bmp", data).json()
    for url in (told["image_url"], f"/v1/datasets/{DEFAULT}/samples/{told['id']}/image"):
        answer = get_image(collector, contributor, url)
        assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (200, "image/bmp", data)
        if url.startswith("/"):
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if BLOB == "fs":
        assert told["image_url"] == f"/images/{DEFAULT}/served.bmp"


def test_an_image_larger_than_any_json_body_is_taken(collector, contributor):
    data = picture("JPEG", (64, 48))
    for number, size in enumerate((1_000_000, 1_100_000, 3_000_000)):
        told = put(contributor, f"large{number}.jpg", data + bytes([number]) * (size - len(data)))
        assert told.status_code == 201, told.text


def test_an_image_however_deep_is_served(collector, contributor):
    data = picture()
    told = put(contributor, "d/" * 2045 + "a.jpeg", data).json()
    assert len(told["filepath"]) == 4096
    assert get_image(collector, contributor, told["image_url"]).content == data


@pytest.mark.parametrize("written, filepath", [("a%20b/%C3%B1.png", "a b/ñ.png"), ("100%25.png", "100%.png"), ("x%3Fy.png", "x?y.png"), ("no-ending", "no-ending")])
def test_a_filepath_may_be_any_text(collector, contributor, written, filepath):
    data = picture()
    told = put(contributor, written, data).json()
    assert told["filepath"] == filepath
    assert get_image(collector, contributor, told["image_url"]).content == data


def test_the_same_bytes_again_are_a_duplicate_with_the_label_as_it_was(collector, contributor):
    data = picture()
    first = put(contributor, "first.png", data, label="accordion")
    before = collector.stored()
    for filepath in ("first.png", "second.png"):
        again = put(contributor, filepath, data, label="airplanes")
        assert again.status_code == 200
        assert again.json() == {**first.json(), "duplicate": True}
    assert collector.stored() == before


def test_other_bytes_at_a_filepath_are_a_conflict(collector, contributor):
    put(contributor, "taken.png", picture())
    before = collector.stored()
    assert_problem(put(contributor, "taken.png", picture()), 409, "taken.png")
    assert collector.stored() == before


def test_a_seeded_filepath_is_taken_too(make_collector):
    collector = make_collector()
    collector.add_dataset("seeded", samples=1)
    collector.start()
    contributor = collector.session("contributor")
    assert_problem(put(contributor, "image0.png", picture(), dataset="seeded"), 409)
    data = picture()
    told = put(contributor, "uploaded.png", data, dataset="seeded").json()
    assert [sample["filepath"] for sample in samples(contributor, "seeded")] == ["image0.png", "uploaded.png"]
    assert get_image(collector, contributor, told["image_url"]).content == data
    image = contributor.get("/v1/datasets/seeded/samples/0").json()["image_url"]
    assert contributor.get(image).content == (collector.images / "seeded" / "image0.png").read_bytes()


def test_a_label_is_taken_by_key_or_by_name(contributor):
    assert put(contributor, "key.png", picture(), label="1").json()["label"] == "airplanes"
    assert put(contributor, "name.png", picture(), label="accordion").json()["label"] == "accordion"
    assert put(contributor, "none.png", picture()).json()["label"] == ""


def test_an_unknown_label_is_refused(collector, contributor):
    before = collector.stored()
    assert_problem(put(contributor, "unknown.png", picture(), label="unicorn"), 422, "unicorn")
    assert collector.stored() == before


@pytest.mark.parametrize("size", [(10, 10), (900, 900)], ids=["in memory", "in a file"])
def test_images_of_any_size_come_whole(collector, contributor, size):
    data, before = picture("BMP", size), collector.objects()
    told = put(contributor, f"{size[0]}.bmp", data).json()
    (key,) = collector.objects() - before
    assert collector.object(key) == data
    assert get_image(collector, contributor, told["image_url"]).content == data


def test_the_event_of_an_upload_is_in_its_history(contributor):
    told = put(contributor, "history.png", picture(), label="accordion").json()
    (event,) = contributor.get(f"/v1/datasets/{DEFAULT}/samples/{told['id']}/history").json()["items"]
    assert (event["label"], event["by"], event["source"], event["lead_time_ms"]) == ("accordion", "contributor", "upload", None)


def test_counts_follow_uploads(collector, admin):
    counted = make_dataset(collector, "counted")
    for number in range(3):
        put(admin, f"{number}.png", picture(), counted, **({"label": "airplanes"} if number else {}))
    told = admin.get(f"/v1/datasets/{counted}").json()
    assert (told["size"], told["counts"]["labelled"], told["counts"]["unlabelled"]) == (3, 2, 1)
    assert [label["count"] for label in told["labels"]] == [0, 2]


def test_an_uploaded_image_is_obtained_and_classified(collector, contributor):
    queue, data = make_dataset(collector, "queue"), picture()
    put(contributor, "a.png", data, queue)
    annotator = collector.session("annotator")
    answer = annotator.post("/obtain", json={"dataset_name": queue})
    assert (answer.status_code, answer.content) == (200, data)
    wanted = {"dataset_name": queue, "base_dir": "", "filepath": "a.png", "label": "accordion"}
    assert annotator.post("/classify", json=wanted).json() == {"response": True}
    assert collector.session("viewer").get(f"/v1/datasets/{queue}/samples/0").json()["label"] == "accordion"


# --- POST


def test_several_images_are_answered_one_by_one_in_order(collector, contributor):
    data = [picture(), picture("GIF")]
    answer = post(contributor, ("a.png", data[0]), ("b.gif", data[1]), label="airplanes")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    items = answer.json()["items"]
    assert [item["filename"] for item in items] == ["a.png", "b.gif"]
    assert [set(item) for item in items] == [FIELDS | {"filename", "duplicate"}] * 2
    assert [item["label"] for item in items] == ["airplanes"] * 2
    assert [get_image(collector, contributor, item["image_url"]).content for item in items] == data


def test_the_same_file_name_twice_is_two_images(contributor):
    items = post(contributor, ("a.png", picture()), ("a.png", picture())).json()["items"]
    assert len({item["id"] for item in items}) == len({item["filepath"] for item in items}) == 2


def test_a_bad_file_never_loses_the_others(collector, contributor):
    before = collector.size()
    answer = post(contributor, ("a.png", picture()), ("b.png", b"no image"), ("c.png", picture()))
    assert answer.status_code == 200
    items = answer.json()["items"]
    assert ["error" in item for item in items] == [False, True, False]
    assert set(items[1]) == {"filename", "error"} and items[1]["error"]
    assert collector.size() == before + 2


def test_all_bad_is_an_error_that_still_tells_of_each(collector, contributor):
    before = collector.stored()
    answer = post(contributor, ("a.png", b"no"), ("b.png", b""))
    assert_problem(answer, 415)
    assert ["error" in item for item in answer.json()["items"]] == [True, True]
    assert collector.stored() == before


def test_a_duplicate_is_told_of_its_own(collector, contributor):
    data, before = picture(), collector.size()
    items = post(contributor, ("a.png", data), ("b.png", data)).json()["items"]
    assert [item["duplicate"] for item in items] == [False, True] and items[0]["id"] == items[1]["id"]
    assert collector.size() == before + 1


def test_a_form_without_files_is_refused(contributor):
    assert_problem(contributor.post(IMAGES, files={"label": (None, "")}), 400, "files")


@pytest.mark.parametrize("part", ["other", "Files2", "labels", "", "caté", "x" * 3000], ids=["other", "more", "more of a label", "none", "not ASCII", "long"])
@pytest.mark.parametrize("content", [(None, "text"), ("a.png", picture())], ids=["text", "file"])
def test_an_unknown_part_of_a_form_is_refused_by_name(collector, contributor, part, content):
    """What stands before it was stored: a form is taken part by part."""
    data, before = picture(), collector.size()
    parts = [("label", (None, "")), ("FILE", ("before.png", data)), (part, content), ("files", ("after.png", picture()))]
    assert_problem(contributor.post(IMAGES, files=parts), 400, f'"{part[:20]}')
    assert collector.size() == before + 1


def test_a_part_for_files_without_a_file_name_is_refused(contributor):
    assert_problem(contributor.post(IMAGES, files={"files": (None, "text")}), 400, "no file name")


# --- at once


def test_puts_of_other_bytes_at_one_path_store_one(collector):
    data = [picture() for _ in range(12)]
    before = collector.stored()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda one: put(collector.session("contributor"), "race.png", one), data))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    (winner,) = [one for one, answer in zip(data, answers) if answer.status_code == 201]
    digest = hashlib.sha256(winner).hexdigest()
    assert [s["sha256"] for s in samples(collector.session("viewer")) if s["filepath"] == "race.png"] == [digest]
    assert collector.stored()[1] == before[1] + 1


def test_puts_of_the_same_bytes_at_one_path_are_one_image_and_duplicates(collector):
    with ThreadPoolExecutor(8) as pool:
        for number in range(12):
            data = picture("PNG", (1600, 1200))  # which takes a while to check
            answers = list(pool.map(lambda _: put(collector.session("contributor"), f"same/{number}.jpg", data), range(8)))
            assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
            assert len({answer.json()["id"] for answer in answers}) == 1


def test_puts_of_the_same_bytes_at_many_paths_store_one(collector):
    data, before = picture(), collector.stored()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: put(collector.session("contributor"), f"same{n}.png", data), range(24)))
    assert sorted(answer.status_code for answer in answers) == [200] * 23 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (len(collector.objects()), collector.size()) == (len(before[0]) + 1, before[1] + 1)


# --- quotas


@pytest.fixture(scope="module")
def limited(tmp_path_factory, stores):
    """A server of small limits, with a dataset for each test."""
    limits = {"file_bytes": 40_000, "files_per_request": 3, "dataset_bytes": 50_000}
    collector = Collector(tmp_path_factory.mktemp("limited"), stores.environment(), config={"limits": limits})
    try:
        collector.start()
        for name in ("large", "several", "full", "crowd"):
            make_dataset(collector, name)
        yield collector
    finally:
        finish([collector])


def test_a_file_over_its_limit_is_refused(limited):
    contributor = limited.session("contributor")
    large, small = picture("BMP", (120, 120)), picture()
    assert 40_000 < len(large) < 50_000
    assert_problem(put(contributor, "large.bmp", large, "large"), 413)
    answer = post(contributor, ("large.bmp", large), ("small.png", small), dataset="large")
    assert (answer.status_code, ["error" in item for item in answer.json()["items"]]) == (200, [True, False])
    assert "40000 bytes" in answer.json()["items"][0]["error"]
    assert limited.size("large") == 1
    limited.assert_nothing_left()


def test_a_request_over_its_number_of_files_keeps_those_within(limited):
    answer = post(limited.session("contributor"), *((f"{number}.png", picture()) for number in range(5)), dataset="several")
    items = answer.json()["items"]
    assert (answer.status_code, ["error" in item for item in items]) == (200, [False] * 3 + [True] * 2)
    assert "3 files" in items[3]["error"] and limited.size("several") == 3


def test_a_full_dataset_takes_no_more(limited):
    contributor, data = limited.session("contributor"), [picture("BMP", (70, 70)) for _ in range(3)]  # of 14,754 bytes
    assert [put(contributor, f"fits{number}.bmp", one, "full").status_code for number, one in enumerate(data)] == [201] * 3
    before = limited.stored()
    assert_problem(put(contributor, "over.bmp", picture("BMP", (70, 70)), "full"), 507, "quota")
    assert put(contributor, "again.bmp", data[0], "full").status_code == 200  # what is there is no more
    assert put(contributor, "small.png", picture(), "full").status_code == 201
    assert len(limited.stored()[0]) == len(before[0]) + 1


def test_a_full_dataset_stays_within_its_quota_under_concurrent_uploads(limited):
    data = [picture("BMP", (70, 70)) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(lambda one: put(limited.session("contributor"), f"{hash(one)}.bmp", one, "crowd").status_code, data))
    assert sorted(told) == [201] * 3 + [507] * 9
    assert limited.size("crowd") == 3


# --- who may


@pytest.mark.parametrize("role", ["viewer", "annotator"])
def test_uploading_needs_a_contributor(collector, role):
    before = collector.stored()
    assert_problem(put(collector.session(role), "no.png", picture()), 403, "contributor")
    assert_problem(post(collector.session(role), ("no.png", picture())), 403, "contributor")
    assert collector.stored() == before


def test_what_one_may_not_see_is_not_there(collector):
    guest = collector.session("guest")
    assert_problem(put(guest, "no.png", picture()), 404, "Database not found")
    assert_problem(post(guest, ("no.png", picture())), 404, "Database not found")
    assert put(guest, "yes.png", picture(), dataset="secret").status_code == 201
    assert collector.session().put(f"{IMAGES}/no.png", data=picture()).status_code == 401


def test_a_private_image_is_served_to_who_may_see_it(collector):
    data = picture()
    told = put(collector.session("guest"), "mine.png", data, dataset="secret").json()
    path = f"/v1/datasets/secret/samples/{told['id']}/image"
    assert collector.session("viewer").get(path).content == data
    assert collector.session().get(path).status_code == 401
    collector.add_user("stranger", role="viewer", datasets=[DEFAULT])
    assert collector.reload().returncode == 0
    stranger = collector.session("stranger")
    assert stranger.get(path).status_code == 404
    if BLOB == "fs":
        assert stranger.get(told["image_url"]).status_code == 404
        assert collector.session().get(told["image_url"]).status_code == 401
