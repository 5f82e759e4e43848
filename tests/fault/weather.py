"""An S3 gateway in bad weather: what stands in front of the real one, and now and then is slow, silent, cuts a connection off,
refuses, loses an answer or garbles it."""
import http.client
import http.server
import threading
from collections import Counter

ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>bad weather</Message></Error>"
SLOW_SECONDS = 2
SILENT_SECONDS = 120  # longer than anybody waits


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_any(self):
        fault = self.server.weather.next()
        length = int(self.headers.get("Content-Length", 0))
        if fault == "silent":
            self.server.weather.cleared.wait(SILENT_SECONDS)
            self.close_connection = True
        elif fault == "cut request":
            self.pass_on(self.rfile.read(length // 2))
            self.close_connection = True
        elif fault in ("500", "503"):
            self.rfile.read(length)
            self.refuse(*((500, "InternalError") if fault == "500" else (503, "SlowDown")))
        else:
            if fault == "slow":
                self.server.weather.cleared.wait(SLOW_SECONDS)
            self.answer(fault, *self.pass_on(self.rfile.read(length)))

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do_any  # noqa: N815

    def pass_on(self, body):
        """What the real one answers; half a body it refuses, or waits for until the connection is closed."""
        whole = len(body) == int(self.headers.get("Content-Length", 0))
        connection = http.client.HTTPConnection(*self.server.weather.behind, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(body)
        if not whole:
            connection.close()
            return None
        answer = connection.getresponse()
        told = answer.status, answer.headers.items(), answer.read()
        connection.close()
        return told

    def refuse(self, status, code):
        body = ERROR.format(code=code).encode()
        self.tell(status, [("Content-Type", "application/xml"), ("x-amz-request-id", "1")], body)

    def tell(self, status, headers, body):
        self.send_response_only(status)
        named = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        if "content-length" not in named and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer(self, fault, status, headers, body):
        if fault == "lost answer":
            self.refuse(500, "InternalError")
        elif fault == "cut answer":
            head = f"HTTP/1.1 {status} OK\r\nContent-Length: {len(body) + 1000}\r\n".encode()
            self.wfile.write(head + (b"\r\n" + body[: len(body) // 2] if body else b"ETag: "))
            self.close_connection = True
        else:
            if fault == "wrong ETag":
                headers = [(name, '"00000000000000000000000000000000"' if name.lower() == "etag" else value) for name, value in headers]
            self.tell(status, headers, body)


class Weather:
    FAULTS = ["slow", "cut request", "cut answer", "500", "503", "lost answer", "wrong ETag"] * 4 + ["silent"]

    def __init__(self, endpoint, chance, bad):
        host, port = endpoint.removeprefix("http://").split(":")
        self.behind, self.chance, self.bad = (host, int(port)), chance, bad  # bad: how many of all requests
        self.cleared, self.lock, self.done = threading.Event(), threading.Lock(), Counter()

    def next(self):
        with self.lock:
            if self.cleared.is_set() or self.chance.random() >= self.bad:
                return None
            fault = self.chance.choice(self.FAULTS)
            self.done[fault] += 1
            return fault

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.weather = self
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.cleared.set()
        self.server.shutdown()
        self.server.server_close()
