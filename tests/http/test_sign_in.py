"""Signing in at a proxy: a real nginx in front, with the recipes of the manual, says who it is; from anywhere else that says nothing."""
import contextlib
import json
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from harness import free_port, kill, until
from proxy import Nginx, recipe
from test_descriptors import no_more_files


@contextlib.contextmanager
def front(folder, inside, tls=None):
    """Another nginx; its address."""
    port, listen = free_port(), ""
    if tls:
        listen, inside = "ssl", f"ssl_certificate {tls}.pem; ssl_certificate_key {tls}.key;\n{inside}"
    with Nginx(folder, f"server {{ listen 127.0.0.1:{port} {listen};\n{inside} }}"):
        yield f"http{'s' if tls else ''}://127.0.0.1:{port}"


@contextlib.contextmanager
def portal(header):
    """Answers as Authelia and oauth2-proxy do, to a cookie in which stands who signed in; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.headers.get("Cookie", "").removeprefix("session=")
            self.send_response(200 if name else 401)
            self.send_header(*((header, name) if name else ("Location", "https://auth.example.org/?rd=" + self.headers.get("X-Original-URL", ""))))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        try:
            yield served.server_port
        finally:
            served.shutdown()


def sign(folder, name, by=None):
    """A certificate for `name`, by itself or by another."""
    by = by or name
    key, request, made = (folder / f"{name}{ending}" for ending in (".key", ".csr", ".pem"))
    run = lambda *words: subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)  # noqa: E731
    run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/O=Lab/CN={name}", "-keyout", key, "-out", request)
    if by == name:
        run("req", "-x509", "-key", key, "-days", "30", "-subj", f"/O=Lab/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", made)
    else:
        run("x509", "-req", "-in", request, "-CA", folder / f"{by}.pem", "-CAkey", folder / f"{by}.key", "-CAcreateserial", "-days", "30", "-out", made)
    return folder / name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Closed to others, as the socket's must be."""
    folder = tmp_path_factory.mktemp("sign in")
    folder = folder.rename(str(folder).replace(" ", "-"))
    folder.chmod(0o750)
    return folder


@pytest.fixture(scope="module")
def server(make_shared_server, folder):
    users = folder / "users.json"
    users.write_text(json.dumps({"Ann.Example+a@example.org": "ann", "bob": "bob", "gone": "nobody of that name", "Cyd (lab)": "cyd", "ann.example@x": "cyd"}))
    sign(folder, "authority")
    listen = {"trusted_proxy": [f"unix:{folder}/proxy.sock", "127.0.0.1"], "proxy_ca": str(folder / "authority.pem"), "proxy_users": str(users),
              "proxy_sign_out": "/oauth2/sign_out?rd=/bye"}  # fmt: skip
    server = make_shared_server(config={"listen": listen}, tls=True)
    server.add_dataset("demo")
    server.add_dataset("other")
    server.add_user("ann")
    server.add_user("bob", role="annotator", datasets=["demo"])
    server.add_user("cyd", role="admin", expires="2020-01-01T00:00:00Z")
    return server.start()


def to_socket(folder, headers="proxy_set_header Remote-User $http_says;"):
    return f"location / {{ proxy_pass http://unix:{folder}/proxy.sock; {headers} proxy_set_header Host $http_host; }}"


@pytest.fixture(scope="module")
def proxied(server, folder, tmp_path_factory):
    """A proxy that believes what its client says in Says."""
    with front(tmp_path_factory.mktemp("f") / "nginx", to_socket(folder)) as address:
        yield lambda path, name, **more: requests.get(address + path, headers={"Says": name, **more.pop("headers", {})}, allow_redirects=False, **more)


def test_whom_the_proxy_names_is_let_in_with_their_own_role(proxied):
    assert proxied("/v1/me", "Ann.Example+a@example.org").json()["user"] == "ann"
    me = proxied("/v1/me", "bob").json()
    assert me["user"] == "bob"
    assert [dataset["name"] for dataset in proxied("/v1/datasets", "bob").json()["items"]] == ["demo"]
    assert proxied("/v1/datasets/other", "bob").status_code == 404
    assert proxied("/images/demo/image0.png", "bob").status_code == 200
    assert proxied("/images/other/image0.png", "bob").status_code == 404


@pytest.mark.parametrize(
    "name", ["", "stranger", "ann", "ann.example+a@example.org", "Ann.Example+a@exampleXorg", "Ann.Example+a@example.org, bob", "bob,bob", "gone", "Cyd (lab)", "ann.example@x"]
)
def test_who_is_unknown_or_whose_time_is_over_is_refused(proxied, name):
    """Case, and what an expression would mean by a dot or a plus, tell names apart."""
    for path in ("/v1/me", "/images/demo/image0.png", "/ui/"):
        assert proxied(path, name).status_code in ((401,) if path != "/images/demo/image0.png" else (401, 404)), path


def test_a_page_says_that_no_user_has_this_name(proxied):
    page = proxied("/ui/", "gone", headers={"Accept": "text/html"})
    assert page.status_code == 401 and "this server has no user of your name" in page.text
    assert "WWW-Authenticate" not in page.headers


def test_a_key_is_taken_through_the_proxy_too(proxied, server):
    key = ("bob", server.passwords["bob"])
    assert proxied("/v1/me", "", auth=key).json()["user"] == "bob"
    assert proxied("/v1/me", "stranger", auth=key).json()["user"] == "bob"
    assert proxied("/v1/me", "Ann.Example+a@example.org", auth=key).json()["user"] == "ann"  # as the proxy says
    assert proxied("/v1/me", "Ann.Example+a@example.org", auth=("bob", "wrong")).json()["user"] == "ann"


def test_signing_out_is_the_proxys(proxied):
    left = proxied("/ui/leave?once=1", "bob")
    assert (left.status_code, left.headers["Location"]) == (302, "/oauth2/sign_out?rd=/bye")
    assert "WWW-Authenticate" not in left.headers and "Set-Cookie" not in left.headers


def test_the_log_names_the_user(proxied, server):
    assert proxied("/v1/me?of=log", "Ann.Example+a@example.org").status_code == 400
    until(lambda: [line["user"] for line in server.request_log() if line["uri"] == "/v1/me?of=log"] == ["ann"], "the line")


def test_nobody_is_unknown_because_the_gate_cannot_be_asked(proxied, server):
    assert proxied("/v1/me", "bob").status_code == 200
    before = server.processes("gate")
    kill(before)  # and nginx's connections to it
    until(lambda: server.processes("gate") not in ([], before), "it runs again")
    with no_more_files(server, "nginx", 1):  # the proxy's connection, and none to the gate
        assert proxied("/v1/me", "bob").status_code == 503
    assert proxied("/v1/me", "bob").status_code == 200


# --- from anywhere else


@pytest.mark.parametrize("header", ["Remote-User", "remote-user", "REMOTE-USER", "X-Remote-User", "Remote_User", "Proxy-User", "X-Forwarded-User"])
def test_what_anybody_else_says_is_nothing(server, folder, header):
    claims = {header: "Ann.Example+a@example.org"}
    assert requests.get(server.url + "/v1/me", headers=claims).status_code == 401
    assert requests.get(server.url + "/images/demo/image0.png", headers=claims).status_code == 401
    bob = server.session("bob")
    assert bob.get("/v1/me", headers=claims).json()["user"] == "bob"
    trusted = requests.get(server.tls_url + "/v1/me", headers=claims, verify=server.certificate)  # an address, no certificate
    assert trusted.status_code == 401


def test_an_address_needs_a_certificate_of_the_proxys_authority(server, folder):
    sign(folder, "proxy", "authority")
    sign(folder, "another")
    sign(folder, "intruder", "another")
    claims = {"Remote-User": "Ann.Example+a@example.org"}

    def ask(name):
        return requests.get(server.tls_url + "/v1/me", headers=claims, verify=server.certificate, cert=(f"{folder}/{name}.pem", f"{folder}/{name}.key"))

    assert ask("proxy").json()["user"] == "ann"
    assert ask("intruder").status_code == 400
    assert ask("another").status_code == 400


def test_a_certificate_from_an_address_that_is_not_trusted_says_nothing(make_server, folder):
    sign(folder, "authority2")
    sign(folder, "proxy2", "authority2")
    server = make_server(config={"listen": {"trusted_proxy": "192.0.2.1", "proxy_ca": str(folder / "authority2.pem")}}, tls=True)
    server.add_user("ann")
    server.add_dataset()
    server.start()
    cert = (f"{folder}/proxy2.pem", f"{folder}/proxy2.key")
    assert requests.get(server.tls_url + "/v1/me", headers={"Remote-User": "ann"}, verify=server.certificate, cert=cert).status_code == 401


# --- the manual's recipes


def signed_in(address, name, **more):
    return requests.get(address + "/v1/me", cookies={"session": name} if name else {}, allow_redirects=False, **more)


@pytest.mark.parametrize("begins, header, port", [("location = /.authelia", "Remote-User", 9091), ("location /oauth2/", "X-Auth-Request-Email", 4180)])
def test_the_recipe_of_a_portal(server, folder, tmp_path, begins, header, port):
    with portal(header) as own:
        inside = recipe(begins).replace(f"127.0.0.1:{port}", f"127.0.0.1:{own}").replace("/run/labels", str(folder))
        with front(tmp_path / "nginx", inside) as address:
            assert signed_in(address, "bob").json()["user"] == "bob"
            assert signed_in(address, "bob", headers={"Remote-User": "Ann.Example+a@example.org", "Authorization": ""}).json()["user"] == "bob"
            assert signed_in(address, "stranger").status_code == 401 or signed_in(address, "stranger").status_code == 302
            sent_away = signed_in(address, "", headers={"Remote-User": "Ann.Example+a@example.org"})
            assert sent_away.status_code == 302 and "rd=http://127.0.0.1:" in sent_away.headers["Location"]
            posted = requests.post(address + "/size", json={"dataset_name": "demo"}, cookies={"session": "bob"}, headers={"Origin": address})
            assert posted.json()["size"] == 3
            assert requests.post(address + "/size", json={"dataset_name": "demo"}, cookies={"session": "bob"}, headers={"Origin": "https://evil.example"}).status_code == 403


def test_the_recipe_of_client_certificates(server, folder, tmp_path):
    sign(folder, "people")
    sign(folder, "bob", "people")
    sign(folder, "stranger", "people")
    site = sign(folder, "site")
    inside = recipe("ssl_client_certificate").replace("/etc/nginx/people.pem", f"{folder}/people.pem").replace("/run/labels", str(folder))
    with front(tmp_path / "nginx", inside, tls=site) as address:

        def ask(name, **headers):
            cert = (f"{folder}/{name}.pem", f"{folder}/{name}.key") if name else None
            return requests.get(address + "/v1/me", verify=f"{site}.pem", cert=cert, headers=headers)

        assert ask("bob").json()["user"] == "bob"
        assert ask("bob", **{"Remote-User": "Ann.Example+a@example.org"}).json()["user"] == "bob"
        assert ask("stranger").status_code == 401
        assert ask(None, **{"Remote-User": "bob"}).status_code == 400


def test_the_recipe_of_an_address_and_a_certificate(server, folder, tmp_path):
    sign(folder, "front", "authority")
    block = recipe("proxy_pass https://10.0.0.5")
    for old, new in {"10.0.0.5:44443": f"127.0.0.1:{server.tls_port}", "/etc/nginx/proxy": f"{folder}/front", "/etc/nginx/labels.pem": server.certificate,
                     "labels.example.org": "localhost"}.items():  # fmt: skip
        block = block.replace(old, str(new))
    with front(tmp_path / "nginx", f"location / {{ {block} proxy_set_header Remote-User bob; }}") as address:
        assert requests.get(address + "/v1/me").json()["user"] == "bob"


# --- what is refused at start


def refused(make_server, listen, tls=False):
    server = make_server(config={"listen": listen}, tls=tls)
    server.add_user("ann")
    server.add_dataset()
    done = server.command("start")
    assert done.returncode != 0
    return done.stderr


def test_a_folder_that_everybody_can_enter_is_refused(make_server, tmp_path):
    tmp_path.chmod(0o755)
    assert f"everybody on this machine can reach {tmp_path}/proxy.sock" in refused(make_server, {"trusted_proxy": f"unix:{tmp_path}/proxy.sock"})


@pytest.mark.parametrize("text, said", [("[]", "must be an object of strings"), ('{"a": 1}', "must be an object of strings"), ("{", "listen.proxy_users"),
                                        ('{"a\\"b": "ann"}', "no name may hold"), ('{"a": "$host"}', "no name may hold")])  # fmt: skip
def test_a_file_of_names_that_is_none_is_refused(make_server, tmp_path, text, said):
    (tmp_path / "users.json").write_text(text)
    assert said in refused(make_server, {"proxy_users": str(tmp_path / "users.json")})


def test_a_socket_left_by_a_killed_server_is_taken_again(make_server, tmp_path):
    tmp_path.chmod(0o750)
    server = make_server(config={"listen": {"trusted_proxy": f"unix:{tmp_path}/proxy.sock"}})
    server.add_user("ann")
    server.add_dataset()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(f"{tmp_path}/proxy.sock")
    server.start()
    with front(tmp_path / "nginx", to_socket(tmp_path)) as address:
        answer = requests.get(address + "/v1/me", headers={"Says": "ann"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["user"] == "ann"


def test_a_reload_keeps_a_socket_and_takes_another(make_server, tmp_path):
    tmp_path.chmod(0o750)
    (tmp_path / "more").mkdir(0o750)
    first, more = (f"unix:{place}/proxy.sock" for place in (tmp_path, tmp_path / "more"))
    server = make_server(config={"listen": {"trusted_proxy": first}})
    server.add_user("ann")
    server.add_dataset()
    server.start()
    with front(tmp_path / "nginx", to_socket(tmp_path)) as one, front(tmp_path / "nginx2", to_socket(tmp_path / "more")) as another:
        asked = lambda address: requests.get(address + "/v1/me", headers={"Says": "ann"}).status_code  # noqa: E731
        assert (asked(one), asked(another)) == (200, 502)
        for sockets, answers in (([first, more], (200, 200)), ([more], (502, 200)), (first, (200, 502))):
            config = json.loads(server.config_file.read_text())
            config["listen"]["trusted_proxy"] = sockets
            server.config_file.write_text(json.dumps(config))
            assert server.reload().returncode == 0
            until(lambda answers=answers: (asked(one), asked(another)) == answers, answers)
