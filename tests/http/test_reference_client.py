"""The calls of the older system's Python client and exporter, one by one."""
import csv
import io
import json
import sqlite3
import subprocess

import pytest
import requests
from harness import SCRIPTS
from PIL import Image
from requests.auth import HTTPBasicAuth

LABELS = ["tabby", "sphynx", "ñ 猫", 'with "quotes", and more']


@pytest.fixture(scope="module")
def server(make_shared_server):
    server = make_shared_server()
    server.add_user("ann")
    base = server.add_dataset("cats", labels=LABELS, samples=["a.png", "sub/b c.jpg", "ñ 猫.bmp"])
    for number, name in enumerate(["a.png", "sub/b c.jpg", "ñ 猫.bmp"]):
        (base / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (10 + number, 20), (number, 0, 0)).save(base / name)
    return server.start()


class Client:
    """Calls as that client makes them: a connection each, the body by json=, the password by HTTPBasicAuth."""

    def __init__(self, server, password="secret"):
        self.url = server.url
        self.auth = HTTPBasicAuth("ann", password)

    def post(self, path, body):
        return requests.post(f"{self.url}{path}", json=body, auth=self.auth, timeout=60)

    def size(self, dataset):
        return self.post("/size", {"dataset_name": dataset}).json()

    def obtain(self, dataset, number):
        answer = self.post("/obtain", {"dataset_name": dataset, "id": number})
        if answer.status_code != 200:
            return None, None
        return Image.open(io.BytesIO(answer.content)), json.loads(answer.headers.get("X-Response-Json"))

    def classify(self, dataset, base_dir, filepath, label):
        return self.post("/classify", {"dataset_name": dataset, "base_dir": base_dir, "filepath": filepath, "label": label}).json()


@pytest.fixture
def client(server):
    return Client(server)


def export(path):
    """What that exporter writes: the CSV's text and the JSON beside it."""
    database = sqlite3.connect(path)
    samples = database.execute("SELECT filepath, label FROM samples").fetchall()
    metadata = database.execute("SELECT * FROM metadata").fetchone()
    labels = [row[0] for row in database.execute("SELECT label FROM labels").fetchall()]
    database.close()
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(["filepath", "label"])
    writer.writerows(samples)
    return table.getvalue(), {"dataset_name": metadata[0], "base_dir": metadata[1], "labels": labels}


def test_it_asks_for_the_size(client):
    assert client.size("cats") == {"dataset_name": "cats", "size": 3}
    assert client.size("dogs") == {"message": "Database not found"}


def test_it_obtains_an_image_by_its_id(server, client):
    image, told = client.obtain("cats", 1)
    assert (image.format, image.size) == ("JPEG", (11, 20))
    assert told == {"dataset_name": "cats", "base_dir": str(server.images / "cats"), "filepath": "sub/b c.jpg", "labels": LABELS}
    assert client.obtain("cats", 3) == (None, None)


def test_it_asks_for_the_next_one_by_minus_one(client):
    image, told = client.obtain("cats", -1)
    assert (image.format, told["filepath"]) == ("PNG", "a.png")


def test_it_classifies_all_there_is(server, client):
    given = []
    while (sample := client.obtain("cats", -1)) != (None, None):
        image, told = sample
        image.load()
        assert len(given) < 3
        label = LABELS[1 + len(given)]
        assert client.classify(told["dataset_name"], told["base_dir"], told["filepath"], label) == {"response": True}
        given.append((told["filepath"], label))
    assert [filepath for filepath, _ in given] == ["a.png", "sub/b c.jpg", "ñ 猫.bmp"]

    # … and the exporter reads it, while the server runs.
    table, told = export(server.databases / "cats.db")
    assert list(csv.reader(io.StringIO(table, newline=""))) == [["filepath", "label"], *(list(pair) for pair in given)]
    assert told == {"dataset_name": "cats", "base_dir": str(server.images / "cats"), "labels": LABELS}


def test_what_is_wrong_is_false(server, client):
    base_dir = str(server.images / "cats")
    for wrong in (("cats", base_dir, "a.png", "manx"), ("cats", base_dir, "z.png", "tabby"), ("dogs", base_dir, "a.png", "tabby")):
        assert client.classify(*wrong) == {"response": False}


def test_a_wrong_password_is_told_as_json(server):
    stranger = Client(server, "wrong")
    assert stranger.size("cats") == {"message": "Authentication failed"}
    assert stranger.obtain("cats", 0) == (None, None)


def test_our_exporter_writes_what_the_older_one_does(server, tmp_path):
    table, told = export(server.databases / "cats.db")
    done = subprocess.run([SCRIPTS / "image-label-export-csv", "-i", server.databases / "cats.db", "-o", tmp_path / "cats.csv"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cats.csv").read_bytes() == table.encode()
    assert json.loads((tmp_path / "cats.csv.json").read_text()) == told
