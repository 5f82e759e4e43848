"""Bodies that are no archive, and archives that are broken, lead elsewhere or grow without end: a line that says
why, or a 4xx; nothing of them is stored."""
import gzip
import io
import os
import tarfile
import zipfile
import zlib

import pytest
from collecting import Collector, assert_problem, picture
from PIL import Image
from test_archive import ARCHIVE, load, tar
from test_upload_bad_input import png

KIB, MIB = 1024, 1024 * 1024
ENTRY, ENTRIES = 400 * KIB, 50  # limits
WHOLE = 3 * MIB
BMP = picture("BMP", (64, 64))  # how a bomb begins, to be taken for an image
pytestmark = pytest.mark.usefixtures("unharmed")


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    limits = {"archive_entry_bytes": ENTRY, "archive_entries": ENTRIES, "archive_bytes": WHOLE}
    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment(), config={"limits": limits})
    try:
        yield collector.start()
    finally:
        collector.stop()
    assert not collector.sanitizer_reports()


def zipped(*entries, method=zipfile.ZIP_DEFLATED):
    """(name or ZipInfo, bytes) each."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def special(kind, link=""):
    """A tar of one entry that is no plain file."""
    out, info = io.BytesIO(), tarfile.TarInfo("cat/a.png")
    info.type, info.linkname = kind, link
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(info)
    return out.getvalue()


def pressed(chunks):
    """gzip of what never lies in memory as a whole."""
    press = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(map(press.compress, chunks)) + press.flush()


def tar_head(name, size):
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf()


def noise():
    """An image that gets no smaller by compression, and that no other call makes."""
    out = io.BytesIO()
    Image.frombytes("RGB", (150, 150), os.urandom(150 * 150 * 3)).save(out, "PNG")
    return out.getvalue()


def errors(lines):
    return [line.get("error") for line in lines]


# --- entries


@pytest.mark.parametrize("name", ["../a.png", "a/../../b.png", "a/..", "../../etc/cron.d/a.png", "/etc/a.png", "//a.png"])
def test_a_name_that_leads_elsewhere_is_refused(contributor, nothing_stored, name):
    for data in (tar((name, picture())), gzip.compress(tar((name, picture()))), zipped((name, picture()))):
        (line,), summary = load(contributor, data)
        assert "'..'" in line["error"] or "absolute" in line["error"]
        assert summary == {"loaded": 0, "duplicate": 0, "skipped": 0, "failed": 1}


@pytest.mark.parametrize("name", ["..\\a.png", "a\\..\\..\\b.png", "C:\\a.png", "c:a.png", "\\\\host\\share\\a.png"])
def test_a_name_of_another_system_that_leads_elsewhere_is_refused(contributor, nothing_stored, name):
    (line,), _ = load(contributor, zipped((name, picture())))
    assert "'..'" in line["error"] or "absolute" in line["error"]


@pytest.mark.parametrize("folder", ["a\r\nX-Evil: 1", "a\x07", "\x1b[2J", "x" * 300, "ñ" * 200])
def test_a_folder_that_can_be_no_label_is_refused(contributor, nothing_stored, folder):
    (line,), _ = load(contributor, tar((f"{folder}/a.png", picture())))
    assert "label" in line["error"]


def test_a_name_longer_than_a_filepath_is_refused(contributor, nothing_stored):
    (line,), _ = load(contributor, tar(("f/" * 3000 + "a.png", picture())))
    assert "too long" in line["error"]


def test_a_file_name_with_control_characters_is_refused(contributor, nothing_stored):
    answer = contributor.post(ARCHIVE, data=tar(("cat/a\r\nX-Evil: 1.png", picture())))
    assert answer.status_code == 200 and "X-Evil" not in answer.headers and "control character" in answer.text


def named(raw):
    """A zip of an image under a name of bytes."""
    return zipped(("cat/aa.png", picture())).replace(b"cat/aa.png", raw.ljust(10, b"g"))


@pytest.mark.parametrize("name", [b"cat/..\0.png", b"\0at/aa.png", b"/at\0aa.png"])
def test_a_name_that_leads_elsewhere_before_a_nul_is_refused(contributor, nothing_stored, name):
    (line,), summary = load(contributor, named(name))
    assert line["error"] and summary["failed"] == 1


def test_a_name_ends_at_a_nul(contributor):
    (line,), _ = load(contributor, named(b"cat/a\0/../"))
    assert line["path"] == "cat/a" and "id" in line


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE], ids=["symlink", "hard link", "character", "block", "pipe"]
)
def test_what_is_no_plain_file_is_refused(contributor, nothing_stored, kind):
    (line,), summary = load(contributor, special(kind, "/etc/passwd"))
    assert "link" in line["error"] or "device" in line["error"]
    assert summary["failed"] == 1


def test_a_hard_link_is_the_image_that_it_leads_to(contributor):
    image, again = tar(("linked/1.png", picture())), special(tarfile.LNKTYPE, "./linked/1.png")
    lines, summary = load(contributor, joined(image, again, again))
    assert [line["path"] for line in lines] == ["linked/1.png", "cat/a.png", "cat/a.png"]
    assert lines[1]["id"] == lines[0]["id"] == lines[2]["id"] and lines[1]["duplicate"]
    assert summary == {"loaded": 1, "duplicate": 2, "skipped": 0, "failed": 0}


def test_a_hard_link_to_what_is_no_image_of_the_archive_is_refused(contributor, nothing_stored):
    text = tar(("cat/notes.txt", b"text"))
    for target in ("cat/notes.txt", "cat/later.png", "/etc/passwd", "../x.png"):
        lines, summary = load(contributor, joined(text, special(tarfile.LNKTYPE, target)))
        assert "link" in lines[1]["error"] and summary["failed"] == 1


def joined(*archives):
    """One tar of several."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as whole:
        for archive in archives:
            with tarfile.open(fileobj=io.BytesIO(archive)) as part:
                for member in part:
                    whole.addfile(member, part.extractfile(member) if member.isreg() else None)
    return out.getvalue()


def test_a_symlink_in_a_zip_is_never_followed(contributor, nothing_stored):
    info = zipfile.ZipInfo("cat/link.png")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    (line,), _ = load(contributor, zipped((info, "/etc/passwd")))
    assert "no image" in line.get("skipped", "") or "link" in line.get("error", "")


def test_an_encrypted_entry_is_refused_and_loses_no_other(contributor):
    data = bytearray(zipped(*[(f"locked/{number}.png", picture()) for number in range(1, 5)]))
    for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the first entry's: bit 0 says that it is encrypted
        data[data.index(header) + flags] |= 1
    lines, summary = load(contributor, bytes(data))
    assert "encrypted" in lines[0]["error"] and all("id" in line for line in lines[1:])
    assert summary == {"loaded": 3, "duplicate": 0, "skipped": 0, "failed": 1}


def test_what_is_no_sound_image_is_refused_or_skipped(contributor, nothing_stored):
    svg, whole = b"<svg xmlns='http://www.w3.org/2000/svg'/>", picture("JPEG", (300, 200))
    entries = [("cat/text.jpg", b"text " * 50), ("cat/a.png", svg), ("cat/b.png", b"<!DOCTYPE html><html></html>"), ("cat/empty.jpg", b""),
               ("cat/half.jpg", whole[: len(whole) // 2]), ("cat/magic.png", b"\x89PNG\r\n\x1a\n")]
    entries += [("cat/vast.png", png(50_000, 50_000)), ("cat/vast and whole.png", png(50_000, 50_000, bytes(6251) * 50_000))]
    for data in (tar(*entries), zipped(*entries)):
        lines, summary = load(contributor, data)
        assert ["skipped" in line for line in lines] == [True, True, True, True, False, False, False, False]
        assert all(errors(lines)[4:]) and summary == {"loaded": 0, "duplicate": 0, "skipped": 4, "failed": 4}


# --- bombs


@pytest.mark.parametrize("make", [tar, zipped])
def test_an_entry_over_its_limit_is_refused_and_loses_no_other(contributor, make):
    large = picture("BMP", (400, 400))
    assert len(large) > ENTRY
    lines, summary = load(contributor, make((f"{make.__name__}/1.png", picture()), ("cat/large.bmp", large), (f"{make.__name__}/2.png", picture())))
    assert ["id" in line for line in lines] == [True, False, True] and str(ENTRY) in lines[1]["error"]
    assert (summary["loaded"], summary["failed"]) == (2, 1)


@pytest.mark.parametrize("make", [tar, zipped])
def test_more_entries_than_the_limit_end_the_archive(contributor, nothing_stored, make):
    lines, summary = load(contributor, make(*[(f"cat/{number}.txt", b"x") for number in range(ENTRIES + 10)]))
    assert len(lines) == ENTRIES and f"{ENTRIES} entries" in summary["error"]


def test_folders_count_among_the_entries(contributor, nothing_stored):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number in range(ENTRIES + 10):
            info = tarfile.TarInfo(f"folder{number}")
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
    assert_problem(contributor.post(ARCHIVE, data=out.getvalue()), 413, f"{ENTRIES} entries")


def test_a_gzip_bomb_ends_early_and_its_answer_comes(contributor, nothing_stored):
    """What comes after the place where it is noticed is still on its way then."""
    size = 400 * MIB
    bomb = pressed([tar_head("cat/a.bmp", size), BMP, *[bytes(MIB)] * 400])
    lines, summary = load(contributor, bomb)
    assert errors(lines) == [f"the entry has {size} bytes; {ENTRY} are allowed"]
    assert "grows too much" in summary["error"]


def test_a_zip_bomb_ends_early_and_its_answer_comes(contributor, nothing_stored):
    once = BMP + bytes(100 * MIB)
    lines, summary = load(contributor, zipped(*[(f"cat/{number}.bmp", once) for number in range(4)]))
    assert len(lines) < 4 and "grows too much" in summary["error"]


def test_a_bomb_of_many_entries_ends_early(contributor, nothing_stored):
    entry = tar_head("cat/a.bmp", 20 * MIB) + BMP + bytes(20 * MIB - len(BMP))
    lines, summary = load(contributor, pressed([entry] * 18))
    assert 0 < len(lines) < 18 and all(errors(lines)) and "grows too much" in summary["error"]


@pytest.mark.parametrize("layers", [2, 3, 26])
def test_what_is_compressed_more_than_once_is_refused(contributor, nothing_stored, layers):
    """A few hundred bytes can unpack to themselves, for ever."""
    data = tar(("cat/a.png", picture()))
    for _ in range(layers):
        data = gzip.compress(data)
    assert_problem(contributor.post(ARCHIVE, data=data), 422, "compressed more than once")


# --- broken ones


@pytest.mark.parametrize("what, status", [
    (b"just text\n" * 1000, 415), (b"<!DOCTYPE html><html></html>", 415), (b"", 415), (bytes(100), 415), (picture("PNG", (200, 200)), 415),
    (b"7z\xbc\xaf\x27\x1c" + bytes(100), 415), (b"Rar!\x1a\x07\x01\x00" + bytes(100), 415), (b"BZh9" + bytes(100), 415),
    (b"\x1f\x8b", 422), (gzip.compress(b"text " * 1000), 422), (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, 422), (b"PK\3\4" + bytes(10), 422),
], ids=["text", "html", "empty", "zeros", "an image", "7z", "rar", "bzip2", "half a gzip", "text in gzip", "broken zstd", "half a zip"])  # fmt: skip
def test_what_is_no_archive_is_refused(contributor, nothing_stored, what, status):
    assert_problem(contributor.post(ARCHIVE, data=what), status)


@pytest.mark.parametrize("name, pack, cuts", [("tar", bytes, (0.4, 0.01)), ("gz", gzip.compress, (0.9, 0.6))])
def test_a_truncated_tar_keeps_what_came_whole_and_says_that_it_is_truncated(collector, contributor, name, pack, cuts):
    data = pack(tar(*[(f"{name}/{number}.png", noise()) for number in range(3)]))
    for cut in cuts:
        before = collector.size()
        lines, summary = load(contributor, data[: int(len(data) * cut)])
        assert "truncated" in summary["error"] and "truncated" in lines[-1]["error"]
        assert collector.size() - before == summary["loaded"] < 3
        assert len(lines) == summary["loaded"] + summary["duplicate"] + 1


def test_a_truncated_zip_keeps_what_came_whole_and_says_that_it_is_truncated(collector, contributor):
    one, all_ = zipped(("cut/0.png", picture())), [(f"cut/z{number}.png", picture()) for number in range(3)]
    data = zipped(*all_)
    first = data.index(b"PK\3\4", 4)  # where the second entry begins
    for cut in (first, first + 50):
        lines, summary = load(contributor, data[:cut])
        assert "truncated" in summary["error"]
        assert "id" in lines[0] and not any("id" in line for line in lines[1:])
    assert_problem(contributor.post(ARCHIVE, data=one[:40]), 422, "truncated")


def test_an_archive_over_its_limit_is_413(contributor, nothing_stored):
    data = tar(("cat/notes.txt", bytes(WHOLE)))
    assert_problem(contributor.post(ARCHIVE, data=data), 413)
    assert_problem(contributor.post(ARCHIVE, data=iter([data[:MIB], data[MIB : 2 * MIB], data[2 * MIB :]])), 413)


def test_an_archive_may_come_in_chunks(contributor):
    data = tar(("chunks/1.png", picture()), ("chunks/2.png", picture()))
    lines, summary = load(contributor, (data[at : at + 700] for at in range(0, len(data), 700)))
    assert summary["loaded"] == 2 and [line["path"] for line in lines] == ["chunks/1.png", "chunks/2.png"]


def test_what_follows_an_archive_is_passed_over(contributor, nothing_stored):
    lines, summary = load(contributor, tar(("cat/notes.txt", b"x")) + bytes(2 * MIB))
    assert summary == {"loaded": 0, "duplicate": 0, "skipped": 1, "failed": 0} and len(lines) == 1


# --- refusals of large bodies


@pytest.mark.parametrize("role, status", [("annotator", 403), ("contributor", 415)])
def test_a_body_that_nobody_reads_to_its_end_is_refused_all_the_same(make_collector, role, status):
    """Six times, since it was a matter of chance whether nginx found its sending fail (502) before it read the answer."""
    collector = make_collector().start()
    before, pids = collector.stored(), collector.programs()
    for _ in range(6):
        assert_problem(collector.session(role).post(ARCHIVE, data=(b"x" * MIB for _ in range(280))), status)
    assert (collector.stored(), collector.programs()) == (before, pids)
    collector.assert_nothing_left()
