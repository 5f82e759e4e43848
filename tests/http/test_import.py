"""POST /v1/datasets/{d}/import: labels that another system kept, for samples that are there."""
import base64
import csv
import http.client
import io
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import Collector, assert_problem, picture, samples
from conftest import finish
from harness import until

LABELS = ["cat", "dog", "a/b", "=1+1", "caf\u00e9"]
FILEPATHS = [
    '=cmd|"x".png', "a.1.JPG", 'quo"te.png', "new\nline.png", "cr\r\nlf.png", "comma,semi;colon.png", "ünï cödé.png", "+plus.png", "-minus.png",
    "@at.png", "\ttab.png", "sub/folder/a.png", " space .png", "percent%20.png", "#hash?.png", "./dotted #1.png", "sub/../up.png", "/".join(["x" * 60] * 67) + ".png", "plain.png",
]  # fmt: skip
FRESH = [f"fresh{number}" for number in range(64)]
FORMS = ["csv", "jsonl", "sagemaker", "labelstudio"]
LINE_MAX = 64 * 1024
ELEMENT_MAX = 1024 * 1024
AT = "2026-01-31T12:34:56.789Z"


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    seeded = [(filepath, LABELS[number % len(LABELS)] if number % 4 else "") for number, filepath in enumerate(FILEPATHS)]
    collector.add_dataset("seeded", LABELS, seeded)
    for name in FRESH:  # a reload for each test would take longer than the test
        collector.add_dataset(name, LABELS, [(filepath, "") for filepath in FILEPATHS])
    for form in ("jsonl", "labelstudio"):
        collector.add_dataset(f"reversed-{form}", LABELS, [(filepath, "") for filepath in reversed(FILEPATHS)])
    for form in FORMS:
        collector.add_dataset(f"like collected {form}", ["airplanes"], [(f"{form}/1.png", "")])
    collector.add_dataset("quoted", ["=a", "'=a", "=b", "'c"], [("=x", ""), ("'=x", ""), ("-y", ""), ("'z", "")])
    try:
        collector.start()
        yield collector
    finally:
        finish([collector])


@pytest.fixture(scope="module")
def unused():
    return iter(FRESH)


@pytest.fixture
def fresh(collector, unused):
    """The name of a dataset with the same filepaths and labels, of which no sample has one."""
    return next(unused)


def post(session, dataset, form, body, **more):
    return session.post(f"/v1/datasets/{dataset}/import", params={"format": form, **more}, data=body.encode() if isinstance(body, str) else body)


def imported(session, dataset, form, body):
    """The answer's lines, and its summary."""
    answer = post(session, dataset, form, body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    *lines, last = [json.loads(line) for line in answer.text.splitlines()]
    return lines, last["summary"]


def counts(labelled=0, unchanged=0, skipped=0, failed=0):
    return {"labelled": labelled, "unchanged": unchanged, "skipped": skipped, "failed": failed}


def kept(session, dataset, *fields):
    return {item["filepath"]: tuple(item[field] for field in fields or ("label",)) for item in samples(session, dataset)}


def told(session, dataset, filepath):
    """What was said of a sample so far."""
    (sample,) = samples(session, dataset, q=filepath)
    return session.get(f"/v1/datasets/{dataset}/samples/{sample['id']}/history").json()["items"]


def table(*rows):
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def exported(session, dataset, form):
    answer = session.get(f"/v1/datasets/{dataset}/export", params={"format": form})
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.parametrize("form", FORMS)
def test_what_is_exported_is_imported_and_a_second_time_adds_nothing(collector, contributor, fresh, form):
    body = exported(contributor, "seeded", form)
    lines, summary = imported(contributor, fresh, form, body)
    blank = sum(not label for label, in kept(contributor, "seeded").values())
    assert summary == counts(labelled=len(FILEPATHS) - blank, skipped=blank), lines
    assert kept(contributor, fresh) == kept(contributor, "seeded")
    before = kept(contributor, fresh, "label", "version", "labelled_at")
    assert imported(contributor, fresh, form, body)[1] == counts(unchanged=len(FILEPATHS) - blank, skipped=blank)
    assert kept(contributor, fresh, "label", "version", "labelled_at") == before


@pytest.mark.parametrize("form", ["jsonl", "labelstudio"])
def test_who_labelled_and_when_comes_along(collector, contributor, fresh, form):
    session = collector.session("annotator")
    for number in range(3):
        assert session.post(f"/v1/datasets/{fresh}/samples/{number}/label", json={"label": "dog"}).status_code == 200
    body = exported(contributor, fresh, form)
    assert imported(contributor, f"reversed-{form}", form, body)[1] == counts(labelled=3, skipped=len(FILEPATHS) - 3)
    fields = ("label", "labelled_by", "labelled_at", "state")
    assert kept(contributor, f"reversed-{form}", *fields) == kept(contributor, fresh, *fields)
    assert imported(contributor, fresh, form, body)[1] == counts(unchanged=3, skipped=len(FILEPATHS) - 3)


def test_a_label_is_a_decision_of_the_person_and_time_that_the_line_says(collector, contributor, fresh):
    body = table(["by", "filepath", "at", "label"], ["Ada L.", "plain.png", "2026-01-31T13:34:56.789+01:00", "cat"], ["", "a.1.JPG", "", "dog"])
    lines, summary = imported(contributor, fresh, "csv", body)
    assert lines == [{"line": 2, "id": FILEPATHS.index("plain.png")}, {"line": 3, "id": FILEPATHS.index("a.1.JPG")}]
    assert summary == counts(labelled=2)
    said = kept(contributor, fresh, "label", "labelled_by", "labelled_at")
    assert said["plain.png"] == ("cat", "Ada L.", AT)
    assert said["a.1.JPG"][:2] == ("dog", "contributor")
    events = contributor.get(f"/v1/datasets/{fresh}/samples/{FILEPATHS.index('plain.png')}/history").json()["items"]
    assert [(event["source"], event["by"], event["at"]) for event in events] == [("import", "Ada L.", AT)]


def test_what_somebody_has_said_anew_is_labelled_anew(contributor, fresh):
    for by, at, outcome in (("ada", AT, "labelled"), ("ada", AT, "unchanged"), ("bob", AT, "labelled"), ("bob", "2026-02-01T00:00:00Z", "labelled")):
        summary = imported(contributor, fresh, "csv", table(["filepath", "label", "by", "at"], ["plain.png", "cat", by, at]))[1]
        assert summary == counts(**{outcome: 1}), (by, at)


def test_of_two_lines_about_a_sample_the_last_one_stands(contributor, fresh):
    body = table(["filepath", "label"], ["plain.png", "dog"], ["plain.png", "cat"], ["plain.png", "cat"], ["plain.png", "dog"])
    assert imported(contributor, fresh, "csv", body)[1] == counts(labelled=3, unchanged=1)
    assert kept(contributor, fresh)["plain.png"] == ("dog",)
    assert imported(contributor, fresh, "csv", body)[1] == counts(unchanged=4)
    assert [event["label"] for event in told(contributor, fresh, "plain.png")] == ["dog", "cat", "dog"]


def test_what_people_said_since_stands_when_a_file_is_imported_again(contributor, fresh):
    body = table(["filepath", "label", "by", "at"], ["plain.png", "cat", "ada", AT], ["plain.png", "dog", "ada", "2026-02-01T00:00:00Z"], ["a.1.JPG", "cat", "", ""])
    assert imported(contributor, fresh, "csv", body)[1] == counts(labelled=3)
    assert contributor.post(f"/v1/datasets/{fresh}/samples/label", json={"ids": [FILEPATHS.index(name) for name in ("plain.png", "a.1.JPG")], "label": "a/b"}).ok
    assert imported(contributor, fresh, "csv", body)[1] == counts(unchanged=3)
    assert kept(contributor, fresh)["plain.png"] == kept(contributor, fresh)["a.1.JPG"] == ("a/b",)


def test_a_sample_that_is_removed_meanwhile_takes_no_other_with_it(contributor, fresh):
    def rows():
        yield table(["filepath", "label"], ["plain.png", "cat"], *[["lost.png", "cat"]] * 999, ["a.1.JPG", "cat"]).encode()
        # A thousand rows are written when the next one comes, which is then looked up.
        until(lambda: kept(contributor, fresh)["plain.png"] == ("cat",), "the first rows are written")
        assert contributor.delete(f"/v1/datasets/{fresh}/samples/{FILEPATHS.index('a.1.JPG')}").status_code == 204
        yield table(["+plus.png", "dog"], [FILEPATHS[0], "cat"]).encode()

    answer = contributor.post(f"/v1/datasets/{fresh}/import", params={"format": "csv"}, data=rows())
    *lines, last = [json.loads(line) for line in answer.text.splitlines()]
    assert last["summary"] == counts(labelled=3, failed=1000)
    assert [line["line"] for line in lines[1000:] if "error" in line] == [1002]
    assert (kept(contributor, fresh)["+plus.png"], kept(contributor, fresh)[FILEPATHS[0]]) == (("dog",), ("cat",))


def test_under_an_idempotency_key_it_is_done_once_and_answered_alike(collector, fresh):
    def send(body):
        answer = collector.session("contributor").post(
            f"/v1/datasets/{fresh}/import", params={"format": "csv"}, data=body.encode(), headers={"Idempotency-Key": "import"}
        )
        return answer.status_code, answer.text

    body = table(["filepath", "label"], ["plain.png", "cat"], ["lost.png", "cat"])
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(send, [body] * 4)
    assert others == [first] * 3 and first[0] == 200 and json.loads(first[1].splitlines()[-1])["summary"] == counts(labelled=1, failed=1)
    assert send(body) == first
    assert len(told(collector.session("contributor"), fresh, "plain.png")) == 1
    assert send(body + "\n")[0] == 422


BAD_ROWS = [
    (["unknown.png", "cat", "", ""], "unknown.png"), (["plain.png", "cow", "", ""], "cow"), (["plain.png", "cat", "", "yesterday"], "yesterday"),
    (["plain.png", "cat", "", "2999-01-01T00:00:00Z"], "yet to come"), (["plain.png", "cat", "a\nb", ""], "control characters"),
    (["plain.png", "cat", "b" * 257, ""], "256 bytes"), (["plain.png", "cat"], "cells"), (["plain.png", "cat", "", "", ""], "cells"),
    (["", "cat", "", ""], "filepath"), (["plain.png", "x" * 257, "", ""], "label"), (["y" * 4097, "cat", "", ""], "filepath"),
]  # fmt: skip


def test_rows_that_do_not_match_are_listed_and_the_others_imported(contributor, fresh):
    rows = [(["a.1.JPG", "cat", "", ""], None)]
    for row in BAD_ROWS:
        rows += [row, (["+plus.png", "dog", "", ""], None)]
    lines, summary = imported(contributor, fresh, "csv", table(["filepath", "label", "by", "at"], *(row for row, _ in rows)))
    assert summary == counts(labelled=2, unchanged=len(BAD_ROWS) - 1, failed=len(BAD_ROWS))
    for line, (row, says) in zip(lines, rows, strict=True):
        assert ("error" in line) == bool(says) and (says or "") in line.get("error", ""), (row, line)


@pytest.mark.parametrize(
    "body, failed",
    [
        ('filepath,label\nplain.png,"cat\na.1.JPG,dog\n+plus.png,cat\n', {2}),
        ('filepath,label\n"plain.png"x,cat\na.1.JPG,dog\n+plus.png,cat', {2}),
        ('filepath,label\nplain".png,cat\na.1.JPG,dog\n+plus.png,cat\n', {2}),
        ("filepath,label\n" + "x" * LINE_MAX + ",cat\na.1.JPG,dog\n+plus.png,cat\n", {2}),
        ('filepath,label\n"' + "x" * 100 + "\na.1.JPG,dog\n" + "\n" * LINE_MAX + "+plus.png,cat\n", {2}),
        (b"filepath,label\npl\0ain.png,cat\na.1.JPG,dog\n+plus.png,cat\n", {2}),
        (b"filepath,label\npl\xffain.png,cat\na.1.JPG,dog\n+plus.png,cat\n", {2}),
        ("\ufefffilepath,label\r\n\r\na.1.JPG,dog\r\n+plus.png,cat", set()),
    ],
    ids=["open quote", "after a quote", "quote inside", "too long", "open quote, far", "NUL", "no UTF-8", "mark, CRLF, no end"],
)  # fmt: skip
def test_a_row_that_is_no_csv_takes_no_other_with_it(contributor, fresh, body, failed):
    lines, _ = imported(contributor, fresh, "csv", body)
    assert {line["line"] for line in lines if "error" in line} == failed
    assert kept(contributor, fresh)["a.1.JPG"] == ("dog",)
    assert kept(contributor, fresh)["+plus.png"] == ("cat",)


def test_lines_are_counted_as_an_editor_counts_them(contributor, fresh):
    body = table(["filepath", "label"], ["new\nline.png", "cat"], ["cr\r\nlf.png", "dog"], ["plain.png", "cow"])
    lines, _ = imported(contributor, fresh, "csv", "\r\n" + body)
    assert [line["line"] for line in lines] == [3, 5, 7]


@pytest.mark.parametrize("body", ["", "\n", "filepath\nplain.png\n", "label\ncat\n", "filepath,label,colour\nplain.png,cat,red\n",
                                  "filepath,label,label\nplain.png,cat,dog\n", "plain.png,cat\n", b"filepath,label\xff\n"])  # fmt: skip
def test_a_header_that_is_none_is_refused(contributor, fresh, body):
    assert_problem(post(contributor, fresh, "csv", body), 400, "eader")


@pytest.mark.parametrize("missing, exact", [(1, "unchanged"), (0, "unchanged"), (-1, "failed")])
def test_a_row_has_at_most_so_many_bytes(contributor, fresh, missing, exact):
    imported(contributor, fresh, "csv", table(["filepath", "label"], ["plain.png", "cat"]))
    start = 'filepath,label,split\nplain.png,cat,'
    row = start.splitlines()[1] + "s" * (LINE_MAX - missing - len(start.splitlines()[1]) - 1) + "\n"
    assert imported(contributor, fresh, "csv", "filepath,label,split\n" + row)[1] == counts(**{exact: 1})


def test_a_quote_that_an_export_adds_is_taken_off_only_where_that_is_clear(contributor):
    name = "quoted"
    lines, summary = imported(contributor, name, "csv", table(["filepath", "label"], ["'=x", "=b"], ["'-y", "'=a"], ["'-y", "'=b"], ["'z", "'c"]))
    assert summary == counts(labelled=2, failed=2)
    assert "both" in lines[0]["error"] and "both" in lines[1]["error"]
    assert kept(contributor, name) == {"=x": ("",), "'=x": ("",), "-y": ("=b",), "'z": ("'c",)}


# --- jsonl


def test_jsonl_lines_that_do_not_match_are_listed_and_the_others_imported(contributor, fresh):
    bad = [
        ('{"id": 99, "label": "cat"}', "no sample 99"), ('{"label": "cat"}', "Neither"), ('{"id": -1, "label": "cat"}', "id"), ("[]", ""),
        ('{"id": 0, "label": 1}', "label"), ('{"id": 0, "label": "cat"', "column 25: the text ends too early"), ('{"id": 0, "id": 1}', "twice"), ("null", ""), ("x", ""),
        ('{"id": 0, "label": "cat", "labelled_at": "31.1.2026"}', "31.1.2026"), ('{"id": 0, "label": "cow"}', "cow"),
        ('{"id": 0, "label": "' + "x" * LINE_MAX + '"}', str(LINE_MAX)), ('{"filepath": "lost.png", "label": "cat"}', "lost.png"),
        ("[" * 40 + "]" * 40, ""), (b"\xff", ""), (b"\0", ""),
    ]  # fmt: skip
    good = b'{"id": 16, "label": "caf\\u00e9"}'
    body = b"\n\n".join([good] + [line.encode() if isinstance(line, str) else line for line, _ in bad] + [good])
    lines, summary = imported(contributor, fresh, "jsonl", body)
    assert summary == counts(labelled=1, unchanged=1, failed=len(bad)), lines
    assert [line["line"] for line in lines] == [2 * number + 1 for number in range(len(bad) + 2)]
    for line, (text, says) in zip(lines[1:-1], bad, strict=True):
        assert says in line["error"], (text[:100], line)


def test_more_lines_than_are_written_at_once_are_all_imported(contributor, fresh):
    lines = [json.dumps({"id": number % len(FILEPATHS), "label": LABELS[number // len(FILEPATHS) % 2]}) for number in range(len(FILEPATHS) * 3)]
    body = "\n".join(lines + ['{"id": 5, "label": "cow"}'] * 2100)
    answered, summary = imported(contributor, fresh, "jsonl", body)
    assert summary == counts(labelled=len(lines), failed=2100)
    assert [line["line"] for line in answered] == list(range(1, len(lines) + 2101))


# --- sagemaker


def manifest(reference, label, **more):
    return json.dumps({"source-ref": reference, "species": 0, "species-metadata": {"class-name": label, "type": "x", **more}})


def test_a_manifest_of_ground_truth_names_images_by_their_keys(contributor, fresh):
    address = f"https://elsewhere.example/label/images/{fresh}/%3Dcmd%7C%22x%22.png"
    body = [
        manifest("s3://bucket/sub/folder/a.png", "cat", **{"creation-date": "2026-01-31T12:34:56.789000"}), manifest("s3://bucket/percent%20.png", "dog"),
        manifest(address, "cat"), manifest("plain.png", "dog"), manifest("s3://bucket", "cat"), manifest("https://host/%zz", "cat"),
        manifest("s3://bucket/lost.png", "cat"), json.dumps({"species": 0}), json.dumps({"source-ref": "s3://bucket/a.1.JPG"}),
    ]  # fmt: skip
    lines, summary = imported(contributor, fresh, "sagemaker", "\n".join(body))
    assert summary == counts(labelled=4, skipped=1, failed=4)
    assert [line["line"] for line in lines if "error" in line] == [5, 6, 7, 8]
    said = kept(contributor, fresh, "label", "labelled_at")
    assert said["sub/folder/a.png"] == ("cat", AT)
    assert [said[name][0] for name in ("percent%20.png", '=cmd|"x".png', "plain.png")] == ["dog", "cat", "dog"]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_exported_of_uploaded_images_is_imported_by_their_filepaths(contributor, form):
    """Whose addresses, in a public dataset, are the image store's."""
    dataset = f"like collected {form}"
    answer = contributor.put(f"/v1/datasets/collected/images/{form}/1.png", params={"label": "airplanes"}, data=picture())
    assert answer.status_code == 201, answer.text
    (line,) = [line for line in imported(contributor, dataset, form, exported(contributor, "collected", form))[0] if "error" not in line]
    assert kept(contributor, dataset) == {f"{form}/1.png": ("airplanes",)} and "id" in line


# --- labelstudio


def annotation(*choices, by=1, at=AT, **more):
    """As Label Studio exports it; by as JSON's number, or with "export user details" as an object."""
    value = {"choices": list(choices)}
    result = {"id": "x", "value": value, "from_name": "choice", "to_name": "image", "type": "choices", "origin": "manual"}
    return {"id": 7, "completed_by": by, "result": [result], "was_cancelled": False, "created_at": at, "lead_time": 1.5, **more}


def task(image, *annotations, **more):
    return {"id": 901, "data": {"image": image}, "annotations": list(annotations), "predictions": [], "project": 3, **more}


def least(image, choice, by=1, at=AT, **more):
    """As Label Studio exports it as JSON_MIN."""
    made = {"image": image, "id": 901, "choice": choice, "annotator": by, "annotation_id": 7, "created_at": at, "updated_at": at, "lead_time": 1.5}
    return {name: value for name, value in {**made, **more}.items() if value is not ...}


OLDER, NEWER = "2026-01-30T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z"
PERSON = {"id": 2, "email": "ada@example.org", "first_name": "Ada", "last_name": "L."}


@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "indented"])
def test_what_label_studio_exports_is_imported(contributor, fresh, indent):
    folder = "/".join(contributor.get(f"/v1/datasets/{fresh}").json()["base_dir"].split("/")[-2:])
    tasks = [
        task(f"/data/local-files/?d={folder}/sub/folder/a.png", annotation("cat", by=PERSON)),
        task("/data/upload/3/0a1b2c3d-plain.png", annotation("dog")),
        task("s3://bucket/percent%20.png", annotation("cat", at=NEWER), annotation("dog", at=OLDER), annotation("=1+1", was_cancelled=True, at="2026-02-02T00:00:00Z")),
        task("gs://bucket/a.1.JPG", annotation("cat", was_cancelled=True)),
        task("https://host/%2Bplus.png?token=1#x", annotation("cat", by=None)),
        task("https://host/-minus.png"),
        {"id": 1, "data": {"note": "x", "picture": "@at.png"}, "completions": [annotation("dog", at=1769862896)]},
    ]  # fmt: skip
    lines, summary = imported(contributor, fresh, "labelstudio", json.dumps(tasks, indent=indent))
    assert summary == counts(labelled=6, skipped=2), lines
    assert [line["element"] for line in lines] == [1, 2, 3, 3, 4, 5, 6, 7]
    text = json.dumps(tasks, indent=indent)
    starts = [1 + text[: text.index(item["data"].get("image", "picture"))].count("\n") for item in tasks]
    if indent:
        assert all(0 <= start - line["line"] <= 4 for start, line in zip([*starts[:3], *starts[2:]], lines, strict=True))
    else:
        assert {line["line"] for line in lines} == {1}
    said = kept(contributor, fresh, "label", "labelled_by", "labelled_at")
    assert said["sub/folder/a.png"] == ("cat", "ada@example.org", AT)
    assert said["plain.png"] == ("dog", "1", AT)
    assert said["percent%20.png"] == ("cat", "1", "2026-02-01T00:00:00.000Z")
    assert said["+plus.png"] == ("cat", "contributor", AT)
    assert said["@at.png"] == ("dog", "1", "2026-01-31T12:34:56.000Z")
    assert [event["label"] for event in told(contributor, fresh, "percent%20.png")] == ["dog", "cat"]
    assert imported(contributor, fresh, "labelstudio", json.dumps(tasks))[1] == counts(unchanged=6, skipped=2)


def test_what_label_studio_exports_as_json_min_is_imported(contributor, fresh):
    records = [
        least("s3://bucket/plain.png", "cat", by="ada@example.org", at=NEWER), least("s3://bucket/plain.png", "dog", at=OLDER),
        least("s3://bucket/a.1.JPG", ..., species="dog", note="of last year"), least("s3://bucket/+plus.png", ["cat"]), least(..., {"choices": ["dog"]}, photo="@at.png"),
        least("s3://bucket/-minus.png", ..., annotator="", annotation_id=None, created_at=None, note="none yet"), {"image": "s3://bucket/#hash?.png", "label": "cat", "choice": "dog"},
    ]  # fmt: skip
    lines, summary = imported(contributor, fresh, "labelstudio", json.dumps(records))
    assert summary == counts(labelled=6, skipped=1), lines
    assert [line["element"] for line in lines] == [2, 1, 3, 4, 5, 6, 7]
    said = kept(contributor, fresh, "label", "labelled_by", "labelled_at")
    assert said["plain.png"] == ("cat", "ada@example.org", "2026-02-01T00:00:00.000Z")
    assert [said[name][0] for name in ("a.1.JPG", "+plus.png", "@at.png", "-minus.png", "#hash?.png")] == ["dog", "cat", "dog", "", "cat"]
    assert imported(contributor, fresh, "labelstudio", json.dumps(records))[1] == counts(unchanged=6, skipped=1)


BAD_ELEMENTS = [
    (json.dumps(task("lost.png", annotation("cat"))), "lost.png"), (json.dumps(task("plain.png", annotation("cow"))), "cow"),
    (json.dumps(task("plain.png", annotation("cat", "dog"))), "several choices"), (json.dumps(task("plain.png", annotation(1))), "no text"),
    (json.dumps(task("plain.png", {**annotation("cat"), "result": annotation("cat")["result"] + annotation("dog")["result"]})), "not one called label"),
    (json.dumps(task("plain.png", annotation("cat", at="yesterday"))), "yesterday"), (json.dumps({"data": {"width": 3}, "annotations": []}), "names an image"),
    (json.dumps(task("plain.png", annotation("x" * 257))), "256"), (json.dumps(task("plain.png", annotation("cat", by="b" * 257))), "256"),
    (json.dumps(least("plain.png", ["cat", "dog"])), "several choices"), (json.dumps(least("plain.png", ..., species="cat", kind="dog")), "Several"),
    ("3", ""), ('"text, ] }"', ""), ("[1, 2]", ""), ("null", ""), ("", ""), ('{"data": {}} {}', "column 14"), ('{"id": 1, "id": 2}', "twice"), ('{"a":}', "column 6"),
    ('{"data": {"image": "\\ud800"}}', "surrogate"), ('{"a": ' + "[" * 40 + "]" * 40 + "}", "deeper"), ('}', ""),
]  # fmt: skip


def test_elements_that_do_not_match_are_listed_and_the_others_imported(contributor, fresh):
    good = json.dumps(task("a.1.JPG", annotation("dog")))
    body = "[" + ",\n".join(part for text, _ in BAD_ELEMENTS for part in (text, good)) + "]"
    lines, summary = imported(contributor, fresh, "labelstudio", body)
    assert summary == counts(labelled=1, unchanged=len(BAD_ELEMENTS) - 1, failed=len(BAD_ELEMENTS)), lines
    for number, (line, (text, says)) in enumerate(zip(lines[::2], BAD_ELEMENTS, strict=True)):
        assert (line["line"], line["element"]) == (2 * number + 1, 2 * number + 1) and says in line["error"], (text, line)


@pytest.mark.parametrize("more, outcome", [(0, "labelled"), (1, "failed")])
def test_an_element_has_at_most_so_many_bytes(contributor, fresh, more, outcome):
    large = json.dumps(task("plain.png", annotation("cat"), note="@"))
    large = large.replace("@", "x" * (ELEMENT_MAX - len(large) + 1 + more))
    lines, summary = imported(contributor, fresh, "labelstudio", f"[{large},{json.dumps(task('a.1.JPG', annotation('dog')))}]")
    assert summary == {**counts(), **({"labelled": 2} if outcome == "labelled" else {"labelled": 1, "failed": 1})}
    assert outcome == "labelled" or str(ELEMENT_MAX) in lines[0]["error"]


GOOD = json.dumps(task("plain.png", annotation("cat")))


@pytest.mark.parametrize("body, labelled", [(GOOD, 1), (f"{GOOD}\n{GOOD}\n", 1), (f" \n[{GOOD}]\n ", 1), ("\ufeff[]", 0), ("[ ]", 0)])
def test_a_task_alone_or_a_line_each_is_imported_too(contributor, fresh, body, labelled):
    assert imported(contributor, fresh, "labelstudio", body)[1]["labelled"] == labelled


@pytest.mark.parametrize("body, says", [(f"[{GOOD}", "ends within element 1"), (f"[{GOOD},\n", "element 2, which begins in line 2"),
                                        (f"[{GOOD}] x", "line 1"), (f"[{GOOD},{{\"a\": \"]", "element 2"), (f"{GOOD} x", "JSON object")])  # fmt: skip
def test_what_came_before_a_body_breaks_off_is_imported(contributor, fresh, body, says):
    answer = post(contributor, fresh, "labelstudio", body)
    if body == f"[{GOOD}":
        assert_problem(answer, 400, says)
        return
    *lines, last = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.status_code == 200 and len(lines) == 1 and says in last["summary"]["error"]
    assert kept(contributor, fresh)["plain.png"] == ("cat",)


@pytest.mark.parametrize("body", ["", " ", "x", "3", '"a"', "]"])
def test_a_body_that_is_no_json_of_tasks_is_refused(contributor, fresh, body):
    assert_problem(post(contributor, fresh, "labelstudio", body), 400, "array")


# --- around it


def test_who_may_import(collector, contributor, fresh):
    body = table(["filepath", "label"], ["plain.png", "cat"])
    assert_problem(post(collector.session("annotator"), fresh, "csv", body), 403)
    assert_problem(post(collector.session("guest"), fresh, "csv", body), 404)
    assert_problem(post(contributor, "nowhere", "csv", body), 404)


def test_an_unknown_format_or_parameter_is_named(contributor, fresh):
    assert_problem(post(contributor, fresh, "xml", ""), 400, "csv")
    assert_problem(contributor.post(f"/v1/datasets/{fresh}/import", data=b""), 400, "format")
    assert_problem(post(contributor, fresh, "csv", "", colour="red"), 400, "colour")


def test_an_import_is_in_the_audit_log(collector, contributor, fresh):
    imported(contributor, fresh, "csv", table(["filepath", "label"], ["plain.png", "cat"], ["lost.png", "cat"]))
    entries, after = [], None
    while after is not None or not entries:
        page = collector.session("admin").get("/v1/audit", params={"after": after} if after else {}).json()
        entries += page["items"]
        after = page["next"]
        if not after:
            break
    found = [entry for entry in entries if entry["action"] == "import.labels" and entry["dataset"] == fresh]
    assert [(entry["by"], entry["detail"]) for entry in found] == [("contributor", "csv: 1 labelled, 0 unchanged, 0 skipped, 1 failed")]


def test_a_body_that_is_too_large_is_refused_before_it_comes(collector, fresh):
    connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=60)
    credentials = base64.b64encode(f"contributor:{collector.passwords['contributor']}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Length": str(2**30 + 1)}
    connection.request("POST", f"/v1/datasets/{fresh}/import?format=csv", headers=headers)
    assert connection.getresponse().status == 413
    connection.close()
