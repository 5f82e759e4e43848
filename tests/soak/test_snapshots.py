"""A snapshot is the same after very many further labels."""
import hashlib
import json

import pytest
from collecting import Collector, Stores
from harness import draw

SAMPLES, ROUNDS = 1000, 100
SNAPSHOTS = "/v1/datasets/worked on/snapshots"


@pytest.mark.parametrize("dataset", ["sqlite", "mongo"])
def test_it_has_the_same_digest_after_a_hundred_thousand_labels_and_new_images(tmp_path, monkeypatch, dataset):
    monkeypatch.setattr("collecting.DATASET", dataset)
    stores = Stores()
    with stores.running:
        collector = Collector(tmp_path / "collector", stores.environment())
        names = [f"{number}.png" for number in range(SAMPLES * 11 // 10)]
        folder = collector.add_dataset("worked on", ["cat", "dog"], names[:SAMPLES])
        for number, name in enumerate(names):
            draw(folder / name, (number % 256, number // 256, 9), (8, 8))
        try:
            work_on(collector.start(), names)
        finally:
            collector.stop()


def work_on(collector, names):
    session = collector.session("contributor")

    def made(name):
        answer = session.post(SNAPSHOTS, json={"name": name, "split": "80,10,10", "seed": "s"})
        assert answer.status_code == 201, answer.text
        text = session.get(f"{SNAPSHOTS}/{name}").content
        return answer.json()["digest"], text, {line["filepath"]: line["split"] for line in map(json.loads, text.splitlines())}

    digest, text, parts = made("before")
    for number in range(ROUNDS):
        answer = session.post("/v1/datasets/worked on/samples/label", json={"ids": list(range(SAMPLES)), "label": ("cat", "dog")[number % 2]})
        assert answer.json() == {"labelled": SAMPLES}, answer.text
    collector.add_dataset("worked on", ["cat", "dog"], names)
    assert collector.reload().returncode == 0
    assert session.get(f"{SNAPSHOTS}/before").content == text
    assert hashlib.sha256(text).hexdigest() == digest == session.get(SNAPSHOTS).json()["items"][0]["digest"]
    after = made("later")[2]
    assert set(after) == {*names} and {name: after[name] for name in parts} == parts
