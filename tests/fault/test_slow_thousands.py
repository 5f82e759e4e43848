"""Two thousand clients that send or read a byte a second keep nobody else from working, take little, and leave nothing."""
import base64
import re
import resource
import socket
import threading

import pytest
from harness import draw, opened, until
from storm import Storm, make_server
from toll import tried

CLIENTS = 2_000
SIZE = 3_000
MORE = 200  # requests of others that are answered meanwhile
MEMORY_MB = 150  # of an nginx worker: each slow body has a buffer of 64 KB
FILES = {"images": 240}  # of a program, more than before: uploads have places
OTHER_FILES = 40
CREDENTIALS = base64.b64encode(b"viewer:secret").decode()
HEAD = f"Host: localhost\r\nAuthorization: Basic {CREDENTIALS}\r\n"
KINDS = {
    "header": f"GET /size HTTP/1.1\r\n{HEAD}X-Slow: ",
    "body": f"POST /size HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n",
    "upload": f"PUT /v1/datasets/collected/images/slow.png HTTP/1.1\r\n{HEAD.replace(CREDENTIALS, base64.b64encode(b'contributor:secret').decode())}"
              "Content-Length: 60000\r\n\r\n",
    "download": f"GET /images/own/large.bmp HTTP/1.1\r\n{HEAD}\r\n",
}  # fmt: skip


class Slow:
    """One thread that keeps so many connections busy; one that was ended is begun anew."""

    def __init__(self, port, clients):
        self.port, self.clients, self.ended = port, clients, threading.Event()
        self.connections = {}  # socket: its kind
        self.refused = 0  # ended by the server
        self.rounds = 0
        self.thread = threading.Thread(target=self.run)

    def connect(self, kind):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", self.port))
        connection.sendall(KINDS[kind].encode())
        connection.setblocking(False)
        self.connections[connection] = kind

    def run(self):
        kinds = list(KINDS)
        for number in range(self.clients):
            if not self.ended.is_set():
                self.connect(kinds[number % len(kinds)])
        while not self.ended.wait(1):
            for connection, kind in list(self.connections.items()):
                if not self.one_byte(connection, kind):
                    connection.close()
                    del self.connections[connection]
                    self.refused += 1
                    self.connect(kind)
            self.rounds += 1

    @staticmethod
    def one_byte(connection, kind):
        try:
            if kind != "download":
                connection.send(b"x")
            return bool(connection.recv(1)) or kind == "download"
        except BlockingIOError:
            return True
        except OSError:
            return False

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def files():
    """This process needs as many files as it has connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CLIENTS + 1_000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"a process may open only {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def megabytes(pid):
    with open(f"/proc/{pid}/status") as status:
        return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS")), 0)


def taken(server):
    """{pid: (name, files)}"""
    return {pid: (name, len(opened(pid))) for pid, name in server.executables().items() if name not in ("decode", "bash", "sleep")}


def kept(server):
    """{name: connections that nginx keeps to that program, or all that a worker of nginx keeps, for a minute after they were used}"""
    upstreams = {name: int(most) for name, most in re.findall(r"upstream (\w+) \{[^}]*?keepalive (\d+);", (server.state / "nginx.conf").read_text())}
    assert upstreams
    return {name: most * len(server.processes("nginx")) for name, most in upstreams.items()} | {"nginx": sum(upstreams.values())}


def go_on(storm, more):
    before = storm.acknowledged()
    until(lambda: storm.failures or storm.unknown or storm.acknowledged() >= before + more, f"{more} requests; {dict(storm.done)}")


def test_thousands_of_slow_clients_keep_nobody_waiting(tmp_path, files):
    server = make_server(tmp_path / "server", {}, SIZE)
    draw(server.images / "own" / "large.bmp", size=(1000, 1000))
    try:
        server.start()
        with Storm(server, SIZE, 1) as storm:
            go_on(storm, MORE)
        before = taken(server)
        with Slow(server.port, CLIENTS) as slow:
            until(lambda: slow.rounds >= 2, "all are connected, and have sent some bytes")
            with Storm(server, SIZE, 2) as storm:
                go_on(storm, MORE)
            during, memory = taken(server), {pid: megabytes(pid) for pid in server.processes("nginx")}
        failed = sum(storm.unknown.values()) + len(storm.failures)
        tried("a client sends or reads a byte a second, 2,000 at a time (requests of others that failed)", CLIENTS, failed)
        print(f"{slow.refused} were ended by the server; memory of nginx {sorted(round(mb) for mb in memory.values())} MB, files"
              f" {sorted((number, name) for name, number in during.values())[-4:]}")
        assert not failed, (storm.unknown, storm.failures)
        assert sum(number for name, number in during.values() if name == "nginx") > CLIENTS * 0.7, "the slow ones were there"
        assert max(memory.values()) < MEMORY_MB
        most = kept(server)
        for pid, (name, number) in during.items():
            assert name == "nginx" or pid not in before or number <= before[pid][1] + most.get(name, 0) + FILES.get(name, OTHER_FILES), (name, number)
        until(lambda: all(number <= before[pid][1] + most.get(name, 0) + 8 for pid, (name, number) in taken(server).items() if pid in before),
              "all is let go but what nginx keeps to its programs")
        until(lambda: not [left for left in server.leftovers() if "/uploads/" not in left], "nothing is left but resumable uploads")
    finally:
        server.stop()
