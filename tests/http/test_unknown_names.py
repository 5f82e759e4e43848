"""/v1 refuses unknown query parameters and fields; requests of the older systems' clients may have them."""
import pytest
from collecting import DEFAULT, assert_problem, picture

DATASET = f"/v1/datasets/{DEFAULT}"
READ = ["/v1/datasets", "/v1/me", DATASET, *(f"{DATASET}/{what}" for what in (
    "labels", "samples", "tasks", "samples/0", "samples/0/image", "samples/0/thumb", "samples/0/history"))]  # fmt: skip
WRITTEN = [
    ("POST", "/v1/datasets", {"name": "never"}),
    ("PATCH", DATASET, {"policy": {}}),
    ("DELETE", DATASET, None),
    ("POST", f"{DATASET}/labels", {"name": "never"}),
    ("POST", f"{DATASET}/tasks", {"count": 1}),
    ("POST", f"{DATASET}/tasks/none/label", {"label": "airplanes"}),
    ("POST", f"{DATASET}/tasks/none/renew", {}),
    ("POST", f"{DATASET}/tasks/none/release", {}),
    ("POST", f"{DATASET}/tasks/none/skip", {}),
    ("PUT", f"{DATASET}/images/never.png", None),
    ("POST", f"{DATASET}/images", None),
    ("POST", f"{DATASET}/archive", None),
    ("POST", f"{DATASET}/uploads", None),
]


@pytest.fixture(scope="module", autouse=True)
def sample(collector):
    assert collector.session("contributor").put(f"{DATASET}/images/a.png", data=picture()).status_code == 201


@pytest.mark.parametrize("path", READ)
def test_an_unknown_query_parameter_is_refused(admin, path):
    assert admin.get(path).status_code == 200
    assert_problem(admin.get(path, params={"nosuch": "1"}), 400, "nosuch")
    assert_problem(admin.get(path, params={"Limit": "1"}), 400, "Limit")


@pytest.mark.parametrize("name", ["filepath", "labels", "user", "query", "flag", "offset"])
def test_a_filter_that_there_is_none_of_is_not_answered_with_all(admin, name):
    assert_problem(admin.get(f"{DATASET}/samples", params={"limit": 1, name: "cat"}), 400, name)


@pytest.mark.parametrize("method, path, body", WRITTEN, ids=lambda value: value if isinstance(value, str) else "")
def test_an_unknown_name_changes_nothing(collector, admin, method, path, body):
    before = admin.get(DATASET).json(), admin.get("/v1/datasets").json(), collector.stored()
    assert_problem(admin.request(method, path, params={"nosuch": "1"}, **({"json": body} if body is not None else {})), 400, "nosuch")
    if body is not None:
        assert_problem(admin.request(method, path, json={**body, "nosuch": 1}), 400, "nosuch")
    assert (admin.get(DATASET).json(), admin.get("/v1/datasets").json(), collector.stored()) == before


def test_the_older_systems_clients_may_send_more(admin):
    name = {"dataset_name": DEFAULT, "more": 1}
    assert admin.post("/size?more=1", json=name).status_code == 200
    answer = admin.post("/obtain?more=1", json={**name, "id": 0})
    assert answer.status_code == 200
    whole = {"dataset_name": DEFAULT, "base_dir": "", "filepath": "a.png", "labels": ["airplanes"], "label": "airplanes"}
    assert admin.post("/classify", json=whole).json() == {"response": True}
    assert admin.get("/fetch?more=1").status_code == 200
    assert admin.post("/add_label/another?more=1").status_code == 200
    assert admin.post("/single_upload/?more=1", files={"file": ("b.png", picture())}).status_code == 200
