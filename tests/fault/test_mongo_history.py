"""MongoDB's log of changes no longer reaches back to a follower's cursor, which is told so, and begins anew."""
import pymongo
import pytest
from collecting import DEFAULT, Collector, assert_problem, picture, services
from followed import Followed
from harness import until

CHANGES = f"/v1/datasets/{DEFAULT}/changes"
OPLOG_MB = 1


@pytest.fixture
def collector(tmp_path):
    with services.mongo(nodes=1, oplog_mb=OPLOG_MB) as mongo:
        collector = Collector(tmp_path / "collector", {"MONGODB_CONN_STRING": mongo.uri, "DATABASE_NAME": "history"}, config={"default_dataset": DEFAULT})
        try:
            yield collector.start()
        finally:
            collector.stop()
        assert not collector.sanitizer_reports()


def lose_what_was_logged(uri):
    """Other programs write until nothing is left of what has been logged so far."""
    with pymongo.MongoClient(uri) as client:
        client.admin.command({"setParameter": 1, "syncdelay": 1})  # seconds between two looks at what is too much
        log = client.local["oplog.rs"]
        last = log.find_one(sort=[("$natural", -1)])["ts"]

        def lost():
            client.others.filler.insert_one({"filler": "x" * 200_000})
            return log.find_one(sort=[("$natural", 1)])["ts"] > last

        until(lost, "the log has gone on")


def everything(session):
    page, items = session.get(CHANGES).json(), []
    while page["items"]:
        items += page["items"]
        page = session.get(CHANGES, params={"after": page["next"]}).json()
    return items, page["next"]


def test_a_cursor_that_the_log_has_left_behind_is_gone(collector, tmp_path):
    contributor = collector.session("contributor")

    def put(name):
        assert contributor.put(f"/v1/datasets/{DEFAULT}/images/{name}.png", data=picture(), params={"label": "airplanes"}).status_code == 201

    put("one")
    items, after = everything(contributor)
    followed = Followed(collector, DEFAULT, tmp_path / "followed")
    followed.once()
    put("two")
    lose_what_was_logged(collector.variables["MONGODB_CONN_STRING"])
    assert_problem(contributor.get(CHANGES, params={"after": after}), 410, "MongoDB's log does not reach back so far")
    assert_problem(contributor.get(CHANGES, params={"after": after, "wait": 30}), 410)
    again, after = everything(contributor)
    assert len(again) == 2 * len(items) and all(item in again for item in items)
    put("three")
    assert len(contributor.get(CHANGES, params={"after": after}).json()["items"]) == 2
    assert "beginning anew" in followed.once()
    followed.assert_in_step()
