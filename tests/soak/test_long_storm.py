"""Thousands of times any process of the stack is killed while people label and upload in all ways at once; on MongoDB and S3 also
the primary and the gateway.

FAULT_ROUNDS=N kills so many times, instead of 10,000 and 2,000; FAULT_SEED=N repeats the choices of an earlier run.
"""
import os
import random
import signal

import pymongo
import pytest
from collecting import bucket_client, services
from harness import until
from storm import make_server, weather

SIZE = 60_000
BETWEEN = 4  # requests that are acknowledged between two kills
SEED = int(os.environ.get("FAULT_SEED", random.randrange(10**6)))
ELECTION_MS = 2000  # after which a silent primary is replaced


def rounds(usual):
    return int(os.environ.get("FAULT_ROUNDS", usual))


def storm(server, usual, fault, **options):
    try:
        server.start()
        weather(server, SIZE, rounds(usual), fault, SEED, BETWEEN, **options)
    finally:
        server.stop()


def test_ten_thousand_kills_lose_nothing(tmp_path):
    storm(make_server(tmp_path / "server", {}, SIZE), 10_000, "any process, or all of them, killed (SIGKILL) on SQLite and files")


@pytest.fixture
def mongo():
    with services.mongo(nodes=3, election_ms=ELECTION_MS) as running:
        yield running


@pytest.fixture
def s3():
    with services.s3() as running:
        yield running


def kill_primary(mongo):
    port = int(pymongo.MongoClient(mongo.uri).admin.command("hello")["primary"].rpartition(":")[2])
    os.kill(mongo.pids[port], signal.SIGKILL)
    with pymongo.MongoClient(mongo.uri) as client:
        client.admin.command("ping", read_preference=pymongo.ReadPreference.PRIMARY)  # there is another one
    services.restart_mongod(mongo, port)


def kill_gateway(s3):
    pid = s3.pids["client.rgw"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not os.path.exists(f"/proc/{pid}/exe"), "the gateway has ended")
    services.restart_gateway(s3)


def test_two_thousand_kills_lose_nothing_on_several_machines_stores(tmp_path, mongo, s3):
    variables = {**s3.environment, "AWS_BUCKET_NAME": "storm", "MONGODB_CONN_STRING": mongo.uri, "DATABASE_NAME": "storm"}
    bucket_client(variables).create_bucket(Bucket="storm")
    strikes = {"mongod (primary)": lambda: kill_primary(mongo), "radosgw": lambda: kill_gateway(s3)}
    storm(make_server(tmp_path / "server", variables, SIZE), 2_000,
          "any process, MongoDB's primary or the S3 gateway killed (SIGKILL) on MongoDB and S3", whole=100, services=strikes)
