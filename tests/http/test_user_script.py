"""scripts/image-label-user: keys, passwords, roles, and how they take effect on a running server at once."""
import json
import os
import pty
import subprocess

import pytest
from harness import LIBEXEC, SCRIPTS

SCRIPT = SCRIPTS / "image-label-user"
ENVIRONMENT = {**os.environ, "IMAGE_LABEL_LIBEXEC": str(LIBEXEC)}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"sqlite_db_dir": "dbs", "json_db_dir": "json", "json_user_dir": "deep/users"}))
    return path


def user(config, *arguments, **options):
    words = [str(SCRIPT), "--config", str(config), *arguments]
    return subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False, **options)


def done(config, *arguments, **options):
    answer = user(config, *arguments, **options)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == f"image-label-user: configuration: {config}\n"
    return answer.stdout


def refused(answer, status, words):
    assert answer.returncode == status
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith("image-label-user: ")
    assert words in answer.stderr


def warned(config, *arguments):
    """What it warned of, beside doing it."""
    answer = user(config, *arguments)
    assert answer.returncode == 0, answer.stderr
    *warnings, used = answer.stderr.splitlines()
    assert used == f"image-label-user: configuration: {config}"
    return warnings


def listed(config):
    return {entry["user"]: entry for entry in json.loads(done(config, "list", "--json"))}


def key_of(output):
    key = output.splitlines()[-1]
    assert len(key) == 22
    return key


def test_help_shows_examples():
    answer = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True)
    assert "Examples:" in answer.stdout


def test_add_prints_the_key_last_and_keeps_only_its_hash(config):
    key = key_of(done(config, "add", "ann"))
    folder = config.parent / "deep" / "users"
    assert folder.stat().st_mode & 0o777 == 0o700
    for file in folder.iterdir():
        if file.is_file():
            assert key not in file.read_text()
            assert file.stat().st_mode & 0o777 == 0o600
    assert (folder / ".htpasswd").read_text().startswith("ann:{SSHA}")
    assert listed(config)["ann"] == {"user": "ann", "role": "annotator", "datasets": {}, "password": "key", "expires": None}


def test_where_the_audit_log_cannot_be_written_that_is_said_and_the_key_is_valid(config):
    (config.parent / "dbs").write_text("no folder")
    (warning,) = warned(config, "add", "ann")
    assert "the audit log does not say so" in warning
    assert "ann" in listed(config)


def test_add_takes_role_datasets_and_expiry(config):
    warned(config, "add", "ann", "--role", "viewer", "--datasets", "cats,big dogs", "--expires", "2999-01-31")
    ann = listed(config)["ann"]
    assert ann["role"] == "none"
    assert ann["datasets"] == {"big dogs": "viewer", "cats": "viewer"}
    assert ann["expires"] == "2999-01-31T00:00:00.000Z"


def test_password_comes_from_standard_input_where_there_is_no_terminal(config):
    done(config, "add", "ann", "--password", input="my own pässword\nnot this line\n")
    assert listed(config)["ann"]["password"] == "own"
    assert "$6$" in (config.parent / "deep/users/.grants").read_text()
    assert (config.parent / "deep/users/.htpasswd").read_text() == ""
    refused(user(config, "passwd", "ann", "--password", input="short\n"), 1, "shorter than 8 characters")
    refused(user(config, "passwd", "ann", "--password", input=""), 1, "no password was given")
    refused(user(config, "passwd", "ann", "--password", input="x" * 300), 1, "more than 256 bytes")
    refused(user(config, "passwd", "ann", "--password=on a command line"), 2, "--password takes no value")


def on_terminal(config, *lines):
    """Runs passwd on a terminal, answering each question; its exit status and all that the terminal showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(SCRIPT, [str(SCRIPT), "--config", str(config), "passwd", "ann", "--password"], ENVIRONMENT)
    shown = b""
    for question, line in zip((b"Password: ", b"Again: "), lines):
        while not shown.endswith(question):
            shown += os.read(terminal, 1000)
        os.write(terminal, line)
    try:
        while some := os.read(terminal, 1000):
            shown += some
    except OSError:  # a terminal whose other end is closed
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_password_is_asked_twice_without_echo(config):
    done(config, "add", "ann")
    status, shown = on_terminal(config, b"my own password\n", b"my own password\n")
    assert status == 0
    assert "my own" not in shown
    assert listed(config)["ann"]["password"] == "own"
    status, shown = on_terminal(config, b"my own password\n", b"another password\n")
    assert status == 1
    assert "the two passwords differ" in shown
    status, shown = on_terminal(config, b"my ow\x03")
    assert status == 1
    assert "interrupted" in shown


def test_a_dataset_whose_name_has_a_comma_is_one(config):
    warned(config, "add", "ann", "--role", "viewer", "--dataset", "cats, dogs")
    warned(config, "grant", "ann", "admin", "--dataset", "a,b")
    assert listed(config)["ann"]["datasets"] == {"a,b": "admin", "cats, dogs": "viewer"}
    assert listed(config)["ann"]["role"] == "none"


def test_what_cannot_be_is_one_line_on_stderr(config):
    done(config, "add", "ann")
    refused(user(config, "add", "ann"), 1, 'there is a user "ann" already')
    refused(user(config, "add", "a/b"), 1, "name")
    refused(user(config, "passwd", "bob"), 1, 'there is no user "bob"')
    refused(user(config, "remove", "bob"), 1, 'there is no user "bob"')
    refused(user(config, "grant", "bob", "viewer"), 1, 'there is no user "bob"')
    refused(user(config, "add", "bob", "--role", "boss"), 2, '"boss" is no role')
    for nothing in (",", "", "cats,,dogs", "cats,"):
        refused(user(config, "add", "bob", "--datasets", nothing), 2, "no dataset")
    refused(user(config, "add", "bob", "--expires", "tomorrow"), 2, "--expires")
    refused(user(config, "add", "bob", "--expires", "2001-01-01"), 2, "past")
    refused(user(config, "add"), 2, "usage: image-label-user add NAME")
    refused(user(config, "add", "bob", "more"), 2, "usage")
    refused(user(config, "list", "--password"), 2, "usage")
    refused(user(config, "frobnicate"), 2, "--help")
    refused(user(config), 2, "--help")
    refused(user(config, "list", "--bad"), 2, "--bad")
    refused(user(config.parent / "absent.json", "list"), 1, "absent.json")


def test_each_change_is_told_in_one_line(config):
    done(config, "add", "ann")
    assert done(config, "grant", "ann", "viewer") == "ann is now viewer on every dataset.\n"
    assert done(config, "grant", "ann", "none", "--dataset", "cats") == "ann has no role on cats any more.\n"
    assert done(config, "remove", "ann") == "ann is removed, and can no longer log in.\n"


def test_a_dataset_that_is_not_there_is_warned_of(config, cats):
    warning = "image-label-user: warning: there is no dataset nosuch so far"
    assert warned(cats.config_file, "add", "kim", "--datasets", "cats,nosuch") == [warning]
    assert warned(cats.config_file, "grant", "kim", "viewer", "--dataset", "nosuch") == [warning]
    done(cats.config_file, "grant", "kim", "none", "--dataset", "nosuch")
    done(cats.config_file, "remove", "kim")
    assert warned(config, "add", "kim", "--datasets", "nosuch") == [warning]


def test_the_key_is_last_where_both_outputs_come_out_together(config):
    words = [str(SCRIPT), "--config", str(config), "add", "ann"]
    together = subprocess.run(words, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    assert f"configuration: {config}" in together.stdout
    key_of(together.stdout)


def test_what_fails_names_the_configuration_too(config):
    refused(user(config, "remove", "bob"), 1, f"(configuration: {config})")


@pytest.fixture(scope="module")
def cats(make_shared_server):
    server = make_shared_server()
    server.add_user("old")
    server.add_dataset("cats")
    server.add_dataset("dogs")
    return server.start()


def size(server, name, password, dataset="cats"):
    credentials = tuple(text.encode() for text in (name, password))  # requests would send Latin-1
    return server.session().post("/size", json={"dataset_name": dataset}, auth=credentials).status_code


def test_a_running_server_takes_every_change_at_once(cats):
    config = cats.config_file
    key = key_of(done(config, "add", "ann"))
    assert size(cats, "ann", key) == 200
    second = key_of(done(config, "passwd", "ann"))
    assert size(cats, "ann", key) == 401
    assert size(cats, "ann", second) == 200
    done(config, "grant", "ann", "none", "--dataset", "cats")
    assert size(cats, "ann", second) == 404
    assert size(cats, "ann", second, "dogs") == 200
    done(config, "grant", "ann", "viewer")
    assert size(cats, "ann", second) == 200
    done(config, "remove", "ann")
    assert size(cats, "ann", second) == 401
    assert size(cats, "old", "secret") == 200


def test_the_server_takes_keys_and_passwords_of_every_kind(cats):
    config = cats.config_file
    done(config, "add", "own", "--password", input="pässword: with a colon\n")
    assert size(cats, "own", "pässword: with a colon") == 200
    assert size(cats, "own", "password") == 401
    cats.add_user("name with space é", "plain ü")
    done(config, "passwd", "own")  # any change compiles all
    assert size(cats, "name with space é", "plain ü") == 200
    key = key_of(done(config, "add", "some", "--datasets", "dogs", "--role", "viewer"))
    assert size(cats, "some", key, "dogs") == 200
    assert size(cats, "some", key, "cats") == 404
