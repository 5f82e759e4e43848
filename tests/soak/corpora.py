"""Images that others made, from packages of Debian and PyPI; fetched once into build/soak/."""
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

from harness import TOP

KEPT = TOP / "build" / "soak"
IMAGE = re.compile(r"\.(jpe?g|jfif|png|apng|gif|bmp|dib|tiff?|webp|avif|hei[cf]|hif|jxl|mpo)$", re.I)
SECONDS = 600  # to fetch one

# What pip is told: a source distribution has the tests, a wheel what is shown to users.
SOURCE, WHEEL = ["--no-binary", ":all:"], ["--only-binary", ":all:"]
CORPORA = {
    "pillow": lambda folder: pip(folder, "pillow==10.4.0", SOURCE),
    "pillow-heif": lambda folder: pip(folder, "pillow-heif", SOURCE),
    "pygame": lambda folder: pip(folder, "pygame", WHEEL),
    "scikit-image": lambda folder: pip(folder, "scikit-image", WHEEL),
    "libjxl-testdata": lambda folder: debian(folder, "libjxl-testdata"),
}


def run(words, folder):
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=SECONDS)


def pip(folder, package, kind):
    words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *kind, package]
    done = run([*words, "--no-build-isolation"], folder)
    return done if done.returncode == 0 else run(words, folder)


def debian(folder, package):
    done = run(["apt-get", "download", "-q", package], folder)
    if done.returncode == 0:
        done = run(["sh", "-c", "dpkg --fsys-tarfile ./*.deb >files.tar && rm ./*.deb"], folder)
    return done


def members(path):
    """(name, bytes) of an archive's images."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from ((info.filename, archive.read(info)) for info in archive.infolist() if IMAGE.search(info.filename))
        return
    with tarfile.open(path) as archive:
        images = (info for info in archive if info.isfile() and IMAGE.search(info.name))
        yield from ((info.name, archive.extractfile(info).read()) for info in images)


def fetch(name):
    """The folder of a corpus' images; skips the test when it cannot be had, or fails it when REQUIRE names corpora."""
    folder = KEPT / name
    if folder.is_dir():
        return folder
    with tempfile.TemporaryDirectory() as fetched:
        done = CORPORA[name](fetched)
        if done.returncode != 0:
            outcome = pytest.fail if "corpora" in os.environ.get("REQUIRE", "").split(",") else pytest.skip
            outcome(f"{name} cannot be fetched: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        half = KEPT / f".{name}"
        shutil.rmtree(half, ignore_errors=True)
        for archive in Path(fetched).iterdir():
            for number, (path, data) in enumerate(members(archive)):
                to = half / re.sub(r"[^A-Za-z0-9._/-]|\.\.", "_", path)
                to = to.with_name(f"{number:04}-{to.name}")
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(data)
    half.rename(folder)
    return folder
