"""Who is let in: keys by nginx, passwords that people chose by the gate, which slows down guessing and reveals no
names."""
import subprocess
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import send_raw, until
from requests.adapters import HTTPAdapter

FAILURES = 10  # lib/auth/gate.h
REFUSED_MIN_SECONDS = 0.02  # cgi/gate.c
SIZE = {"dataset_name": "demo"}
KEY = "aGeneratedKeyOf22bytesA"[:21] + "Q"  # as image-label-user makes them: 128 bits
EMPTY = "$6$abcdefgh$v7sYNA18/BerGOYQLppYLyjH4yJilp8kqe/ef3KYMK9hOIdzH1yzcmP74Ay.m51y1jP3QqxM7Jl75S4CxDhBq."  # which openssl does not make
DENIED, SLOW = {"message": "Authentication failed"}, {"message": "Too many requests: slow down"}


def hashed(password):
    return subprocess.run(["openssl", "passwd", "-6", password], capture_output=True, text=True, check=True).stdout.strip()


PATHS = ["/size", "/v1/datasets", "/images/demo/image0.png", "/v1/datasets/demo/samples/1/thumb", "/nothing"]


@pytest.fixture(scope="module")
def server(make_shared_server):
    """Its users are asked for by one test each: what has failed is counted by name."""
    server = make_shared_server(config={"limits": {"human_requests_per_second": 10000}})
    for number in range(9):
        server.add_user(f"pin{number}", password="1234", role="admin")
        server.add_user(f"a/slash{number}", password="1234")
        server.add_user(f"key{number}", password=KEY)
        server.add_user(f"own{number}", "correct horse", password_hash=hashed("correct horse"))
    server.add_user("lazy", password_hash=EMPTY)
    server.add_dataset()
    server.add_dataset("others")
    server.add_user("bound", password=KEY, datasets=["others"])
    return server.start()


def from_address(server, address, user=None):
    """A client elsewhere: all of 127.0.0.0/8 is this machine."""
    session = server.session(user)

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *words, **options):
            super().init_poolmanager(*words, source_address=(address, 0), **options)

    session.mount("http://", Adapter())
    return session


def shown(answer):
    """All that an answer tells, but for what differs each time."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("Date", "X-Request-Id", "Retry-After")}
    return answer.status_code, answer.content, headers


def guess(server, name, path="/size", address="127.0.0.1"):
    session = from_address(server, address)
    session.auth = (name.encode(), b"wrong")
    return session.post(path, json=SIZE) if path == "/size" else session.get(path)


def guess_until_braked(server, name, path="/size", address="127.0.0.1"):
    """All answers, of which the last is a 429. (A failure is forgotten after six seconds: a slow machine can try more.)"""
    answers = [guess(server, name, path, address)]
    while answers[-1].status_code == 401:
        assert len(answers) < 5 * FAILURES
        answers.append(guess(server, name, path, address))
    return answers


@pytest.mark.parametrize("number, path", enumerate(PATHS))
def test_a_refusal_is_alike_for_all_names(server, number, path):
    names = ["key", "own", "pin", "a/slash", "nobody", "../../../etc/shadow", "x" * 250, "\x1b[2J\r\n", "ñ 猫"]
    with ThreadPoolExecutor(len(names)) as pool:  # each refusal takes its time
        told = dict(zip(names, pool.map(lambda name: guess_until_braked(server, f"{name}{number}", path), names)))
    assert {name: len(answers) for name, answers in told.items() if len(answers) <= FAILURES} == {}
    wrong, slow = (shown(answer) for answer in (told["key"][0], told["key"][-1]))
    assert (wrong[0], slow[0]) == (401, 429)
    for name, answers in told.items():
        assert [shown(answer) for answer in answers] == [wrong] * (len(answers) - 1) + [slow], name


@pytest.mark.parametrize("name", ["pin8", "own8", "key8", "nobody"])
def test_a_refusal_takes_as_long_for_all_names(server, name):
    """Longer than any hash, so that it does not tell whether one was computed. (Load makes it longer, and never shorter.)"""
    begun = time.monotonic()
    assert guess(server, name).status_code == 401
    assert time.monotonic() - begun >= REFUSED_MIN_SECONDS


@pytest.mark.parametrize("path", ["/healthz", "/favicon.ico", "/public/images/cat/1.png"])
def test_what_needs_no_password_tells_no_name(server, path):
    answers = [server.session().get(path, auth=(name, "wrong")) for name in ("own0", "pin0", "nobody", "../../../etc/shadow") for _ in range(2 * FAILURES)]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert answers[0].status_code != 429


@pytest.mark.parametrize("name, password", [("pin5", "1234"), ("a/slash5", "1234"), ("own5", "correct horse")])
def test_guessing_is_braked_over_all_addresses(server, name, password):
    for address in ("127.0.0.2", "127.0.0.3"):
        guess_until_braked(server, name, address=address)
    statuses = [guess(server, name, address=f"127.0.0.{number}").status_code for number in range(4, 30)]
    assert statuses.count(429) > 10  # most of those that have never failed are not asked either
    answer = from_address(server, "127.0.0.2").post("/size", json=SIZE, auth=(name, password))
    assert (answer.status_code, answer.json()) == (429, SLOW)  # nor is the right one told from others
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_a_person_comes_in_all_the_same(server):
    person = server.session("own6")
    assert person.post("/size", json=SIZE).status_code == 200
    guess_until_braked(server, "own6", address="127.0.0.2")
    assert person.post("/size", json=SIZE).status_code == 200
    elsewhere = from_address(server, "127.0.0.3", "own6")
    assert elsewhere.post("/size", json=SIZE).status_code == 200
    assert elsewhere.get("/images/demo/image0.png").content == (server.images / "demo" / "image0.png").read_bytes()
    assert elsewhere.get("/v1/datasets/demo/samples/1/thumb").headers["Content-Type"].startswith("image/")


def test_a_key_is_never_braked(server):
    guess_until_braked(server, "key6")
    key = server.session("key6")
    assert {key.post("/size", json=SIZE).status_code for _ in range(200)} == {200}
    assert key.get("/images/demo/image0.png").status_code == 200
    assert "WWW-Authenticate" not in key.get("/ui/").headers


def test_whom_the_gate_lets_in_is_not_asked_for_a_password(server):
    own = server.session("own7")
    for path in ("/ui/", "/images/demo/image0.png", "/v1/datasets/demo/samples/1/thumb", "/v1/me"):
        answer = own.get(path)
        assert answer.status_code == 200 and "WWW-Authenticate" not in answer.headers, path


def test_a_key_shows_only_its_datasets(server):
    bound = server.session("bound")
    for path, name in (("/images/{}/image0.png", "images"), ("/v1/datasets/{}/samples/1/thumb", "thumbs")):
        assert bound.get(path.format("others")).status_code == 200, name
        assert bound.get(path.format("demo")).status_code == 404, name


def test_an_empty_password_lets_nobody_in_and_who_is_added_comes_in_at_once(server):
    new = {"empty": "", "newkey": KEY, "newpin": "4321"}
    for name, password in new.items():
        assert server.session().post("/size", json=SIZE, auth=(name, password)).status_code == 401
        server.add_user(name, password=password)
    done = server.reload()
    assert done.returncode == 0 and "empty.json: the password is empty" in done.stderr
    assert [server.session(name).post("/size", json=SIZE).status_code for name in new] == [401, 200, 200]
    for name in ("lazy", "empty", "nobody"):
        assert {server.session().post("/size", json=SIZE, auth=(name, password)).status_code for password in ("", "x")} == {401}


def test_names_are_as_they_are_written(server):
    """Upper and lower case differ, and a NUL ends no name."""
    assert server.session().post("/size", json=SIZE, auth=("PIN7", "1234")).status_code == 401
    for text in (b"pin7\0:1234", b"pin7\0x:1234", b"key7\0:" + KEY.encode(), b"pin7:1234\0", b"\xffpin7:1234", b":1234", b"pin7", b":"):
        head = b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nAuthorization: Basic " + b64encode(text) + b"\r\n\r\n"
        assert send_raw(server.port, head, b"{}")[0] == 401, text


def test_no_name_reaches_the_error_log(server):
    for name in (b"evil\x1b[31m\nname", b"nobody here", b"key8"):
        head = b"GET /ui/named HTTP/1.1\r\nHost: x\r\nAuthorization: Basic " + b64encode(name + b":wrong") + b"\r\n\r\n"
        assert send_raw(server.port, head)[0] == 401
    until(lambda: sum(line["uri"] == "/ui/named" for line in server.request_log()) == 3, "the requests' log")
    assert (server.state / "log" / "error.log").read_bytes() == b""


def test_a_gate_that_is_down_lets_only_keys_in_and_refuses_nobody(make_server):
    server = make_server()
    server.add_user("pin", password="1234")
    server.add_user("key", password=KEY)
    server.add_dataset()
    server.start()
    (server.state / "sock" / "gate.sock").rename(server.state / "gate.sock")
    for path, answer in (("/size", server.session("pin").post("/size", json=SIZE)), ("/v1/me", server.session("pin").get("/v1/me"))):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1"), path
        assert answer.json()["message"] == "The service is unavailable"
    assert server.session("key").post("/size", json=SIZE).status_code == 200
    (server.state / "gate.sock").rename(server.state / "sock" / "gate.sock")
    assert server.session("pin").post("/size", json=SIZE).status_code == 200
