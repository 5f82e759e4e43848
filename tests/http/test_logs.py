"""The logs: the truth about each request, within bounds."""
import os

import pytest
from harness import until

MIB = 1024 * 1024
KEPT = 4  # scripts/image-label-server


def line_of(server, answer):
    number = answer.headers["X-Request-Id"]
    return until(lambda: next((line for line in server.request_log() if line["request_id"] == number), None), "the log line")


REFUSED = [
    ("POST", "/nothing", {}, 404),
    ("DELETE", "/v1/nothing", {}, 404),
    ("PUT", "/ui/index.html", {}, 405),
    ("POST", "/size", {"data": b"x" * (2 * MIB)}, 413),
    ("PATCH", "/size", {"auth": ("ann", "wrong")}, 401),
    ("TRACE", "/size", {}, 405),
    ("PUT", "/images/demo/image0.png", {}, 405),
]


def test_what_nginx_refuses_is_logged_with_its_own_method(server, ann):
    answers = [ann.request(method, path, **options) for method, path, options, _ in REFUSED]
    lines = [line_of(server, answer) for answer in answers]
    assert [(line["method"], line["uri"], line["status"]) for line in lines] == [(method, path, status) for method, path, _, status in REFUSED]


TRACE = "-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NO_TRACES = [
    TRACE[1:], "ff" + TRACE, "0" + TRACE, "00" + TRACE.upper(), "00" + TRACE + "-more", "00" + TRACE + "0", "01" + TRACE + "x", "00" + TRACE[:-1],
    "00-" + 32 * "0" + "-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-" + 16 * "0" + "-01", "zz" + TRACE, '00-"', "00" + TRACE.replace("4b", "4g"),
]


def test_a_request_that_is_part_of_a_trace_is_logged_with_it(server, ann):
    (server.databases / "traced.db").write_bytes(b"SQLite format 3\0" + b"junk" * 2000)
    for given in ("00" + TRACE, "cc" + TRACE, "cc" + TRACE + "-what comes later"):
        answer = ann.post("/size", json={"dataset_name": "traced"}, headers={"traceparent": given})
        assert line_of(server, answer)["traceparent"] == "00" + TRACE
        told = [line for line in server.program_log("size") if line.get("request_id") == answer.headers["X-Request-Id"]]
        assert [line["traceparent"] for line in told] == ["00" + TRACE]
    (server.databases / "traced.db").unlink()


def test_a_request_without_a_trace_or_with_none_that_is_valid_begins_its_own(server, ann):
    answers = [ann.get("/v1/me", headers={"traceparent": given} if given else {}) for given in ["", *NO_TRACES]]
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        number = answer.headers["X-Request-Id"]
        assert line_of(server, answer)["traceparent"] == f"00-{number}-{number[:16]}-00"


@pytest.mark.parametrize("path, status", [
    ("/healthz", 200), ("/readyz", 200), ("/v1/me", 200), ("/v1/datasets", 200), ("/v1/datasets/demo", 200), ("/v1/datasets/demo/tasks", 200), ("/fetch?dataset=demo", 200),
    ("/v1/datasets/nothing", 404), ("/nothing", 404), ("/v1/nothing", 404), ("/images/demo/nothing.png", 404), ("/size", 405), ("/%00", 400),
])
def test_json_is_kept_nowhere(ann, path, status):
    answer = ann.get(path)
    assert answer.status_code == status and "json" in answer.headers["Content-Type"]
    assert answer.raw.headers.getlist("Cache-Control") == ["private, no-store"]


def test_a_refusal_is_kept_nowhere(anyone):
    for path in ("/", "/v1/me", "/ui/"):
        assert anyone.get(path).headers["Cache-Control"] == "private, no-store"


def test_logs_are_begun_anew_and_bounded(make_server):
    limit = 16 * 1024
    server = make_server(config={"limits": {"log_bytes": limit}})
    server.add_user("ann")
    server.add_dataset()
    ann, logs = server.start().session("ann"), server.state / "log"
    stranger = server.session()
    kept = [f"requests.log.{number}" for number in range(1, KEPT + 1)]
    for name in kept[:-1]:  # as if it had been begun anew often enough
        (logs / name).write_text(name)
    with (logs / "size.log").open("a") as log:  # a program's, to which the program goes on writing
        log.write("x" * limit + "\n")
    first = logs / kept[0]
    with (logs / kept[-2]).open() as oldest:
        for _ in range(2):  # one more is kept, and then the oldest is not any more
            before = first.stat().st_ino
            until(lambda: [stranger.get(f"/{'x' * 200}") for _ in range(50)] and first.exists() and first.stat().st_ino != before, "a log begun anew")
        until(lambda: sorted(log.name for log in logs.glob("requests.log.*")) == kept, "the four older ones")  # while they are moved one is missing
        assert os.fstat(oldest.fileno()).st_nlink == 0
    ann.get("/v1/me")
    until(lambda: any(line["uri"] == "/v1/me" for line in server.request_log()), "a line in the log of now")
    until(lambda: (logs / "size.log.1").exists() and (logs / "size.log").stat().st_size < limit, "the program's log")
    (server.databases / "broken.db").write_bytes(b"SQLite format 3\0" + b"junk" * 2000)
    assert ann.post("/size", json={"dataset_name": "broken"}).status_code >= 500
    until(lambda: server.program_log("size"), "a line of the program")
    assert b"\0" not in (logs / "size.log").read_bytes()
