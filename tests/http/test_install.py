"""make install: into a folder of any name, below DESTDIR; what is installed runs without the checkout."""
import json
import os
import re
import shutil
import subprocess

import pytest
import requests
from harness import LIBEXEC, SCRIPTS, TOP, draw, free_port

USER_FILE = {"user": "ann", "password": "secret"}


def run(program, *arguments, **environment):
    words = [str(program), *map(str, arguments)]
    return subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)


def test_what_is_installed_serves_and_labels(installed, tmp_path):
    home, state, port = tmp_path / "home", tmp_path / "state", free_port()
    environment = {"HOME": str(home), "IMAGE_LABEL_PASSWORD": "secret", "IMAGE_LABEL_LIBEXEC": ""}
    draw(tmp_path / "photos" / "1.png")
    users = home / ".config/image-label-server/json_users"
    users.mkdir(parents=True)
    (users / "ann.json").write_text(json.dumps(USER_FILE))
    load = [installed / "image-label-load", "--in-place", tmp_path / "photos", "-d", "photos", "-l", "cat,dog"]
    server = [installed / "image-label-server", "--state", state, "--port", port]
    client = [installed / "image-label-client", "-u", "ann", "-b", f"http://127.0.0.1:{port}", "-d", "photos"]
    assert run(*load, **environment).returncode == 0
    started = run(*server, "start", **environment)
    assert started.returncode == 0, started.stderr
    try:
        script = requests.get(f"http://127.0.0.1:{port}/ui/tus.min.js", auth=("ann", "secret"), timeout=30)
        assert (script.status_code, script.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
        obtained = run(*client, "obtain", "-o", tmp_path / "next.png", **environment)
        assert obtained.returncode == 0, obtained.stderr
        sample = json.loads(obtained.stdout)
        words = ["classify", "-a", sample["base_dir"], "-f", sample["filepath"], "-l", "dog"]
        assert json.loads(run(*client, *words, **environment).stdout) == {"response": True}
    finally:
        assert run(*server, "stop", **environment).returncode == 0
    database = home / ".config/image-label-server/sqlite_dbs/photos.db"
    exported = run(installed / "image-label-export-csv", "-i", database, "-o", tmp_path / "out.csv", **environment)
    assert exported.returncode == 0, exported.stderr
    assert (tmp_path / "out.csv").read_bytes() == b"filepath,label\r\n1.png,dog\r\n"


@pytest.mark.skipif(not shutil.which("dpkg"), reason="packages are asked of dpkg")
def test_what_a_built_server_runs_on_names_every_library(tmp_path):
    listed = subprocess.run([SCRIPTS / "install-deps", "--list", "--run"], capture_output=True, text=True, check=True).stdout.split()
    files = subprocess.run(["dpkg", "-L", *listed], capture_output=True, text=True).stdout.splitlines()
    modules = (LIBEXEC.parent / "lib").glob("*.so")
    header = subprocess.run(["objdump", "-p", *LIBEXEC.iterdir(), *modules], capture_output=True, text=True, check=True).stdout
    ignored = ("libc.", "libm.", "ld-linux", "libasan", "libubsan", "libtsan")
    needed = {name for name in re.findall(r"NEEDED +(\S+)", header) if not name.startswith(ignored)}
    assert needed and needed - {os.path.basename(file) for file in files} == set()


def test_what_was_installed_can_be_uninstalled(tmp_path):
    """What others have put there stays."""
    others = tmp_path / "opt/labels/bin/other"
    others.parent.mkdir(parents=True)
    others.touch()
    make = ["make", "-s", "-C", TOP, f"DESTDIR={tmp_path}", "PREFIX=/opt/labels"]
    assert run(*make, "install", SANITIZE="", MAKEFLAGS="").returncode == 0
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) > 100
    assert run(*make, "uninstall", SANITIZE="", MAKEFLAGS="").returncode == 0
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == [others]


def test_the_package_is_built_of_what_make_needs():
    """scripts/install-deps and the package's control say the same."""
    listed = subprocess.run([SCRIPTS / "install-deps", "--list"], capture_output=True, text=True, check=True).stdout.split()
    control = (SCRIPTS / "debian/control").read_text()
    needed = set(re.findall(r"[a-z0-9.+-]+-dev|pkg-config", re.search(r"^Build-Depends:(.*?)^\S", control, re.M | re.S)[1]))
    assert needed == {name for name in listed if name.endswith("-dev") or name == "pkg-config"} - {"libc6-dev"}
    run_by = set(re.search(r"^Depends:(.*?)\$", control, re.M | re.S)[1].replace(",", " ").split())
    served_by = subprocess.run(["bash", "-c", f"source <(grep ^commands= {SCRIPTS}/install-deps); echo ${{commands[*]}}"], capture_output=True, text=True).stdout
    assert set(served_by.split()) - {"util-linux", "hostname"} <= run_by  # these two are on every Debian


def test_every_command_has_its_completion(installed):
    completions = installed.parent / "share/bash-completion/completions"
    assert {path.name for path in installed.iterdir()} == {path.name for path in completions.iterdir()}
    assert all(path.is_file() for path in completions.iterdir())  # links that lead somewhere


def test_no_installed_file_is_writable_by_others_or_unreadable(installed):
    for path in installed.parent.rglob("*"):
        mode = path.stat().st_mode
        assert mode & 0o022 == 0 and mode & 0o444 == 0o444, path


def test_every_command_has_its_manual_page_which_says_what_its_help_says(installed):
    pages = installed.parent / "share/man/man1"
    assert {path.stem for path in pages.iterdir()} == {path.name for path in installed.iterdir()}
    for page in pages.iterdir():
        shown = run("man", "--warnings", "--nh", "--nj", "-l", page, MANWIDTH="200", LC_ALL="C.UTF-8", MANPAGER="cat", PAGER="cat", MAN_KEEP_FORMATTING="")
        assert (shown.returncode, shown.stderr) == (0, "")
        words = " ".join(re.sub(".\b", "", shown.stdout).split())
        help_text = run(installed / page.stem, "--help", IMAGE_LABEL_LIBEXEC="").stdout
        for line in help_text.removeprefix("Usage: ").splitlines():
            for part in re.split(" {2,}", line.strip()):
                assert " ".join(part.rstrip(":").split()).removeprefix("Exit status: ").lower() in words.lower(), (page.name, part)
        for heading in ("NAME", "SYNOPSIS", "EXAMPLES"):
            assert f"\n{heading}\n" in shown.stdout
