"""MongoDB's connection string: where its files lie, and the errors for a wrong one."""
import socket
import subprocess

import pytest
import services
from front import Front, make_certificate, tls
from harness import free_port

pytestmark = pytest.mark.on("mongo")
ESCAPES = "in a user's name and a password write % as %25, @ as %40"


@pytest.fixture
def start(make_server):
    """Starts a server on this URI from another folder: the finished command, the server, and the last line it said."""

    def run(uri, files=(), env=None):
        server = make_server(config={"dataset_store": {"type": "mongodb", "uri": uri, "database": "uri"}}, env=env)
        for path in files:
            (server.folder / path.name).write_bytes(path.read_bytes())
        server.add_user("ann")
        server.add_dataset()
        server.port = free_port()
        done = server.command("start", cwd="/")
        lines = [line for line in done.stderr.splitlines() if "running as root" not in line]
        assert len(lines) == (0 if done.returncode == 0 else 1) and "{" not in done.stderr, done.stderr
        return done, server, (lines or [""])[0]

    return run


@pytest.mark.parametrize(
    "uri, said",
    [
        ("mongodb://u:p@ss@127.0.0.1/", ESCAPES),
        ("mongodb://u:hush/w@127.0.0.1/", ESCAPES),
        ("mongodb://u:hush:w@127.0.0.1/", ESCAPES),
        ("mongodb://u:hush%ss@127.0.0.1/", ESCAPES),
        ("mongodb://127.0.0.1:99999/", "(MONGODB_CONN_STRING) is no MongoDB URI"),
        ("mongodb://127.0.0.1/?tls=true&tlsCAFile=absent.pem", "/absent.pem, which tlsCAFile in"),
        ("mongodb://127.0.0.1/?tls=true&tlsCAFile=json_users", "/json_users, which tlsCAFile in"),
        ("mongodb://127.0.0.1/?tls=true&tlsCAFile=config.json", "/config.json, which tlsCAFile in"),
        ("mongodb://127.0.0.1/?tls=true&tlsCertificateKeyFile=/absent.pem", "file /absent.pem, which tlsCertificateKeyFile in"),
        ("mongodb://nosuch.invalid/?serverSelectionTimeoutMS=300", "MongoDB at nosuch.invalid:27017 has no primary"),
        ("mongodb+srv://cluster.nosuch.invalid/", "cluster.nosuch.invalid"),
    ],
)
def test_a_uri_that_is_wrong_is_told_in_one_line_that_names_the_thing(start, uri, said):
    done, _, line = start(uri)
    assert done.returncode == 1 and said in line, done.stderr
    assert not any(secret in line for secret in ("ss@", "hush", "p@ss"))


def test_a_key_alone_is_no_certificate(start, tmp_path):
    certificate, key = make_certificate(tmp_path)
    done, _, line = start("mongodb://127.0.0.1/?tls=true&tlsCertificateKeyFile=key.pem", [key])
    assert done.returncode == 1 and "holds no certificate with its private key" in line
    done, _, line = start("mongodb://127.0.0.1/?tls=true&tlsCAFile=key.pem", [key])
    assert done.returncode == 1 and "holds no certificate in PEM" in line


def test_files_in_the_uri_lie_beside_the_configuration(start, stores, tmp_path):
    certificate, key = make_certificate(tmp_path)
    front = Front(stores.mongo_uri().removeprefix("mongodb://").partition("/")[0], tls(certificate, key))
    host = front.endpoint.removeprefix("https://")
    try:
        done, server, _ = start(f"mongodb://{host}/?directConnection=true&tls=true&tlsCAFile=ca.pem", [certificate])
        assert done.returncode == 0, done.stderr
        assert server.session().get("/healthz").status_code == 200
        assert server.session("ann").post("/size", json={"dataset_name": "demo"}).json()["size"] == 3
    finally:
        front.listener.close()


def test_a_uri_in_the_environment_alone_needs_absolute_paths(make_server):
    uri = "mongodb://127.0.0.1/?tls=true&tlsCAFile=ca.pem"
    server = make_server(env={"MONGODB_CONN_STRING": uri, "DATABASE_NAME": "uri"})
    server.env["HOME"] = str(server.folder)  # in which there is no configuration
    words = [server.scripts / "image-label-server", "--state", server.state, "--port", str(free_port()), "start"]
    done = subprocess.run(words, env=server.env, cwd="/", capture_output=True, text=True)
    assert done.returncode == 1 and "tlsCAFile" in done.stderr and "needs an absolute path" in done.stderr, done.stderr


def test_another_replica_set_is_told_by_its_name(start, stores):
    uri = stores.mongo_uri().replace("replicaSet=rs0", "replicaSet=rs1&serverSelectionTimeoutMS=300")
    done, _, line = start(uri)
    assert done.returncode == 1 and "is in the replica set rs0, and not in rs1: write replicaSet=rs0" in line


@pytest.fixture(scope="module")
def standalone():
    with services.standalone() as uri:
        yield uri


@pytest.mark.parametrize("options", ["", "/?replicaSet=rs0&serverSelectionTimeoutMS=300"])
def test_a_standalone_server_says_how_to_make_it_a_replica_set(start, standalone, options):
    done, _, line = start(standalone + options)
    assert done.returncode == 1 and "is a standalone server" in line
    assert "start mongod with --replSet rs0, run rs.initiate() in it once, and write mongodb://127.0.0.1:" in line


def test_a_host_that_answers_nothing_is_named(start):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        done, _, line = start(f"mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=300&connectTimeoutMS=300")
    assert done.returncode == 1 and f"MongoDB at 127.0.0.1:{port} has no primary" in line
