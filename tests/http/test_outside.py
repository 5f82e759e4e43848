"""What other services find in the bucket and the database, seen with boto3 and pymongo.

Only the environment variables of the older collecting system are set.
"""
import csv
import datetime
import functools
import json
import re
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pymongo
import pytest
import requests
from bare import Bare
from collecting import bucket_client, picture
from harness import SCRIPTS, TOP, until

sys.path.insert(0, str(TOP / "tests" / "services"))
import services  # noqa: E402

pytestmark = pytest.mark.on("mongo", "s3")


class Outside(Bare):
    """A server that has no configuration but the environment of the collecting system. The first one over a database
    adds its user, whom the others know from there."""

    def __init__(self, folder, variables, first=True):
        super().__init__(folder, variables)
        if first:
            self.add_user("ann", role="admin")

    @functools.cached_property
    def database(self):
        return pymongo.MongoClient(self.variables["MONGODB_CONN_STRING"])[self.variables["DATABASE_NAME"]]

    @property
    def bucket(self):
        return self.variables["AWS_BUCKET_NAME"]

    @property
    def s3(self):
        return bucket_client(self.variables)

    def keys(self):
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])}

    def is_public(self, key):
        grants = self.s3.get_object_acl(Bucket=self.bucket, Key=key)["Grants"]
        return any(grant["Permission"] == "READ" and grant["Grantee"].get("URI", "").endswith("/AllUsers") for grant in grants)


@pytest.fixture(scope="module")
def variables(stores):
    """The environment of the collecting system."""
    return stores.environment()


@pytest.fixture(scope="module")
def outside(tmp_path_factory, variables):
    from conftest import finish

    outside = Outside(tmp_path_factory.mktemp("outside"), variables)
    try:
        outside.start()
        ann = outside.session("ann")
        for name in ("accordion", "airplanes"):
            assert ann.post(f"/add_label/{name}").json()["S3-Response"]["Created"] is True
        yield outside
    finally:
        finish([outside])


@pytest.fixture
def ann(outside):
    return outside.session("ann")


def single(session, data, **query):
    answer = session.post("/single_upload/", params=query, files={"file": ("a.jpg", data)})
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- the database


def test_find_one_of_labels_is_the_default_datasets_document(outside, ann):
    ann.post("/v1/datasets", json={"name": "a dataset before it in every order", "labels": ["x"]})
    document = outside.database.labels.find_one()
    assert document.pop("_id") == outside.variables["DATABASE_NAME"]
    assert document == {"0": "accordion", "1": "airplanes"}
    assert ann.get("/fetch").json()["Response"] == document


def test_an_image_is_a_document_with_its_url_label_and_time(outside, ann):
    before = datetime.datetime.now(datetime.timezone.utc)
    told = single(ann, picture("JPEG"), label="1")
    document = outside.database.images.find_one({"Image URL": told["Image URL"]})
    assert document["Label"] == "airplanes"
    stamp = document["Timestamp"].replace(tzinfo=datetime.timezone.utc)
    assert isinstance(document["Timestamp"], datetime.datetime)
    assert before - datetime.timedelta(seconds=1) <= stamp <= datetime.datetime.now(datetime.timezone.utc)
    assert told["Timestamp"][:23] == stamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{stamp.microsecond // 1000:03}"


def test_the_label_is_always_the_current_one(outside, ann):
    told = single(ann, picture())
    dataset = outside.variables["DATABASE_NAME"]
    find = {"Image URL": told["Image URL"]}
    assert outside.database.images.find_one(find)["Label"] == ""
    filepath = ann.get(f"/v1/datasets/{dataset}/samples/{told['id']}").json()["filepath"]
    for label in ("airplanes", "accordion"):
        wanted = {"dataset_name": dataset, "base_dir": "", "filepath": filepath, "label": label}
        assert ann.post("/classify", json=wanted).json() == {"response": True}
        assert outside.database.images.find_one(find)["Label"] == label


def test_every_image_is_one_document(outside, ann):
    data, before = picture(), outside.database.images.count_documents({})
    for _ in range(3):
        single(ann, data)
    assert outside.database.images.count_documents({}) == before + 1
    assert outside.database.images.count_documents({"Image URL": {"$exists": False}}) == 0


# --- the bucket


def test_a_public_image_lies_under_its_label_and_anyone_may_fetch_it(outside, ann):
    data, before = picture("JPEG"), outside.keys()
    told = single(ann, data, label="accordion")
    (key,) = outside.keys() - before
    assert re.fullmatch(r"images/accordion/img-[0-9a-f-]{36}\.jpg", key)
    assert told["Image URL"].endswith(key) and told["Image URL"].startswith(outside.variables["AWS_ENDPOINT_URL"])
    head = outside.s3.head_object(Bucket=outside.bucket, Key=key)
    assert (head["ContentType"], head["ContentLength"]) == ("image/jpeg", len(data))
    assert outside.s3.get_object(Bucket=outside.bucket, Key=key)["Body"].read() == data
    assert outside.is_public(key)
    answer = requests.get(told["Image URL"], timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (200, "image/jpeg", data)


def test_a_private_image_lies_in_its_datasets_folder_and_is_presigned_at_read(outside, ann):
    ann.post("/v1/datasets", json={"name": "secret", "labels": ["cat"]})
    data, before = picture(), outside.keys()
    told = ann.put("/v1/datasets/secret/images/a.png", data=data, params={"label": "cat"}).json()
    (key,) = outside.keys() - before
    assert re.fullmatch(r"datasets/secret/images/cat/img-[0-9a-f-]{36}\.png", key)
    assert not outside.is_public(key)
    assert requests.get(f"{outside.variables['AWS_ENDPOINT_URL']}/{outside.bucket}/{key}", timeout=30).status_code == 403
    assert requests.get(told["image_url"], timeout=30).content == data
    for collection in outside.database.list_collection_names():  # never stored
        for document in outside.database[collection].find():
            assert "X-Amz-Signature" not in repr(document)


def test_what_is_not_stored_is_not_in_the_bucket(outside, ann):
    before = outside.keys(), outside.database.images.count_documents({})
    assert ann.post("/single_upload/", files={"file": ("a.jpg", b"no image")}).status_code == 415
    assert ann.post("/single_upload/", params={"label": "unicorn"}, files={"file": ("a.jpg", picture())}).status_code == 422
    assert (outside.keys(), outside.database.images.count_documents({})) == before


# --- the commands


def test_the_labelling_client_labels_what_was_collected_and_the_exporter_tells(outside, ann, tmp_path):
    dataset, data = outside.variables["DATABASE_NAME"], picture()
    told = single(ann, data)

    def client(*words):
        words = ("-u", "ann", "-b", outside.url, "-d", dataset, *words)
        done = outside.script("image-label-client", *words, IMAGE_LABEL_PASSWORD=outside.passwords["ann"])
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert client("size") == {"dataset_name": dataset, "size": outside.database.images.count_documents({"dataset": dataset})}
    sample = client("obtain", "--id", told["id"], "-o", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == data
    assert client("obtain", "-o", tmp_path / "next.png")["labels"] == ["accordion", "airplanes"]
    assert client("classify", "-a", sample["base_dir"], "-f", sample["filepath"], "-l", "airplanes") == {"response": True}
    assert outside.database.images.find_one({"Image URL": told["Image URL"]})["Label"] == "airplanes"
    done = outside.script("image-label-export-csv", "--dataset", dataset, "-o", tmp_path / "a.csv")
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "a.csv", newline="") as file:
        assert {row["filepath"]: row["label"] for row in csv.DictReader(file)}[sample["filepath"]] == "airplanes"
    assert json.loads((tmp_path / "a.csv.json").read_text())["dataset_name"] == dataset


def test_a_folder_of_classes_loads_though_interrupted_and_again_adds_nothing(outside, ann, tmp_path):
    classes, kinds = ("Faces easy", "accordion", "crab"), ("JPEG", "PNG", "WEBP")
    for number in range(240):
        kind = kinds[number % 3]
        path = tmp_path / "set" / classes[number % len(classes)] / f"image_{number:04}.{kind.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(kind))
    words = ("-u", "ann", "-b", outside.url, "-d", "caltech")
    secret = {"IMAGE_LABEL_PASSWORD": outside.passwords["ann"]}

    def loaded():
        return outside.database.images.count_documents({"dataset": "caltech"})

    def load(path):
        done = outside.script("image-label-load", *words, path, **secret)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return {line[:30].strip(): int(line[30:].split()[0]) for line in done.stdout.splitlines()[1:]}

    killed = subprocess.Popen([SCRIPTS / "image-label-load", *words, tmp_path / "set"], env={**outside.env, **secret})
    until(lambda: loaded() >= 20, "some are loaded")
    killed.kill()
    killed.wait()
    assert loaded() < 240
    told = load(tmp_path / "set")
    assert (told["loaded"] + told["duplicate"], told["failed"], loaded()) == (240, 0, 240)
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "set", "set")
    for again in ("set", "set.tar.gz"):
        told = load(tmp_path / again)
        assert (told["loaded"], told["there already, not sent"]) == (0, 240)
    counts = outside.database.images.aggregate([{"$match": {"dataset": "caltech"}}, {"$group": {"_id": "$Label", "n": {"$sum": 1}}}])
    assert {row["_id"]: row["n"] for row in counts} == dict.fromkeys(classes, 80)
    bucket = outside.s3.get_paginator("list_objects_v2").paginate(Bucket=outside.bucket, Prefix="datasets/caltech/images/")
    assert sum(len(page["Contents"]) for page in bucket) == 240


# --- several machines


def test_a_second_machine_is_the_same_server(outside, ann, tmp_path):
    """It needs the same environment, and nothing else."""
    second = Outside(tmp_path / "second", outside.variables, first=False)
    second.passwords = outside.passwords
    dataset, data, key = outside.variables["DATABASE_NAME"], [picture(), picture()], {"Idempotency-Key": "on both"}
    with second.start():
        also = second.session("ann")
        first = single(ann, data[0], label="0")
        again = also.post("/single_upload/", files={"file": ("b.jpg", data[0])}).json()
        assert (again["duplicate"], again["id"], again["Image URL"]) == (True, first["id"], first["Image URL"])
        made = [session.post("/single_upload/", files={"file": ("c.jpg", data[1])}, headers=key) for session in (ann, also)]
        assert made[0].status_code == 200 and made[1].content == made[0].content
        assert also.post("/add_label/crab").json()["S3-Response"]["Created"] is True
        assert ann.get("/fetch").json() == also.get("/fetch").json()
        sample = also.get(f"/v1/datasets/{dataset}/samples/{first['id']}").json()
        wanted = {"dataset_name": dataset, "base_dir": "", "filepath": sample["filepath"], "label": "crab"}
        assert also.post("/classify", json=wanted).json() == {"response": True}
        assert ann.get(f"/v1/datasets/{dataset}/samples/{first['id']}").json()["label"] == "crab"
        single(ann, picture())
        outside.add_user("bob", role="annotator")
        outside.add_user("eve", role="annotator")
        for server, user in ((outside, "bob"), (second, "eve")):
            until(lambda: server.session(user).get("/v1/me").status_code == 200, f"{user} to be known there")
        leased = [server.session(user).post(f"/v1/datasets/{dataset}/tasks", json={}).json()["tasks"][0]["sample"]["id"]
                  for server, user in ((outside, "bob"), (second, "eve"))]
        assert len(set(leased)) == 2


# --- what is wrong is told in one line


def lines(done):
    return [line for line in done.stderr.splitlines() if "running as root" not in line]


def started(outside, tmp_path, variables):
    """What a start says when the environment is this one."""
    server = Outside(tmp_path / "wrong", outside.variables, first=False)
    server.env |= variables
    try:
        return server.command("start")
    finally:
        server.command("stop")


UNUSABLE = {
    "the bucket 'no-such-bucket' does not exist: make it, or set AWS_BUCKET_NAME": {"AWS_BUCKET_NAME": "no-such-bucket"},
    "refuses AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY": {"AWS_SECRET_ACCESS_KEY": "wrong"},
    "the image store at 127.0.0.1:1 can't be reached": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
}


def test_a_bucket_that_cannot_be_used_is_a_warning(outside, tmp_path):
    """All at once: each start waits a few seconds for the bucket."""
    with ThreadPoolExecutor(len(UNUSABLE)) as pool:
        folders = [tmp_path / str(number) for number in range(len(UNUSABLE))]
        dones = list(pool.map(lambda folder, wrong: started(outside, folder, wrong), folders, UNUSABLE.values()))
    for said, done in zip(UNUSABLE, dones):
        (line,) = lines(done)
        assert done.returncode == 0 and line.startswith("image-label-server: warning: it runs, but ") and said in line
        assert not any(secret in line for secret in ("{", '"', outside.variables["AWS_SECRET_ACCESS_KEY"]))


def test_a_database_that_cannot_be_reached_keeps_it_from_starting(outside, tmp_path):
    done = started(outside, tmp_path, {"MONGODB_CONN_STRING": "mongodb://u:hush@127.0.0.1:1/?serverSelectionTimeoutMS=300"})
    (line,) = lines(done)
    assert done.returncode == 1 and "MongoDB at 127.0.0.1:1 has no primary that can be reached" in line and "hush" not in line


def test_a_user_whom_the_database_does_not_know_keeps_it_from_starting(outside, tmp_path):
    uri = outside.variables["MONGODB_CONN_STRING"].replace("mongodb://", "mongodb://nobody:hush@")
    done = started(outside, tmp_path, {"MONGODB_CONN_STRING": uri})
    (line,) = lines(done)
    assert done.returncode == 1 and "refuses the user or the password of its connection string" in line and "hush" not in line


def test_one_node_that_is_not_the_primary_is_told_apart(outside, tmp_path):
    with services.mongo(nodes=2) as mongo:
        with pymongo.MongoClient(mongo.uri) as client:
            client.admin.command("ping")
            (secondary,) = until(lambda: client.secondaries, "the secondary to be known")
        done = started(outside, tmp_path, {"MONGODB_CONN_STRING": "mongodb://{}:{}".format(*secondary)})
    (line,) = lines(done)
    assert done.returncode == 1 and "is not the primary: a connection string with replicaSet=NAME" in line


def test_a_mongod_that_is_no_replica_set_is_refused(outside, tmp_path):
    with services.standalone() as uri:
        done = started(outside, tmp_path, {"MONGODB_CONN_STRING": uri})
    (line,) = lines(done)
    assert done.returncode == 1 and "is a standalone server: it must be a replica set" in line


def test_a_variable_that_is_missing_is_named(outside, tmp_path):
    for name in ("DATABASE_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        (line,) = lines(started(outside, tmp_path / name, {name: ""}))
        assert name in line and "missing" in line


# --- leaving


def test_nothing_is_left_in_shared_memory(outside):
    """A file that libmongoc makes there for each process outlives it."""
    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in outside.processes()]
    assert any("libmongoc" in text for text in maps) and not any("/dev/shm/mongoc" in text for text in maps)
