"""MongoDB is down, or a program was killed during a transaction: the errors are clear, and end once it is back."""
import itertools
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import bson
import pymongo
import pytest
from collecting import DEFAULT, Collector, picture, samples, services
from harness import until
from toll import tried

STALL_MAX = 15  # seconds
numbers = itertools.count()  # of databases


@pytest.fixture(scope="module")
def mongo():
    with services.mongo(nodes=1) as running:
        yield running


@pytest.fixture
def collector(tmp_path, mongo):
    variables = {"MONGODB_CONN_STRING": mongo.uri, "DATABASE_NAME": f"fault{next(numbers)}"}
    collector = Collector(tmp_path / "collector", variables, config={"default_dataset": DEFAULT})
    try:
        yield collector.start()
    finally:
        collector.stop()
    assert not collector.sanitizer_reports()


def put(session, name, data, **query):
    return session.put(f"/v1/datasets/{DEFAULT}/images/{name}", data=data, params=query)


def classify(session, name, label):
    return session.post("/classify", json={"dataset_name": DEFAULT, "base_dir": "", "filepath": name, "label": label})


def test_a_database_that_is_down_is_told_and_used_again_once_it_is_back(collector, mongo):
    contributor, kept, late = collector.session("contributor"), picture(), picture()
    assert put(contributor, "kept.png", kept).status_code == 201
    assert classify(contributor, "kept.png", "accordion").json() == {"response": True}
    before, pids = collector.stored(), collector.programs()

    (port,) = mongo.pids
    os.kill(mongo.pids[port], signal.SIGKILL)
    asks = {
        "PUT": lambda session: put(session, "late.png", late),
        "single": lambda session: session.post("/single_upload/", files={"file": ("late.png", late)}),
        "bulk": lambda session: session.post("/bulk_upload", files={"files": ("late.png", late)}),
        "classify": lambda session: classify(session, "kept.png", "airplanes"),
        "obtain": lambda session: session.post("/obtain", json={"dataset_name": DEFAULT}),
        "tasks": lambda session: session.post(f"/v1/datasets/{DEFAULT}/tasks", json={"count": 1}),
        "list": lambda session: session.get(f"/v1/datasets/{DEFAULT}/samples"),
    }
    with ThreadPoolExecutor(len(asks)) as pool:
        asked = {what: pool.submit(ask, collector.session("contributor")) for what, ask in asks.items()}
        for what, one in asked.items():
            answer = one.result()
            assert answer.status_code == 503, (what, answer.status_code, answer.text)
            assert "MongoDB" in answer.json()["message"], (what, answer.text)
    health = collector.session().get("/healthz")
    assert health.status_code == 503
    assert health.json()["image_store"] == "ok" and "MongoDB" in health.json()["message"]
    metrics = collector.session("admin").get("/metrics")
    assert metrics.status_code == 200 and 'image_label_store_up{store="datasets",type="mongodb"} 0' in metrics.text

    services.restart_mongod(mongo, port)
    until(lambda: collector.session().get("/healthz").status_code == 200, "the database is there again")
    until(lambda: contributor.get(f"/v1/datasets/{DEFAULT}").status_code == 200, "it is used again")
    found = {sample["filepath"]: sample for sample in samples(contributor)}
    tried("MongoDB is killed, all of it (SIGKILL)", 1, int(found.get("kept.png", {}).get("label") != "accordion"))
    assert set(found) == {"kept.png"} and found["kept.png"]["label"] == "accordion"
    assert collector.size() == before[1] and contributor.get(f"/v1/datasets/{DEFAULT}/samples/{found['kept.png']['id']}/image").content == kept
    assert put(contributor, "late.png", late).status_code == 201
    assert classify(contributor, "late.png", "airplanes").json() == {"response": True}
    assert collector.programs() == pids, "it works without a restart"


def test_a_program_killed_while_the_database_is_down_comes_back_with_it(collector, mongo):
    contributor, (port,) = collector.session("contributor"), mongo.pids
    os.kill(mongo.pids[port], signal.SIGKILL)
    (former,) = collector.processes("images")
    os.kill(former, signal.SIGKILL)
    until(lambda: collector.processes("images") not in ([], [former]), "the program is started again")
    with ThreadPoolExecutor(8) as pool:  # however many wait, each is told within the time of one
        answers = list(pool.map(lambda number: put(collector.session("contributor"), f"{number}.png", picture()), range(8)))
    assert {answer.status_code for answer in answers} <= {502, 503}, [answer.text for answer in answers]
    assert 503 in {answer.status_code for answer in answers}
    services.restart_mongod(mongo, port)
    until(lambda: put(contributor, "late.png", picture()).status_code == 201, "it takes uploads again")


@pytest.mark.parametrize("what", ["upload", "label"])
def test_a_transaction_that_nobody_ends_stops_nobody_for_long(collector, mongo, what):
    """As a program leaves one that is killed; MongoDB itself would keep it, and what it has locked, for a minute."""
    contributor = collector.session("contributor")
    assert put(contributor, "first.png", picture()).status_code == 201
    client = pymongo.MongoClient(mongo.uri, appname="image-label-server dead@another-machine")
    database = client[collector.variables["DATABASE_NAME"]]
    session = client.start_session()
    session.start_transaction()
    for collection, found in (("datasets", {"_id": DEFAULT}), ("images", {"dataset": DEFAULT}), ("counters", {"dataset": DEFAULT})):
        done = database[collection].update_many(found, {"$set": {"held": True}}, session=session)
        assert done.matched_count > 0, collection
    if what == "upload":
        answer = contributor.put(f"/v1/datasets/{DEFAULT}/images/next.png", data=picture(), timeout=STALL_MAX)
        assert answer.status_code == 201, answer.text
    else:
        wanted = {"dataset_name": DEFAULT, "base_dir": "", "filepath": "first.png", "label": "accordion"}
        assert contributor.post("/classify", json=wanted, timeout=STALL_MAX).json() == {"response": True}
    with pytest.raises(pymongo.errors.OperationFailure):
        session.commit_transaction()
    assert not database.datasets.find_one({"held": True})
    session.end_session()


def test_a_transaction_of_another_service_is_left_alone(collector, mongo):
    contributor = collector.session("contributor")
    client = pymongo.MongoClient(mongo.uri, appname="trainer")
    database = client[collector.variables["DATABASE_NAME"]]
    with client.start_session() as session, session.start_transaction():
        database.trainings.insert_one({"_id": bson.ObjectId()}, session=session)
        (former,) = collector.processes("images")
        os.kill(former, signal.SIGKILL)  # what comes back ends what it may have left itself
        until(lambda: collector.processes("images") not in ([], [former]), "the program is started again")
        assert put(contributor, "a.png", picture()).status_code == 201
    assert database.trainings.count_documents({}) == 1
