"""Programs are killed during uploads, and disks fill up: what was answered is there, and the rest leaves nothing
that counts."""
import base64
import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import threading

import pytest
from collecting import DATASET, DEFAULT, assert_problem, picture, samples
from disks import fill, small_disk
from harness import opened, until

KILLED = (502, 503, 504)  # what nginx answers when a program ends under it


def put(session, filepath, data):
    return session.put(f"/v1/datasets/{DEFAULT}/images/{filepath}", data=data)


def served(session, sample):
    return session.get(f"/v1/datasets/{DEFAULT}/samples/{sample['id']}/image")


def restarted(collector, program, former):
    return until(lambda: (pids := collector.processes(program)) and pids != [former] and pids, f"{program} is started again")


# --- killed


def half_sent(collector, method, path, headers, body):
    """A connection on which half of a request's body has been sent."""
    credentials = base64.b64encode(b"contributor:secret").decode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Basic {credentials}", f"Content-Length: {len(body)}"]
    head = "\r\n".join(lines + [f"{name}: {value}" for name, value in headers.items()]) + "\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", collector.port), timeout=60)
    connection.sendall(head.encode() + body[: len(body) // 2])
    return connection


def has_begun(pid):
    """Whether the program holds a file that it keeps a body in, or a connection that it reads one from."""
    def test():
        return any(name.endswith("(deleted)") or name.endswith(".part") for name in opened(pid))

    return test


@pytest.mark.parametrize("program, path, field", [("bulk_upload", "/bulk_upload", "files"), ("images", f"/v1/datasets/{DEFAULT}/images", "files")])
def test_a_program_killed_in_mid_form_leaves_nothing(collector, contributor, program, path, field):
    before, data = collector.stored(), picture("BMP", (1600, 1600))
    body = f'--B\r\nContent-Disposition: form-data; name="{field}"; filename="a.bmp"\r\n\r\n'.encode() + data + b"\r\n--B--\r\n"
    (pid,) = collector.processes(program)
    with half_sent(collector, "POST", path, {"Content-Type": "multipart/form-data; boundary=B"}, body) as connection:
        until(has_begun(pid), "the body is on its way into a file")
        os.kill(pid, signal.SIGKILL)
        assert int(connection.recv(4096).split()[1]) in KILLED
    restarted(collector, program, pid)
    collector.assert_nothing_left()
    assert collector.stored() == before
    answer = until(lambda: (got := contributor.post(path, files={field: ("a.bmp", data)})).status_code not in KILLED and got, "it takes uploads again")
    assert answer.status_code == 200


def test_a_program_killed_in_mid_piece_keeps_what_came(collector, contributor):
    data = picture("BMP", (1600, 1600))
    tus = {"Tus-Resumable": "1.0.0"}
    address = contributor.post(f"/v1/datasets/{DEFAULT}/uploads", headers={**tus, "Upload-Length": str(len(data))}).headers["Location"]
    (pid,) = collector.processes("uploads")
    headers = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    with half_sent(collector, "PATCH", address, headers, data) as connection:
        until(has_begun(pid), "the piece is on its way into its file")
        os.kill(pid, signal.SIGKILL)
        connection.recv(4096)
    restarted(collector, "uploads", pid)

    def offset():
        answer = contributor.head(address, headers=tus)
        return answer.headers.get("Upload-Offset") if answer.status_code == 200 else None

    at = int(until(offset, "the upload is told of again"))
    assert 0 <= at <= len(data) // 2
    headers["Upload-Offset"] = str(at)
    assert contributor.patch(address, data=data[at:], headers=headers).status_code == 204
    digest = hashlib.sha256(data).hexdigest()
    (sample,) = [sample for sample in samples(contributor) if sample["sha256"] == digest]
    assert served(contributor, sample).content == data


def test_every_answered_upload_is_there_after_kills(make_collector):
    collector = make_collector().start()
    answered, stop = {}, threading.Event()

    def upload(worker):
        session, number = collector.session("contributor"), 0
        while not stop.is_set():
            data, filepath = picture(), f"{worker}/{number}.png"
            answer = put(session, filepath, data)
            if answer.status_code == 201:
                answered[filepath] = data
            else:
                assert answer.status_code in KILLED, (answer.status_code, answer.text)
            number += 1

    workers = [threading.Thread(target=upload, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for _ in range(5):
        enough = len(answered) + 20
        until(lambda: len(answered) >= enough, "more uploads")
        (pid,) = until(lambda: collector.processes("images"), "the program")
        os.kill(pid, signal.SIGKILL)
        restarted(collector, "images", pid)
    stop.set()
    for worker in workers:
        worker.join()
    viewer = collector.session("viewer")
    found = {sample["filepath"]: sample for sample in samples(viewer)}
    assert set(answered) <= set(found)
    for filepath, data in answered.items():
        assert found[filepath]["sha256"] == hashlib.sha256(data).hexdigest()
        assert served(viewer, found[filepath]).content == data
    collector.assert_nothing_left()


def test_an_object_without_metadata_is_taken_up_by_the_next_try(collector, contributor):
    """A crash between the bytes and the metadata: the client, unanswered, sends the same again."""
    data = picture()
    before = collector.objects()
    told = put(contributor, "between.png", data).json()
    (key,) = collector.objects() - before
    if DATASET == "sqlite":
        done = subprocess.run(
            ["sqlite3", collector.databases / f"{DEFAULT}.db", f"DELETE FROM samples WHERE rowid = {told['id'] + 1}"],
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode == 0:
            again = put(contributor, "between.png", data)
            assert again.status_code in (200, 201), again.text
            assert served(contributor, again.json()).content == data
    assert collector.object(key) == data
    assert collector.objects() == before | {key}


# --- disk full


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 12) as folder:
        yield folder


WAYS = ["PUT", "form", "single", "bulk", "tus"]


def upload(session, way, data, name):
    if way == "PUT":
        return put(session, name, data)
    if way == "form":
        return session.post(f"/v1/datasets/{DEFAULT}/images", files={"files": (name, data)})
    if way == "single":
        return session.post("/single_upload/", files={"file": (name, data)})
    if way == "bulk":
        return session.post("/bulk_upload", files={"files": (name, data)})
    tus = {"Tus-Resumable": "1.0.0"}
    made = session.post(f"/v1/datasets/{DEFAULT}/uploads", headers={**tus, "Upload-Length": str(len(data))})
    if made.status_code != 201:
        return made
    headers = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return session.patch(made.headers["Location"], data=data, headers=headers)


@pytest.mark.on("fs")
@pytest.mark.parametrize("size", [(60, 60), (800, 800)], ids=["small", "large"])
def test_a_full_image_store_answers_507_and_goes_on_when_there_is_room(make_collector, disk, size):
    collector = make_collector(config={"image_store": {"dir": str(disk / "store")}})
    collector.store = disk / "store"
    collector.start()
    contributor = collector.session("contributor")
    kept = {way: picture() for way in WAYS}
    for way, data in kept.items():
        assert upload(contributor, way, data, f"{way}.png").status_code in (200, 201, 204)
    before, pids = collector.stored(), collector.programs()
    filler = fill(disk)
    refused = {way: picture("BMP", size) for way in WAYS}
    for way, data in refused.items():
        answer = upload(contributor, way, data, f"{way}.bmp")
        assert answer.status_code == 507, (way, answer.status_code, answer.text)
        assert answer.json()["message"]
    assert collector.stored() == before
    digests = {sample["sha256"]: sample for sample in samples(contributor)}
    for data in kept.values():  # nothing that was acknowledged is lost
        assert served(contributor, digests[hashlib.sha256(data).hexdigest()]).content == data
    assert not [left for left in collector.leftovers() if "/uploads/" not in left]  # a resumable one may go on
    filler.unlink()
    for way, data in refused.items():
        answer = upload(contributor, way, data, f"{way}.bmp")
        assert answer.status_code in (200, 201, 204), (way, answer.status_code, answer.text)
    assert len(collector.stored()[0]) == len(before[0]) + len(WAYS)
    assert collector.programs() == pids


@pytest.mark.on("sqlite")
def test_a_full_disk_of_the_datasets_answers_507(make_collector, disk):
    collector = make_collector(config={"sqlite_db_dir": str(disk / "dbs")})
    collector.databases = disk / "dbs"
    collector.start()
    contributor, first = collector.session("contributor"), picture()
    assert put(contributor, "first.png", first).status_code == 201
    filler = fill(disk)
    refused = []
    for number in range(3000):  # until what SQLite has set aside is used up
        data = picture()
        answer = put(contributor, f"{number}.png", data)
        if answer.status_code != 201:
            refused.append((f"{number}.png", data))
            assert_problem(answer, 507)
            break
    assert refused, "the disk was full"
    assert_problem(contributor.post(f"/v1/datasets/{DEFAULT}/labels", json={"name": "new"}), 507)
    known = {sample["filepath"] for sample in samples(contributor)}
    assert "first.png" in known and refused[0][0] not in known
    filler.unlink()
    assert put(contributor, *refused[0]).status_code == 201
    assert contributor.post(f"/v1/datasets/{DEFAULT}/labels", json={"name": "new"}).status_code == 201


@pytest.mark.on("fs")
def test_an_image_store_that_is_gone_is_503_and_works_again_when_it_is_back(make_collector, tmp_path):
    collector = make_collector().start()
    contributor = collector.session("contributor")
    told = put(contributor, "kept.png", picture()).json()
    away = collector.store.with_name("away")
    collector.store.rename(away)
    answer = served(contributor, told)
    assert answer.status_code in (404, 503)
    away.rename(collector.store)
    assert served(contributor, told).status_code == 200
    assert put(contributor, "again.png", picture()).status_code == 201
