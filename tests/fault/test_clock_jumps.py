"""The time of day jumps by hours and days, forth and back, while people label, lease, upload and follow: a lease that lives is
given to nobody else and none lives longer than it was to, what was acknowledged is there, the feed tells all of it once, and
tokens and idempotency keys go by the time that it is.

FAULT_SEED=N repeats the choices of an earlier run (a failure names its seed).
"""
import itertools
import os
import random
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest
from clocks import Clock, JumpingStorm, rage_of_clocks
from collecting import DEFAULT, bucket_client, picture, samples, services
from harness import until
from storm import WAYS, check_finds_nothing, lost, make_server
from toll import tried

HOUR, DAY = 3600, 86_400
JUMPS = [-400 * DAY, -30 * DAY, -DAY, -HOUR, 0, HOUR, DAY, 30 * DAY, 400 * DAY]
DRIFT_MAX = 365 * DAY  # MongoDB refuses a time later than that, of which it was told before its clock went back
LEASE_SECONDS = 300
ROUNDS, BETWEEN, SIZE = 12, 40, 3_000
SEED = int(os.environ.get("FAULT_SEED", random.randrange(10**6)))


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "clock")


def make_jumping_server(tmp_path, clock, size, variables=None):
    server = make_server(tmp_path / "server", {**clock.environment, **(variables or {})}, size)
    server.config["limits"] = {"lease_seconds": LEASE_SECONDS}
    server.write_config()
    return server


@pytest.fixture
def server(tmp_path, clock):
    server = make_jumping_server(tmp_path, clock, SIZE)
    try:
        yield server.start()
    finally:
        server.stop()


def jump_again_and_again(server, clock, size, rounds, fault="clock jumps by hours or days on SQLite and files", store="jumps"):
    storm = JumpingStorm(server, size, SEED, clock, LEASE_SECONDS, store)
    jumps = [to for to in JUMPS if store != "learned" or abs(to) < DRIFT_MAX / 2]
    with storm:
        rage_of_clocks(storm, random.Random(SEED), jumps, rounds, BETWEEN)
    assert not storm.failures, (storm.failures, f"FAULT_SEED={SEED}")
    clock.set(0)
    wrong, whole, followed = lost(storm), storm.page_on(""), storm.feed + storm.page_on(storm.place)
    if store != "jumps":  # whoever begins to follow MongoDB is told sample by sample what is there
        whole, followed = (sorted(items, key=lambda item: item["id"]) for items in (whole, followed))
    wrong += [f"who follows was told {told}, not {kept}" for told, kept in itertools.zip_longest(followed, whole) if told != kept]
    print(f"FAULT_SEED={SEED}: {storm.acknowledged()} acknowledged {dict(storm.done)}, {dict(storm.unknown)}, {len(storm.feed)} followed")
    tried(fault, rounds, len(wrong))
    assert not wrong, (len(wrong), wrong[:10], f"FAULT_SEED={SEED}")
    check_finds_nothing(server)
    assert set(storm.done) == WAYS and storm.feed, storm.done
    times = [item["at"] for item in whole] + [sample["uploaded_at"] for sample in samples(server.session("viewer"), limit=1000)]
    days = len({time[:10] for time in times})
    assert days <= 2 if store == "stays" else days > 1, "by the store's clock"


def test_nothing_is_lost_or_leased_twice_when_the_clock_jumps(server, clock):
    jump_again_and_again(server, clock, SIZE, ROUNDS)


def jump_on_mongodb_and_s3(tmp_path, clock, size, rounds, store):
    fault = f"clock jumps by hours or days on MongoDB and S3, of {'all but S3' if store == 'learned' else 'the server alone'}"
    with services.mongo(nodes=1, environment=clock.environment if store == "learned" else {}) as mongo, services.s3() as s3:
        variables = {**s3.environment, "AWS_BUCKET_NAME": "clocks", "MONGODB_CONN_STRING": mongo.uri, "DATABASE_NAME": "clocks"}
        bucket_client(variables).create_bucket(Bucket="clocks")
        server = make_jumping_server(tmp_path, clock, size, variables)
        try:
            jump_again_and_again(server.start(), clock, size, rounds, fault, store)
        finally:
            server.stop()


def test_nor_on_mongodb_and_s3(tmp_path, clock):
    jump_on_mongodb_and_s3(tmp_path, clock, SIZE, ROUNDS, "stays")


def test_it_is_as_late_as_the_clock_says_in_all_programs(server, clock):
    annotator, feed = server.session("annotator0"), []
    for number, seconds in enumerate((0, 30 * DAY, -400 * DAY)):
        clock.set(seconds)
        before = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        answer = annotator.post(f"/v1/datasets/own/samples/{number}/label", json={"label": "cat"})
        after = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        at = datetime.fromisoformat(answer.json()["labelled_at"])
        assert before.replace(microsecond=before.microsecond // 1000 * 1000) <= at <= after, "it is told in milliseconds"
        assert before - timedelta(seconds=1) <= parsedate_to_datetime(answer.headers["Date"]) <= after, "nginx"
        feed.append(answer.json()["labelled_at"])
    items = server.session("viewer").get("/v1/datasets/own/changes").json()["items"]
    assert [item["at"] for item in items if item["kind"] == "label"] == feed


def lease(session, wanted):
    answer = session.post("/v1/datasets/queue/tasks", json=wanted)
    assert answer.status_code in (200, 204), answer.text
    return [task["sample"]["id"] for task in answer.json()["tasks"]] if answer.status_code == 200 else []


def test_a_lease_from_the_time_to_come_ends(server, clock):
    first, second = server.session("annotator0"), server.session("annotator1")
    clock.set(30 * DAY)
    ids = lease(first, {"count": 5})
    clock.set(0)
    assert lease(second, {"ids": ids}) == [], "they live as long as new ones"
    clock.set(LEASE_SECONDS + 1)
    assert sorted(lease(second, {"ids": ids})) == sorted(ids)


def test_what_is_labelled_after_its_lease_is_no_longer_leased_to_another(server, clock):
    """The older requests know of no leases: /classify counts whenever it comes."""
    late, other = server.session("annotator0"), server.session("annotator1")
    told = late.post("/obtain", json={"dataset_name": "queue"}, headers={"Accept": "application/json"}).json()
    clock.set(LEASE_SECONDS + 1)
    (task,) = other.post("/v1/datasets/queue/tasks", json={"count": 1}).json()["tasks"]
    assert task["sample"]["id"] == told["id"]
    body = {key: told[key] for key in ("dataset_name", "base_dir", "filepath")}
    assert late.post("/classify", json={**body, "label": "cat"}).json() == {"response": True}
    answer = other.post(f"/v1/datasets/queue/tasks/{task['token']}/label", json={"label": "dog"})
    assert answer.status_code == 409, answer.text
    assert other.get(f"/v1/datasets/queue/samples/{told['id']}").json()["label"] == "cat"


def test_a_token_lets_in_whenever_it_is_not_over(server, clock):
    soon = (datetime.now(timezone.utc) + timedelta(hours=1)).isoformat()
    made = server.session("admin").post("/v1/tokens", json={"name": "brief", "scope": "read", "expires_at": soon})
    assert made.status_code == 201, made.text
    session = server.session()
    session.auth = (made.json()["id"], made.json()["secret"])
    compiled = server.users / ".htpasswd"  # where it is left out, some time after it was over
    for seconds, status in ((0, 200), (DAY, 401), (0, 200), (400 * DAY, 401), (-DAY, 200)):
        clock.set(seconds)
        until(lambda: session.get("/v1/me").status_code == status, f"{status} when it is {seconds} s later")
        until(lambda: (made.json()["id"] in compiled.read_text()) == (status == 200), "the list of those who are let in says so, too")


def test_a_request_that_is_sent_again_after_a_jump_is_done_once(server, clock):
    contributor, sent = server.session("contributor0"), picture()

    def send():
        answer = contributor.post(f"/v1/datasets/{DEFAULT}/images", files={"files": ("a.png", sent)}, headers={"Idempotency-Key": "again"})
        assert answer.status_code == 200, answer.text
        return answer.content

    before = send()
    for seconds in (12 * HOUR, -30 * DAY, 0):
        clock.set(seconds)
        assert send() == before
    clock.set(2 * DAY)
    contributor.post(f"/v1/datasets/{DEFAULT}/images", files={"files": ("a.png", sent)}, headers={"Idempotency-Key": "again"})
    assert server.session("viewer").get(f"/v1/datasets/{DEFAULT}").json()["size"] == 1, "an image is there once even when its key is forgotten"
