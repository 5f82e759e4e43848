"""What nginx itself answers: every error is JSON, none shows nginx's version, and every answer has the same
headers."""
import json
import re
import subprocess

import pytest
from front import named_bucket
from harness import TOP, send_raw, until

MIB = 1024 * 1024
AUTHENTICATION_FAILED = {"message": "Authentication failed"}


def raw(server, head):
    return send_raw(server.port, head)


def check_problem(answer, status):
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"] and problem["detail"] == problem["message"]


# --- passwords


@pytest.mark.parametrize(
    "path", ["/", "/size", "/obtain", "/classify", "/ui/", "/ui", "/images/demo/image0.png", "/openapi.json", "/metrics", "/nothing"]
)
def test_without_password_everything_is_401(anyone, path):
    answer = anyone.get(path, allow_redirects=False)
    assert answer.status_code == 401
    assert answer.text == '{"message": "Authentication failed"}'
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="image-label-server", charset="UTF-8"'


def test_wrong_password_is_401(server, anyone):
    answer = anyone.post("/size", json={"dataset_name": "demo"}, auth=("ann", "wrong"))
    assert (answer.status_code, answer.json()) == (401, AUTHENTICATION_FAILED)


def test_401_under_v1_is_a_problem_document(anyone):
    answer = anyone.get("/v1/datasets")
    check_problem(answer, 401)
    assert answer.json()["message"] == "Authentication failed"
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_monitors_ask_healthz_without_password(anyone):
    answer = anyone.get("/healthz")
    assert answer.status_code == 200, answer.text


# --- each error that nginx makes


def test_unknown_path_is_404(ann):
    answer = ann.get("/nothing")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not found"})
    assert ann.post("/nothing", data=b"x").status_code == 404
    check_problem(ann.get("/v1/nothing"), 404)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_malformed_request_is_400(server, head):
    status, headers, body = raw(server, head)
    assert (status, headers["content-type"], body) == (400, "application/json", b'{"message": "Bad request"}')


def test_malformed_request_under_v1_is_a_problem_document(server):
    status, headers, body = raw(server, b"GET /v1/%00 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert b'"status": 400' in body


def test_wrong_method_on_a_file_is_405_with_allow(ann):
    answer = ann.post("/ui/index.html", data=b"x")
    assert (answer.status_code, answer.json()) == (405, {"message": "Method not allowed"})
    assert answer.headers["Allow"] == "GET, HEAD"


def test_json_body_of_one_mebibyte_is_taken_and_one_byte_more_is_413(ann):
    body = b'{"dataset_name": "demo"}'
    taken = ann.post("/size", data=body.ljust(MIB), headers={"Content-Type": "application/json"})
    assert (taken.status_code, taken.json()["size"]) == (200, 3)
    refused = ann.post("/size", data=body.ljust(MIB + 1), headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()) == (413, {"message": "The body is too large"})


def test_limit_holds_for_a_body_of_untold_length(ann):
    def chunks(size):
        yield b'{"dataset_name": "demo"}'
        for _ in range(size // 1024):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    assert ann.post("/size", data=chunks(MIB // 2), headers=headers).json()["size"] == 3
    refused = ann.post("/size", data=chunks(MIB), headers=headers)
    assert (refused.status_code, refused.json()) == (413, {"message": "The body is too large"})


def test_long_address_is_414(ann):
    answer = ann.get("/size?" + "x" * 40000)
    assert (answer.status_code, answer.json()) == (414, {"message": "The address is too long"})
    check_problem(ann.get("/v1/datasets?" + "x" * 40000), 414)


def test_large_headers_are_431(ann):
    answer = ann.get("/size", headers={"X-Long": "x" * 40000})
    assert (answer.status_code, answer.json()) == (431, {"message": "The headers are too large"})


def test_range_that_cannot_be_is_416(ann):
    answer = ann.get("/ui/index.html", headers={"Range": "bytes=1000000000-", "Accept-Encoding": "identity"})
    assert (answer.status_code, answer.json()) == (416, {"message": "The range cannot be satisfied"})


def test_precondition_that_fails_is_412(ann):
    answer = ann.get("/ui/index.html", headers={"If-Match": '"another"'})
    assert (answer.status_code, answer.json()) == (412, {"message": "Precondition failed"})


def test_what_nginx_does_not_implement_is_501_or_505(server):
    status, _, body = raw(server, b"POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n")
    assert (status, body) == (501, b'{"message": "Not implemented"}')
    status, _, body = raw(server, b"GET / HTTP/3.0\r\nHost: x\r\n\r\n")
    assert (status, body) == (505, b'{"message": "HTTP version not supported"}')


def test_trace_is_refused(ann):
    answer = ann.request("TRACE", "/size")
    assert (answer.status_code, answer.json()) == (405, {"message": "Method not allowed"})


def test_program_that_does_not_answer_is_502(make_server):
    server = make_server()
    server.add_user("ann")
    server.add_dataset()
    ann = server.start().session("ann")
    (server.state / "sock" / "size.sock").unlink()
    (server.state / "sock" / "datasets.sock").unlink()
    (server.state / "sock" / "access.sock").unlink()
    answer = ann.post("/size", json={"dataset_name": "demo"})
    assert (answer.status_code, answer.json()) == (502, {"message": "The service is not answering"})
    check_problem(ann.get("/v1/datasets"), 502)
    answer = ann.get("/images/demo/image0.png")
    assert (answer.status_code, answer.json()) == (503, {"message": "The service is unavailable"})


def test_every_error_has_a_sentence_and_a_title_of_its_own():
    text = (TOP / "nginx" / "nginx.conf.in").read_text()
    statuses = {word for line in re.findall(r"error_page (.*) \$error_page;", text) for word in re.findall(r"\d{3}", line)}
    statuses -= {"494", "495", "496", "497"}  # nginx's own numbers, which become 431 and 400
    assert len(statuses) > 15
    for status in statuses:
        assert re.search(rf'~\^{status} "', text), f"{status} has no message"
        assert re.search(rf'\t{status} "', text), f"{status} has no title"


def test_errors_of_programs_pass_unchanged(ann):
    answer = ann.post("/size", json={"dataset_name": "nothing"})
    assert (answer.status_code, answer.json()) == (404, {"message": "Database not found"})
    answer = ann.post("/classify", json={"dataset_name": "nothing", "base_dir": "", "filepath": "", "label": ""})
    assert (answer.status_code, answer.json()) == (404, {"response": False})


@pytest.mark.parametrize(
    "endpoint, origin",
    [("http://{bucket}.localhost:PORT", "http://cats.localhost:PORT"), ("http://localhost:PORT/{bucket}", "http://localhost:PORT")],
)
def test_pages_may_show_images_out_of_the_bucket(make_server, endpoint, origin):
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    with named_bucket() as port:
        store = {"type": "s3", "bucket": "cats", "endpoint": endpoint.replace("PORT", str(port))}
        server = make_server(config={"image_store": store}, env=keys)
        server.add_user("ann")
        server.add_dataset()
        policy = server.start().session("ann").get("/ui/").headers["Content-Security-Policy"]
        assert f"img-src 'self' blob: data: {origin.replace('PORT', str(port))};" in policy


@pytest.mark.parametrize("region, host", [("eu-central-1", "s3.eu-central-1.amazonaws.com"), ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn")])
def test_without_an_endpoint_the_bucket_is_at_aws(region, host):
    store = {"type": "s3", "bucket": "cats", "endpoint": "", "region": region, "public_url": ""}
    words = ["bash", "-c", '. "$0" && jq -r "$origins_of_images"', TOP / "nginx" / "configure.bash"]
    done = subprocess.run(words, input=json.dumps({"image_store": store}), capture_output=True, text=True, check=True)
    assert done.stdout.split() == [f"https://cats.{host}", f"https://{host}"]


# --- what is not to be reached


@pytest.mark.parametrize("path", ["/.file/etc/hostname", "/.access", "/.access/demo", "/.error/message", "/.error/problem", "/.none"])
def test_internal_addresses_are_404(ann, path):
    answer = ann.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")


def test_configuration_is_not_served(server):
    for path in (b"/ui/../nginx.conf", b"/ui/%2e%2e/nginx.conf", b"/nginx.conf", b"/ui/..%2f..%2fnginx.conf"):
        auth = b"Authorization: Basic YW5uOnNlY3JldA==\r\n"
        status, _, body = raw(server, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + auth + b"\r\n")
        assert status in (400, 404) and b"worker" not in body


# --- headers of every answer


@pytest.mark.parametrize("path", ["/ui/", "/ui/index.html", "/images/demo/image0.png", "/nothing", "/v1/datasets", "/v1/nothing", "/healthz"])
@pytest.mark.parametrize("user", ["ann", None])
def test_security_headers_are_on_every_answer_once(server, path, user):
    answer = server.session(user).get(path)
    headers = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
    assert {name: answer.headers.get(name) for name in headers} == headers
    policies = answer.raw.headers.getlist("Content-Security-Policy")
    assert len(policies) == 1
    assert "default-src 'none'" in policies[0] and "frame-ancestors 'none'" in policies[0]
    assert answer.headers["Server"] == "nginx"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert "Strict-Transport-Security" not in answer.headers
    for name in ("X-Request-Id", "Cache-Control", "Content-Type"):
        assert len(answer.raw.headers.getlist(name)) <= 1, name


def test_pages_may_load_only_their_own_parts(ann):
    policy = dict(part.strip().split(" ", 1) for part in ann.get("/ui/").headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["img-src"] == "'self' blob: data:"


def test_label_list_of_tens_of_kilobytes_fits_the_header(make_server):
    server = make_server()
    server.add_user("ann")
    labels = [f"label {number} {'x' * 90}" for number in range(600)]
    server.add_dataset("demo", labels=labels)
    ann = server.start().session("ann")
    answer = ann.post("/obtain", json={"dataset_name": "demo", "id": 0})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/png"
    assert len(answer.headers["X-Response-Json"]) > 60000


# --- logs


def test_request_id_is_shared_by_client_nginx_and_program(server, ann):
    (server.databases / "broken.db").write_bytes(b"SQLite format 3\0" + b"junk" * 2000)
    answer = ann.post("/size", json={"dataset_name": "broken"})
    assert answer.status_code == 500
    number = answer.headers["X-Request-Id"]
    line = until(lambda: next((line for line in server.request_log() if line["request_id"] == number), None), "the log line")
    assert (line["user"], line["method"], line["uri"], line["status"]) == ("ann", "POST", "/size", 500)
    assert line["bytes"] > 0 and line["request_time"] >= 0 and line["upstream_time"] >= 0
    told = [line for line in server.program_log("size") if line.get("request_id") == number]
    assert len(told) == 1 and "broken" in told[0]["error"]
    assert told[0]["traceparent"] == line["traceparent"]


def log_line_of(server, head):
    number = raw(server, head)[1]["x-request-id"]
    return until(lambda: next((line for line in server.request_log() if line["request_id"] == number), None), "the log line")


def test_log_stays_json_whatever_is_asked(server):
    strange = b'GET /"%22{}\\ HTTP/1.1\r\nHost: x\r\nUser-Agent: "\\\x07\r\nAuthorization: Basic Ig==\r\n\r\n'
    line = log_line_of(server, strange)
    assert (line["uri"], line["agent"]) == ('/"%22{}\\', '"\\\x07')
    not_utf8 = b"GET /\xfe HTTP/1.1\r\nHost: x\r\nUser-Agent: \xc3\r\nAuthorization: Basic /w==\r\n\r\n"
    line = log_line_of(server, not_utf8)
    assert (line["uri"], line["agent"]) == ("(not ASCII)", "(not ASCII)")


# --- users whose password a person chose


def add_human(server, name):
    hashed = subprocess.run(["openssl", "passwd", "-6", "secret"], capture_output=True, text=True, check=True).stdout.strip()
    server.add_user(name, password_hash=hashed)


def test_rate_of_chosen_passwords_is_limited_and_that_of_keys_is_not(make_server):
    server = make_server(config={"limits": {"human_requests_per_second": 2}})
    server.add_user("ann")
    add_human(server, "hugo")
    server.add_dataset()
    server.start()
    ann, hugo = server.session("ann"), server.session("hugo")
    size = {"dataset_name": "demo"}
    assert hugo.post("/size", json=size).status_code == 200
    statuses = [hugo.post("/size", json=size).status_code for _ in range(100)]
    assert set(statuses) == {200, 429}
    refused = next(answer for _ in range(1000) if (answer := hugo.post("/size", json=size)).status_code == 429)
    assert refused.json() == {"message": "Too many requests: slow down"}
    assert refused.headers["Retry-After"] == "1"
    assert {ann.post("/size", json=size).status_code for _ in range(100)} == {200}


def test_guessing_a_chosen_password_is_limited_before_the_slow_check(make_server):
    server = make_server(config={"limits": {"human_requests_per_second": 2}})
    add_human(server, "hugo")
    server.add_dataset()
    guesser = server.start().session()
    statuses = [guesser.post("/size", auth=("hugo", f"guess{number}")).status_code for number in range(100)]
    assert statuses.count(429) > 50 and set(statuses) == {401, 429}


# --- pages


def test_root_leads_to_the_pages(ann):
    for path in ("/", "/ui"):
        answer = ann.get(path, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/ui/")


def test_pages_have_addresses_without_html_and_are_revalidated(ann):
    page = ann.get("/ui/label?dataset=demo")
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Cache-Control"] == "private, no-cache"
    again = ann.get("/ui/label", headers={"If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304


def test_favicon_is_no_error(anyone):
    assert anyone.get("/favicon.ico").status_code == 204
