"""A person who opens an address that fails sees a page that says what to do, and leads on."""
import re

import pytest
from harness import send_raw

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server(tls=True)
    server.add_user("ann")
    server.add_user("viewer", role="viewer")
    server.add_dataset("demo")
    return server.start()


def seen(answer, status):
    """The page's text, without its tags."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    for part in ("<title>", "<main>", "<h1>", 'lang="en"'):
        assert answer.text.count(part) == 1, part
    return re.sub(r"<[^>]*>", " ", answer.text)


@pytest.mark.parametrize("path", ["/", "/ui/", "/v1/me", "/images/demo/image0.png", "/nothing"])
def test_who_is_not_signed_in_is_told_how(server, path):
    answer = server.session().get(path, headers=BROWSER)
    assert "your name and your key" in seen(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Basic") and 'href="/ui/"' in answer.text


@pytest.mark.parametrize("path", ["/nothing", "/ui/nothing", "/v1/nothing", "/images/demo/nothing.png", "/v1/datasets/nothing", "/v1/datasets/demo/samples/99"])
def test_an_address_where_nothing_is_leads_to_the_datasets(server, path):
    answer = server.session("ann").get(path, headers=BROWSER)
    seen(answer, 404)
    assert '<a href="/ui/">All datasets</a>' in answer.text


def test_who_may_only_look_is_told_who_can_help(server):
    answer = server.session("viewer").get("/v1/datasets/demo/tasks", headers=BROWSER)
    text = seen(answer, 403)
    assert "admin" in text and "may look" in text and "annotator" in text
    assert '<a href="/ui/">' in answer.text


def test_who_asks_the_port_of_https_by_http_is_led_there(server):
    head = b"GET /nothing HTTP/1.1\r\nHost: %s:1\r\nAccept: text/html\r\n\r\n"
    status, headers, body = send_raw(server.tls_port, head % b"labels.example")
    assert (status, headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert b'href="https://labels.example:%d/ui/"' % server.tls_port in body
    assert b"evil" not in send_raw(server.tls_port, head % b'x"evil')[2]


def test_what_is_shown_is_text(server):
    answer = server.session("ann").get("/v1/datasets/demo?<script>=1", headers=BROWSER)
    assert "<script>" not in answer.text


def test_scripts_and_pages_get_json_as_before(server):
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.1", "image/avif,image/webp,*/*", None):
        answer = server.session("ann").get("/nothing", headers={"Accept": accept})
        assert answer.json() == {"message": "Not found"}, accept
        assert server.session("ann").get("/v1/nothing", headers={"Accept": accept}).headers["Content-Type"] == "application/problem+json"
    assert server.session("ann").post("/size", json={"dataset_name": "nothing"}, headers=BROWSER).json() == {"message": "Database not found"}
