"""Stands in front of a service, or in for one: TLS, a login page, requests that are held back."""
import contextlib
import http.server
import socket
import ssl
import subprocess
import threading

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\nConnection: close\r\n\r\n<h1>Hello guest</h1>"


def make_certificate(folder):
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    certificate, key = folder / "ca.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    words += ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(words, check=True, capture_output=True)
    return certificate, key


def tls(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@contextlib.contextmanager
def named_bucket():
    """The port of a server that has every bucket, which is all that a start asks, and nothing in it."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.send_header("x-amz-request-id", "1")  # as all answers of S3 do
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


class Front:
    """Listens in front of the bucket's server, and passes requests on; or answers with a page."""

    def __init__(self, endpoint, context=None):
        host, port = endpoint.removeprefix("http://").split(":")
        self.behind, self.context, self.captive = (host, int(port)), context, False
        self.held, self.released = [], threading.Event()  # the requests that are held back, until they are released
        self.hold = lambda line: False
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
                line = data.split(b"\r\n", 1)[0]
                if self.hold(line):
                    self.held.append(line)
                    self.released.wait(60)
                if self.captive:  # ends a kept connection
                    break
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
