"""Users and tokens in MongoDB: two machines over one database follow each other within two seconds, and take files in."""
import json
import subprocess
import time

import pymongo
import pytest
from harness import SCRIPTS, until

pytestmark = pytest.mark.on("mongo")
WITHIN = 2  # seconds, in which a change is in effect everywhere; a loaded machine may need longer, an idle one never does


@pytest.fixture(scope="module")
def shared(stores):
    """The configuration that both machines have."""
    return stores.config()


@pytest.fixture(scope="module")
def machines(make_shared_server, shared):
    """Two running servers over one database; the users' files of each are its own."""
    first, second = make_shared_server(shared), make_shared_server(shared)
    first.add_user("admin", role="admin")
    for name in ("ann", "changes", "changes here", "goes", "known", "missed", "uses"):
        first.add_user(name)
    first.add_dataset("cats")
    first.start()
    second.passwords = first.passwords
    second.start()
    return first, second


def database(shared):
    return pymongo.MongoClient(shared["dataset_store"]["uri"])[shared["dataset_store"]["database"]]


def as_user(server, user, password):
    session = server.session()
    session.auth = (user, password)
    return session


def status(server, user, password, path="/v1/me"):
    return as_user(server, user, password).get(path).status_code


def users(server):
    return [item["user"] for item in server.session("admin").get("/v1/users?limit=1000").json()["items"]]


def script(server, *words, input=None):
    done = subprocess.run([SCRIPTS / "image-label-user", "--config", server.config_file, *words], env=server.env,
                          capture_output=True, text=True, input=input, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_users_of_one_machines_files_are_known_on_the_other(machines):
    first, second = machines
    assert second.session("admin").get("/v1/me").json() == {"user": "admin", "role": "admin", "datasets": {}}
    assert second.session("ann").get("/images/cats/image0.png").status_code == 200
    assert users(second) == users(first)
    assert {"admin", "ann", "changes here"} <= {*users(second)}


def test_who_is_added_and_removed_on_one_machine_is_on_the_other(machines):
    first, second = machines
    key = first.session("admin").post("/v1/users", json={"user": "eve", "role": "viewer"}).json()["password"]
    until(lambda: status(second, "eve", key) == 200, "eve is let in")
    assert status(second, "eve", key, "/images/cats/image0.png") == 200
    assert second.session("admin").delete("/v1/users/eve").status_code == 204
    assert status(second, "eve", key) == 401
    until(lambda: status(first, "eve", key) == 401, "eve is let in no longer")
    assert status(first, "eve", key, "/images/cats/image0.png") == 401


def test_tokens_and_passwords_too(machines):
    first, second = machines
    token = first.session("changes").post("/v1/tokens", json={"name": "x", "scope": "read"}).json()
    until(lambda: status(second, token["id"], token["secret"], "/images/cats/image0.png") == 200, "the token is let in")
    assert as_user(second, token["id"], token["secret"]).get("/v1/me").json()["user"] == "changes"
    assert second.session("admin").delete("/v1/tokens/" + token["id"]).status_code == 204
    until(lambda: status(first, token["id"], token["secret"], "/images/cats/image0.png") == 401, "the token is let in no longer")
    assert second.session("changes").post("/v1/me/password", json={"password": "a chosen one"}).status_code == 204
    until(lambda: status(first, "changes", "a chosen one") == 200, "the password is known")
    assert status(first, "changes", "secret") == 401


def test_a_change_is_in_effect_everywhere_in_time(machines):
    """The best of some tries: on a machine that is busy with other things each may be late."""
    first, second = machines
    took = []
    for number in range(5):
        key = first.session("admin").post("/v1/users", json={"user": f"u{number}"}).json()["password"]
        until(lambda: status(second, f"u{number}", key) == 200, "the user is let in")
        assert first.session("admin").delete(f"/v1/users/u{number}").status_code == 204
        begun = time.monotonic()
        until(lambda: status(second, f"u{number}", key, "/images/cats/image0.png") == 401, "the user is let in no longer")
        took.append(time.monotonic() - begun)
        if took[-1] < WITHIN:
            return
    raise AssertionError(f"each took longer than {WITHIN} s: {took}")


def test_the_audit_log_is_one(machines):
    first, second = machines
    first.session("admin").post("/v1/users", json={"user": "ida"})
    second.session("admin").delete("/v1/users/ida")
    for machine in machines:
        entries = machine.session("admin").get("/v1/audit?limit=1000").json()["items"]
        assert [(entry["action"], entry["target"]) for entry in entries][-2:] == [("user.add", "ida"), ("user.remove", "ida")]


def test_a_use_on_one_machine_is_listed_on_the_other(machines):
    first, second = machines
    last = lambda: next(item["last_used_at"] for item in second.session("admin").get("/v1/users").json()["items"] if item["user"] == "uses")  # noqa: E731
    assert last() is None
    assert first.session("uses").get("/v1/me").status_code == 200
    until(last, "the use is known")


def test_the_command_works_on_the_store(machines, shared):
    first, second = machines
    key = script(first, "add", "bob", "--role", "viewer").splitlines()[-1]
    assert status(first, "bob", key) == 200
    until(lambda: status(second, "bob", key) == 200, "bob is let in")
    script(second, "grant", "bob", "contributor")
    until(lambda: as_user(first, "bob", key).get("/v1/me").json()["role"] == "contributor", "bob may more")
    assert "bob" in [item["user"] for item in json.loads(script(second, "list", "--json"))]
    script(first, "remove", "bob")
    until(lambda: status(second, "bob", key) == 401, "bob is let in no longer")
    assert not [*first.users.glob("bob*")] and not [*second.users.glob("bob*")]


def test_the_store_holds_no_password(machines, shared):
    text = str([*database(shared)["accounts"].find()])
    assert "ann" in text and "password_hash" in text and "secret" not in text


def test_a_removed_user_is_not_brought_back_by_a_file(machines):
    first, second = machines
    assert first.session("admin").delete("/v1/users/goes").status_code == 204
    assert (first.users / "goes.json").exists()
    assert first.reload().returncode == 0
    assert status(first, "goes", "secret") == 401
    second.add_user("goes")  # a copy of the files, as machines had them before
    assert second.reload().returncode == 0
    assert status(second, "goes", "secret") == 401


def test_a_file_that_is_changed_is_taken_in_again(machines):
    first, second = machines
    assert second.session("changes here").post("/v1/me/password", json={"password": "a chosen one"}).status_code == 204
    assert first.reload().returncode == 0  # which changes nothing: the file is as it was
    assert (status(first, "changes here", "secret"), status(first, "changes here", "a chosen one")) == (401, 200)
    first.add_user("changes here", password="another", role="viewer")
    assert first.reload().returncode == 0
    assert (status(first, "changes here", "another"), status(first, "changes here", "a chosen one")) == (200, 401)
    until(lambda: status(second, "changes here", "another") == 200, "ann's file is taken in")


def test_of_a_user_whom_the_store_knows_another_machines_file_does_not_hold(machines):
    _, second = machines
    second.users.joinpath("known.json").write_text('{"user": "known", "password": "stale", "role": "admin"}')
    done = second.reload()
    assert done.returncode == 0
    assert 'the store knows user "known"' in done.stderr
    assert (status(second, "known", "secret"), status(second, "known", "stale")) == (200, 401)


def test_a_file_of_a_new_user_is_taken_in_on_any_machine(machines):
    first, second = machines
    second.add_user("new", role="viewer")
    assert second.reload().returncode == 0
    assert second.session("new").get("/v1/me").json()["role"] == "viewer"
    until(lambda: status(first, "new", "secret") == 200, "the new user is let in")


def test_what_was_compiled_of_files_alone_is_compiled_anew(machines):
    """Somebody ran the command without the store's configuration."""
    first, _ = machines
    grants = (first.users / ".grants").read_text()
    without = first.folder / "without.json"
    without.write_text(json.dumps({"json_user_dir": str(first.users), "sqlite_db_dir": str(first.databases)}))
    subprocess.run([SCRIPTS / "image-label-user", "--config", without, "remove", "ann"], env=first.env, check=True, capture_output=True)
    until(lambda: (first.users / ".grants").read_text() == grants, "the store's users are compiled")
    assert status(first, "ann", "secret") == 200


def test_a_machine_that_was_away_has_missed_nothing(machines):
    first, second = machines
    second.stop()
    key = first.session("admin").post("/v1/users", json={"user": "fay"}).json()["password"]
    first.session("admin").delete("/v1/users/missed")
    second.start()
    assert (status(second, "fay", key), status(second, "missed", "secret")) == (200, 401)


def test_the_first_start_of_several_machines_makes_one_admin(make_server, stores):
    shared = stores.config()
    first, second = make_server(shared), make_server(shared)
    first.add_dataset("cats")
    first.start()
    second.start()
    documents = [json.loads(item["text"]) for item in database(shared)["accounts"].find({"text": {"$exists": True}})]
    assert [document["user"] for document in documents] == ["admin"]
    assert not [*first.users.glob("*.json")]


def test_tokens_of_files_move_into_the_store(make_server, stores):
    shared = stores.config()
    server = make_server()
    server.add_user("ann", role="admin")
    server.add_dataset("cats")
    del server.config["dataset_store"]
    server.write_config()
    server.start()
    token = server.session("ann").post("/v1/tokens", json={"name": "x", "scope": "write"}).json()
    assert [*server.users.glob("*.token")]
    assert server.command("stop").returncode == 0
    server.config |= shared
    server.write_config()
    server.restart()
    assert not [*server.users.glob("*.token")]
    assert status(server, token["id"], token["secret"]) == 200
    assert server.session("ann").delete("/v1/tokens/" + token["id"]).status_code == 204
    server.restart()
    assert status(server, token["id"], token["secret"]) == 401
