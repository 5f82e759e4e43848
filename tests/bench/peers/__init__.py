"""The topic "peers": the same work done by Label Studio, by tusd and by this server, side by side on this machine, by the same clients.

Each runs as its manual says for a start on one machine. What they do is not all the same. Labels: Label Studio and this server
both have one in SQLite, synced to the disk, before they answer. Loading: Label Studio is told 1,000 addresses, and looks at no image;
this server looks for the files in a folder, which is its way. Uploads: tusd keeps bytes, syncs none of them to the disk and knows no
users; this server checks the password and that it is an image to its end, and has it on the disk before it answers. Only this server
is behind nginx, as it always is."""
import base64
import contextlib
import http.client
import itertools
import os
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from harness import SCRIPTS, TOP, Server, until
from intake import large_upload
from meter import end_wrk, proportional_memory, start_wrk, together
from pictures import photograph, with_comment
from stack import add_user

TASKS, CLIENTS, SECONDS = 1_000, (1, 8), 30
LARGE_BYTES, SMALL_FILES, SMALL_CLIENTS = 200_000_000, 1_000, 8
BLOCK = 1 << 20


def directory_mb(folder):
    return sum(path.lstat().st_size for path in Path(folder).rglob("*")) / 1e6


def debian_mb(packages):
    """What these packages and all that they depend on take of the disk, but for those that every Debian has."""
    words = ["apt-cache", "depends", "--recurse", "--installed", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces",
             "--no-enhances", *packages]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    names = {line for line in said.splitlines() if line and not line.startswith((" ", "<"))}
    told = subprocess.run(["dpkg-query", "-W", "-f", "${Installed-Size} ${Priority} ${Essential}\n", *sorted(names)], capture_output=True, text=True)
    rows = [line.split(" ") for line in told.stdout.splitlines()]
    return sum(int(size) for size, priority, essential in rows if size and priority not in ("required", "important") and essential != "yes") / 1000


class Ours:
    """A server with a person for each client, and as many datasets as are loaded."""

    def __init__(self, folder):
        self.folder, self.names = folder, (f"bench{number}" for number in itertools.count())
        self.server = Server(folder / "server", config={"default_dataset": "uploads", "limits": {"file_bytes": LARGE_BYTES + BLOCK}})
        self.people = [add_user(self.server, f"user{number}", "contributor") for number in range(max(CLIENTS))]

    def start(self):
        """Until it answers; returns how many seconds that took."""
        begun = time.monotonic()
        self.server.start()
        return time.monotonic() - begun

    def stop(self):
        self.server.stop()

    def memory(self):
        return proportional_memory(self.server.processes())

    def installed_mb(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["make", "-s", "-C", TOP, "install", f"DESTDIR={folder}"], check=True, stdout=subprocess.DEVNULL)
            packages = subprocess.run([SCRIPTS / "install-deps", "--run", "--list"], capture_output=True, text=True, check=True).stdout.split()
            return directory_mb(folder) + debian_mb(packages)

    def load(self, count):
        """A dataset of a folder of images; returns its name and how many seconds that took."""
        name = next(self.names)
        pictures, picture = self.folder / name, photograph(2, (64, 48), 75, 0.08)
        pictures.mkdir()
        for number in range(count):
            (pictures / f"{number}.jpg").write_bytes(with_comment(picture, str(number)))
        words = [SCRIPTS / "image-label-load", "--config", self.server.config_file, "--in-place", pictures, "--dataset", name, "--labels", "cat,dog"]
        begun = time.monotonic()
        subprocess.run(words, env=self.server.env, check=True, capture_output=True)
        return name, time.monotonic() - begun

    def export(self, name):
        """The labelled tasks as Label Studio has them, and how many seconds they took."""
        begun = time.monotonic()
        with self.server.session() as session:
            answer = session.get(f"/v1/datasets/{name}/export?format=labelstudio&state=labelled", headers={"Authorization": self.people[0]})
        assert answer.status_code == 200, answer.text
        return answer.json(), time.monotonic() - begun


# --- labelling


def label(url, way, people, dataset, clients):
    """Each client is another person, one request after the other."""
    processes = [start_wrk("peers/label.lua", url, [way, people[number], dataset, TASKS // clients, SECONDS], 1, 3 * SECONDS) for number in range(clients)]
    return together([end_wrk(process) for process in processes], at_once=True)


def labelled_once(tasks, run, whose):
    """Every label answered is in the export; says how many tasks have several."""
    several = Counter(len(task["annotations"]) for task in tasks)
    assert sum(number * count for number, count in several.items()) >= run.requests, f"{whose}: {run.requests} labels answered, {dict(several)} exported"
    twice = sum(count for number, count in several.items() if number > 1)
    return f"{twice} of {whose} labelled twice" if twice else ""


def against_label_studio(table, folder):
    from .label_studio import LabelStudio

    ours, theirs = Ours(folder), LabelStudio(folder)
    against = f"Label Studio {theirs.version}: "
    with contextlib.ExitStack() as ended:
        ended.callback(theirs.close)
        ended.callback(ours.stop)
        table.at_most(against + "installed, with the Debian packages needed", ours.installed_mb(),
                      directory_mb(theirs.environment) + debian_mb(["python3"]), 1, "MB")
        first = []
        for each in (ours, theirs):
            first.append(each.start())
            each.stop()
        table.at_most(against + "start to first answer", ours.start(), theirs.start(), 1, "s", note=f"the very first: {first[0]:.1f} s and {first[1]:.0f} s")
        people = [theirs.sign_up(f"user{number}") for number in range(max(CLIENTS))]
        table.at_most(against + "memory, idle", ours.memory(), theirs.memory(), 1, "MB")
        projects = [theirs.project() for _ in CLIENTS]
        loads = [theirs.load(project, TASKS) for project in projects]
        datasets, seconds = zip(*(ours.load(TASKS) for _ in CLIENTS))
        table.at_most(f"{against}{TASKS} tasks loaded", min(seconds), min(loads), 1, "s")
        for clients, dataset, project in zip(CLIENTS, datasets, projects):
            mine = label(ours.server.url, "ours", ours.people, dataset, clients)
            other = label(theirs.url, "label-studio", people, project, clients)
            (my_tasks, my_export), (their_tasks, their_export) = ours.export(dataset), theirs.export(project)
            twice = [labelled_once(my_tasks, mine, "ours"), labelled_once(their_tasks, other, "theirs")]
            table.at_least(f"{against}next task and its label, clients: {clients}", mine.rate, other.rate, 1, "/s", note="; ".join(filter(None, twice)))
        table.at_most(f"{against}export as its JSON", my_export, their_export, 1, "s", note=f"of {len(my_tasks)} and {len(their_tasks)}")


# --- uploading


class Uploader:
    """A client of tus, one connection."""

    def __init__(self, url, path, authorization):
        self.address, self.path, self.connection = url.removeprefix("http://"), path, None
        self.headers = {"Tus-Resumable": "1.0.0", **({"Authorization": authorization} if authorization else {})}

    def connect(self):
        self.connection = http.client.HTTPConnection(self.address, timeout=300, blocksize=BLOCK)

    def ask(self, method, path, good, body=None, busy=(), **headers):
        self.connection.request(method, path, body=body, headers={**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}})
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status in busy:
            return None
        assert answer.status == good, f"{method} {path}: {answer.status} {said[:400]}"
        return answer.headers

    def create(self, name, size):
        self.connect()
        metadata = "filename " + base64.b64encode(name.encode()).decode()
        location = self.ask("POST", self.path, 201, Upload_Length=str(size), Upload_Metadata=metadata, Content_Length="0")["Location"]
        return "/" + location.partition("://")[2].partition("/")[2] if "://" in location else location

    def send(self, location, file, offset):
        file.seek(offset)
        left = os.fstat(file.fileno()).st_size - offset
        self.ask("PATCH", location, 204, file, Upload_Offset=str(offset), Content_Type="application/offset+octet-stream", Content_Length=str(left))

    def break_off(self, location, file, size):
        """Sends the beginning of a whole, and is gone."""
        whole = os.fstat(file.fileno()).st_size
        self.connection.putrequest("PATCH", location)
        for name, value in {**self.headers, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream", "Content-Length": str(whole)}.items():
            self.connection.putheader(name, value)
        self.connection.endheaders()
        file.seek(0)
        for _ in range(size // BLOCK):
            self.connection.send(file.read(BLOCK))
        self.connection.close()

    def offset(self, location):
        """Asked again, as clients of tus do, while the server still has the broken connection's request."""
        return int(until(lambda: self.ask("HEAD", location, 200, busy=(409, 423)), "the upload is free")["Upload-Offset"])


def upload_large(uploader, path):
    begun = time.monotonic()
    with path.open("rb") as file:
        uploader.send(uploader.create(path.name, path.stat().st_size), file, 0)
    return time.monotonic() - begun


def resume_large(uploader, path):
    """How long the second half takes on a new connection, and how much of the first was kept."""
    with path.open("rb") as file:
        location = uploader.create(path.name, path.stat().st_size)
        uploader.break_off(location, file, LARGE_BYTES // 2)
        begun = time.monotonic()
        uploader.connect()
        kept = uploader.offset(location)
        uploader.send(location, file, kept)
    return time.monotonic() - begun, kept / 1e6


def upload_small(url, path, authorization, image):
    processes = [start_wrk("peers/upload.lua", url, [authorization, path, image, f"c{number}", SMALL_FILES // SMALL_CLIENTS, SECONDS], 1, 3 * SECONDS)
                 for number in range(SMALL_CLIENTS)]
    return together([end_wrk(process) for process in processes], at_once=True)


def against_tusd(table, folder):
    from .tusd import Tusd

    small, large = folder / "small.jpg", [folder / f"large{number}.jpg" for number in range(2)]
    small.write_bytes(photograph(3, (240, 180), 75, 0.08))
    bytes_ = large_upload(LARGE_BYTES)
    for number, path in enumerate(large):
        path.write_bytes(with_comment(bytes_, str(number)))
    del bytes_
    with contextlib.ExitStack() as ended:
        ours, theirs = Ours(folder), Tusd(folder)
        ended.callback(theirs.close)
        ours.start()
        ended.callback(ours.stop)
        against = f"tusd {theirs.version}: "
        places = [(ours.server.url, "/v1/datasets/uploads/uploads", ours.people[0]), (theirs.url, theirs.path, "")]
        mine, other = (upload_large(Uploader(*place), large[0]) for place in places)
        table.tell(f"{against}upload of {LARGE_BYTES // 10**6} MB", mine, "s", other, note=theirs.and_synced(other))
        (mine, my_kept), (other, their_kept) = (resume_large(Uploader(*place), large[1]) for place in places)
        table.tell(f"{against}the rest of it after half of it and a broken connection", mine, "s", other,
                   note=f"kept {my_kept:.0f} MB and {their_kept:.0f} MB; {theirs.and_synced(other)}")
        mine, other = (upload_small(*place, small) for place in places)
        table.tell(f"{against}{SMALL_FILES} files of {small.stat().st_size // 1000} KB, clients: {SMALL_CLIENTS}", mine.rate, "/s", other.rate,
                   note=theirs.and_synced(other.seconds, other.requests))
        table.tell(against + "memory after these", ours.memory(), "MB", theirs.memory())


def peers(table):
    """the same work by Label Studio and tusd, installed from PyPI and the Go module proxy: only when asked for"""
    for what, topic in (("Label Studio", against_label_studio), ("tusd", against_tusd)):
        with tempfile.TemporaryDirectory() as name:
            try:
                topic(table, Path(name))
            except (pytest.skip.Exception, pytest.fail.Exception) as why:
                table.not_measured(what, str(why))
