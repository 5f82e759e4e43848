"""Behind a proxy, below a path: every address in an answer leads back through the proxy."""
from base64 import b64encode
from urllib.parse import quote

import pytest
from harness import draw, until
from proxy import Proxy

TRUSTED = {"trusted_proxy": "127.0.0.1"}
WAYS = {
    "the path is configured and taken away": ({"base_path": "/label"}, True, ()),
    "the path is configured and left": ({"base_path": "/label/"}, False, ()),
    "the proxy tells the path and takes it away": (TRUSTED, True, ["X-Forwarded-Prefix /label"]),
    "the proxy tells the path and leaves it": (TRUSTED, False, ["X-Forwarded-Prefix /label/"]),
    "both": ({**TRUSTED, "base_path": "/elsewhere"}, True, ["X-Forwarded-Prefix /label"]),
}
NAME = "odd name?#:%25 ü"


@pytest.fixture(scope="module", params=WAYS.values(), ids=WAYS)
def proxied(request, make_shared_server, tmp_path_factory):
    listen, strip, headers = request.param
    server = make_shared_server(config={"listen": listen, "default_dataset": "collected"})
    server.add_user("ann", role="admin")
    server.add_dataset("demo")
    server.add_dataset(NAME, samples=1)
    server.start()
    with Proxy(tmp_path_factory.mktemp("proxy") / "nginx", server, "/label", strip, ["Host $http_host", *headers]) as proxy:
        session = server.session("ann")
        session.base, session.proxy, session.server = proxy.url, proxy, server
        yield session


def test_redirects_lead_back(proxied):
    for path in ("/", "/ui"):
        answer = proxied.get(path, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (302, "/label/ui/"), path
    assert proxied.get("/ui/").status_code == 200


def test_pages_name_nothing_by_an_absolute_path(proxied):
    for page in ("/ui/", "/ui/label", "/ui/review"):
        text = proxied.get(page).text
        assert 'href="/' not in text and 'src="/' not in text, page


@pytest.mark.parametrize("dataset", ["demo", NAME])
def test_addresses_of_images_lead_back(proxied, dataset):
    described = proxied.get(f"/v1/datasets/{quote(dataset, safe='')}/samples/0").json()
    for key in ("image_url", "thumb_url"):
        assert described[key].startswith("/label/"), key
        answer = proxied.get(proxied.proxy.origin + described[key])
        assert (answer.status_code, answer.headers["Content-Type"].split("/")[0]) == (200, "image"), key
    told = proxied.post("/obtain", json={"dataset_name": dataset, "id": 0}, headers={"Accept": "application/json"}).json()
    assert told["image_url"] == described["image_url"]
    task = proxied.post(f"/v1/datasets/{quote(dataset, safe='')}/tasks", json={}).json()["tasks"][0]
    assert task["sample"]["image_url"].startswith("/label/images/")


def test_an_upload_piece_by_piece_goes_on_where_it_is_told(proxied, tmp_path):
    picture = draw(tmp_path / "new.png", "green", (33, 44)).read_bytes()
    tus = {"Tus-Resumable": "1.0.0"}
    made = proxied.post("/v1/datasets/collected/uploads", headers={
        **tus, "Upload-Length": str(len(picture)), "Upload-Metadata": "filename " + b64encode(b"new.png").decode()})
    assert made.status_code == 201 and made.headers["Location"].startswith("/label/v1/datasets/collected/uploads/")
    address = proxied.proxy.origin + made.headers["Location"]
    sent = proxied.patch(address, data=picture, headers={**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"})
    assert (sent.status_code, sent.headers["Tus-Resumable"]) == (204, "1.0.0")


def test_what_is_made_is_where_it_is_told(proxied):
    made = proxied.post("/v1/datasets", json={"name": "made here"})
    assert made.headers["Location"] == "/label/v1/datasets/made%20here"
    assert proxied.get(proxied.proxy.origin + made.headers["Location"]).json()["name"] == "made here"


def test_the_collecting_systems_address_leads_back(proxied, tmp_path):
    proxied.post("/add_label/cat")
    with draw(tmp_path / "one.png", "blue", (12, 13)).open("rb") as picture:
        answer = proxied.post("/single_upload/?label=cat", files={"file": picture}).json()
    assert answer["Image URL"].startswith(proxied.proxy.url + "/public/")
    assert proxied.get(answer["Image URL"], auth=("", "")).status_code == 200


def test_errors_are_of_the_path_within(proxied):
    assert proxied.get("/v1/nothing").headers["Content-Type"] == "application/problem+json"
    assert proxied.get("/nothing").json() == {"message": "Not found"}


def test_the_server_itself_answers_as_before(proxied):
    direct = proxied.server.session("ann")
    assert direct.get("/healthz").status_code == 200
    assert direct.get("/images/demo/image0.png").status_code == 200
    assert direct.post("/size", json={"dataset_name": "demo"}).json()["size"] == 3


# --- who is trusted


def test_anybody_else_tells_nothing(make_server):
    server = make_server()
    server.add_user("ann")
    server.add_dataset()
    ann = server.start().session("ann")
    claims = {"X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.9"}
    assert ann.get("/ui", headers=claims, allow_redirects=False).headers["Location"] == "/ui/"
    assert ann.get("/v1/datasets/demo/samples/1", headers=claims).json()["image_url"].startswith("/images/")
    assert ann.post("/size", json={"dataset_name": "demo"}, headers={**claims, "Origin": "https://evil.example"}).status_code == 403
    assert ann.post("/size", json={"dataset_name": "demo"}, headers={**claims, "Origin": server.url}).status_code == 200  # no https
    until(lambda: len(server.request_log()) >= 4, "the requests' log")
    assert {line["remote"] for line in server.request_log()} == {"127.0.0.1"}


def test_a_trusted_proxys_name_and_its_clients_address_hold(make_server, tmp_path):
    """A proxy that asks by the server's own name, as nginx does unless told otherwise."""
    server = make_server(config={"listen": {"trusted_proxy": ["10.0.0.0/8", "127.0.0.1"]}})
    server.add_user("ann")
    server.add_dataset()
    server.start()
    headers = ["X-Forwarded-Host public.example", "X-Forwarded-Proto https", "X-Forwarded-For $http_test_client"]
    with Proxy(tmp_path / "nginx", server, "/label", headers=headers) as proxy:
        ann = server.session("ann")
        ours, size = {"Origin": "https://public.example"}, {"dataset_name": "demo"}
        assert ann.post(proxy.url + "/size", json=size, headers=ours).status_code == 200
        assert ann.post(proxy.url + "/size", json=size, headers={"Origin": "http://public.example"}).status_code == 403
        assert ann.post(proxy.url + "/size", json=size, headers={"Origin": "https://evil.example"}).status_code == 403
        strangers = {"Test-Client": "192.0.2.7"}
        assert ann.post(proxy.url + "/size", json=size, headers={"Test-Client": "192.0.2.8"}).status_code == 200
        while ann.post(proxy.url + "/size", json=size, headers=strangers, auth=("ann", "wrong")).status_code != 429:
            pass
        assert ann.post(proxy.url + "/size", json=size, headers={"Test-Client": "192.0.2.8"}).status_code == 200
