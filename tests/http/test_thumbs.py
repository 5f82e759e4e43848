"""Thumbnails: of the image as it is now, for users who may see it, made once and kept on each machine."""
import contextlib
import io
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pymongo
import pytest
from collecting import DEFAULT, Collector, assert_problem, picture
from harness import draw, files, until
from PIL import Image

SAMPLES = f"/v1/datasets/{DEFAULT}/samples"


@pytest.fixture(scope="module")
def collector(tmp_path_factory, stores):
    from conftest import finish

    collector = Collector(tmp_path_factory.mktemp("collector"), stores.environment())
    draw(collector.add_dataset("seeded", samples=["large.png"]) / "large.png", size=(640, 480))
    try:
        yield collector.start()
    finally:
        finish([collector])


@pytest.fixture
def viewer(collector):
    return collector.session("viewer")


def put(session, filepath, data, dataset=DEFAULT):
    answer = session.put(f"/v1/datasets/{dataset}/images/{filepath}", data=data)
    assert answer.status_code == 201, answer.text
    return answer.json()


def thumb(session, sample, **query):
    return session.get(f"{SAMPLES}/{sample['id']}/thumb", params=query)


def opened(answer):
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def colour(answer):
    red, _, blue = opened(answer).convert("RGB").getpixel((5, 5))
    return "red" if red > 200 > blue else "blue" if blue > 200 > red else (red, blue)


def coloured(name, size=(300, 300)):
    out = io.BytesIO()
    Image.new("RGB", size, name).save(out, "PNG")
    return out.getvalue()


def kept(server):
    """The files of thumbnails on this machine."""
    return files(server.state / "cache" / "thumbs")


def kept_once(server, ask):
    """Asks until the thumbnail is kept: one of a file that was written this very moment is not."""
    before = len(kept(server))
    return until(lambda: (answer := ask()) and len(kept(server)) > before and answer, "the thumbnail is kept")


# --- what it looks like


@pytest.mark.parametrize("size, expected", [(None, 256), (1, 64), (64, 64), (65, 100), (500, 500), (501, 1000), (1001, 2048), (2048, 2048)])
def test_a_thumbnail_has_the_next_of_a_few_sizes(contributor, size, expected):
    sample = put(contributor, f"large{size}.jpg", picture("JPEG", (2500, 1250)))
    answer = thumb(contributor, sample, **({"size": size} if size else {}))
    assert opened(answer).size == (expected, expected // 2)
    assert answer.headers["Content-Type"] in ("image/jpeg", "image/webp")


def test_a_small_image_is_not_enlarged(contributor):
    assert opened(thumb(contributor, put(contributor, "small.png", picture(size=(40, 20))), size=256)).size == (40, 20)


def test_a_thumbnail_is_made_once_and_then_kept(collector, contributor):
    clear = io.BytesIO()
    Image.new("RGBA", (400, 400), (9, 99, 199, 50)).save(clear, "PNG")
    for name, data, kind in (("once.png", picture(size=(400, 400)), "jpeg"), ("glass.png", clear.getvalue(), "webp")):
        sample, before = put(contributor, name, data), {path: path.stat().st_mtime_ns for path in kept(collector)}
        first = thumb(contributor, sample, size=100)
        assert first.headers["Content-Type"] == f"image/{kind}"
        (path,) = set(kept(collector)) - set(before)
        assert path.read_bytes().endswith(first.content)
        path.write_bytes(path.read_bytes() + b"as it is kept")
        second = thumb(contributor, sample, size=100)
        assert second.content == first.content + b"as it is kept"
        assert second.headers["Content-Type"] == first.headers["Content-Type"]
        assert set(kept(collector)) == {path, *before}


def test_a_thumbnail_that_cannot_be_made_is_a_problem_told_in_json(collector, contributor):
    sample = put(contributor, "stopped.png", picture())
    (pid,) = collector.processes("samples")
    socket = collector.state / "sock" / "samples.sock"
    socket.rename(socket.with_suffix(".away"))
    try:
        assert_problem(thumb(contributor, sample), 502, "not answering")
    finally:
        socket.with_suffix(".away").rename(socket)
    assert collector.processes("samples") == [pid]
    assert thumb(contributor, sample).status_code == 200
    assert_problem(contributor.get(f"{SAMPLES}/{sample['id']}/thumb?size=big"), 400)
    assert_problem(contributor.get(f"{SAMPLES}/99999/thumb"), 404)


def test_many_sizes_are_few_files(collector, contributor):
    sample, before = put(contributor, "sizes.jpg", picture("JPEG", (2500, 1250))), len(kept(collector))
    answers = [thumb(contributor, sample, size=size) for size in range(1, 2049, 89)]
    assert len({opened(answer).size for answer in answers}) == len(kept(collector)) - before == 6


def test_a_kept_thumbnail_is_for_those_who_may_see_the_dataset(collector, contributor):
    sample = put(contributor, "kept.png", picture(size=(400, 400)))
    assert thumb(contributor, sample).status_code == 200
    assert thumb(collector.session("guest"), sample).status_code == 404
    assert thumb(collector.session(), sample).status_code == 401


def test_a_thumbnail_stands_upright_as_exif_says(contributor):
    image, exif = Image.new("RGB", (400, 200), "blue"), Image.Exif()
    image.paste("red", (0, 0, 200, 200))  # the left half; turned by a quarter it is the upper one
    exif[0x0112] = 6
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif, quality=95)
    made = opened(thumb(contributor, put(contributor, "turned.jpg", out.getvalue()), size=100)).convert("RGB")
    assert made.size == (50, 100)
    assert made.getpixel((25, 20))[0] > 150 > made.getpixel((25, 20))[2]
    assert made.getpixel((25, 80))[2] > 150 > made.getpixel((25, 80))[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_of_exif_is_set_right(contributor, orientation):
    """As the standard tells them: the image's upper left quarter is red, its other ones are blue, when it is looked at."""
    upright = Image.new("RGB", (400, 200), "blue")
    upright.paste("red", (0, 0, 200, 100))
    turns = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180], 4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }  # fmt: skip
    stored, exif, out = upright, Image.Exif(), io.BytesIO()
    for turn in turns.get(orientation, []):
        stored = stored.transpose(turn)
    exif[0x0112] = orientation
    stored.save(out, "JPEG", exif=exif, quality=95)
    made = opened(thumb(contributor, put(contributor, f"turned{orientation}.jpg", out.getvalue()), size=100)).convert("RGB")
    assert made.size == (100, 50)
    corners = [made.getpixel(at)[0] > 150 for at in ((20, 10), (80, 10), (20, 40), (80, 40))]
    assert corners == [True, False, False, False]


def test_a_thumbnail_has_no_metadata_and_the_original_keeps_its_own(collector, contributor):
    exif = Image.Exif()
    exif[0x010E] = "where I live"  # ImageDescription
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    image = Image.new("RGB", (300, 300), "green")
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    sample = put(contributor, "gps.jpg", out.getvalue())
    assert b"where I live" in contributor.get(f"{SAMPLES}/{sample['id']}/image").content
    made = thumb(contributor, sample)
    assert b"where I live" not in made.content and b"Exif" not in made.content
    assert not opened(made).getexif()


def test_a_transparent_image_stays_so(contributor):
    out = io.BytesIO()
    Image.new("RGBA", (300, 300), (255, 0, 0, 0)).save(out, "PNG")
    made = opened(thumb(contributor, put(contributor, "clear.png", out.getvalue())))
    assert made.convert("RGBA").getpixel((10, 10))[3] == 0


@pytest.mark.parametrize("size", ["0", "-1", "x", "100000", "9" * 20, "1.5", "../../x"])
def test_a_size_that_cannot_be_is_refused(contributor, size):
    assert_problem(thumb(contributor, {"id": 0}, size=size), 400, "size")


def test_a_seeded_image_has_a_thumbnail_too(viewer):
    answer = viewer.get(viewer.get("/v1/datasets/seeded/samples/0").json()["thumb_url"])
    assert opened(answer).size == (256, 192)



# --- whose image has changed or is gone


REPLACED, GONE, TAKEN, EARLIER = ["renamed", "within", "same time"], "gone", "taken", "earlier"


@pytest.fixture(scope="module")
def in_place(make_shared_server):
    """A server of datasets, one a test and way, whose folders hold a red x.jpg and a red x.tif, and whose pictures were looked at."""
    server = make_shared_server()
    server.add_user("ann")
    server.groups = {}  # the folder of a dataset's thumbnails
    names = [*REPLACED, GONE, TAKEN, EARLIER]
    for dataset in names:
        base = server.add_dataset(dataset, samples=["x.jpg", "x.tif"])
        for name in ("x.jpg", "x.tif"):
            draw(base / name, "red", (300, 200))
    ann = server.start().session("ann")
    for dataset in names:
        before = {path.parent for path in kept(server)}
        for number in (0, 1):
            assert colour(kept_once(server, lambda: ann.get(f"/v1/datasets/{dataset}/samples/{number}/thumb"))) == "red"
        (server.groups[dataset],) = {path.parent for path in kept(server)} - before
    return server


def replace_by_rename(path):
    draw(path.with_name("new" + path.suffix), "blue", (300, 200)).replace(path)


def replace_within(path):
    path.write_bytes(draw(path.with_name("new" + path.suffix), "blue", (300, 200)).read_bytes())


def replace_under_the_same_time(path):
    was = path.stat()
    draw(path.with_name("new" + path.suffix), "blue", (300, 200)).replace(path)
    os.truncate(path, max(was.st_size, path.stat().st_size))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def test_an_image_that_is_replaced_has_another_thumbnail_at_another_address(in_place):
    ann = in_place.session("ann")
    for dataset, replace in zip(REPLACED, (replace_by_rename, replace_within, replace_under_the_same_time)):
        for number, name in enumerate(("x.jpg", "x.tif")):
            path = f"/v1/datasets/{dataset}/samples/{number}"
            before = ann.get(path).json()["thumb_url"]
            replace(in_place.images / dataset / name)
            after = ann.get(path).json()["thumb_url"]
            assert after != before, dataset
            for address in (path + "/thumb", after, before):
                assert colour(ann.get(address)) == "blue", address
    firsts = [f"/v1/datasets/{dataset}/samples/0/thumb" for dataset in REPLACED]
    assert in_place.reload().returncode == 0
    assert {path: colour(ann.get(path)) for path in firsts} == dict.fromkeys(firsts, "blue")
    in_place.restart()
    assert {path: colour(ann.get(path)) for path in firsts} == dict.fromkeys(firsts, "blue")


def test_an_image_that_is_gone_has_no_thumbnail_and_none_is_left(in_place):
    ann, group = in_place.session("ann"), in_place.groups[GONE]
    assert len([*group.iterdir()]) == 2
    (in_place.images / GONE / "x.jpg").unlink()
    for path in ("image", "thumb", "thumb?size=256"):
        assert_problem(ann.get(f"/v1/datasets/{GONE}/samples/0/{path}"), 404, "Image file not found")
    assert len([*group.iterdir()]) == 1
    assert "&v=" not in ann.get(f"/v1/datasets/{GONE}/samples/0").json()["thumb_url"]


def test_a_right_to_see_a_dataset_that_is_taken_is_gone_at_once(in_place):
    in_place.add_user("bob", role="viewer", datasets=[TAKEN])
    assert in_place.reload().returncode == 0
    bob = in_place.session("bob")
    assert bob.get(f"/v1/datasets/{TAKEN}/samples/0/thumb").status_code == 200
    in_place.add_user("bob", role="viewer", datasets=["other"])
    assert in_place.reload().returncode == 0
    assert bob.get(f"/v1/datasets/{TAKEN}/samples/0/thumb").status_code == 404


def test_no_one_sees_a_removed_dataset_in_one_of_its_name(collector):
    admin = collector.session("admin")
    make = lambda: admin.post("/v1/datasets", json={"name": "again"})
    assert make().status_code == 201
    put(admin, "a.png", coloured("red"), "again")
    address = admin.get("/v1/datasets/again/samples/0").json()["thumb_url"]
    before = len(kept(collector))
    assert colour(admin.get(address)) == "red" and len(kept(collector)) == before + 1
    assert admin.delete("/v1/datasets/again").status_code == 204
    assert len(kept(collector)) == before
    assert make().status_code == 201
    assert admin.get(address).status_code == 404
    put(admin, "a.png", coloured("blue"), "again")
    assert colour(admin.get(address)) == "blue" and "immutable" not in admin.get(address).headers["Cache-Control"]
    assert admin.get("/v1/datasets/again/samples/0").json()["thumb_url"] != address
    assert admin.delete("/v1/datasets/again").status_code == 204


def test_a_thumbnail_under_way_while_its_dataset_is_made_anew_is_not_the_new_ones(collector):
    admin = collector.session("admin")
    assert admin.post("/v1/datasets", json={"name": "slow"}).status_code == 201
    put(admin, "a.png", coloured("red", (6000, 6000)), "slow")
    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(collector.session("viewer").get, "/v1/datasets/slow/samples/0/thumb")
        assert admin.delete("/v1/datasets/slow").status_code == 204
        assert admin.post("/v1/datasets", json={"name": "slow"}).status_code == 201
        put(admin, "a.png", coloured("blue"), "slow")
        assert old.result().status_code in (200, 404)
    assert colour(admin.get("/v1/datasets/slow/samples/0/thumb")) == "blue"
    assert admin.delete("/v1/datasets/slow").status_code == 204


# --- several machines on one store


@pytest.fixture
def machines(make_server):
    """Two servers on the same stores, each with its own state; an admin of both."""
    first = make_server()
    second = make_server(config={name: value for name, value in first.config.items() if name != "json_user_dir"})
    for server in (first, second):
        server.add_user("admin", role="admin")
    first.base = first.add_dataset("demo", samples=1)
    first.start()
    return first, second.start()


def test_what_is_removed_on_one_machine_is_gone_on_the_others(machines):
    one, other = (server.session("admin") for server in machines)
    path = "/v1/datasets/pictures/samples/0/thumb"
    assert one.post("/v1/datasets", json={"name": "pictures"}).status_code == 201
    put(one, "a.png", coloured("red"), "pictures")
    assert colour(other.get(path)) == "red" and len(kept(machines[1])) == 1
    assert one.delete("/v1/datasets/pictures").status_code == 204
    assert other.get(path).status_code == 404
    assert one.post("/v1/datasets", json={"name": "pictures"}).status_code == 201
    assert other.get(path).status_code == 404
    put(one, "a.png", coloured("blue"), "pictures")
    assert colour(other.get(path)) == colour(one.get(path)) == "blue"
    assert len(kept(machines[1])) == 2
    assert machines[1].reload().returncode == 0  # clears what is nobody's any more
    assert len(kept(machines[1])) == 1 and colour(other.get(path)) == "blue"


def test_what_lies_in_a_folder_is_shown_by_all_machines_as_it_is(machines):
    one, other = (server.session("admin") for server in machines)
    path, picture = "/v1/datasets/demo/samples/0", machines[0].base / "image0.png"
    draw(picture, "red", (300, 200))
    for server, session in zip(machines, (one, other)):
        assert colour(kept_once(server, lambda: session.get(path + "/thumb"))) == "red"
    assert one.get(path).json()["thumb_url"] == other.get(path).json()["thumb_url"]
    draw(picture, "blue", (300, 200))
    assert colour(other.get(path + "/thumb")) == colour(one.get(path + "/thumb")) == "blue"
    picture.unlink()
    assert (one.get(path + "/thumb").status_code, other.get(path + "/thumb").status_code) == (404, 404)


# --- what browsers keep


def test_an_address_of_the_content_may_be_kept_for_good(contributor):
    sample = put(contributor, "forever.png", picture(size=(400, 400)))
    answer = contributor.get(sample["thumb_url"])
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert opened(answer).size == (256, 256)


@pytest.mark.parametrize("query", [{}, {"v": "0123456789abcdef0123456789abcdef"}, {"v": ""}, {"size": 64}])
def test_any_other_address_is_asked_for_again_and_not_sent_again(contributor, query):
    sample = put(contributor, f"etag{len(str(query))}{query.get('size')}.png", picture(size=(400, 400)))
    answer = thumb(contributor, sample, **query)
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = contributor.get(answer.request.url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    other = contributor.get(answer.request.url, headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.content) == (200, answer.content)


# --- how much is kept


def test_a_dataset_that_an_earlier_version_made_gets_a_uuid(in_place):
    others = {path.parent for path in kept(in_place)}
    assert in_place.command("stop").returncode == 0
    if store := in_place.config.get("dataset_store"):
        with pymongo.MongoClient(store["uri"]) as client:
            changed = client[store["database"]].datasets.update_one({"_id": EARLIER}, {"$unset": {"uuid": ""}}).modified_count
    else:
        with contextlib.closing(sqlite3.connect(in_place.databases / f"{EARLIER}.db")) as database, database:
            changed = database.execute("DELETE FROM settings WHERE key = 'uuid'").rowcount
    assert changed == 1
    in_place.restart()
    ann = in_place.session("ann")
    addresses = {ann.get(f"/v1/datasets/{EARLIER}/samples/0").json()["thumb_url"] for _ in range(2)}
    assert colour(ann.get(f"/v1/datasets/{EARLIER}/samples/0/thumb")) == "red" and len(addresses) == 1
    assert not in_place.groups[EARLIER].exists()
    (group,) = {path.parent for path in kept(in_place)} - others
    assert len([*group.iterdir()]) == 1


def test_what_was_kept_by_an_earlier_version_is_cleared(make_server):
    server = make_server()
    server.add_user("ann")
    server.add_dataset("demo")
    old = draw(server.state / "cache" / "thumbs" / "demo" / "0-256.jpg", "blue")
    server.start()
    assert not old.exists()


def test_the_least_recently_used_go_when_there_are_too_many(make_server):
    server = make_server(config={"limits": {"thumbs_bytes": 65536}})
    server.add_user("ann")
    names = [f"{number}.png" for number in range(20)]
    base = server.add_dataset("demo", samples=names)
    for name in names:
        draw(base / name, "red", (300, 200))
    ann = server.start().session("ann")
    ask = lambda number: ann.get(f"/v1/datasets/demo/samples/{number}/thumb?size=64")
    kept_once(server, lambda: ask(0))
    (first,) = kept(server)
    for number in range(1, 20):
        os.utime(first, (1, 1))
        assert colour(ask(number)) == "red"
        assert colour(ask(0)) == "red"  # a use, which is noted
    assert 0 < sum(path.stat().st_blocks * 512 for path in kept(server)) <= 65536 and first.exists()
    assert len(kept(server)) < 20
