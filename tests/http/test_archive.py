"""POST /v1/datasets/{d}/archive: the images of an archive, each answered with a line of JSON."""
import io
import json
import tarfile
import zipfile

import pytest
from collecting import DEFAULT, assert_problem, picture, samples

ARCHIVE = f"/v1/datasets/{DEFAULT}/archive"


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, data in entries:
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def load(session, data, path=ARCHIVE):
    """The lines of the entries, and the summary."""
    answer = session.post(path, data=data)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    *lines, last = [json.loads(line) for line in answer.text.splitlines()]
    return lines, last["summary"]


def test_many_images_become_samples_in_the_order_of_the_archive(collector, contributor):
    entries = [(f"set/class{number // 10}/{number:03}.png", picture(size=(32 + number % 5 * 200, 24))) for number in range(60)]
    lines, summary = load(contributor, tar(*entries))
    assert [line["path"] for line in lines] == [path for path, _ in entries]
    assert [line["id"] for line in lines] == list(range(lines[0]["id"], lines[0]["id"] + 60))
    assert summary == {"loaded": 60, "duplicate": 0, "skipped": 0, "failed": 0}
    stored = {sample["filepath"]: sample["label"] for sample in samples(contributor)}
    assert {path: stored[path] for path, _ in entries} == {path: path.split("/")[1] for path, _ in entries}


def test_of_two_images_alike_the_first_is_the_one(collector, contributor):
    twice, other = picture(), picture()
    before = collector.objects()
    lines, summary = load(contributor, tar(("a/1.png", twice), ("b/1.png", other), ("b/2.png", twice), ("c/3.png", twice)))
    assert [(line["path"], line.get("duplicate", False)) for line in lines] == [
        ("a/1.png", False), ("b/1.png", False), ("b/2.png", True), ("c/3.png", True)]
    assert lines[0]["id"] == lines[2]["id"] == lines[3]["id"] != lines[1]["id"]
    assert summary == {"loaded": 2, "duplicate": 2, "skipped": 0, "failed": 0}
    found = [sample for sample in samples(contributor) if sample["id"] == lines[0]["id"]]
    assert [(sample["filepath"], sample["label"]) for sample in found] == [("a/1.png", "a")]
    assert len(collector.objects() - before) == 2


def test_of_two_entries_of_one_name_the_first_is_the_one(collector, contributor):
    first, second = picture(), picture()
    before = collector.objects()
    lines, summary = load(contributor, tar(("same/name.png", first), ("same/name.png", second)))
    assert "id" in lines[0] and "already" in lines[1]["error"]
    assert (summary["loaded"], summary["failed"]) == (1, 1)
    assert len(collector.objects() - before) == 1


def test_a_broken_image_or_what_is_none_loses_no_other(collector, contributor):
    whole = [picture("JPEG", (200, 150)) for _ in range(3)]
    lines, summary = load(contributor, tar(
        ("x/1.jpg", whole[0]), ("x/broken.jpg", whole[1][:-300]), ("x/notes.txt", b"no image"), ("x/empty.jpg", b""),
        (".hidden/2.jpg", whole[1]), ("../3.jpg", whole[1]), ("x/2.jpg", whole[2])))
    told = {line["path"]: next(key for key in ("id", "error", "skipped") if key in line) for line in lines}
    assert [line["path"] for line in lines][:3] == ["x/1.jpg", "x/broken.jpg", "x/notes.txt"]
    assert told["x/1.jpg"] == told["x/2.jpg"] == "id"
    assert told["x/broken.jpg"] == told["../3.jpg"] == "error"
    assert told["x/notes.txt"] == told["x/empty.jpg"] == told[".hidden/2.jpg"] == "skipped"
    assert summary == {"loaded": 2, "duplicate": 0, "skipped": 3, "failed": 2}
    collector.assert_nothing_left()


def test_what_came_before_an_archive_breaks_off_is_kept_and_told(collector, contributor):
    entries = [(f"cut/{number}.png", picture(size=(600, 400))) for number in range(5)]
    three = sum(512 + -(-len(data) // 512) * 512 for _, data in entries[:3])
    lines, summary = load(contributor, tar(*entries)[: three + 600])  # amid the fourth one's bytes
    assert [line["path"] for line in lines if "id" in line] == [path for path, _ in entries[:3]]
    assert summary["loaded"] == 3 and "truncated" in summary["error"]


def test_loading_an_archive_again_adds_nothing(collector, contributor):
    data = tar(*[(f"again/{number}.png", picture()) for number in range(20)])
    first, _ = load(contributor, data)
    before = collector.stored()
    again, summary = load(contributor, data)
    assert summary == {"loaded": 0, "duplicate": 20, "skipped": 0, "failed": 0}
    assert [line["id"] for line in again] == [line["id"] for line in first]
    assert collector.stored() == before


def legacy_zip(name, encoding):
    """A zip as Windows of that language writes it."""
    raw, out = name.encode(encoding), io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x" * len(raw), picture())
    return out.getvalue().replace(b"x" * len(raw), raw)


@pytest.mark.parametrize("name, encoding", [("写真/犬表.png", "cp932"), ("фото/кот.png", "cp866"), ("照片/猫.png", "gbk")])
def test_names_of_older_zips_are_of_the_charset_told(contributor, name, encoding):
    data = legacy_zip(name, encoding)
    (line,), summary = load(contributor, data)
    assert line["path"] != name and "names=" in summary["warning"] and "CP437" in summary["warning"]
    (line,), summary = load(contributor, data, f"{ARCHIVE}?names={encoding}")
    assert line["path"] == name and "id" in line and "warning" not in summary
    (line,), summary = load(contributor, legacy_zip("写真/犬.png", "cp932"), f"{ARCHIVE}?names=ascii")
    assert "neither UTF-8 nor ascii" in line["error"] and summary["failed"] == 1


@pytest.mark.parametrize("names", ["nosuch", "", "cp932//TRANSLIT", "x" * 100])
def test_a_charset_that_there_is_not_is_400(contributor, names):
    assert_problem(contributor.post(ARCHIVE, params={"names": names}, data=tar(("a.png", picture()))), 400, "names")


@pytest.mark.parametrize("data, status", [(b"no archive at all", 415), (b"", 415), (b"\x1f\x8b" + bytes(50), 422)])
def test_what_is_no_archive_is_refused(collector, contributor, data, status):
    assert_problem(contributor.post(ARCHIVE, data=data), status)


def test_only_contributors_may(collector):
    data = tar(("cat/1.png", picture()))
    assert_problem(collector.session("annotator").post(ARCHIVE, data=data), 403)
