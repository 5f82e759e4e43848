"""A clean Debian with the package and all it needs, in which package_story.bash is to be the first service: what its tests share."""
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from harness import TOP, draw

HERE = Path(__file__).parent
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
FailureAction={end}
SuccessAction={end}

[Service]
Type=oneshot
WorkingDirectory=/root
Environment=HOME=/root
ExecStart=/root/{story}
StandardOutput={told}
StandardError={told}

[Install]
WantedBy=multi-user.target
"""


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


def build_package():
    needs("dh", "dpkg-buildpackage")
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "SANITIZE")}
    built = run("make", "-s", "-C", TOP, "deb", env=environment)
    assert built.returncode == 0, built.stderr
    return next(Path(TOP, "build/deb").glob("image-label-server_*.deb"))


def earlier(package, folder):
    """The same package by an earlier version's number."""
    assert run("dpkg-deb", "-R", package, folder).returncode == 0
    control = folder / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", "Version: 0.9", control.read_text(), flags=re.M))
    made = run("dpkg-deb", "-b", "-Znone", folder, f"{folder}.deb")
    assert made.returncode == 0, made.stderr
    return f"{folder}.deb"


def inside(root, *words):
    """Runs in the chroot, and must succeed; all that it starts ends with it."""
    done = run("unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", IN_CHROOT, "bash", root, *words)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def make_system(root, package, scratch, packages):
    """The system of this release with these packages; /root has what the story needs."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a clean system")
    release = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
    made = run("debootstrap", "--variant=minbase", f"--include={','.join(packages)}", release["VERSION_CODENAME"], root)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr
    shutil.copy(package, root / "root")
    shutil.copy(earlier(package, scratch / "earlier"), root / "root")
    shutil.copy(HERE / "package_story.bash", root / "root/story")
    for number, colour in ((1, "red"), (4, "yellow")):
        draw(root / f"root/{number}.png", colour)
    for number, colour in ((2, "green"), (5, "white"), (6, "black"), (7, "grey")):
        with tarfile.open(root / f"root/{number}.tar.gz", "w:gz") as archive:
            archive.add(draw(scratch / f"{number}.png", colour), f"oak/{number}.png")
    with zipfile.ZipFile(root / "root/3.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(draw(scratch / "3.png", "blue"), "elm/3.png")


def begin_with_story(root, story, told, end):
    (root / "etc/systemd/system/story.service").write_text(AS_A_SERVICE.format(story=story, told=told, end=end))
    assert run("systemctl", "--root", root, "enable", "story").returncode == 0
