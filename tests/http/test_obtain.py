"""POST /obtain: an image by its id, or the next one, with its dataset's labels in the header X-Response-Json."""
import base64
import json
import os

import pytest
from harness import draw, send_raw

ODD_NAMES = [
    "with space.png",
    "100%.png",
    "%2e%2e.png",
    "#1.png",
    "what?.png",
    "a&b=c;d.png",
    'double"quote.png',
    "single'quote.png",
    "back\\slash.png",
    "new\nline.png",
    "tab\tand\x01.png",
    "ñ 猫 🐈.png",
    "n\u0303.png",  # the same letter as ñ for a person, not for a disk
    "+plus+.png",
    "deep/er/and deeper/cat.png",
    ".hidden.png",
    ".hidden/cat.png",
    "no-extension",
    "cat.PNG",
    "cat.png.txt",
    "$uri.png",
    "~tilde.png",
    "l" * 250 + ".png",
]
KINDS = {"cat.png": "image/png", "cat.jpg": "image/jpeg", "cat.webp": "image/webp", "cat.gif": "image/gif",
         "cat.bmp": "image/bmp", "cat.tif": "image/tiff", "png-inside.jpg": "image/png"}
MANY_LABELS = [f'label {number}: ñ "猫"' for number in range(1000)]


def lay_traps(base, beyond):
    """Makes a folder whose links lead out of it, into another."""
    draw(base / "inside.png")
    draw(base / "sub" / "inside.png")
    draw(beyond / "secret.png", "black")
    os.symlink(beyond / "secret.png", base / "link.png")
    os.symlink("../beyond/secret.png", base / "relative-link.png")
    os.symlink(beyond, base / "folder-link")
    os.symlink(f"/proc/self/root{beyond}/secret.png", base / "magic-link.png")
    os.symlink("loop.png", base / "loop.png")
    os.symlink("sub/../inside.png", base / "inner-link.png")


def inside(server):
    """What leads into that folder, by whatever way."""
    return ["inside.png", "sub/../inside.png", "inner-link.png", f"{server.images}/traps/inside.png"]


OUTSIDE = [
    "../beyond/secret.png",
    "sub/../../beyond/secret.png",
    "folder-link/secret.png",
    "link.png",
    "relative-link.png",
    "magic-link.png",
    "loop.png",
    "/etc/passwd",
    "//etc/passwd",
    "missing.png",
    "inside.png/",
    "inside.png/x",
    "sub",
    ".",
    "..",
    "/",
    "inside.png\x01",
    "x/" * 2000 + "inside.png",
]


@pytest.fixture(scope="module")
def server(make_shared_server, tmp_path_factory):
    shelf = tmp_path_factory.mktemp("shelf")
    server = make_shared_server(config={"image_roots": [str(shelf)]})
    for name in ("ann", "bob"):
        server.add_user(name)
    server.add_dataset("demo")
    server.add_dataset("empty", samples=[])

    base = server.add_dataset("odd names", samples=ODD_NAMES)
    for name in ODD_NAMES:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        draw(base / "drawn.png").rename(base / name)

    base = server.add_dataset("kinds", samples=list(KINDS))
    for name in KINDS:
        if name != "png-inside.jpg":
            draw(base / name)
    draw(base / "drawn.png").rename(base / "png-inside.jpg")

    base = server.add_dataset("traps", samples=[*inside(server), *OUTSIDE])
    lay_traps(base, server.images / "beyond")

    base = server.add_dataset("shelf", samples=["link.png", "folder/b.png", "elsewhere.png", "back.png"])
    draw(shelf / "a.png", "green")
    draw(shelf / "b.png", "blue")
    draw(server.images / "elsewhere.png")
    os.symlink(shelf / "a.png", base / "link.png")
    os.symlink(shelf, base / "folder")
    os.symlink(server.images / "elsewhere.png", base / "elsewhere.png")
    os.symlink(server.images / "elsewhere.png", shelf / "back.png")
    os.symlink(shelf / "back.png", base / "back.png")

    server.add_dataset("many labels", labels=MANY_LABELS, samples=1)
    return server.start()


def authorization(user, password="secret"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def image(server, dataset, filepath):
    return (server.images / dataset / filepath).read_bytes()


# --- by id


def test_an_image_by_its_id(server, ann):
    answer = ann.post("/obtain", json={"dataset_name": "demo", "id": 1})
    assert answer.status_code == 200
    assert answer.content == image(server, "demo", "image1.png")
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["Cache-Control"] == "no-cache"
    assert json.loads(answer.headers["X-Response-Json"]) == {
        "dataset_name": "demo",
        "base_dir": str(server.images / "demo"),
        "filepath": "image1.png",
        "labels": ["cat", "dog"],
    }


def test_ids_are_in_the_order_of_the_seed_and_do_not_change(ann):
    for _ in range(2):
        for number in range(3):
            answer = ann.post("/obtain", json={"dataset_name": "demo", "id": number})
            assert json.loads(answer.headers["X-Response-Json"])["filepath"] == f"image{number}.png"


@pytest.mark.parametrize("number", [3, 4, 10**6, 2**31, 2**53 - 1])
def test_an_id_beyond_the_end_is_no_sample(ann, number):
    answer = ann.post("/obtain", json={"dataset_name": "demo", "id": number})
    assert (answer.status_code, answer.json()) == (404, {"message": "Sample not found"})
    assert "X-Response-Json" not in answer.headers


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": -1}, {"id": -5}, {"id": -(2**53) + 1}])
def test_without_an_id_it_is_the_next_unlabelled(server, ann, body):
    answer = ann.post("/obtain", json={"dataset_name": "demo", **body})
    assert answer.status_code == 200
    assert json.loads(answer.headers["X-Response-Json"])["filepath"] == "image0.png"
    assert answer.content == image(server, "demo", "image0.png")


def test_a_labelled_image_is_still_obtained_by_its_id(ann):
    answer = ann.post("/obtain", json={"dataset_name": "kinds", "id": 0})
    told = json.loads(answer.headers["X-Response-Json"])
    done = ann.post("/classify", json={**{key: told[key] for key in ("dataset_name", "base_dir", "filepath")}, "label": "cat"})
    assert done.json() == {"response": True}
    again = ann.post("/obtain", json={"dataset_name": "kinds", "id": 0})
    assert (again.status_code, again.content) == (200, answer.content)


def test_an_unknown_dataset_is_not_found(ann):
    for body in ({}, {"id": 0}):
        answer = ann.post("/obtain", json={"dataset_name": "cats", **body})
        assert (answer.status_code, answer.json()) == (404, {"message": "Database not found"})


def test_an_empty_dataset_has_no_sample(ann):
    for body in ({}, {"id": 0}):
        answer = ann.post("/obtain", json={"dataset_name": "empty", **body})
        assert (answer.status_code, answer.json()) == (404, {"message": "Sample not found"})


def test_nobody_obtains_without_a_password(anyone):
    answer = anyone.post("/obtain", json={"dataset_name": "demo", "id": 0})
    assert (answer.status_code, answer.json()) == (401, {"message": "Authentication failed"})


def test_only_post_is_taken(ann):
    answer = ann.get("/obtain")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


# --- names and types


@pytest.mark.parametrize("number", range(len(ODD_NAMES)), ids=[repr(name[:20]) for name in ODD_NAMES])
def test_a_filepath_may_hold_anything(server, ann, number):
    answer = ann.post("/obtain", json={"dataset_name": "odd names", "id": number})
    assert answer.status_code == 200
    assert answer.headers["X-Response-Json"].isascii()
    told = json.loads(answer.headers["X-Response-Json"])
    assert (told["dataset_name"], told["filepath"]) == ("odd names", ODD_NAMES[number])
    assert answer.content == image(server, "odd names", ODD_NAMES[number])
    assert answer.headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("number", range(len(ODD_NAMES)), ids=[repr(name[:20]) for name in ODD_NAMES])
def test_its_address_serves_the_same_bytes(server, ann, number):
    told = ann.post("/obtain", json={"dataset_name": "odd names", "id": number}, headers={"Accept": "application/json"}).json()
    assert told["filepath"] == ODD_NAMES[number]
    answer = ann.get(told["image_url"])
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert answer.content == image(server, "odd names", ODD_NAMES[number])


@pytest.mark.parametrize("number", range(len(ODD_NAMES)), ids=[repr(name[:20]) for name in ODD_NAMES])
def test_what_was_told_is_what_classify_takes(ann, number):
    told = json.loads(ann.post("/obtain", json={"dataset_name": "odd names", "id": number}).headers["X-Response-Json"])
    told.pop("labels")
    assert ann.post("/classify", json={**told, "label": "dog"}).json() == {"response": True}


@pytest.mark.parametrize("number", range(len(KINDS)), ids=list(KINDS))
def test_the_type_is_that_of_the_content(ann, number):
    answer = ann.post("/obtain", json={"dataset_name": "kinds", "id": number})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, list(KINDS.values())[number])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_labels_may_fill_a_header_of_tens_of_kilobytes(ann):
    answer = ann.post("/obtain", json={"dataset_name": "many labels"})
    assert answer.status_code == 200
    header = answer.headers["X-Response-Json"]
    assert header.isascii() and 30_000 < len(header) < 65_000
    assert json.loads(header)["labels"] == MANY_LABELS


# --- as JSON


def test_asked_for_json_it_tells_the_same_and_more(server, ann):
    answer = ann.post("/obtain", json={"dataset_name": "demo", "id": 2}, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.json() == {
        "dataset_name": "demo",
        "base_dir": str(server.images / "demo"),
        "filepath": "image2.png",
        "labels": ["cat", "dog"],
        "id": 2,
        "image_url": "/images/demo/image2.png",
        "task": None,
    }


def test_the_next_one_as_json_has_a_task_that_can_be_labelled(ann):
    answer = ann.post("/obtain", json={"dataset_name": "many labels"}, headers={"Accept": "application/json"}).json()
    assert answer["id"] == 0
    assert set(answer["task"]) == {"token", "expires_at"}
    done = ann.post(f"/v1/datasets/many%20labels/tasks/{answer['task']['token']}/label", json={"label": MANY_LABELS[7]})
    assert (done.status_code, done.json()["label"]) == (200, MANY_LABELS[7])
    nothing = ann.post("/obtain", json={"dataset_name": "many labels"}, headers={"Accept": "application/json"})
    assert (nothing.status_code, nothing.json()) == (404, {"message": "Sample not found"})


@pytest.mark.parametrize("accept", ["*/*", "image/png", "image/*, application/json;q=0.5", ""])
def test_otherwise_it_gives_the_bytes(ann, accept):
    answer = ann.post("/obtain", json={"dataset_name": "demo", "id": 2}, headers={"Accept": accept})
    assert answer.headers["Content-Type"] == "image/png"


# --- what lies outside base_dir


@pytest.mark.parametrize("number", range(4))
def test_what_lies_inside_is_found(ann, number):
    assert ann.post("/obtain", json={"dataset_name": "traps", "id": number}).status_code == 200


@pytest.mark.parametrize("number", range(len(OUTSIDE)), ids=[repr(name[-24:]) for name in OUTSIDE])
def test_what_lies_outside_is_not_found(ann, number):
    for accept in ("*/*", "application/json"):
        answer = ann.post("/obtain", json={"dataset_name": "traps", "id": 4 + number}, headers={"Accept": accept})
        assert (answer.status_code, answer.json()) == (404, {"message": "Image file not found"})


@pytest.mark.parametrize(
    "address",
    ["../beyond/secret.png", "%2e%2e/beyond/secret.png", "..%2fbeyond%2fsecret.png", "sub/%2e%2e/%2e%2e/beyond/secret.png",
     "sub/../../beyond/secret.png", "link.png", "relative-link.png", "magic-link.png", "loop.png", "folder-link/secret.png",
     "/etc/passwd", "%2fetc%2fpasswd", "missing.png", "inside.png/", "sub", "sub/", "", "%00", "inside.png%00", "%ff.png"],
)
def test_nor_is_it_by_its_address(server, address):
    head = f"GET /images/traps/{address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization('ann')}\r\n\r\n"
    status, headers, body = send_raw(server.port, head.encode())  # as it is written: clients may send anything
    assert status in (400, 404)
    assert headers["content-type"] == "application/json"
    assert set(json.loads(body)) == {"message"}


def test_a_next_one_that_lies_outside_is_passed_over(server, ann):
    for filepath in inside(server):
        told = json.loads(ann.post("/obtain", json={"dataset_name": "traps"}).headers["X-Response-Json"])
        assert told["filepath"] == filepath
        told.pop("labels")
        assert ann.post("/classify", json={**told, "label": "cat"}).json() == {"response": True}
    nothing = ann.post("/obtain", json={"dataset_name": "traps"})
    assert (nothing.status_code, nothing.json()) == (404, {"message": "Sample not found"})
    counts = ann.get("/v1/datasets/traps").json()["counts"]
    assert (counts["unreadable"], counts["labelled"], counts["unlabelled"]) == (len(OUTSIDE), 4, 0)


def test_links_into_a_configured_folder_are_followed(server, ann):
    for number, color in enumerate(["green", "blue"]):
        answer = ann.post("/obtain", json={"dataset_name": "shelf", "id": number})
        assert answer.status_code == 200
        assert answer.content == draw(server.folder / "drawn.png", color).read_bytes()
    for address in ("link.png", "folder/b.png"):
        assert ann.get(f"/images/shelf/{address}").status_code == 200


def test_links_beyond_it_are_not(ann):
    for number in (2, 3):
        answer = ann.post("/obtain", json={"dataset_name": "shelf", "id": number})
        assert (answer.status_code, answer.json()) == (404, {"message": "Image file not found"})
    for address in ("elsewhere.png", "back.png"):
        assert ann.get(f"/images/shelf/{address}").status_code == 404
