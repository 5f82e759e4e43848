"""GET /v1/datasets/{d}/export: a dataset in text formats, streamed."""
import csv
import hashlib
import hmac
import io
import json
import os
import signal
import subprocess

import pytest
from collecting import DEFAULT, Collector, assert_problem, picture, samples
from conftest import finish
from harness import draw, until
from requests.exceptions import ChunkedEncodingError

LONG = "l" * 200 + "/" + "o" * 200 + "/" + "n" * 180 + ".png"
SEEDED = [  # (filepath, label): names that others' parsers stumble over
    ("=cmd|'/c calc'!A1.png", "cat"), ("a.1.jpg", "dog"), ("UPPER.JPG", "cat"), ("moving.gif", "dog"), ('quo"te.png', "cat"),
    ("new\nline.png", ""), ("comma,semi;colon.png", "a/b"), ("ünï cödé.png", "=1+1"), ("+plus.png", "dog"), ("-minus.png", "dog"),
    ("@at.png", "dog"), ("\ttab.png", "dog"), ("sub/folder/a.png", "dog"), (LONG, "cat"), ("plain.png", "cat"),
]  # fmt: skip
LABELS = ["cat", "dog", "a/b", "=1+1", "nobody's"]
EXPORT = "/v1/datasets/seeded/export"


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    folder = collector.add_dataset("seeded", LABELS, SEEDED)
    for number, (filepath, _) in enumerate(SEEDED):
        draw(folder / filepath, (number, 0, 0))
    try:
        collector.start()
        assert collector.session("admin").post("/v1/datasets", json={"name": "empty", "labels": ["cat", "dog"]}).status_code == 201
        yield collector
    finally:
        finish([collector])


@pytest.fixture
def viewer(collector):
    return collector.session("viewer")


def export(session, form, path=EXPORT, **query):
    answer = session.get(path, params={"format": form, **query})
    assert answer.status_code == 200, answer.text
    return answer


def lines(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


# --- csv


def test_csv_has_a_row_a_sample_in_order(viewer):
    answer = export(viewer, "csv")
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert rows[0] == ["filepath", "label"]
    assert [row[0].removeprefix("'") for row in rows[1:]] == [filepath for filepath, _ in SEEDED]
    assert [row[1].removeprefix("'") for row in rows[1:]] == [label for _, label in SEEDED]
    assert answer.text.count("\r\n") == len(rows)


def test_csv_puts_a_quote_before_what_a_spreadsheet_would_run_and_before_nothing_else(viewer):
    rows = list(csv.reader(io.StringIO(export(viewer, "csv").text, newline="")))[1:]
    for row, given in zip(rows, SEEDED, strict=True):
        assert row == [("'" if cell[:1] in tuple("=+-@\t") else "") + cell for cell in given]


def test_a_download_says_its_name(viewer):
    answer = export(viewer, "csv")
    assert answer.headers["Content-Type"].startswith("text/csv; charset=utf-8")
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"seeded.csv\"; filename*=UTF-8''seeded.csv"


def test_a_download_of_a_dataset_with_an_odd_name_says_it(collector, viewer):
    name = 'ü "x"; filename=y\\z'
    assert collector.session("admin").post("/v1/datasets", json={"name": name}).status_code == 201
    answer = viewer.get("/v1/datasets/%C3%BC%20%22x%22%3B%20filename%3Dy%5Cz/export?format=csv")
    assert answer.status_code == 200
    given = answer.headers["Content-Disposition"]
    assert given.endswith("filename*=UTF-8''%C3%BC%20%22x%22%3B%20filename%3Dy%5Cz.csv")
    assert given.startswith('attachment; filename="__ _x_; filename=y_z.csv"')


# --- json: the form that seeds are in


def test_json_is_a_seed_that_makes_the_same_dataset(collector, viewer, make_server):
    exported = export(viewer, "json").json()
    assert exported == {
        "dataset_name": "seeded",
        "base_dir": str(collector.images / "seeded"),
        "labels": LABELS,
        "samples": [{"filepath": filepath, "label": label} for filepath, label in SEEDED],
    }
    server = make_server()
    server.add_user("ann")
    (server.seeds / "seeded.json").write_text(export(viewer, "json").text)
    server.start()
    there = list(samples(server.session("ann"), "seeded"))
    assert [(sample["filepath"], sample["label"]) for sample in there] == SEEDED


# --- jsonl


def test_jsonl_has_what_is_known_of_each_sample(viewer):
    found = lines(export(viewer, "jsonl"))
    assert [(line["id"], line["filepath"], line["label"]) for line in found] == [(i, *pair) for i, pair in enumerate(SEEDED)]
    assert {line["state"] for line in found} == {"labelled", "unlabelled"}


def test_addresses_of_images_lead_there(collector, viewer):
    for line in lines(export(viewer, "jsonl")):
        answer = viewer.get(line["image_url"])
        assert answer.content == (collector.images / "seeded" / line["filepath"]).read_bytes()


def test_addresses_are_those_of_the_proxy_that_the_client_asked(viewer):
    answer = viewer.get(EXPORT, params={"format": "jsonl"}, headers={"Host": "labels.example.org:8443"})
    assert lines(answer)[0]["image_url"].startswith("http://labels.example.org:8443/images/seeded/")


def test_an_uploaded_image_is_exported_as_one_that_lies_in_a_folder(collector):
    contributor = collector.session("contributor")
    sent = picture()
    assert contributor.put(f"/v1/datasets/{DEFAULT}/images/x/y.png?label=accordion", data=sent).status_code == 201
    (line,) = lines(export(contributor, "jsonl", f"/v1/datasets/{DEFAULT}/export"))
    assert (line["filepath"], line["label"], line["type"], line["bytes"]) == ("x/y.png", "accordion", "image/png", len(sent))
    assert contributor.get(line["image_url"], auth=()).content == sent  # it is public
    (row,) = lines(export(contributor, "sagemaker", f"/v1/datasets/{DEFAULT}/export"))
    assert row["source-ref"] == line["image_url"]


# --- sagemaker


def test_sagemaker_gives_each_class_a_number_and_names_it(viewer):
    found = lines(export(viewer, "sagemaker"))
    assert len(found) == len(SEEDED)
    for line, (_, label) in zip(found, SEEDED, strict=True):
        if label == "":
            assert set(line) == {"source-ref"}
            continue
        assert line["class"] == LABELS.index(label)
        assert line["class-metadata"]["class-map"] == {str(LABELS.index(label)): label}
        assert line["class-metadata"]["type"] == "groundtruth/image-classification"


# --- labelstudio


def test_labelstudio_has_a_task_a_sample_and_an_annotation_of_what_is_labelled(viewer):
    tasks = export(viewer, "labelstudio").json()
    assert [task["data"]["filepath"] for task in tasks] == [filepath for filepath, _ in SEEDED]
    assert [task["id"] for task in tasks] == list(range(len(SEEDED)))
    for task, (_, label) in zip(tasks, SEEDED, strict=True):
        choices = [result["value"]["choices"] for annotation in task["annotations"] for result in annotation["result"]]
        assert choices == ([[label]] if label else [])
        # Label Studio refuses people it does not know.
        assert not [annotation for annotation in task["annotations"] if "completed_by" in annotation]


# --- croissant


def test_croissant_describes_the_samples_as_they_are_and_says_their_digest(collector, viewer):
    answer = export(viewer, "croissant", label="dog", split="60,20,20")
    assert answer.headers["Content-Type"] == "application/ld+json"
    described = answer.json()
    assert (described["@type"], described["name"], described["conformsTo"]) == ("sc:Dataset", "seeded", "http://mlcommons.org/croissant/1.1")
    (file,) = described["distribution"]
    there = viewer.get(file["contentUrl"])
    assert hashlib.sha256(there.content).hexdigest() == file["sha256"] and file["contentSize"] == f"{len(there.content)} B"
    found = lines(there)
    assert {line["label"] for line in found} == {"dog"} and len(found) == sum(label == "dog" for _, label in SEEDED)
    for line in found:
        assert line["sha256"] == hashlib.sha256((collector.images / "seeded" / line["filepath"]).read_bytes()).hexdigest()
    (records,) = described["recordSet"]
    assert {field["source"]["extract"]["column"] for field in records["field"]} == {"id", "filepath", "label", "sha256", "image_url", "split"}
    assert len(export(viewer, "croissant").json()["recordSet"][0]["field"]) == 5


# --- filters


@pytest.mark.parametrize(
    "query, kept",
    [
        ({"state": "unlabelled"}, lambda path, label: label == ""),
        ({"label": "cat"}, lambda path, label: label == "cat"),
        ({"q": "lain"}, lambda path, label: "lain" in path),
        ({"q": ".png", "label": "dog"}, lambda path, label: ".png" in path and label == "dog"),
        ({"flagged": "true"}, lambda path, label: False),
        ({"by": "nobody"}, lambda path, label: False),
    ],
)
def test_an_export_is_filtered_as_a_list_of_samples_is(viewer, query, kept):
    found = [(line["filepath"], line["label"]) for line in lines(export(viewer, "jsonl", **query))]
    assert found == [pair for pair in SEEDED if kept(*pair)]
    assert found == [(sample["filepath"], sample["label"]) for sample in samples(viewer, "seeded", **query)]


def test_a_filter_that_cannot_be_is_refused(viewer):
    assert_problem(viewer.get(EXPORT, params={"format": "csv", "state": "done"}), 400, "state")
    assert_problem(viewer.get(EXPORT, params={"format": "csv", "since": "yesterday"}), 400, "since")


# --- splits


def part(seed, content):
    """As scripts/README.md says it."""
    sha256 = hashlib.sha256(content).hexdigest()
    fraction = int.from_bytes(hmac.digest(seed.encode(), sha256.encode(), "sha256")[:8]) / 2**64
    return "train" if fraction < 0.6 else "val" if fraction < 0.8 else "test"


def parts(session, path=EXPORT, split="60,20,20", **query):
    return {line["filepath"]: line["split"] for line in lines(export(session, "jsonl", path, split=split, **query))}


def test_a_split_goes_by_the_seed_and_the_bytes_of_the_image(collector, viewer):
    folder = collector.images / "seeded"
    for seed in ("1", "another"):
        assert parts(viewer, seed=seed) == {filepath: part(seed, (folder / filepath).read_bytes()) for filepath, _ in SEEDED}
    assert set(parts(viewer, seed="1").values()) == {"train", "val", "test"}
    assert parts(viewer) == {filepath: part("", (folder / filepath).read_bytes()) for filepath, _ in SEEDED}


def test_every_form_says_the_part(viewer):
    expected = list(parts(viewer).values())
    rows = list(csv.reader(io.StringIO(export(viewer, "csv", split="60,20,20").text, newline="")))
    assert rows[0] == ["filepath", "label", "split"] and [row[2] for row in rows[1:]] == expected
    assert [sample["split"] for sample in export(viewer, "json", split="60,20,20").json()["samples"]] == expected
    assert [line["split"] for line in lines(export(viewer, "sagemaker", split="60,20,20"))] == expected
    assert [task["data"]["split"] for task in export(viewer, "labelstudio", split="60,20,20").json()] == expected


def test_an_image_stays_in_its_part_when_others_come_and_goes_by_its_new_bytes_when_it_is_replaced(collector, viewer):
    names = [f"{number}.png" for number in range(30)]
    folder = collector.add_dataset("growing", LABELS, names)
    for number, name in enumerate(names):
        draw(folder / name, (0, number, 0))
    assert collector.reload().returncode == 0
    path = "/v1/datasets/growing/export"
    before = parts(viewer, path)
    collector.add_dataset("growing", LABELS, [f"new{number}.png" for number in range(3)] + names)
    for number in range(3):
        draw(folder / f"new{number}.png", (0, 0, number))
    assert collector.reload().returncode == 0
    after = parts(viewer, path)
    assert {name: after[name] for name in names} == before and len(after) == 33
    draw(folder / "7.png", (9, 9, 9), (77, 77))
    assert parts(viewer, path)["7.png"] == part("", (folder / "7.png").read_bytes())
    (folder / "8.png").unlink()
    assert parts(viewer, path)["8.png"] is None


def test_an_uploaded_image_is_split_like_one_that_lies_in_a_folder(collector):
    contributor = collector.session("contributor")
    sent = {f"split/{number}.png": picture() for number in range(12)}
    for filepath, data in sent.items():
        assert contributor.put(f"/v1/datasets/secret/images/{filepath}", data=data).status_code == 201
    path = "/v1/datasets/secret/export"
    assert parts(contributor, path, seed="s") == {filepath: part("s", data) for filepath, data in sent.items()}
    for filepath in sent:  # as the other tests find it
        assert contributor.get(f"/images/secret/{filepath}").content == sent[filepath]


@pytest.mark.parametrize("split", ["80", "100", "80,10", "80,10,20", "50,50,0,0", "a,b,c", "", "80,,20", "-10,110", "80,10,10,", "33.3,33.3,33.4"])
def test_a_split_that_cannot_be_is_refused(viewer, split):
    assert_problem(viewer.get(EXPORT, params={"format": "csv", "split": split}), 400, "80,10,10")


def test_a_seed_without_a_split_or_too_long_a_seed_is_refused(viewer):
    assert_problem(viewer.get(EXPORT, params={"format": "csv", "seed": "1"}), 400, "split")
    assert export(viewer, "csv", split="80,20", seed="s" * 1024)
    assert_problem(viewer.get(EXPORT, params={"format": "csv", "split": "80,20", "seed": "s" * 1025}), 400, "1024")


# --- what is asked wrongly


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "sagemaker", "labelstudio"])
def test_an_empty_dataset_is_an_empty_export(viewer, form):
    answer = export(viewer, form, "/v1/datasets/empty/export")
    empty = {"csv": "filepath,label\r\n", "jsonl": "", "sagemaker": ""}
    if form in empty:
        assert answer.text == empty[form]
    else:
        assert answer.json() == ([] if form == "labelstudio" else {"dataset_name": "empty", "base_dir": "", "labels": ["cat", "dog"], "samples": []})


def test_an_unknown_format_or_parameter_is_refused_and_named(viewer):
    assert_problem(viewer.get(EXPORT, params={"format": "xls"}), 400, "xls")
    assert_problem(viewer.get(EXPORT), 400, "csv, json")
    assert_problem(viewer.get(EXPORT, params={"format": "csv", "spilt": "80,20"}), 400, "spilt")
    assert_problem(viewer.get("/v1/datasets/none/export?format=csv"), 404)
    assert viewer.post(EXPORT).status_code == 405


def test_a_head_has_the_headers_of_a_get_and_no_body(viewer):
    answer = viewer.head(EXPORT, params={"format": "csv"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert "attachment" in answer.headers["Content-Disposition"]


# --- a stream


def test_the_beginning_comes_while_the_rest_is_made(collector, viewer):
    names = [f"{number}.png" for number in range(20)]
    folder = collector.add_dataset("slow", LABELS, names)
    for name in names:
        with draw(folder / name).open("r+b") as file:
            file.truncate(8 << 20)  # zeros, which take their time to be hashed
    assert collector.reload().returncode == 0
    answer = viewer.get("/v1/datasets/slow/export", params={"format": "csv", "split": "50,50"}, stream=True)
    (folder / names[-1]).unlink()
    rows = answer.text.splitlines()
    assert rows[1] in ("0.png,,train", "0.png,,val") and rows[-1] == "19.png,,"


# --- what breaks off


@pytest.fixture
def large(collector):
    """A dataset whose export does not fit into what lies between the program and its client; of a name of its own for each test."""
    large.made = getattr(large, "made", 0) + 1
    name = f"large{large.made}"
    collector.add_dataset(name, LABELS, [(f"{'n' * 200}/{number}.png", "cat") for number in range(20000)])
    assert collector.reload().returncode == 0
    assert collector.size(name) == 20000, collector.logs()
    return name


def begin(session, name, form):
    answer = session.get(f"/v1/datasets/{name}/export", params={"format": form}, stream=True)
    assert answer.status_code == 200
    body = answer.iter_content(4096)
    assert next(body)
    return answer, body


def test_an_export_of_a_dataset_that_is_removed_is_whole_or_broken_off(collector, viewer, large):
    answer, body = begin(viewer, large, "jsonl")
    assert collector.session("admin").delete(f"/v1/datasets/{large}").status_code == 204
    (collector.seeds / f"{large}.json").unlink()
    try:
        rest = b"".join(body)
    except ChunkedEncodingError:
        return
    assert rest.count(b'"filepath"') > 19900 and rest.endswith(b"}\n")


def test_a_client_that_goes_away_ends_its_export(collector, viewer, large):
    answer, _ = begin(viewer, large, "jsonl")
    answer.close()
    until(lambda: any(line["message"] == "stream broke off" for line in collector.program_log("export")), "the program gives it up")


def test_an_export_does_not_look_whole_when_its_program_is_killed(collector, viewer):
    folder = collector.add_dataset("endless", LABELS, ["a.png"])
    with draw(folder / "a.png").open("r+b") as file:
        file.truncate(1 << 40)  # zeros that take no room, and many minutes to be hashed
    assert collector.reload().returncode == 0
    url = f"{collector.url}/v1/datasets/endless/export?format=csv&split=50,50"
    curl = subprocess.Popen(["curl", "-sN", "-u", "viewer:secret", url], stdout=subprocess.PIPE)
    header = b"filepath,label,split\r\n"
    assert curl.stdout.read(len(header)) == header
    (program,) = collector.processes("export")
    os.kill(program, signal.SIGKILL)
    assert curl.stdout.read() == b""
    assert curl.wait() == 18  # CURLE_PARTIAL_FILE
    until(lambda: viewer.get(EXPORT, params={"format": "csv"}).status_code == 200, "the program is back")
