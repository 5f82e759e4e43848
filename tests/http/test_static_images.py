"""GET /images/{dataset}/{filepath}: files below base_dir straight from nginx, for users who may see the dataset."""
import base64
import json
import os
import time
import urllib.parse

import pytest
from harness import draw, files, send_raw, until

ODD_NAMES = [
    "plain.png",
    "with space.png",
    "100%.png",
    "100%25.png",
    "hash#question?.png",
    "quotes\"and'.png",
    "back\\slash.png",
    "ünïcödé/画像.png",
    "new\nline.png",
    "plus+amp&semi;.png",
    "a..b.png",
    "UPPER.JPG",
    "sub/folder/deep.png",
    "a.gif",
    "a.bmp",
    "a.webp",
    "a.tif",
]
DOTTED_NAMES = ["./dotted.png", "sub/../up.png", "sub/./folder/../deeper.png", "over//double.png", ".../three.png"]
TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp", "webp": "image/webp", "tif": "image/tiff"}


def address(dataset, filepath):
    return "/images/" + urllib.parse.quote(dataset, safe="") + "/" + urllib.parse.quote(filepath)


@pytest.fixture(scope="module")
def images(make_shared_server):
    """A server whose dataset demo has oddly named images; ann may see all, only_other only the dataset other."""
    server = make_shared_server()
    server.add_user("ann")
    server.add_user("only_other", role="annotator", datasets=["other"])
    base = server.add_dataset("demo", samples=ODD_NAMES)
    for number, name in enumerate(ODD_NAMES):
        draw(base / name, (number, 0, 0))
    (base / "notes.txt").write_text("not an image")
    draw(base / ".hidden.png")
    draw(base / ".git" / "image.png")
    draw(server.folder / "outside.png")
    os.symlink(server.folder / "outside.png", base / "link_out.png")
    os.symlink(base / "sub", base / "link_folder")
    server.base = base
    server.add_dataset("other")
    server.add_dataset("name with space & 100%")
    for name in ("shared", "shared, too"):  # none of them lies apart: the program serves them, by sample
        shared = server.add_dataset(name, samples=ODD_NAMES + DOTTED_NAMES, base_dir=server.images / "shared")
    for number, name in enumerate(ODD_NAMES + DOTTED_NAMES):
        draw(shared / name, (number, 1, 0))
    return server.start()


@pytest.fixture
def ann(images):
    return images.session("ann")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_file_is_served_whatever_its_name(images, ann, name):
    answer = ann.get(address("demo", name))
    assert answer.status_code == 200, answer.text
    assert answer.content == (images.base / name).read_bytes()
    assert answer.headers["Content-Type"] == TYPES[name.rsplit(".", 1)[1].lower()]


def test_dataset_name_may_be_odd_too(ann):
    assert ann.get(address("name with space & 100%", "image0.png")).status_code == 200


def test_image_is_private_and_revalidated(ann):
    # While a file is of this very second it has a version for this answer alone.
    first = until(lambda: (answer := ann.get(address("demo", "plain.png"))) and "Last-Modified" in answer.headers and answer, "a version")
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["ETag"] and first.headers["Last-Modified"] and first.headers["Accept-Ranges"] == "bytes"
    again = ann.get(address("demo", "plain.png"), headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_changed_file_is_seen_at_once(images, ann):
    name = "changing.png"
    draw(images.base / name, "red")
    first = ann.get(address("demo", name))
    draw(images.base / "new.tmp.png", "blue", (64, 64)).replace(images.base / name)
    second = ann.get(address("demo", name), headers={"If-None-Match": first.headers["ETag"]})
    assert second.status_code == 200 and second.content != first.content


@pytest.mark.parametrize("zone", ["UTC0", "IST-5:30"])
def test_a_file_that_is_replaced_within_a_second_by_one_of_its_size_is_seen(make_server, zone):
    server = make_server(env={"TZ": zone})
    server.add_user("ann")
    server.add_dataset("demo", samples=["a.bmp"])
    ann, file = server.start().session("ann"), server.images / "demo" / "a.bmp"
    for path in ("/images/demo/a.bmp", "/v1/datasets/demo/samples/0/image"):
        headers = {}
        for color in ("red", "green", "blue", "yellow", "black", "white") * 3:
            draw(file.with_name("new.bmp"), color).replace(file)
            answer = ann.get(path, headers=headers)
            assert (answer.status_code, answer.content) == (200, file.read_bytes()), path
            told = {"If-None-Match": answer.headers["ETag"], "If-Modified-Since": answer.headers.get("Last-Modified")}
            headers = {name: value for name, value in told.items() if value}


def test_a_second_that_has_only_just_passed_counts_too(images, ann):
    """The kernel's stamp of a file may be of the second before, by a tick of its clock."""
    file = images.base / "stamped.png"
    draw(file)

    def is_doubted():
        time.sleep(1 - time.time() % 1)
        second = int(time.time()) - 1
        os.utime(file, (second, second))
        return "Last-Modified" not in ann.get(address("demo", "stamped.png")).headers

    until(is_doubted, "an answer within 20 ms of a second")


def test_range_gives_a_part(images, ann):
    answer = ann.get(address("demo", "plain.png"), headers={"Range": "bytes=1-3"})
    assert (answer.status_code, answer.content) == (206, b"PNG")
    assert answer.headers["Content-Range"].startswith("bytes 1-3/")


def test_head_tells_the_size(images, ann):
    answer = ann.head(address("demo", "plain.png"))
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == (images.base / "plain.png").stat().st_size


@pytest.mark.parametrize(
    "name", ["missing.png", "notes.txt", ".hidden.png", ".git/image.png", "link_out.png", "sub", "sub/", "plain.png/", "plain.png/x.png"]
)
def test_what_is_no_image_of_the_dataset_is_404(ann, name):
    answer = ann.get(address("demo", name))
    assert (answer.status_code, answer.json()) == (404, {"message": "Image file not found"})
    assert "Cache-Control" not in answer.headers or "max-age" not in answer.headers["Cache-Control"]


def raw_get(server, path, user="ann"):
    auth = {"ann": b"YW5uOnNlY3JldA=="}[user]
    return send_raw(server.port, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + auth + b"\r\n\r\n")


@pytest.mark.parametrize(
    "path",
    [
        b"/images/demo/../demo/plain.png",
        b"/images/other/../demo/plain.png",
        b"/images/demo/%2e%2e/demo/plain.png",
        b"/images/demo/sub/%2E./plain.png",
        b"/images/demo/./plain.png",
        b"/images/demo%2f..%2fdemo/plain.png",
        b"/images/../images/demo/plain.png",
        b"/images//plain.png",
        b"/images/demo//plain.png",
        b"/images/./plain.png",
        b"/images/demo%2fplain.png",
        b"/images/demo/..%2f..%2foutside.png",
        b"/images/demo/%2fetc/hostname.png",
    ],
)
def test_odd_paths_never_lead_elsewhere(images, path):
    status, _, body = raw_get(images, path)
    assert status in (400, 404), body
    assert b"message" in body


def test_dot_segments_do_not_borrow_another_datasets_permission(images):
    restricted = images.session("only_other")
    assert restricted.get(address("other", "image0.png")).status_code == 200
    auth = restricted.auth
    token = base64.b64encode(f"{auth[0]}:{auth[1]}".encode())
    for path in (b"/images/other/../demo/plain.png", b"/images/other%2f..%2fdemo/plain.png", b"/images/other/%2e%2e/demo/plain.png"):
        status, _, body = send_raw(images.port, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + token + b"\r\n\r\n")
        assert status == 404, body


def test_image_of_a_dataset_that_the_user_may_not_see_is_404(images):
    answer = images.session("only_other").get(address("demo", "plain.png"))
    assert (answer.status_code, answer.json()) == (404, {"message": "Image file not found"})
    assert images.session("only_other").get(address("nothing", "plain.png")).json() == answer.json()


def test_permission_of_one_user_is_not_anothers(images, ann):
    for _ in range(3):  # the answer of `access` is kept for two seconds
        assert ann.get(address("demo", "plain.png")).status_code == 200
        assert images.session("only_other").get(address("demo", "plain.png")).status_code == 404


def test_permission_taken_away_is_gone_within_two_seconds(make_server):
    server = make_server()
    server.add_user("ann", role="annotator", datasets=["demo"])
    server.add_user("bob")
    server.add_dataset("demo")
    server.add_dataset("other")
    ann = server.start().session("ann")
    assert ann.get("/images/demo/image0.png").status_code == 200
    server.add_user("ann", role="annotator", datasets=["other"])
    assert server.reload().returncode == 0
    until(lambda: ann.get("/images/demo/image0.png").status_code == 404, "the image is refused")


def test_password_is_not_kept_in_the_cache(images, ann):
    assert ann.get(address("demo", "plain.png")).status_code == 200
    kept = [file.read_bytes() for file in files(images.state / "cache")]
    assert kept and not any(b"YW5uOnNlY3JldA" in content or b"secret" in content for content in kept)


def test_symlink_into_image_roots_is_served(make_server, tmp_path):
    server = make_server(config={"image_roots": [str(tmp_path / "elsewhere")]})
    server.add_user("ann")
    base = server.add_dataset("demo", samples=["linked.png", "forbidden.png"])
    draw(tmp_path / "elsewhere" / "real.png", "green")
    draw(tmp_path / "outside.png")
    os.symlink(tmp_path / "elsewhere" / "real.png", base / "linked.png")
    os.symlink(tmp_path / "outside.png", base / "forbidden.png")
    ann = server.start().session("ann")
    answer = ann.get("/images/demo/linked.png")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert answer.content == (tmp_path / "elsewhere" / "real.png").read_bytes()
    assert ann.get("/images/demo/forbidden.png").status_code == 404


def test_obtain_of_a_file_hands_over_the_same_bytes(images, ann):
    for number, name in enumerate(ODD_NAMES):
        answer = ann.post("/obtain", json={"dataset_name": "demo", "id": number})
        assert (answer.status_code, answer.content) == (200, (images.base / name).read_bytes()), name
        assert json.loads(answer.headers["X-Response-Json"])["filepath"] == name
        assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("dataset, names", [("demo", ODD_NAMES), ("shared", ODD_NAMES + DOTTED_NAMES)])
def test_image_address_of_json_answers_leads_to_the_image(images, ann, dataset, names):
    for number, name in enumerate(names):
        answer = ann.post("/obtain", json={"dataset_name": dataset, "id": number}, headers={"Accept": "application/json"})
        shown = ann.get(answer.json()["image_url"])
        if name.endswith(".tif"):  # browsers show none
            assert shown.headers["Content-Type"] == "image/jpeg"
        else:
            assert shown.content == (images.base.parent / dataset / name).read_bytes(), name
