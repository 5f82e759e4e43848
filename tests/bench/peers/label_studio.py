"""Label Studio from PyPI, as its manual says for pip: its own server, SQLite."""
import os
import signal
import subprocess
import sys
import time

import requests

from harness import TOP
from meter import proportional_memory

sys.path.append(str(TOP / "tests" / "services"))
from ports import free_port, release  # noqa: E402
import services  # noqa: E402

TOKEN = "0123456789abcdef0123456789abcdef01234567"
PASSWORD = "a-password-of-no-value"
CONFIG = ('<View><Image name="image" value="$image"/><Choices name="choice" toName="image"><Choice value="cat"/><Choice value="dog"/>'
          "</Choices></View>")
START_SECONDS = 600  # its first start makes its tables, for minutes on a busy machine


class LabelStudio:
    def __init__(self, folder):
        self.python = services.venv("label-studio")
        self.environment = self.python.parents[1]
        self.version = next(line.split("==")[1] for line in (services.HERE / "label-studio.txt").read_text().splitlines() if line.startswith("label-studio=="))
        self.data, self.log = folder / "label-studio", folder / "label-studio.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Token {TOKEN}"

    def start(self):
        """Until it answers; returns how many seconds that took."""
        words = [self.python.parent / "label-studio", "start", "--no-browser", "--data-dir", self.data, "--port", self.port, "--internal-host", "127.0.0.1",
                 "--username", "admin@example.org", "--password", PASSWORD, "--user-token", TOKEN, "--enable-legacy-api-token"]
        # It would ask PyPI for newer versions, and tell others how it is used.
        environment = {**os.environ, "LATEST_VERSION_CHECK": "false", "COLLECT_ANALYTICS": "false", "SENTRY_DSN": "", "HOME": str(self.data.parent)}
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(word) for word in words], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - begun > START_SECONDS:
                raise RuntimeError("Label Studio does not start: " + self.log.read_text(errors="replace")[-400:])
            time.sleep(0.02)
        return time.monotonic() - begun

    def answers(self):
        try:
            return self.session.get(self.url + "/health", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def stop(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()
            self.process = None

    def close(self):
        self.stop()
        release(self.port)

    def memory(self):
        return proportional_memory([self.process.pid])

    def ask(self, method, path, **options):
        answer = self.session.request(method, self.url + path, timeout=600, **options)
        assert answer.status_code in (200, 201), f"{method} {path}: {answer.status_code} {answer.text[:400]}"
        return answer

    def sign_up(self, name):
        """Another person, by the page; returns the Authorization header."""
        with requests.Session() as session:
            session.trust_env = False
            session.get(self.url + "/user/signup/", timeout=60)
            form = {"csrfmiddlewaretoken": session.cookies["csrftoken"], "email": f"{name}@example.org", "password": PASSWORD}
            session.post(self.url + "/user/signup/", data=form, headers={"Referer": self.url}, timeout=60)
            return "Token " + session.get(self.url + "/api/current-user/token", timeout=60).json()["token"]

    def project(self):
        return self.ask("POST", "/api/projects", json={"title": "bench", "label_config": CONFIG}).json()["id"]

    def load(self, project, count):
        """Tasks with addresses of images, which it does not look at; returns how many seconds that took."""
        begun = time.monotonic()
        answer = self.ask("POST", f"/api/projects/{project}/import", json=[{"image": f"https://images.example.org/{number}.jpg"} for number in range(count)])
        assert answer.json()["task_count"] == count, answer.text
        return time.monotonic() - begun

    def export(self, project):
        """The labelled tasks, and how many seconds they took."""
        begun = time.monotonic()
        tasks = self.ask("GET", f"/api/projects/{project}/export?exportType=JSON").json()
        return tasks, time.monotonic() - begun
