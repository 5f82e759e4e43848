"""A bucket behind what stands before buckets: TLS with a certificate of one's own, and a login page."""
import contextlib
import socket
import ssl
import subprocess
import threading

import pytest
from collecting import DEFAULT, picture, samples
from harness import free_port

pytestmark = pytest.mark.on("s3")
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\nConnection: close\r\n\r\n<h1>Hello guest</h1>"


def make_certificate(folder):
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    certificate, key = folder / "ca.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    words += ["-subj", "/CN=s3", "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(words, check=True, capture_output=True)
    return certificate, key


class Front:
    """Listens before the bucket's server, and passes on; or answers with a page."""

    def __init__(self, endpoint, context=None):
        host, port = endpoint.removeprefix("http://").split(":")
        self.behind, self.context, self.captive = (host, int(port)), context, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"{'https' if context else 'http'}://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
            if self.captive:
                client.recv(1 << 16)
                client.sendall(PAGE)
                return
            with socket.create_connection(self.behind) as server:
                back = threading.Thread(target=self.pipe, args=(server, client), daemon=True)
                back.start()
                self.pipe(client, server)
                back.join()

    def pipe(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
                if self.captive:
                    break
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def behind(stores, make_collector):
    """Makes a collector, not yet started, whose bucket is reached through a Front."""
    fronts = []

    def make(context=None, **more):
        collector = make_collector()
        fronts.append(Front(collector.variables["AWS_ENDPOINT_URL"], context))
        collector.env |= {"AWS_ENDPOINT_URL": fronts[-1].endpoint, **more}
        return collector, fronts[-1]

    yield make
    for front in fronts:
        front.listener.close()


def test_a_certificate_of_ones_own_is_believed_when_it_is_named(behind, tmp_path):
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    collector, _ = behind(context)
    collector.start()
    refused = collector.session("contributor").put(f"/v1/datasets/{DEFAULT}/images/1.png", data=picture())
    assert refused.status_code == 503 and "certificate" in refused.json()["message"], refused.text
    collector.stop()
    collector.env["AWS_CA_BUNDLE"] = certificate.name  # relative to where the command is given
    done = collector.command("start", cwd=certificate.parent)
    assert done.returncode == 0, done.stderr
    assert collector.session().get("/healthz").status_code == 200
    taken = collector.session("contributor").put(f"/v1/datasets/{DEFAULT}/images/1.png", data=picture())
    assert taken.status_code == 201, taken.text


def test_a_bundle_that_is_not_there_keeps_the_server_from_starting(behind):
    collector, _ = behind(AWS_CA_BUNDLE="/nonexistent/ca.pem")
    collector.port = free_port()
    done = collector.command("start")
    said = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "/nonexistent/ca.pem" in said and "AWS_CA_BUNDLE" in said, done.stderr


def test_a_login_page_takes_no_image(behind):
    collector, front = behind()
    collector.start()
    contributor, data = collector.session("contributor"), picture()
    address = f"/v1/datasets/{DEFAULT}/images/1.png"
    front.captive = True
    refused = contributor.put(address, data=data)
    assert refused.status_code == 502 and "no S3" in refused.json()["message"], refused.text
    health = collector.session().get("/healthz")
    assert health.status_code == 503 and "no S3" in health.json()["image_store"]
    front.captive = False
    assert list(samples(collector.session("viewer"))) == []
    taken = contributor.put(address, data=data)
    assert taken.status_code == 201 and not taken.json()["duplicate"], taken.text
    assert contributor.get(f"/v1/datasets/{DEFAULT}/samples/0/image").content == data
    assert len(collector.objects()) == 1
