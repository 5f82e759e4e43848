"""MongoDB as other services read it: the documents of `labels` and `images`, seen by pymongo from outside."""
import datetime
import os
import signal
import subprocess
import time

import pymongo
import pytest
import requests
from collecting import picture
from harness import SCRIPTS, Server, until

pytestmark = pytest.mark.on("mongo")


@pytest.fixture
def mongo(stores):
    return stores.mongo()


@pytest.fixture
def serve(tmp_path, mongo, request):
    """Starts a server on a database of the test's own: serve(), serve("other default dataset"), serve(options="…") of the URI."""
    database = f"test-{abs(hash(request.node.name)) % 10**9}"
    started = []

    def start(default="", before=lambda server: None, options=""):
        config = {"default_dataset": default} if default else None
        server = Server(tmp_path / f"server{len(started)}", config=config,
                        env={"MONGODB_CONN_STRING": mongo.uri + options, "DATABASE_NAME": database})
        server.add_user("ann", role="admin")
        before(server)
        started.append(server)
        server.database = pymongo.MongoClient(mongo.uri)[database]
        return server.start()

    yield start
    for server in started:
        if server.processes():
            server.stop()
    pymongo.MongoClient(mongo.uri).drop_database(database)


def test_the_labels_document_has_a_key_for_each_label_and_nothing_else(serve):
    server = serve()
    ann = server.session("ann")
    for name in ("accordion", "air.planes", "$ants"):
        assert ann.post(f"/add_label/{name}").status_code == 200
    default = server.database.name
    assert server.database.labels.find_one() == {"_id": default, "0": "accordion", "1": "air.planes", "2": "$ants"}
    assert ann.get("/fetch").json()["Response"] == {"0": "accordion", "1": "air.planes", "2": "$ants"}


def test_the_labels_document_has_names_alone_and_no_key_of_before(serve):
    server = serve()
    ann, default = server.session("ann"), server.database.name
    labels = f"/v1/datasets/{default}/labels"
    for name in ("accordion", "airplanes", "ants", "apes"):
        assert ann.post(f"/add_label/{name}").status_code == 200
    said = {"name": "aeroplanes", "colour": "#000000", "description": "they fly", "position": -1}
    assert ann.patch(f"{labels}/1", json=said).status_code == 200
    assert ann.post(f"{labels}/3/merge", json={"into": "2"}).status_code == 200
    assert ann.delete(f"{labels}/0").status_code == 204
    assert server.database.labels.find_one() == {"_id": default, "1": "aeroplanes", "2": "ants"}
    assert ann.post("/add_label/apes").json()["S3-Response"]["Key"] == "4"
    assert server.database.labels.find_one() == {"_id": default, "1": "aeroplanes", "2": "ants", "4": "apes"}


def test_a_merge_ends_though_a_count_is_wrong(serve):
    """As after documents were written, or restored, by others."""
    server = serve(before=lambda server: server.add_dataset("pets", ["cat", "dog"], [("1.png", "cat"), ("2.png", "dog"), ("3.png", "cat")]))
    counted = server.database.counters.update_one({"dataset": "pets", "kind": "label", "name": "cat"}, {"$inc": {"n": 1}})
    assert counted.modified_count == 1
    assert server.session("ann").post("/v1/datasets/pets/labels/0/merge", json={"into": "1"}, timeout=60).status_code == 200
    assert server.database.labels.find_one({"_id": "pets"}) == {"_id": "pets", "1": "dog"}
    assert server.database.images.count_documents({"dataset": "pets", "Label": "dog"}) == 3


def test_the_default_datasets_labels_come_first_even_when_it_is_made_last(serve):
    server = serve("zebras", before=lambda server: server.add_dataset("animals", ["cat"]))
    assert server.session("ann").post("/add_label/striped").status_code == 200
    assert server.database.labels.find_one() == {"_id": "zebras", "0": "striped"}
    assert {document["_id"] for document in server.database.labels.find()} == {"zebras", "animals"}


def test_another_default_dataset_comes_first_from_the_next_start_on(serve):
    first = serve("zebras", before=lambda server: server.add_dataset("animals", ["cat", "dog"]))
    assert first.session("ann").post("/add_label/striped").status_code == 200
    first.stop()
    second = serve("animals")
    assert second.database.labels.find_one() == {"_id": "animals", "0": "cat", "1": "dog"}
    assert second.database.labels.find_one({"_id": "zebras"}) == {"_id": "zebras", "0": "striped"}


def test_documents_of_others_are_left_alone(serve, mongo):
    theirs = [{"Image URL": f"http://bucket/{number}", "Label": "cat", "Timestamp": datetime.datetime(2024, 1, 2)} for number in range(3)]

    def before(server):
        server.add_dataset("animals", ["cat"])
        pymongo.MongoClient(mongo.uri)[server.env["DATABASE_NAME"]].images.insert_many(theirs)

    server = serve(before=before)
    assert server.session("ann").post("/size", json={"dataset_name": "animals"}).json()["size"] == 3
    assert list(server.database.images.find({"dataset": {"$exists": False}})) == theirs


def test_an_images_document_always_has_the_current_label(serve):
    server = serve(before=lambda server: server.add_dataset("animals", ["cat", "dog"], samples=2))
    ann = server.session("ann")

    def document():
        return server.database.images.find_one({"dataset": "animals", "filepath": "image0.png"})

    assert document()["Label"] == ""
    assert isinstance(document()["Timestamp"], datetime.datetime)
    made = document()["Timestamp"].replace(tzinfo=datetime.timezone.utc)
    assert abs(made.timestamp() - time.time()) < 600
    assert "Image URL" in document()
    for label in ("dog", "cat"):
        body = {"dataset_name": "animals", "base_dir": str(server.images / "animals"), "filepath": "image0.png", "label": label}
        assert ann.post("/classify", json=body).json() == {"response": True}
        assert document()["Label"] == label


def test_an_images_url_is_there_while_the_dataset_is_public(serve):
    server = serve(before=lambda server: server.add_dataset("animals", ["cat"]))
    ann, data = server.session("ann"), picture()
    assert ann.post("/v1/datasets", json={"name": "photos"}).status_code == 201
    assert ann.put("/v1/datasets/photos/images/a.png", data=data).status_code == 201

    def url():
        return server.database.images.find_one({"dataset": "photos"})["Image URL"]

    assert url() == ""
    assert ann.patch("/v1/datasets/photos", json={"policy": {"public": True}}).status_code == 200
    public = url()
    assert requests.get(public, timeout=30).content == data
    assert ann.patch("/v1/datasets/photos", json={"policy": {"public": False}}).status_code == 200
    assert url() == ""
    assert requests.get(public, timeout=30).status_code == 404


def test_the_index_of_an_earlier_version_that_refused_files_listed_twice_is_gone(serve, mongo):
    def before(server):
        server.add_dataset("animals", ["cat"])
        images = pymongo.MongoClient(mongo.uri)[server.env["DATABASE_NAME"]].images
        images.create_index([("dataset", 1), ("filepath", 1)], unique=True, name="filepath")

    indexes = serve(before=before).database.images.index_information()
    assert "filepath" not in indexes and "path" in indexes


@pytest.fixture
def cut_short(serve, mongo):
    """Two of three have said tabby when the overlap becomes two; of that only the policy was written."""
    server = serve(before=lambda server: [server.add_user(name, role="admin") for name in ("bob", "cyd")])
    ann, bob = (server.session(name) for name in ("ann", "bob"))
    wanted = {"name": "cats", "labels": ["tabby", "sphynx"], "policy": {"overlap": 3}}
    assert ann.post("/v1/datasets", json=wanted).status_code == 201
    assert ann.put("/v1/datasets/cats/images/a.png", data=picture()).status_code == 201
    for session in (ann, bob):
        (task,) = session.post("/v1/datasets/cats/tasks", json={"count": 1}).json()["tasks"]
        session.post(f"/v1/datasets/cats/tasks/{task['token']}/label", json={"label": "tabby"})
    assert ann.get("/v1/datasets/cats/samples/0").json()["label"] == ""
    two = {"policy": {"overlap": 2}}
    admin = pymongo.MongoClient(mongo.uri).admin
    # All that comes after the policy's own transaction.
    admin.command("configureFailPoint", "failCommand", mode={"skip": 1}, data={"failCommands": ["commitTransaction"], "errorCode": 8000})
    try:
        assert ann.patch("/v1/datasets/cats", json=two).status_code >= 500
    finally:
        admin.command("configureFailPoint", "failCommand", mode="off")
    assert ann.get("/v1/datasets/cats").json()["policy"]["overlap"] == 2
    assert ann.get("/v1/datasets/cats/samples/0").json()["label"] == ""
    return server


def test_a_change_of_overlap_that_was_cut_short_is_ended_by_the_same_request(cut_short):
    ann = cut_short.session("ann")
    assert ann.patch("/v1/datasets/cats", json={"policy": {"overlap": 2}}).status_code == 200
    assert ann.get("/v1/datasets/cats/samples/0").json()["label"] == "tabby"
    assert "due" not in cut_short.database.datasets.find_one({"_id": "cats"})


def test_it_is_ended_by_whoever_asks_for_a_task_too(cut_short):
    assert cut_short.session("cyd").post("/v1/datasets/cats/tasks", json={"count": 1}).status_code == 204
    assert cut_short.session("ann").get("/v1/datasets/cats/samples/0").json()["label"] == "tabby"
    assert "due" not in cut_short.database.datasets.find_one({"_id": "cats"})


def as_an_earlier_version_left_it(database):
    """Votes only while several were asked, and no note that all of them are in the documents."""
    database.images.update_many({"dataset": "cats"}, {"$unset": {"votes": "", "decision": ""}})
    database.datasets.update_one({"_id": "cats"}, {"$unset": {"votes_kept": ""}})


@pytest.mark.parametrize("ended", [False, True])
def test_votes_that_are_only_events_count(serve, mongo, ended):
    server = serve(before=lambda server: [server.add_user(name, role="admin") for name in ("bob", "cyd")])
    ann, bob, cyd = (server.session(name) for name in ("ann", "bob", "cyd"))
    assert ann.post("/v1/datasets", json={"name": "cats", "labels": ["tabby", "sphynx"]}).status_code == 201
    assert ann.put("/v1/datasets/cats/images/a.png?label=tabby", data=picture()).status_code == 201

    def classify(session, label):
        body = {"dataset_name": "cats", "base_dir": "", "filepath": "a.png", "label": label}
        assert session.post("/classify", json=body).json() == {"response": True}

    classify(ann, "sphynx")
    as_an_earlier_version_left_it(server.database)
    if ended:
        assert server.reload().returncode == 0
        assert server.database.datasets.find_one({"_id": "cats"})["votes_kept"]
    classify(bob, "tabby")
    assert ann.patch("/v1/datasets/cats", json={"policy": {"overlap": 3}}).status_code == 200
    sample = server.database.images.find_one({"dataset": "cats"})
    assert {vote["user"]: vote["label"] for vote in sample["votes"]} == {"ann": "sphynx", "bob": "tabby"}
    assert sample["Label"] == "tabby" and sample["decision"]["by"] == "ann"  # the upload's
    classify(cyd, "sphynx")
    assert ann.get("/v1/datasets/cats/samples/0").json()["label"] == "sphynx"


def test_votes_of_an_earlier_version_that_differ_are_found(serve):
    server = serve(before=lambda server: [server.add_user(name, role="admin") for name in ("bob", "cyd")])
    ann = server.session("ann")
    assert ann.post("/v1/datasets", json={"name": "cats", "labels": ["tabby", "sphynx"], "policy": {"overlap": 3}}).status_code == 201
    assert ann.put("/v1/datasets/cats/images/a.png", data=picture()).status_code == 201
    for name, label in (("ann", "tabby"), ("bob", "sphynx"), ("cyd", "tabby")):
        body = {"dataset_name": "cats", "base_dir": "", "filepath": "a.png", "label": label}
        assert server.session(name).post("/classify", json=body).json() == {"response": True}
    disputed = lambda: [item["id"] for item in ann.get("/v1/datasets/cats/samples?disputed=true").json()["items"]]  # noqa: E731
    assert disputed() == [0]
    server.database.images.update_many({}, {"$unset": {"disputed": ""}})
    server.database.datasets.update_one({"_id": "cats"}, {"$unset": {"disputes_kept": ""}})
    assert disputed() == []
    assert server.reload().returncode == 0
    assert disputed() == [0]


def test_a_tie_of_an_earlier_version_is_in_review(serve):
    server = serve(before=lambda server: [server.add_user(name, role="admin") for name in ("bob", "cyd", "dan")])
    ann = server.session("ann")
    wanted = {"name": "cats", "labels": ["tabby", "sphynx"], "policy": {"overlap": 2, "overlap_max": 5}}
    assert ann.post("/v1/datasets", json=wanted).status_code == 201
    assert ann.put("/v1/datasets/cats/images/a.png", data=picture()).status_code == 201
    for name, label in (("ann", "tabby"), ("bob", "sphynx"), ("cyd", "tabby"), ("dan", "sphynx")):
        body = {"dataset_name": "cats", "base_dir": "", "filepath": "a.png", "label": label}
        assert server.session(name).post("/classify", json=body).json() == {"response": True}
    assert ann.get("/v1/datasets/cats/samples/0").json()["state"] == "unlabelled"
    server.database.datasets.update_one({"_id": "cats"}, {"$unset": {"policy.overlap_max": ""}})
    assert server.reload().returncode == 0
    assert ann.get("/v1/datasets/cats/samples/0").json()["state"] == "review"
    assert ann.get("/v1/datasets/cats").json()["counts"]["review"] == 1
    assert server.database.datasets.find_one({"_id": "cats"})["policy"]["overlap_max"] == 0


def test_a_commit_that_was_interrupted_is_asked_for_again(serve, mongo):
    server = serve(before=lambda server: server.add_dataset("animals", ["cat"]))
    admin = pymongo.MongoClient(mongo.uri).admin
    body = {"dataset_name": "animals", "base_dir": str(server.images / "animals"), "filepath": "image0.png", "label": "cat"}
    interrupted = {"code": 11601, "errmsg": "operation was interrupted"}
    before = admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data={
        "failCommands": ["commitTransaction"], "writeConcernError": interrupted})
    try:
        assert server.session("ann").post("/classify", json=body).json() == {"response": True}
    finally:
        done = admin.command("configureFailPoint", "failCommand", mode="off")
    assert done["count"] == before["count"] + 1
    assert server.database.events.count_documents({"_id.dataset": "animals"}) == 1


@pytest.mark.parametrize("code", [11601, 251])
def test_a_change_that_was_interrupted_is_made_again(serve, mongo, code):
    """As by another machine that took its transaction for one which a killed program has left."""
    server = serve(before=lambda server: server.add_dataset("animals", ["cat"]))
    admin = pymongo.MongoClient(mongo.uri).admin
    body = {"dataset_name": "animals", "base_dir": str(server.images / "animals"), "filepath": "image0.png", "label": "cat"}
    before = admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data={
        "failCommands": ["update", "insert", "findAndModify"], "errorCode": code, "errorLabels": []})
    try:
        assert server.session("ann").post("/classify", json=body).json() == {"response": True}
    finally:
        done = admin.command("configureFailPoint", "failCommand", mode="off")
    assert done["count"] == before["count"] + 1
    assert server.database.events.count_documents({"_id.dataset": "animals"}) == 1


def test_changes_whose_history_is_kept_no_longer_may_be_asked_for_again(serve, mongo):
    """MongoDB keeps five minutes of it, by its clock, which may jump ahead while a page of it is read."""
    server = serve(before=lambda server: server.add_dataset("animals", ["cat"], samples=200))
    admin, ann = pymongo.MongoClient(mongo.uri).admin, server.session("ann")
    admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data={"failCommands": ["getMore"], "errorCode": 239})
    try:
        assert ann.get("/v1/datasets/animals/changes").status_code == 503
    finally:
        admin.command("configureFailPoint", "failCommand", mode="off")
    assert ann.get("/v1/datasets/animals/changes").status_code == 200


def test_a_removed_dataset_leaves_nothing(serve):
    server = serve(before=lambda server: server.add_dataset("animals", ["cat"], samples=2))
    ann = server.session("ann")
    body = {"dataset_name": "animals", "base_dir": str(server.images / "animals"), "filepath": "image0.png", "label": "cat"}
    assert ann.post("/classify", json=body).json() == {"response": True}
    assert ann.delete("/v1/datasets/animals").status_code in (200, 204)
    assert server.database.labels.find_one({"_id": "animals"}) is None
    assert server.database.datasets.find_one({"_id": "animals"}) is None
    for name in ("images", "counters", "notes"):
        assert server.database[name].find_one({"dataset": "animals"}) is None, name
    assert server.database.events.find_one({"_id.dataset": "animals"}) is None


def test_a_store_that_is_down_is_told_and_used_again_once_it_is_back(serve, mongo):
    soon = "&socketTimeoutMS=2000&serverSelectionTimeoutMS=2000"  # rather than wait as long as an election may take
    server = serve(before=lambda server: server.add_dataset("animals", ["cat"]), options=soon)
    ann = server.session("ann")
    (pid,) = mongo.pids.values()
    os.kill(pid, signal.SIGSTOP)  # as if the machine were gone
    try:
        # What was found at the start is answered again for a moment, the longer the slower the machine is.
        until(lambda: ann.get("/healthz").status_code == 503, "/healthz to say that the store is down")
        answer = ann.post("/size", json={"dataset_name": "animals"})
    finally:
        os.kill(pid, signal.SIGCONT)
    assert answer.status_code == 503 and answer.json()["message"]
    assert any(line["message"] == "mongodb" for name in ("size", "health") for line in server.program_log(name))
    until(lambda: ann.post("/size", json={"dataset_name": "animals"}).status_code == 200, "the store to be used again")
    until(lambda: ann.get("/healthz").status_code == 200, "/healthz to say so")


def test_a_database_of_a_newer_version_is_refused_and_stays_as_it_is(serve):
    server = serve(before=lambda server: server.add_dataset("pets", ["cat", "dog"], [("1.png", "cat")]))
    server.stop()
    version = server.database.schema.find_one()
    server.database.schema.update_one({"_id": "version"}, {"$set": {"version": 99}})
    server.database.images.drop_index("by_path")  # which a start would make again
    before = [list(server.database[name].find()) for name in ("datasets", "images", "labels", "counters", "schema")]
    done = server.command("start")
    assert done.returncode == 1
    assert f"was written by a newer version of this program (schema 99, known {version['version']})" in done.stderr
    assert [list(server.database[name].find()) for name in ("datasets", "images", "labels", "counters", "schema")] == before
    assert "by_path" not in server.database.images.index_information()
    done = subprocess.run([SCRIPTS / "image-label-check", "--config", server.config_file], env=server.env, capture_output=True, text=True)
    assert done.returncode == 2 and "written by a newer version" in done.stderr
    server.database.schema.update_one({"_id": "version"}, {"$set": version})
    server.start()
    assert server.session("ann").post("/size", json={"dataset_name": "pets"}).json()["size"] == 1
