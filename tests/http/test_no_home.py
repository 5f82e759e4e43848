"""Without a home folder a command that needs one says so in one line."""
import os
import subprocess

import pytest

NOBODYS = 54321  # a user whom the system does not know

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user whom the system does not know")


@pytest.mark.parametrize("command", [
    ["image-label-server", "start"],
    ["image-label-server", "status"],
    ["image-label-user", "list"],
    ["image-label-user", "add", "ann"],
    ["image-label-load", "--in-place", "/usr", "--dataset", "x", "--labels", "a"],
    ["image-label-export-csv", "--dataset", "x", "-o", "/dev/null/x.csv"],
], ids=" ".join)
def test_one_line_says_to_set_home(command, installed):
    script, *arguments = command
    environment = {"PATH": os.environ["PATH"], "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run([installed / script, *arguments], env=environment, cwd="/", capture_output=True, text=True, timeout=60,
                          user=NOBODYS, group=NOBODYS, extra_groups=[])
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"{script}: ") and "set HOME" in done.stderr, done.stderr
