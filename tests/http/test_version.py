"""--version: the same for every script and program, as in the Makefile."""
import re
import subprocess

import pytest
from harness import LIBEXEC, SCRIPTS, TOP

VERSION = re.search(r"^VERSION := (\S+)$", (TOP / "Makefile").read_text(), re.M)[1]


@pytest.mark.parametrize("script", [*sorted(SCRIPTS.glob("image-label-*")), SCRIPTS / "install-deps"], ids=lambda path: path.name)
def test_a_script_prints_its_name_and_the_version(script):
    done = subprocess.run([script, "--version"], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{script.name} {VERSION}\n", "")


def test_a_program_prints_its_name_and_the_version():
    programs = sorted(LIBEXEC.iterdir())
    assert len(programs) > 15
    for program in programs:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{program.name} (image-label-server) {VERSION}\n", "")
