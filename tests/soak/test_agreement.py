"""The measures of agreement are those that the packages of statisticians compute from the same votes, some of which are missing."""
import json
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import services
from collecting import Stores
from harness import Server

HERE = Path(__file__).resolve().parent
PEOPLE = ("ann", "bob", "cyd")
LABELS = ["circle", "square", "star", "heart"]
SAMPLES = 120
EXACT = 1e-9
SEEDS = 4


def votes(seed):
    """Of each sample by each person; None where there is none. People mostly see what is there, and some labels more often than others."""
    chance = random.Random(seed)
    voting = [chance.uniform(0.4, 1) for _ in PEOPLE]
    right = [chance.uniform(0.2, 1) for _ in PEOPLE]
    weights = [chance.uniform(0.1, 1) for _ in LABELS]

    def one(person, there):
        if chance.random() > voting[person]:
            return None
        return there if chance.random() < right[person] else chance.choices(LABELS, weights)[0]

    truths = chance.choices(LABELS, weights, k=SAMPLES)
    return [[one(person, there) for person in range(len(PEOPLE))] for there in truths]


@pytest.fixture(scope="module", params=["sqlite", "mongo"])
def server(request, tmp_path_factory):
    stores = Stores()
    with pytest.MonkeyPatch.context() as patch, stores.running:
        patch.setattr("collecting.DATASET", request.param)
        server = Server(tmp_path_factory.mktemp("server"), config=stores.config())
        for name in PEOPLE:
            server.add_user(name)
        for seed in range(SEEDS):
            server.add_dataset(f"said{seed}", LABELS, [f"{number}.png" for number in range(SAMPLES)])
        with server.start():
            yield server


def say(server, dataset, rows, seed):
    """Everybody at once, in an order of their own; now and then another label first, which is changed then."""

    def all_of(person):
        session, chance = server.session(PEOPLE[person]), random.Random(f"{seed} {person}")
        folder = session.get(f"/v1/datasets/{dataset}").json()["base_dir"]
        for number in chance.sample(range(len(rows)), len(rows)):
            if not rows[number][person]:
                continue
            for label in [*(chance.sample(LABELS, 1) if chance.random() < 0.1 else []), rows[number][person]]:
                body = {"dataset_name": dataset, "base_dir": folder, "filepath": f"{number}.png", "label": label}
                assert session.post("/classify", json=body).json() == {"response": True}

    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        list(pool.map(all_of, range(len(PEOPLE))))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_measures_are_those_of_statisticians(server, seed):
    rows = votes(seed)
    done = subprocess.run([services.venv("agreement"), HERE / "agreement.py"], input=json.dumps(rows), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = json.loads(done.stdout)
    say(server, f"said{seed}", rows, seed)
    agreement = server.session("ann").get(f"/v1/datasets/said{seed}/stats").json()["agreement"]
    assert agreement["fleiss_kappa"] == pytest.approx(expected["fleiss"], abs=EXACT, rel=0)
    assert agreement["krippendorff_alpha"] == pytest.approx(expected["alpha"], abs=EXACT, rel=0)
    found = {tuple(one["users"]): (one["kappa"], one["n"]) for one in agreement["cohen_kappa"]}
    assert sorted(found) == [("ann", "bob"), ("ann", "cyd"), ("bob", "cyd")]
    for two, (kappa, count) in zip(sorted(found), expected["cohen"]):
        assert found[two] == (pytest.approx(kappa, abs=EXACT, rel=0), count)
