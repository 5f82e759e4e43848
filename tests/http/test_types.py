"""The types of images: which are accepted, what a browser gets for each, and that all lists of them agree."""
import fnmatch
import io
import re

import pytest
from collecting import BLOB, DEFAULT, picture
from harness import SCRIPTS, TOP
from PIL import Image

FILES = TOP / "tests" / "images"
ROW = re.compile(r'^\t\{"(?P<media>image/[^"]+)", "(?P<name>[^"]+)", \{(?P<endings>[^}]+)\}, (?P<taken>true|false), (?P<shown>true|false)\},', re.M)
TYPES = [
    {**row.groupdict(), "endings": re.findall(r'"([a-z0-9]+)"', row["endings"]), "taken": row["taken"] == "true", "shown": row["shown"] == "true"}
    for row in ROW.finditer((TOP / "lib" / "base" / "image_type.c").read_text())
]
TAKEN = [kind for kind in TYPES if kind["taken"]]
NGINX = (TOP / "nginx" / "nginx.conf.in").read_text()
SERVED = re.search(r'location ~ "\^/images/.*\(\?i:([^"]*)\)\)\\z"', NGINX)[1]  # endings of what nginx serves by itself




def put(session, name, data, status=201):
    answer = session.put(f"/v1/datasets/{DEFAULT}/images/{name}", data=data)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.parametrize("file, media, size", [
    ("turned.heic", "image/heic", (48, 64)),  # stored as 64 x 48, and turned by its file
    ("red-blue.avif", "image/avif", (64, 48)),
    ("red-blue.jxl", "image/jxl", (64, 48)),
])  # fmt: skip
def test_what_telephones_send_is_taken_and_a_browser_gets_a_picture_of_it(collector, contributor, file, media, size):
    data = (FILES / file).read_bytes()
    told = put(contributor, file, data)
    assert (told["type"], told["width"], told["height"]) == (media, *size)
    original = contributor.get(f"/v1/datasets/{DEFAULT}/samples/{told['id']}/image")
    assert (original.headers["Content-Type"], original.content) == (media, data)
    if media == "image/avif":
        assert told["image_url"].endswith(".avif") or BLOB == "s3"
        shown = contributor.get(told["thumb_url"])
    else:
        shown = contributor.get(told["image_url"])
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/jpeg")
    image = Image.open(io.BytesIO(shown.content)).convert("RGB")
    first, last = image.getpixel((4, 4)), image.getpixel((image.width - 5, image.height - 5))
    assert image.size == size and first[0] > 200 > 60 > first[2] and last[2] > 200 > 60 > last[0]
    assert contributor.get("/v1/datasets/%s/samples/%d" % (DEFAULT, told["id"])).json()["image_url"] == told["image_url"]


def test_image_url_of_a_tiff_leads_to_what_browsers_show(collector, contributor):
    told = put(contributor, "page.tif", picture("TIFF", (320, 200)))
    shown = contributor.get(told["image_url"])
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(shown.content)).size == (320, 200)


@pytest.mark.parametrize("file", ["turned.heic", "red-blue.avif", "red-blue.jxl"])
def test_a_cut_one_is_refused(collector, contributor, file):
    data = (FILES / file).read_bytes()
    put(contributor, "cut-" + file, data[: len(data) * 9 // 10], status=422)


def test_in_place_the_rendition_is_found_by_the_name(make_server):
    server = make_server()
    server.add_user("ann")
    folder = server.add_dataset("phone", samples=["a.HEIC", "b.tif", "c.avif"])
    (folder / "a.HEIC").write_bytes((FILES / "turned.heic").read_bytes())
    Image.new("RGB", (30, 20), "red").save(folder / "b.tif")
    (folder / "c.avif").write_bytes((FILES / "red-blue.avif").read_bytes())
    with server.start():
        ann = server.session("ann")
        for number, media in enumerate(["image/jpeg", "image/jpeg", "image/avif"]):
            asked = ann.post("/obtain", json={"dataset_name": "phone", "id": number}, headers={"Accept": "application/json"}).json()
            shown = ann.get(asked["image_url"])
            assert (shown.status_code, shown.headers["Content-Type"]) == (200, media)
        original = ann.post("/obtain", json={"dataset_name": "phone", "id": 0})
        assert (original.headers["Content-Type"], original.content) == ("image/heic", (FILES / "turned.heic").read_bytes())


# --- one list


def test_the_table_is_read_whole():
    assert len(TYPES) == 20 and [kind["name"] for kind in TAKEN] == ["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "AVIF", "HEIC", "JPEG XL"]


@pytest.mark.parametrize("kind", TAKEN, ids=lambda kind: kind["name"])
def test_every_list_has_each_type_that_is_taken(kind):
    types = dict(re.findall(r"^\t\t(image/\S+) ([a-z0-9 ]+);", NGINX, re.M))
    for ending in kind["endings"]:
        assert re.fullmatch(SERVED, ending), f"nginx serves no .{ending} by itself"
        assert ending in types[kind["media"]].split()
    for text in (TOP / "README.md", SCRIPTS / "image-label-load"):
        assert re.search(rf"\b{kind['name']}\b", re.sub(r"\s+", " ", text.read_text())), text


def test_nginx_serves_no_other_types_of_images():
    endings = {ending for kind in TAKEN for ending in kind["endings"]}
    others = {ending for kind in TYPES for ending in kind["endings"]} - endings
    assert not [ending for ending in others | {"svg", "html", "txt"} if re.fullmatch(SERVED, ending)]


def test_the_scripts_client_knows_what_the_server_takes():
    source = (SCRIPTS / "client" / "older.bash").read_text()
    refused = re.search(r"^\t(image/jpeg\*.*)\) return 1", source, re.M)[1].split(" | ")
    for kind in TAKEN:
        assert kind["media"] + "*" in refused
    magics = [magic.strip() for line in re.findall(r"^\t([0-9a-f?\[\]* |]+)\) return 0 ;;", source, re.M) for magic in line.split("|")]
    for file in FILES.iterdir():
        assert any(fnmatch.fnmatchcase(file.read_bytes()[:12].hex(), magic) for magic in magics), file
