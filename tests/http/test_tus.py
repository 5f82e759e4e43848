"""Resumable uploads, by tus 1.0.0: creation, pieces, checksums, expiry, termination, and the samples made of
them."""
import base64
import email.utils
import hashlib
import http.client
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from collecting import BLOB, DEFAULT, assert_problem, picture, samples
from harness import send_raw, until

UPLOADS = f"/v1/datasets/{DEFAULT}/uploads"
TYPE = "application/offset+octet-stream"


def metadata(**fields):
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in fields.items())


def headers(more=None):
    return {"Tus-Resumable": "1.0.0", **(more or {})}


def create(session, length, uploads=UPLOADS, **fields):
    more = {"Upload-Length": str(length)}
    if fields:
        more["Upload-Metadata"] = metadata(**fields)
    return session.post(uploads, headers=headers(more))


def begin(session, length, **fields):
    answer = create(session, length, **fields)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def append(session, address, offset, data, **more):
    sent = headers({"Upload-Offset": str(offset), "Content-Type": TYPE, **{key.replace("_", "-"): value for key, value in more.items()}})
    return session.patch(address, data=data, headers=sent)


def offset_of(session, address):
    answer = session.head(address, headers=headers())
    return int(answer.headers["Upload-Offset"]) if answer.status_code == 200 else answer.status_code


def checksum(algorithm, data):
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def by_digest(session, data, dataset=DEFAULT):
    digest = hashlib.sha256(data).hexdigest()
    return [sample for sample in samples(session, dataset) if sample["sha256"] == digest]


def image_of(session, sample, dataset=DEFAULT):
    return session.get(f"/v1/datasets/{dataset}/samples/{sample['id']}/image")


# --- what the server tells of itself


def test_options_tell_version_extensions_and_limits(contributor):
    answer = contributor.options(UPLOADS)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) >= {"creation", "termination", "checksum", "expiration"}
    assert set(answer.headers["Tus-Checksum-Algorithm"].split(",")) == {"sha1", "sha256"}
    assert answer.headers["Tus-Max-Size"] == str(64 * 1024 * 1024)


def test_another_version_is_refused_with_ours(contributor):
    for answer in (
        contributor.post(UPLOADS, headers={"Tus-Resumable": "0.2.2", "Upload-Length": "5"}),
        contributor.patch(UPLOADS + "/x", headers={"Tus-Resumable": "2.0.0", "Content-Type": TYPE, "Upload-Offset": "0"}),
    ):
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")


def test_every_answer_tells_the_version_errors_too(collector, contributor):
    at, viewer, nobody = UPLOADS + "/unknown", collector.session("viewer"), collector.session()
    begun = begin(contributor, 100)
    large = {"Upload-Length": str(10**12)}
    answers = {
        204: contributor.options(UPLOADS),
        400: contributor.post(UPLOADS, headers=headers()),
        401: nobody.post(UPLOADS, headers=headers()),
        403: viewer.post(UPLOADS, headers=headers({"Upload-Length": "5"})),
        404: contributor.head(at, headers=headers()),
        405: contributor.put(at, headers=headers()),
        409: append(contributor, begun, 7, b"x"),
        412: contributor.head(at, headers={"Tus-Resumable": "0.1"}),
        413: contributor.post(UPLOADS, headers=headers(large)),
        415: contributor.patch(begun, data=b"x", headers=headers({"Upload-Offset": "0", "Content-Type": "text/plain"})),
        422: create(contributor, 5, label="unicorn"),
        460: append(contributor, begun, 0, b"x", Upload_Checksum=checksum("sha256", b"y")),
    }
    for status, answer in answers.items():
        assert (answer.status_code, answer.headers.get("Tus-Resumable")) == (status, "1.0.0"), answer.request.method
    credentials = base64.b64encode(b"contributor:secret").decode()
    by_nginx = f"PATCH {begun} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\nContent-Length: {10**12}\r\n\r\n"
    status, told, _ = send_raw(collector.port, by_nginx.encode())
    assert (status, told["tus-resumable"]) == (413, "1.0.0")
    assert "Tus-Resumable" not in contributor.get(f"/v1/datasets/{DEFAULT}").headers
    contributor.delete(begun, headers=headers())


# --- an upload


def test_an_image_in_three_pieces_becomes_a_sample(collector, contributor):
    data = picture("JPEG", (300, 200))
    begun = time.time()
    created = create(contributor, len(data), filename="holiday.jpg", label="airplanes")
    assert (created.status_code, created.headers["Tus-Resumable"], created.headers["Upload-Offset"]) == (201, "1.0.0", "0")
    assert email.utils.parsedate_to_datetime(created.headers["Upload-Expires"]).timestamp() >= int(begun) + 24 * 3600
    address = created.headers["Location"]
    assert address.startswith(UPLOADS + "/")
    thirds = [data[: len(data) // 3], data[len(data) // 3 : 2 * len(data) // 3], data[2 * len(data) // 3 :]]
    at = 0
    for piece in thirds:
        assert offset_of(contributor, address) == at
        assert not by_digest(contributor, data)
        answer = append(contributor, address, at, piece)
        at += len(piece)
        assert (answer.status_code, answer.headers["Upload-Offset"], answer.headers["Tus-Resumable"]) == (204, str(at), "1.0.0")
    (sample,) = by_digest(contributor, data)
    assert (sample["label"], sample["type"], sample["width"], sample["height"]) == ("airplanes", "image/jpeg", 300, 200)
    assert sample["uploaded_by"] == "contributor" and sample["bytes"] == len(data)
    assert answer.headers["X-Sample-Id"] == str(sample["id"])
    assert image_of(contributor, sample).content == data, "the image is whole"


def test_the_image_is_whole_in_the_store(collector, contributor):
    data, before = picture(size=(400, 300)), collector.objects()
    append(contributor, begin(contributor, len(data)), 0, data)
    (key,) = collector.objects() - before
    assert collector.object(key) == data


def test_a_filepath_names_the_sample(contributor):
    data = picture()
    append(contributor, begin(contributor, len(data), filepath="trip/day 1/ñ.png"), 0, data)
    (sample,) = by_digest(contributor, data)
    assert sample["filepath"] == "trip/day 1/ñ.png"
    assert contributor.get(sample["image_url"]).content == data if BLOB == "fs" else requests.get(sample["image_url"], timeout=30).content == data


def test_its_metadata_is_told_as_it_was_sent(contributor):
    data = picture()
    sent = metadata(filename="a.png", note="ñ" * 9000) + ",is_confidential, more  "
    address = contributor.post(UPLOADS, headers=headers({"Upload-Length": str(len(data)), "Upload-Metadata": sent})).headers["Location"]
    assert contributor.head(address, headers=headers()).headers["Upload-Metadata"] == sent.strip()
    append(contributor, address, 0, data)
    assert contributor.head(address, headers=headers()).headers["Upload-Metadata"] == sent.strip()
    assert "Upload-Metadata" not in contributor.head(begin(contributor, 5), headers=headers()).headers


def test_who_missed_the_last_answer_learns_that_all_is_there(contributor):
    data = picture()
    address = begin(contributor, len(data))
    append(contributor, address, 0, data)
    answer = contributor.head(address, headers=headers())
    assert (answer.headers["Upload-Offset"], answer.headers["Upload-Length"]) == (str(len(data)), str(len(data)))
    assert answer.headers["Cache-Control"] == "no-store"
    assert append(contributor, address, len(data), b"").status_code == 204
    (sample,) = by_digest(contributor, data)
    assert answer.headers["X-Sample-Id"] == str(sample["id"])


def test_the_same_bytes_again_are_one_image(collector, contributor):
    data = picture()
    answers = [append(contributor, begin(contributor, len(data)), 0, data) for _ in range(2)]
    assert len({answer.headers["X-Sample-Id"] for answer in answers}) == 1 and len(by_digest(contributor, data)) == 1
    assert [answer.headers.get("X-Duplicate") for answer in answers] == [None, "true"]


def test_what_came_before_a_connection_broke_is_kept(collector, contributor):
    data = picture("BMP", (400, 400))
    address = begin(contributor, len(data))
    half = len(data) // 2
    credentials = base64.b64encode(b"contributor:secret").decode()
    connection = http.client.HTTPConnection("127.0.0.1", collector.port)
    connection.putrequest("PATCH", address)
    sent = headers({"Upload-Offset": "0", "Content-Type": TYPE, "Content-Length": str(len(data)), "Authorization": f"Basic {credentials}"})
    for name, value in sent.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(data[:half])
    (part,) = (collector.state / "uploads").glob(f"{address.rsplit('/', 1)[1]}.part")
    until(lambda: part.stat().st_size > 0, "some of it has come")
    connection.close()
    kept = until(lambda: (at := offset_of(contributor, address)) not in (0, 409) and at, "some of it is kept")
    assert 0 < kept <= half
    assert append(contributor, address, kept, data[kept:]).status_code == 204
    (sample,) = by_digest(contributor, data)
    assert image_of(contributor, sample).content == data


def test_a_chunked_piece_is_taken(contributor):
    data = picture()
    address = begin(contributor, len(data))
    assert append(contributor, address, 0, iter([data[:10], data[10:]])).status_code == 204
    assert len(by_digest(contributor, data)) == 1


@pytest.mark.parametrize("whole", [False, True], ids=["told", "chunked"])
def test_a_piece_may_not_go_beyond_the_length(collector, contributor, whole):
    data = picture()
    before = collector.stored()
    address = begin(contributor, len(data))
    assert_problem(append(contributor, address, 0, iter([data, b"more"]) if whole else data + b"more"), 413, "Upload-Length")
    assert collector.stored() == before
    at = offset_of(contributor, address)
    assert append(contributor, address, at, data[at:]).status_code == 204
    (sample,) = by_digest(contributor, data)
    assert image_of(contributor, sample).content == data


def test_a_piece_at_another_offset_is_refused(contributor):
    data = picture()
    address = begin(contributor, len(data))
    for wrong in (1, len(data), 10**15):
        assert_problem(append(contributor, address, wrong, b""), 409, "is at 0")
    assert offset_of(contributor, address) == 0


def test_a_piece_needs_its_type_and_its_offset(contributor):
    address = begin(contributor, 10)
    answer = contributor.patch(address, data=b"x", headers=headers({"Upload-Offset": "0", "Content-Type": "image/png"}))
    assert_problem(answer, 415, "application/offset+octet-stream")
    packed = headers({"Upload-Offset": "0", "Content-Type": TYPE, "Content-Encoding": "gzip"})
    assert_problem(contributor.patch(address, data=b"x", headers=packed), 415, "Content-Encoding")
    for wrong in ({}, {"Upload-Offset": "-1"}, {"Upload-Offset": "one"}, {"Upload-Offset": "9" * 30}):
        assert_problem(contributor.patch(address, data=b"x", headers=headers({"Content-Type": TYPE, **wrong})), 400, "Upload-Offset")
    assert offset_of(contributor, address) == 0


def test_a_client_without_patch_names_the_method_in_a_header(contributor, admin):
    data = picture()
    address = begin(contributor, len(data))
    piece = headers({"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", "Content-Type": TYPE})
    assert contributor.post(address, data=data[:30], headers=piece).status_code == 204
    assert contributor.post(address, headers=headers({"X-HTTP-Method-Override": "HEAD"})).headers["Upload-Offset"] == "30"
    assert contributor.post(address, headers=headers({"X-HTTP-Method-Override": "DELETE"})).status_code == 204
    assert offset_of(contributor, address) == 404
    for method in ("NONE", "patch", "DELETE\x7f"):
        assert_problem(contributor.post(address, headers=headers({"X-HTTP-Method-Override": method})), 405)
    dataset = f"/v1/datasets/{DEFAULT}"  # nowhere else
    assert_problem(admin.post(dataset, headers={"X-HTTP-Method-Override": "DELETE"}), 405)
    assert admin.get(dataset).status_code == 200


# --- checksums


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_with_its_checksum_is_taken(contributor, algorithm):
    data = picture()
    answer = append(contributor, begin(contributor, len(data)), 0, data, Upload_Checksum=checksum(algorithm, data))
    assert answer.status_code == 204 and by_digest(contributor, data)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_with_another_checksum_counts_as_not_sent(contributor, algorithm):
    data = picture()
    address = begin(contributor, len(data))
    assert append(contributor, address, 0, data[:50]).status_code == 204
    answer = append(contributor, address, 50, b"x" * (len(data) - 50), Upload_Checksum=checksum(algorithm, data))
    assert answer.status_code == 460
    assert offset_of(contributor, address) == 50
    assert append(contributor, address, 50, data[50:], Upload_Checksum=checksum(algorithm, data[50:])).status_code == 204
    assert len(by_digest(contributor, data)) == 1


@pytest.mark.parametrize("wrong", ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha256", "sha256 !!!", "sha1 AAAA", "", "sha256  x"])
def test_a_checksum_that_is_none_is_refused(contributor, wrong):
    address = begin(contributor, 10)
    assert_problem(append(contributor, address, 0, b"x" * 5, Upload_Checksum=wrong), 400, "Upload-Checksum")
    assert offset_of(contributor, address) == 0


# --- creation


@pytest.mark.parametrize("length, status", [(None, 400), ("0", 400), ("-1", 400), ("many", 400), (str(64 * 1024 * 1024 + 1), 413), ("9" * 30, 400)])
def test_a_length_that_cannot_be_is_refused(collector, contributor, length, status):
    answer = contributor.post(UPLOADS, headers=headers({"Upload-Length": length} if length else {}))
    assert_problem(answer, status)
    assert not list((collector.state / "uploads").glob("*.json")) or answer.status_code == status


@pytest.mark.parametrize(
    "wrong",
    [
        "filename !!!",
        "filename YS5wbmc",  # not padded
        "filename YQ==,filename Yg==",
        "filename /w==",  # no UTF-8
        "filename YQBi",  # a NUL
        "filename YQ==, ,label",
        ",",
        "\xff",
        "label " + base64.b64encode(b"x" * 257).decode(),
        "filepath " + base64.b64encode(b"x" * 4097).decode(),
    ],
)
def test_malformed_metadata_is_refused(contributor, wrong):
    assert_problem(contributor.post(UPLOADS, headers=headers({"Upload-Length": "5", "Upload-Metadata": wrong})), 400, "Upload-Metadata")


def test_an_unknown_label_is_refused_before_any_byte(contributor):
    assert_problem(create(contributor, 5, label="unicorn"), 422, "unicorn")


def test_other_metadata_is_passed_over(contributor):
    sent = metadata(relativePath="x", filetype="image/png") + ",is_confidential"
    assert contributor.post(UPLOADS, headers=headers({"Upload-Length": "5", "Upload-Metadata": sent})).status_code == 201


# --- its end


def test_an_upload_may_be_given_up(collector, contributor):
    data = picture()
    address = begin(contributor, len(data))
    append(contributor, address, 0, data[:20])
    assert contributor.delete(address, headers=headers()).status_code == 204
    assert offset_of(contributor, address) == 404
    assert_problem(append(contributor, address, 20, data[20:]), 404, "no such upload")
    assert_problem(contributor.delete(address, headers=headers()), 404)
    identity = address.rsplit("/", 1)[1]
    assert not list((collector.state / "uploads").glob(f"{identity}*"))


@pytest.mark.parametrize("data", [b"no image at all", b"<svg xmlns='http://www.w3.org/2000/svg'/>", picture()[:-30]], ids=["text", "svg", "truncated"])
def test_what_turns_out_to_be_no_image_is_refused_at_the_end_and_removed(collector, contributor, data):
    before = collector.stored()
    address = begin(contributor, len(data), filename="a.png")
    assert append(contributor, address, 0, data[:5]).status_code == 204
    answer = append(contributor, address, 5, data[5:])
    assert 400 <= answer.status_code < 500 and answer.json()["detail"]
    assert offset_of(contributor, address) == 404
    assert collector.stored() == before


def test_an_upload_to_a_taken_filepath_is_refused_at_the_end(collector, contributor):
    first, second = picture(), picture()
    append(contributor, begin(contributor, len(first), filepath="taken.png"), 0, first)
    before = collector.stored()
    assert_problem(append(contributor, begin(contributor, len(second), filepath="taken.png"), 0, second), 409, "taken.png")
    assert collector.stored() == before


def test_an_upload_expires(make_collector):
    collector = make_collector(config={"limits": {"upload_expires_seconds": 1}}).start()
    contributor = collector.session("contributor")
    address = begin(contributor, 100)
    until(lambda: offset_of(contributor, address) == 404, "the upload expires")
    assert_problem(append(contributor, address, 0, b"x"), 404, "no such upload")
    begin(contributor, 100)  # what has expired makes room for what comes
    assert len(list((collector.state / "uploads").glob("*.part"))) == 1


def test_an_upload_goes_on_after_a_restart(collector, contributor):
    data = picture()
    address = begin(contributor, len(data), label="accordion")
    append(contributor, address, 0, data[:40])
    collector.restart()
    assert offset_of(contributor, address) == 40
    assert append(contributor, address, 40, data[40:]).status_code == 204
    assert by_digest(contributor, data)[0]["label"] == "accordion"


# --- at once


def test_one_writer_at_a_time(contributor, collector):
    data = picture("BMP", (500, 500))
    address = begin(contributor, len(data))
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: append(collector.session("contributor"), address, 0, data).status_code, range(8)))
    assert set(told) <= {204, 409} and told.count(204) == 1, told
    (sample,) = by_digest(contributor, data)
    assert image_of(contributor, sample).content == data


def test_many_uploads_of_the_same_bytes_are_one_image(collector, contributor):
    data = picture()

    def upload(_):
        session = collector.session("contributor")
        return append(session, begin(session, len(data)), 0, data)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(upload, range(16)))
    assert {answer.status_code for answer in answers} == {204}
    assert len({answer.headers["X-Sample-Id"] for answer in answers}) == 1
    assert len(by_digest(contributor, data)) == 1


# --- who may


def test_anothers_upload_is_not_there(collector, contributor, admin):
    address = begin(contributor, 100)
    assert offset_of(admin, address) == 404
    assert_problem(append(admin, address, 0, b"x"), 404, "no such upload")
    assert_problem(admin.delete(address, headers=headers()), 404)
    assert offset_of(contributor, address) == 0


def test_an_upload_of_another_dataset_is_not_there(collector, contributor):
    identity = begin(contributor, 100).rsplit("/", 1)[1]
    assert offset_of(contributor, f"/v1/datasets/secret/uploads/{identity}") == 404


@pytest.mark.parametrize("identity", ["nothing", "..", "%2e%2e%2f%2e%2e", "x" * 200, "a%00b"])
def test_an_upload_that_never_was_is_not_there(contributor, identity):
    assert 400 <= contributor.head(f"{UPLOADS}/{identity}", headers=headers()).status_code < 500


@pytest.mark.parametrize("role", ["viewer", "annotator"])
def test_uploading_needs_a_contributor(collector, role):
    assert_problem(create(collector.session(role), 10), 403, "contributor")


def test_what_one_may_not_see_is_not_there(collector):
    assert_problem(create(collector.session("guest"), 10), 404, "Database not found")
    assert create(collector.session("guest"), 10, uploads="/v1/datasets/secret/uploads").status_code == 201


# --- what crashes leave


def test_a_whole_upload_that_a_crash_kept_from_becoming_a_sample_becomes_one_when_asked_for(collector, contributor):
    data = picture()
    address = begin(contributor, len(data), label="airplanes")
    append(contributor, address, 0, data[:-1])
    identity = address.rsplit("/", 1)[1]
    with open(collector.state / "uploads" / f"{identity}.part", "ab") as part:  # as it lies there between the two
        part.write(data[-1:])
        os.fsync(part.fileno())
    assert offset_of(contributor, address) == len(data)
    (sample,) = by_digest(contributor, data)
    assert sample["label"] == "airplanes" and image_of(contributor, sample).content == data
