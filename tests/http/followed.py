"""Runs scripts/image-label-follow on a dataset, kills it, and compares its folder with an export of class folders."""
import contextlib
import io
import os
import random
import signal
import subprocess
import tarfile
import threading

from collecting import picture, samples
from harness import DEADLINE, SCRIPTS, files, until

SCRIPT = SCRIPTS / "image-label-follow"
# Kills the process before the given one of the steps that it takes outside of itself.
KILLER = """
import os, sys
left = int(os.environ["KILL_AT"])
def count(event, arguments):
    global left
    step = event in ("os.rename", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "http.client.send")
    if step or event == "open" and isinstance(arguments[1], str) and "w" in arguments[1]:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
sys.addaudithook(count)
"""


class Followed:
    """A folder that follows a dataset."""

    def __init__(self, server, dataset, folder, user="viewer", options=()):
        self.server, self.dataset, self.folder, self.user, self.options = server, dataset, folder, user, options
        self.images = folder.with_name(folder.name + ".images")

    def start(self, *words, env=None):
        words = [SCRIPT, "-u", self.user, "-d", self.dataset, "-b", self.server.url, "--verbose", *self.options, *words, self.folder]
        environment = {**os.environ, "IMAGE_LABEL_PASSWORD": self.server.passwords[self.user], **(env or {})}
        return subprocess.Popen(list(map(str, words)), env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def once(self, *words, fails=0):
        """Follows until the folder is as the dataset; what it says on stderr."""
        process = self.start("--once", *words)
        self.printed, said = process.communicate(timeout=DEADLINE)
        assert process.returncode == fails, said
        return said

    @contextlib.contextmanager
    def following(self, *words):
        process = self.start(*words)
        try:
            yield process
            assert process.poll() is None, process.communicate()
        finally:
            process.kill()
            process.communicate()

    def killed(self, steps):
        """Follows until it kills itself before this step."""
        killer = self.folder.with_name("killer")
        killer.mkdir(exist_ok=True)
        (killer / "sitecustomize.py").write_text(KILLER)
        process = self.start(env={"KILL_AT": str(steps), "PYTHONPATH": str(killer), "PYTHONDONTWRITEBYTECODE": "1"})
        said = process.communicate(timeout=DEADLINE)
        assert process.returncode == -signal.SIGKILL, said

    def links(self):
        """{FOLDER/NAME: the bytes to which the link leads}"""
        found = {}
        for path in files(self.folder):
            if path.is_symlink():
                name = str(path.relative_to(self.folder))
                found[name] = None
                with contextlib.suppress(FileNotFoundError):
                    found[name] = path.read_bytes()
            else:
                assert path.parent == self.folder or not path.is_file() or path.is_symlink(), f"{path} is not a link"
        return found

    def wanted(self):
        """The same of an export."""
        answer = self.server.session(self.user).get(f"/v1/datasets/{self.dataset}/export", params={"format": "classfolders"})
        assert answer.status_code == 200, answer.text
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
            return {member.name: tar.extractfile(member).read() for member in tar if member.isfile() and "/" in member.name}

    def trouble(self):
        """Why the folder is not as the dataset; None: it is."""
        links, wanted = self.links(), self.wanted()
        if links != wanted:
            return f"links {sorted(links)}, wanted {sorted(wanted)}"
        if empty := [place for place, folders, names in os.walk(self.folder) if not folders and not names and place != str(self.folder)]:
            return f"empty folders {empty}"
        if self.images.exists():
            led_to = {path.resolve() for path in files(self.folder) if path.is_symlink()}
            if (left := {path for path in self.images.iterdir()} - led_to) != {self.images / ".image-label-follow"}:
                return f"images without a link {left}"
        return None

    def assert_in_step(self):
        assert (trouble := self.trouble()) is None, trouble

    def comes_in_step(self):
        troubles = []
        try:
            until(lambda: troubles.append(self.trouble()) or troubles[-1] is None, "the folder is as the dataset")
        except AssertionError:
            raise AssertionError(troubles[-1])


@contextlib.contextmanager
def changing(server, dataset, seed, labels=("cat", "dog", "bird")):
    """A dataset in which everything that changes a sample happens all the time."""
    admin, chance, ended = server.session("admin"), random.Random(seed), threading.Event()
    route = f"/v1/datasets/{dataset}"

    def change():
        ids = [sample["id"] for sample in samples(admin, dataset)]
        done = chance.random()
        one = f"{route}/samples/{chance.choice(ids)}" if ids else ""
        if done < 0.15 or not ids:
            name = f"{chance.randrange(9)}/{chance.getrandbits(40)}.png"
            return admin.put(f"{route}/images/{name}", data=picture(), params={"label": chance.choice(labels)} if done < 0.1 else {})
        if done < 0.22:
            return admin.delete(one)
        if done < 0.32:
            return admin.post(one + "/undo")
        if done < 0.4:
            return admin.post(f"{route}/samples/label", json={"ids": chance.sample(ids, len(ids) // 2), "label": chance.choice(labels)})
        return admin.post(one + "/label", json={"label": chance.choice((*labels, ""))})

    def go_on():
        while not ended.is_set():
            answer = change()
            assert answer.status_code < 300 or answer.status_code in (404, 409), answer.text

    failures = []

    def run():
        try:
            go_on()
        except Exception as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert not failures, failures


def assert_killed_and_in_step(server, dataset, folder, kills, seed):
    """A follower that is killed as often as this misses nothing, though it lists the dataset only once."""
    followed, chance = Followed(server, dataset, folder), random.Random(seed)
    followed.once()
    with changing(server, dataset, seed):
        for _ in range(kills):
            followed.killed(chance.randrange(2, 60))
    said = followed.once()
    assert said == "", said  # it did not list the dataset again
    followed.assert_in_step()
