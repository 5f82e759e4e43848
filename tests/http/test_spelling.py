"""Labels in either of Unicode's forms, NFC and NFD (of macOS), are one label, even where an older database has
the latter."""
import contextlib
import sqlite3
import unicodedata

import pytest
from collecting import DEFAULT, picture, samples
from harness import draw
from test_archive import load, tar
from test_archive_bad_input import zipped

CAFE = "Café"
FORMS = {form: unicodedata.normalize(form, CAFE) for form in ("NFC", "NFD")}


def names(session, dataset=DEFAULT):
    return [label["name"] for label in session.get(f"/v1/datasets/{dataset}").json()["labels"]]


def test_a_label_is_one_however_its_images_come(collector, contributor):
    for form in ("NFD", "NFC", "NFD"):
        for make in (tar, zipped):
            (line,), summary = load(contributor, make((f"{FORMS[form]}/{make.__name__}.png", picture())))
            assert "id" in line or "already" in line["error"]  # NFC and NFD of a filepath are two
        put = contributor.put(f"/v1/datasets/{DEFAULT}/images/{form}.png", params={"label": FORMS[form]}, data=picture())
        assert put.status_code in (201, 409), put.text
        added = contributor.post(f"/v1/datasets/{DEFAULT}/labels", json={"name": FORMS[form]})
        assert added.status_code == 200 and added.json()["name"] == CAFE
        assert contributor.post(f"/add_label/{FORMS[form]}").json()["S3-Response"]["Created"] is False
        single = contributor.post("/single_upload/", params={"label": FORMS[form]}, files={"file": ("a.png", picture())})
        assert single.status_code == 200 and single.json()["label"] == CAFE
    assert [name for name in names(contributor) if name not in collector.labels] == [CAFE]
    assert {sample["label"] for sample in samples(contributor)} == {CAFE}


@pytest.mark.on("sqlite")
def test_an_older_databases_spelling_stays_and_is_found(make_server):
    server = make_server()
    server.add_user("ann", role="contributor")
    server.databases.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(server.databases / "old.db")) as database, database:
        database.execute("CREATE TABLE metadata (dataset_name TEXT, base_dir TEXT)")
        database.execute("CREATE TABLE labels (label TEXT)")
        database.execute("CREATE TABLE samples (filepath TEXT, label TEXT)")
        database.execute("INSERT INTO metadata VALUES ('old', ?)", (str(server.folder),))
        database.execute("INSERT INTO labels VALUES (?)", (FORMS["NFD"],))
        for number in range(2):
            draw(server.folder / f"{number}.png")
            database.execute("INSERT INTO samples VALUES (?, '')", (f"{number}.png",))
    server.start()
    ann = server.session("ann")
    for number, form in enumerate(FORMS):
        said = {"dataset_name": "old", "base_dir": str(server.folder), "filepath": f"{number}.png", "label": FORMS[form]}
        assert ann.post("/classify", json=said).json() == {"response": True}
        assert ann.post("/v1/datasets/old/labels", json={"name": FORMS[form]}).status_code == 200
    assert names(ann, "old") == [FORMS["NFD"]]
    assert {sample["label"] for sample in samples(ann, "old")} == {FORMS["NFD"]}
