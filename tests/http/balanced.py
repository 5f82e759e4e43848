"""Two servers of the same stores, on one machine instead of two, and the manual's nginx in front of them, which balances their load."""
import contextlib
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import requests
from collecting import services
from harness import Server, draw, free_port, sample_name
from proxy import Nginx, recipe

NAME = "labels.example.org"
LEASED_AT_ONCE, HELD = 50, 1000  # of one request, and by one person, at most


class Stacks:
    """The servers, each as the manual says for several machines, with one certificate for all of them and the balancer."""

    def __init__(self, folder, env, names=("first", "second"), **config):
        self.folder, self.certificate, key = folder, str(folder / "labels.pem"), str(folder / "labels.key")
        words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={NAME}",
                 "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1", "-out", self.certificate, "-keyout", key]
        subprocess.run(words, check=True, capture_output=True)
        listen = {"certificate": self.certificate, "certificate_key": key, "server_name": NAME, "trusted_proxy": "127.0.0.1"}
        self.servers = [Server(folder / name, env=env, tls=True, config={"listen": listen, **config}) for name in names]

    def __iter__(self):
        return iter(self.servers)

    def __enter__(self):
        with contextlib.ExitStack() as ended:
            for server in self.servers:  # the first one makes what the others find in the stores
                ended.callback(server.stop)
                server.start()
            self.ended = ended.pop_all()
        return self

    def __exit__(self, *_):
        self.ended.close()

    def session(self, user, password="secret"):
        """For requests to the balancer."""
        session = requests.Session()
        session.auth, session.verify, session.trust_env = (user, password), self.certificate, False
        return session


@contextlib.contextmanager
def balancer(stacks, servers=None, name="balancer"):
    """The manual's nginx in front of the running servers, or of some of them; its address."""
    port = free_port()
    text = recipe("upstream labels {")
    addresses = [f"127.0.0.1:{server.tls_port}" for server in servers or stacks]
    text = re.sub(r"( *)server 10\.0\.0\.5:44443;\n *server 10\.0\.0\.6:44443;\n", lambda match: "".join(f"{match[1]}server {address};\n" for address in addresses), text)
    given = {"443 ssl": f"127.0.0.1:{port} ssl", "/etc/nginx/labels.pem": stacks.certificate, "/etc/nginx/labels.key": str(stacks.folder / "labels.key")}
    for manual, ours in given.items():
        assert manual in text, f"the manual's balancer has no {manual}"
        text = text.replace(manual, ours)
    assert "10.0.0." not in text, text
    with Nginx(stacks.folder / name, text):
        yield f"https://127.0.0.1:{port}"


class LeasedOnce:
    """People who lease all samples of a dataset at once, through the balancer, as many at a time as are allowed, and label what they hold."""

    def __init__(self, stacks, url, people, dataset="queue"):
        self.stacks, self.dataset, self.people = stacks, f"{url}/v1/datasets/{dataset}", people
        self.given, self.lock = [], threading.Lock()

    def ask(self, session, path, body):
        answer = session.post(f"{self.dataset}/{path}", json=body, timeout=600)
        assert answer.status_code in (200, 204), f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else {"tasks": []}

    def work(self, person):
        with self.stacks.session(person) as session:
            while held := self.lease(session):
                with self.lock:
                    self.given += held
                self.ask(session, "samples/label", {"ids": held, "label": "cat"})

    def lease(self, session):
        """Until no more are allowed, or there are no more."""
        held = []
        while len(held) < HELD and (tasks := self.ask(session, "tasks", {"count": LEASED_AT_ONCE})["tasks"]):
            held += [task["sample"]["id"] for task in tasks]
        return held

    def run(self):
        """The ids of all leases, in order of their coming."""
        with ThreadPoolExecutor(len(self.people)) as pool:
            for done in [pool.submit(self.work, person) for person in self.people]:
                done.result()
        return self.given


def lease_each_once(folder, samples, people):
    """Two servers hand out all samples; no sample twice, and none is left."""
    people = [f"person{number}" for number in range(people)]
    with services.mongo(nodes=1) as mongo:
        stacks = Stacks(folder, {"MONGODB_CONN_STRING": mongo.uri, "DATABASE_NAME": "two"})
        first = stacks.servers[0]
        first.patience = 600
        for person in people:
            first.add_user(person, role="contributor")
        draw(first.add_dataset("queue", ["cat", "dog"], [sample_name(number) for number in range(samples)]) / "image.png")
        with stacks, balancer(stacks) as url:
            given = LeasedOnce(stacks, url, people).run()
            counts = stacks.session(people[0]).get(f"{url}/v1/datasets/queue").json()["counts"]
            shares = [sum("/tasks" in line["uri"] and line["status"] < 300 for line in server.request_log()) for server in stacks]
        assert not [report for server in stacks for report in server.sanitizer_reports()]
    assert len(given) == len(set(given)), f"{len(given) - len(set(given))} samples were leased twice"
    assert sorted(given) == list(range(samples))
    assert (counts["labelled"], counts["unlabelled"]) == (samples, 0)
    assert min(shares) >= sum(shares) / 4, f"the balancer does not balance: {shares}"
