"""A database and a bucket filled by the older collecting system go on working here as they are."""
import datetime
import json
import sqlite3

import pymongo
import pytest
import requests
from bare import Bare
from collecting import bucket_client, picture, samples

pytestmark = pytest.mark.on("mongo", "s3")
LONG_AGO = datetime.datetime(2024, 1, 2, 3, 4, 5, 678000)
FOREIGN = "https://images.example.org/cat.jpeg"


class Older:
    """What it leaves: a labels document under an _id of MongoDB's, a document an image, objects anyone may read."""

    def __init__(self, variables):
        self.variables = variables
        self.s3 = bucket_client(variables)
        self.database = pymongo.MongoClient(variables["MONGODB_CONN_STRING"])[variables["DATABASE_NAME"]]
        self.dataset = variables["DATABASE_NAME"]
        self.data = {}
        self.labels = {"0": "accordion", "1": "airplanes", "5": "Faces easy"}
        self.database.labels.insert_one(dict(self.labels))
        self.put("backup/notes.txt", b"no image")

    def put(self, key, data):
        self.s3.put_object(Bucket=self.variables["AWS_BUCKET_NAME"], Key=key, Body=data, ACL="public-read", ContentType="image/jpeg")

    def url(self, key):
        return f"{self.variables['AWS_ENDPOINT_URL']}/{self.variables['AWS_BUCKET_NAME']}/{key}"

    def add(self, key, label, url=None, store=True, **more):
        self.data[key] = picture("JPEG", (64, 48))
        if store:
            self.put(key, self.data[key])
        document = {"Image URL": url or self.url(key), "Label": label, "Timestamp": LONG_AGO, **more}
        self.database.images.insert_one(document)
        return document

    def documents(self):
        return {document["_id"]: document for document in self.database.images.find()}


@pytest.fixture
def older(stores):
    return Older(stores.environment())


@pytest.fixture
def serve(tmp_path, older):
    from conftest import finish

    server = Bare(tmp_path / "server", older.variables)
    server.add_user("ann", role="admin")
    yield server
    finish([server])


def test_its_labels_are_there_under_their_keys_and_the_next_one_gets_the_next_key(older, serve):
    theirs = older.database.labels.find_one({"_id": {"$type": "objectId"}})
    ann = serve.start().session("ann")
    assert ann.get("/fetch").json() == {"Status": "Success", "Response": older.labels}
    assert ann.post("/add_label/airplanes").json()["S3-Response"] == {"Created": False, "Path": "images/airplanes/", "Key": "1"}
    assert ann.post("/add_label/brain").json()["S3-Response"] == {"Created": True, "Path": "images/brain/", "Key": "6"}
    assert older.database.labels.find_one() == {"_id": older.dataset, **older.labels, "6": "brain"}
    assert older.database.labels.find_one({"_id": theirs["_id"]}) == theirs


def test_labels_that_it_goes_on_to_add_are_ours_too(older, serve):
    """As its own program does: the first document, and one more than its last key."""
    ann = serve.start().session("ann")
    first = older.database.labels.find_one()
    last = [int(key) for key in list(first)[1:]][-1]
    older.database.labels.update_one({"_id": first["_id"]}, {"$set": {str(last + 1): "beaver"}})
    assert ann.get("/fetch").json()["Response"] == {**older.labels, "6": "beaver"}
    assert ann.post("/add_label/crab").json()["S3-Response"]["Key"] == "7"
    told = ann.post("/single_upload/?label=beaver", files={"file": ("a.png", picture())}).json()
    assert told["label"] == "beaver" and ann.get("/fetch").json()["Response"] == {**older.labels, "6": "beaver", "7": "crab"}


def test_a_label_that_it_has_twice_keeps_both_keys(older, request):
    older.database.labels.update_one({}, {"$set": {"6": "airplanes", "7": "", "x": "other", "8": 5, "9": "a\nb"}})
    ann = request.getfixturevalue("serve").start().session("ann")
    assert ann.get("/fetch").json()["Response"] == {**older.labels, "6": "airplanes"}
    told = [ann.post(f"/single_upload/?label={key}", files={"file": ("a.png", picture())}).json() for key in ("1", "6", "airplanes")]
    assert [file["label"] for file in told] == ["airplanes"] * 3
    labels = ann.get(f"/v1/datasets/{older.dataset}").json()["labels"]
    assert sum(label["count"] for label in labels) == 3


def test_its_images_are_samples_and_their_documents_keep_all_they_had(older, serve):
    theirs = [older.add("images/accordion/1b0c.jpeg", "accordion", note="kept"), older.add("images/Faces easy/a+b %.jpg", "Faces easy",
              url=older.url("images/Faces%20easy/a+b%20%25.jpg"))]
    done = serve.command("start")
    assert "2 images of the older collecting system taken over" in done.stdout, done.stderr
    serve.stop()
    ann = serve.start().session("ann")
    listed = {sample["filepath"]: sample for sample in samples(ann, older.dataset)}
    assert set(listed) == set(older.data)
    for key, sample in listed.items():
        assert requests.get(sample["image_url"], timeout=30).content == older.data[key]
        assert ann.get(f"/v1/datasets/{older.dataset}/samples/{sample['id']}/image").content == older.data[key]
        assert ann.get(sample["thumb_url"]).status_code == 200
        assert (sample["state"], sample["type"], sample["uploaded_at"]) == ("labelled", "image/jpeg", "2024-01-02T03:04:05.678Z")
        assert ann.post("/obtain", json={"dataset_name": older.dataset, "id": sample["id"]}).content == older.data[key]
        (event,) = ann.get(f"/v1/datasets/{older.dataset}/samples/{sample['id']}/history").json()["items"]
        assert (event["label"], event["source"]) == (sample["label"], "seed")
    documents = older.documents()
    for document in theirs:
        assert document.items() <= documents[document["_id"]].items()
    told = ann.get(f"/v1/datasets/{older.dataset}").json()
    assert {label["name"]: label["count"] for label in told["labels"]} == {"accordion": 1, "airplanes": 0, "Faces easy": 1}
    assert (told["size"], told["counts"]["labelled"]) == (2, 2)


def test_none_of_its_images_is_passed_over_where_a_transaction_has_to_be_run_again(older, serve):
    count = 2000  # several transactions
    older.database.images.insert_many({"Image URL": older.url(f"images/accordion/{i}.jpeg"), "Label": "accordion"} for i in range(count))
    admin = older.database.client.admin
    admin.command("configureFailPoint", "failCommand", mode={"activationProbability": 0.6}, data={
        "failCommands": ["commitTransaction"], "errorCode": 251, "errorLabels": ["TransientTransactionError"]})
    try:
        done = serve.command("start")
    finally:
        admin.command("configureFailPoint", "failCommand", mode="off")
    assert f"{count} images of the older collecting system taken over" in done.stdout, done.stderr


def test_its_images_are_labelled_and_relabelled(older, serve):
    without, wrong = older.add("images/unknown/1.png", ""), older.add("images/accordion/2.jpeg", "accordion")
    ann = serve.start().session("ann")
    answer = ann.post("/obtain", json={"dataset_name": older.dataset})
    assert answer.content == older.data["images/unknown/1.png"]
    for path, document in (("images/unknown/1.png", without), ("images/accordion/2.jpeg", wrong)):
        wanted = {"dataset_name": older.dataset, "base_dir": "", "filepath": path, "label": "airplanes"}
        assert ann.post("/classify", json=wanted).json() == {"response": True}
        assert older.database.images.find_one({"_id": document["_id"]})["Label"] == "airplanes"


def test_uploads_are_added_to_its_images(older, serve):
    older.add("images/accordion/1.jpeg", "accordion")
    ann, data = serve.start().session("ann"), picture("JPEG")
    told = ann.post("/single_upload/", params={"label": "0"}, files={"file": ("a.jpg", data)}).json()
    assert requests.get(told["Image URL"], timeout=30).content == data
    assert [document["Label"] for document in older.database.images.find()] == ["accordion", "accordion"]
    assert told["id"] == 1 and ann.get(f"/v1/datasets/{older.dataset}").json()["size"] == 2


def test_a_label_that_only_its_images_have_is_added(older, serve):
    older.add("images/zebra/1.jpeg", "zebra")
    assert serve.start().session("ann").get("/fetch").json()["Response"] == {**older.labels, "6": "zebra"}


def test_what_is_not_in_the_bucket_or_no_image_or_private_to_another_dataset_is_left_as_it_is(older, serve):
    older.add("images/accordion/1.jpeg", "accordion")
    left = [
        older.add("a", "accordion", url=FOREIGN, store=False),
        older.add("b", "accordion", url=older.url("images/accordion/1.jpeg"), store=False),  # a second time
        older.add("backup/notes.txt", "accordion"),
        older.add("datasets/secret/images/cat/1.jpeg", "accordion"),
        older.add("images/../../x.jpeg", "accordion", store=False),
        older.add("images/accordion/3.jpeg", "a\nb"),
    ]
    older.database.images.insert_one({"Image URL": 5, "Label": "accordion"})
    older.database.images.insert_one({"other": "thing"})
    before = older.documents()
    done = serve.command("start")
    assert done.returncode == 0 and "6 documents in the collection images are left as they are" in done.stderr, done.stderr
    serve.stop()
    serve.start()
    after = older.documents()
    assert [after[document["_id"]] for document in left] == left
    assert len([_id for _id, document in after.items() if document != before[_id]]) == 1
    assert [sample["filepath"] for sample in samples(serve.session("ann"), older.dataset)] == ["images/accordion/1.jpeg"]
    keys = {item["Key"] for item in older.s3.list_objects_v2(Bucket=older.variables["AWS_BUCKET_NAME"])["Contents"]}
    assert {"backup/notes.txt", "images/accordion/1.jpeg"} <= keys


def test_what_it_adds_while_both_run_is_taken_over_by_a_reload(older, serve):
    ann = serve.start().session("ann")
    for number in range(3):
        older.add(f"images/accordion/{number}.jpeg", "accordion")
    assert serve.reload().returncode == 0
    assert ann.get(f"/v1/datasets/{older.dataset}").json()["size"] == 3
    assert serve.reload().returncode == 0
    assert ann.get(f"/v1/datasets/{older.dataset}").json()["size"] == 3


def test_one_that_was_removed_does_not_come_back(older, serve):
    for number in range(2):
        older.add(f"images/accordion/{number}.jpeg", "accordion")
    ann = serve.start().session("ann")
    gone, stays = sorted(samples(ann, older.dataset), key=lambda sample: sample["filepath"])
    assert ann.delete(f"/v1/datasets/{older.dataset}/samples/{gone['id']}").status_code == 204
    assert [document["Image URL"] for document in older.documents().values()] == [older.url("images/accordion/1.jpeg")]
    assert requests.get(older.url("images/accordion/0.jpeg"), timeout=30).status_code in (403, 404)
    older.add("images/accordion/0.jpeg", "accordion")
    assert serve.reload().returncode == 0
    assert [sample["id"] for sample in samples(ann, older.dataset)] == [stays["id"]]
    assert len(older.documents()) == 2  # the one that it added again is not ours


def test_many_are_taken_over_in_one_start(older, serve):
    older.database.images.insert_many(
        [{"Image URL": older.url(f"images/x/{number}.jpeg"), "Label": "accordion", "Timestamp": LONG_AGO} for number in range(1700)])
    assert serve.start().session("ann").get(f"/v1/datasets/{older.dataset}").json()["counts"]["labelled"] == 1700
    assert len({sample["id"] for sample in samples(serve.session("ann"), older.dataset)}) == 1700


def test_an_image_that_is_gone_from_the_bucket_is_passed_over_and_marked(older, serve):
    older.add("images/gone/1.jpeg", "", store=False)
    older.add("images/there/1.jpeg", "")
    ann = serve.start().session("ann")
    answer = ann.post("/obtain", json={"dataset_name": older.dataset})
    assert (answer.status_code, answer.content) == (200, older.data["images/there/1.jpeg"])
    assert answer.headers["Content-Type"] == "image/jpeg" and "there/1.jpeg" in answer.headers["X-Response-Json"]
    gone = ann.post("/obtain", json={"dataset_name": older.dataset, "id": 0})
    assert (gone.status_code, gone.json()["message"]) == (404, "Image file not found")
    assert ann.get(f"/v1/datasets/{older.dataset}/samples/0").json()["state"] == "unreadable"
    assert ann.get(f"/v1/datasets/{older.dataset}/samples/0/thumb").json()["message"] == "Image file not found"
    older.put("images/gone/1.jpeg", older.data["images/gone/1.jpeg"])
    assert serve.reload().returncode == 0
    assert ann.get(f"/v1/datasets/{older.dataset}/samples/0").json()["state"] == "unlabelled"


def test_making_the_dataset_private_hides_its_images_too(older, serve):
    document = older.add("images/accordion/1.jpeg", "accordion")
    ann = serve.start().session("ann")
    address = f"/v1/datasets/{older.dataset}"
    for public, status in ((False, 403), (True, 200)):
        assert ann.patch(address, json={"policy": {"public": public}}).status_code == 200
        assert requests.get(document["Image URL"], timeout=30).status_code == status
        assert older.database.images.find_one()["Image URL"] == (document["Image URL"] if public else "")
        seen = requests.get(ann.get(address + "/samples/0").json()["image_url"], timeout=30)
        assert seen.content == older.data["images/accordion/1.jpeg"]


def test_its_images_move_to_another_store_like_all(older, serve, tmp_path):
    for number in range(3):
        older.add(f"images/accordion/{number}.jpeg", "accordion")
    serve.start()
    serve.stop()
    there, here = tmp_path / "cluster.json", tmp_path / "one.json"
    variables = older.variables
    there.write_text(json.dumps({
        "dataset_store": {"type": "mongodb", "uri": variables["MONGODB_CONN_STRING"], "database": older.dataset},
        "image_store": {"type": "s3", "endpoint": variables["AWS_ENDPOINT_URL"], "region": variables["AWS_REGION"],
                        "bucket": variables["AWS_BUCKET_NAME"]}}))  # fmt: skip
    here.write_text(json.dumps({"sqlite_db_dir": "dbs", "image_store": {"dir": "images"}, "default_dataset": older.dataset}))
    done = serve.script("image-label-migrate", "--from", there, "--to", here, "--dataset", older.dataset)
    assert done.returncode == 0, done.stdout + done.stderr
    moved = {str(path.relative_to(tmp_path / "images" / "public")): path.read_bytes() for path in (tmp_path / "images").rglob("*.jpeg")}
    assert moved == older.data
    with sqlite3.connect(tmp_path / "dbs" / f"{older.dataset}.db") as database:
        assert database.execute("SELECT label, count(*) FROM samples GROUP BY label").fetchall() == [("accordion", 3)]
