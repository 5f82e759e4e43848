"""Exports that are archives of images: class folders as tar and zip, and Hugging Face's imagefolder."""
import csv
import hashlib
import io
import json
import os
import subprocess
import tarfile
import zipfile
from urllib.parse import unquote

import pytest
from collecting import Collector, assert_problem, picture
from conftest import finish
from harness import draw, until
from PIL import Image
from requests.exceptions import ChunkedEncodingError

LABELS = ["zebra", "a/b", "..", ".hidden", "50% off", "ünï cödé", "Aux: con?", "=cmd", 'quo"te', "trailing.", "x" * 256, "empty", "é" * 128, "?" * 80]
SEEDED = [  # names that loaders and systems stumble over; each label has two images
    ("../escapes.png", "zebra"), ("a.1.jpg", "a/b"), ("UPPER.JPG", ".."), ("moving.gif", ".hidden"), ('quo"te.png', "50% off"),
    ("new\nline.png", "ünï cödé"), ("comma,semi.png", "Aux: con?"), ("=cmd.png", "=cmd"), ("ünï.png", 'quo"te'), ("-minus.png", "trailing."),
    ("l" * 200 + "/" + "n" * 180 + ".png", "x" * 256), ("noending", "é" * 128), ("wrong.png", "?" * 80), ("a/same.png", "zebra"),
    ("b/same.png", "zebra"), (".hidden.png", "a/b"), ("unlabelled.png", ""), ("__special__.jpg", "seeds' own"),
]  # fmt: skip


def fill(folder):
    """Draws the pictures, each another one, and returns {filepath: its bytes}; "../escapes.png" lies outside, and is not to be had."""
    for number, (filepath, _) in enumerate(SEEDED):
        if filepath == "noending":
            (folder / filepath).write_bytes(draw(folder / "x.webp", (number, 1, 1)).read_bytes())
        elif filepath == "wrong.png":  # which is a JPEG
            (folder / filepath).write_bytes(draw(folder / "x.jpg", (number, 1, 1)).read_bytes())
        else:
            draw(folder / filepath, (number, 0, 0))
    return {filepath: (folder / filepath).read_bytes() for filepath, _ in SEEDED if not filepath.startswith("..")}


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    folder = collector.add_dataset("seeded", LABELS, SEEDED)
    collector.given, collector.sent = fill(folder), {}
    try:
        collector.start()
        made = collector.session("admin").post("/v1/datasets", json={"name": "mixed", "labels": ["cat", "dog"]})
        assert made.status_code == 201
        yield collector
    finally:
        finish([collector])


@pytest.fixture
def viewer(collector):
    return collector.session("viewer")


def get(session, path="/v1/datasets/seeded/export", **query):
    answer = session.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer


def unpacked(answer):
    """{name: bytes} of a tar or zip."""
    if answer.headers["Content-Type"] == "application/zip":
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        assert archive.testzip() is None
        names = archive.namelist()
        files = {name: archive.read(name) for name in names}
    else:
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
            members = archive.getmembers()
            assert all(member.isfile() for member in members)
            names = [member.name for member in members]
            files = {member.name: archive.extractfile(member).read() for member in members}
    assert len(names) == len(files)
    return files


def assert_plain(name):
    """A name that is unpacked where it should be, on every system."""
    *folders, file = name.split("/")
    assert len(folders) <= 2 and not {"", ".", ".."} & set(folders)
    assert file.count(".") == 1 and file == file.encode("ascii").decode() and len(name.encode()) < 400
    assert all(len(folder.encode()) <= 200 and not set(folder) & set('\\:*?"<>|') and folder[0] != "." for folder in folders)


def by_digest(files):
    return {hashlib.sha256(data).hexdigest(): name for name, data in files.items()}


ENDINGS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif", b"RIFF": "webp"}


def assert_ending_of_content(name, data):
    assert name.endswith("." + next(ending for magic, ending in ENDINGS.items() if data.startswith(magic)))


# --- class folders


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_each_image_lies_in_the_folder_of_its_label(collector, viewer, kind):
    files = unpacked(get(viewer, format="classfolders", **{"as": kind}))
    classes = json.loads(files.pop("classes.json"))
    names = files.pop("classes.txt").decode().splitlines()
    missing = [json.loads(line) for line in files.pop("missing.txt").splitlines()]
    assert [line["filepath"] for line in missing] == ["../escapes.png"]
    labels = {one["folder"]: one["label"] for one in classes}
    found = {}
    for name, data in files.items():
        assert_plain(name)
        assert_ending_of_content(name, data)
        folder, _ = name.split("/")
        found[hashlib.sha256(data).hexdigest()] = labels[folder]
    expected = {hashlib.sha256(collector.given[path]).hexdigest(): label for path, label in SEEDED if path in collector.given and label}
    assert found == expected
    assert [one["folder"] for one in classes] == sorted({name.split("/")[0] for name in files})  # as loaders number them
    assert names == [one["label"] for one in classes] and set(names) == set(expected.values())
    for one in classes:
        assert one["key"] == (LABELS.index(one["label"]) if one["label"] in LABELS else -1)
        assert len(one["label"].encode()) > 60 or unquote(one["folder"]) == one["label"]


def test_a_folder_is_called_as_its_label_where_a_path_can_hold_that(viewer):
    folders = {name.split("/")[0] for name in unpacked(get(viewer, format="classfolders")) if "/" in name}
    assert {"zebra", "a%2Fb", "%2E%2E", "%2Ehidden", "50%25 off", "ünï cödé", "=cmd", "trailing%2E"} <= folders
    assert not {".", "..", "empty"} & folders


def test_other_tools_unpack_what_is_exported(viewer, tmp_path):
    for kind, command in (("tar", ["tar", "xf"]), ("zip", ["unzip", "-q"])):
        (tmp_path / kind).mkdir()
        archive = tmp_path / f"export.{kind}"
        archive.write_bytes(get(viewer, format="classfolders", **{"as": kind}).content)
        subprocess.run([*command, archive], cwd=tmp_path / kind, check=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
    listing = [sorted(str(path.relative_to(tmp_path / kind)) for path in (tmp_path / kind).rglob("*")) for kind in ("tar", "zip")]
    assert listing[0] == listing[1] and len(listing[0]) > 20


@pytest.mark.parametrize("form", [{"format": "classfolders"}, {"format": "classfolders", "as": "zip"}, {"format": "huggingface"}])
def test_a_split_has_a_folder_a_part(viewer, form):
    told = {line["filepath"]: line["split"] for line in map(json.loads, get(viewer, format="jsonl", split="50,30,20", seed="s").iter_lines())}
    files = unpacked(get(viewer, split="50,30,20", seed="s", **form))
    parts = {}
    for name in files:
        if "-" in name and "/" in name:
            assert_plain(name)
            parts[int(name.rsplit("-", 1)[1].split(".")[0])] = name.split("/")[0]
    wanted = {number: told[path] for number, (path, label) in enumerate(SEEDED) if told[path] and (label or form["format"] == "huggingface")}
    assert parts == wanted and set(parts.values()) == {"train", "val", "test"}


def test_uploaded_images_and_those_in_a_folder_are_exported_alike(collector, viewer):
    contributor = collector.session("contributor")
    sent = {f"{kind}{number}.x.{kind}": picture(kind) for kind in ("png", "jpeg", "gif", "webp", "tiff") for number in range(3)}
    for filepath, data in sent.items():
        answer = contributor.put(f"/v1/datasets/mixed/images/{filepath}", data=data, params={"label": "cat"})
        assert answer.status_code == 201, answer.text
    for form in ({"format": "classfolders"}, {"format": "classfolders", "as": "zip"}, {"format": "huggingface"}):
        files = unpacked(get(viewer, "/v1/datasets/mixed/export", **form))
        digests = by_digest(files)
        for filepath, data in sent.items():
            name = digests[hashlib.sha256(data).hexdigest()]
            assert_plain(name)
            assert name.split(".")[1] == {"jpeg": "jpg"}.get(filepath.split(".")[-1], filepath.split(".")[-1])


def test_the_same_images_make_the_same_archive(viewer):
    for form in ({"format": "classfolders"}, {"format": "classfolders", "as": "zip"}, {"format": "huggingface"}):
        assert get(viewer, **form).content == get(viewer, **form).content


def test_an_export_of_no_image_is_an_archive(viewer):
    for form in ({"format": "classfolders"}, {"format": "classfolders", "as": "zip"}):
        assert set(unpacked(get(viewer, "/v1/datasets/secret/export", **form))) == {"classes.txt", "classes.json"}
    files = unpacked(get(viewer, "/v1/datasets/secret/export", format="huggingface"))
    assert files == {"train/metadata.csv": b"file_name,label\n"}


def test_a_kind_of_archive_that_cannot_be_is_refused(viewer):
    for query in ({"format": "classfolders", "as": "rar"}, {"format": "csv", "as": "tar"}, {"format": "huggingface", "as": "tar"}):
        assert_problem(viewer.get("/v1/datasets/seeded/export", params=query), 400, "tar or zip")


# --- huggingface


def test_huggingface_names_each_image_and_its_label_in_metadata_csv(collector, viewer):
    files = unpacked(get(viewer, format="huggingface"))
    rows = list(csv.reader(io.StringIO(files.pop("train/metadata.csv").decode(), newline="")))
    files.pop("missing.txt")
    assert rows[0] == ["file_name", "label"]
    labels = dict(rows[1:])
    assert set(files) == {f"train/{name}" for name in labels}
    found = {hashlib.sha256(data).hexdigest(): labels[name.removeprefix("train/")] for name, data in files.items()}
    assert found == {hashlib.sha256(collector.given[path]).hexdigest(): label for path, label in SEEDED if path in collector.given}
    for name, data in files.items():
        assert_plain(name)
        assert_ending_of_content(name, data)


# --- from the image store


@pytest.mark.parametrize("form", ["classfolders", "huggingface", "webdataset"])
def test_uploaded_images_are_those_that_were_sent(collector, viewer, form):
    contributor, path = collector.session("contributor"), "/v1/datasets/stored"
    if not collector.sent:
        assert collector.session("admin").post("/v1/datasets", json={"name": "stored", "labels": ["cat"]}).status_code == 201
        noise = Image.frombytes("RGB", (640, 640), os.urandom(640 * 640 * 3))  # larger than what is fetched ahead
        for number in range(30):
            data = io.BytesIO(picture())
            if number in (7, 29):
                noise.putpixel((number, 0), (0, 0, 0))
                noise.save(data, "PNG")
            label = "" if number % 5 == 4 else "cat"
            answer = contributor.put(f"{path}/images/{number}.png", data=data.getvalue(), params={"label": label} if label else {})
            assert answer.status_code == 201, answer.text
            collector.sent[hashlib.sha256(data.getvalue()).hexdigest()] = label
    query = {} if form == "webdataset" else {"format": form}
    files = unpacked(get(viewer, f"{path}/export" + ("/webdataset/000000.tar" if form == "webdataset" else ""), **query))
    found = {hashlib.sha256(data).hexdigest() for name, data in files.items() if name.endswith(".png")}
    assert found == {sha256 for sha256, label in collector.sent.items() if label or form == "huggingface"}


# --- what breaks off


def test_an_archive_whose_image_is_cut_short_meanwhile_does_not_look_whole(collector, viewer):
    names = [f"{number}.png" for number in range(40)]
    folder = collector.add_dataset("shrinking", ["cat"], [(name, "cat") for name in names])
    noise = picture("PNG") + bytes(1 << 20)
    for number, name in enumerate(names):
        (folder / name).write_bytes(noise + number.to_bytes(4))
    large = folder / names[-1]
    large.write_bytes(noise * 50)
    assert collector.reload().returncode == 0
    answer = viewer.get("/v1/datasets/shrinking/export", params={"format": "classfolders"}, stream=True)
    body = answer.iter_content(1 << 16)
    next(body)
    for path in folder.iterdir():
        with path.open("r+b") as file:
            file.truncate(1000)
    large.unlink()  # what is under way reads on in the file that it has open, and others are short
    with pytest.raises(ChunkedEncodingError):
        for _ in body:
            pass
    until(lambda: any("changed while" in line.get("error", "") for line in collector.program_log("export")), "the log says why")
