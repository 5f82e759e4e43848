"""/metrics: what Prometheus learns of the requests, programs, stores and datasets."""
import io
import json
import os
import re
import signal
import subprocess
import tarfile

import pytest
from collecting import BLOB, DEFAULT, picture
from harness import LIBEXEC, TOP, until
from monitoring import MONITORING, ask, metrics, prometheus, promtool

DURATION = "image_label_http_request_duration_seconds"
STARTED = "image_label_process_start_time_seconds"


@pytest.fixture(scope="module")
def api(tmp_path_factory, collector):
    """That of a real Prometheus, once it has scraped the server and evaluated the rules."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), collector, "viewer") as api:
        until(lambda: any(target["health"] == "up" for target in (ask(api, "targets") or {"activeTargets": []})["activeTargets"]), "a scrape")
        yield api


@pytest.fixture
def viewer(collector):
    return collector.session("viewer")


def of_labels(session):
    return metrics(session).total(DURATION + "_count", program="labels", method="GET", route="/v1/datasets/{dataset}/labels", status="2xx")


def test_prometheus_itself_finds_nothing_wrong(viewer, contributor):
    contributor.get("/v1/datasets/nothing")
    assert promtool("check", "metrics", input=viewer.get("/metrics").text) == ""


def test_samples_and_bytes_are_counted(contributor):
    def now(name, **labels):
        return metrics(contributor).total(name, dataset=DEFAULT, **labels)

    def state():
        return [now("image_label_samples", state="unlabelled"), now("image_label_samples", state="labelled"), now("image_label_queue_depth")]

    data, before, bytes_before = picture(), state(), now("image_label_uploaded_bytes")
    for query in ({}, {"label": "airplanes"}):
        assert contributor.post("/single_upload/", params=query, files={"file": ("a.png", data)}).status_code == 200
        data += b"\0"  # other bytes, the same picture
    assert state() == [before[0] + 1, before[1] + 1, before[2] + 1]
    assert now("image_label_uploaded_bytes") == bytes_before + 2 * len(data) - 3


def test_a_lease_is_counted_while_somebody_holds_it(collector, contributor, viewer):
    def leases():
        return metrics(viewer).total("image_label_leases", dataset=DEFAULT)

    assert contributor.post("/single_upload/", files={"file": ("a.png", picture())}).status_code == 200
    before, annotator = leases(), collector.session("annotator")
    task = annotator.post(f"/v1/datasets/{DEFAULT}/tasks").json()["tasks"][0]
    assert leases() == before + 1
    assert annotator.post(f"/v1/datasets/{DEFAULT}/tasks/{task['token']}/release").status_code < 300
    assert leases() == before


def test_requests_are_counted_by_the_route_that_they_matched(viewer):
    before = metrics(viewer)
    for path in (f"/v1/datasets/{DEFAULT}/labels", f"/v1/datasets/{DEFAULT}/labels?x=1", "/v1/datasets/nothing/labels", "/v1/datasets/nothing/labels/1/2/3"):
        viewer.get(path)
    after = metrics(viewer)

    def more(**labels):
        return after.total(DURATION + "_count", program="labels", **labels) - before.total(DURATION + "_count", program="labels", **labels)

    route = "/v1/datasets/{dataset}/labels"
    assert (more(method="GET", route=route, status="2xx"), more(method="GET", route=route, status="4xx"), more(route="", status="4xx")) == (1, 2, 1)
    assert after.total("image_label_http_requests_total", program="labels", status="4xx") - before.total("image_label_http_requests_total", program="labels", status="4xx") == 3


def test_whatever_addresses_are_asked_for_the_labels_are_those_of_the_tables(collector, viewer):
    for at in range(5):
        for path in (f"/v1/datasets/x{at}", f"/v1/nothing{at}", f"/images/x{at}/y", f"/v1/datasets/{DEFAULT}/samples/{at}{at}", f"/add_label/{at}"):
            viewer.get(path)
    known = {"": {("", "")}}
    for name in {labels["program"] for labels in metrics(viewer).labels(DURATION + "_count")}:
        table = subprocess.run([LIBEXEC / name, "--routes"], capture_output=True, text=True, check=True).stdout
        known[name] = {tuple(line.split("\t")[:2]) for line in table.splitlines()} | known[""]
    for labels in metrics(viewer).labels(DURATION + "_count"):
        assert (labels["method"], labels["route"]) in known[labels["program"]]


def test_a_histogram_goes_up_to_its_count(viewer):
    def is_of(labels, one):
        return one <= set(labels.items())

    viewer.get("/v1/me")
    now = metrics(viewer)
    for labels in now.labels(DURATION + "_count"):
        buckets = sorted((float(has["le"]), now.total(DURATION + "_bucket", **has)) for has in now.labels(DURATION + "_bucket") if is_of(has, set(labels.items())))
        counts = [count for _, count in buckets]
        assert counts == sorted(counts) and buckets[-1] == (float("inf"), now.total(DURATION + "_count", **labels))
        assert now.total(DURATION + "_sum", **labels) > 0


def test_bodies_bytes_are_counted(viewer, contributor):
    before, body = metrics(viewer), picture() + bytes(5000)
    answer = contributor.put(f"/v1/datasets/{DEFAULT}/images/counted.png", data=body)
    assert answer.status_code == 201, answer.text
    after = metrics(viewer)
    assert after.total("image_label_http_received_bytes_total", program="images") - before.total("image_label_http_received_bytes_total", program="images") == len(body)
    assert after.total("image_label_http_sent_bytes_total", program="images") - before.total("image_label_http_sent_bytes_total", program="images") == len(answer.content)


def test_each_program_tells_what_it_uses(collector, viewer):
    now = metrics(viewer)
    programs = {labels["program"] for labels in now.labels(STARTED)}
    assert programs == {socket.stem for socket in (collector.state / "sock").glob("*.sock")}
    for name in programs:
        assert 1 << 20 < now.total("image_label_process_resident_memory_bytes", program=name) < 1 << 32
        assert now.total("image_label_process_cpu_seconds_total", program=name) > 0
        assert 0 < now.total("image_label_process_uptime_seconds", program=name) < 3600
    assert [set(labels) for labels in now.labels("image_label_build_info")] == [{"version"}]
    assert now.total("image_label_ready") == 1
    assert now.total("image_label_disk_free_bytes", disk="state") > now.total("image_label_disk_floor_bytes") == 256 << 20


def test_a_program_that_was_killed_begins_anew(collector, viewer):
    viewer.get(f"/v1/datasets/{DEFAULT}/labels")
    before, counted = metrics(viewer), of_labels(viewer)
    assert counted > 0
    os.kill(collector.processes("labels")[0], signal.SIGKILL)
    until(lambda: metrics(viewer).total(STARTED, program="labels") > before.total(STARTED, program="labels"), "its new table")
    assert of_labels(viewer) == 0
    viewer.get(f"/v1/datasets/{DEFAULT}/labels")
    assert of_labels(viewer) == 1


@pytest.mark.on("sqlite")
def test_a_stores_failures_are_counted(collector, contributor, viewer):
    def failures():
        now = metrics(viewer)
        return [now.total("image_label_store_errors_total", store=store) for store in ("datasets", "images")]

    def archive(name):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            member = tarfile.TarInfo(f"airplanes/{name}.png")
            data = picture()
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        return out.getvalue()

    def put(dataset, name="failing"):
        return contributor.put(f"/v1/datasets/{dataset}/images/{name}.png", data=picture()).status_code

    before, broken, images = failures(), collector.databases / "broken.db", collector.store / "public" / "images"
    assert put(DEFAULT, "first") == 201  # now the folder is there
    broken.write_text("This is no database, but text that is longer than a header of one would be, by some words.")
    assert put("broken") >= 500
    broken.unlink()
    assert failures() == [before[0] + 1, before[1]]
    if BLOB == "fs":
        images.rename(images.with_name("away"))
        images.symlink_to("images")
        assert put(DEFAULT) >= 500
        assert contributor.post("/bulk_upload", files={"files": ("a.png", picture())}).status_code >= 500
        assert contributor.post(f"/v1/datasets/{DEFAULT}/archive", data=archive("a")).status_code >= 500
        images.unlink()
        images.with_name("away").rename(images)
        assert failures() == [before[0] + 1, before[1] + 3]
    assert put("nothing") == 404
    assert sum(failures()) == sum(before) + (4 if BLOB == "fs" else 1)


def test_the_text_is_one_block_a_metric(collector):
    text = collector.session("viewer").get("/metrics").text
    names = [line.split()[2] if line.startswith("#") else re.sub(r"(_bucket|_sum|_count)?[{ ].*", "", line) for line in text.splitlines()]
    blocks = [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]
    assert len(blocks) == len(set(blocks)) and "image_label_store_up" in blocks


def test_nothing_is_told_of_datasets_that_one_may_not_see(collector):
    text = collector.session("guest").get("/metrics").text
    assert 'dataset="secret"' in text and f'dataset="{DEFAULT}"' not in text


def names_in(expression):
    return set(re.findall(r"\bimage_label_\w+", expression))


@pytest.mark.on("sqlite")  # it is the same with any store
def test_the_alerts_fire_when_they_should():
    promtool("check", "rules", MONITORING / "rules.yml")
    promtool("test", "rules", TOP / "tests" / "http" / "alerts.yml")


@pytest.mark.on("sqlite")  # it is the same with any store
def test_a_real_prometheus_evaluates_the_rules_on_a_real_server(api, collector, viewer):
    def rules():
        return ask(api, "rules")["groups"][0]["rules"]

    def alerts():
        return [rule["name"] for rule in rules() if rule["state"] != "inactive"]

    until(lambda: {rule["health"] for rule in rules()} == {"ok"} and alerts() == [], "the rules' evaluation after a scrape")
    assert set().union(*(names_in(rule["query"]) for rule in rules())) <= {name for name, _ in metrics(viewer)}
    if BLOB == "fs":
        away = collector.store.with_name("away")
        collector.store.rename(away)
        until(lambda: "ImageLabelNotReady" in alerts(), "a pending alert")
        away.rename(collector.store)
        until(lambda: "ImageLabelNotReady" not in alerts(), "it is no more")


@pytest.mark.on("sqlite")  # it is the same with any store
def test_the_dashboard_asks_for_metrics_that_there_are(api, viewer):
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    asked += [re.fullmatch(r"label_values\((.*), \w+\)", variable["definition"])[1] for variable in dashboard["templating"]["list"] if "definition" in variable]
    assert len(asked) > 20
    known = {name for name, _ in metrics(viewer)}
    for expression in asked:
        assert names_in(expression) <= known, expression
        assert ask(api, "query", query=re.sub(r"\$(instance|dataset)", ".*", expression.replace("$__rate_interval", "5m"))) is not None
