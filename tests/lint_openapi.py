"""Compares openapi.json with the programs' tables of routes, and keeps it in a form in which additions seldom
conflict."""
import json
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
DESCRIPTION = TOP / "nginx" / "html" / "openapi.json"
PROGRAMS = TOP / "build" / "release" / "bin"
SORTED = ("paths", "parameters", "responses", "schemas")  # sorted by name, so that additions for different things lie apart
LINE_MAX = 120
ANYTHING = "*"  # of routes that pass over what they do not know
LONG = {"filepath", "q"}  # parameters of which an address can become too long for nginx (414)
OF_NGINX = {("get", "/openapi.json"), ("get", "/public/{key}")}  # without a program


def description():
    return json.loads(DESCRIPTION.read_text())


def formed(value, indent="", key=""):
    """JSON on one line where that is short, else an entry a line; a path is never on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or (len(indent) + len(key) + len(flat) < LINE_MAX and not key.startswith('"/')):
        return flat
    inner = indent + "  "
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + formed(item, inner) for item in value) + f"\n{indent}]"
    entries = [(json.dumps(name, ensure_ascii=False) + ": ", item) for name, item in value.items()]
    if key.strip('": ') in SORTED and all(isinstance(item, dict) for item in value.values()):
        entries.sort(key=lambda entry: entry[0])
    return "{\n" + ",\n".join(inner + name + formed(item, inner, name) for name, item in entries) + f"\n{indent}}}"


def the_form_of_the_description():
    """openapi.json has the form that this file gives it: sorted, and an entry a line."""
    if DESCRIPTION.read_text() != formed(description()) + "\n":
        yield "nginx/html/openapi.json is not in its form: run tests/lint.py --write"


# --- what the programs know


def served():
    """{(method, path): (role, query parameters, fields)} of all programs; a list is None where anything is
    accepted."""
    routes = {}
    for program in sorted(PROGRAMS.iterdir()):
        if not (TOP / "cgi" / f"{program.name}.c").read_text().count("program_run("):
            continue
        table = subprocess.run([program, "--routes"], capture_output=True, text=True, check=True).stdout
        for line in table.splitlines():
            method, path, role, query, fields = line.split("\t")
            if not path.startswith("/."):  # nginx's own questions
                names = [None if text == ANYTHING else sorted(text.split()) for text in (query, fields)]
                routes[method.lower(), plain(path)] = (role, *names)
    return routes


def plain(path):
    """The path in OpenAPI's syntax; one with a slash at its end is the same."""
    return path.replace("...}", "}").rstrip("/")


# --- what the description says


def resolved(document, value):
    while isinstance(value, dict) and "$ref" in value:
        name, value = value["$ref"], document
        for part in name.removeprefix("#/").split("/"):
            value = value[part]
    return value


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield (method, path), operation


def parameters(document, operation, place):
    found = [resolved(document, parameter) for parameter in operation.get("parameters", [])]
    return sorted(parameter["name"] for parameter in found if parameter["in"] == place)


def body_schema(document, operation):
    content = resolved(document, operation.get("requestBody", {})).get("content", {})
    return resolved(document, content["application/json"]["schema"]) if "application/json" in content else None


def fields(document, operation):
    return sorted((body_schema(document, operation) or {}).get("properties", {}))


def role(operation):
    """The least role that is needed: none if a password is enough, or not even needed."""
    return next((role for asked in operation["security"] for roles in asked.values() for role in roles), "none")


def may_be_null(document, schema):
    schema = resolved(document, schema)
    among = schema.get("anyOf", []) + schema.get("oneOf", [])
    return schema == {} or "null" in schema.get("type", []) or None in schema.get("enum", []) or {"type": "null"} in among


def optional_fields(document, operation):
    schema = body_schema(document, operation) or {}
    return {name: field for name, field in schema.get("properties", {}).items() if name not in schema.get("required", [])}


# --- both


def differences(document, routes):
    described = dict(operations(document))
    for method, path in sorted(routes.keys() - described.keys()):
        yield f"{method} {path} is a program's route, and not described"
    for method, path in sorted(described.keys() - routes.keys() - OF_NGINX):
        yield f"{method} {path} is described, and no program's route"
    for key in sorted(routes.keys() & described.keys()):
        said = (role(described[key]), parameters(document, described[key], "query"), fields(document, described[key]))
        for what, wanted, found in zip(("role", "query parameters", "fields"), routes[key], said):
            if wanted is not None and wanted != found:
                yield f"{' '.join(key)}: the program's {what}: {wanted}; described: {found}"


def gaps(document):
    """What an operation lacks that all of its kind have."""
    names = [operation["operationId"] for _, operation in operations(document)]
    for (method, path), operation in operations(document):
        body, statuses = body_schema(document, operation), operation["responses"].keys()
        missing = {"5XX"} | ({"401", "429"} if operation["security"] else set())
        if LONG & {*parameters(document, operation, "path"), *parameters(document, operation, "query")}:
            missing |= {"414"}
        if path.startswith("/v1/"):
            missing |= {"400"} | ({"404"} if "{" in path else set()) | ({"413", "415"} if body is not None else set())
            if method == "post":
                missing |= {"409", "422"}  # because of an Idempotency-Key
                if "Idempotency-Key" not in parameters(document, operation, "header"):
                    yield f"{method} {path}: takes an Idempotency-Key as every POST does"
            for name, field in optional_fields(document, operation).items():
                if not may_be_null(document, field):
                    yield f"{method} {path}: {name} may be left out, so it may be null: run tests/lint.py --write"
            if body is not None and body.get("type") != "array" and body.get("additionalProperties") is not False:
                yield f"{method} {path}: a body of /v1 has no other fields: \"additionalProperties\": false"
        if missing := missing - statuses:
            yield f"{method} {path}: does not describe {', '.join(sorted(missing))}"
        if parameters(document, operation, "path") != sorted(part[1:-1] for part in path.split("/") if part.startswith("{")):
            yield f"{method} {path}: its parameters are not those of its path"
        if names.count(operation["operationId"]) > 1:
            yield f"{method} {path}: its operationId is another's, too"


def the_description_and_the_programs():
    """openapi.json describes exactly the existing routes, with their roles, query parameters and fields."""
    for finding in [*differences(description(), served()), *gaps(description())]:
        yield f"nginx/html/openapi.json: {finding}"


def write():
    document = description()
    for (_, path), operation in operations(document):
        for name, field in optional_fields(document, operation).items():
            if path.startswith("/v1/") and not may_be_null(document, field):
                body_schema(document, operation)["properties"][name] = nullable(field)
    DESCRIPTION.write_text(formed(document) + "\n")


def nullable(schema):
    """The schema that a program accepts for an optional field."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


CHECKS = [the_form_of_the_description, the_description_and_the_programs]
