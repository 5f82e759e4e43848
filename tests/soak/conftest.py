"""Fixtures of the soak tests: servers of the real stack, as the HTTP tests start them."""
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), *(str(Path(__file__).parents[1] / layer) for layer in ("http", "browser", "fault"))]
from pytest import fixture  # noqa: E402

from collecting import Collector  # noqa: E402


@fixture(scope="module")
def collector(tmp_path_factory):
    """One running server that collects, for a file of tests."""
    collector = Collector(tmp_path_factory.mktemp("collector"), {})
    try:
        yield collector.start()
    finally:
        collector.stop()
        assert not collector.sanitizer_reports(), "\n".join(collector.sanitizer_reports())
