"""Whatever a client sends gets a 4xx that says what is wrong; no program dies of it."""
import base64
import json
import random

import pytest
from harness import send_raw

MIB = 1024 * 1024
ENDPOINTS = ["/size", "/obtain", "/classify", "/v1/datasets/demo/tasks", "/v1/datasets/demo/tasks/TOKEN/label"]
RIGHT = {  # a whole body for each
    "/size": {"dataset_name": "demo"},
    "/obtain": {"dataset_name": "demo", "id": 0},
    "/classify": {"dataset_name": "demo", "base_dir": "/nowhere", "filepath": "image0.png", "label": "cat"},
    "/v1/datasets/demo/tasks": {"count": 1},
    "/v1/datasets/demo/tasks/TOKEN/label": {"label": "cat", "lead_time_ms": 5},
}
NOT_JSON = {
    "blank": b"  \r\n\t ",
    "a word": b"size",
    "a form": b"dataset_name=demo",
    "truncated": b'{"dataset_name": "de',
    "truncated after the value": b'{"dataset_name": "demo"',
    "no value": b'{"dataset_name":}',
    "no colon": b'{"dataset_name" "demo"}',
    "trailing comma": b'{"dataset_name": "demo",}',
    "single quotes": b"{'dataset_name': 'demo'}",
    "a comment": b'{"dataset_name": "demo" /* here */}',
    "a number's leading zero": b'{"dataset_name": "demo", "id": 01}',
    "not a number": b'{"dataset_name": "demo", "id": NaN}',
    "infinity": b'{"dataset_name": "demo", "id": Infinity}',
    "a tab in a string": b'{"dataset_name": "a\tb"}',
    "a line break in a string": b'{"dataset_name": "a\nb"}',
    "a bad escape": b'{"dataset_name": "\\x41"}',
    "half an escape": b'{"dataset_name": "\\u00"}',
    "trailing bytes": b'{"dataset_name": "demo"} x',
    "two objects": b'{"dataset_name": "demo"}{"dataset_name": "demo"}',
    "a trailing NUL": b'{"dataset_name": "demo"}\x00',
    "a NUL": b'{"dataset_name": "de\x00mo"}',
    "an escaped NUL": b'{"dataset_name": "demo\\u0000.db"}',
    "an escaped NUL in a key": b'{"dataset_name\\u0000": "demo"}',
    "a lone high surrogate": b'{"dataset_name": "\\ud83d"}',
    "a lone low surrogate": b'{"dataset_name": "\\ude00"}',
    "surrogates the wrong way round": b'{"dataset_name": "\\ude00\\ud83d"}',
    "a duplicate key": b'{"dataset_name": "demo", "dataset_name": "cats"}',
    "a duplicate key, escaped": b'{"dataset_name": "demo", "dataset\\u005fname": "cats"}',
    "a duplicate key deep inside": b'{"dataset_name": "demo", "more": [{"a": 1, "a": 2}]}',
    "invalid UTF-8": b'{"dataset_name": "\xff\xfe"}',
    "a cut UTF-8 character": b'{"dataset_name": "\xe7\x8c"}',
    "an overlong NUL": b'{"dataset_name": "\xc0\x80"}',
    "an encoded surrogate": b'{"dataset_name": "\xed\xa0\x80"}',
    "beyond Unicode": b'{"dataset_name": "\xf4\x90\x80\x80"}',
    "Latin-1": '{"dataset_name": "ñ"}'.encode("latin-1"),
    "UTF-16": '{"dataset_name": "demo"}'.encode("utf-16"),
    "33 levels deep": b'{"dataset_name": "demo", "a": ' + b"[" * 32 + b"]" * 32 + b"}",
    "100,000 levels deep": b"[" * 100_000,
    "200,000 values": b'{"dataset_name": "demo", "a": [' + b"1," * 200_000 + b"1]}",
    "20,000 keys": b"{" + b",".join(b'"%d":1' % number for number in range(20_000)) + b"}",
}
NO_OBJECT = {"null": b"null", "a number": b"7", "true": b"true", "a string": b'"demo"', "an array": b'[{"dataset_name": "demo"}]'}
WRONG_TYPES = [None, 7, 1.5, True, [], ["demo"], {}, {"a": "demo"}]


@pytest.fixture(scope="module", autouse=True)
def unharmed(server):
    """Every program is the same process after all of this as before."""
    def programs():
        return {name: server.processes(name) for name in ("size", "obtain", "classify", "tasks", "datasets", "access", "health")}

    before = programs()
    assert all(len(pids) == 1 for pids in before.values()), before
    yield
    assert programs() == before


def assert_refused(answer, statuses=(400,), says=""):
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    assert answer.headers["Content-Type"] in ("application/json", "application/problem+json")
    assert says in answer.json()["message"]


def post(session, endpoint, body):
    return session.post(endpoint, data=body, headers={"Content-Type": "application/json"})


def authorization(user="ann", password="secret"):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def raw(server, request, body=b""):
    """One request as it is written, with ann's password."""
    head = f"{request}\r\nHost: localhost\r\nAuthorization: Basic {authorization()}\r\nConnection: close\r\n"
    return send_raw(server.port, head.encode("latin-1") + b"\r\n", body)


# --- bodies


@pytest.mark.parametrize("endpoint", [endpoint for endpoint in ENDPOINTS if not endpoint.endswith("tasks")])
def test_an_empty_body_is_refused(ann, endpoint):
    assert_refused(post(ann, endpoint, b""))
    assert_refused(ann.post(endpoint))


@pytest.mark.parametrize("what", NOT_JSON)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_is_not_json_is_refused(ann, endpoint, what):
    assert_refused(post(ann, endpoint, NOT_JSON[what]))


@pytest.mark.parametrize("what", NO_OBJECT)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_what_is_no_object_is_refused(ann, endpoint, what):
    assert_refused(post(ann, endpoint, NO_OBJECT[what]), says="object")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_cut_of_a_right_body_is_refused(ann, endpoint):
    body = json.dumps(RIGHT[endpoint]).encode()
    for length in range(1, len(body)):
        assert_refused(post(ann, endpoint, body[:length]))


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_body_over_its_limit_is_too_large(ann, endpoint):
    body = json.dumps(RIGHT[endpoint]).encode()
    assert post(ann, endpoint, body + b" " * (MIB - len(body))).status_code != 413
    assert_refused(post(ann, endpoint, body + b" " * (MIB - len(body) + 1)), (413,))
    assert_refused(post(ann, endpoint, iter([body, b" " * MIB])), (413,))  # in chunks


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "x"])
def test_another_type_is_refused(ann, endpoint, kind):
    answer = ann.post(endpoint, data=json.dumps(RIGHT[endpoint]), headers={"Content-Type": kind})
    assert_refused(answer, (415,), says="application/json")


def test_32_levels_are_taken(ann):
    body = b'{"dataset_name": "demo", "a": ' + b"[" * 31 + b"]" * 31 + b"}"
    assert post(ann, "/size", body).status_code == 200


# --- keys


@pytest.mark.parametrize(
    "endpoint, key",
    [("/size", "dataset_name"), ("/obtain", "dataset_name"), ("/classify", "dataset_name"), ("/classify", "base_dir"),
     ("/classify", "filepath"), ("/classify", "label"), ("/v1/datasets/demo/tasks/TOKEN/label", "label")],
)
def test_a_key_that_is_missing_or_of_the_wrong_type_is_named(ann, endpoint, key):
    body = dict(RIGHT[endpoint])
    for wrong in WRONG_TYPES:
        assert_refused(ann.post(endpoint, json={**body, key: wrong}), says=f'"{key}"')
    del body[key]
    assert_refused(ann.post(endpoint, json=body), says=f'"{key}"')
    other = key.upper() if endpoint.startswith("/v1/") else key  # where no other field is taken, that one is named
    assert_refused(ann.post(endpoint, json={**body, key.upper(): "demo"}), says=f'"{other}"')


@pytest.mark.parametrize("wrong", ["0", "", 1.5, True, False, [], [0], {}, 1e300, -1e300, 10**30])
def test_an_id_that_is_no_integer_is_named(ann, wrong):
    assert_refused(ann.post("/obtain", json={"dataset_name": "demo", "id": wrong}), says='"id"')


def test_odd_keys_are_passed_over(ann):
    odd = {"": 1, "a" * 100_000: "b" * 100_000, "__proto__": {}, "ñ 猫": [None], "id": None}
    assert ann.post("/size", json={"dataset_name": "demo", **odd}).status_code == 200


# --- addresses and headers


@pytest.mark.parametrize(
    "address",
    ["/%00", "/size%00", "/%", "/%zz", "/%ff", "/%c0%af", "//size", "/size/../../etc/passwd", "/..", "/%2e%2e/",
     "/size?%zz", "/size?a=1&a=2", "/size?" + "&".join(f"a{number}" for number in range(100)), "/v1", "/v1/", "/v1/datasets/",
     "/v1/datasets/%00/tasks", "/v1/datasets/%/tasks", "/images/", "/images/demo", "/images/demo/%00.png", "/.access/demo",
     "/.file/etc/passwd", "/.error/message", "/nowhere", "/size;x", "/size#x", "/" + "a" * 20_000, "/v1/datasets/" + "%41" * 5_000],
    ids=lambda address: address[:24],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_odd_address_is_refused(server, address, method):
    body = b'{"dataset_name": "demo"}'
    status, headers, answer = raw(server, f"{method} {address} HTTP/1.1\r\nContent-Length: {len(body)}", body)
    assert 400 <= status < 500, (status, answer)
    assert headers["content-type"] in ("application/json", "application/problem+json")
    assert "message" in json.loads(answer)


@pytest.mark.parametrize(
    "request_line",
    ["GET", "GET / HTTP/9.9", "get /size HTTP/1.1", "FOO /size HTTP/1.1", "TRACE / HTTP/1.1", "CONNECT x:1 HTTP/1.1",
     "POST size HTTP/1.1", "\x00\x01\x02", "\x16\x03\x01\x02\x00\x01", "POST /size HTTP/1.1\r\nContent-Length: -1",
     "POST /size HTTP/1.1\r\nContent-Length: x", "POST /size HTTP/1.1\r\nContent-Length: 99999999999999999999",
     "POST /size HTTP/1.1\r\nContent-Length: 2000000000", "POST /size HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
     "POST /size HTTP/1.1\r\nTransfer-Encoding: gzip", "POST /size HTTP/1.1\r\n" + "X: " + "a" * 200_000,
     "POST /size HTTP/1.1\r\nAuthorization: Basic !!!!", "POST /size HTTP/1.1\r\nAuthorization: Bearer x"],
    ids=lambda line: repr(line[:40]),
)
def test_an_odd_request_is_refused(server, request_line):
    head = f"{request_line}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("latin-1")
    status, _, body = send_raw(server.port, head, b"")
    assert 400 <= status < 506 and status not in (500, 502, 503, 504), (status, body)


def test_a_broken_chunk_is_refused(server):
    for chunks in (b"zz\r\n", b"5\r\n{}", b"-1\r\n\r\n"):
        status, _, _ = raw(server, "POST /size HTTP/1.1\r\nTransfer-Encoding: chunked", chunks + b"\r\n0\r\n\r\n")
        assert status == 400


def test_odd_headers_change_nothing(ann):
    for headers in ({"Accept": "application/json;q=1e999, " + "x;" * 3000}, {"Accept": ";;;,,,q=q=q"}, {"Range": "bytes=x"},
                    {"X-Accel-Redirect": "/etc/passwd"}, {"X-Forwarded-User": "bob"}, {"Remote-User": "bob"}, {"Proxy": "x"},
                    {"Content-Type": "application/json; charset=\"\\"}):
        answer = ann.post("/size", data=b'{"dataset_name": "demo"}', headers=headers)
        assert (answer.status_code, answer.json()["size"]) == (200, 3)


# --- at random


def test_thousands_of_mutated_bodies_never_make_a_5xx(ann):
    """Right bodies with some bytes changed, taken out, doubled or moved, by a fixed seed."""
    chance = random.Random(4)
    for turn in range(1500):
        endpoint = ENDPOINTS[turn % len(ENDPOINTS)]
        body = bytearray(json.dumps(RIGHT[endpoint]).encode())
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(body))
            match chance.randrange(4):
                case 0:
                    body[at] = chance.randrange(256)
                case 1:
                    del body[at]
                case 2:
                    body[at:at] = body[at : at + chance.randint(1, 9)]
                case 3:
                    body[at:at] = chance.choice([b"\x00", b"\xff", b'"', b"\\", b"{", b"[", b"}", b"1e9", b"null", b"\\u0000", b"\\ud800"])
        answer = post(ann, endpoint, bytes(body))
        assert answer.status_code < 500, (endpoint, bytes(body), answer.text)
        if answer.status_code in (400, 413, 415):
            assert answer.json()["message"]
