"""What a program of the server could do that was taken over: run in the service's profile, each deed is to be refused.

`taken_over.py DEED…` does them, and prints a line for each: the deed, and what came of it. In the emulated system of
test_apparmor.py root runs it, who may do all of it, in the profile and, to see that the profile is what refuses, without.
"""
import ctypes
import os
import signal
import socket
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)


def read(path):
    with open(path, "rb") as file:
        file.read(1)


def change(path):
    with open(path, "ab"):
        pass


def create(path):
    with open(path, "xb"):
        pass
    os.unlink(path)


def raw(family):
    socket.socket(getattr(socket, family), socket.SOCK_RAW, socket.IPPROTO_ICMP if family == "AF_INET" else 0).close()


def become(user):
    os.setuid(int(user))


def own(path):
    os.chown(path, 0, 0)


def change_mode(path):
    """Of another's file, as the owner of all."""
    os.chmod(path, os.stat(path).st_mode)


def execute(path):
    subprocess.run([path, "--version"], check=True, stdout=subprocess.DEVNULL)


def wake(process):
    os.kill(int(process), signal.SIGCONT)


def mount(path):
    if LIBC.mount(b"tmpfs", path.encode(), b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    LIBC.umount(path.encode())


def leave(profile):
    with open("/proc/self/attr/current", "w") as current:
        current.write(f"changeprofile {profile}")


DEEDS = {deed.__name__: deed for deed in (
    read, change, create, raw, become, own, change_mode, execute, wake, mount, leave)}


def outcome(deed, what):
    """In a process of its own, since a deed may change who it is."""
    sys.stdout.flush()
    if os.fork() == 0:
        try:
            DEEDS[deed](what)
            print(deed, what, "done", flush=True)
        except OSError as error:
            print(deed, what, error.strerror, flush=True)
        os._exit(0)
    os.wait()


for asked in sys.argv[1:]:
    outcome(*asked.split(" ", 1))
