"""openapi.json is served, and true of the server's answers; the check that compares it with the programs sees
differences.

(The check itself is run by tests/run lint: it needs no server.)
"""
import copy
import re
import subprocess
import sys

import pytest
from harness import TOP

import services  # (harness.py put it into the path)

sys.path.insert(0, str(TOP / "tests"))
import lint_openapi  # noqa: E402

DESCRIPTION = lint_openapi.description()


def properties(schema):
    return set(DESCRIPTION["components"]["schemas"][schema]["properties"])


def test_it_is_openapi():
    words = [services.venv("schemathesis"), "-m", "openapi_spec_validator", lint_openapi.DESCRIPTION]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_served_to_who_has_a_password(ann, anyone):
    served = ann.get("/openapi.json")
    assert served.json() == DESCRIPTION
    assert served.headers["Content-Type"] == "application/json"
    assert anyone.get("/openapi.json").status_code == 401


def test_documents_have_the_fields_that_are_described(ann):
    """Those and no others: a field that is added is described."""
    dataset = ann.get("/v1/datasets/demo?activity=true").json()
    sample = ann.get("/v1/datasets/demo/samples/0").json()
    assert set(dataset) == properties("Dataset") - {"publishing"}
    assert set(dataset["policy"]) == properties("Policy") == properties("PolicyChange")
    assert set(dataset["labels"][0]) == properties("Label")
    assert set(sample) == properties("Sample") - {"gold", "said"}  # which only contributors are told, and one list has
    assert set(ann.get("/v1/me").json()) == properties("Me") - {"token", "scope"}
    (task,) = ann.post("/v1/datasets/demo/tasks").json()["tasks"]
    assert set(task) == properties("Task")
    labelled = ann.post(f"/v1/datasets/demo/tasks/{task['token']}/label", json={"label": "cat"})
    assert labelled.status_code == 200
    (event,) = ann.get(f"/v1/datasets/demo/samples/{labelled.json()['id']}/history").json()["items"]
    assert set(event) == properties("Event")
    assert set(ann.get("/v1/datasets/none").json()) == properties("Problem") - {"type"}


def address(path):
    return re.sub(r"\{\w+\}", "x", path)


@pytest.mark.parametrize("key", [key for key, _ in lint_openapi.operations(DESCRIPTION)])
def test_a_password_is_asked_for_where_it_is_described(anyone, key):
    method, path = key
    operation = DESCRIPTION["paths"][path][method]
    assert (anyone.request(method, address(path)).status_code == 401) == bool(operation["security"])


def table_of(document):
    """The programs' routes as they are where all is described."""
    return {
        key: (
            lint_openapi.role(operation),
            lint_openapi.parameters(document, operation, "query"),
            lint_openapi.fields(document, operation),
        )
        for key, operation in lint_openapi.operations(document)
        if key not in lint_openapi.OF_NGINX
    }


SAMPLES, TASKS = "/v1/datasets/{dataset}/samples", "/v1/datasets/{dataset}/tasks"
CHANGES = {
    "a route that is not described": lambda document: document["paths"].pop(TASKS),
    "a path that is no route": lambda document: document["paths"].update({"/v1/none": document["paths"]["/v1/me"]}),
    "a method that is no route": lambda document: document["paths"][SAMPLES].update(delete=document["paths"][SAMPLES]["get"]),
    "a parameter that is not described": lambda document: document["paths"][SAMPLES]["get"].pop("parameters"),
    "a parameter that is not known": lambda document: document["paths"][SAMPLES]["get"]["parameters"].append({"name": "x", "in": "query"}),
    "a field that is not described": lambda document: body(document)["properties"].pop("count"),
    "a field that is not known": lambda document: body(document)["properties"].update(x={}),
    "another role": lambda document: document["paths"][TASKS]["post"].update(security=[{"password": ["admin"]}]),
}


def body(document):
    return lint_openapi.body_schema(document, document["paths"][TASKS]["post"])


@pytest.mark.parametrize("what", CHANGES)
def test_a_difference_is_found(what):
    changed = copy.deepcopy(DESCRIPTION)
    CHANGES[what](changed)
    assert list(lint_openapi.differences(changed, table_of(DESCRIPTION)))
    assert not list(lint_openapi.differences(DESCRIPTION, table_of(DESCRIPTION)))
