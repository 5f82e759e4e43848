"""Datasets that become private or public while images are being uploaded to them."""
import io
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from collecting import BLOB, picture, samples
from harness import until

DATASETS = "/v1/datasets"
BEFORE, MEANWHILE = 120, 30  # more than a page (cgi/datasets/publish.c), and some
LARGE = (300, 200)  # of which the programs read one after the other


def archive(count):
    """A tar of so many images in one folder: the bytes of each entry, in order, and of the end."""
    pieces = []
    for number in range(count):
        data, out = picture("BMP", LARGE), io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            entry = tarfile.TarInfo(f"{number}.bmp")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
            pieces.append(out.getvalue()[: tar.offset])
    return pieces, bytes(1024)


def small_archive(folder, count):
    """A tar of so many small images, whole."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in range(count):
            data = picture()
            entry = tarfile.TarInfo(f"{folder}/{number}.png")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def form(count):
    """The same as a form."""
    head = '--B\r\nContent-Disposition: form-data; name="files"; filename="{}.bmp"\r\n\r\n'
    return [head.format(number).encode() + picture("BMP", LARGE) + b"\r\n" for number in range(count)], b"--B--\r\n"


anyone = requests.Session()  # has no password, and keeps its connections
anyone.trust_env = False


def anyone_sees(collector, key):
    address = f"{collector.url}/public/{key}"
    if BLOB != "fs":
        address = f"{collector.variables['AWS_ENDPOINT_URL']}/{collector.variables['AWS_BUCKET_NAME']}/{key}"
    return anyone.get(address, timeout=30).status_code == 200


@pytest.mark.parametrize("becomes_public", [False, True], ids=["private", "public"])
@pytest.mark.parametrize("way", ["archive", "images"])
def test_images_on_their_way_are_as_public_as_the_dataset_has_become(collector, admin, way, becomes_public):
    name = f"{way}-{becomes_public}"
    made = admin.post(DATASETS, json={"name": name, "policy": {"public": not becomes_public}})
    assert made.status_code == 201, made.text
    pieces, end = archive(24) if way == "archive" else form(24)

    def body():
        yield from pieces[:16]
        until(lambda: next(samples(admin, name), None), "the first images are stored")
        assert admin.patch(f"{DATASETS}/{name}", json={"policy": {"public": becomes_public}}).status_code == 200
        yield from pieces[16:]
        yield end

    before = collector.objects()
    kind = {"archive": "application/x-tar", "images": "multipart/form-data; boundary=B"}[way]
    answer = collector.session("contributor").post(f"{DATASETS}/{name}/{way}", data=body(), headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    keys = collector.objects() - before
    assert len(keys) == 24
    assert {anyone_sees(collector, key) for key in keys} == {becomes_public}


def test_made_public_and_private_at_once_all_images_are_what_the_dataset_is(collector, admin):
    admin.post(DATASETS, json={"name": "both"})
    before = collector.objects()
    for number in range(12):
        assert admin.put(f"{DATASETS}/both/images/{number}.png", data=picture()).status_code == 201
    keys = collector.objects() - before
    patch = lambda public: collector.session("admin").patch(f"{DATASETS}/both", json={"policy": {"public": public}}).status_code  # noqa: E731
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert list(pool.map(patch, [True, False, True, False])) == [200] * 4
            public = admin.get(f"{DATASETS}/both").json()["policy"]["public"]
            assert [anyone_sees(collector, key) for key in sorted(keys)] == [public] * len(keys)


@pytest.mark.on("s3")
@pytest.mark.parametrize("becomes_public", [False, True], ids=["private", "public"])
def test_a_change_ends_at_the_images_that_were_there_and_tells_how_far_it_is(behind, becomes_public):
    collector, front = behind()
    collector.start()
    admin, contributor = collector.session("admin"), collector.session("contributor")
    address = f"{DATASETS}/going"
    assert admin.post(DATASETS, json={"name": "going", "policy": {"public": not becomes_public}}).status_code == 201
    before = collector.objects()

    def upload(folder, count):
        answer = contributor.post(f"{address}/archive", data=small_archive(folder, count))
        assert answer.status_code == 200 and answer.text.count('"id"') == count, answer.text[-300:]

    upload("before", BEFORE)
    assert "publishing" not in admin.get(address).json()
    front.hold = lambda line: b"?acl" in line
    answers = []
    change = threading.Thread(target=lambda: answers.append(admin.patch(address, json={"policy": {"public": becomes_public}})))
    change.start()
    try:
        until(lambda: len(front.held) >= 4, "several images are changed at once")
        publishing = collector.session("viewer").get(address).json()["publishing"]
        assert publishing == {"public": becomes_public, "done": 0, "total": BEFORE}
        upload("meanwhile", MEANWHILE)  # while it goes on
    finally:
        front.released.set()
        change.join()
    assert answers[0].status_code == 200, answers[0].text
    assert len(front.held) == BEFORE, "those that came later are right from the first"
    keys = collector.objects() - before
    assert len(keys) == BEFORE + MEANWHILE
    assert {anyone_sees(collector, key) for key in keys} == {becomes_public}
    assert "publishing" not in admin.get(address).json()


@pytest.mark.on("s3")
def test_a_change_that_fails_says_how_far_it_came_and_goes_on(behind):
    collector, front = behind()
    collector.start()
    admin, address = collector.session("admin"), f"{DATASETS}/going"
    assert admin.post(DATASETS, json={"name": "going"}).status_code == 201
    before = collector.objects()
    answer = admin.post(f"{address}/archive", data=small_archive("before", 20))
    assert answer.status_code == 200, answer.text
    keys = collector.objects() - before
    front.captive = True
    refused = admin.patch(address, json={"policy": {"public": True}})
    assert refused.status_code == 502 and "0 of 20 images are public by now, ask again to go on" in refused.json()["message"]
    front.captive = False
    assert admin.patch(address, json={"policy": {"public": True}}).status_code == 200
    assert {anyone_sees(collector, key) for key in keys} == {True}
