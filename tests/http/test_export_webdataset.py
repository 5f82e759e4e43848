"""GET /v1/datasets/{d}/export/webdataset: shards at addresses of their own, with an index, and downloads that go on where they broke off."""
import hashlib
import io
import json
import tarfile

import pytest
from collecting import DATASET, Collector, assert_problem, picture, stored_labels
from conftest import finish
from harness import draw

SHARD_BYTES = 1_000_000_000
LABELS = ["cat", "dog", "seldom"]
SEEDED = [(f"a.{number}.x.{'jpg' if number % 2 else 'PNG'}", LABELS[number % 2] if number % 5 else "") for number in range(25)]
INDEX = "/v1/datasets/seeded/export/webdataset"
SHARD = INDEX + "/000000.tar"


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    folder = collector.add_dataset("seeded", LABELS, SEEDED + [("gone.png", "cat")])
    for number, (filepath, _) in enumerate(SEEDED):
        draw(folder / filepath, (number, 0, 0))
    large = collector.add_dataset("large", ["cat"], [(f"{number}.png", "cat") for number in range(6)])
    for number in range(6):
        draw(large / f"{number}.png", (number, 0, 0))
        with open(large / f"{number}.png", "ab") as file:
            file.truncate(400_000_000)  # with a hole: two have room in a shard
    try:
        yield collector.start()
    finally:
        finish([collector])


@pytest.fixture
def viewer(collector):
    return collector.session("viewer")


def members(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return [(member.name, archive.extractfile(member).read()) for member in archive]


def test_a_shard_has_three_members_a_sample_side_by_side(collector, viewer):
    answer = viewer.get(SHARD)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/x-tar")
    assert "seeded-000000.tar" in answer.headers["Content-Disposition"]
    found = members(answer.content)
    wanted = [(number, *pair) for number, pair in enumerate(SEEDED) if pair[1]]
    assert len(found) == 3 * len(wanted)
    for at, (number, filepath, label) in enumerate(wanted):
        image, cls, described = found[3 * at : 3 * at + 3]
        assert [name for name, _ in (image, cls, described)] == [f"{number}.{'jpg' if number % 2 else 'png'}", f"{number}.cls", f"{number}.json"]
        assert image[1] == (collector.images / "seeded" / filepath).read_bytes()
        assert int(cls[1]) == LABELS.index(label)
        told = json.loads(described[1])
        assert (told["id"], told["filepath"], told["label"], told["class"]) == (number, filepath, label, LABELS.index(label))


def test_the_index_lists_shards_that_are_there(viewer):
    index = viewer.get(INDEX).json()
    assert (index["__kind__"], index["wids_version"], index["name"]) == ("wids-shard-index-v1", 1, "seeded")
    (shard,) = index["shardlist"]
    answer = viewer.get(shard["url"])
    assert shard["nsamples"] == sum(1 for _, label in SEEDED if label) == len(members(answer.content)) // 3
    assert shard["filesize"] == len(answer.content) == int(answer.headers["Content-Length"])


def test_the_index_keeps_filters_and_splits_in_its_addresses(viewer):
    query = {"label": "dog", "split": "60,20,20", "seed": "a b&c"}
    (shard,) = viewer.get(INDEX, params=query).json()["shardlist"]
    found = [json.loads(data) for name, data in members(viewer.get(shard["url"]).content) if name.endswith(".json")]
    assert {told["label"] for told in found} == {"dog"} and len(found) == shard["nsamples"]
    parts = {line["id"]: line["split"] for line in map(json.loads, viewer.get("/v1/datasets/seeded/export", params={"format": "jsonl", **query}).iter_lines())}
    assert {told["id"]: told["split"] for told in found} == parts


def test_a_download_goes_on_where_it_broke_off(viewer):
    whole = viewer.get(SHARD)
    etag, content = whole.headers["ETag"], whole.content
    assert whole.headers["Accept-Ranges"] == "bytes"
    last = len(content) - 1
    for asked, first, end in [("0-0", 0, 0), ("512-", 512, last), ("-1024", last - 1023, last), ("700-9000", 700, 9000), (f"{last}-{last + 9}", last, last)]:
        part = viewer.get(SHARD, headers={"Range": f"bytes={asked}", "If-Range": etag})
        assert (part.status_code, part.headers["Content-Range"]) == (206, f"bytes {first}-{end}/{len(content)}"), asked
        assert part.content == content[first : end + 1], asked
    for at in range(0, len(content), 5000):
        assert viewer.get(SHARD, headers={"Range": f"bytes={at}-"}).content == content[at:]


def test_a_range_that_cannot_be_had_is_refused_and_one_that_is_none_passed_over(viewer):
    content = viewer.get(SHARD).content
    refused = viewer.get(SHARD, headers={"Range": f"bytes={len(content)}-"})
    assert (refused.status_code, refused.headers["Content-Range"]) == (416, f"bytes */{len(content)}")
    for odd in ("bytes=5-2", "bytes=a-b", "bytes=0-1,5-6", "items=0-1", "bytes=", "bytes=-", f"bytes={'9' * 30}-"):
        answer = viewer.get(SHARD, headers={"Range": odd})
        assert (answer.status_code, answer.content) == (200, content), odd


def test_another_version_is_sent_whole(collector, viewer):
    before = viewer.get(SHARD)
    assert viewer.get(SHARD, headers={"If-None-Match": before.headers["ETag"]}).status_code == 304
    answer = collector.session("annotator").post("/classify", json={
        "dataset_name": "seeded", "base_dir": str(collector.images / "seeded"), "filepath": SEEDED[1][0], "label": "seldom"})  # fmt: skip
    assert answer.json() == {"response": True} and stored_labels(collector, "seeded") if DATASET == "sqlite" else True
    after = viewer.get(SHARD, headers={"Range": "bytes=1000-", "If-Range": before.headers["ETag"]})
    assert after.status_code == 200 and after.headers["ETag"] != before.headers["ETag"]
    assert ("1.cls", b"2") in members(after.content)
    draw(collector.images / "seeded" / SEEDED[2][0], (200, 200, 200), (50, 50))
    assert viewer.head(SHARD).headers["ETag"] not in (before.headers["ETag"], after.headers["ETag"])


def test_a_large_dataset_has_several_shards_whose_ends_stay(collector, viewer):
    path = "/v1/datasets/large/export/webdataset"
    index = viewer.get(path).json()["shardlist"]
    assert [shard["nsamples"] for shard in index] == [2, 2, 2]
    assert all(shard["filesize"] < SHARD_BYTES for shard in index)
    (collector.images / "large" / "0.png").write_bytes(picture())  # there would be room for another one now
    assert [shard["nsamples"] for shard in viewer.get(path).json()["shardlist"]] == [2, 2, 2]
    last = viewer.get(path + "/000002.tar", headers={"Range": "bytes=0-511"})
    assert last.status_code == 206 and last.content.startswith(b"4.png\0")
    tail = viewer.get(path + "/000002.tar", headers={"Range": "bytes=-5000"})  # nothing before is read
    assert len(tail.content) == 5000 and tail.content.endswith(bytes(1024)) and b"5.json" in tail.content
    assert_problem(viewer.get(path + "/000003.tar"), 404, "000003")


def test_uploaded_images_are_in_shards_too(collector, viewer):
    sent = [picture("JPEG") for _ in range(3)]
    for number, data in enumerate(sent):
        answer = collector.session("contributor").put(f"/v1/datasets/secret/images/{number}.JPG", data=data, params={"label": "cat"})
        assert answer.status_code == 201
    found = members(viewer.get("/v1/datasets/secret/export/webdataset/000000.tar").content)
    assert [data for name, data in found if name.endswith(".jpg")] == sent
    told = [json.loads(data) for name, data in found if name.endswith(".json")]
    assert [line["sha256"] for line in told] == [hashlib.sha256(data).hexdigest() for data in sent]


def test_what_is_no_shard_is_not_there(viewer):
    for name in ("000001.tar", "0.tar", "0000000.tar", "000000.zip", "00000x.tar", "-00001.tar", "999999.tar"):
        assert_problem(viewer.get(f"{INDEX}/{name}"), 404)
    assert_problem(viewer.get(INDEX, params={"format": "csv"}), 400, "format")
    empty = viewer.get("/v1/datasets/collected/export/webdataset/000000.tar")
    assert (empty.status_code, empty.content) == (200, bytes(1024))
