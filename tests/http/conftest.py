"""Fixtures of the HTTP tests: servers of the real stack, which are always ended."""
import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from collecting import BLOB, DATASET, Collector, Stores
from front import Front
from harness import TOP, Server

def pytest_configure(config):
    config.addinivalue_line("markers", "on(*stores): runs only where the tests' stores are these (sqlite or mongo, fs or s3)")


def pytest_collection_modifyitems(config, items):
    """Leaves out tests about other stores, and with TEST_ONLY=particular those about any; they are not skipped, since
    nothing is missing."""
    marks = [(item, item.get_closest_marker("on")) for item in items]
    anywhere = os.environ.get("TEST_ONLY") == "particular"
    others = [item for item, mark in marks if (not {*mark.args} <= {DATASET, BLOB} if mark else anywhere)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


@pytest.fixture
def make_server(tmp_path, stores):
    """Makes servers for one test, not yet started: make_server(config={…}, tls=True)."""
    made = []

    def make(config=None, **options):
        server = Server(tmp_path / f"server{len(made)}", config={**stores.config(), **(config or {})}, **options)
        made.append(server)
        return server

    yield make
    finish(made)


@pytest.fixture(scope="module")
def make_shared_server(tmp_path_factory, stores):
    """Makes servers for a file of tests, not yet started, ended after the last test."""
    made = []

    def make(config=None, **options):
        server = Server(tmp_path_factory.mktemp("server"), config={**stores.config(), **(config or {})}, **options)
        made.append(server)
        return server

    yield make
    finish(made)


@pytest.fixture(scope="module")
def server(make_shared_server):
    """One running server for a file of tests: users ann, bob and carl (any dataset), dataset demo of 3 pictures."""
    server = make_shared_server()
    for name in ("ann", "bob", "carl"):
        server.add_user(name)
    server.add_dataset("demo")
    return server.start()


@pytest.fixture(scope="session")
def stores():
    """The services of the stores that the environment chooses (collecting.py), ended after the last test."""
    stores = Stores()
    with stores.running:
        yield stores


@pytest.fixture
def make_collector(tmp_path, stores):
    """Makes collecting servers for one test, not yet started."""
    made = []

    def make(**options):
        made.append(Collector(tmp_path / f"collector{len(made)}", stores.environment(), **options))
        return made[-1]

    yield make
    finish(made)


@pytest.fixture
def behind(stores, make_collector):
    """Makes a collector, not yet started, that reaches its bucket through a Front."""
    fronts = []

    def make(context=None, **more):
        collector = make_collector()
        fronts.append(Front(collector.variables["AWS_ENDPOINT_URL"], context))
        collector.env |= {"AWS_ENDPOINT_URL": fronts[-1].endpoint, **more}
        return collector, fronts[-1]

    yield make
    for front in fronts:
        front.listener.close()


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    """One running server that collects, for a file of tests."""
    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    try:
        yield collector.start()
    finally:
        finish([collector])


@pytest.fixture
def unharmed(request, collector):
    """After the test: the same programs run, and there is no temporary file. (Each test checks what is stored.)"""
    if "nothing_stored" not in request.fixturenames:
        collector.settled = None
    before = collector.programs()
    yield
    assert collector.programs() == before
    collector.assert_nothing_left()


@pytest.fixture
def nothing_stored(unharmed, collector):
    """What such a test finds at its end is what the next one finds at its beginning: listing a bucket takes time."""
    before = collector.settled or collector.stored()
    yield
    collector.settled = collector.stored()
    assert collector.settled == before


@pytest.fixture
def contributor(collector):
    return collector.session("contributor")


@pytest.fixture
def admin(collector):
    return collector.session("admin")


@pytest.fixture
def ann(server):
    return server.session("ann")


@pytest.fixture
def anyone(server):
    """A session without a password."""
    return server.session()


def finish(servers):
    """Ends all servers, then reports what the sanitizers found."""
    failures = []
    for server in servers:
        try:
            server.stop()
        except Exception as failure:  # the others must be ended, too
            failures.append(str(failure))
        failures += server.sanitizer_reports()
    assert not failures, "\n".join(failures)


@pytest.fixture(scope="session")
def installed():
    """The bin folder of `make install` for this build, which everyone may enter; its path has a space."""
    sanitize = os.environ.get("SANITIZE", "")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        prefix = Path(folder, "opt it's here")
        make = ["make", "-s", "install", f"PREFIX={prefix}", *([f"SANITIZE={sanitize}"] if sanitize else [])]
        environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        done = subprocess.run(make, cwd=TOP, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        yield prefix / "bin"
