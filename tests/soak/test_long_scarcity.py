"""Descriptors and memory run out at random many times while people work, on SQLite and files, and on MongoDB and S3.

FAULT_ROUNDS=N lets them run out so many times in each; FAULT_SEED=N repeats the choices of an earlier run.
"""
import os
import random

import pytest
from collecting import bucket_client, services
from scarcity import SCARCE, make_scarce

SIZE = 60_000
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "400"))
SEED = int(os.environ.get("FAULT_SEED", random.randrange(10**6)))


@pytest.mark.parametrize("what", SCARCE)
def test_what_runs_out_again_and_again_loses_nothing(tmp_path, what):
    make_scarce(tmp_path, what, {}, SIZE, ROUNDS, SEED, "SQLite and files")


@pytest.mark.parametrize("what", SCARCE)
def test_so_it_is_with_several_machines_stores(tmp_path, what):
    with services.mongo(nodes=3) as mongo, services.s3() as s3:
        variables = {**s3.environment, "AWS_BUCKET_NAME": "scarce", "MONGODB_CONN_STRING": mongo.uri, "DATABASE_NAME": "scarce"}
        bucket_client(variables).create_bucket(Bucket="scarce")
        make_scarce(tmp_path, what, variables, SIZE, ROUNDS // 4, SEED, "MongoDB and S3")
