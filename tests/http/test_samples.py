"""/v1/datasets/{d}/samples: pages of samples, a single one, its image, thumbnail and history."""
import json

import pytest
from collecting import DEFAULT, assert_problem, picture, samples
from harness import draw

SAMPLES = f"/v1/datasets/{DEFAULT}/samples"
FIELDS = {
    "id", "filepath", "label", "state", "version", "flag", "flagged_by", "sha256", "bytes", "type", "width", "height",
    "image_url", "thumb_url", "uploaded_at", "uploaded_by", "labelled_at", "labelled_by",
}  # fmt: skip


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    from collecting import Collector
    from conftest import finish

    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    collector.add_dataset("seeded", samples=[(f"{number}.png", "cat" if number == 1 else "") for number in range(25)])
    for number in range(25):
        draw(collector.images / "seeded" / f"{number}.png", (number, 0, 0), (640, 480))
    try:
        yield collector.start()
    finally:
        finish([collector])


@pytest.fixture
def viewer(collector):
    return collector.session("viewer")


def put(session, filepath, data, **query):
    answer = session.put(f"/v1/datasets/{DEFAULT}/images/{filepath}", data=data, params=query)
    assert answer.status_code == 201, answer.text
    return answer.json()


# --- reading


def test_samples_come_in_order_page_by_page(viewer):
    found, query, pages = [], {"limit": 10}, 0
    while True:
        page = viewer.get("/v1/datasets/seeded/samples", params=query).json()
        pages += 1
        found += page["items"]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert pages == 3
    assert [sample["id"] for sample in found] == list(range(25))
    assert [sample["filepath"] for sample in found] == [f"{number}.png" for number in range(25)]


def test_a_last_page_that_is_full_ends_the_list(viewer):
    query = {"limit": 25}
    page = viewer.get("/v1/datasets/seeded/samples", params=query).json()
    if page["next"] is not None:  # it may lead to an empty page
        page = viewer.get("/v1/datasets/seeded/samples", params={**query, "after": page["next"]}).json()
        assert page == {"items": [], "next": None}


def test_a_seeded_sample_has_every_field_and_null_for_what_is_not_known(viewer):
    answer = viewer.get("/v1/datasets/seeded/samples/0")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    sample = answer.json()
    assert set(sample) == FIELDS
    assert (sample["id"], sample["filepath"], sample["label"], sample["state"], sample["version"]) == (0, "0.png", "", "unlabelled", 0)
    unknown = ("flag", "flagged_by", "sha256", "bytes", "type", "width", "height", "uploaded_at", "uploaded_by", "labelled_at", "labelled_by")
    assert [sample[field] for field in unknown] == [None] * len(unknown)
    assert sample["image_url"] == "/images/seeded/0.png"
    assert sample["thumb_url"].startswith("/v1/datasets/seeded/samples/0/thumb?size=256&v=")
    assert viewer.get(sample["image_url"]).status_code == 200


def test_a_seeded_label_is_nobodys(viewer):
    sample = viewer.get("/v1/datasets/seeded/samples/1").json()
    assert (sample["label"], sample["state"], sample["labelled_by"]) == ("cat", "labelled", None)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"limit": "many"}, {"after": "x"}, {"after": -5}])
def test_a_page_that_cannot_be_is_refused(viewer, query):
    assert_problem(viewer.get(SAMPLES, params=query), 400, next(iter(query)))


@pytest.mark.parametrize("identity", ["25", "-1", "x", "0x1", "9" * 30, "9223372036854775807", "1.0"])
@pytest.mark.parametrize("rest", ["", "/image", "/thumb", "/history"])
def test_a_sample_that_is_not_there_is_404(viewer, identity, rest):
    assert_problem(viewer.get(f"/v1/datasets/seeded/samples/{identity}{rest}"), 404)


def test_what_one_may_not_see_is_not_there(collector):
    guest = collector.session("guest")
    for path in ("", "/0", "/0/image", "/0/thumb", "/0/history"):
        assert_problem(guest.get("/v1/datasets/seeded/samples" + path), 404)
        assert collector.session().get("/v1/datasets/seeded/samples" + path).status_code == 401


# --- images


def test_a_seeded_image_is_served_whole_by_nginx(collector, viewer):
    answer = viewer.get("/v1/datasets/seeded/samples/3/image")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert answer.content == (collector.images / "seeded" / "3.png").read_bytes()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_image_that_is_gone_is_404(collector, viewer):
    (collector.images / "seeded" / "24.png").unlink()
    assert_problem(viewer.get("/v1/datasets/seeded/samples/24/image"), 404, "Image file not found")
    assert_problem(viewer.get("/v1/datasets/seeded/samples/24/thumb"), 404, "Image file not found")


# --- history


def test_history_tells_each_label_oldest_first(collector, contributor):
    sample = put(contributor, "told.png", picture(), label="accordion")
    wanted = {"dataset_name": DEFAULT, "base_dir": "", "filepath": "told.png", "label": "airplanes"}
    assert collector.session("annotator").post("/classify", json=wanted).json() == {"response": True}
    answer = collector.session("viewer").get(f"{SAMPLES}/{sample['id']}/history")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    first, second = answer.json()["items"]
    assert set(first) == {"label", "by", "at", "source", "lead_time_ms", "taken_back"}
    assert (first["label"], first["by"], first["source"]) == ("accordion", "contributor", "upload")
    assert (second["label"], second["by"], second["source"]) == ("airplanes", "annotator", "classify")
    assert first["at"] <= second["at"]
    now = collector.session("viewer").get(f"{SAMPLES}/{sample['id']}").json()
    assert (now["label"], now["labelled_by"], now["version"]) == ("airplanes", "annotator", sample["version"] + 1)
    assert answer.json()["votes"] == [{"by": "annotator", "label": "airplanes", "at": second["at"]}]
    contributor.post(f"{SAMPLES}/{sample['id']}/undo")
    after = contributor.get(f"{SAMPLES}/{sample['id']}/history").json()
    assert [(event["source"], event["taken_back"]) for event in after["items"]] == [("upload", False), ("classify", True), ("undo", False)]
    assert after["votes"] == []


def test_an_unlabelled_sample_has_no_history(viewer):
    assert viewer.get("/v1/datasets/seeded/samples/2/history").json()["items"] == []


def test_uploads_of_one_dataset_are_not_in_another(collector, contributor):
    data = picture()
    put(contributor, "mine.png", data)
    digests = json.dumps([sample["sha256"] for sample in samples(collector.session("admin"), "secret")])
    assert "mine.png" not in digests and digests == "[]"


# --- any part of a long list


def chosen(session, ids, dataset="seeded"):
    return session.get(f"/v1/datasets/{dataset}/samples", params={"ids": ids})


def test_samples_are_read_by_their_ids_those_that_are_not_there_left_out(viewer):
    page = chosen(viewer, "7,3,99,3").json()
    assert ([sample["id"] for sample in page["items"]], page["next"]) == ([7, 3, 3], None)
    assert page["items"][1] == viewer.get("/v1/datasets/seeded/samples/3").json()


@pytest.mark.parametrize("ids", ["", "x", "1,", ",1", "1 2", "-1", "1.5", "9" * 30, ",".join(["1"] * 501)])
def test_ids_that_cannot_be_are_refused(viewer, ids):
    assert_problem(chosen(viewer, ids), 400, "ids")


def test_ids_go_with_no_other_parameter(viewer):
    assert_problem(viewer.get("/v1/datasets/seeded/samples?ids=1&state=labelled"), 400, "ids")
    assert len(chosen(viewer, ",".join(["1"] * 500)).json()["items"]) == 500


@pytest.mark.parametrize("query", [{}, {"state": "unlabelled"}, {"label": "cat"}, {"q": "2", "flagged": "false"}])
@pytest.mark.parametrize("limit", [3, 25, 10000])
def test_the_ids_alone_are_those_of_the_list(viewer, query, limit):
    found, after = [], {}
    while True:
        page = viewer.get("/v1/datasets/seeded/samples/ids", params={**query, "limit": limit, **after}).json()
        found += page["ids"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == [sample["id"] for sample in samples(viewer, "seeded", **query)]


def test_a_long_list_of_ids_is_read_in_pages(collector):
    collector.add_dataset("long", samples=[(f"{number}.png", "") for number in range(2500)])
    collector.reload()
    viewer = collector.session("viewer")
    first = viewer.get("/v1/datasets/long/samples/ids", params={"limit": 2100}).json()
    assert first["ids"] == list(range(2100))
    assert viewer.get("/v1/datasets/long/samples/ids", params={"limit": 2100, "after": first["next"]}).json() == {"ids": list(range(2100, 2500)), "next": None}


def test_a_page_of_ids_that_cannot_be_is_refused(viewer):
    for query in ({"limit": 10001}, {"after": "x"}, {"state": "done"}, {"ids": "1"}):
        assert_problem(viewer.get("/v1/datasets/seeded/samples/ids", params=query), 400, next(iter(query)))
    other = viewer.get("/v1/datasets/seeded/samples", params={"limit": 5}).json()["next"]
    assert_problem(viewer.get("/v1/datasets/seeded/samples/ids", params={"after": other}), 400, "after")
