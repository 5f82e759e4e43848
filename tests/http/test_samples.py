"""/v1/datasets/{d}/samples: pages of them, one, its image, thumbnail and history."""
import io
import json

import pytest
from collecting import DEFAULT, assert_problem, picture, samples
from harness import draw
from PIL import Image

SAMPLES = f"/v1/datasets/{DEFAULT}/samples"
FIELDS = {
    "id", "filepath", "label", "state", "version", "sha256", "bytes", "type", "width", "height", "image_url", "thumb_url",
    "uploaded_at", "uploaded_by", "labelled_at", "labelled_by",
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


def thumb(session, sample, **query):
    return session.get(f"{SAMPLES}/{sample['id']}/thumb", params=query)


def opened(answer):
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


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
    unknown = ("sha256", "bytes", "type", "width", "height", "uploaded_at", "uploaded_by", "labelled_at", "labelled_by")
    assert [sample[field] for field in unknown] == [None] * len(unknown)
    assert sample["image_url"] == "/images/seeded/0.png"
    assert sample["thumb_url"] == "/v1/datasets/seeded/samples/0/thumb?size=256"
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


# --- thumbnails


@pytest.mark.parametrize("size, expected", [(None, (256, 128)), (64, (64, 32)), (500, (500, 250)), (1, (1, 1))])
def test_a_thumbnail_fits_its_size(contributor, size, expected):
    sample = put(contributor, f"large{size}.jpg", picture("JPEG", (1000, 500)))
    answer = thumb(contributor, sample, **({"size": size} if size else {}))
    assert opened(answer).size == expected
    assert answer.headers["Content-Type"] in ("image/jpeg", "image/webp")


def test_a_small_image_is_not_enlarged(contributor):
    assert opened(thumb(contributor, put(contributor, "small.png", picture(size=(40, 20))), size=256)).size == (40, 20)


def test_a_thumbnail_is_made_once_and_then_served_by_nginx_alone(collector, contributor):
    clear = io.BytesIO()
    Image.new("RGBA", (400, 400), (9, 99, 199, 50)).save(clear, "PNG")
    for name, data, kind in (("once.png", picture(size=(400, 400)), "jpeg"), ("glass.png", clear.getvalue(), "webp")):
        sample = put(contributor, name, data)
        first = thumb(contributor, sample, size=100)
        assert first.headers["Content-Type"] == f"image/{kind}"
        before = (collector.state / "cache" / "thumbs" / DEFAULT).stat().st_mtime_ns
        kept = list((collector.state / "cache" / "thumbs" / DEFAULT).glob(f"{sample['id']}-100.*"))
        assert len(kept) == 1 and kept[0].read_bytes() == first.content
        kept[0].write_bytes(b"as it is kept")  # which no program reads
        second = thumb(contributor, sample, size=100)
        assert second.content == b"as it is kept" and second.headers["Content-Type"] == first.headers["Content-Type"]
        assert (collector.state / "cache" / "thumbs" / DEFAULT).stat().st_mtime_ns == before
        assert "private" in second.headers["Cache-Control"]


def test_a_thumbnail_that_cannot_be_made_is_a_problem_told_in_json(collector, contributor):
    sample = put(contributor, "stopped.png", picture())
    (pid,) = collector.processes("samples")
    socket = collector.state / "sock" / "samples.sock"
    socket.rename(socket.with_suffix(".away"))
    try:
        assert_problem(thumb(contributor, sample), 502, "not answering")
    finally:
        socket.with_suffix(".away").rename(socket)
    assert collector.processes("samples") == [pid]
    assert thumb(contributor, sample).status_code == 200
    assert_problem(contributor.get(f"{SAMPLES}/{sample['id']}/thumb?size=big"), 400)
    assert_problem(contributor.get(f"{SAMPLES}/99999/thumb"), 404)


def test_a_kept_thumbnail_is_for_those_who_may_see_the_dataset(collector, contributor):
    sample = put(contributor, "kept.png", picture(size=(400, 400)))
    assert thumb(contributor, sample).status_code == 200
    assert thumb(collector.session("guest"), sample).status_code == 404
    assert thumb(collector.session(), sample).status_code == 401


def test_a_thumbnail_stands_upright_as_exif_says(contributor):
    image, exif = Image.new("RGB", (400, 200), "blue"), Image.Exif()
    image.paste("red", (0, 0, 200, 200))  # the left half; turned by a quarter it is the upper one
    exif[0x0112] = 6
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, quality=95)
    made = opened(thumb(contributor, put(contributor, "turned.jpg", out.getvalue()), size=100)).convert("RGB")
    assert made.size == (50, 100)
    assert made.getpixel((25, 20))[0] > 150 > made.getpixel((25, 20))[2]
    assert made.getpixel((25, 80))[2] > 150 > made.getpixel((25, 80))[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_of_exif_is_set_right(contributor, orientation):
    """As the standard tells them: the image's upper left quarter is red, its other ones are blue, when it is looked at."""
    upright = Image.new("RGB", (400, 200), "blue")
    upright.paste("red", (0, 0, 200, 100))
    turns = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180], 4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }  # fmt: skip
    stored, exif, out = upright, Image.Exif(), io.BytesIO()
    for turn in turns.get(orientation, []):
        stored = stored.transpose(turn)
    exif[0x0112] = orientation
    stored.save(out, "JPEG", exif=exif, quality=95)
    made = opened(thumb(contributor, put(contributor, f"turned{orientation}.jpg", out.getvalue()), size=100)).convert("RGB")
    assert made.size == (100, 50)
    corners = [made.getpixel(at)[0] > 150 for at in ((20, 10), (80, 10), (20, 40), (80, 40))]
    assert corners == [True, False, False, False]


def test_a_thumbnail_that_the_browser_has_is_not_sent_again(contributor):
    sample = put(contributor, "etag.png", picture(size=(400, 400)))
    thumb(contributor, sample)
    answer = thumb(contributor, sample)
    again = contributor.get(f"{SAMPLES}/{sample['id']}/thumb", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_thumbnail_has_no_metadata_and_the_original_keeps_its_own(collector, contributor):
    exif = Image.Exif()
    exif[0x010E] = "where I live"  # ImageDescription
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    image = Image.new("RGB", (300, 300), "green")
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    sample = put(contributor, "gps.jpg", out.getvalue())
    assert b"where I live" in contributor.get(f"{SAMPLES}/{sample['id']}/image").content
    made = thumb(contributor, sample)
    assert b"where I live" not in made.content and b"Exif" not in made.content
    assert not opened(made).getexif()


def test_a_transparent_image_stays_so(contributor):
    out = io.BytesIO()
    Image.new("RGBA", (300, 300), (255, 0, 0, 0)).save(out, "PNG")
    made = opened(thumb(contributor, put(contributor, "clear.png", out.getvalue())))
    assert made.convert("RGBA").getpixel((10, 10))[3] == 0


@pytest.mark.parametrize("size", ["0", "-1", "x", "100000", "9" * 20, "1.5", "../../x"])
def test_a_size_that_cannot_be_is_refused(contributor, size):
    assert_problem(thumb(contributor, {"id": 0}, size=size), 400, "size")


def test_a_seeded_image_has_a_thumbnail_too(viewer):
    answer = viewer.get(viewer.get("/v1/datasets/seeded/samples/5").json()["thumb_url"])
    assert opened(answer).size == (256, 192)


# --- history


def test_history_tells_each_label_oldest_first(collector, contributor):
    sample = put(contributor, "told.png", picture(), label="accordion")
    wanted = {"dataset_name": DEFAULT, "base_dir": "", "filepath": "told.png", "label": "airplanes"}
    assert collector.session("annotator").post("/classify", json=wanted).json() == {"response": True}
    answer = collector.session("viewer").get(f"{SAMPLES}/{sample['id']}/history")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    first, second = answer.json()["items"]
    assert set(first) == {"label", "by", "at", "source", "lead_time_ms"}
    assert (first["label"], first["by"], first["source"]) == ("accordion", "contributor", "upload")
    assert (second["label"], second["by"], second["source"]) == ("airplanes", "annotator", "classify")
    assert first["at"] <= second["at"]
    now = collector.session("viewer").get(f"{SAMPLES}/{sample['id']}").json()
    assert (now["label"], now["labelled_by"], now["version"]) == ("airplanes", "annotator", sample["version"] + 1)


def test_an_unlabelled_sample_has_no_history(viewer):
    assert viewer.get("/v1/datasets/seeded/samples/2/history").json()["items"] == []


def test_uploads_of_one_dataset_are_not_in_another(collector, contributor):
    data = picture()
    put(contributor, "mine.png", data)
    digests = json.dumps([sample["sha256"] for sample in samples(collector.session("admin"), "secret")])
    assert "mine.png" not in digests and digests == "[]"
