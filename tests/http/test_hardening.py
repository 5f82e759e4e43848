"""How the programs are built and run, so that a bug in them can do less harm."""
import os
import platform
import subprocess
from pathlib import Path

import pytest
from front import named_bucket
from harness import LIBEXEC

SECRETS = {"AWS_ACCESS_KEY_ID": "the key", "AWS_SECRET_ACCESS_KEY": "the secret", "AWS_SESSION_TOKEN": "the token"}
IMAGES = {"access", "archive", "bulk_upload", "datasets", "export", "health", "images", "obtain", "samples", "single_upload", "snapshots",
          "tasks", "uploads"}  # fmt: skip
STORELESS = {"nginx", "gate"}
BUILT = sorted([*(path for path in LIBEXEC.iterdir() if path.is_file()), *(LIBEXEC.parent / "lib").glob("*.so")])


def readelf(*words):
    return subprocess.run(["readelf", "-W", *words], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("built", BUILT, ids=lambda path: path.name)
def test_what_is_loaded_is_read_only_then(built):
    """Full RELRO, at an address that is chosen at random, no stack that runs."""
    assert "NOW" in readelf("-d", built)
    headers = readelf("-l", built)
    assert "GNU_RELRO" in headers and "DYN" in headers
    assert " RWE " not in headers


@pytest.mark.skipif(bool(os.environ.get("SANITIZE")), reason="sanitizers check more than _FORTIFY_SOURCE")
def test_the_compiler_checks_what_it_can():
    symbols = readelf("--dyn-syms", LIBEXEC / "gate")
    assert "__snprintf_chk" in symbols and "__stack_chk_fail" in symbols
    made_by = readelf("--debug-dump=info", LIBEXEC.parent / "lib/auth/gate.o")
    if "GNU C" in made_by:
        assert "-fstack-clash-protection" in made_by and "-fstack-protector-strong" in made_by
    if platform.machine() == "x86_64":
        assert "IBT, SHSTK" in readelf("-n", LIBEXEC.parent / "lib/auth/gate.o")


def environment(pid):
    return dict(word.split("=", 1) for word in Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0") if "=" in word)


def test_nobody_gains_privileges_and_secrets_are_with_those_who_use_them(make_server):
    with named_bucket() as port:
        config = {"image_store": {"type": "s3", "bucket": "cats", "endpoint": f"http://127.0.0.1:{port}"}}
        server = make_server(config=config, env=SECRETS)
        server.add_user("ann")
        server.add_dataset()
        server.start()
    assert server.session("ann").post("/size", json={"dataset_name": "demo"}).json()["size"] == 3
    assert server.session("ann").get("/v1/me").json()["user"] == "ann"
    programs = server.executables()
    assert IMAGES <= {*programs.values()} and {"nginx", "gate", "size", "accounts"} <= {*programs.values()}
    for pid, name in programs.items():
        assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text(), name
        if name in ("multiwatch", "spawn-fcgi"):
            continue
        held = {secret: environment(pid).get(secret) for secret in SECRETS}
        assert held == (SECRETS if name in IMAGES else dict.fromkeys(SECRETS)), name
        words = Path(f"/proc/{pid}/cmdline").read_text()
        assert not any(secret in words for secret in SECRETS.values()), name


def test_mongodbs_connection_string_is_with_those_who_open_datasets(make_server, stores):
    uri = stores.mongo_uri()
    secret = f"{uri}{'&' if '?' in uri else '/?'}appName=hidden"
    server = make_server(env={"MONGODB_CONN_STRING": secret, "DATABASE_NAME": "hardened"})
    server.add_user("ann")
    server.add_dataset()
    server.start()
    assert server.session("ann").get("/v1/me").json()["user"] == "ann"
    programs = server.executables()
    assert {"nginx", "gate", "accounts", "size", "images"} <= {*programs.values()}
    for pid, name in programs.items():
        if name not in ("multiwatch", "spawn-fcgi"):
            assert environment(pid).get("MONGODB_CONN_STRING") == (None if name in STORELESS else secret), name
        assert "hidden" not in Path(f"/proc/{pid}/cmdline").read_text(), name
    assert not [log.name for log in (server.state / "log").iterdir() if "hidden" in log.read_text()]


@pytest.mark.parametrize("program, stores", [("gate", ""), ("accounts", "datasets"), ("size", "datasets"), ("images", "datasets images")])
def test_a_program_tells_which_stores_it_opens(program, stores):
    done = subprocess.run([LIBEXEC / program, "--stores"], capture_output=True, text=True, check=True)
    assert " ".join(done.stdout.split()) == stores
