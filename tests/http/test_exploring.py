"""Any requests, as openapi.json describes them and otherwise: no 5xx, no answer that is not described, no bad
input accepted."""
import pytest
from collecting import DATASET
from exploring import explorable, explore


@pytest.fixture(scope="module")
def explored(tmp_path_factory, stores):
    with explorable(tmp_path_factory.mktemp("collector"), stores.environment()) as explored:
        yield explored


@pytest.mark.on("sqlite")
def test_a_viewers_answers_are_as_described(explored, tmp_path):
    collector, values = explored
    explore(collector, tmp_path / "run", "viewer", values, examples=1, seed=1, phases=["fuzzing"])


def test_an_admins_answers_are_as_described(explored, tmp_path):
    """What is at the limits of each parameter (coverage) is the same on every store, and asked on one; in soak on all."""
    collector, values = explored
    phases = ["coverage", "fuzzing"] if DATASET == "sqlite" else ["fuzzing"]
    explore(collector, tmp_path / "run", "admin", values, examples=2, seed=1, phases=phases)
