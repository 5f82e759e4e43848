"""The AppArmor profile, enforced: the life of the package in an emulated machine, by a kernel of Debian that has AppArmor."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from clean_system import begin_with_story, build_package, inside, make_system, needs, run

HERE = Path(__file__).parent
PLANTED_UNPACK = HERE.parents[1] / "build/release/tests/planted/bin/unpack"
PACKAGES = ["systemd-sysv", "udev", "kmod", "apparmor", "linux-image-cloud-amd64", "initramfs-tools"]
DISK_GB = 6
# A busy machine's timer is too late for the kernel's check; no denial may be left out of its log.
KERNEL = "root=/dev/vda rw console=ttyS0 panic=-1 no_timer_check nowatchdog mitigations=off sysctl.kernel.printk_ratelimit=0 audit_backlog_limit=0 log_buf_len=16M"
MOST_SECONDS = 3 * 3600


def accelerator():
    """Hardware's, if it has one: the device alone may be one for other kernels."""
    able = os.access("/dev/kvm", os.W_OK) and re.search(r"^flags.*\b(vmx|svm)\b", Path("/proc/cpuinfo").read_text(), re.M)
    return ["-accel", "kvm", "-cpu", "host"] if able else ["-accel", "tcg,thread=multi", "-cpu", "max,la57=off"]


def emulate(disk, boot, folder):
    """Starts that disk's system, which powers its machine off at the end; returns what it said on its second serial line."""
    words = [
        "qemu-system-x86_64", "-machine", "q35", *accelerator(), "-smp", "2", "-m", "4096", "-nodefaults", "-display", "none", "-nic", "none",
        "-no-reboot", "-kernel", next(boot.glob("vmlinuz-*")), "-initrd", next(boot.glob("initrd.img-*")), "-append", KERNEL,
        "-drive", f"file={disk},format=raw,if=virtio,cache=unsafe", "-serial", f"file:{folder}/console", "-serial", f"file:{folder}/told"]
    ended = subprocess.run([*map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MOST_SECONDS, preexec_fn=lambda: os.nice(10))
    console = (folder / "console").read_text(errors="replace")
    assert ended.returncode == 0, ended.stderr + console[-3000:]
    return (folder / "told").read_text(errors="replace").replace("\r", ""), console


@pytest.mark.timeout(MOST_SECONDS + 3600)
def test_its_life_in_the_enforced_profile(tmp_path):
    """Nothing that the service does is denied, and everything that a program taken over does."""
    needs("debootstrap", "unshare", "qemu-system-x86_64", "mke2fs")
    package, root = build_package(), tmp_path / "root"
    make_system(root, package, tmp_path, PACKAGES)
    # Here, since it takes long there; as does reading the lists of what else there is.
    inside(root, "apt-get", "satisfy", "-y", "-q", "--no-install-recommends", run("dpkg-deb", "-f", package, "Depends").stdout.strip())
    shutil.rmtree(root / "var/lib/apt/lists")
    for file in (HERE / "apparmor_story.bash", HERE / "taken_over.py", PLANTED_UNPACK):
        shutil.copy(file, root / "root")
    begin_with_story(root, "apparmor_story.bash", "file:/dev/ttyS1", "poweroff")
    made = run("mke2fs", "-q", "-t", "ext4", "-d", root, tmp_path / "disk", f"{DISK_GB}G")
    assert made.returncode == 0, made.stderr
    told, console = emulate(tmp_path / "disk", root / "boot", tmp_path)
    print(told)
    assert told.endswith("--- done\n"), told[-6000:] + console[-3000:]
