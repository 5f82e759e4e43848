"""People who do all there is to do, without a pause, and what they were promised by the answers: none of it may be missing
afterwards, whatever happened meanwhile."""
import contextlib
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
from collections import Counter

import requests
from collecting import DEFAULT, picture
from crowd import Crowd
from harness import PLAIN, SCRIPTS, draw

LABELS = ["cat", "dog", "cow"]
SLICE = 40  # pictures of each who labels by name
QUEUE = 400  # pictures that are given out
TUS = {"Tus-Resumable": "1.0.0"}
ANYTHING = object()  # it was asked for something whose outcome depends on what was there


class Unanswered(Exception):
    """The answer promises nothing; nobody knows what became of the request."""


class Promises:
    """Of each thing what it may be: what was answered last, and what has been asked for since."""

    def __init__(self):
        self.may_be = {}

    @contextlib.contextmanager
    def asking(self, thing, value, first=None):
        """While a thing is asked to become this; it has been promised when the block ends without an exception."""
        self.may_be.setdefault(thing, [first]).append(value)
        answered = []
        yield answered
        self.may_be[thing] = [answered[0] if answered else value]

    def broken(self, is_there):
        """What is not as it may be, by the function that tells what it is."""
        found = [(thing, is_there(*thing), values) for thing, values in self.may_be.items() if ANYTHING not in values]
        return [(thing, now, values) for thing, now, values in found
                if not (min(values) <= now <= max(values) if thing[0] == "offset" else now in values)]


def fill_server(collector):
    """Datasets for the people; to be called before it starts."""
    names = [f"{work}-{number}.png" for work in ("classify", "correct", "bulk") for number in range(SLICE)]
    for dataset, pictures in (("animals", names), ("queue", [f"{number}.png" for number in range(QUEUE)])):
        folder = collector.add_dataset(dataset, labels=LABELS, samples=pictures)
        first = draw(folder / pictures[0])
        for name in pictures[1:]:
            os.link(first, folder / name)


class People(Crowd):
    """One for each kind of work. `accepted`: the statuses of an answer that may refuse what was asked for."""

    def __init__(self, collector, promises, accepted, seed, works=()):
        self.collector, self.promises, self.accepted = collector, promises, accepted
        self.command = None
        self.done, self.refused, self.messages, self.failures = Counter(), Counter(), {}, []
        with contextlib.closing(sqlite3.connect(collector.databases / "animals.db")) as database:
            self.ids = dict(database.execute("SELECT filepath, id - 1 FROM samples"))
        works = works or ("classify", "tasks", "correct", "bulk", "put", "forms", "resumed", "remove", "accounts", "export", "backup")
        super().__init__([(getattr(self, work), random.Random(f"{seed} {work}")) for work in works])

    def run(self, work, chance):
        name = work.__name__
        while not self.ended.is_set():
            session = self.collector.session("admin")
            try:
                while not self.ended.is_set():
                    work(session, chance)
                    self.done[name] += 1
            except Unanswered:
                pass
            except requests.RequestException as failure:
                self.refused[type(failure).__name__] += 1
            except Exception as failure:  # noqa: BLE001 - told by the test
                self.failures.append(f"{name}: {failure!r}")
                return
            finally:
                session.close()

    def names(self):
        return [work.__name__ for work, *_ in self.work]

    def least_done(self):
        return min(self.done[name] for name in self.names())

    def answer(self, answer, *statuses):
        """The answer, if it promises something."""
        if answer.status_code in statuses:
            return answer
        assert answer.status_code in self.accepted, f"{answer.request.method} {answer.request.path_url}: {answer.status_code} {answer.text[:300]}"
        self.refused[answer.status_code] += 1
        assert answer.status_code in (502, 504) or answer.json()["message"], answer.text
        self.messages[f"{answer.status_code} {answer.text[:300]}"] = answer.request.path_url
        raise Unanswered

    # --- labels

    def classify(self, session, chance):
        filepath, label = f"classify-{chance.randrange(SLICE)}.png", chance.choice(LABELS)
        body = {"dataset_name": "animals", "base_dir": str(self.collector.images / "animals"), "filepath": filepath, "label": label}
        with self.promises.asking(("label", "animals", filepath), label, ""):
            answer = self.answer(session.post("/classify", json=body), 200)
            assert answer.json() == {"response": True}, answer.text

    def tasks(self, session, chance):
        """Whatever the queue gives; when it has nothing left, what was labelled is taken away again."""
        answer = self.answer(session.post("/v1/datasets/queue/tasks", json={"count": 2}), 200, 204, 409)
        for task in answer.json()["tasks"] if answer.status_code == 200 else ():
            filepath, label = task["sample"]["filepath"], chance.choice(LABELS)
            with self.promises.asking(("label", "queue", filepath), label, ""):
                answer = self.answer(session.post(f"/v1/datasets/queue/tasks/{task['token']}/label", json={"label": label}), 200, 409)
                if answer.status_code == 409:
                    raise Unanswered
                assert answer.json()["label"] == label, answer.text
        if answer.status_code == 204:
            listed = self.answer(session.get("/v1/datasets/queue/samples?state=labelled&limit=50"), 200).json()["items"]
            self.label_all(session, "queue", {item["filepath"]: item["id"] for item in listed}, "")

    def label_all(self, session, dataset, ids, label):
        with contextlib.ExitStack() as asked:
            for filepath in ids:
                asked.enter_context(self.promises.asking(("label", dataset, filepath), label, ""))
            self.answer(session.post(f"/v1/datasets/{dataset}/samples/label", json={"ids": list(ids.values()), "label": label}), 200)

    def bulk(self, session, chance):
        names = [f"bulk-{number}.png" for number in chance.sample(range(SLICE), 10)]
        self.label_all(session, "animals", {name: self.ids[name] for name in names}, chance.choice(LABELS))

    def correct(self, session, chance):
        """Labels by version, and takes the last of it back."""
        filepath, label = f"correct-{chance.randrange(SLICE)}.png", chance.choice(LABELS)
        address, thing = f"/v1/datasets/animals/samples/{self.ids[filepath]}", ("label", "animals", filepath)
        version = self.answer(session.get(address), 200).json()["version"]
        with self.promises.asking(thing, label, ""):
            answer = self.answer(session.post(f"{address}/label", json={"label": label, "version": version}), 200)
            assert answer.json()["label"] == label, answer.text
        if chance.random() < 0.5:
            with self.promises.asking(thing, ANYTHING) as answered:
                answered.append(self.answer(session.post(f"{address}/undo", json={}), 200).json()["label"])

    # --- images

    def sending(self, data):
        return self.promises.asking(("image", hashlib.sha256(data).hexdigest()), True, False)

    def put(self, session, chance):
        data = picture(size=chance.choice([(32, 24), (900, 700)]))
        with self.sending(data):
            name = f"{hashlib.sha256(data).hexdigest()}.png"
            self.answer(session.put(f"/v1/datasets/{DEFAULT}/images/{name}", data=data), 201, 200)

    def forms(self, session, chance):
        data = picture("BMP", chance.choice([(32, 24), (500, 500)]))
        with self.sending(data):
            if chance.random() < 0.5:
                self.answer(session.post("/single_upload/", files={"file": ("a.bmp", data)}), 200)
            else:
                self.answer(session.post(f"/v1/datasets/{DEFAULT}/images", files={"files": ("a.bmp", data)}), 200, 201)

    def resumed(self, session, chance):
        data = picture("BMP", chance.choice([(40, 40), (500, 500)]))
        half = len(data) // 2
        with self.sending(data):
            made = self.answer(session.post(f"/v1/datasets/{DEFAULT}/uploads", headers={**TUS, "Upload-Length": str(len(data))}), 201)
            address = made.headers["Location"].partition(session.base)[2] or made.headers["Location"]
            for at, piece in ((0, data[:half]), (half, data[half:])):
                headers = {**TUS, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
                with self.promises.asking(("offset", address), at + len(piece), 0):
                    self.answer(session.patch(address, data=piece, headers=headers), 204)

    def remove(self, session, _chance):
        data = picture()
        with self.sending(data):
            sent = self.answer(session.post("/single_upload/", files={"file": ("a.png", data)}), 200).json()
        with self.promises.asking(("image", hashlib.sha256(data).hexdigest()), False):
            self.answer(session.delete(f"/v1/datasets/{DEFAULT}/samples/{sent['id']}"), 204)

    # --- the rest

    def accounts(self, session, chance):
        name = f"user{chance.randrange(20)}"
        with self.promises.asking(("user", name), True, False):
            self.answer(session.post("/v1/users", json={"user": name, "role": "annotator"}), 201, 409)
        token = f"token{chance.randrange(10**9)}"
        with self.promises.asking(("token", token), True, False):
            made = self.answer(session.post("/v1/tokens", json={"name": token, "scope": "read"}), 201, 409)
            if made.status_code == 409:  # there are as many as may be
                self.forget_tokens(session)
                raise Unanswered
        if chance.random() < 0.7:
            with self.promises.asking(("token", token), False):
                self.answer(session.delete(f"/v1/tokens/{made.json()['id']}"), 204)
        with self.promises.asking(("user", name), False):
            self.answer(session.delete(f"/v1/users/{name}"), 204, 404)

    def forget_tokens(self, session):
        for item in self.answer(session.get("/v1/tokens?limit=1000"), 200).json()["items"]:
            with self.promises.asking(("token", item["name"]), False):
                self.answer(session.delete(f"/v1/tokens/{item['id']}"), 204)

    def export(self, session, _chance):
        answer = self.answer(session.get("/v1/datasets/animals/export?format=jsonl"), 200)
        assert len(answer.text.splitlines()) == 3 * SLICE

    def backup(self, _session, _chance):
        words = [SCRIPTS / "image-label-backup", "--to", self.collector.folder / "backups", "--config", self.collector.config_file, "--keep", "2", "--json"]
        self.command = subprocess.Popen(words, env=PLAIN, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
        if self.ended.is_set():
            self.kill_command()
        _, said = self.command.communicate()
        if self.command.returncode == 0:
            self.promises.may_be[("backup",)] = [True]
        else:
            self.messages[f"backup: {said.strip()[:300]}"] = self.command.returncode

    def kill_command(self):
        self.ended.set()
        if self.command:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.command.pid, signal.SIGKILL)


class Kept:
    """What a server has, read from its files where that is quicker than asking it."""

    def __init__(self, collector):
        self.collector, self.session = collector, collector.session("admin")
        self.labels, self.images, self.objects = {}, {}, collector.objects()
        for dataset in ("animals", "queue", DEFAULT):
            with contextlib.closing(sqlite3.connect(collector.databases / f"{dataset}.db")) as database:
                assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], dataset
                self.labels[dataset] = dict(database.execute("SELECT filepath, label FROM samples"))
                if dataset == DEFAULT:
                    self.images = dict(database.execute("SELECT sha256, blob_key FROM samples"))
        self.users = {item["user"] for item in self.list("/v1/users")}
        self.tokens = {item["name"] for item in self.list("/v1/tokens")}

    def list(self, path):
        after, items = "", []
        while after is not None:
            answer = self.session.get(path, params={"limit": 1000, **({"after": after} if after else {})})
            assert answer.status_code == 200, answer.text
            items += answer.json()["items"]
            after = answer.json()["next"]
        return items

    def is_there(self, kind, *what):
        if kind == "label":
            return self.labels[what[0]][what[1]]
        if kind == "image":
            digest = what[0] if what[0] in self.images else bytes.fromhex(what[0])
            if digest not in self.images:
                return False
            key = self.images[digest]
            if key not in self.objects:
                return "no bytes"
            return hashlib.sha256(self.collector.object(key)).hexdigest() == what[0] or "other bytes"
        if kind == "user":
            return what[0] in self.users
        if kind == "token":
            return what[0] in self.tokens
        if kind == "offset":
            answer = self.session.head(what[0], headers=TUS)
            return int(answer.headers["Upload-Offset"]) if answer.status_code == 200 else answer.status_code
        words = [SCRIPTS / "image-label-backup", "--to", self.collector.folder / "backups", "--verify"]
        done = subprocess.run(words, env=PLAIN, capture_output=True, text=True)
        return done.returncode == 0 or done.stderr


def findings(collector, *more):
    """What image-label-check finds, {kind: how many}."""
    words = [SCRIPTS / "image-label-check", "--config", collector.config_file, "--state", collector.state, "--json", "--thorough", *more]
    done = subprocess.run(words, env=PLAIN, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return {kind: found for kind, found in json.loads(done.stdout)["findings"].items() if found["found"]}
