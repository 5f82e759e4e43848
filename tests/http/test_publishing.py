"""Datasets that become private or public while images are on their way into them."""
import io
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from collecting import BLOB, picture, samples
from harness import until

DATASETS = "/v1/datasets"
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


def form(count):
    """The same as a form."""
    head = '--B\r\nContent-Disposition: form-data; name="files"; filename="{}.bmp"\r\n\r\n'
    return [head.format(number).encode() + picture("BMP", LARGE) + b"\r\n" for number in range(count)], b"--B--\r\n"


def anyone_sees(collector, key):
    if BLOB == "fs":
        return collector.session().get(f"/public/{key}").status_code == 200
    address = f"{collector.variables['AWS_ENDPOINT_URL']}/{collector.variables['AWS_BUCKET_NAME']}/{key}"
    return requests.get(address, timeout=30).status_code == 200


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
