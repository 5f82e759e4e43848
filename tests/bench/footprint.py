"""The topics of what it takes to have a server at all: build, start, memory."""
import statistics
import subprocess
import tempfile
import time

from harness import TOP, Server
from meter import proportional_memory

STARTS = 5
BUILD_SECONDS, START_SECONDS, MEMORY_MB = 60, 2, 60


def build(table):
    """`make` from clean, beside what is built already"""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        subprocess.run(["make", "-s", "-C", TOP, f"build={folder}/build", "all"], check=True, stdout=subprocess.DEVNULL)
        table.below("make from clean", time.monotonic() - begun, "s", BUILD_SECONDS)


def start(table):
    """from `start` to the first answer, of a server with one small dataset"""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        server.add_user("ann")
        server.add_dataset("demo")
        for _ in range(STARTS):
            begun = time.monotonic()
            with server.start():
                answer = server.session("ann").post("/size", json={"dataset_name": "demo"})
                times.append(time.monotonic() - begun)
                assert answer.status_code == 200, answer.text
    table.below(f"start to first answer, median of {STARTS}", statistics.median(times), "s", START_SECONDS)


def memory(table):
    """all processes of a server that has answered once, and waits"""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        server.add_user("ann")
        server.add_dataset("demo")
        with server.start():
            for path in ("/size", "/obtain"):
                assert server.session("ann").post(path, json={"dataset_name": "demo"}).status_code == 200
            pids = server.processes()
            table.below("memory of all processes, idle", proportional_memory(pids), "MB", MEMORY_MB, note=f"{len(pids)} processes")
