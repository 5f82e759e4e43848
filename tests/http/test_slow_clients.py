"""Clients that upload slowly, like phones, or stop on the way, like attackers, keep nobody from uploading."""
import base64
import contextlib
import http.client
import select
import socket

import pytest
from collecting import DEFAULT, Collector, picture
from conftest import finish
from harness import until
from test_archive import tar
from test_tus import begin

SLOW, SLOW_ARCHIVES = 40, 12
PLACES_OF_ARCHIVES = 48  # of all users
BOUNDARY = "slow"
USERS = ("first", "second", "third")


def form(data, field):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="a.bmp"\r\n\r\n'
    return head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


FORM = f"multipart/form-data; boundary={BOUNDARY}"
UPLOADS = {
    "image": lambda session, data: ("PUT", f"/v1/datasets/{DEFAULT}/images/slow/{hash(data)}.bmp", {}, data),
    "images": lambda session, data: ("POST", f"/v1/datasets/{DEFAULT}/images", {"Content-Type": FORM}, form(data, "files")),
    "single_upload": lambda session, data: ("POST", "/single_upload/?label=0", {"Content-Type": FORM}, form(data, "file")),
    "bulk_upload": lambda session, data: ("POST", "/bulk_upload?label=0", {"Content-Type": FORM}, form(data, "files")),
    "archive": lambda session, data: ("POST", f"/v1/datasets/{DEFAULT}/archive", {}, tar(("slow/a.bmp", data))),
    "tus": lambda session, data: ("PATCH", begin(session, len(data)), {
        "Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0", "Upload-Offset": "0"}, data),
}


def connect(collector, method, address, headers, body, user="contributor"):
    """A connection over which all but the body has been sent."""
    credentials = base64.b64encode(f"{user}:secret".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=60)
    connection.putrequest(method, address)
    for name, value in {**headers, "Authorization": f"Basic {credentials}", "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection


def is_open(connection):
    connection.sock.setblocking(False)
    try:
        return connection.sock.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    finally:
        connection.sock.settimeout(60)


@pytest.mark.parametrize("route", UPLOADS)
def test_slow_uploads_keep_nobody_waiting(collector, contributor, route):
    with contextlib.ExitStack() as ended:
        slow = []
        for _ in range(SLOW_ARCHIVES if route == "archive" else SLOW):
            upload = UPLOADS[route](contributor, picture("BMP", (200, 200)))
            connection = connect(collector, *upload)
            ended.callback(connection.close)
            connection.send(upload[-1][:100_000])
            slow.append((connection, upload[-1][100_000:]))
        quick = UPLOADS[route](contributor, picture())
        connection = connect(collector, *quick)
        ended.callback(connection.close)
        connection.send(quick[-1])
        assert connection.getresponse().status in (200, 201, 204)
        assert all(is_open(connection) for connection, _ in slow)  # none had to be given up for it
        for connection, rest in slow:
            connection.send(rest)
        assert {connection.getresponse().status for connection, _ in slow} <= {200, 201, 204}


# --- those that are given up


@pytest.fixture(scope="module")
def impatient(tmp_path_factory, stores):
    limits = {"slow_seconds": 1, "slow_bytes_per_second": 1000}
    collector = Collector(tmp_path_factory.mktemp("impatient"), stores.environment(), config={"limits": limits})
    try:
        yield collector.start()
    finally:
        finish([collector])


def test_a_body_that_stalls_is_answered_408_and_loses_no_thread(impatient):
    """Whatever the route, before its first byte and after some; all at once, since each is waited for."""
    before = impatient.stored()
    session = impatient.session("contributor")
    with contextlib.ExitStack() as ended:
        stalled = {}
        for route in UPLOADS:
            for part in (0, 20):
                upload = UPLOADS[route](session, picture("BMP", (200, 200)))
                connection = connect(impatient, *upload)
                ended.callback(connection.close)
                connection.send(upload[-1][:part])
                stalled[route, part] = connection
        for route_and_part, connection in stalled.items():
            answer = connection.getresponse()
            assert (route_and_part, answer.status) == (route_and_part, 408)
            assert b"Nothing of the request's body came for 1 s" in answer.read(), route_and_part
    assert impatient.stored() == before


def test_a_trickle_is_answered_408(impatient):
    session = impatient.session("contributor")
    with contextlib.ExitStack() as ended:
        uploads = {route: UPLOADS[route](session, picture("BMP", (200, 200))) for route in UPLOADS}
        trickling = {route: connect(impatient, *upload) for route, upload in uploads.items()}
        for connection in trickling.values():
            ended.callback(connection.close)
        told = {}
        for place in range(1000):  # some 50 s
            for route in trickling:
                trickling[route].send(uploads[route][-1][place : place + 1])
            for connection in select.select([connection.sock for connection in trickling.values()], [], [], 0.05)[0]:
                route = next(route for route in trickling if trickling[route].sock is connection)
                told[route] = trickling.pop(route).getresponse()
            if not trickling:
                break
        assert {route: answer.status for route, answer in told.items()} == dict.fromkeys(UPLOADS, 408)
        assert {route for route, answer in told.items() if b"less than 1000 bytes a second" in answer.read()} == {*UPLOADS}


def test_an_upload_that_has_ended_leaves_its_place(collector, contributor):
    """Whether it was taken, refused or broken off: one after the other there may be more than there are places."""
    for _ in range(PLACES_OF_ARCHIVES // 2 + 1):
        for body, status in ((tar(("slow/a.png", picture())), 200), (b"no archive", 415)):
            assert contributor.post(f"/v1/datasets/{DEFAULT}/archive", data=body).status_code == status
        with contextlib.closing(connect(collector, "POST", f"/v1/datasets/{DEFAULT}/archive", {}, b"x" * 100)) as connection:
            connection.send(b"x")


# --- those that are more than a program has threads for


def answers(connections):
    """Those of the connections that have been answered already."""
    return [connection for connection in connections if select.select([connection.sock], [], [], 0)[0]]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory, stores):
    """A server of which each test takes another program's threads."""
    collector = Collector(tmp_path_factory.mktemp("crowded"), stores.environment())
    for user in USERS:
        collector.add_user(user, role="contributor")
    try:
        yield collector.start()
    finally:
        finish([collector])


@pytest.mark.parametrize("route, most", [("archive", 48), ("images", 192), ("bulk_upload", 96), ("single_upload", 96), ("tus", 168)])
def test_what_comes_while_all_threads_are_taken_is_refused_at_once(crowded, route, most):
    """Each of two users can take half of the places, and a third one finds none; but an image, put by itself, has kept ones."""
    with contextlib.ExitStack() as ended:

        def start(user):
            upload = UPLOADS[route](crowded.session(user), picture("BMP", (200, 200)))
            connection = connect(crowded, *upload, user=user)
            ended.callback(connection.close)
            connection.send(upload[-1][:20])
            return connection

        def refuse(connections, status):
            (refused,) = until(lambda: answers(connections), f"{status} of one of {len(connections)}")
            answer = refused.getresponse()
            assert answer.status == status and int(answer.headers["Retry-After"]) > 0
            assert b"under way" in answer.read()

        for user in USERS[:2]:
            refuse([start(user) for _ in range(most // 2 + 1)], 429)
        refuse([start(USERS[2])], 503)
        put = crowded.session(USERS[2]).put(f"/v1/datasets/{DEFAULT}/images/quick-{route}.png", data=picture())
        assert put.status_code == 201
