"""The primary of a MongoDB replica set is stepped down, or frozen, under load: as when it is killed (fault/test_mongo_failover.py)."""
from test_mongo_failover import FROZEN_STALL_MAX, assert_outlived, frozen, mongo, server, stepped_down  # noqa: F401 (fixtures)


def test_a_primary_that_steps_down_loses_nothing_answered(server, mongo):  # noqa: F811
    assert_outlived(server, mongo, stepped_down, "is stepped down")


def test_a_frozen_primary_loses_nothing_answered(server, mongo):  # noqa: F811
    assert_outlived(server, mongo, frozen, "is frozen (SIGSTOP)", FROZEN_STALL_MAX)
