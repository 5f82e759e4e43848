"""A disk that fails, and forgets what was not synced when the power is cut (disk.c); needs FUSE, else skips."""
import contextlib
import errno
import os
import subprocess

import pytest
from harness import LIBEXEC

PROGRAM = LIBEXEC.parent / "tests" / "fault" / "disk"


class Disk:
    def __init__(self, folder):
        self.folder = folder
        self.failed = 0  # operations, of all so far
        self.off = False  # the power is
        self.process = subprocess.Popen([PROGRAM, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def do(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        assert answer and answer[0] == "ok", (words, answer, self.process.poll())
        self.failed += int(answer[1])

    def keep(self):
        """All that was written is kept from now on."""
        self.do("sync")

    def fail(self, operations, why, chance, name=""):
        """Operations of "open,read,write,sync,name" fail from now on, each with that probability; name: only on files and
        folders of this name."""
        self.do("fail", operations, why, chance, name)

    @contextlib.contextmanager
    def failing(self, operations, why, chance=1, name=""):
        self.fail(operations, why, chance, name)
        yield
        self.mend()

    def mend(self):
        self.fail("none", 0, 0)

    def cut(self, chance=None):
        """The power fails; chance chooses what was written without being asked for (None: nothing). Nobody may use the disk any
        more when it is mounted again."""
        self.off = True
        if chance:
            self.do("cut", chance.choice(["synced", "all"]), chance.choice(["synced", "some"]), chance.randrange(2**31))
        else:
            self.do("cut", "synced", "synced", 0)

    def mount(self):
        self.do("mount")
        self.off = False

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()  # it unmounts
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


@contextlib.contextmanager
def faulty_disk(folder):
    """Mounts it on the folder, which is made."""
    folder.mkdir()
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip(f"no faulty disk can be mounted: /dev/fuse: {os.strerror(errno.EACCES if os.path.exists('/dev/fuse') else errno.ENOENT)}")
    disk = Disk(folder)
    try:
        disk.mount()
        yield disk
    finally:
        disk.end()
