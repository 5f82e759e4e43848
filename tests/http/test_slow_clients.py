"""Many who upload slowly, as telephones do, keep nobody from uploading."""
import base64
import contextlib
import http.client
import socket

import pytest
from collecting import DEFAULT, picture
from test_archive import tar
from test_tus import begin

SLOW, SLOW_ARCHIVES = 40, 12
BOUNDARY = "slow"
CREDENTIALS = base64.b64encode(b"contributor:secret").decode()


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


def connect(collector, method, address, headers, body):
    """A connection over which all but the body has been sent."""
    connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=60)
    connection.putrequest(method, address)
    for name, value in {**headers, "Authorization": f"Basic {CREDENTIALS}", "Content-Length": str(len(body))}.items():
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
