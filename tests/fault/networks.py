"""Two networks with a wire between them that can be cut, for processes of this machine: network namespaces.

with two_networks() as wire: … what is started here has the address HERE, what wire.command() or a thread after wire.enter()
starts has THERE; wire.cut(), wire.mend()
"""
import contextlib
import ctypes
import os
import shutil
import subprocess

import pytest

HERE, THERE = "10.77.0.1", "10.77.0.2"
NEW_NETWORK = 0x40000000  # CLONE_NEWNET of unshare(2)
libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    """Moves this thread, and what it starts from then on."""
    if libc.setns(namespace, NEW_NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Wire:
    def __init__(self, holder):
        self.holder = holder
        self.there = os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def command(self, *words):
        return ["nsenter", "--target", str(self.holder.pid), "--net", "--", *map(str, words)]

    def enter(self):
        enter(self.there)

    def cut(self):
        """At the far end, so that this one still has its address."""
        subprocess.run(self.command("ip", "link", "set", "far", "down"), check=True)

    def mend(self):
        subprocess.run(self.command("ip", "link", "set", "far", "up"), check=True)


@contextlib.contextmanager
def two_networks():
    """This thread is in one of its own meanwhile. Skips where that is not allowed."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if not shutil.which("ip") or libc.unshare(NEW_NETWORK) != 0:
        os.close(before)
        pytest.skip(f"no network namespace can be had: {os.strerror(ctypes.get_errno()) if shutil.which('ip') else 'ip is not installed'}")
    try:
        # it ends with its input, which is ours
        holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo there; read end"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert holder.stdout.readline() == b"there\n"
            wire = Wire(holder)
            for words in ("link set lo up", "link add near type veth peer name far", f"link set far netns {holder.pid}",
                          f"address add {HERE}/24 dev near", "link set near up"):  # fmt: skip
                subprocess.run(["ip", *words.split()], check=True)
            for words in ("link set lo up", f"address add {THERE}/24 dev far"):
                subprocess.run(wire.command("ip", *words.split()), check=True)
            wire.mend()
            yield wire
            os.close(wire.there)
        finally:
            holder.stdin.close()
            holder.wait()
    finally:
        enter(before)
        os.close(before)
