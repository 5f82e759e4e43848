"""scripts/image-label-client against the real stack: what it prints, saves, and reports when something is wrong."""
import json
import os
import stat
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from harness import SCRIPTS, draw, free_port

SCRIPT = SCRIPTS / "image-label-client"
PASSWORD = 'p ä"ss\\w$rd%41:#'  # every character that some layer might take for its own
NAMES = ["a b.png", 'q"uote\'s.png', "100%41 #1?.png", "子/猫 ñ.png"]
MANY = [f"label number {number} of a great many" for number in range(900)]  # a header of some 36 KB


TOO_MANY = [f"{number} {'x' * 200}" for number in range(1100)]  # more than a header holds


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server(tls=True)
    server.add_user("ann", PASSWORD)
    server.add_user("bob", "another")
    for name, labels in (("odd names", ["cat", "dög"]), ("to label", ["cat", "dog"]), ("many", MANY), ("too many", TOO_MANY)):
        folder = server.images / name
        for number, filepath in enumerate(NAMES):
            draw(folder / filepath, (number, 0, 0))
        server.add_dataset(name, labels, NAMES, folder)
    folder = server.add_dataset("no images", ["cat"], ["text.png", "gone.png"])
    (folder / "text.png").write_text("this is no picture")
    return server.start()


@pytest.fixture
def client(server, tmp_path):
    """Runs the script in an empty folder, with the password in the environment unless told otherwise."""

    def run(*arguments, user="ann", password=PASSWORD, base=None, **more):
        environment = {**os.environ, "HOME": str(tmp_path), **more.pop("env", {})}
        if password is not None:
            environment["IMAGE_LABEL_PASSWORD"] = password
        words = [SCRIPT, *(["-u", user] if user else []), "-b", base or server.url, *map(str, arguments)]
        return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, **more)

    return run


def succeeded(done):
    """The JSON of one line that a success prints."""
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def failed(done, status, *words):
    """One clear line on stderr, nothing on stdout."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("image-label-client: ") and done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr
    return done


# --- what works ---------------------------------------------------------------------------------------------------


def test_size_is_printed_as_json(client):
    assert succeeded(client("-d", "odd names", "size")) == {"dataset_name": "odd names", "size": 4}


def test_obtain_saves_the_bytes_and_prints_what_they_are(client, server, tmp_path):
    for number, filepath in enumerate(NAMES):
        printed = succeeded(client("-d", "odd names", "obtain", "--id", number, "--outimg", "out.png"))
        base_dir = server.images / "odd names"
        assert printed == {
            "dataset_name": "odd names", "base_dir": str(base_dir), "filepath": filepath, "labels": ["cat", "dög"]}
        assert (tmp_path / "out.png").read_bytes() == (base_dir / filepath).read_bytes()


def test_options_may_stand_anywhere_and_hold_their_value(server, tmp_path):
    words = [SCRIPT, "obtain", f"-b{server.url}/", "-i0", "--user=ann", f"--password={PASSWORD}", "--dataset=odd names"]
    assert succeeded(subprocess.run(words, cwd=tmp_path, capture_output=True, text=True))["filepath"] == NAMES[0]
    assert os.listdir(tmp_path) == ["outimg.png"]


def test_obtain_does_without_the_header_when_it_would_be_too_long(client, server, tmp_path):
    for options, number in (((), 0), (("--id", 2), 2)):
        told = succeeded(client("-d", "too many", "obtain", *options))
        assert told == {
            "dataset_name": "too many", "base_dir": str(server.images / "too many"), "filepath": NAMES[number], "labels": TOO_MANY,
        }
        assert (tmp_path / "outimg.png").read_bytes() == (server.images / "too many" / NAMES[number]).read_bytes()
    failed(client("-d", "too many", "obtain", "--id", 99), 3, "Sample not found")


def test_obtain_and_classify_until_nothing_is_left(client):
    seen = []
    while (done := client("-d", "to label", "obtain")).returncode == 0:
        sample = succeeded(done)
        seen.append(sample["filepath"])
        assert len(seen) <= len(NAMES), "an image came again after it was labelled"
        assert succeeded(client("-d", "to label", "classify", "-a", sample["base_dir"], "-f", sample["filepath"],
                                "-l", sample["labels"][1])) == {"response": True}
    failed(done, 3, "Sample not found")
    assert sorted(seen) == sorted(NAMES)


def test_a_header_of_tens_of_kilobytes_is_read_whole(client):
    assert succeeded(client("-d", "many", "obtain", "-i", 0))["labels"] == MANY


def test_the_saved_image_has_the_usual_permissions(client, tmp_path):
    succeeded(client("-d", "odd names", "obtain", "-i", 0, umask=0o027))
    assert stat.S_IMODE((tmp_path / "outimg.png").stat().st_mode) == 0o640


def test_a_link_as_output_stays_a_link(client, tmp_path):
    (tmp_path / "link.png").symlink_to("target.png")
    succeeded(client("-d", "odd names", "obtain", "-i", 0, "-o", "link.png"))
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "target.png").read_bytes().startswith(b"\x89PNG")


def test_a_device_as_output_stays_a_device(client):
    succeeded(client("-d", "odd names", "obtain", "-i", 0, "-o", "/dev/null"))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


# --- the password -------------------------------------------------------------------------------------------------


def test_no_child_process_has_the_password_on_its_command_line_or_in_its_environment(client, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    log = tmp_path / "log"
    for tool in ("curl", "jq"):
        real = subprocess.run(["sh", "-c", f"command -v {tool}"], capture_output=True, text=True).stdout.strip()
        (tools / tool).write_text(f'#!/bin/sh\n{{ printf "%s\\n" {tool} "$@"; env; }} >>"{log}"\nexec {real} "$@"\n')
        (tools / tool).chmod(0o755)
    path = {"PATH": f"{tools}:{os.environ['PATH']}"}
    succeeded(client("-d", "odd names", "size", env=path))
    succeeded(client("-d", "odd names", "-p", PASSWORD, "obtain", password=None, env=path))
    seen = log.read_text()
    assert "curl" in seen.split() and "jq" in seen.split()
    assert PASSWORD not in seen


def test_the_password_may_come_from_a_netrc(client, tmp_path):
    quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    lines = f'machine 127.0.0.1 login bob password wrong\nmachine 127.0.0.1 login ann password "{quoted}"\n'
    (tmp_path / "secrets").write_text(lines)
    succeeded(client("-d", "odd names", "--netrc-file", "secrets", "size", password=None))
    failed(client("-d", "odd names", "size", password=None), 2, "no password", ".netrc")
    (tmp_path / "secrets").rename(tmp_path / ".netrc")
    succeeded(client("-d", "odd names", "size", password=None))


def test_a_netrc_may_name_the_user_too(client, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login bob password another\n")
    succeeded(client("-d", "odd names", "size", user=None, password=None))


# --- https --------------------------------------------------------------------------------------------------------


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_told(client, server):
    https = {"base": server.tls_url}
    failed(client("-d", "odd names", "size", **https), 1, "certificate")
    succeeded(client("-d", "odd names", "size", "--cacert", server.certificate, **https))
    succeeded(client("-d", "odd names", "size", "--insecure", **https))


# --- what goes wrong ----------------------------------------------------------------------------------------------


def test_a_wrong_password_is_said(client):
    failed(client("-d", "odd names", "size", password="wrong"), 1, "401", "Authentication failed")


@pytest.mark.parametrize("command", [["size"], ["obtain"], ["obtain", "-i", "0"]])
def test_an_unknown_dataset_is_said_and_leaves_no_file(client, tmp_path, command):
    failed(client("-d", "nowhere", *command), 1, "404", "Database not found")
    assert os.listdir(tmp_path) == []


def test_an_id_beyond_the_end_has_a_status_of_its_own(client, tmp_path):
    failed(client("-d", "odd names", "obtain", "-i", 4), 3, "Sample not found")
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_gone_is_said(client):
    failed(client("-d", "no images", "obtain", "-i", 1), 1, "Image file not found")


def test_what_is_no_image_is_not_saved_and_the_file_of_before_stays(client, tmp_path):
    (tmp_path / "outimg.png").write_bytes(b"of before")
    failed(client("-d", "no images", "obtain", "-i", 0), 1, "not an image")
    assert (tmp_path / "outimg.png").read_bytes() == b"of before"
    assert os.listdir(tmp_path) == ["outimg.png"]


@pytest.mark.parametrize("wrong", [{"-a": "/elsewhere"}, {"-f": "nothing.png"}, {"-l": "mouse"}])
def test_a_refused_label_is_a_failure_that_still_prints_the_answer(client, server, wrong):
    right = {"-a": str(server.images / "odd names"), "-f": NAMES[0], "-l": "cat"}
    done = client("-d", "odd names", "classify", *[word for pair in {**right, **wrong}.items() for word in pair])
    assert (done.returncode, json.loads(done.stdout)) == (1, {"response": False})
    assert "not labelled" in done.stderr


def test_an_output_that_cannot_be_written_is_said(client, tmp_path):
    failed(client("-d", "odd names", "obtain", "-i", 0, "-o", "nowhere/out.png"), 1, "cannot write nowhere/out.png")
    failed(client("-d", "odd names", "obtain", "-i", 0, "-o", tmp_path), 1, "is a folder")


def test_a_server_that_is_not_there_is_said(client):
    failed(client("-d", "odd names", "size", base=f"http://127.0.0.1:{free_port()}"), 1, "does not answer")


@pytest.mark.parametrize("arguments", [
    [], ["size"], ["-d", "x"], ["-d", "x", "sice"], ["-d", "x", "size", "obtain"], ["-d", "x", "size", "--what"], ["-d"],
    ["-d", "x", "obtain", "-i", "first"], ["-d", "x", "obtain", "-i", "1.5"], ["-d", "x", "classify", "-f", "y", "-l", "z"],
    ["-d", "x", "-b", "file:///etc/passwd", "size"]])
def test_wrong_usage_has_a_status_of_its_own(client, arguments):
    failed(client(*arguments), 2, "--help")


def test_help_has_examples():
    done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Examples:" in done.stdout


class Another(BaseHTTPRequestHandler):
    """A server of another kind: it answers everything, and says nothing."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "image/png" if self.path == "/obtain" else "application/json")
        body = b"\x89PNG\r\n\x1a\n" if self.path == "/obtain" else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("words, said", [(["size"], "is not that of an image-label-server"), (["obtain"], "does not say which image it is")])
def test_a_server_of_another_kind_is_told_by_its_answer(tmp_path, words, said):
    with ThreadingHTTPServer(("127.0.0.1", 0), Another) as another:
        threading.Thread(target=another.serve_forever, daemon=True).start()
        done = subprocess.run([SCRIPT, "-u", "ann", "-b", f"http://127.0.0.1:{another.server_port}", "-d", "cats", *words], cwd=tmp_path,
                              env={**os.environ, "IMAGE_LABEL_PASSWORD": "x"}, capture_output=True, text=True, timeout=60)  # fmt: skip
        another.shutdown()
    assert (done.returncode, done.stdout) == (1, "") and said in done.stderr
    assert list(tmp_path.iterdir()) == []
