"""The Debian package: what lintian and systemd say of it, and its life on a clean system."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import TOP, draw

STORY = Path(__file__).with_name("package_story.bash")


def needs(*commands):
    """Skips where the tools of scripts/install-deps --package are not there, or fails when REQUIRE demands them."""
    missing = [command for command in commands if not shutil.which(command)]
    if missing:
        outcome = pytest.fail if "package" in os.environ.get("REQUIRE", "").split(",") else pytest.skip
        outcome(f"not installed: {', '.join(missing)} (scripts/install-deps --package)")


def run(*words, **more):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=1500, **more)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    needs("dh", "dpkg-buildpackage")
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SANITIZE")}
    built = run("make", "-s", "-C", TOP, "deb", env=environment)
    assert built.returncode == 0, built.stderr
    return next(Path(TOP, "build/deb").glob("image-label-server_*.deb"))


@pytest.fixture(scope="module")
def unit(package, tmp_path_factory):
    """The unit, with links to what it starts, as if the package were installed."""
    root = tmp_path_factory.mktemp("root")
    assert run("dpkg-deb", "-x", package, root).returncode == 0
    return next(root.rglob("image-label-server.service"))


def test_lintian_finds_nothing(package):
    needs("lintian")
    found = run("lintian", "--fail-on", "error,warning", "--allow-root", *package.parent.glob("*.changes"))
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_service_is_exposed_to_little(unit):
    needs("systemd-analyze")
    told = run("systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", unit)
    assert told.returncode == 0, told.stdout
    assert "exposure level" in told.stdout


def test_systemd_understands_the_unit(unit):
    """All of it: what it does not know, such as a misspelt setting, it only says."""
    needs("systemd-analyze")
    said = run("systemd-analyze", "verify", "--man=no", unit).stderr.splitlines()
    assert [line for line in said if "is not executable" not in line] == []


def allowed(unit):
    """The system calls that the unit's filter lets through."""
    sets, name = {}, ""
    for line in run("systemd-analyze", "syscall-filter", "--no-pager").stdout.splitlines():
        if line.startswith("@"):
            name = line.strip()
        elif line.startswith("    ") and not line.strip().startswith("#"):
            sets.setdefault(name, []).append(line.strip())

    def calls(word):
        return set().union(*(calls(inner) for inner in sets[word])) if word in sets else {word}

    found = calls("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit.read_text(), re.M):
        for word in line.removeprefix("~").split():
            found = found - calls(word) if line.startswith("~") else found | calls(word)
    return found


IN_CHROOT = """
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
[ "$1" != alone ] || ip link set lo up
shift
exec chroot "$root" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
"""


def inside(root, network, *words):
    """Runs in the chroot; all that it starts ends with it."""
    spaces = ["--mount", "--pid", "--fork", "--kill-child", *(["--net"] if network == "alone" else [])]
    return run("unshare", *spaces, "bash", "-c", IN_CHROOT, "bash", root, network, *words)


def test_its_life_on_a_clean_system(package, unit, tmp_path):
    """It also does nothing that the filter of system calls in its unit forbids."""
    needs("debootstrap", "unshare", "ip", "systemd-analyze")
    if os.geteuid() != 0:
        pytest.skip("only root can make a clean system")
    root = tmp_path / "root"
    release = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
    made = run("debootstrap", "--variant=minbase", release["VERSION_CODENAME"], root)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr
    (root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (root / "usr/sbin/policy-rc.d").chmod(0o755)
    shutil.copy(package, root / "root")
    shutil.copy(STORY, root / "root/story")
    draw(root / "root/1.png")
    installed = inside(root, "shared", "apt-get", "install", "-y", "-q", "--no-install-recommends", "strace", f"/root/{package.name}")
    assert installed.returncode == 0, installed.stdout[-3000:] + installed.stderr
    lived = inside(root, "alone", "/root/story")
    print(lived.stdout)
    assert lived.returncode == 0 and lived.stdout.endswith("--- done\n"), lived.stdout[-3000:] + lived.stderr
    used = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", (root / "tmp/calls").read_text(), re.M))
    assert len(used) > 50 and used - allowed(unit) == set()
