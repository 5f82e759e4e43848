"""Removing a sample for good: its image is gone from everywhere, its id is not given again, no seed brings it back."""
import contextlib
import io
import os
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pymongo
import pytest
import requests
from collecting import DEFAULT, Collector, assert_problem, picture, samples
from harness import SCRIPTS, draw, until
from PIL import Image

SIZES = (64, 500)
SAMPLES = f"/v1/datasets/{DEFAULT}/samples"


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    from conftest import finish

    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    collector.base = collector.add_dataset("seeded", samples=[f"{number}.png" for number in range(12)])
    for number in range(12):
        draw(collector.base / f"{number}.png", size=(640, 480))
    try:
        yield collector.start()
    finally:
        finish([collector])


def put(session, filepath, data, dataset=DEFAULT, **query):
    answer = session.put(f"/v1/datasets/{dataset}/images/{filepath}", data=data, params=query)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def of(sample, dataset=DEFAULT):
    return f"/v1/datasets/{dataset}/samples/{sample['id'] if isinstance(sample, dict) else sample}"


def kept(server):
    return {path for path in (server.state / "cache" / "thumbs").rglob("*") if path.is_file()}


def public_address(server, sample, key):
    """Where anybody gets an image of the public dataset."""
    return sample["image_url"] if sample["image_url"].startswith("http") else f"{server.url}/public/{key}"


def counts(session, dataset):
    answer = session.get(f"/v1/datasets/{dataset}").json()
    return answer["size"], answer["counts"], {label["name"]: label["count"] for label in answer["labels"]}


def removals(server, dataset, admin="admin"):
    """(by, target, detail) of each removal in the audit log."""
    found, after = [], {}
    while True:
        page = server.session(admin).get("/v1/audit", params={"limit": 100, **after}).json()
        found += [(entry["by"], entry["target"], entry["detail"]) for entry in page["items"]
                  if (entry["action"], entry["dataset"]) == ("sample.remove", dataset)]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


def noise():
    """An image too large for the memory of an upload."""
    out = io.BytesIO()
    Image.frombytes("RGB", (400, 400), os.urandom(400 * 400 * 3)).save(out, "PNG")
    return out.getvalue()


@contextlib.contextmanager
def unwritable(folder):
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    if subprocess.run(["chattr", "+i", folder], capture_output=True, check=False).returncode:
        pytest.skip("the file system does not know chattr +i")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", folder], check=True)


# --- it is gone


def test_an_uploaded_image_is_gone_from_store_thumbnails_and_every_address(collector, contributor):
    objects, thumbnails, before = collector.objects(), kept(collector), counts(contributor, DEFAULT)
    sample = put(contributor, "gone/away.png", picture(size=(600, 400)), label="accordion")
    public = public_address(collector, sample, *collector.objects() - objects)
    assert requests.get(public, timeout=30).status_code == 200
    for size in SIZES:
        assert contributor.get(f"{of(sample)}/thumb", params={"size": size}).status_code == 200
    assert kept(collector) > thumbnails
    answer = contributor.delete(of(sample))
    assert (answer.status_code, answer.content) == (204, b"")
    assert collector.objects() == objects and kept(collector) == thumbnails
    assert requests.get(public, timeout=30).status_code in (403, 404)
    for path in ("", "/image", "/thumb", "/history"):
        assert_problem(contributor.get(of(sample) + path), 404, "Sample not found")
    assert contributor.get(f"/images/{DEFAULT}/gone/away.png").status_code == 404
    assert contributor.post("/obtain", json={"dataset_name": DEFAULT, "id": sample["id"]}).json() == {"message": "Sample not found"}
    assert counts(contributor, DEFAULT) == before
    assert removals(collector, DEFAULT)[-1] == ("contributor", str(sample["id"]), "gone/away.png")
    assert_problem(contributor.delete(of(sample)), 404, "Sample not found")
    assert removals(collector, DEFAULT).count(("contributor", str(sample["id"]), "gone/away.png")) == 1


def test_an_image_in_a_folder_is_gone_from_there(collector, contributor):
    path, before = collector.base / "0.png", contributor.post("/size", json={"dataset_name": "seeded"}).json()["size"]
    until(lambda: contributor.get(f"{of(0, 'seeded')}/thumb").headers.get("ETag"), "the thumbnail may be kept")
    assert contributor.get("/images/seeded/0.png").status_code == 200
    assert contributor.delete(of(0, "seeded")).status_code == 204
    assert not path.exists() and (collector.base / "1.png").exists()
    assert contributor.get("/images/seeded/0.png").status_code == 404
    assert contributor.get(f"{of(0, 'seeded')}/thumb").status_code == 404
    assert not [file for file in kept(collector) if file.name.startswith("0-") and file.read_bytes().startswith(b"0.png")]
    assert contributor.post("/size", json={"dataset_name": "seeded"}).json()["size"] == before - 1
    assert contributor.post("/classify", json={"dataset_name": "seeded", "base_dir": str(collector.base), "filepath": "0.png",
                                               "label": "cat"}).json() == {"response": False}


def test_the_same_bytes_again_are_a_new_sample_with_an_object_of_its_own(collector, contributor):
    data, objects, keys, before = picture(), collector.objects(), set(), -1
    for filepath in ("twice.png", "twice.png", "thrice.png"):
        sample = put(contributor, filepath, data)
        assert sample["id"] > before and not sample.get("duplicate")
        assert contributor.get(f"{of(sample)}/image").content == data
        assert put(contributor, filepath, data)["id"] == sample["id"]
        (key,) = collector.objects() - objects
        keys.add(key)
        assert contributor.delete(of(sample)).status_code == 204
        before = sample["id"]
    assert len(keys) == 3 and collector.objects() == objects


@pytest.mark.parametrize("large", [False, True], ids=["in memory", "in a file"])
def test_whoever_uploads_what_others_remove_meanwhile_has_it_whole_or_not_at_all(collector, contributor, large):
    data, objects = noise() if large else picture(), collector.objects()
    sessions = [collector.session("contributor") for _ in range(6)]

    def work(number):
        for turn in range(12):
            if (number + turn) % 2:
                answer = sessions[number].put(f"/v1/datasets/{DEFAULT}/images/raced.png", data=data)
                assert answer.status_code in (200, 201, 409), answer.text
            else:
                for sample in sessions[number].get(SAMPLES, params={"q": "raced.png"}).json()["items"]:
                    assert sessions[number].delete(of(sample)).status_code in (204, 404)

    with ThreadPoolExecutor(len(sessions)) as pool:
        list(pool.map(work, range(len(sessions))))
    sample = put(contributor, "raced.png", data)
    assert contributor.get(f"{of(sample)}/image").content == data
    assert len(list(samples(contributor, q="raced.png"))) == 1
    assert contributor.delete(of(sample)).status_code == 204
    collector.sweep()  # of uploads that were refused, or came under another key, objects may be left
    assert collector.objects() == objects


# --- it does not come back


def test_neither_a_seed_nor_loading_in_place_brings_it_back(make_server):
    server = make_server()
    server.add_user("ann", role="admin")
    base = server.add_dataset("animals", samples=4)
    server.start()
    ann = server.session("ann")
    with followed(server, "ann"):
        assert ann.delete(of(3, "animals")).status_code == 204
    draw(base / "image3.png")  # as from a backup
    assert server.reload().returncode == 0
    server.restart()
    ann = server.session("ann")
    done = subprocess.run([SCRIPTS / "image-label-load", "--config", server.config_file, "--in-place", base, "--dataset", "animals"],
                          env=server.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    draw(base / "new.png")
    done = subprocess.run([SCRIPTS / "image-label-load", "--config", server.config_file, "--in-place", base, "--dataset", "animals"],
                          env=server.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [(sample["id"], sample["filepath"]) for sample in samples(ann, "animals")] == [
        (0, "image0.png"), (1, "image1.png"), (2, "image2.png"), (4, "new.png")]
    assert (base / "image3.png").exists()


# --- who may, and what is refused


def test_only_a_contributor_may_remove_and_only_what_is_there(collector):
    for user, status in (("viewer", 403), ("annotator", 403), ("guest", 404)):
        assert collector.session(user).delete(of(1, "seeded")).status_code == status
    contributor = collector.session("contributor")
    for sample in (99999, "x", -1, "1.0", 2**63 - 1, 2**63):
        assert_problem(contributor.delete(of(sample, "seeded")), 404, "Sample not found")
    assert_problem(contributor.delete(of(1, "seeded"), params={"now": 1}), 400, "now")
    assert_problem(contributor.delete(of(1, "nowhere")), 404)
    assert (collector.base / "1.png").exists() and contributor.get(of(1, "seeded")).status_code == 200


def test_a_lease_on_it_is_gone_for_its_holder(collector, contributor):
    annotator = collector.session("annotator")
    (task,) = annotator.post("/v1/datasets/seeded/tasks", json={"count": 1}).json()["tasks"]
    assert contributor.delete(of(task["sample"], "seeded")).status_code == 204
    address = f"/v1/datasets/seeded/tasks/{task['token']}"
    assert_problem(annotator.post(f"{address}/label", json={"label": "cat"}), 409)
    assert_problem(annotator.post(f"{address}/renew"), 409)
    assert annotator.get("/v1/datasets/seeded/tasks").json()["tasks"] == []


def test_of_a_symlink_only_the_link_is_removed(make_server, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    draw(elsewhere / "target.png")
    draw(elsewhere / "below.png")
    server = make_server(config={"image_roots": [str(elsewhere)]})
    server.add_user("ann", role="admin")
    base = server.add_dataset("links", samples=["link.png", "folder/below.png", "../outside.png", "missing.png", "down"])
    outside = draw(base.parent / "outside.png")
    (base / "link.png").symlink_to(elsewhere / "target.png")
    (base / "folder").symlink_to(elsewhere)
    (base / "down").mkdir()
    ann = server.start().session("ann")
    assert ann.get("/images/links/link.png").status_code == 200
    assert ann.delete(of(0, "links")).status_code == 204
    assert not (base / "link.png").is_symlink() and (elsewhere / "target.png").exists()
    assert ann.get("/images/links/link.png").status_code == 404
    assert_problem(ann.delete(of(1, "links")), 409, "outside the dataset's folder")
    assert ann.get(of(1, "links")).status_code == 200 and (elsewhere / "below.png").exists()
    (elsewhere / "below.png").unlink()
    for sample in (1, 2, 3, 4):  # nothing of which is an image that may be seen
        assert ann.delete(of(sample, "links")).status_code == 204
    assert outside.exists() and (base / "down").is_dir()


def test_where_the_folder_may_not_be_written_nothing_changes(make_server):
    server = make_server()
    server.add_user("ann", role="admin")
    base = server.add_dataset("fixed")
    ann = server.start().session("ann")
    thumb = ann.get(f"{of(1, 'fixed')}/thumb")
    with unwritable(base):
        answer = ann.delete(of(1, "fixed"))
        assert_problem(answer, 409, str(base))
        assert "image1.png" in answer.json()["detail"] and "try again" in answer.json()["detail"]
        assert ann.get(of(1, "fixed")).status_code == ann.get("/images/fixed/image1.png").status_code == 200
        assert ann.get(f"{of(1, 'fixed')}/thumb").content == thumb.content
        assert ann.post("/size", json={"dataset_name": "fixed"}).json()["size"] == 3
    assert ann.delete(of(1, "fixed")).status_code == 204
    assert not (base / "image1.png").exists()


# --- what is interrupted


@contextlib.contextmanager
def followed(server, admin="admin"):
    """After the body, which removes something: with MongoDB, where every machine looks for what was removed through
    others, this one has looked. It notes when it did only if it found something, so something else is removed, too."""
    yield
    if "dataset_store" not in server.config and "MONGODB_CONN_STRING" not in server.env:
        return
    after, session = time.time() * 1e6, server.session(admin)
    session.post("/v1/datasets", json={"name": "marks"})
    assert session.delete(of(put(session, "mark.png", picture(), "marks"), "marks")).status_code == 204
    mark = server.state / "removals"
    until(lambda: mark.exists() and int(mark.read_text()) > after, "it has looked")


def make_due(server, dataset, sample):
    """What a crash leaves between the removal and that of the image: its tombstone is due."""
    if "MONGODB_CONN_STRING" in server.variables:
        with pymongo.MongoClient(server.variables["MONGODB_CONN_STRING"]) as client:
            found = client[server.variables["DATABASE_NAME"]].removed.update_one({"dataset": dataset, "id": sample}, {"$set": {"due": True}})
            assert found.matched_count == 1
        return
    with contextlib.closing(sqlite3.connect(server.databases / f"{dataset}.db")) as database, database:
        assert database.execute("UPDATE removed SET due = 1 WHERE id = ?", (sample + 1,)).rowcount == 1


@pytest.mark.parametrize("again", ["reload", "ask"])
def test_an_interrupted_removal_goes_on_at_a_reload_or_when_it_is_asked_for_again(collector, contributor, again):
    number = 10 if again == "reload" else 11
    path, data = collector.base / f"{number}.png", (collector.base / f"{number}.png").read_bytes()
    with followed(collector):
        assert contributor.delete(of(number, "seeded")).status_code == 204
    path.write_bytes(data)  # as if it had not come to this
    make_due(collector, "seeded", number)
    if again == "reload":
        done = collector.reload()
        assert done.returncode == 0 and "removed images" not in done.stderr, done.stderr
    else:
        assert contributor.delete(of(number, "seeded")).status_code == 204
    assert not path.exists()
    assert_problem(contributor.delete(of(number, "seeded")), 404)
    path.write_bytes(data)  # once it is done, what lies there is no business of ours
    assert collector.reload().returncode == 0
    assert path.exists()


@pytest.mark.on("fs")
def test_what_cannot_be_removed_is_said_and_asked_for_again(collector, contributor):
    sample = put(contributor, "stuck.png", picture())
    (key,) = [path for path in collector.store.rglob("*.png") if path.read_bytes() == contributor.get(f"{of(sample)}/image").content]
    with unwritable(key.parent):
        answer = contributor.delete(of(sample))
        assert answer.status_code >= 500 and "its image is not yet" in answer.json()["detail"], answer.text
        assert contributor.get(of(sample)).status_code == 404
    assert contributor.delete(of(sample)).status_code == 204
    assert not key.exists()
    assert_problem(contributor.delete(of(sample)), 404)


@pytest.mark.on("fs")
def test_removing_a_dataset_removes_what_is_left_of_interrupted_removals(collector):
    admin, before = collector.session("admin"), collector.objects()
    assert admin.post("/v1/datasets", json={"name": "short"}).status_code == 201
    sample = put(admin, "a.png", picture(), "short")
    (key,) = collector.objects() - before
    path = next(tree for tree in (collector.store / "public" / key, collector.store / "private" / key) if tree.exists())
    data = path.read_bytes()
    assert admin.delete(of(sample, "short")).status_code == 204
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    make_due(collector, "short", sample["id"])
    assert admin.delete("/v1/datasets/short").status_code == 204
    assert collector.objects() == before


# --- several machines


@pytest.mark.on("mongo")
def test_on_another_machine_it_is_gone_as_well(make_shared_server, stores):
    config = stores.config()
    first, second = make_shared_server(config), make_shared_server(config)
    first.add_user("ann", role="admin")
    base = first.add_dataset("cats", samples=["a.png", "b.png"])
    for name in ("a.png", "b.png"):
        draw(base / name, size=(640, 480))
    first.start()
    second.passwords = first.passwords
    second.start()
    ann, there = first.session("ann"), second.session("ann")
    until(lambda: there.get(f"{of(0, 'cats')}/thumb").status_code == 200 and kept(second), "the thumbnail is kept there")
    assert there.get("/images/cats/a.png").status_code == 200
    assert ann.delete(of(0, "cats")).status_code == 204
    assert there.get(f"{of(0, 'cats')}/thumb").status_code == 404
    assert there.get("/images/cats/a.png").status_code == 404
    until(lambda: not kept(second), "the thumbnail is removed from the other machine")
    assert removals(second, "cats", "ann") == removals(first, "cats", "ann") == [("ann", "0", "a.png")]
    # One that is down meanwhile removes it when it starts.
    until(lambda: there.get(f"{of(1, 'cats')}/thumb").status_code == 200 and kept(second), "the other one is kept there")
    assert second.command("stop").returncode == 0
    assert ann.delete(of(1, "cats")).status_code == 204
    assert kept(second)
    draw(base / "b.png")  # as in a copy of the folder that the other machine has
    second.start()
    assert not kept(second)
    until(lambda: not (base / "b.png").exists(), "the copy is removed, too")
