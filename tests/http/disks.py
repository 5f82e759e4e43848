"""A small file system that only this process and its children can see, for tests that fill it; needs root, else
skips."""
import contextlib
import ctypes
import functools
import os
import subprocess

import pytest

NEW_MOUNTS = 0x20000  # CLONE_NEWNS of unshare(2)


@functools.cache
def _own_mounts():
    """Why no file system can be mounted, or None. What is mounted is gone with this process, however it ends."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_MOUNTS) != 0:
        return os.strerror(ctypes.get_errno())
    done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True)
    return done.stderr.strip() if done.returncode else None


@contextlib.contextmanager
def small_disk(folder, megabytes):
    """Mounts it on the folder, which is made."""
    folder.mkdir()
    trouble = _own_mounts()
    if not trouble:
        words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", folder]
        trouble = subprocess.run(words, capture_output=True, text=True).stderr.strip()
    if trouble:
        pytest.skip(f"no small file system can be mounted: {trouble}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    """Takes all the room that is left, to the last byte; unlink what it returns to give it back."""
    filler = folder / "filler"
    with open(filler, "ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler
