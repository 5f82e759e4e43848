"""Reads exports by the loaders that they are for, in a Python of its own (test_loaders.py); prints what they read, as JSON.

Usage: loaders.py LOADER PATH
"""
import functools
import hashlib
import json
import sys
import zipfile
from pathlib import Path


def digest(data):
    return hashlib.sha256(data).hexdigest()


def csv(path):
    import pandas

    return pandas.read_csv(path, keep_default_na=False, dtype=str).values.tolist()


def jsonl(path):
    import pandas

    return json.loads(pandas.read_json(path, lines=True, dtype=False, convert_dates=False).to_json(orient="records"))


def huggingface(path):
    """The folder of an unpacked export, or the zip itself."""
    from datasets import Image, load_dataset

    given = {"data_dir": str(path)} if Path(path).is_dir() else {"data_files": str(path)}
    parts = load_dataset("imagefolder", **given).cast_column("image", Image(decode=False))

    opened = functools.cache(zipfile.ZipFile)

    def read(image):
        name, inside, archive = image["path"].partition("::")
        return opened(archive).read(name.removeprefix("zip://")) if inside else Path(name).read_bytes()

    return {name: [[digest(read(row["image"])), row["label"]] for row in part] for name, part in parts.items()}


def webdataset(path):
    import webdataset

    shards = sorted(map(str, Path(path).glob("*.tar")))
    rows = webdataset.WebDataset(shards, shardshuffle=False)
    image = lambda row: next(row[kind] for kind in ("jpg", "png", "gif", "webp") if kind in row)
    return [[digest(image(row)), json.loads(row["json"])["label"], int(row["cls"])] for row in rows]


def croissant(path):
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(path))
    assert not dataset.metadata.issues.errors, dataset.metadata.issues.errors
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    return [{name.split("/")[-1]: text(value) for name, value in record.items()} for record in dataset.records("samples")]


def labelstudio(path):
    import tempfile

    from label_studio_sdk.converter import Converter

    config = '<View><Image name="image" value="$image"/><Choices name="label" toName="image"><Choice value="cat"/></Choices></View>'
    with tempfile.TemporaryDirectory() as folder:
        Converter(config, folder, download_resources=False).convert_to_json_min(str(path), folder, is_dir=False)
        rows = json.loads(next(Path(folder).glob("*.json")).read_text())
    return [[row["filepath"], row.get("label", ""), row["image"]] for row in rows]


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2]), default=str))
