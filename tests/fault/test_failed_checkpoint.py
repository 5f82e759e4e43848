"""A checkpoint of SQLite fails at its end, after a reader had kept an earlier one from reaching the log's end: what that one had
written is on the disk, too, before the log begins anew.

SQLite takes frames for done once they are written into the database (nBackfill), and syncs the database only when all are. A
sync that fails leaves the pages of the first part clean in Linux; SQLite itself never writes them again.
"""
import contextlib
import errno
import os
import sqlite3
import struct

from harness import Server, draw, sample_name
from test_power_cut import disk  # noqa: F401 (a fixture)
from toll import tried

SAMPLES = 1200
EARLIER = range(500)  # samples whose pages nothing writes to later
LATER = range(500, SAMPLES)
CHECKPOINT_FRAMES = 1000  # in a log, for which the server checkpoints after a commit


class Labelling(Server):
    def __init__(self, folder):
        super().__init__(folder)
        self.add_user("ann", role="admin")
        names = [sample_name(number) for number in range(SAMPLES)]
        draw(self.add_dataset("many", labels=["cat", "dog"], samples=names) / "image.png")
        self.database = self.databases / "many.db"
        self.labels = [""] * SAMPLES  # as they were answered

    def label(self, ids, label):
        answer = self.session("ann").post("/v1/datasets/many/samples/label", json={"ids": list(ids), "label": label})
        assert answer.status_code == 200, answer.text
        for number in ids:
            self.labels[number] = label

    @contextlib.contextmanager
    def log(self):
        """Asks how many frames the log has, and how many of them count as written into the database (sqlite.org/walformat.html).
        The file stays open, since closing it would take from this process the locks of a reader."""
        with open(self.database.with_name("many.db-shm"), "rb", 0) as index:
            yield lambda: tuple(struct.unpack("=I", os.pread(index.fileno(), 4, at))[0] for at in (16, 96))


def connected(path):
    return contextlib.closing(sqlite3.connect(path, isolation_level=None))


def fail_a_checkpoint_that_was_begun_before(server, disk):  # noqa: F811
    """And let the next one succeed, and the log begin anew."""
    with server.log() as log:
        server.label(EARLIER, "cat")
        with connected(server.database) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM samples LIMIT 1").fetchall()
            seen, done = log()
            assert done < seen, "there are frames that the reader does not keep"
            while log()[0] < CHECKPOINT_FRAMES:
                server.label(LATER, "dog")
            assert log()[1] == seen, "they count as written"
        with disk.failing("sync", errno.EIO, name=server.database.name):
            server.label(LATER[:1], "cat")
        assert (disk.failed, log()[1]) == (1, seen), "the rest was written, but not synced"
        server.label(LATER[1:2], "cat")
        frames, done = log()
        assert done == frames, "the next checkpoint succeeded"
        server.label(LATER[2:3], "cat")
        assert log()[0] < frames, "the log begins anew"


def kept_labels(path):
    """None: the database is damaged."""
    with connected(path) as database, contextlib.suppress(sqlite3.DatabaseError):
        if database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]:
            return [label for label, in database.execute("SELECT label FROM samples ORDER BY id")]


def test_what_a_checkpoint_wrote_before_one_that_failed_outlives_a_power_cut(disk):  # noqa: F811
    with Labelling(disk.folder / "server") as server:
        server.start()
        disk.keep()
        fail_a_checkpoint_that_was_begun_before(server, disk)
        server.kill()
        disk.cut()
        disk.mount()
        kept = kept_labels(server.database)
        tried("fsync of a checkpoint fails (EIO), then a power cut", 1, int(kept != server.labels))
        assert kept == server.labels
        server.start()
