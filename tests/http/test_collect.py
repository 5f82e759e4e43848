"""Wire contract 2, field by field: /fetch, /add_label/{name}, /single_upload/ and /bulk_upload."""
import datetime
import hashlib
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from collecting import BLOB, DEFAULT, assert_message, form, picture, samples
from harness import send_raw

AVAILABLE = {"Response": "Available", "Post-Request-Body": ["label", "Files"]}


def fetch(session, **query):
    return session.get("/fetch", params=query).json()["Response"]


def single(session, data, name="a.png", **query):
    return session.post("/single_upload/", params=query, files={"file": (name, data)})


def bulk(session, *files, **query):
    return session.post("/bulk_upload", params=query, files=form(*files))


def key_of(collector, url):
    """The object's key in an image's public URL."""
    path = url.split("/public/")[1] if BLOB == "fs" else url.split(collector.variables["AWS_BUCKET_NAME"] + "/")[1]
    return requests.utils.unquote(path)


# --- labels


def test_fetch_answers_the_labels_as_an_object_by_key(collector):
    answer = collector.session("viewer").get("/fetch")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert set(answer.json()) == {"Status", "Response"} and answer.json()["Status"] == "Success"
    assert list(answer.json()["Response"].items())[:2] == [("0", "accordion"), ("1", "airplanes")]


def test_fetch_takes_another_dataset(collector):
    assert fetch(collector.session("guest"), dataset="secret") == {"0": "cat", "1": "dog"}


def test_a_label_is_added_with_the_next_key(contributor):
    before = fetch(contributor)
    answer = contributor.post("/add_label/brontosaurus")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    key = str(len(before))
    assert answer.json() == {"Status": "Success", "S3-Response": {"Created": True, "Path": "images/brontosaurus/", "Key": key}}
    assert fetch(contributor) == {**before, key: "brontosaurus"}


def test_a_slash_at_the_end_is_as_good(contributor):
    assert fetch(contributor) == contributor.get("/fetch/").json()["Response"]
    assert contributor.post("/add_label/accordion/").json()["S3-Response"]["Path"] == "images/accordion/"


def test_a_label_that_is_there_answers_its_key(contributor):
    before = fetch(contributor)
    answer = contributor.post("/add_label/airplanes")
    assert answer.status_code == 200
    assert answer.json()["S3-Response"] == {"Created": False, "Path": "images/airplanes/", "Key": "1"}
    assert fetch(contributor) == before


def test_a_label_of_another_dataset_lies_in_its_folder(collector):
    answer = collector.session("guest").post("/add_label/emu", params={"dataset": "secret"})
    assert answer.json()["S3-Response"]["Path"] == "datasets/secret/images/emu/"
    assert fetch(collector.session("guest"), dataset="secret")["2"] == "emu"


@pytest.mark.parametrize("name, path", [("gr%C3%BCn", "images/grün/"), ("a%20b", "images/a b/"), ("a%2Fb", "images/a%2Fb/")])
def test_a_label_may_be_any_text_and_its_folder_is_one_segment(contributor, name, path):
    answer = contributor.post(f"/add_label/{name}")
    assert answer.json()["S3-Response"]["Path"] == path
    assert requests.utils.unquote(name) in fetch(contributor).values()


def test_a_label_of_dots_leads_nowhere_else(collector, contributor):
    assert contributor.post(f"/v1/datasets/{DEFAULT}/labels", json={"name": ".."}).status_code == 201
    before = collector.objects()
    url = single(contributor, picture(), label="..").json()["Image URL"]
    (key,) = collector.objects() - before
    assert key.startswith("images/%2E./img-")
    assert requests.get(url, timeout=30).status_code == 200


def test_labels_added_at_once_all_survive_with_keys_of_their_own(collector):
    names = [f"many{number}" for number in range(40)]

    def add(name):
        return collector.session("contributor").post(f"/add_label/{name}").json()["S3-Response"]

    with ThreadPoolExecutor(16) as pool:
        added = dict(zip(names * 2, pool.map(add, names * 2)))
    labels = fetch(collector.session("contributor"))
    assert len({answer["Key"] for answer in added.values()}) == len(names)
    assert all(labels[answer["Key"]] == name for name, answer in added.items())


@pytest.mark.parametrize("name", ["", "%0A", "x%00", "%FF", "x" * 257])
def test_what_cannot_be_a_label_is_refused(contributor, name):
    before = fetch(contributor)
    answer = contributor.post(f"/add_label/{name}")
    assert 400 <= answer.status_code < 500 and answer.json()["message"]
    assert fetch(contributor) == before


# --- what is there


@pytest.mark.parametrize("path", ["/single_upload/", "/single_upload", "/bulk_upload", "/bulk_upload/"])
def test_an_upload_address_says_that_it_is_there(collector, path):
    answer = collector.session("viewer").get(path)
    assert (answer.status_code, answer.json()) == (200, AVAILABLE)
    assert collector.session().get(path).status_code == 401


# --- single


def test_an_upload_is_answered_with_every_field(collector, contributor):
    data, before = picture(), datetime.datetime.now(datetime.timezone.utc)
    answer = single(contributor, data, "my picture.png", label="airplanes")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    told = answer.json()
    assert set(told) == {"filename", "label", "S3-Response", "Image URL", "Timestamp", "id", "duplicate"}
    assert (told["filename"], told["label"], told["duplicate"]) == ("my picture.png", "airplanes", False)
    assert told["S3-Response"] == {"Created": True}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["Timestamp"])
    moment = datetime.datetime.fromisoformat(told["Timestamp"].replace("Z", "+00:00"))
    assert before - datetime.timedelta(milliseconds=1) <= moment <= datetime.datetime.now(datetime.timezone.utc)
    sample = contributor.get(f"/v1/datasets/{DEFAULT}/samples/{told['id']}").json()
    assert (sample["sha256"], sample["label"]) == (hashlib.sha256(data).hexdigest(), "airplanes")


def test_an_upload_takes_the_key_of_a_label(contributor):
    assert single(contributor, picture(), label="1").json()["label"] == "airplanes"


def test_an_upload_without_a_label_is_to_be_labelled(contributor):
    told = single(contributor, picture()).json()
    assert told["label"] == ""
    assert contributor.get(f"/v1/datasets/{DEFAULT}/samples/{told['id']}").json()["state"] == "unlabelled"


def test_an_unknown_label_is_refused(collector, contributor):
    before = collector.stored()
    for label in ("unicorn", "999", "-1", "01"):
        assert_message(single(contributor, picture(), label=label), 422, "no label")
    assert collector.stored() == before


def test_anyone_may_fetch_a_public_image(collector, contributor):
    data = picture("JPEG")
    url = single(contributor, data, "a.jpg").json()["Image URL"]
    answer = requests.get(url, timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"], answer.content) == (200, "image/jpeg", data)


def test_the_key_is_made_of_the_label_and_the_bytes(collector, contributor):
    data = picture("WEBP")
    key = key_of(collector, single(contributor, data, "x.png", label="accordion").json()["Image URL"])
    match = re.fullmatch(r"images/accordion/img-([0-9a-f-]{36})\.webp", key)
    assert match, key
    name = uuid.UUID(match.group(1))
    assert name.version == 8 and name.variant == uuid.RFC_4122
    digest = bytearray(hashlib.sha256(DEFAULT.encode() + b"\0" + hashlib.sha256(data).digest()).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
    assert name.bytes == bytes(digest)
    assert key in collector.objects() and collector.object(key) == data


def test_a_private_image_lies_in_its_datasets_folder_and_needs_a_password(collector):
    guest, data = collector.session("guest"), picture()
    before = collector.objects()
    told = single(guest, data, dataset="secret", label="cat").json()
    (key,) = collector.objects() - before
    assert re.fullmatch(r"datasets/secret/images/cat/img-[0-9a-f-]{36}\.png", key)
    if BLOB == "fs":
        url = told["Image URL"].removeprefix(collector.url)
        assert collector.session().get(url).status_code == 401
        assert collector.session().get(f"/public/{key}").status_code == 404
        assert send_raw(collector.port, f"GET /public/../private/{key} HTTP/1.0\r\n\r\n".encode())[0] == 401
        assert guest.get(url).content == data
        assert collector.session("viewer").get(url).content == data
    else:
        assert requests.get(told["Image URL"].split("?")[0], timeout=30).status_code == 403
        assert requests.get(told["Image URL"], timeout=30).content == data


def test_the_same_bytes_are_one_image_with_its_label_as_it_was(collector, contributor):
    data = picture()
    first = single(contributor, data, "first.png", label="accordion").json()
    before = collector.stored()
    second = single(contributor, data, "second.png", label="airplanes").json()
    assert second["duplicate"] is True
    assert (second["id"], second["label"]) == (first["id"], "accordion")
    assert (second["Image URL"], second["Timestamp"]) == (first["Image URL"], first["Timestamp"])
    assert collector.stored() == before


def test_the_same_bytes_in_another_dataset_are_another_image(collector, admin):
    data = picture()
    assert single(admin, data).json()["duplicate"] is False
    assert single(admin, data, dataset="secret").json()["duplicate"] is False


def test_a_later_label_does_not_move_the_object(collector, contributor):
    told = single(contributor, picture(), label="accordion").json()
    before = collector.objects()
    sample = contributor.get(f"/v1/datasets/{DEFAULT}/samples/{told['id']}").json()
    answer = contributor.post(
        "/classify", json={"dataset_name": DEFAULT, "base_dir": "", "filepath": sample["filepath"], "label": "airplanes"}
    )
    assert answer.json() == {"response": True}
    assert contributor.get(f"/v1/datasets/{DEFAULT}/samples/{told['id']}").json()["label"] == "airplanes"
    assert collector.objects() == before and requests.get(told["Image URL"], timeout=30).status_code == 200


@pytest.mark.parametrize(
    "sent, kept",
    [
        ("a.png", "a.png"),
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\pictures\\b.png", "b.png"),
        ("/abs/c.png", "c.png"),
        ("grün 猫.png", "grün 猫.png"),
    ],
)
def test_the_file_name_is_kept_without_its_path(contributor, sent, kept):
    assert single(contributor, picture(), sent).json()["filename"] == kept


def test_two_files_are_refused_and_neither_is_stored(collector, contributor):
    before = collector.stored()
    files = [("file", ("a.png", picture())), ("file", ("b.png", picture()))]
    assert_message(contributor.post("/single_upload/", files=files), 400, "two parts")
    assert collector.stored() == before


def test_a_form_without_a_file_is_refused(contributor):
    assert_message(contributor.post("/single_upload/", files={"picture": ("a.png", picture())}), 400, "file")
    assert_message(contributor.post("/single_upload/", files={"file": (None, "text")}), 400, "file")
    assert_message(contributor.post("/single_upload/", data={"file": "text"}), 415)


def test_other_fields_beside_the_file_are_passed_over(contributor):
    answer = contributor.post("/single_upload/", data={"note": "x"}, files={"file": ("a.png", picture()), "thumb": ("b.png", picture())})
    assert answer.status_code == 200


# --- the label as a field of the form: GET names "label" and "Files" as what the body holds


@pytest.mark.parametrize("field", ["file", "files", "Files"])
@pytest.mark.parametrize("last", [False, True])
def test_one_image_takes_its_label_from_the_form(contributor, field, last):
    parts = [("label", (None, "airplanes")), (field, ("a.png", picture()))]
    answer = contributor.post("/single_upload/", files=parts[::-1] if last else parts)
    assert (answer.status_code, answer.json()["label"]) == (200, "airplanes")


@pytest.mark.parametrize("path", ["/bulk_upload", f"/v1/datasets/{DEFAULT}/images"])
@pytest.mark.parametrize("field", ["files", "Files"])
def test_several_images_take_their_label_from_the_form(collector, contributor, path, field):
    images = [picture(), picture()]
    answer = contributor.post(path, data={"label": "1"}, files=[(field, ("a.png", image)) for image in images])
    assert answer.status_code == 200, answer.text
    kept = {sample["sha256"]: sample["label"] for sample in samples(contributor)}
    assert [kept[hashlib.sha256(image).hexdigest()] for image in images] == ["airplanes"] * 2


def test_a_bulk_upload_tells_the_label_of_its_form(contributor):
    told = contributor.post("/bulk_upload", data={"label": "1"}, files=form(("a.png", picture()))).json()
    assert (told["label"], told["LabelFound"]) == ("airplanes", True)
    told = contributor.post("/bulk_upload", files=form(("a.png", picture()))).json()
    assert (told["label"], told["LabelFound"]) == ("", False)


@pytest.mark.parametrize("path, field", [("/single_upload/", "file"), ("/bulk_upload", "files")])
@pytest.mark.parametrize("label, status", [("unicorn", 422), ("a" * 1025, 400), ("air\0planes", 400)])
def test_a_form_with_a_label_that_is_none_stores_nothing(collector, contributor, path, field, label, status):
    before = collector.stored()
    assert_message(contributor.post(path, data={"label": label}, files={field: ("a.png", picture())}), status, "label")
    assert collector.stored() == before


def test_an_empty_file_input_of_a_browser_is_nothing_chosen(contributor):
    """Browsers send a part without a name and without a byte for it."""
    chosen, nothing = ("file", ("a.png", picture())), ("file", ("", b"", "application/octet-stream"))
    for parts in ([chosen, nothing], [nothing, chosen]):
        answer = contributor.post("/single_upload/", files=parts)
        assert answer.status_code == 200, answer.text
        answer = contributor.post("/bulk_upload", files=[("files", part) for _, part in parts])
        assert [file["filename"] for file in answer.json()["uploaded"]] == ["a.png"]
    for path in ("/single_upload/", "/bulk_upload"):
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--x--\r\n'
        answer = contributor.post(path, data=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert_message(answer, 400, "no part named")


def test_the_label_in_the_address_wins_over_the_form_unless_it_is_empty(contributor):
    for query, kept in (("accordion", "accordion"), ("", "airplanes")):
        answer = contributor.post("/single_upload/", params={"label": query}, data={"label": "airplanes"}, files={"file": ("a.png", picture())})
        assert answer.json()["label"] == kept


def test_a_label_after_the_files_of_a_form_is_not_passed_over_silently(contributor):
    parts = [("files", ("a.png", picture())), ("label", (None, "airplanes"))]
    assert_message(contributor.post("/bulk_upload", files=parts), 400, "before its files")


@pytest.mark.parametrize("kind, ending", [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("GIF", "gif"), ("BMP", "bmp"), ("TIFF", "tiff")])
def test_the_type_is_decided_by_the_content(collector, contributor, kind, ending):
    data = picture(kind)
    answer = contributor.post("/single_upload/", files={"file": ("lie.txt", data, "text/plain")}).json()
    assert answer["Image URL"].endswith("." + ending)
    served = requests.get(answer["Image URL"], timeout=30)
    assert (served.headers["Content-Type"], served.content) == (f"image/{kind.lower()}", data)
    if BLOB == "fs":
        assert served.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.on("s3")
def test_the_address_of_a_private_image_is_good_for_twelve_hours(admin):
    told = single(admin, picture(), dataset="secret").json()
    listed = admin.get(f"/v1/datasets/secret/samples/{told['id']}").json()
    for address in (told["Image URL"], listed["image_url"]):
        assert int(re.search("X-Amz-Expires=([0-9]+)", address)[1]) >= 12 * 3600
        assert requests.get(address, timeout=30).status_code == 200


# --- bulk


def test_several_images_are_answered_one_by_one_in_order(collector, contributor):
    data = [picture() for _ in range(3)]
    answer = bulk(contributor, ("a.png", data[0]), ("b.png", data[1]), ("c.png", data[2]), label="1")
    assert answer.status_code == 200
    told = answer.json()
    assert set(told) == {"label", "LabelFound", "skipped", "S3-Response", "uploaded"}
    assert (told["label"], told["LabelFound"], told["skipped"]) == ("airplanes", True, [])
    assert told["S3-Response"] == {"Created": True}
    assert [set(file) for file in told["uploaded"]] == [{"filename", "Image URL", "duplicate"}] * 3
    assert [file["filename"] for file in told["uploaded"]] == ["a.png", "b.png", "c.png"]
    assert [file["duplicate"] for file in told["uploaded"]] == [False] * 3
    assert [requests.get(file["Image URL"], timeout=30).content for file in told["uploaded"]] == data


def test_a_bad_file_never_loses_the_others(collector, contributor):
    before = collector.size()
    good = [picture(), picture()]
    answer = bulk(contributor, ("a.png", good[0]), ("bad.png", b"no image"), ("empty.png", b""), ("d.png", good[1]))
    assert answer.status_code == 200
    told = answer.json()
    assert [file["filename"] for file in told["uploaded"]] == ["a.png", "bad.png", "empty.png", "d.png"]
    assert ["error" in file for file in told["uploaded"]] == [False, True, True, False]
    assert all(file["error"] and "Image URL" not in file for file in told["uploaded"] if "error" in file)
    assert told["skipped"] == ["bad.png", "empty.png"]
    assert collector.size() == before + 2


def test_all_bad_is_an_error_that_still_tells_of_each(collector, contributor):
    before = collector.stored()
    answer = bulk(contributor, ("a.png", b"no"), ("b.png", b"neither"))
    assert answer.status_code == 415
    told = answer.json()
    assert [file["filename"] for file in told["uploaded"]] == told["skipped"] == ["a.png", "b.png"]
    assert told["S3-Response"] == {"Created": False} and told["message"]
    assert collector.stored() == before


def test_a_duplicate_within_one_request_is_one_image(collector, contributor):
    data, before = picture(), collector.size()
    told = bulk(contributor, ("a.png", data), ("b.png", data)).json()["uploaded"]
    assert [file["duplicate"] for file in told] == [False, True]
    assert told[0]["Image URL"] == told[1]["Image URL"]
    assert collector.size() == before + 1


def test_bulk_with_an_unknown_label_stores_nothing(collector, contributor):
    before = collector.stored()
    assert_message(bulk(contributor, ("a.png", picture()), label="unicorn"), 422, "unicorn")
    assert collector.stored() == before


def test_a_form_without_files_is_refused(contributor):
    assert_message(contributor.post("/bulk_upload", files={"other": ("a.png", picture())}), 400, "files")


def test_many_uploads_of_the_same_bytes_are_one_image(collector, contributor):
    data, before = picture(), collector.size()
    with ThreadPoolExecutor(16) as pool:
        told = [answer.json() for answer in pool.map(lambda _: single(collector.session("contributor"), data), range(32))]
    assert [answer["duplicate"] for answer in told].count(False) == 1
    assert len({(answer["id"], answer["Image URL"]) for answer in told}) == 1
    assert collector.size() == before + 1
    digest = hashlib.sha256(data).hexdigest()
    assert [sample["sha256"] for sample in samples(contributor)].count(digest) == 1


# --- who may


@pytest.mark.parametrize("role", ["viewer", "annotator"])
@pytest.mark.parametrize("path", ["/single_upload/", "/bulk_upload", "/add_label/new"])
def test_uploading_needs_a_contributor(collector, role, path):
    before = collector.stored()
    answer = collector.session(role).post(path, files={"file": ("a.png", picture()), "files": ("a.png", picture())})
    assert_message(answer, 403, "contributor")
    assert collector.stored() == before


@pytest.mark.parametrize("method, path", [("GET", "/fetch"), ("POST", "/single_upload/"), ("POST", "/bulk_upload"), ("POST", "/add_label/new")])
def test_what_one_may_not_see_is_not_there(collector, method, path):
    guest = collector.session("guest")
    assert_message(guest.request(method, path), 404, "Database not found")
    assert_message(collector.session("contributor").request(method, path, params={"dataset": "nothing"}), 404, "Database not found")


@pytest.mark.parametrize("method, path", [("GET", "/fetch"), ("POST", "/single_upload/"), ("POST", "/bulk_upload"), ("POST", "/add_label/new")])
def test_without_a_password_nothing_is_done(collector, method, path):
    answer = collector.session().request(method, path)
    assert_message(answer, 401, "Authentication failed")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_a_method_that_is_not_there_says_which_are(contributor):
    answer = contributor.delete("/single_upload/")
    assert_message(answer, 405)
    assert set(re.split(r",\s*", answer.headers["Allow"])) >= {"GET", "POST"}
    assert_message(contributor.get("/add_label/x"), 405)
    assert_message(contributor.post("/fetch"), 405)


def test_without_a_default_dataset_one_is_to_be_named(make_server):
    server = make_server()
    server.add_user("ann", role="contributor")
    server.add_dataset("demo")
    server.start()
    ann = server.session("ann")
    assert_message(ann.get("/fetch"), 400, "default_dataset")
    assert fetch(ann, dataset="demo") == {"0": "cat", "1": "dog"}
    assert single(ann, picture(), dataset="demo").status_code == 200
