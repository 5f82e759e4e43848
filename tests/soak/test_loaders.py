"""Exports of 10,000 images with hostile names, read back by the loaders that others wrote, from PyPI: each image has the same bytes and
label. torchvision's ImageFolder needs torch, which is too large for this: its rules are followed here by hand (folders sorted by name,
endings that it knows). SageMaker's manifests, which have no loader of their own, are read by its documentation's rules."""
import hashlib
import itertools
import json
import os
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
import services
from collecting import Collector, Stores, picture, samples
from harness import SCRIPTS, Server, draw

HERE = Path(__file__).resolve().parent
LABELS = ["zebra", "a/b", "..", "50% off", "ünï cödé", "=cmd", 'quo"te', "comma, semi;", "empty", "y" * 256, "-1", " space", "CON", "a.b.", "zebrA"]
USED = [label for label in LABELS if label != "empty"]
DEEP = "/".join(["d" * 200] * 15)  # with a folder before it and a file's name behind it still a path that Linux can open
NAMES = ["=cmd{}.png", "a.1.{}.jpg", "UP{}.JPG", "g{}.gif", 'quo"te{}.png', "new\nline{}.png", "comma,{}.png", "s/u/b{}.webp", "l" * 240 + "{}.png",
         "-rf {}.png", "ünï cödé {}.jpeg", "{}", ".hidden{}", "tab\t{}.png", "+1 {}.png", "@a{}.png", "50%41 {}.png", "back\\slash{}.png",
         "?a=1&b=2#{}.png", "~{} ", "'{}'.png", "{{}}{}.tar.gz", DEEP + "/{}.png"]  # fmt: skip
LONGEST = "/".join(["e" * 250] * 16)  # 4,015 bytes, to be filled up to the limit: only what is not in a folder may be called so
FILEPATH_MAX = 4096
KINDS = ["PNG", "JPEG", "GIF", "WEBP"]  # whatever the name ends with
IMAGES = 10_000
AT_ONCE = 4  # requests
STORES = [("sqlite", "fs"), ("mongo", "s3")]  # each holds images in a folder and uploaded ones
TORCHVISION = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


class Given(NamedTuple):
    label: str
    sha256: str


def images(count):
    """(filepath, label, bytes) of so many."""
    for number, name, kind, label in zip(range(count), itertools.cycle(NAMES), itertools.cycle(KINDS), itertools.cycle(USED)):
        yield name.format(number), label, picture(kind)


def fill(collector):
    """A dataset, half of which lies in a folder, and half of which was uploaded; returns what is to be found of it, by filepath."""
    in_place = list(images(IMAGES // 2))
    folder = collector.add_dataset("hostile", LABELS, [(filepath, label) for filepath, label, _ in in_place])
    for filepath, _, data in in_place:
        (folder / filepath).parent.mkdir(parents=True, exist_ok=True)
        (folder / filepath).write_bytes(data)
    collector.add_dataset("single", ["only"], [("x.png", "only")])
    draw(collector.images / "single" / "x.png")
    collector.start()
    shown = lambda filepath: "".join(character for character in filepath if character.isprintable())  # others are refused
    sent = [("sent/" + shown(filepath), label, data) for filepath, label, data in images(IMAGES // 2 - 1)]
    sent.append((LONGEST + "/" + "f" * (FILEPATH_MAX - len(LONGEST) - 1), "zebra", picture("PNG")))
    session = collector.session("contributor")

    def send(image):
        filepath, label, data = image
        answer = session.put(f"/v1/datasets/hostile/images/{quote(filepath)}", data=data, params={"label": label})
        assert answer.status_code == 201, (filepath, answer.text)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(send, sent))
    return {filepath: Given(label, hashlib.sha256(data).hexdigest()) for filepath, label, data in in_place + sent}


@pytest.fixture(scope="module", params=STORES, ids="-".join)
def collector(request, tmp_path_factory):
    stores = Stores()
    with pytest.MonkeyPatch.context() as patch, stores.running:
        patch.setattr("collecting.DATASET", request.param[0])
        patch.setattr("collecting.BLOB", request.param[1])
        collector = Collector(tmp_path_factory.mktemp("c"), stores.environment())
        try:
            collector.given = fill(collector)
            collector.expected = {image.sha256: image.label for image in collector.given.values()}
            assert len(collector.expected) == len(collector.given) == IMAGES
            yield collector
        finally:
            collector.stop()


@pytest.fixture
def fetch(collector, tmp_path):
    def fetch(form, *more, dataset="hostile"):
        words = [SCRIPTS / "image-label-export", "-u", "viewer", "-d", dataset, "-b", collector.url, "--format", form, *more, tmp_path / "out"]
        done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "IMAGE_LABEL_PASSWORD": "secret"})
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.splitlines()[-1])

    return fetch


@pytest.fixture
def load(tmp_path):
    python = services.venv("loaders")

    def load(loader, path):
        environment = {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "CROISSANT_CACHE": str(tmp_path / "croissant"),
                       "CROISSANT_BASIC_AUTH_USERNAME": "viewer", "CROISSANT_BASIC_AUTH_PASSWORD": "secret"}  # fmt: skip
        done = subprocess.run([python, HERE / "loaders.py", loader, path], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return load


def unpack(archive):
    folder = archive.with_suffix("")
    zipfile.ZipFile(archive).extractall(folder)
    return folder


def digest(data):
    return hashlib.sha256(data).hexdigest()


def digests(collector, addresses):
    """Of the images to which these addresses lead."""
    session = collector.session("viewer")

    def fetched(address):
        answer = session.get(address)
        assert answer.status_code == 200, (address, answer.text)
        return digest(answer.content)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(fetched, addresses))


def labels(collector):
    """Those to be found, by filepath."""
    return {filepath: image.label for filepath, image in collector.given.items()}


def test_pandas_reads_csv(fetch, load, collector):
    rows = load("csv", fetch("csv"))
    guarded = lambda text: "'" + text if text[0] in "=+-@\t\r" else text
    assert len(rows) == IMAGES
    by_cell = {guarded(filepath): filepath for filepath in collector.given}
    assert {by_cell[cell]: label for cell, label in rows} == {filepath: guarded(label) for filepath, label in labels(collector).items()}
    filepaths = [by_cell[cell] for cell, _ in rows]
    found = digests(collector, ["/images/hostile/" + quote(filepath) for filepath in filepaths])
    assert found == [collector.given[filepath].sha256 for filepath in filepaths]


def test_pandas_reads_jsonl(fetch, load, collector):
    rows = load("jsonl", fetch("jsonl"))
    assert {row["filepath"]: row["label"] for row in rows} == labels(collector) and len(rows) == IMAGES
    assert digests(collector, [row["image_url"] for row in rows]) == [collector.given[row["filepath"]].sha256 for row in rows]
    told = [row for row in rows if row["sha256"]]
    assert len(told) >= IMAGES // 2 and all(row["sha256"] == collector.given[row["filepath"]].sha256 for row in told)


def test_another_server_takes_json_as_a_seed(fetch, collector, tmp_path):
    server = Server(tmp_path / "seeded")
    server.add_user("ann")
    seed = json.loads(fetch("json").read_text())
    (server.seeds / "hostile.json").write_text(json.dumps(seed))
    with server.start():
        there = list(samples(server.session("ann"), "hostile"))
    assert {sample["filepath"]: sample["label"] for sample in there} == labels(collector)
    in_place = [sample["filepath"] for sample in there if not sample["filepath"].startswith(("sent/", "e"))]
    assert len(in_place) == IMAGES // 2
    for filepath in in_place:
        assert digest((Path(seed["base_dir"]) / filepath).read_bytes()) == collector.given[filepath].sha256


def test_the_rules_of_sagemaker(fetch, collector):
    rows = [json.loads(line) for line in fetch("sagemaker").read_text().splitlines()]
    shas = digests(collector, [row["source-ref"] for row in rows])
    assert len(rows) == IMAGES
    assert {sha: row["class-metadata"]["class-name"] for sha, row in zip(shas, rows)} == collector.expected
    assert all(row["class-metadata"]["class-map"] == {str(row["class"]): row["class-metadata"]["class-name"]} for row in rows)


def test_huggingface_unpacked(fetch, load, collector):
    parts = load("huggingface", unpack(fetch("huggingface", "--split", "80,10,10")))
    assert set(parts) == {"train", "validation", "test"}
    assert {sha: label for rows in parts.values() for sha, label in rows} == collector.expected
    assert sum(map(len, parts.values())) == IMAGES


def test_huggingface_as_it_is_and_with_one_class(fetch, load, collector):
    assert dict(load("huggingface", fetch("huggingface"))["train"]) == collector.expected
    ((_, label),) = load("huggingface", fetch("huggingface", dataset="single"))["train"]
    assert label == "only"


def test_webdataset(fetch, load, collector):
    index = fetch("webdataset")
    rows = load("webdataset", index.parent)
    assert {sha: label for sha, label, _ in rows} == collector.expected and len(rows) == len(collector.expected)
    assert all(number == LABELS.index(label) for _, label, number in rows)


def test_croissant(fetch, load, collector):
    records = load("croissant", fetch("croissant", "--split", "80,10,10"))
    assert {record["sha256"]: record["label"] for record in records} == collector.expected
    assert {record["filepath"]: record["label"] for record in records} == labels(collector)
    assert {record["split"] for record in records} == {"train", "val", "test"}


def test_labelstudio(fetch, load, collector):
    rows = load("labelstudio", fetch("labelstudio"))
    assert {filepath: label for filepath, label, _ in rows} == labels(collector) and len(rows) == IMAGES
    assert digests(collector, [address for _, _, address in rows]) == [collector.given[filepath].sha256 for filepath, _, _ in rows]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_the_rules_of_imagefolder(fetch, collector, kind, tmp_path):
    archive = fetch("classfolders", "--as", kind)
    folder = tmp_path / "unpacked"
    folder.mkdir()
    subprocess.run(["tar", "xf", archive] if kind == "tar" else ["unzip", "-q", archive], cwd=folder, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())  # torchvision's find_classes
    names = (folder / "classes.txt").read_text().splitlines()
    found = {}
    for index, name in enumerate(classes):
        files = [path for path in sorted((folder / name).rglob("*")) if path.name.lower().endswith(TORCHVISION)]
        assert files, f"{name} would be refused"
        for path in (folder / name).iterdir():
            found[digest(path.read_bytes())] = names[index]
    assert found == collector.expected
