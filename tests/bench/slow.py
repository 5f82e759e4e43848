"""The topic "slow": durable labels and images where the disk, and not the processors, is what is waited for."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from intake import Collector
from meter import HERE, in_turns, Run, wrk
from pictures import photograph
from stack import PROGRAMS, put_database

DELAY_US = 1000
SHIM = {"LD_PRELOAD": str(PROGRAMS / "slow_disk.so"), "FSYNC_DELAY_US": str(DELAY_US)}
SAMPLES, CONNECTIONS, SECONDS, ROUNDS = 1_000_000, 64, 2, 3
LABELS_OF_ONE, IMAGES_OF_ONE = 8, 1.5  # goals: of what is synced one after the other
SMALL = (320, 240)


def one_by_one(call):
    """The rate that a function of meter.py tells on the slow disk; `call` is its call, as Python."""
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(HERE)!r}); from meter import *; print({call})"],
                          env={**os.environ, **SHIM}, capture_output=True, text=True, check=True)
    return Run.of(float(done.stdout) * SECONDS, SECONDS)


def slow(table):
    """durable labels and images on a disk whose every fsync takes 1 ms longer, against one fsync after the other"""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        collector = Collector(folder, env=SHIM)
        base_dir = collector.server.images / "bench"
        base_dir.mkdir()
        collector.image.write_bytes(photograph(1, SMALL, 75, 0.08))
        (base_dir / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        put_database(collector.server, "labels", SAMPLES)
        first = 0

        def label():
            nonlocal first
            run = wrk("classify.lua", collector.server.url, [collector.authorization, "labels", str(base_dir), first], CONNECTIONS, SECONDS)
            first += run.requests
            return run

        with collector:
            image, size = str(collector.image), collector.image.stat().st_size // 1000
            runs = in_turns({
                "fdatasync": lambda: one_by_one(f"fdatasync_rate({str(folder)!r}, {SECONDS})"),
                "labels": label,
                "files": lambda: one_by_one(f"disk_run({str(folder)!r}, open({image!r}, 'rb').read(), {SECONDS}, 1).rate"),
                "images": collector.put(collector.new_dataset() + "/images/", CONNECTIONS, SECONDS),
            }, ROUNDS)
            assert first < SAMPLES, "more labels than samples"
    where = f"fsync {DELAY_US / 1000:.0f} ms longer by LD_PRELOAD"
    table.compare(f"{where}: /classify, {CONNECTIONS} connections, against one fdatasync after the other", runs["labels"], runs["fdatasync"], LABELS_OF_ONE)
    table.compare(f"{where}: PUT of {size} KB, {CONNECTIONS} connections, against one file written and synced after the other", runs["images"],
                  runs["files"], IMAGES_OF_ONE)
