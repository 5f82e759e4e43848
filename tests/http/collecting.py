"""Servers that collect images, on the stores that TEST_DATASET=sqlite|mongo and TEST_BLOB=fs|s3 choose."""
import contextlib
import functools
import io
import itertools
import os
import re
import sqlite3
import sys
import time
from pathlib import Path

import pymongo
import pytest
from harness import TOP, Server, files, opened, until
from PIL import Image

sys.path.insert(0, str(TOP / "tests" / "services"))
import services  # noqa: E402

DATASET = os.environ.get("TEST_DATASET", "sqlite")
BLOB = os.environ.get("TEST_BLOB", "fs")
DEFAULT = "collected"  # the default dataset, public
LABELS = ("accordion", "airplanes")
SWEPT_SECONDS = 3600  # age at which what a crash left is removed
colours = itertools.count(1)


def picture(kind="PNG", size=(32, 24), **options):
    """The bytes of an image that no other call makes."""
    number = next(colours)
    image = Image.new("RGB", size, "white")
    image.putpixel((0, 0), (number % 256, number // 256 % 256, 99))
    for bit in range(16):  # so that it stays unique when compression loses details
        if number >> bit & 1:
            image.paste("black", (bit % 4 * size[0] // 4, bit // 4 * size[1] // 4, (bit % 4 + 1) * size[0] // 4, (bit // 4 + 1) * size[1] // 4))
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


class Stores:
    """The services for the chosen stores, started when first needed; each server gets its own database and
    bucket."""

    def __init__(self):
        self.running = contextlib.ExitStack()
        self.started = {}  # name: the service, or the reason why there is none
        self.numbers = itertools.count()

    def service(self, name, start):
        if name not in self.started:
            try:
                self.started[name] = self.running.enter_context(start())
            except (pytest.skip.Exception, pytest.fail.Exception) as outcome:
                self.started[name] = outcome
        if isinstance(self.started[name], BaseException):
            raise self.started[name]
        return self.started[name]

    def mongo(self):
        return self.service("mongo", lambda: services.mongo(nodes=1))

    def s3(self):
        return self.service("s3", services.s3)

    def mongo_uri(self):
        return self.mongo().uri

    def config(self):
        """The configuration of a server that labels images in folders: where it keeps its datasets."""
        if DATASET != "mongo":
            return {}
        return {"dataset_store": {"type": "mongodb", "uri": self.mongo_uri(), "database": f"labelling{next(self.numbers)}"}}

    def environment(self):
        """The environment variables of a collecting server, those of the older collecting system."""
        number = next(self.numbers)
        variables = {}
        if DATASET == "mongo":
            variables |= {"MONGODB_CONN_STRING": self.mongo_uri(), "DATABASE_NAME": f"collecting{number}"}
        if BLOB == "s3":
            variables |= {**self.s3().environment, "AWS_BUCKET_NAME": f"collecting{number}"}
            bucket_client(variables).create_bucket(Bucket=variables["AWS_BUCKET_NAME"])
        return variables


def bucket_client(variables):
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return kept_client(*(variables.get(name) for name in names))


@functools.cache
def kept_client(endpoint, region, key, secret):
    """Making a client takes longer than most tests."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=endpoint, region_name=region or "us-east-1", aws_access_key_id=key, aws_secret_access_key=secret
    )


class Collector(Server):
    """A server with a default dataset, a private one, and a user of each role."""

    def __init__(self, folder, variables, *, config=None, labels=LABELS):
        store = Path(folder) / "store"
        super().__init__(
            folder,
            config={"default_dataset": DEFAULT, "image_store": {"dir": str(store)}, "base_dirs": [str(Path(folder).parent)], **(config or {})},
            env=variables,
        )
        self.store = store
        self.variables = variables
        self.labels = labels
        self.looking = None  # the session of look()
        self.settled = None  # what stored() returned when a test found it unchanged, until another may have changed it
        for role in ("viewer", "annotator", "contributor", "admin"):
            self.add_user(role, role=role)
        self.add_user("guest", role="contributor", datasets=["secret"])

    def start(self):
        super().start()
        admin = self.session("admin")
        made = admin.post("/v1/datasets", json={"name": "secret", "labels": ["cat", "dog"]})
        assert made.status_code == 201, made.text
        for label in self.labels:
            assert admin.post(f"/v1/datasets/{DEFAULT}/labels", json={"name": label}).status_code == 201
        return self

    # --- looking at it from outside

    def objects(self):
        """The keys in the image store."""
        if "AWS_BUCKET_NAME" in self.variables:
            pages = bucket_client(self.variables).get_paginator("list_objects_v2")
            listed = pages.paginate(Bucket=self.variables["AWS_BUCKET_NAME"])
            return {item["Key"] for page in listed for item in page.get("Contents", [])}
        trees = [self.store / "public", self.store / "private"]
        return {str(path.relative_to(tree)) for tree in trees for path in files(tree)}

    def object(self, key):
        """An object's bytes."""
        if "AWS_BUCKET_NAME" in self.variables:
            return bucket_client(self.variables).get_object(Bucket=self.variables["AWS_BUCKET_NAME"], Key=key)["Body"].read()
        return next(tree for tree in (self.store / "public" / key, self.store / "private" / key) if tree.exists()).read_bytes()

    def size(self, dataset=DEFAULT):
        return self.look(f"/v1/datasets/{dataset}")["size"]

    def stored(self):
        """Everything that is stored, for comparison: the keys in the image store, the default dataset's size, and
        all sizes."""
        sizes = {item["name"]: item["size"] for item in self.look("/v1/datasets")["items"]}
        return self.objects(), sizes[DEFAULT], sizes

    def look(self, path):
        if self.looking is None or self.looking.base != self.url:
            self.looking = self.session("admin")
        return self.looking.get(path).json()

    def leftovers(self):
        """Temporary files: those in their folders, and those without a name that a program holds open. (nginx keeps
        some answers of `access` open, in its open_file_cache, until it looks for another one.)"""
        folders = [self.state / "tmp" / "body", self.state / "tmp" / "fastcgi", self.state / "uploads", self.store / "tmp"]
        found = [str(path) for folder in folders for path in files(folder)]
        found += [str(path) for folder in (self.state, self.store) for path in folder.glob(".spool*")]
        for pid in self.processes():
            ours = [name for name in opened(pid) if name.endswith(" (deleted)") and name.startswith(str(self.folder))]
            found += [name for name in ours if not re.search("/(log|cache)/", name)]
        return found

    def assert_nothing_left(self):
        """nginx removes its files when it has finished a request, which is after the answer."""
        left = []

        def none():
            left[:] = self.leftovers()
            return not left

        until(none, left)

    def sweep(self):
        """Makes what is left unfinished old; then reloads. Returns the reload's output."""
        then = time.time() - SWEPT_SECONDS - 1
        for folder in (self.state / "pending", self.store / "tmp"):
            for path in files(folder):
                with contextlib.suppress(FileNotFoundError):
                    os.utime(path, (then, then))
        done = self.reload()
        assert done.returncode == 0, done.stderr
        return done.stderr

    def programs(self):
        """The pids of the programs that store images."""
        names = ("images", "single_upload", "bulk_upload", "archive", "uploads", "labels", "samples", "datasets")
        running = self.executables()
        pids = {name: [pid for pid, program in running.items() if program == name] for name in names}
        assert all(len(found) == 1 for found in pids.values()), pids
        return pids


def form(*files, field="files"):
    """A multipart body's files: (name, bytes[, type]) each."""
    return [(field, file) for file in files]


def samples(session, dataset=DEFAULT, **query):
    """All samples, page by page."""
    after = {}
    while True:
        answer = session.get(f"/v1/datasets/{dataset}/samples", params={**query, **after})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield from page["items"]
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def stored_labels(server, dataset):
    """{filepath: label} as another program reads it in the database that holds a server's datasets."""
    store = server.config.get("dataset_store")
    if not store:
        with contextlib.closing(sqlite3.connect(server.databases / f"{dataset}.db")) as database:
            return dict(database.execute("SELECT filepath, label FROM samples"))  # as A's own exporter does
    with pymongo.MongoClient(store["uri"]) as client:
        return {sample["filepath"]: sample["Label"] for sample in client[store["database"]].images.find({"dataset": dataset})}


def assert_problem(answer, status, says=""):
    assert answer.status_code == status, (answer.status_code, answer.text[:300])
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status and problem["title"] and problem["message"] == problem["detail"]
    assert says in problem["detail"]


def assert_message(answer, status, says=""):
    assert answer.status_code == status, (answer.status_code, answer.text[:300])
    assert answer.headers["Content-Type"] == "application/json"
    assert says in answer.json()["message"], answer.text
