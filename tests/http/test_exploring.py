"""Any requests, as openapi.json describes them and otherwise: no 5xx, no answer that is not described, no bad
input accepted."""
import pytest
from exploring import explorable, explore


@pytest.fixture(scope="module")
def explored(tmp_path_factory, stores):
    with explorable(tmp_path_factory.mktemp("collector"), stores.environment()) as explored:
        yield explored


@pytest.mark.parametrize("user, phases, examples", [("viewer", ["fuzzing"], 2), ("admin", ["coverage", "fuzzing"], 5)])
def test_answers_are_as_described(explored, tmp_path, user, phases, examples):
    collector, values = explored
    explore(collector, tmp_path / "run", user, values, examples=examples, seed=1, phases=phases)
