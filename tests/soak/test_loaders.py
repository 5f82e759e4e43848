"""Exports read back by the loaders that others wrote, from PyPI: each image has the same bytes and label. torchvision's ImageFolder
needs torch, which is too large for this: its rules are followed here by hand (folders sorted by name, endings that it knows)."""
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "http"))
from collecting import Collector, picture  # noqa: E402
from harness import SCRIPTS, TOP, draw  # noqa: E402

HERE = Path(__file__).resolve().parent
VENV = TOP / "build" / "loaders"
LABELS = ["zebra", "a/b", "..", "50% off", "ünï cödé", "=cmd", 'quo"te', "comma, \t", "empty", "y" * 256]
LABELS[7] = "comma, semi;"
NAMES = ["=cmd{}.png", "a.1.{}.jpg", "UP{}.JPG", "g{}.gif", 'quo"te{}.png', "new\nline{}.png", "comma,{}.png", "../../up{}.png", "s/u/b{}.webp", "l" * 180 + "{}.png"]
IMAGES = 1000
TORCHVISION = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


@pytest.fixture(scope="module")
def python():
    """That of a venv with the loaders, made once."""
    wanted = (HERE / "loaders.txt").read_text()
    if not (VENV / "made").exists() or (VENV / "made").read_text() != wanted:
        made = [[sys.executable, "-m", "venv", "--clear", VENV], [VENV / "bin" / "pip", "install", "-q", "-r", HERE / "loaders.txt"]]
        if any(subprocess.run(words).returncode for words in made):
            pytest.skip("the loaders cannot be had from PyPI")
        (VENV / "made").write_text(wanted)
    return VENV / "bin" / "python"


@pytest.fixture(scope="module")
def collector(tmp_path_factory):
    """Images in a folder, and uploaded ones."""
    collector = Collector(tmp_path_factory.mktemp("collector"), {})
    used = [label for label in LABELS if label != "empty"]
    seeded = [(NAMES[number % len(NAMES)].format(number), used[number % len(used)]) for number in range(IMAGES)]
    folder = collector.add_dataset("hostile", LABELS, [pair for pair in seeded if not pair[0].startswith("..")])
    expected = {}
    for number, (filepath, label) in enumerate(seeded):
        if not filepath.startswith(".."):
            file = draw(folder / filepath, (number % 256, 7, 7), (16 + number % 40, 16 + number // 40))
            expected[hashlib.sha256(file.read_bytes()).hexdigest()] = label
    collector.add_dataset("single", ["only"], [("x.png", "only")])
    draw(collector.images / "single" / "x.png")
    try:
        collector.start()
        contributor = collector.session("contributor")
        for number in range(50):
            data = picture("JPEG")
            sent = contributor.put(f"/v1/datasets/hostile/images/sent.{number}.JPG", data=data, params={"label": used[number % len(used)]})
            assert sent.status_code == 201, sent.text
            expected[hashlib.sha256(data).hexdigest()] = used[number % len(used)]
        collector.expected = expected
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
def load(python, collector, tmp_path):
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


def samples(collector):
    return [json.loads(line) for line in collector.session("viewer").get("/v1/datasets/hostile/export?format=jsonl").iter_lines()]


def test_pandas(fetch, load, collector):
    rows = load("pandas", fetch("csv"))
    guarded = lambda text: "'" + text if text[0] in "=+-@\t\r" else text
    assert rows == [[guarded(sample["filepath"]), guarded(sample["label"])] for sample in samples(collector)]


def test_huggingface_unpacked(fetch, load, collector):
    parts = load("huggingface", unpack(fetch("huggingface", "--split", "80,10,10")))
    assert set(parts) == {"train", "validation", "test"}
    assert {sha: label for rows in parts.values() for sha, label in rows} == collector.expected


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
    assert {record["split"] for record in records} == {"train", "val", "test"}


def test_labelstudio(fetch, load, collector):
    assert load("labelstudio", fetch("labelstudio")) == [[sample["filepath"], sample["label"]] for sample in samples(collector)]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_the_rules_of_imagefolder(fetch, collector, kind, tmp_path):
    archive = fetch("classfolders", "--as", kind)
    folder = tmp_path / "unpacked"
    folder.mkdir()
    subprocess.run(["tar", "xf", archive] if kind == "tar" else ["unzip", "-q", archive], cwd=folder, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())  # torchvision's find_classes
    labels = (folder / "classes.txt").read_text().splitlines()
    found = {}
    for index, name in enumerate(classes):
        files = [path for path in sorted((folder / name).rglob("*")) if path.name.lower().endswith(TORCHVISION)]
        assert files, f"{name} would be refused"
        for path in (folder / name).iterdir():
            found[hashlib.sha256(path.read_bytes()).hexdigest()] = labels[index]
    assert found == collector.expected
