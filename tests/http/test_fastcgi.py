"""What a program does with a connection, when addressed as nginx does."""
import json
import socket
import struct

import pytest

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6
READ_BYTES = 8192  # of libfcgi's buffer: it reads a connection in pieces of that size


def record(kind, content=b""):
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def pairs(**params):
    def length(text):
        return struct.pack("!I", len(text) | 1 << 31)

    return b"".join(length(name) + length(value) + name.encode() + value.encode() for name, value in params.items())


def request(body, keep=False, uri="/size"):
    """A POST of ann's, with the record that ends its body."""
    params = pairs(REQUEST_METHOD="POST", REQUEST_URI=uri, CONTENT_TYPE="application/json", CONTENT_LENGTH=str(len(body)),
                   REMOTE_USER="ann", REQUEST_ID="1")  # fmt: skip
    return record(BEGIN, struct.pack("!HB5x", 1, keep)) + record(PARAMS, params) + record(PARAMS) + record(STDIN, body) + record(STDIN)


def body_of(length):
    text = json.dumps({"dataset_name": "demo"})
    return (text[:-1] + " " * (length - len(text)) + "}").encode()


def read_to_end(connection):
    return connection.makefile("rb").read()


def output(records):
    """What the program wrote; fails unless the request's end is told."""
    text, at, kind = b"", 0, None
    while at < len(records):
        _, kind, _, length, padding = struct.unpack_from("!BBHHB", records, at)
        text += records[at + 8 : at + 8 + length] if kind == STDOUT else b""
        at += 8 + length + padding
    assert kind == END
    return text


@pytest.fixture
def connect(server):
    connections = []

    def connected(program="size"):
        connections.append(socket.socket(socket.AF_UNIX))
        connections[-1].connect(str(server.state / "sock" / f"{program}.sock"))
        return connections[-1]

    yield connected
    for connection in connections:
        connection.close()


def test_an_answer_is_never_lost_to_what_was_not_read(connect):
    """A socket that is closed with something unread in it is reset, which may cost what was sent: nginx then passes on
    headers without a body. So also the last bytes are read, however the request falls into libfcgi's buffer."""
    for length in range(60, 60 + READ_BYTES, 4):
        connection = connect()
        connection.sendall(request(body_of(length)))
        assert json.loads(output(read_to_end(connection)).split(b"\r\n\r\n")[1]) == {"dataset_name": "demo", "size": 3}, length
        connection.close()


def test_a_kept_connection_takes_one_request_after_another(connect):
    connection = connect()
    for length in (60, 20_000, 60):
        connection.sendall(request(body_of(length), keep=True))
        answer = b""
        while not answer.endswith(record(END, bytes(8))):
            answer += connection.recv(65536)
        assert b'"size": 3' in output(answer) or b'"size":3' in output(answer)


def test_a_label_that_nginx_sends_again_since_its_program_died_is_one_event(server, ann, connect):
    body = {"dataset_name": "demo", "base_dir": str(server.images / "demo"), "filepath": "image0.png", "label": "cat"}
    for _ in range(2):  # under the same request id
        connection = connect("classify")
        connection.sendall(request(json.dumps(body).encode(), uri="/classify"))
        assert output(read_to_end(connection)).strip().endswith(b'{"response":true}')
    history = ann.get("/v1/datasets/demo/samples/0/history").json()["items"]
    assert [(event["label"], event["source"]) for event in history] == [("cat", "classify")]
