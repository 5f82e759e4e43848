"""The S3 gateway is killed, or hangs: uploads are refused soon and clearly, and nothing is half there; once it is
back, they work at once."""
import contextlib
import hashlib
import io
import json
import os
import signal
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from collecting import DEFAULT, Collector, bucket_client, picture, samples, services
from harness import until
from toll import tried

TUS = {"Tus-Resumable": "1.0.0"}
REFUSED = (502, 503)
HANGS, KILLED = "the S3 gateway hangs (SIGSTOP)", "the S3 gateway is killed (SIGKILL)"
HEALTH_FRESH_SECONDS = 0.25  # cgi/health/health.h
HEALTH_SECONDS = 20  # less than an upload is waited for, though the machine does other things, too


@pytest.fixture(scope="module")
def s3():
    with services.s3() as running:
        yield running


@pytest.fixture
def collector(tmp_path, s3, request):
    variables = {**s3.environment, "AWS_BUCKET_NAME": request.node.name.replace("_", "-")[:63].strip("-")}
    bucket_client(variables).create_bucket(Bucket=variables["AWS_BUCKET_NAME"])
    collector = Collector(tmp_path / "collector", variables)
    try:
        yield collector.start()
    finally:
        collector.stop()
    assert not collector.sanitizer_reports()


def archive(images):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in images.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def by_tus(session, data):
    made = session.post(f"/v1/datasets/{DEFAULT}/uploads", headers={**TUS, "Upload-Length": str(len(data))})
    assert made.status_code == 201, made.text
    headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return session.patch(made.headers["Location"], data=data, headers=headers)


WAYS = {
    "PUT": lambda session, data: session.put(f"/v1/datasets/{DEFAULT}/images/{hashlib.sha256(data).hexdigest()}.png", data=data),
    "form": lambda session, data: session.post(f"/v1/datasets/{DEFAULT}/images", files={"files": ("a.png", data)}),
    "single": lambda session, data: session.post("/single_upload/", files={"file": ("a.png", data)}),
    "bulk": lambda session, data: session.post("/bulk_upload", files={"files": ("a.png", data)}),
    "tus": by_tus,
}


def digests(collector):
    return {sample["sha256"] for sample in samples(collector.session("viewer"))}


def upload_all(collector, pictures):
    """One picture by each way in, all at once; the answers."""
    with ThreadPoolExecutor(len(WAYS)) as pool:
        futures = {way: pool.submit(send, collector.session("contributor"), pictures[way]) for way, send in WAYS.items()}
        return {way: future.result() for way, future in futures.items()}


def assert_stored(collector, fault, pictures):
    viewer = collector.session("viewer")
    by_digest = {sample["sha256"]: sample for sample in samples(viewer)}

    def is_there(data):
        sample = by_digest.get(hashlib.sha256(data).hexdigest())
        return sample and viewer.get(f"/v1/datasets/{DEFAULT}/samples/{sample['id']}/image").content == data

    lost = [way for way, data in pictures.items() if not is_there(data)]
    tried(fault, 1, len(lost))
    assert not lost


def is_well(collector):
    return collector.session().get("/healthz").status_code == 200


def threads(pid):
    """But for those that serve requests, of which a program starts as many as it needs."""
    found = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            found += (task / "comm").read_text() != "serving\n"
    return found


def test_a_gateway_that_hangs_is_answered_within_bounds_and_piles_nothing_up(collector, s3):
    kept, refused = ({way: picture() for way in WAYS} for _ in range(2))
    upload_all(collector, kept)
    before, pids = collector.stored(), collector.programs()
    (health,) = collector.processes("health")
    assert is_well(collector)
    answered = time.monotonic()
    idle = threads(health)
    until(lambda: time.monotonic() > answered + HEALTH_FRESH_SECONDS, "that answer is nobody else's any more")

    os.kill(s3.pids["client.rgw"], signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(2) as pool:
            uploading = pool.submit(upload_all, collector, refused)
            given_up = pool.submit(WAYS["PUT"], collector.session("contributor"), picture())
            with ThreadPoolExecutor(40) as monitors:
                asked = [monitors.submit(collector.session().get, "/healthz", timeout=HEALTH_SECONDS) for _ in range(40)]
                until(lambda: threads(health) > idle or all(one.done() for one in asked), "the stores are asked")
                assert threads(health) <= idle + 2, "one for the check, one of the S3 client"
                for one in asked:
                    assert one.result().status_code == 503 and "the image store at 127.0.0.1" in one.result().json()["message"]
            for way, answer in uploading.result().items():  # each within the harness's minute
                assert answer.status_code in (*REFUSED, 504), (way, answer.status_code, answer.text)
                assert answer.json()["message"]
            assert given_up.result().status_code in (*REFUSED, 504)
    finally:
        os.kill(s3.pids["client.rgw"], signal.SIGCONT)
    until(lambda: is_well(collector), "the gateway answers again")
    assert digests(collector) == {hashlib.sha256(data).hexdigest() for data in kept.values()}, "nothing that was refused has a row"
    for way, answer in upload_all(collector, refused).items():
        assert answer.status_code in (200, 201, 204), (way, answer.text)
    assert_stored(collector, HANGS, {**kept, **{way + " later": data for way, data in refused.items()}})
    assert collector.programs() == pids
    assert len(collector.stored()[0]) <= len(before[0]) + len(WAYS) + 1, "under the same keys as the first time"
    collector.sweep()
    assert len(collector.stored()[0]) == len(before[0]) + len(WAYS), "and what nobody sent again is gone"


def test_a_gateway_that_was_killed_is_told_and_used_again_once_it_is_back(collector, s3):
    kept, refused = ({way: picture() for way in WAYS} for _ in range(2))
    for way, answer in upload_all(collector, kept).items():
        assert answer.status_code in (200, 201, 204), (way, answer.text)
    before, pids = collector.stored(), collector.programs()

    os.kill(s3.pids["client.rgw"], signal.SIGKILL)
    for way, answer in upload_all(collector, refused).items():
        assert answer.status_code in REFUSED, (way, answer.status_code, answer.text)
        told = answer.json()
        assert "the image store at 127.0.0.1" in told.get("message", ""), (way, told)
    answer = collector.session("contributor").post(f"/v1/datasets/{DEFAULT}/archive", data=archive({"cat/1.png": refused["PUT"]}))
    assert answer.status_code in REFUSED and "the image store at 127.0.0.1" in answer.json()["message"]
    health = collector.session().get("/healthz")
    assert health.status_code == 503
    assert health.json()["dataset_store"] == "ok" and "the image store at 127.0.0.1" in health.json()["message"]
    assert digests(collector) == {hashlib.sha256(data).hexdigest() for data in kept.values()}
    for secret in ("AKTEST", "SKTEST"):
        assert secret not in health.text and secret not in collector.logs()
    warnings, pids = collector.sweep(), collector.programs()
    assert warnings.count("cannot be swept") == 1, "a start does not wait for a store that is down for each of its notes"
    # What needs no image goes on.
    assert collector.session("contributor").post(f"/v1/datasets/{DEFAULT}/labels", json={"name": "meanwhile"}).status_code == 201

    services.restart_gateway(s3)
    until(lambda: is_well(collector), "the gateway is there again")
    assert collector.stored() == before
    for way, answer in upload_all(collector, refused).items():
        assert answer.status_code in (200, 201, 204), (way, answer.text)
    assert_stored(collector, KILLED, {**kept, **{way + " later": data for way, data in refused.items()}})
    assert collector.programs() == pids, "it works without a restart"


def test_many_images_do_not_each_wait_for_a_gateway_that_is_down(collector, s3):
    contributor, kept, many = collector.session("contributor"), picture(), [picture() for _ in range(400)]
    assert WAYS["single"](contributor, kept).status_code == 200
    before, address = collector.stored(), f"/v1/datasets/{DEFAULT}/archive"
    images = {f"cat/{number}.png": data for number, data in enumerate(many)}
    os.kill(s3.pids["client.rgw"], signal.SIGKILL)
    try:
        answer = contributor.post(address, data=archive(images))  # within the harness's minute, as all of these
        assert answer.status_code in REFUSED and "the image store at 127.0.0.1" in answer.json()["message"], answer.text
        answer = contributor.post(address, data=archive({"cat/kept.png": kept, **images}))
        lines = [json.loads(line) for line in answer.text.splitlines()]
        summary = lines[-1]["summary"]
        assert (answer.status_code, summary["loaded"], summary["duplicate"]) == (200, 0, 1)
        assert 0 < summary["failed"] == len(lines) - 2 < len(many)
        assert "the image store at 127.0.0.1" in summary["error"] and "not tried" in summary["error"]
        answer = contributor.post("/bulk_upload", files=[("files", ("a.png", data)) for data in [kept, *many]])
        told = answer.json()["uploaded"]
        assert (answer.status_code, told[0]["duplicate"], len(told)) == (200, True, 1 + len(many))
        assert all("the image store at 127.0.0.1" in one["error"] for one in told[1:])
    finally:
        services.restart_gateway(s3)
    assert collector.stored() == before
    assert contributor.post(address, data=archive(images)).text.count('"id"') == len(many), "and then all are taken"


def test_a_dataset_whose_images_cannot_be_removed_stays_until_they_are(collector, s3):
    admin, address = collector.session("admin"), "/v1/datasets/leaving"
    assert admin.post("/v1/datasets", json={"name": "leaving", "policy": {"public": True}}).status_code == 201
    before = collector.objects()
    for number in range(3):
        assert admin.put(f"{address}/images/{number}.png", data=picture()).status_code == 201
    os.kill(s3.pids["client.rgw"], signal.SIGKILL)
    try:
        refused = admin.delete(address)
        assert refused.status_code in REFUSED and "the image store at 127.0.0.1" in refused.json()["message"], refused.text
        assert admin.get(address).json()["size"] == 3
    finally:
        services.restart_gateway(s3)
    assert len(collector.objects() - before) == 3
    assert admin.delete(address).status_code == 204
    assert collector.objects() == before and admin.get(address).status_code == 404
