"""Requests that a browser sends for a page of another origin are refused if they may change something
(tests/browser/test_elsewhere.py)."""
import json
import subprocess

import pytest
from harness import send_raw

SIZE = {"dataset_name": "demo"}
AUTH = b"Authorization: Basic YW5uOnNlY3JldA==\r\n"


def post(server, path, headers, body=b'{"dataset_name": "demo"}', method=b"POST"):
    head = b"%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %d\r\n%s%s\r\n" % (
        method, path, server.port, len(body), AUTH, b"".join(line + b"\r\n" for line in headers))
    status, _, answer = send_raw(server.port, head, body)
    return status, json.loads(answer) if answer else None


JSON = b"Content-Type: application/json"
FOREIGN = [
    [b"Sec-Fetch-Site: cross-site"],
    [b"Sec-Fetch-Site: same-site"],
    [b"sec-fetch-site: Cross-Site"],
    [b"Sec-Fetch-Site: same-origin", b"Sec-Fetch-Site: cross-site"],
    [b"Sec-Fetch-Site: same-origin, cross-site"],
    [b"Origin: http://evil.example"],
    [b"Origin: null"],
    [b"Origin: http://127.0.0.1"],
    [b"Origin: http://evil.example", b"Sec-Fetch-Site: same-origin"],
    [b"Origin: http://evil.example", b"X-Forwarded-Host: evil.example"],
]


@pytest.mark.parametrize("headers", FOREIGN, ids=lambda headers: b" ".join(headers).decode())
def test_a_page_from_elsewhere_changes_nothing(server, ann, headers):
    for path, method in ((b"/size", b"POST"), (b"/classify", b"POST"), (b"/v1/datasets/demo/tasks", b"POST"), (b"/add_label/x", b"POST"),
                         (b"/v1/datasets/demo/images/a.png", b"PUT"), (b"/v1/datasets/demo", b"DELETE"), (b"/v1/datasets/demo", b"PATCH")):
        status, answer = post(server, path, [*headers, JSON], method=method)
        assert status == 403 and "may change nothing here" in answer["message"], path
    assert ann.get("/v1/datasets/demo").json()["counts"]["leased"] == 0
    head = b"GET /images/demo/image0.png HTTP/1.1\r\nHost: x\r\n" + AUTH + b"".join(line + b"\r\n" for line in headers) + b"\r\n"
    assert send_raw(server.port, head)[0] == 200


@pytest.mark.parametrize("site", [[b"Sec-Fetch-Site: same-origin"], [b"Sec-Fetch-Site: none"], []])
def test_our_own_pages_are_not_refused(server, site):
    origin = b"Origin: http://127.0.0.1:%d" % server.port
    assert post(server, b"/size", [*site, origin, JSON])[0] == 200


@pytest.mark.parametrize("header", [b"Origin: http://127.0.0.1:%d", b"Sec-Fetch-Site: same-origin", b"Sec-Fetch-Mode: cors", b"User-Agent: Mozilla/5.0 (X11)"])
def test_a_browser_tells_the_type_of_its_json(server, header):
    header = header.replace(b"%d", b"%d" % server.port)
    assert post(server, b"/size", [header])[0] == 415
    assert post(server, b"/size", [header, b"Content-Type: text/plain"])[0] == 415
    assert post(server, b"/size", [header, b"Content-Type: ;"])[0] == 415
    assert post(server, b"/size", [header, JSON])[0] == 200


def test_scripts_need_not_tell_it(server):
    assert post(server, b"/size", [])[0] == 200
    done = subprocess.run(["curl", "-s", "-u", "ann:secret", "-H", "Content-Type:", "-d", json.dumps(SIZE), server.url + "/size"],
                          capture_output=True, check=True)
    assert json.loads(done.stdout)["size"] == 3
