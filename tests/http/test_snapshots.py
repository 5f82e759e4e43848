"""/v1/datasets/{d}/snapshots: a dataset as it was at one moment, for good."""
import hashlib
import hmac
import io
import json
import os
import tarfile

import pytest
from collecting import DEFAULT, Collector, assert_problem, picture, samples
from conftest import finish
from harness import draw

SNAPSHOTS = f"/v1/datasets/{DEFAULT}/snapshots"
SEEDED = "/v1/datasets/seeded/snapshots"


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    folder = collector.add_dataset("seeded", ["cat", "dog"], [("=cmd \"1\".png", "cat"), ("new\nline.png", ""), ("lost.png", "dog")])
    for number, filepath in enumerate(('=cmd "1".png', "new\nline.png")):
        draw(folder / filepath, (number, 0, 9))
    try:
        collector.start()
        contributor = collector.session("contributor")
        for number in range(3):
            answer = contributor.put(f"/v1/datasets/{DEFAULT}/images/{number}.png", params={"label": "airplanes"}, data=picture())
            assert answer.status_code == 201, answer.text
        yield collector
    finally:
        finish([collector])


@pytest.fixture
def contributor(collector):
    return collector.session("contributor")


def make(session, name, path=SNAPSHOTS, **more):
    answer = session.post(path, json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    return answer


def manifest(session, name, path=SNAPSHOTS):
    answer = session.get(f"{path}/{name}")
    assert answer.status_code == 200, answer.text
    return answer


def part_of(sha256, seed, *percent):
    share = int.from_bytes(hmac.digest(seed.encode(), sha256.encode(), "sha256")[:8], "big") * 100 >> 64
    return ("train", "val", "test")[sum(share >= sum(percent[: number + 1]) for number in range(2))]


def test_a_snapshot_is_described_and_its_manifest_has_every_sample(collector, contributor):
    answer = make(contributor, "first")
    made = answer.json()
    assert answer.headers["Location"] == f"{SNAPSHOTS}/first"
    assert {key: made[key] for key in ("name", "by", "split", "seed")} == {"name": "first", "by": "contributor", "split": None, "seed": None}
    text = manifest(collector.session("viewer"), "first")
    assert text.headers["Content-Type"] == "application/x-ndjson"
    assert hashlib.sha256(text.content).hexdigest() == made["digest"]
    assert [json.loads(line) for line in text.text.splitlines()] == [
        {key: sample[key] for key in ("id", "sha256", "filepath", "label", "version")} | {"split": None}
        for sample in samples(contributor, DEFAULT)
    ]
    assert made["size"] == len(text.text.splitlines())


def test_images_in_base_dir_are_hashed_and_lost_ones_are_not(collector, contributor):
    make(contributor, "in place", SEEDED, split="50,30,20", seed="s")
    first, second, lost = [json.loads(line) for line in manifest(contributor, "in%20place", SEEDED).text.splitlines()]
    for line, filepath in ((first, '=cmd "1".png'), (second, "new\nline.png")):
        sha256 = hashlib.sha256((collector.images / "seeded" / filepath).read_bytes()).hexdigest()
        assert (line["filepath"], line["sha256"], line["split"]) == (filepath, sha256, part_of(sha256, "s", 50, 30, 20))
    assert (lost["filepath"], lost["sha256"], lost["split"], lost["label"]) == ("lost.png", None, None, "dog")


def test_what_is_new_or_has_changed_since_the_last_one_is_hashed(collector, contributor):
    names = ["kept.png", "changed.png", "lost.png"]
    folder = collector.add_dataset("twice", ["cat"], names)
    for name in names:
        draw(folder / name)
    assert collector.reload().returncode == 0

    def shas(name):
        make(contributor, name, "/v1/datasets/twice/snapshots")
        return {line["filepath"]: line["sha256"] for line in map(json.loads, manifest(contributor, name, "/v1/datasets/twice/snapshots").text.splitlines())}

    def there():
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}

    assert shas("1") == shas("2") == there()
    draw(folder / "changed.png", "blue", (40, 40))
    (folder / "lost.png").unlink()
    draw(folder / "new.png", "green")
    collector.add_dataset("twice", ["cat"], [*names, "new.png"])
    assert collector.reload().returncode == 0
    assert shas("3") == {**there(), "lost.png": None}


def test_labelling_goes_first(collector):
    niceness = {name: os.getpriority(os.PRIO_PROCESS, collector.processes(name)[0]) for name in ("snapshots", "classify")}
    assert niceness["snapshots"] == min(niceness["classify"] + 5, 19)


def test_it_stays_as_it_was_while_labels_change(contributor):
    before = make(contributor, "before").json()
    text = manifest(contributor, "before").content
    sample = next(samples(contributor, DEFAULT))
    for label in ("accordion", "airplanes", "accordion"):
        body = {"dataset_name": DEFAULT, "base_dir": "", "filepath": sample["filepath"], "label": label}
        assert contributor.post("/classify", json=body).json() == {"response": True}
    assert manifest(contributor, "before").content == text
    assert hashlib.sha256(text).hexdigest() == before["digest"]
    assert make(contributor, "after").json()["digest"] != before["digest"]


def test_it_is_the_same_after_everything_that_is_done_to_samples_and_labels_and_images_stay_in_their_parts(collector):
    admin, dataset = collector.session("admin"), "/v1/datasets/worked on"
    assert admin.post("/v1/datasets", json={"name": "worked on", "labels": ["cat", "dog", "bird"]}).status_code == 201

    def upload(number):
        answer = admin.put(f"{dataset}/images/{number}.png", params={"label": "cat"}, data=picture(size=(8, 8)))
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def parts(name):
        return {line["id"]: line["split"] for line in map(json.loads, manifest(admin, name, f"{dataset}/snapshots").text.splitlines())}

    ids = [upload(number) for number in range(30)]
    first = make(admin, "first", f"{dataset}/snapshots", split="60,20,20", seed="s").json()
    text = manifest(admin, "first", f"{dataset}/snapshots").content
    keys = {label["name"]: label["key"] for label in admin.get(dataset).json()["labels"]}
    for label in ("dog", "bird", "", "dog"):
        assert admin.post(f"{dataset}/samples/label", json={"ids": ids, "label": label}).json() == {"labelled": len(ids)}
    for done in (
        admin.post(f"{dataset}/samples/{ids[0]}/undo", json={}), admin.put(f"{dataset}/samples/{ids[1]}/flag", json={"note": "?"}),
        admin.patch(f"{dataset}/labels/{keys['cat']}", json={"name": "tabby"}), admin.post(f"{dataset}/labels/{keys['dog']}/merge", json={"into": keys["bird"]}),
        admin.patch(dataset, json={"policy": {"overlap": 2}}), admin.delete(f"{dataset}/samples/{ids[2]}"), admin.post(f"{dataset}/labels", json={"name": "cat"}),
    ):  # fmt: skip
        assert done.ok, done.text
    more = [upload(number) for number in range(30, 33)]
    assert manifest(admin, "first", f"{dataset}/snapshots").content == text
    assert [item["digest"] for item in admin.get(f"{dataset}/snapshots").json()["items"]] == [first["digest"]] == [hashlib.sha256(text).hexdigest()]
    make(admin, "second", f"{dataset}/snapshots", split="60,20,20", seed="s")
    then, now = parts("first"), parts("second")
    assert len(set(then.values())) > 1
    assert now == {sample: part for sample, part in then.items() if sample != ids[2]} | {sample: now[sample] for sample in more}


def test_a_name_is_given_once(contributor):
    first = make(contributor, "twice").json()
    assert_problem(contributor.post(SNAPSHOTS, json={"name": "twice"}), 409, "twice")
    assert [item for item in contributor.get(SNAPSHOTS).json()["items"] if item["name"] == "twice"] == [first]


def test_a_request_that_is_repeated_is_done_once(contributor):
    answers = [contributor.post(SNAPSHOTS, json={"name": "again"}, headers={"Idempotency-Key": "again"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201] and answers[0].json() == answers[1].json()


def test_they_are_listed_by_name_page_by_page(collector):
    admin = collector.session("admin")
    assert admin.post("/v1/datasets", json={"name": "paged"}).status_code == 201
    path, found, query = "/v1/datasets/paged/snapshots", [], {"limit": 2}
    for name in ("c", "a", "ü", "b"):
        make(admin, name, path)
    while query:
        page = admin.get(path, params=query).json()
        found += [item["name"] for item in page["items"]]
        query = page["next"] and {"limit": 2, "after": page["next"]}
    assert found == ["a", "b", "c", "ü"]
    assert_problem(admin.get(path, params={"after": "x"}), 400, "after")


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "a/b"}, {"name": ".x"}, {"name": "x" * 201}, {"name": "x", "split": "50"},
                                  {"name": "x", "seed": "s"}, {"name": "x", "other": 1}, {"name": 7}])  # fmt: skip
def test_what_cannot_be_is_refused(contributor, body):
    assert_problem(contributor.post(SNAPSHOTS, json=body), 400)


def test_an_unknown_one_is_not_found(contributor):
    assert_problem(contributor.get(f"{SNAPSHOTS}/nobody"), 404, "nobody")


def test_who_may_what(collector):
    assert_problem(collector.session("annotator").post(SNAPSHOTS, json={"name": "mine"}), 403)
    assert_problem(collector.session("guest").get(SNAPSHOTS), 404)


def test_the_audit_log_tells_of_it(collector, contributor):
    digest = make(contributor, "told").json()["digest"]
    entries = collector.session("admin").get("/v1/audit", params={"limit": 1000}).json()["items"]
    assert [(entry["by"], entry["target"], entry["dataset"], entry["detail"]) for entry in entries if entry["action"] == "snapshot.create"][-1] == (
        "contributor", "told", DEFAULT, digest)  # fmt: skip


def test_manifests_go_with_their_dataset_and_no_earlier(collector):
    admin = collector.session("admin")
    assert admin.post("/v1/datasets", json={"name": "short"}).status_code == 201
    make(admin, "one", "/v1/datasets/short/snapshots")
    kept = {key for key in collector.objects() if key.startswith("datasets/short/snapshots/")}
    assert len(kept) == 1
    assert admin.delete("/v1/datasets/short").status_code == 204
    assert not kept & collector.objects()


def test_the_sweep_of_what_crashes_left_keeps_manifests(make_collector):
    """Of a snapshot the note is gone; and a manifest without one has none that tells."""
    collector = make_collector().start()
    admin = collector.session("admin")
    make(admin, "kept", "/v1/datasets/secret/snapshots")
    assert collector.reload().returncode == 0
    assert manifest(admin, "kept", "/v1/datasets/secret/snapshots").status_code == 200


@pytest.mark.on("fs")
def test_nobody_fetches_a_manifest_as_an_image(collector, contributor):
    make(contributor, "private")
    for key in {key for key in collector.objects() if "/snapshots/" in key}:
        assert contributor.get(f"/public/{key}").status_code in (403, 404)


# --- exports of a snapshot


@pytest.fixture
def own(collector):
    """A dataset of two images, and how it is exported."""
    contributor, name = collector.session("admin"), f"own{len(collector.session('admin').get('/v1/datasets').json()['items'])}"
    path = f"/v1/datasets/{name}"
    assert contributor.post("/v1/datasets", json={"name": name, "labels": ["cat", "dog"]}).status_code == 201

    def put(number, label):
        answer = contributor.put(f"{path}/images/{number}.png", params={"label": label}, data=picture())
        assert answer.status_code == 201, answer.text

    def export(form, **query):
        answer = contributor.get(f"{path}/export", params={"format": form, **query})
        assert answer.status_code == 200, answer.text
        return answer.content

    def classify(number, label):
        body = {"dataset_name": name, "base_dir": "", "filepath": f"{number}.png", "label": label}
        assert contributor.post("/classify", json=body).json() == {"response": True}

    put(0, "cat")
    put(1, "dog")
    own.session, own.path, own.put, own.export, own.classify = contributor, path, put, export, classify
    return own


def members(data):
    return sorted((entry.name, entry.size) for entry in tarfile.open(fileobj=io.BytesIO(data)) if not entry.name.startswith("classes."))


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_of_a_snapshot_is_what_it_was_then(own, form):
    before = own.export(form)
    make(own.session, "then", f"{own.path}/snapshots")
    own.classify(0, "dog")
    own.put(2, "cat")
    assert own.export(form) != before
    assert own.export(form, snapshot="then") == before


@pytest.mark.parametrize("form", ["jsonl", "sagemaker", "labelstudio", "croissant"])
def test_the_other_forms_leave_out_who_gave_the_label_and_when(own, form):
    make(own.session, "then", f"{own.path}/snapshots")
    assert own.export(form, snapshot="then")
    own.classify(0, "dog")
    then = own.export(form, snapshot="then")
    assert b"cat" in then and b"labelled_by\":\"admin" not in then.splitlines()[0]
    if form == "jsonl":
        assert [(line["label"], line["version"]) for line in map(json.loads, then.splitlines())] == [("cat", 0), ("dog", 0)]


def test_so_are_its_images(own):
    before = own.export("classfolders", split="50,25,25", seed="s")
    make(own.session, "then", f"{own.path}/snapshots", split="50,25,25", seed="s")
    own.classify(0, "dog")
    own.put(2, "cat")
    assert members(own.export("classfolders", snapshot="then")) == members(before)
    shard = own.session.get(f"{own.path}/export/webdataset/000000.tar", params={"snapshot": "then"})
    classes = {entry.name: shard_text(shard.content, entry.name) for entry in tarfile.open(fileobj=io.BytesIO(shard.content))
               if entry.name.endswith(".cls")}  # fmt: skip
    assert classes == {"0.cls": b"0", "1.cls": b"1"}


def shard_text(data, name):
    return tarfile.open(fileobj=io.BytesIO(data)).extractfile(name).read()


def test_an_export_of_a_snapshot_is_filtered_by_what_was_then(own):
    make(own.session, "then", f"{own.path}/snapshots")
    own.classify(0, "dog")
    assert own.export("csv", snapshot="then", label="cat") == b"filepath,label\r\n0.png,cat\r\n"
    assert own.export("csv", snapshot="then", q="1.p") == b"filepath,label\r\n1.png,dog\r\n"
    assert own.export("csv", snapshot="then", state="unlabelled") == b"filepath,label\r\n"
    for name in ("by", "flagged", "since"):
        value = {"by": "x", "flagged": "true", "since": "2026-01-01T00:00:00Z"}[name]
        answer = own.session.get(f"{own.path}/export", params={"format": "csv", "snapshot": "then", name: value})
        assert_problem(answer, 400, name)
    assert_problem(own.session.get(f"{own.path}/export", params={"format": "csv", "snapshot": "none"}), 404, "none")


def test_a_file_that_has_changed_since_is_not_taken_for_the_one_of_then(collector, contributor):
    folder = collector.images / "seeded"
    make(contributor, "unchanged", SEEDED)
    draw(folder / "new\nline.png", (77, 7, 7))
    path = "/v1/datasets/seeded/export"
    csv = contributor.get(path, params={"format": "csv", "snapshot": "unchanged"})
    assert csv.status_code == 200 and csv.text.count("\r\n") == 4
    zipped = contributor.get(path, params={"format": "classfolders", "as": "tar", "snapshot": "unchanged"}).content
    assert [name for name, _ in members(zipped)][:1] != [] and "missing.txt" in [name for name, _ in members(zipped)]
