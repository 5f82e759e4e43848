"""The Debian package: what lintian and systemd say of it, and its life on a clean system."""
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from harness import TOP, draw

STORY = Path(__file__).with_name("package_story.bash")


def needs(*commands):
    """Skips where the tools of scripts/install-deps --package are not there, or fails when REQUIRE demands them."""
    missing = [command for command in commands if not shutil.which(command)]
    if missing:
        cannot_be_had(f"not installed: {', '.join(missing)} (scripts/install-deps --package)")


def cannot_be_had(reason):
    outcome = pytest.fail if "package" in os.environ.get("REQUIRE", "").split(",") else pytest.skip
    outcome(reason)


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


IN_CHROOT = """
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
"""
AS_A_SERVICE = """
[Unit]
Description=The life of the package
FailureAction=exit
SuccessAction=exit

[Service]
Type=oneshot
WorkingDirectory=/root
Environment=HOME=/root
ExecStart=/root/story
StandardOutput=file:/root/told
StandardError=file:/root/told

[Install]
WantedBy=multi-user.target
"""


def earlier(package, folder):
    """The same package by an earlier version's number."""
    assert run("dpkg-deb", "-R", package, folder).returncode == 0
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", "Version: 0.9", control.read_text(), flags=re.M))
    made = run("dpkg-deb", "-b", "-Znone", folder, f"{folder}.deb")
    assert made.returncode == 0, made.stderr
    return f"{folder}.deb"


def inside(root, *words):
    """Runs in the chroot; all that it starts ends with it."""
    return run("unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", IN_CHROOT, "bash", root, *words)


def boot(root):
    """Starts the system there with its own systemd as the first process; returns how it ended."""
    words = ["--quiet", "--boot", "--directory", root, "--register=no", "--keep-unit", "--private-network", "--console=pipe"]
    return run("systemd-nspawn", *words, stdin=subprocess.DEVNULL, env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})


def test_its_life_on_a_clean_system(package, unit, tmp_path):
    """It also does nothing that the filter of system calls in its unit forbids."""
    needs("debootstrap", "unshare", "systemd-nspawn", "systemd-analyze")
    if os.geteuid() != 0:
        pytest.skip("only root can make a clean system")
    root = tmp_path / "root"
    release = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
    made = run("debootstrap", "--variant=minbase", "--include=systemd-sysv", release["VERSION_CODENAME"], root)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr
    shutil.copy(package, root / "root")
    shutil.copy(earlier(package, tmp_path / "earlier"), root / "root")
    shutil.copy(STORY, root / "root/story")
    draw(root / "root/1.png")
    with tarfile.open(root / "root/2.tar.gz", "w:gz") as archive:
        archive.add(draw(tmp_path / "2.png", "green"), "oak/2.png")
    with zipfile.ZipFile(root / "root/3.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(draw(tmp_path / "3.png", "blue"), "elm/3.png")
    for what in (["strace"], ["--download-only", f"/root/{package.name}"]):
        fetched = inside(root, "apt-get", "install", "-y", "-q", "--no-install-recommends", *what)
        assert fetched.returncode == 0, fetched.stdout[-3000:] + fetched.stderr
    (root / "etc/systemd/system/story.service").write_text(AS_A_SERVICE)
    assert run("systemctl", "--root", root, "enable", "story").returncode == 0
    lived, told = boot(root), root / "root/told"
    if not told.exists():
        cannot_be_had(f"systemd cannot be the first process of a namespace here: {lived.stdout[-500:]}{lived.stderr[-500:]}")
    print(told.read_text())
    assert lived.returncode == 0 and told.read_text().endswith("--- done\n"), told.read_text()[-6000:] + lived.stderr
    used = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", (root / "root/calls").read_text(), re.M))
    assert len(used) > 50 and used - allowed(unit) == set()
