"""/healthz and /readyz: what monitors learn about the stores."""
import pytest
from collecting import BLOB
from harness import until

READY = {"status": "ready", "datasets": 2, "unavailable": 0, "dataset_store": "ok", "image_store": "ok", "every_dataset": "ok", "disk": "ok"}


@pytest.fixture
def anyone(collector):
    return collector.session()


def until_ill(session):
    """The first answer that says that something is wrong."""
    answers = []
    until(lambda: answers.append(session.get("/healthz")) or answers[-1].status_code != 200, "it is noticed")
    assert answers[-1].status_code == 503, answers[-1].text
    told = answers[-1].json()
    assert told["status"] == "unavailable"
    return told


def test_healthz_says_without_a_password_that_both_stores_work(anyone):
    answer = anyone.get("/healthz")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"status": "ok", "dataset_store": "ok", "image_store": "ok"}
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.on("fs")
def test_an_image_store_that_is_gone_is_503_with_the_reason_until_it_is_back(make_collector):
    collector = make_collector().start()
    anyone, away = collector.session(), collector.store.with_name("away")
    collector.store.rename(away)
    told = until_ill(anyone)
    assert told["dataset_store"] == "ok"
    assert str(collector.store) in told["image_store"] and told["message"] == told["image_store"]
    metrics = collector.session("viewer").get("/metrics").text
    assert 'image_label_store_up{store="images",type="fs"} 0\n' in metrics and "image_label_ready 0\n" in metrics
    away.rename(collector.store)
    until(lambda: anyone.get("/healthz").status_code == 200, "it is noticed that it is back")


@pytest.mark.on("sqlite")
def test_both_stores_that_are_gone_are_told(make_collector):
    collector = make_collector().start()
    anyone = collector.session()
    for folder in (collector.databases, collector.store):
        folder.rename(folder.with_name(folder.name + ".away"))
    told = until_ill(anyone)
    assert str(collector.databases) in told["dataset_store"]
    if BLOB == "fs":
        assert str(collector.store) in told["image_store"]
        assert told["message"] == f"{told['dataset_store']}; {told['image_store']}"
    metrics = collector.session("viewer").get("/metrics")
    assert metrics.status_code == 200 and "image_label_samples" not in metrics.text
    answer = anyone.get("/readyz")
    ready = answer.json()
    assert (answer.status_code, ready["status"]) == (503, "unavailable")
    assert str(collector.databases) in ready["dataset_store"] and ready["dataset_store"] in ready["message"]
    assert BLOB != "fs" or (str(collector.store) in ready["image_store"] and ready["image_store"] in ready["message"])
    for folder in (collector.databases, collector.store):
        folder.with_name(folder.name + ".away").rename(folder)
    until(lambda: anyone.get("/readyz").json() == READY, "it is noticed that they are back")


@pytest.mark.on("sqlite")
def test_readyz_says_when_a_dataset_cannot_be_served(make_collector):
    collector = make_collector().start()
    anyone = collector.session()
    answer = anyone.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, READY)
    (collector.databases / "broken.db").write_text("This is no database, but text that is longer than a header of one would be, by some words.")
    until(lambda: anyone.get("/readyz").status_code == 503, "it is noticed")
    told = anyone.get("/readyz").json()
    assert told == READY | {"status": "unavailable", "datasets": 3, "unavailable": 1, "every_dataset": told["message"], "message": told["message"]}
    assert "1 of 3" in told["message"] and "broken" not in told["message"]
    assert "broken" in {line.get("dataset") for line in collector.program_log("health")}
    assert anyone.get("/healthz").status_code == 200
    (collector.databases / "broken.db").unlink()
    until(lambda: anyone.get("/readyz").status_code == 200, "it is noticed that it is well again")


def test_a_server_whose_disk_is_nearly_full_is_alive_but_not_ready(make_collector):
    server = make_collector(config={"limits": {"disk_free_bytes": 1 << 50}}).start()
    anyone = server.session()
    answer = anyone.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told) == (503, READY | {"status": "unavailable", "disk": told["message"], "message": told["message"]})
    assert "limits.disk_free_bytes" in told["message"]
    assert anyone.get("/healthz").status_code == 200
    server.config["limits"]["disk_free_bytes"] = 0
    server.write_config()
    assert server.reload().returncode == 0
    answer = anyone.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, READY)
