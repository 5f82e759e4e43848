"""The benchmarks of collecting: single images, archives, thumbnails, S3 and MongoDB, each beside its ceiling."""
import contextlib
import http.client
import io
import itertools
import json
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import pytest
import requests

from harness import TOP, Server
from meter import Run, disk_run, in_turns, peak_memory, wrk
from pictures import photograph, with_comment
from stack import PROGRAMS, add_locations, add_user, start_bare

sys.path.append(str(TOP / "tests" / "services"))
import services  # noqa: E402

CONNECTIONS, SECONDS, ROUNDS = 8, 1, 5
ARCHIVE_IMAGES, ARCHIVE_ROUNDS, ARCHIVE_LABELS = 5000, 2, 10
LARGE_ARCHIVE_BYTES, LARGE_UPLOAD_BYTES = 400_000_000, 60_000_000
THUMBS = 12
CONVERT = "/usr/bin/convert"  # ImageMagick's, as Debian installs it
MEMORY_MB = 150


class Collector:
    """A server that collects into one dataset, as an administrator with a generated key."""

    def __init__(self, folder, **options):
        self.server = Server(folder / "server", **options)
        self.authorization = add_user(self.server, "collector", "admin")
        self.datasets, self.runs = itertools.count(), itertools.count()
        self.image = folder / "100k.jpg"
        self.image.write_bytes(photograph(1, (768, 576), 75, 0.08))
        # Something to start with: there is no server without a dataset.
        self.base_dir = self.server.add_dataset("seeded", samples=0)

    def __enter__(self):
        self.server.start()
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = self.authorization
        return self

    def __exit__(self, *_):
        self.server.stop()

    def ask(self, method, path, good=(200, 201), **options):
        answer = self.session.request(method, self.server.url + path, timeout=300, **options)
        assert answer.status_code in good, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def new_dataset(self):
        name = f"bench{next(self.datasets)}"
        self.ask("POST", "/v1/datasets", json={"name": name, "labels": ["cat"]})
        return f"/v1/datasets/{name}"

    def put(self, path, connections=CONNECTIONS, seconds=SECONDS):
        """Images put by wrk, each new to the server; beneath `path`, which may be that of a ceiling."""
        return lambda: wrk("put.lua", self.server.url, [self.authorization, path, self.image, f"r{next(self.runs)}"], connections, seconds)


def uploads(table):
    """images put one by one, against a sink behind nginx and against the bare disk; memory of large uploads"""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as ended:
        folder = Path(name)
        collector = ended.enter_context(Collector(folder))
        socket = start_bare(folder, ended)
        add_locations(collector.server, f"""
		location /bench/sink/ {{
			client_max_body_size 64m;
			client_body_buffer_size 2m;
			fastcgi_pass unix:{socket};
		}}""")
        image = collector.image.read_bytes()
        measures = {
            "sink": collector.put("/bench/sink/"),
            "disk": lambda: disk_run(folder, image, SECONDS, CONNECTIONS),
            "disk, folders too": lambda: disk_run(folder, image, SECONDS, CONNECTIONS, sync_folder=True),
            "put": collector.put(collector.new_dataset() + "/images/"),
        }
        runs = in_turns(measures, ROUNDS)
        put, sink, disk, disk_and_folders = (runs[name] for name in ("put", "sink", "disk", "disk, folders too"))
        slower = min(sink, disk, key=lambda run: run.rate)
        table.tell("bodies of 100 KB into a sink behind nginx", sink.rate, "/s")
        table.tell("written, fdatasync, rename, by 8 threads", disk.rate, "/s")
        table.tell("written, fdatasync, rename, by 8 threads, and the folder synced", disk_and_folders.rate, "/s")
        table.compare(f"PUT of {len(image) // 1000} KB images, {CONNECTIONS} connections, against the slower", put, slower, 0.6)
        memory_of_large(table, collector)


def chunks_of_archive(picture, size):
    """A tar of that picture over and over, each time with another comment, without ever holding it whole."""
    for number in range(size // len(picture)):
        bytes_ = with_comment(picture, str(number))
        info = tarfile.TarInfo(f"cat/{number:06}.jpg")
        info.size = len(bytes_)
        yield info.tobuf() + bytes_ + bytes(-len(bytes_) % 512)
    yield bytes(1024)


def large_upload(size):
    """An image of about that many bytes: a JPEG with comments of 64 KB."""
    picture = photograph(3, (4000, 3000), 80, 0.08)
    filler = with_comment(b"", "x" * 65000)
    return picture[:2] + filler * ((size - len(picture)) // len(filler)) + picture[2:]


def memory_of_large(table, collector):
    """The peak of each process, after an archive and an upload that are large."""
    dataset = collector.new_dataset()
    picture = photograph(2, (4000, 3000), 80, 0.08)
    answer = collector.ask("POST", dataset + "/archive", data=chunks_of_archive(picture, LARGE_ARCHIVE_BYTES))
    summary = json.loads(answer.text.splitlines()[-1])["summary"]
    assert summary["loaded"] > 0 and summary["failed"] == 0, summary
    collector.ask("PUT", dataset + "/images/large.jpg", data=large_upload(LARGE_UPLOAD_BYTES))
    peaks = peak_memory(collector.server.processes())
    name, peak = max(peaks.items(), key=lambda item: item[1])
    what = f"most memory of a process, archive of {LARGE_ARCHIVE_BYTES // 10**6} MB, image of {LARGE_UPLOAD_BYTES // 10**6} MB"
    table.below(what, peak, "MB", MEMORY_MB, note=name)


def make_archive(path):
    picture = photograph(4, (320, 240), 75, 0.08)
    with tarfile.open(path, "w") as archive:
        for number in range(ARCHIVE_IMAGES):
            bytes_ = with_comment(picture, str(number))
            info = tarfile.TarInfo(f"label{number % ARCHIVE_LABELS}/{number:05}.jpg")
            info.size = len(bytes_)
            archive.addfile(info, io.BytesIO(bytes_))
    return len(picture)


def archive(table):
    """an archive of images, against tar x and sync"""

    def unpack():
        out = tempfile.mkdtemp(dir=folder)  # stays, as in disk_run
        begun = time.monotonic()
        subprocess.run(["tar", "-x", "-f", tar, "-C", out], check=True)
        subprocess.run(["sync", "-f", out], check=True)
        return Run.of(ARCHIVE_IMAGES, time.monotonic() - begun)

    def load():
        dataset = collector.new_dataset()
        with tar.open("rb") as body:
            begun = time.monotonic()
            answer = collector.ask("POST", dataset + "/archive", data=body)
            took = time.monotonic() - begun
        summary = json.loads(answer.text.splitlines()[-1])["summary"]
        assert summary["loaded"] == ARCHIVE_IMAGES, summary
        return Run.of(ARCHIVE_IMAGES, took)

    with tempfile.TemporaryDirectory() as name, Collector(Path(name)) as collector:
        folder = Path(name)
        tar = folder / "images.tar"
        size = make_archive(tar)
        runs = in_turns({"tar": unpack, "archive": load}, ARCHIVE_ROUNDS)
        table.compare(f"a tar of {ARCHIVE_IMAGES} images of {size // 1000} KB, against tar x and sync", runs["archive"], runs["tar"], 0.3)


def thumbs(table):
    """thumbnails, against ImageMagick's convert and against a static file"""
    if not Path(CONVERT).exists():
        table.not_measured("a thumbnail of 12 MP against convert", "ImageMagick is not installed")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        collector = Collector(folder)
        picture = photograph(5, (4000, 3000), 80, 0.08)
        paths = [f"{number}.jpg" for number in range(THUMBS)]
        for number, path in enumerate(paths):
            (collector.base_dir / path).write_bytes(with_comment(picture, str(number)))
        collector.server.add_dataset("seeded", samples=paths, base_dir=collector.base_dir)
        with collector:
            measure_thumbs(table, collector, paths)


def measure_thumbs(table, collector, paths):
    out = collector.base_dir / "converted.jpg"
    ours, theirs = [], []
    thumb = "/v1/datasets/seeded/samples/{}/thumb?size=256".format
    connection = http.client.HTTPConnection("127.0.0.1", collector.server.port, timeout=60)  # requests itself takes some ms
    for number, path in enumerate(paths):
        begun = time.monotonic()
        subprocess.run([CONVERT, collector.base_dir / path, "-thumbnail", "256x256", out], check=True)
        converted = time.monotonic()
        connection.request("GET", thumb(number), headers={"Authorization": collector.authorization})
        answer = connection.getresponse()
        small = answer.read()
        assert answer.status == 200, small
        theirs.append(converted - begun)
        ours.append(time.monotonic() - converted)
    table.at_most("thumbnail of 12 MP, against ImageMagick's convert", statistics.median(ours) * 1000, statistics.median(theirs) * 1000, 0.2, "ms")
    (collector.base_dir / "static.jpg").write_bytes(small)
    add_locations(collector.server, f"location /bench/static/ {{ alias {collector.base_dir}/; }}")
    runs = in_turns({name: lambda path=path: wrk("same.lua", collector.server.url + path, [collector.authorization, "*/*", ""], 32,
                                                 SECONDS, threads=2)
                     for name, path in (("static", "/bench/static/static.jpg"), ("thumb", thumb(0)))}, ROUNDS)
    table.compare("thumbnail served again after a look at its image, against a static file", runs["thumb"], runs["static"], 0.2, note=f"{len(small) // 1000} KB")


@contextlib.contextmanager
def service(table, what, make):
    """A real service; without it the row says why it is missing."""
    with contextlib.ExitStack() as ended:
        try:
            running = ended.enter_context(make())
        except (pytest.skip.Exception, pytest.fail.Exception) as why:
            table.not_measured(what, str(why))
            running = None
        yield running


def s3(table):
    """images put into a real S3 gateway, against a bare libcurl loop"""
    what = f"PUT of 100 KB images into S3, {CONNECTIONS} at once, against a bare libcurl loop"
    with service(table, what, services.s3) as gateway, tempfile.TemporaryDirectory() as name:
        if not gateway:
            return
        variables = {**gateway.environment, "AWS_BUCKET_NAME": "bench"}
        bucket_client(variables).create_bucket(Bucket="bench")
        with Collector(Path(name), env=variables) as collector:

            def bare():
                words = [PROGRAMS / "s3_put", "bench", collector.image, str(SECONDS), str(CONNECTIONS)]
                done = subprocess.run(words, env=variables, check=True, capture_output=True, text=True)
                stored, seconds = done.stdout.split()
                return Run.of(int(stored), float(seconds))

            bare()  # the gateway makes its pools at the first object
            runs = in_turns({"bare": bare, "put": collector.put(collector.new_dataset() + "/images/")}, ROUNDS)
            table.compare(what, runs["put"], runs["bare"], 0.8)


def bucket_client(variables):
    import boto3

    return boto3.client("s3", endpoint_url=variables["AWS_ENDPOINT_URL"], region_name=variables["AWS_REGION"],
                        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"], aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"])


def mongo(table):
    """leases and labels in a replica set of three, against a bare libmongoc loop"""
    what = "MongoDB, 3 nodes: leases and labels, 64 threads, against a bare libmongoc loop"
    with service(table, what, services.mongo) as replica_set:
        if not replica_set:
            return
        done = subprocess.run([PROGRAMS / "mongo_rate", "6", "64"], env={"TEST_MONGODB_URI": replica_set.uri}, check=True,
                              capture_output=True, text=True)
        told = re.search(r"bare ([\d.]+)/s, ours ([\d.]+)/s", done.stdout)
        bare, ours = float(told[1]), float(told[2])
        table.at_least(what, ours, bare, 0.8, "/s")
