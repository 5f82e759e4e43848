"""A server that is started without any user: an admin is made, whose key is shown once."""
import os
import re
import subprocess

import pytest
from harness import SCRIPTS, free_port, until

SHOWN = re.compile(r"^There was no user, so admin was added.*:\n(\S{22})$", re.MULTILINE)


@pytest.fixture
def server(make_server):
    server = make_server()
    server.add_dataset("cats")
    return server


def begin(server):
    """The first start; its key."""
    server.port = free_port()
    done = server.command("start")
    assert done.returncode == 0, f"{done.stderr}\n{server.logs()}"
    (key,) = SHOWN.findall(done.stdout)
    return key


def session(server, key):
    server.passwords["admin"] = key
    return server.session("admin")


def test_the_first_start_makes_an_admin_and_shows_the_key(server):
    admin = session(server, begin(server))
    assert admin.get("/v1/me").json() == {"user": "admin", "role": "admin", "datasets": {}}
    (entry,) = admin.get("/v1/audit").json()["items"]
    assert (entry["by"][:6], entry["action"], entry["target"]) == ("local:", "user.add", "admin")
    added = admin.post("/v1/users", json={"user": "ann", "role": "viewer"})
    assert added.status_code == 201
    assert admin.get("/images/cats/image0.png").status_code == 200


def test_the_key_is_shown_once_and_lies_in_no_file(server):
    key = begin(server)
    for folder in (server.state, server.users, server.databases):
        for file in folder.rglob("*"):
            assert not file.is_file() or key.encode() not in file.read_bytes(), file
    assert server.command("stop").returncode == 0
    again = server.command("start")
    assert again.returncode == 0
    assert not SHOWN.search(again.stdout) and key not in again.stdout
    assert session(server, key).get("/v1/me").status_code == 200


def test_in_the_foreground_too(server):
    server.port = free_port()
    words = [SCRIPTS / "image-label-server", "--config", server.config_file, "--state", server.state, "--port", str(server.port), "run"]
    with (server.folder / "said").open("wb") as said:
        running = subprocess.Popen(words, env=server.env, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        until(lambda: running.poll() is not None or (server.state / "status").exists() and "/ui/" in (server.folder / "said").read_text(), "it serves")
        shown = SHOWN.search((server.folder / "said").read_text())
        assert session(server, shown[1]).get("/v1/me").json()["role"] == "admin"
    finally:
        os.kill(running.pid, 15)
        assert running.wait(60) == 0


@pytest.mark.parametrize("user", ['{"user": "ann", "password": "x", "expires": "2001-01-01T00:00:00Z"}', '{"user": "ann",', '{"user": "ann"}'])
def test_where_users_are_meant_none_is_made(server, user):
    """Their files are to be mended: a key that somebody else is shown would not be that."""
    (server.users / "ann.json").write_text(user)
    server.port = free_port()
    done = server.command("start")
    assert done.returncode == 1
    assert "no user" in done.stderr
    assert sorted(file.name for file in server.users.glob("*.json")) == ["ann.json"]


def test_a_reload_that_finds_no_user_any_more_is_refused(server):
    """It could show a key to nobody who waits for one; who is no user any more is shut out all the same."""
    key = begin(server)
    (server.users / "admin.json").unlink()
    done = server.reload()
    assert (done.returncode, "no user" in done.stderr) == (1, True)
    assert session(server, key).get("/v1/me").status_code == 401
    assert not [*server.users.glob("*.json")]
