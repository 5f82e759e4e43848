"""What the benchmarks use to measure: wrk, the disk, the processors, memory."""
import json
import os
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Run:
    """What one run of wrk came to, or several taken together."""

    def __init__(self, told=None):
        self.requests = self.seconds = self.errors = 0
        self.histogram = Counter()  # microseconds: requests
        if told:
            self.requests, self.seconds, self.errors = told["requests"], told["seconds"], told["errors"]
            self.histogram.update(dict(told["histogram"]))
        self.told = told

    @classmethod
    def of(cls, requests, seconds):
        """What something else than wrk has measured."""
        return cls({"requests": requests, "seconds": seconds, "errors": 0, "histogram": []})

    @property
    def rate(self):
        return self.requests / self.seconds

    def percentile(self, part):
        """Of the latencies, in milliseconds."""
        left = part * sum(self.histogram.values())
        for microseconds, count in sorted(self.histogram.items()):
            left -= count
            if left <= 0:
                return microseconds / 1000
        return 0.0


def together(runs, at_once):
    """Several runs as one: beside each other, or one after the other."""
    sum_of = Run()
    for run in runs:
        sum_of.requests += run.requests
        sum_of.errors += run.errors
        sum_of.histogram += run.histogram
        sum_of.seconds = max(sum_of.seconds, run.seconds) if at_once else sum_of.seconds + run.seconds
    return sum_of


def start_wrk(script, url, arguments, connections, seconds, threads=1):
    words = ["wrk", "-t", threads, "-c", connections, "-d", f"{seconds}s", "--timeout", "30s", "-s", HERE / script, url, "--", *arguments]
    return subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end_wrk(process):
    """Waits until it has told what came of it; one that would go on is ended then."""
    said, told = [], None
    try:
        for line in process.stdout:
            if line.startswith("BENCH "):
                told = json.loads(line[6:])
                break
            said.append(line)
    finally:
        process.kill()
        process.wait()
    if not told or told["errors"] or not told["requests"]:
        raise SystemExit(f"bench: wrk failed: {told and told['errors']} errors\n{''.join(said)[-2000:]}")
    return Run(told)


def wrk(*arguments, **options):
    return end_wrk(start_wrk(*arguments, **options))


def in_turns(measures, rounds=6):
    """Measures each of them in turn, several times, so that what slows the machine down for a while slows all."""
    runs = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            runs[name].append(measure())
    return {name: together(some, at_once=False) for name, some in runs.items()}


def fdatasync_rate(folder, seconds=3):
    """Synced writes of a page a second, into a file that is there already: what a journal on this disk could do at most."""
    path, page, pages = Path(folder) / "fdatasync", os.urandom(4096), 4096
    path.write_bytes(page * pages)
    file = os.open(path, os.O_WRONLY)
    try:
        os.fsync(file)
        count, begun = 0, time.monotonic()
        while (took := time.monotonic() - begun) < seconds:
            os.pwrite(file, page, count % pages * len(page))
            os.fdatasync(file)
            count += 1
        return count / took
    finally:
        os.close(file)
        path.unlink()


def disk_run(folder, data, seconds, threads, sync_folder=False):
    """Files written, synced and renamed by several threads, as many as the disk takes.

    They stay: ext4 without a journal searches long for an inode after many files were removed, for everyone."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    end = time.monotonic() + seconds
    counts = [0] * threads

    def write(number):
        directory = os.open(folder, os.O_RDONLY)
        while time.monotonic() < end:
            path = f"{folder}/{number}-{counts[number]}"
            file = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
            os.write(file, data)
            os.fdatasync(file)
            os.close(file)
            os.rename(path + ".new", path)
            if sync_folder:
                os.fsync(directory)
            counts[number] += 1
        os.close(directory)

    begun = time.monotonic()
    writers = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return Run.of(sum(counts), time.monotonic() - begun)


def peak_memory(pids):
    """The most memory that each process has had since it started, in MB; of several of one name the largest."""
    peaks = {}
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        name = fields["Name"].strip()
        peaks[name] = max(peaks.get(name, 0), int(fields["VmHWM"].split()[0]) / 1024)
    return peaks


def processor_seconds(pid):
    """What a process and those of its children that have ended took until now, in user mode and in the kernel."""
    user, system, user_of_ended, system_of_ended = map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15])
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + user_of_ended) / ticks, (system + system_of_ended) / ticks


def proportional_memory(pids):
    """The processes' memory in MB; what several share is counted once (PSS)."""
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024
