"""The Debian package: what lintian and systemd say of it, and its life on a clean system."""
import os
import re
import subprocess

import pytest

from harness import TOP

from clean_system import begin_with_story, build_package, cannot_be_had, inside, make_system, needs, run

PACKAGES = ["systemd-sysv", "strace"]


@pytest.fixture(scope="module")
def package():
    return build_package()


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


def test_apparmor_understands_the_profile(unit):
    needs("apparmor_parser")
    profile = next(folder / "etc/apparmor.d/image-label-server" for folder in unit.parents if (folder / "etc").is_dir())
    compiled = run("apparmor_parser", "--skip-kernel-load", "--skip-cache", "--warn=all", profile)
    assert compiled.returncode == 0, compiled.stderr
    assert f"AppArmorProfile=-{profile.name}\n" in unit.read_text()


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


def executable(profile):
    """A pattern of the paths that the AppArmor profile lets be executed."""
    globs = {"{": "(?:", "}": ")", ",": "|", "**": ".*", "*": "[^/]*"}
    rules = re.findall(r"^ +(/\S+) mrix,$", profile.read_text(), re.M)
    return re.compile("|".join(re.sub(r"\*\*|[*{},.]", lambda found: globs.get(found[0], re.escape(found[0])), rule) for rule in rules))


def boot(root):
    """Starts the system there with its own systemd as the first process; returns how it ended."""
    words = ["--quiet", "--boot", "--directory", root, "--register=no", "--keep-unit", "--private-network", "--console=pipe"]
    return run("systemd-nspawn", *words, stdin=subprocess.DEVNULL, env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})


def test_its_life_on_a_clean_system(package, unit, tmp_path):
    """It also makes no system call that the unit's filter forbids, and executes nothing that its AppArmor profile does not name."""
    needs("debootstrap", "unshare", "systemd-nspawn", "systemd-analyze")
    root = tmp_path / "root"
    make_system(root, package, tmp_path, PACKAGES)
    inside(root, "apt-get", "install", "-y", "-q", "--no-install-recommends", "--download-only", f"/root/{package.name}")
    begin_with_story(root, "story", "file:/root/told", "exit")
    lived, told = boot(root), root / "root/told"
    if not told.exists():
        cannot_be_had(f"systemd cannot be the first process of a namespace here: {lived.stdout[-500:]}{lived.stderr[-500:]}")
    print(told.read_text())
    assert lived.returncode == 0 and told.read_text().endswith("--- done\n"), told.read_text()[-6000:] + lived.stderr
    calls = (root / "root/calls").read_text()
    used = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", calls, re.M))
    assert len(used) > 50 and used - allowed(unit) == set()
    executed = set(re.findall(r'^\d+ +execve\("(?!/proc/)([^"]+)".* = 0$', calls, re.M))
    executed = set(run("chroot", root, "realpath", *executed).stdout.split())
    assert len(executed) > 30 and [path for path in executed if not executable(TOP / "scripts/debian/apparmor").fullmatch(path)] == []
