"""Passwords that others on the machine can read are reported at start and at reload."""
import json
import os

import pytest


def warnings(done):
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if "others can read it" in line]


@pytest.fixture
def server(make_server):
    server = make_server()
    server.add_user("ann")
    server.add_dataset("demo")
    return server


def test_users_files_that_others_can_read_are_named(server):
    server.add_user("bob")
    (server.users / "bob.json").chmod(0o644)
    hashed = server.users / "eve.json"
    hashed.write_text(json.dumps({"user": "eve", "password_hash": "{SSHA}" + "A" * 40}))
    hashed.chmod(0o644)
    server.start()
    said = [*warnings(server.reload())]
    assert len(said) == 1 and str(server.users / "bob.json") in said[0] and "chmod 600" in said[0]
    os.chmod(server.users / "bob.json", 0o600)
    assert warnings(server.reload()) == []


def test_what_lies_in_a_closed_folder_nobody_else_can_read(server):
    (server.users / "ann.json").chmod(0o644)
    server.users.chmod(0o700)
    server.start()
    assert warnings(server.reload()) == []


def test_a_configuration_that_others_can_read_is_named(server):
    """A MongoDB's connection string is kept in it, also while its datasets lie in SQLite."""
    server.config["dataset_store"] = {"type": "sqlite", "uri": "mongodb://labels:hidden@db.example/"}
    server.write_config()
    server.config_file.chmod(0o644)
    server.start()
    said = warnings(server.reload())
    assert len(said) == 1 and str(server.config_file) in said[0] and "chmod 600" in said[0] and "hidden" not in said[0]
    server.config_file.chmod(0o600)
    assert warnings(server.reload()) == []
    server.config["dataset_store"]["uri"] = "mongodb://db.example/"
    server.write_config()
    server.config_file.chmod(0o644)
    assert warnings(server.reload()) == []  # there is no password in it
