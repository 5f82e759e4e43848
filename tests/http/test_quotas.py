"""Quotas at their edges: what just fits is accepted, one more is refused, however it is sent."""
import contextlib

import pytest
from collecting import DEFAULT, form, picture
from test_archive import ARCHIVE, load, tar
from test_slow_clients import connect
from test_tus import append, create

LIMIT = 5000


def sized(length):
    """An image of so many bytes; what follows a PNG's end is no part of it, and kept."""
    data = picture()
    return data + bytes(length - len(data))


@pytest.fixture(scope="module")
def limited(tmp_path_factory, stores):
    from collecting import Collector
    from conftest import finish

    limits = {"file_bytes": LIMIT, "archive_entry_bytes": LIMIT, "files_per_request": 3}
    server = Collector(tmp_path_factory.mktemp("limited"), stores.environment(), config={"limits": limits})
    try:
        yield server.start()
    finally:
        finish([server])


def by_put(session, data, number):
    return session.put(f"/v1/datasets/{DEFAULT}/images/put{number}.png", data=data).status_code


def by_form(session, data, number):
    return session.post(f"/v1/datasets/{DEFAULT}/images", files=form((f"form{number}.png", data))).status_code


def by_single(session, data, number):
    return session.post("/single_upload/", files=form((f"single{number}.png", data), field="file")).status_code


def by_bulk(session, data, number):
    return session.post("/bulk_upload", files=form((f"bulk{number}.png", data))).status_code


def by_tus(session, data, number):
    made = create(session, len(data), filepath=f"tus{number}.png")
    return append(session, made.headers["Location"], 0, data).status_code if made.status_code == 201 else made.status_code


@pytest.mark.parametrize("send", [by_put, by_form, by_single, by_bulk, by_tus])
def test_an_image_of_just_the_limit_is_taken_and_one_byte_more_is_refused(limited, send):
    contributor = limited.session("contributor")
    assert send(contributor, sized(LIMIT), 0) in (200, 201, 204)
    before = limited.stored()
    assert send(contributor, sized(LIMIT + 1), 1) == 413
    assert limited.stored() == before
    if send is not by_tus:  # which remembers what became of an upload
        limited.assert_nothing_left()


def test_an_entry_of_just_the_limit_is_taken_and_one_byte_more_is_refused(limited):
    lines, summary = load(limited.session("contributor"), tar(("a/fits.png", sized(LIMIT)), ("a/over.png", sized(LIMIT + 1)),
                                                              ("a/next.png", picture())), ARCHIVE)
    assert ["error" in line for line in lines] == [False, True, False] and str(LIMIT) in lines[1]["error"]
    assert summary == {"loaded": 2, "duplicate": 0, "skipped": 0, "failed": 1}


@pytest.mark.parametrize("path, items", [(f"/v1/datasets/{DEFAULT}/images", "items"), ("/bulk_upload", "uploaded")])
def test_as_many_files_as_may_be_are_taken_and_one_more_is_refused(limited, path, items):
    contributor = limited.session("contributor")
    told = [contributor.post(path, files=form(*((f"{number}.png", picture()) for number in range(count)))) for count in (3, 4)]
    assert [answer.status_code for answer in told] == [200, 200]
    assert [["error" in item for item in answer.json()[items]] for answer in told] == [[False] * 3, [False] * 3 + [True]]
    assert "3 files" in told[1].json()[items][3]["error"]


def test_a_dataset_is_filled_to_its_last_byte(make_collector):
    collector = make_collector(config={"limits": {"dataset_bytes": 2 * LIMIT}}).start()
    contributor = collector.session("contributor")
    assert by_put(contributor, sized(LIMIT), 0) == 201
    assert by_put(contributor, sized(LIMIT + 1), 1) == 507
    assert by_put(contributor, sized(LIMIT), 2) == 201
    before = collector.stored()
    for number, send in enumerate((by_put, by_form, by_single, by_bulk, by_tus)):
        assert send(contributor, picture(), 10 + number) == 507, send
    lines, summary = load(contributor, tar(("a/over.png", picture())), ARCHIVE)
    assert "quota" in lines[0]["error"] and summary["failed"] == 1
    assert collector.stored() == before
    assert contributor.get(f"/v1/datasets/{DEFAULT}").json()["size"] == 2
    guest = collector.session("guest")
    assert guest.put("/v1/datasets/secret/images/a.png", data=sized(2 * LIMIT)).status_code == 201  # each has its own


def put_at_once(collector, bodies):
    """The statuses of PUTs that all begin, when there is room, before the first of them has ended."""
    with contextlib.ExitStack() as ended:
        begun = []
        for number, data in enumerate(bodies):
            connection = connect(collector, "PUT", f"/v1/datasets/{DEFAULT}/images/race{number}.png", {}, data)
            ended.callback(connection.close)
            connection.send(data[:-1])
            begun.append((connection, data[-1:]))
        for connection, rest in begun:
            connection.send(rest)
        return sorted(connection.getresponse().status for connection, _ in begun)


def test_the_last_room_is_taken_once_by_those_who_come_at_once(make_collector):
    collector = make_collector(config={"limits": {"dataset_bytes": 2 * LIMIT}}).start()
    assert put_at_once(collector, [sized(LIMIT) for _ in range(8)]) == [201] * 2 + [507] * 6
    assert collector.size() == 2
    collector.sweep()  # what was stored before it was refused
    assert len(collector.objects()) == 2
    collector.assert_nothing_left()


def test_an_image_that_fills_the_quota_is_itself_when_it_comes_twice_at_once(make_collector):
    collector = make_collector(config={"limits": {"dataset_bytes": LIMIT}}).start()
    assert put_at_once(collector, [sized(LIMIT)] * 8) == [200] * 7 + [201]
    assert (len(collector.objects()), collector.size()) == (1, 1)
