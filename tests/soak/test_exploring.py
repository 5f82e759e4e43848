"""Like tests/http/test_exploring.py, with many more requests, different ones each round, and some that follow
from answers."""
import pytest
from collecting import Stores
from exploring import explorable, explore

EXAMPLES = 50


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("dataset", ["sqlite", "mongo"])
def test_answers_are_as_described(tmp_path, monkeypatch, dataset, seed):
    monkeypatch.setattr("collecting.DATASET", dataset)
    stores = Stores()
    with stores.running, explorable(tmp_path / "collector", stores.environment()) as (collector, values):
        explore(collector, tmp_path / "run", "admin", values, examples=EXAMPLES, seed=seed, phases=("coverage", "fuzzing", "stateful"))
