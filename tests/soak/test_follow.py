"""A follower of a dataset's changes that is killed again and again, on both stores of datasets."""
import pytest
from collecting import Collector
from followed import assert_killed_and_in_step

import services

KILLS = 100


@pytest.fixture(params=["sqlite", "mongo"])
def killing(request, tmp_path):
    """A running server on this store."""
    if request.param == "sqlite":
        yield from served(tmp_path, {})
    else:
        with services.mongo(nodes=1) as mongo:
            yield from served(tmp_path, {"MONGODB_CONN_STRING": mongo.uri, "DATABASE_NAME": "followed"})


def served(tmp_path, variables):
    collector = Collector(tmp_path / "collector", variables)
    try:
        yield collector.start()
    finally:
        collector.stop()


def test_one_who_is_killed_a_hundred_times_ends_equal_to_the_dataset(killing, tmp_path):
    admin = killing.session("admin")
    assert admin.post("/v1/datasets", json={"name": "pets", "labels": ["cat", "dog", "bird"]}).status_code == 201
    assert_killed_and_in_step(killing, "pets", tmp_path / "pets", KILLS, seed=KILLS)
