"""Requests that no page or script of ours sends: odd methods, codings, lengths, names and queries, at every
address."""
import base64
import gzip
import json

import pytest
from collecting import DEFAULT, assert_problem, form, picture
from harness import draw, send_raw
from test_bad_input import NO_OBJECT, NOT_JSON

D = f"/v1/datasets/{DEFAULT}"
MIB = 1024 * 1024
pytestmark = pytest.mark.usefixtures("unharmed")

# --- methods

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "FOO"]
THERE = {  # the methods of addresses
    "/": "GET", "/ui": "GET", "/ui/": "GET", "/favicon.ico": "GET", "/size": "POST", "/obtain": "POST", "/classify": "POST",
    "/fetch": "GET", "/add_label/cat": "POST", "/single_upload/": "GET POST", "/bulk_upload": "GET POST", "/healthz": "GET",
    "/metrics": "GET", "/v1/me": "GET", "/v1/datasets": "GET POST", D: "GET PATCH DELETE", D + "/labels": "GET POST",
    D + "/images/a.png": "PUT", D + "/images": "POST", D + "/archive": "POST", D + "/uploads": "OPTIONS POST",
    D + "/uploads/x": "HEAD PATCH DELETE OPTIONS", D + "/samples": "GET", D + "/samples/0": "GET DELETE", D + "/samples/0/image": "GET",
    D + "/samples/0/thumb": "GET", D + "/tasks": "GET POST", D + "/tasks/x/label": "POST", f"/images/{DEFAULT}/a.png": "GET",
}  # fmt: skip


def test_an_address_that_is_too_long_is_a_problem_of_v1(admin):
    assert_problem(admin.get(f"/v1/datasets/{'x' * 20_000}"), 400, "longer than")


@pytest.mark.parametrize("address", THERE)
def test_a_method_that_is_not_there_is_405_and_tells_those_that_are(collector, admin, address):
    there = THERE[address].split()
    for method in METHODS:
        if method in there or (method == "HEAD" and "GET" in there):
            continue
        answer = admin.request(method, address, data=b"{}", headers={"Content-Type": "application/json"}, allow_redirects=False)
        assert answer.status_code == 405, (method, answer.status_code)
        assert set(there) <= set(answer.headers["Allow"].split(", ")), method
        if method != "HEAD":
            assert "json" in answer.headers["Content-Type"] and answer.json()["message"], method


# --- bodies that are told to be compressed


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "x", "\xff"])
def test_a_body_with_a_content_coding_is_refused_with_415(collector, contributor, nothing_stored, coding):
    headers = {"Content-Encoding": coding.encode("latin-1")}
    packed = gzip.compress(picture())
    answers = {
        "json": contributor.post(D + "/labels", data=gzip.compress(b'{"name": "x"}'), headers={**headers, "Content-Type": "application/json"}),
        "size": contributor.post("/size", data=json.dumps({"dataset_name": DEFAULT}), headers={**headers, "Content-Type": "application/json"}),
        "put": contributor.put(D + "/images/packed.png", data=packed, headers=headers),
        "form": contributor.post(D + "/images", files=form(("a.png", packed)), headers=headers),
        "single": contributor.post("/single_upload/", files=form(("a.png", packed), field="file"), headers=headers),
        "bulk": contributor.post("/bulk_upload", files=form(("a.png", packed)), headers=headers),
    }
    for way, answer in answers.items():
        assert answer.status_code == 415 and "Content-Encoding" in answer.json()["message"], (way, answer.status_code, answer.text)


def test_a_coding_that_changes_nothing_is_taken(contributor):
    answer = contributor.put(D + "/images/identity.png", data=picture(), headers={"Content-Encoding": "Identity"})
    assert answer.status_code == 201


def test_a_packed_archive_may_be_told_to_be_so(contributor):
    """Some clients take the ending .gz for a content coding."""
    answer = contributor.post(D + "/archive", data=gzip.compress(bytes(1024)), headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, json.loads(answer.text)["summary"]["failed"]) == (200, 0)


# --- JSON


JSON = {("POST", "/v1/datasets"): {"name": "odd"}, ("PATCH", D): {"policy": {"order": "sequential"}}, ("POST", D + "/labels"): {"name": "odd"}}


@pytest.fixture(params=JSON, ids=" ".join)
def send(request, admin):
    """Sends one of the bodies, or another to the same address."""
    method, address = request.param

    def send(body=None, kind="application/json"):
        return admin.request(method, address, data=json.dumps(JSON[request.param]).encode() if body is None else body, headers={"Content-Type": kind})

    send.right = json.dumps(JSON[request.param]).encode()
    send.key = next(iter(JSON[request.param]))
    return send


def test_a_body_that_is_no_json_object_is_refused(send):
    for what, body in {**NOT_JSON, **NO_OBJECT, "empty": b""}.items():
        answer = send(body)
        assert answer.status_code == 400 and answer.json()["message"], what
    for length in range(1, len(send.right)):
        assert_problem(send(send.right[:length]), 400)


def test_a_body_of_another_type_is_refused(send):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png", "\xff"):
        assert_problem(send(kind=kind.encode("latin-1")), 415, "application/json")


def test_a_body_of_one_mebibyte_is_taken_and_one_byte_more_is_not(send):
    assert send(send.right.ljust(MIB)).status_code < 300
    assert_problem(send(send.right.ljust(MIB + 1)), 413)
    assert_problem(send(iter([send.right, b" " * MIB])), 413)
    assert send(iter([send.right[:5], send.right[5:]])).status_code in (200, 201, 409)


def test_32_levels_are_taken_and_33_are_not(send):
    def deep(levels):
        return send.right[:-1] + b', "more": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

    taken = send(deep(32))
    assert taken.status_code in (200, 201, 409) or 'no field "more"' in taken.json()["message"], "read whole, be it that its name is refused"
    assert_problem(send(deep(33)), 400, "32")


def test_a_key_of_the_wrong_type_is_named(send):
    for wrong in (7, 1.5, True, [], ["a"], "" if send.key == "policy" else {}):
        assert_problem(send(json.dumps({send.key: wrong}).encode()), 400, f'"{send.key}"')


# --- chunked uploads


def test_every_upload_may_come_in_chunks_of_untold_length(contributor):
    def chunks(data):
        return (data[at : at + 11] for at in range(0, len(data), 11))

    assert contributor.put(D + "/images/chunked.png", data=chunks(picture())).status_code == 201
    assert_problem(contributor.put(D + "/images/none.png", data=iter([])), 400, "empty")
    for address, field in (("/single_upload/", "file"), ("/bulk_upload", "files"), (D + "/images", "files")):
        head = f'--B\r\nContent-Disposition: form-data; name="{field}"; filename="a.png"\r\n\r\n'.encode()
        headers = {"Content-Type": "multipart/form-data; boundary=B"}
        answer = contributor.post(address, data=chunks(head + picture() + b"\r\n--B--\r\n"), headers=headers)
        assert answer.status_code == 200, answer.text
        answer = contributor.post(address, data=chunks(head + picture()), headers=headers)
        assert answer.status_code == 400 and "final boundary" in answer.json()["message"]


def test_chunks_over_the_limit_are_413(contributor, nothing_stored):
    assert_problem(contributor.put(D + "/images/large.bmp", data=(b"BM" + bytes(MIB) for _ in range(65))), 413)


# --- names that would be a header, a path or another parameter


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1", "a\nb", "\0", "\x7f", "x" * 257, "", "ñ" * 129])
def test_a_label_that_would_be_a_header_is_refused(collector, contributor, admin, name):
    before = admin.get(D + "/labels").json()
    answers = [contributor.post(D + "/labels", json={"name": name}), admin.post("/v1/datasets", json={"name": "evil", "labels": [name]})]
    if name:
        answers.append(contributor.post("/add_label/" + "".join(f"%{byte:02x}" for byte in name.encode())))
    for answer in answers:
        assert answer.status_code == 400 and answer.json()["message"] and "X-Evil" not in answer.headers
    assert admin.get(D + "/labels").json() == before and admin.get("/v1/datasets/evil").status_code == 404


def test_whatever_may_be_a_name_is_ascii_in_the_header(make_collector):
    odd = ['quote"', "semi;colon", "ñ 猫", "\u2028", "\u0085", "<b>", "a: b", "\\", "%0d%0aX-Evil: 1", "\U0001f600"]
    collector = make_collector(labels=odd).start()
    contributor = collector.session("contributor")
    for name in odd:
        path = "".join(f"%{byte:02x}" for byte in name.encode())
        told = contributor.put(f"{D}/images/{path}.png?label={path}", data=picture())
        assert (told.status_code, told.json()["filepath"], told.json()["label"]) == (201, name + ".png", name)
        answer = contributor.post("/obtain", json={"dataset_name": DEFAULT, "id": told.json()["id"]})
        header = answer.headers["X-Response-Json"]
        assert answer.status_code == 200 and header.isascii() and header.isprintable() and "X-Evil" not in answer.headers
        assert (json.loads(header)["filepath"], json.loads(header)["labels"]) == (name + ".png", odd)


@pytest.mark.parametrize("name", ["x" * 129, "x" * 5000, "x" * 15_000, "x" * 17_000, "%ff", "%c3%28", "%00", "%", "%zz", "%2e%2e", "a%2fb", "%0d%0aX-Evil:%201"], ids=lambda name: name[:9] + str(len(name)))
def test_a_dataset_name_that_cannot_be_is_4xx_everywhere(collector, nothing_stored, name):
    d, credentials = f"/v1/datasets/{name}", base64.b64encode(b"admin:secret").decode()
    requests = [("GET", d), ("PATCH", d), ("DELETE", d), ("GET", d + "/labels"), ("POST", d + "/labels"), ("PUT", d + "/images/a.png"),
                ("POST", d + "/images"), ("POST", d + "/archive"), ("POST", d + "/uploads"), ("PATCH", d + "/uploads/x"), ("GET", d + "/samples"),
                ("GET", d + "/samples/0/thumb"), ("POST", d + "/tasks"), ("GET", f"/images/{name}/a.png"), ("GET", f"/fetch?dataset={name}"),
                ("POST", f"/single_upload/?dataset={name}"), ("POST", f"/bulk_upload?dataset={name}")]  # fmt: skip
    for method, target in requests:
        head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic {credentials}\r\n"
        status, headers, body = send_raw(collector.port, f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n".encode(), b"{}")
        assert 400 <= status < 500, (method, target[:50], status, body)
        assert json.loads(body)["message"] and "x-evil" not in headers


@pytest.mark.parametrize("query", ["label=%00", "label=%ff", "label=%", "label=%zz", "label=a&label=a", "dataset=%00", "%00=1", "%ff", "label=%ed%a0%80",
                                   "&".join(f"p{number}=1" for number in range(33))], ids=lambda query: query[:20])  # fmt: skip
def test_a_query_that_cannot_be_is_400_everywhere(collector, nothing_stored, query):
    credentials = base64.b64encode(b"admin:secret").decode()
    for method, path in [("POST", "/single_upload/"), ("POST", "/bulk_upload"), ("PUT", D + "/images/a.png"), ("POST", D + "/images"),
                         ("POST", D + "/archive"), ("POST", D + "/uploads"), ("GET", "/fetch"), ("POST", "/add_label/x"), ("GET", D + "/samples"),
                         ("GET", "/v1/datasets"), ("POST", "/size")]:  # fmt: skip
        head = f"{method} {path}?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic {credentials}\r\nContent-Length: 2\r\n\r\n"
        status, _, body = send_raw(collector.port, head.encode(), b"{}")
        assert status == 400 and json.loads(body)["message"], (method, path, status, body)


def test_an_image_of_a_folder_is_served_whatever_else_its_query_holds(server, ann):
    draw(server.images / "demo" / "image0.png")
    for query in ("?%00", "?%ff=%", "?a=1&a=2"):
        assert ann.get("/images/demo/image0.png" + query).status_code == 200
