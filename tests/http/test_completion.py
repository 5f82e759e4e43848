"""scripts/completion.bash: the Tab key knows what the scripts' --help says."""
import re
import subprocess

import pytest
from harness import LIBEXEC, SCRIPTS

NAMES = sorted(path.name for path in SCRIPTS.glob("image-label-*"))


def complete(*words, env=None, cwd=None):
    """What Tab offers after these words, the last of which is being typed."""
    program = """
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        complete -p "${1##*/}" >/dev/null || exit
        _image_label "$1" 2>&1
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    words = ["bash", "-c", program, "-", SCRIPTS / "completion.bash", *words]
    done = subprocess.run(words, capture_output=True, text=True, env=env, cwd=cwd, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize("name", NAMES)
def test_every_long_option_of_the_help_is_known(name):
    help_text = subprocess.run([SCRIPTS / name, "--help"], capture_output=True, text=True,
                               env={"IMAGE_LABEL_LIBEXEC": str(LIBEXEC), "PATH": "/usr/bin:/bin"}).stdout
    options = set(re.findall(r"^ +(?:-\w, +)?(--[a-z][a-z-]+)", help_text, re.M))
    known = (SCRIPTS / "completion.bash").read_text()
    offered = set(re.findall(r"(?<!\S)--[a-z][a-z-]+", " ".join(
        match for match in re.findall(r"\[(?:%s)[^]]*\]='([^']*)'" % name, known, re.S))))
    assert "--help" in options
    assert options <= offered


def test_commands_and_options_are_offered():
    assert complete("image-label-server", "st") == ["start", "stop", "status"]
    assert complete("image-label-client", "-u", "ann", "cl") == ["classify"]
    assert set(complete("image-label-client", "obtain", "--")) >= {"--id", "--outimg", "--user"}
    assert "--label" not in complete("image-label-client", "obtain", "--")


def test_values_that_are_known_are_offered():
    assert complete("image-label-client", "list", "--state", "s") == ["skipped"]
    assert complete("image-label-client", "import", "--format", "") == ["csv", "jsonl", "sagemaker", "labelstudio"]
    assert "huggingface" in complete("image-label-export", "--format", "")
    assert complete("image-label-client", "users", "ad") == ["add"]
    assert complete("image-label-client", "users", "add", "eve", "--role", "an") == ["annotator"]


def test_files_of_the_right_kind_are_offered(tmp_path):
    for name in ("cats dogs.db", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    assert complete("image-label-export-csv", "-i", "", cwd=tmp_path) == ["cats dogs.db", "folder"]
    assert complete("image-label-load", "--in-place", "f", cwd=tmp_path) == ["folder"]
    assert complete("image-label-client", "-d", "x", "import", "n", cwd=tmp_path) == ["notes.txt"]


def test_datasets_are_offered_by_name(tmp_path):
    config = tmp_path / "config.json"
    config.write_text('{"sqlite_db_dir": "dbs"}')
    (tmp_path / "dbs").mkdir()
    for name in ("my cats", "my dogs", "birds"):
        (tmp_path / "dbs" / f"{name}.db").touch()
    words = complete(str(SCRIPTS / "image-label-load"), "--config", str(config), "--dataset", "my",
                     env={"IMAGE_LABEL_LIBEXEC": str(LIBEXEC), "PATH": "/usr/bin:/bin"})
    assert words == ["my cats", "my dogs"]
