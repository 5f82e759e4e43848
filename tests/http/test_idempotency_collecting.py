"""Idempotency-Key on each POST that creates something: done once, with the same answer whenever it is sent."""
import base64
import io
import itertools
import json
import socket
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import DEFAULT, form, picture
from harness import until

names = (f"name{number}" for number in itertools.count())


class Creation:
    """One POST: post() sends it, each time it is called, and other() another one to the same address."""

    def __init__(self, path, **body):
        self.path, self.body = path, body

    def post(self, session, key):
        body = dict(self.body)
        headers = {"Idempotency-Key": key, **body.pop("headers", {})}
        return session.post(self.path, headers=headers, **body)


def tar(*images):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for image in images:
            info = tarfile.TarInfo(f"{next(names)}/{next(names)}.png")
            info.size = len(image)
            archive.addfile(info, io.BytesIO(image))
    return out.getvalue()


def tus(length):
    name = base64.b64encode(next(names).encode()).decode()
    return {"headers": {"Tus-Resumable": "1.0.0", "Upload-Length": str(length), "Upload-Metadata": f"filepath {name}"}}


DATASET = f"/v1/datasets/{DEFAULT}"
KINDS = {
    "dataset": lambda: Creation("/v1/datasets", json={"name": next(names)}),
    "label": lambda: Creation(f"{DATASET}/labels", json={"name": next(names)}),
    "images": lambda: Creation(f"{DATASET}/images", files=form((next(names), picture()), (next(names), picture()))),
    "archive": lambda: Creation(f"{DATASET}/archive", data=tar(picture(), picture())),
    "upload": lambda: Creation(f"{DATASET}/uploads", **tus(100)),
    "single_upload": lambda: Creation("/single_upload/", files=form((next(names), picture()), field="file")),
    "bulk_upload": lambda: Creation("/bulk_upload", files=form((next(names), picture()), (next(names), b"no image"))),
}


@pytest.fixture(params=KINDS)
def make(request):
    return KINDS[request.param]


def told(answer):
    assert answer.status_code in (200, 201), answer.text
    kept = ("Content-Type", "Location", "Upload-Expires")
    return answer.status_code, answer.content, {name: answer.headers[name] for name in kept if name in answer.headers}


def test_the_same_again_is_answered_alike_and_done_once(collector, admin, make):
    creation, key = make(), next(names)
    first = told(creation.post(admin, key))
    assert b'"duplicate":true' not in first[1]
    before = collector.stored()
    assert told(creation.post(admin, key)) == first
    assert collector.stored() == before


def test_at_once_it_is_done_once_and_all_are_answered_alike(collector, admin, make):
    creation, key = make(), next(names)
    with ThreadPoolExecutor(6) as pool:
        first, *others = list(pool.map(lambda _: told(creation.post(collector.session("admin"), key)), range(6)))
    assert others == [first] * 5 and b'"duplicate":true' not in first[1]


def test_another_body_under_the_same_key_is_refused_and_not_done(collector, admin, make):
    creation, other, key = make(), make(), next(names)
    first = told(creation.post(admin, key))
    before = collector.stored()
    other.path = creation.path
    answer = other.post(admin, key)
    assert answer.status_code == 422 and "Idempotency-Key" in answer.json()["message"], answer.text
    assert collector.stored() == before
    assert told(creation.post(admin, key)) == first


def test_a_label_that_is_added_by_its_address_is_answered_alike(admin):
    address, key = f"/add_label/{next(names)}", next(names)
    first, again = (admin.post(address, headers={"Idempotency-Key": key}) for _ in range(2))
    assert first.json()["S3-Response"]["Created"] is True and again.content == first.content
    other = admin.post(f"/add_label/{next(names)}", headers={"Idempotency-Key": key})
    assert other.status_code == 422 and json.loads(other.text)["message"]


def test_all_are_remembered_across_a_restart(collector):
    sent = {kind: make() for kind, make in KINDS.items()}
    admin = collector.session("admin")
    before = {kind: told(creation.post(admin, kind)) for kind, creation in sent.items()}
    collector.restart()
    admin = collector.session("admin")
    assert {kind: told(creation.post(admin, kind)) for kind, creation in sent.items()} == before


def test_a_body_whose_connection_broke_uses_no_key_up(collector, admin):
    """Of a chunked body nothing tells how long it should have been."""
    path, key, data = f"{DATASET}/archive?names=utf-8", next(names), tar(picture("BMP", (900, 900)), picture("BMP", (900, 900)))
    headers = {"Authorization": f"Basic {base64.b64encode(b'admin:secret').decode()}", "Idempotency-Key": key, "Transfer-Encoding": "chunked"}
    head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())])
    half = data[: len(data) // 2]

    def under_way():
        return [name for name in collector.leftovers() if name.endswith(" (deleted)")]

    with socket.create_connection(("127.0.0.1", collector.port)) as connection:
        connection.sendall(f"{head}\r\n\r\n{len(half):x}\r\n".encode() + half + b"\r\n")
        until(under_way, "the body is on its way into a file")
    until(lambda: not under_way(), "it has ended")
    answer = admin.post(path, data=data, headers={"Idempotency-Key": key})
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.text.splitlines()[-1])["summary"] == {"loaded": 2, "duplicate": 0, "skipped": 0, "failed": 0}
