"""Runs schemathesis on a server's openapi.json: whether the answers to any requests are those described."""
import contextlib
import json
import os
import subprocess

from collecting import DEFAULT, Collector
from harness import TOP, draw

import services  # (collecting.py put it into the path)

CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "negative_data_rejection", "missing_required_header", "unsupported_method"]
# By which bad data may be refused, beside 401, 403 and 404 of what comes before it is looked at.
REFUSALS = [400, 401, 403, 404, 405, 409, 411, 412, 413, 414, 415, 422, 429, 431, "5xx"]
SAMPLES = 40
LEAVERS = [f"leaver{number}" for number in range(20)]  # whose passwords are changed, and who are refused from then on
KEY = "ExploresWithoutAnyEndQ"  # as one is generated: who guesses at it, as explorers do, keeps nobody out who has it
LINE_MAX = 400  # of what it says: addresses may be of 16 KiB
# Values that are there, and are taken more often than others, so that more than the checks of names is reached.
OFTEN = 0.8


@contextlib.contextmanager
def explorable(folder, variables):
    """A running server with what requests find: datasets in place and uploaded, labels, leases; and the names of these."""
    collector = Collector(folder, variables)
    for role in ("viewer", "admin"):
        collector.add_user(role, KEY, role=role)
    for name in LEAVERS:
        collector.add_user(name, KEY)
    collector.add_dataset("demo", samples=SAMPLES)
    try:
        collector.start()
        yield collector, fill(collector)
    finally:
        collector.stop()
    assert not (reports := collector.sanitizer_reports()), "\n".join(reports)


def fill(collector):
    admin = collector.session("admin")
    image = draw(collector.folder / "uploaded.png").read_bytes()
    assert admin.put("/v1/datasets/secret/images/a/uploaded.png?label=cat", data=image).status_code == 201
    assert admin.post("/v1/datasets", json={"name": "to be removed"}).status_code == 201
    for user in ("to-be-removed", "to-be-changed"):
        assert admin.post("/v1/users", json={"user": user}).status_code == 201
    script = admin.post("/v1/tokens", json={"name": "script", "scope": "read"}).json()
    tasks = admin.post("/v1/datasets/demo/tasks", json={"count": SAMPLES // 2}).json()["tasks"]
    upload = admin.post("/v1/datasets/demo/uploads", headers={"Upload-Length": "100", "Tus-Resumable": "1.0.0"})
    return {
        "datasets": ["demo", "secret", DEFAULT],
        "samples": list(range(SAMPLES)),
        "tokens": [task["token"] for task in tasks],
        "uploads": [upload.headers["Location"].rsplit("/", 1)[1]],
        "labels": ["cat", "dog"],
        "keys": ["0", "1"],
        "scripts": [script["id"]],
        "filepaths": ["image1.png", "a/uploaded.png", "new/image.png"],
    }


PARAMETERS = {"path.dataset": "datasets", "path.id": "samples", "path.token": "tokens", "path.filepath": "filepaths", "query.dataset": "datasets",
              "query.label": "labels", "path.key": "keys", "body.into": "keys", "body.ids[*]": "samples", "body.dataset_name": "datasets", "body.label": "labels", "body.filepath": "filepaths"}  # fmt: skip
# Of operations that are about something else by the same name, or that would take away what the others find.
OTHERWISE = {"appendUpload": {"path.id": "uploads"}, "uploadOffset": {"path.id": "uploads"}, "uploadOptions": {"path.id": "uploads"},
             "removeToken": {"path.id": "scripts"}, "image": {"path.name": "datasets"}, "addLabelByPath": {"path.name": "labels"}}  # fmt: skip
FIXED = {"removeDataset": {"path.dataset": "to be removed"}, "removeUser": {"path.user": "to-be-removed"},
         "changeUser": {"path.user": "to-be-changed"}, "newKey": {"path.user": "to-be-changed"}}  # fmt: skip


def configuration(values):
    """schemathesis.toml; JSON's strings, numbers and lists are TOML's, too."""
    lines = [f"[dictionaries.{name}]\nvalues = {json.dumps(those)}" for name, those in values.items()]
    lines.append("[parameters]")
    lines += bindings(PARAMETERS)
    for check in ("negative_data_rejection", "missing_required_header"):
        lines.append(f"[checks.{check}]\nexpected-statuses = {json.dumps(REFUSALS)}")
    lines.append("[generation]\nallow-x00 = true")
    for operation, parameters in OTHERWISE.items():
        lines += [f'[[operations]]\ninclude-operation-id = "{operation}"', "[operations.parameters]", *bindings(parameters)]
    for operation, parameters in FIXED.items():
        lines += [f'[[operations]]\ninclude-operation-id = "{operation}"', "[operations.parameters]"]
        lines += [f'"{name}" = {json.dumps(value)}' for name, value in parameters.items()]
    return "\n".join(lines) + "\n"


def bindings(parameters):
    return [f'"{name}" = {{dictionary = "{those}", probability = {OFTEN}}}' for name, those in parameters.items()]


def explore(collector, folder, user, values, *, examples, seed, phases):
    """Asks everything as this user; fails with what schemathesis found."""
    python = services.venv("schemathesis")
    folder.mkdir(exist_ok=True)
    (folder / "schemathesis.toml").write_text(configuration(values))
    words = [python, "-B", "-m", "schemathesis.cli", "run", f"{collector.url}/openapi.json", "-a", f"{user}:{collector.passwords[user]}",
             "--checks", ",".join(CHECKS), "--phases", ",".join(phases), "-n", str(examples), "--seed", str(seed), "--continue-on-failure",
             "--generation-database", "none", "--request-timeout", "60", "--no-shrink", "--no-color", "--warnings", "off"]  # fmt: skip
    environment = {**os.environ, "LEAVERS": json.dumps([(name, KEY) for name in LEAVERS]), "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
                   "PYTHONPATH": str(TOP / "tests" / "services"), "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=3000)
    errors = [line for log in (collector.state / "log").glob("*.log") for line in log.read_text(errors="replace").splitlines() if '"level":"error"' in line]
    assert not errors, "\n".join(errors[:20])
    assert not [entry for entry in collector.request_log() if entry["user"] == user and entry["status"] == 429], "the brake on passwords answers"
    assert done.returncode == 0, "\n".join(line[:LINE_MAX] for line in (done.stdout + done.stderr).splitlines()[-400:])
