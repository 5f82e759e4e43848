"""GET …/changes: what happens to a dataset, told once and in order to those who follow."""
import time
from concurrent.futures import ThreadPoolExecutor

import pymongo
import pytest
import requests
from collecting import DEFAULT, Collector, assert_problem, picture
from conftest import finish
from followed import Followed
from harness import opened, until

CHANGES = f"/v1/datasets/{DEFAULT}/changes"
SECRET = "/v1/datasets/secret/changes"
WAITERS = 64  # cgi/changes/changes.h


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    try:
        collector.start()
        yield collector
    finally:
        finish([collector])


@pytest.fixture
def contributor(collector):
    return collector.session("contributor")


def read(session, after=None, path=CHANGES, **more):
    answer = session.get(path, params={**({"after": after} if after else {}), **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def end(session, path=CHANGES):
    """The cursor behind everything that has happened."""
    page = read(session, path=path)
    while page["items"]:
        page = read(session, page["next"], path)
    return page["next"]


def upload_secret(collector):
    answer = collector.session("admin").put("/v1/datasets/secret/images/secret.png", data=picture())
    assert answer.status_code == 201, answer.text


def put(session, name, **params):
    answer = session.put(f"/v1/datasets/{DEFAULT}/images/{name}", params=params, data=picture())
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def label(session, sample, given):
    answer = session.post(f"/v1/datasets/{DEFAULT}/samples/{sample}/label", json={"label": given})
    assert answer.status_code == 200, answer.text


def plainly(items):
    return [(item["kind"], item["id"], item["label"], item["by"]) for item in items]


def test_each_change_is_told_once_in_order(collector, contributor):
    after = end(contributor)
    first, second = put(contributor, "one.png"), put(contributor, "two.png", label="airplanes")
    label(collector.session("annotator"), first, "accordion")
    label(contributor, first, "")
    contributor.post(f"/v1/datasets/{DEFAULT}/samples/{first}/undo")
    page = read(collector.session("viewer"), after)
    assert plainly(page["items"]) == [
        ("upload", first, None, "contributor"), ("upload", second, None, "contributor"), ("label", second, "airplanes", "contributor"),
        ("label", first, "accordion", "annotator"), ("label", first, "", "contributor"), ("label", first, "accordion", "contributor"),
    ]  # fmt: skip
    assert all(set(item) == {"kind", "id", "label", "by", "at"} for item in page["items"])
    history = contributor.get(f"/v1/datasets/{DEFAULT}/samples/{first}/history").json()["items"]
    assert [item["at"] for item in page["items"] if item["kind"] == "label" and item["id"] == first] == [event["at"] for event in history]
    last = read(contributor, page["next"])
    assert last["items"] == [] and last["next"]
    assert read(contributor, after)["items"] == page["items"]  # a cursor may be used again


def test_one_who_begins_late_is_told_all_of_it(contributor):
    put(contributor, "late.png", label="airplanes")
    whole, page = [], read(contributor)
    while page["items"]:
        whole += page["items"]
        page = read(contributor, page["next"])
    told = [(item["id"], item["label"]) for item in whole if item["kind"] == "label"]
    samples = contributor.get(f"/v1/datasets/{DEFAULT}/samples", params={"limit": 1000}).json()["items"]
    history = [(sample["id"], event["label"]) for sample in samples
               for event in contributor.get(f"/v1/datasets/{DEFAULT}/samples/{sample['id']}/history").json()["items"]]  # fmt: skip
    assert sorted(told) == sorted(history)
    assert sorted(item["id"] for item in whole if item["kind"] == "upload") == [sample["id"] for sample in samples]


def test_a_cursor_survives_a_restart(collector, contributor):
    after = end(contributor)
    collector.restart()
    contributor = collector.session("contributor")
    sample = put(contributor, "restarted.png")
    assert plainly(read(contributor, after)["items"]) == [("upload", sample, None, "contributor")]


def test_one_who_waits_is_told_at_once(collector, contributor):
    after = end(contributor)
    admin = collector.session("admin")
    with ThreadPoolExecutor(9) as threads:
        in_vain = threads.submit(read, admin, end(admin, SECRET), SECRET, wait=30)
        waiting = [threads.submit(read, collector.session("viewer"), after, wait=30) for _ in range(8)]
        sample = put(contributor, "awaited.png")
        for answer in waiting:
            assert plainly(answer.result()["items"]) == [("upload", sample, None, "contributor")]
        assert not in_vain.done()
        upload_secret(collector)
        assert len(in_vain.result()["items"]) == 1


def test_a_wait_ends_with_a_cursor(contributor):
    after = end(contributor)
    page = read(contributor, after, wait=1)
    assert page["items"] == [] and page["next"]
    assert read(contributor, page["next"], wait=0)["items"] == []


def test_who_may_not_look_any_more_waits_no_longer(collector):
    admin = collector.session("admin")
    made = admin.post("/v1/users", json={"user": "fay", "role": "viewer"})
    collector.passwords["fay"] = made.json()["password"]
    fay = collector.session("fay")
    after = end(fay)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(fay.get, CHANGES, params={"after": after, "wait": 30})
        assert admin.delete("/v1/users/fay").status_code == 204
        assert waiting.result().status_code in (401, 404)  # before it waited, or while it did


def test_who_may_not_look_into_this_dataset_any_more_waits_no_longer(collector):
    admin, name = collector.session("admin"), SECRET.split("/")[3]
    made = admin.post("/v1/users", json={"user": "gil", "datasets": {DEFAULT: "viewer", name: "viewer"}})
    collector.passwords["gil"] = made.json()["password"]
    gil = collector.session("gil")
    after = end(gil, SECRET)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(gil.get, SECRET, params={"after": after, "wait": 30})
        assert admin.patch("/v1/users/gil", json={"datasets": {DEFAULT: "viewer"}}).status_code == 200
        assert waiting.result().status_code == 404  # before it waited, or while it did
    assert gil.get(CHANGES).status_code == 200


def test_who_waits_when_the_server_stops_is_answered(make_collector):
    collector = make_collector().start()
    contributor = collector.session("contributor")
    after, (program,) = end(contributor), collector.processes("changes")

    def connections():
        return sum(name.startswith("socket:") for name in opened(program))

    before = connections()
    with ThreadPoolExecutor(4) as threads:
        begun = time.monotonic()
        waiting = [threads.submit(collector.session("viewer").get, CHANGES, params={"after": after, "wait": 30}) for _ in range(4)]
        until(lambda: connections() > before, "one of them waits")
        assert collector.command("stop").returncode == 0
        answers = [answer.result() for answer in waiting if not isinstance(answer.exception(), requests.ConnectionError)]  # came too late
    pages = [answer.json() for answer in answers if answer.status_code == 200]
    assert pages and all(page["items"] == [] for page in pages) and time.monotonic() - begun < 30
    assert collector.command("start").returncode == 0
    sample = put(collector.session("contributor"), "later.png")
    assert plainly(read(collector.session("contributor"), pages[0]["next"])["items"]) == [("upload", sample, None, "contributor")]


def test_many_may_wait_and_hold_nobody_up(collector, contributor):
    after = end(contributor)
    sessions = [collector.session("viewer") for _ in range(WAITERS + 10)]
    with ThreadPoolExecutor(len(sessions)) as threads:
        waiting = [threads.submit(read, session, after, wait=30) for session in sessions]
        until(lambda: sum(answer.done() for answer in waiting) >= 10, "those above the limit answered at once")
        assert read(contributor, after)["items"] == []
        sample = put(contributor, "many.png")
        pages = [answer.result() for answer in waiting]
    assert sum(bool(page["items"]) for page in pages) >= WAITERS - 10
    for page in pages:
        assert plainly(page["items"] or read(contributor, page["next"])["items"]) == [("upload", sample, None, "contributor")]


@pytest.mark.on("mongo")
def test_those_who_wait_share_one_change_stream(collector, stores):
    people = 16
    after = end(collector.session("viewer"))
    with pymongo.MongoClient(stores.mongo_uri()) as client, ThreadPoolExecutor(people) as threads:
        opened = lambda: client.admin.command("serverStatus")["metrics"]["aggStageCounters"]["$changeStream"]
        before = opened()
        pages = [threads.submit(read, collector.session("viewer"), after, wait=5) for _ in range(people)]
        assert all(page.result()["items"] == [] for page in pages)
        assert opened() - before < 3 * people  # each reads when it comes, and once more at most; then one reads for all


@pytest.mark.parametrize("wait", ["", "-1", "31", "1.5", "x", "0x1"])
def test_a_wait_out_of_bounds_is_refused(contributor, wait):
    assert_problem(contributor.get(CHANGES, params={"wait": wait}), 400, '"wait" must be a number of seconds from 0 to 30')


def test_what_is_no_cursor_is_refused(collector, contributor):
    after = end(contributor)
    others = contributor.get(f"/v1/datasets/{DEFAULT}/samples", params={"limit": 1}).json()["next"]
    secret = end(collector.session("admin"), SECRET)
    for cursor in ("", "0", "x", after[:-1], after + "A", after.swapcase(), others, secret, "x" * 5000):
        assert_problem(contributor.get(CHANGES, params={"after": cursor}), 400, '"after" is no cursor of this list')


def test_an_unknown_parameter_is_named(contributor):
    assert_problem(contributor.get(CHANGES, params={"since": "1"}), 400, "since")
    assert contributor.post(CHANGES).status_code == 405


def test_who_may_not_see_a_dataset_sees_no_changes(collector):
    assert collector.session("guest").get(CHANGES).status_code == 404
    assert collector.session("guest").get(SECRET).status_code == 200
    assert collector.session("admin").get("/v1/datasets/none/changes").status_code == 404


@pytest.mark.on("sqlite")
def test_a_cursor_from_after_the_backup_that_was_restored_is_gone(make_server, tmp_path):
    server = make_server()
    server.add_user("con", role="contributor")
    server.add_dataset("cats", samples=4)
    server.start()
    con = server.session("con")

    def give(sample, name):
        assert con.post(f"/v1/datasets/cats/samples/{sample}/label", json={"label": name}).status_code == 200

    give(0, "cat")
    kept = end(con, "/v1/datasets/cats/changes")
    assert server.command("stop").returncode == 0
    database = server.databases / "cats.db"
    backup = database.read_bytes()
    assert server.command("start").returncode == 0
    give(1, "cat")
    followed = Followed(server, "cats", tmp_path / "followed", user="con")
    followed.once()
    after = end(con, "/v1/datasets/cats/changes")
    assert server.command("stop").returncode == 0
    database.write_bytes(backup)
    for side in ("-wal", "-shm"):
        (server.databases / f"cats.db{side}").unlink(missing_ok=True)
    assert server.command("start").returncode == 0
    for _ in range(2):  # also when the dataset has as many changes again
        assert_problem(con.get("/v1/datasets/cats/changes", params={"after": after}), 410, "is not known any more")
        assert plainly(read(con, kept, "/v1/datasets/cats/changes")["items"])[1:] == []
        give(2, "dog")
    assert "beginning anew" in followed.once()
    followed.assert_in_step()
