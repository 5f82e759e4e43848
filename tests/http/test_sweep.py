"""What a crash between bytes and metadata leaves in the image store is swept by a start or reload once it is an
hour old."""
import fcntl
import hashlib
import os
import time

import pytest
from collecting import DEFAULT, Collector, bucket_client, picture

YOUNG, OLD = 3600 - 60, 3600 + 1  # seconds


def leave(collector, key, data):
    """Stores an object that no sample has."""
    if "AWS_BUCKET_NAME" in collector.variables:
        client = bucket_client(collector.variables)
        client.put_object(Bucket=collector.variables["AWS_BUCKET_NAME"], Key=key, Body=data, ContentType="image/png")
        return
    path = collector.store / "public" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def note(collector, text, age=OLD):
    """The note that a program has left which was killed then."""
    path = collector.state / "pending" / hashlib.sha256(os.urandom(9)).hexdigest()
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)
    return path


def key_of(name):
    return f"images/accordion/img-{name:0>8}-0000-8000-8000-000000000000.png"


@pytest.fixture
def fresh(collector):
    """An image has been uploaded, so the folder of notes is there."""
    answer = collector.session("contributor").put(f"/v1/datasets/{DEFAULT}/images/{os.urandom(5).hex()}.png", data=picture())
    assert answer.status_code == 201, answer.text
    return collector


def reload(collector):
    done = collector.reload()
    assert done.returncode == 0, done.stderr


def test_what_is_an_hour_old_is_swept_by_a_reload_and_what_is_younger_is_not(fresh):
    before, data = fresh.objects(), picture()
    for name in ("old", "young"):
        leave(fresh, key_of(name), data)
    notes = note(fresh, f"{DEFAULT}\n{key_of('old')}\n"), note(fresh, f"{DEFAULT}\n{key_of('young')}\n", YOUNG)
    reload(fresh)
    assert fresh.objects() == before | {key_of("young")}
    assert [path.exists() for path in notes] == [False, True]
    os.utime(notes[1], (time.time() - OLD,) * 2)
    reload(fresh)
    assert fresh.objects() == before and not notes[1].exists()


def test_it_is_swept_at_start(make_collector):
    collector = make_collector().start()
    collector.session("contributor").put(f"/v1/datasets/{DEFAULT}/images/a.png", data=picture())
    before = collector.objects()
    leave(collector, key_of("start"), picture())
    left = note(collector, f"{DEFAULT}\n{key_of('start')}\n")
    collector.restart()
    assert collector.objects() == before and not left.exists()


def test_what_a_sample_has_is_kept_however_old_its_note_is(fresh):
    """Sent again after the crash, it was answered: the first note is still there."""
    data, before = picture(), fresh.objects()
    contributor = fresh.session("contributor")
    told = contributor.put(f"/v1/datasets/{DEFAULT}/images/again/{os.urandom(5).hex()}.png?label=accordion", data=data).json()
    (key,) = fresh.objects() - before
    left = note(fresh, f"{DEFAULT}\n{key}\n")
    reload(fresh)
    assert fresh.object(key) == data and not left.exists()
    assert contributor.get(f"/v1/datasets/{DEFAULT}/samples/{told['id']}/image").content == data


def test_what_was_left_is_taken_up_by_who_sends_it_again(make_collector):
    """A key is made of the bytes: what one server stored under it is what another's crash left in its store."""
    data, path = picture(), f"/v1/datasets/{DEFAULT}/images/a.png?label=airplanes"
    elsewhere, collector = make_collector().start(), make_collector().start()
    assert elsewhere.session("contributor").put(path, data=data).status_code == 201
    (key,) = elsewhere.objects()
    leave(collector, key, data)
    contributor = collector.session("contributor")
    told = contributor.put(path, data=data)
    assert told.status_code == 201 and collector.objects() == {key}
    left = note(collector, f"{DEFAULT}\n{key}\n")
    reload(collector)
    assert collector.objects() == {key} and not left.exists()
    assert contributor.get(f"/v1/datasets/{DEFAULT}/samples/{told.json()['id']}/image").content == data


def test_a_program_that_is_alive_has_its_notes_for_itself(fresh):
    before = fresh.objects()
    leave(fresh, key_of("live"), picture())
    left = note(fresh, f"{DEFAULT}\n{key_of('live')}\n")
    with left.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        reload(fresh)
        assert fresh.objects() == before | {key_of("live")} and left.exists()
    reload(fresh)
    assert fresh.objects() == before and not left.exists()


def test_notes_that_are_none_harm_nothing_and_stop_no_other(fresh):
    before = fresh.objects()
    (key, *_) = before
    texts = ["", "\n", DEFAULT, f"{DEFAULT}\n", f"{DEFAULT}\nimages/accordion/img-cut", f"\n{key}\n"]
    texts += [f"{DEFAULT}\n{path}\n" for path in (f"../../{key}", "/etc/passwd", "images", "images/accordion")]
    notes = [note(fresh, text) for text in texts]
    leave(fresh, key_of("other"), picture())
    notes += [note(fresh, f"{DEFAULT}\n{key_of('other')}\n") for _ in range(3)]  # some of them are read after those
    reload(fresh)
    assert fresh.objects() == before
    assert not [path.name for path in notes if path.exists()]


def test_of_a_dataset_that_is_not_there_nothing_is_removed(fresh):
    before = fresh.objects()
    leave(fresh, key_of("gone"), picture())
    left = note(fresh, f"gone\n{key_of('gone')}\n")
    reload(fresh)
    assert fresh.objects() == before | {key_of("gone")} and not left.exists()
