"""/ui/upload: images, folders and archives on their way in, what became of each, and what interrupts them."""
import hashlib
import os
import zipfile

import pytest
from harness import TOP, draw, until
from PIL import Image
from selenium.webdriver.common.keys import Keys

SLOW = {"latency": 40, "downloadThroughput": 200_000, "uploadThroughput": 200_000}  # bytes a second: 1.6 Mbit/s
OPEN = "[data-state=waiting], [data-state=sending]"


def grainy(path, seed, size=(1000, 800)):
    """A picture that no format makes small."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.effect_noise(size, 60 + seed)
    picture.save(path)
    return path


def choose(page, css, *paths):
    page.find(css).send_keys("\n".join(map(str, paths)))


def states(page):
    """The state of each row, by its file's name."""
    rows = page.script("return [...document.querySelectorAll('.uploads > li')].map(row =>"
                       " [row.querySelector('b').textContent, row.querySelector('.state').textContent])")
    return dict(rows)


def all_there(page, count):
    page.until(lambda: page.texts("#uploads-title") == [f"All {count} files are there" if count > 1 else "The file is there"],
               f"{count} files there; {states(page)}")


class Target:
    """A dataset that is uploaded into."""

    def __init__(self, server, name):
        self.name, self.session = name, server.session("ada")

    def samples(self):
        items = self.session.get(f"/v1/datasets/{self.name}/samples", params={"limit": 1000}).json()["items"]
        return {item["filepath"]: item for item in items}

    def labels(self):
        return {path: item["label"] for path, item in self.samples().items()}

    def holds(self, *paths):
        """Whether these files are in it, byte for byte."""
        kept = {item["sha256"] for item in self.samples().values()}
        return {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths} <= kept


@pytest.fixture
def target(server, request):
    name = request.node.name[:60]
    made = Target(server, name)
    answer = made.session.post("/v1/datasets", json={"name": name, "labels": ["oak", "maple"]})
    assert answer.status_code == 201, answer.text
    yield made
    assert made.session.delete(f"/v1/datasets/{name}").status_code == 204


@pytest.fixture
def page(browser, target):
    """The page of carl, a contributor, in which the line is as fast as ever afterwards."""
    carl = browser("carl")
    carl.open(f"/ui/upload?dataset={target.name}")
    carl.until(lambda: carl.all("#drop"), "the place for files")
    yield carl
    carl.online()
    carl.as_it_was()


def slow_down(page):
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **SLOW})


def drop(page, *paths):
    """What a file manager does when files are dragged over #drop and let go."""
    place = page.find("#drop").rect
    at = {"x": place["x"] + 20, "y": place["y"] + 20, "data": {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}}
    for kind in ("dragEnter", "dragOver", "drop"):
        page.driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, **at})


# --- its main job


def test_single_files_go_in_at_once_with_the_label_that_was_chosen(page, target, tmp_path):
    files = [draw(tmp_path / f"{number}.png", color) for number, color in enumerate(("red", "lime", "blue"))]
    page.find("#drop select").send_keys("maple")
    choose(page, "#files", *files)
    all_there(page, 3)
    assert target.labels() == {"0.png": "maple", "1.png": "maple", "2.png": "maple"} and target.holds(*files)
    page.until(lambda: page.script("return [...document.querySelectorAll('.uploads img')].filter(each => each.naturalWidth).length") == 3, "their pictures")
    page.all_saved()
    assert page.find(".uploads").get_attribute("role") == "list"
    page.button("Label them").click()
    page.until(lambda: "/ui/label" in page.driver.current_url, "the page that labels")


def test_a_folder_s_labels_are_shown_and_changed_by_keys_before_anything_is_sent(page, target, tmp_path):
    for path in ("oak/1.png", "oak/2.png", "birch/3.png", "4.png"):
        draw(tmp_path / "wood" / path, tuple(os.urandom(3)))
    (tmp_path / "wood" / "oak" / "notes.txt").write_text("no image")
    choose(page, "#folder", tmp_path / "wood")
    page.until(lambda: page.all("#plan"), "what will be sent")
    assert [row.split() for row in page.texts("#plan tbody tr")] == [["wood", "1"], ["birch", "1"], ["oak", "2"]]
    assert [field.get_attribute("value") for field in page.all("#plan input")] == ["", "birch", "oak"]
    assert "1 label will be new: birch." in page.text("#plan") and "wood/oak/notes.txt" in page.text("#plan")
    assert target.samples() == {}
    assert page.script("return document.activeElement.textContent") == "Upload 4 images"
    page.press(*[Keys.TAB] * 5, "beech")  # over the other buttons and the table to the field of “birch”
    page.until(lambda: "1 label will be new: beech." in page.text("#plan"), "the label that was entered")
    page.button("Upload 4 images").send_keys(Keys.ENTER)
    all_there(page, 4)
    assert target.labels() == {"oak/1.png": "oak", "oak/2.png": "oak", "birch/3.png": "beech", "4.png": ""}
    assert page.console() == []


def test_files_and_folders_are_dropped_by_mouse(page, target, tmp_path):
    single = draw(tmp_path / "single.png", "red")
    for path in ("oak/1.png", "maple/2.png"):
        draw(tmp_path / path, tuple(os.urandom(3)))
    drop(page, single, tmp_path / "oak", tmp_path / "maple")
    page.until(lambda: page.all("#plan"), "what will be sent")
    assert [field.get_attribute("value") for field in page.all("#plan input")] == ["maple", "oak", ""]
    page.button("Upload 3 images").click()
    all_there(page, 3)
    assert target.labels() == {"oak/1.png": "oak", "maple/2.png": "maple", "single.png": ""}


def test_a_phone_s_photos_of_one_name_are_taken_by_touch(page, target, tmp_path):
    page.emulate("setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True)
    page.emulate("setTouchEmulationEnabled", enabled=True)
    page.script("addEventListener('click', event => { if (event.target.type === 'file') { window.asked = event.target.id; event.preventDefault(); } }, true)")
    for words, asked in (("Choose files…", "files"), ("Take a photo…", "photo")):
        button = page.button(words)
        page.script("arguments[0].scrollIntoView({ block: 'center' })", button)
        x, y = page.script("const { x, y } = arguments[0].getBoundingClientRect(); return [x + 20, y + 20]", button)
        for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
            page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.until(lambda wanted=asked: page.script("return window.asked") == wanted, f"the files that {words} asks for")
    assert page.find("#photo").get_attribute("capture") == "environment"
    for number in range(2):
        choose(page, "#photo", draw(tmp_path / str(number) / "image.jpg", tuple(os.urandom(3))))
        all_there(page, number + 1) if number else page.until(lambda: page.text("#uploads-title") == "The file is there", "the first")
    names = list(target.samples())
    assert len(names) == 2 and all(name.startswith("photo-") and name.endswith(".jpg") for name in names)
    page.emulate("setTouchEmulationEnabled", enabled=False)


def test_an_archive_s_entries_are_told_apart(page, target, tmp_path):
    with zipfile.ZipFile(tmp_path / "wood.zip", "w") as archive:
        for number in range(3):
            archive.write(draw(tmp_path / f"{number}.png", tuple(os.urandom(3))), f"oak/{number}.png")
        archive.write(tmp_path / "0.png", "oak/again.png")
        archive.writestr("oak/broken.png", b"no image at all")
    choose(page, "#files", tmp_path / "wood.zip")
    all_there(page, 1)
    assert states(page)["wood.zip"] == "Done: 3 images added, 1 there already and 1 skipped."
    page.click(".uploads summary")
    assert "oak/broken.png: " in page.text(".uploads details")
    assert set(target.labels().values()) == {"oak"} and len(target.labels()) == 3


def test_what_browsers_do_not_show_is_shown_all_the_same(page, target):
    choose(page, "#files", TOP / "tests" / "images" / "turned.heic")
    all_there(page, 1)
    page.until(lambda: page.script("return document.querySelector('.uploads img')?.naturalWidth"), "its picture")


# --- what cannot be


def test_duplicates_and_refusals_say_what_to_do(page, target, tmp_path):
    first = draw(tmp_path / "first.png", "red")
    choose(page, "#files", first)
    all_there(page, 1)
    again, other = tmp_path / "again.png", draw(tmp_path / "b" / "first.png", "blue")
    again.write_bytes(first.read_bytes())
    text, empty, cut = tmp_path / "letter.txt", tmp_path / "empty.png", tmp_path / "cut.png"
    text.write_text("Dear reader")
    empty.touch()
    cut.write_bytes(grainy(tmp_path / "whole.png", 1).read_bytes()[:5000])
    page.find("#drop select").send_keys("oak")
    choose(page, "#files", again, other, text, empty, cut)
    page.until(lambda: len(states(page)) == 5 and not page.all(OPEN), "an end")
    page.until(lambda: "without a label" in states(page)["again.png"], "what the duplicate has")
    told = states(page)
    assert "Save it as JPEG or PNG" in told["letter.txt"]
    assert "bytes, at least 1" in told["empty.png"]
    assert "broken or truncated. Copy it anew" in told["cut.png"]
    assert "4 failed" in page.text("#uploads")
    assert "The image of this name is another one" in page.text("[data-state=failed]")
    page.button("Make it “oak”", within=".uploads").click()
    page.until(lambda: target.labels()["first.png"] == "oak", "the label")
    page.button("Send under another name", within=".uploads").click()
    page.until(lambda: states(page).get("first-2.png") == "Done: in the dataset", "the other one")
    assert target.holds(first, other)
    page.button("Leave out 3 failed").click()
    page.until(lambda: not page.all("[data-state=failed]"), "what failed left out")


def test_odd_names_are_only_names(page, target, tmp_path):
    names = ["<img src=x onerror='window.harm=1'>.png", "100%41 #1?&=;.png", "שלום 🦊.png", "a'\"b`.png", "-dash.png", "..png", "e\u0301.png", "x" * 120 + ".png"]
    for number, name in enumerate(names):
        draw(tmp_path / "odd" / f"{number}.png", (number * 30, 99, 200)).rename(tmp_path / "odd" / name)
    draw(tmp_path / "odd" / "plain.png", (1, 2, 3)).rename(tmp_path / "odd" / "line\nbreak.png")
    # A list of paths cannot hold a line break: the files are dropped.
    drop(page, *(tmp_path / "odd").iterdir())
    all_there(page, len(names) + 1)
    assert set(target.samples()) == {*names, "line_break.png"}
    assert page.script("return window.harm") is None and page.console() == []


def test_who_may_not_upload_is_told(browser, target):
    vera = browser("vera").open(f"/ui/upload?dataset={target.name}")
    vera.notice_says("You may look, but not upload")
    assert not vera.all("#drop")


# --- what interrupts


def test_the_server_stops_in_the_middle_and_nothing_is_lost(page, server, target, tmp_path):
    files = [grainy(tmp_path / f"{number}.png", number) for number in range(5)]
    slow_down(page)
    choose(page, "#files", *files)
    page.until(lambda: page.script("return [...document.querySelectorAll('.uploads progress')].some(each => each.value > 0.2)"), "some of it sent")
    for process in server.processes("uploads"):
        os.kill(process, 9)
    for process in server.processes("nginx"):
        os.kill(process, 9)
    page.online()
    all_there(page, 5)
    assert target.holds(*files) and len(target.samples()) == 5
    page.all_saved()


def test_while_the_server_is_away_the_page_says_so_and_goes_on_by_itself(page, server, target, tmp_path):
    files = [draw(tmp_path / f"{number}.png", (number, 2, 3)) for number in range(5)]
    assert server.command("stop").returncode == 0
    choose(page, "#files", *files)
    page.status_says("No connection")
    page.until(lambda: "wait, and go on by themselves" in page.text("[role=alert]"), "what happens next")
    started = server.command("start")
    assert started.returncode == 0, started.stderr
    all_there(page, 5)
    assert target.holds(*files)


def test_a_page_that_was_closed_goes_on_where_it_was(page, server, target, tmp_path):
    files = [grainy(tmp_path / "big" / f"{number}.png", number) for number in range(3)]
    small = draw(tmp_path / "big" / "small.png")
    slow_down(page)
    choose(page, "#files", small, *files)
    page.until(lambda: states(page).get("small.png") == "Done: in the dataset", "the small one")
    page.until(lambda: page.script("return [...document.querySelectorAll('.uploads progress')].some(each => each.value > 0.3)"), "some of it sent")
    page.driver.get("about:blank")
    page.online()
    page.open(f"/ui/upload?dataset={target.name}")
    page.until(lambda: "1 of 4 files are there" in page.text("#uploads-title"), "what is missing")
    assert "Choose the same files or folder again" in page.text("main")
    assert "Needed again" in states(page)["0.png"]
    choose(page, "#files", small, *files)
    all_there(page, 4)
    assert target.holds(small, *files) and len(target.samples()) == 4
    # nginx writes its log a second later
    until(lambda: any(line["method"] == "HEAD" and line["status"] == 200 for line in requests_of(server, target)), "an upload that was gone on with")
    assert sum(line["method"] == "POST" for line in requests_of(server, target)) == 4
    page.driver.refresh()
    page.until(lambda: page.all("#drop"), "the place for files")
    assert page.text("#uploads-title") == ""


def requests_of(server, target):
    return [line for line in server.request_log() if f"/{target.name}/uploads" in line["uri"]]


def test_pausing_stops_and_goes_on(page, target, tmp_path):
    files = [grainy(tmp_path / f"{number}.png", number) for number in range(3)]
    slow_down(page)
    choose(page, "#files", *files)
    page.until(lambda: page.script("return [...document.querySelectorAll('.uploads progress')].some(each => each.value > 0.1)"), "some of it sent")
    page.button("Pause").click()
    page.status_says("Paused")
    page.until(lambda: not page.all("[data-state=sending]"), "nothing being sent")
    page.online()
    page.button("Go on").click()
    all_there(page, 3)
    assert target.holds(*files)


def test_without_the_library_files_are_sent_whole(page, target, tmp_path):
    page.block("*/tus.min.js")
    page.open(f"/ui/upload?dataset={target.name}")
    page.until(lambda: page.all("#drop"), "the place for files")
    draw(tmp_path / "wood" / "oak" / "1 ä.png")
    choose(page, "#folder", tmp_path / "wood")
    page.button("Upload 1 image").click()
    all_there(page, 1)
    assert target.labels() == {"oak/1 ä.png": "oak"}


# --- many


def test_many_go_in_beside_each_other(page, target, tmp_path):
    files = [draw(tmp_path / "many" / f"{number}.png", (number, 9, 7), (8, 8)) for number in range(40)]
    choose(page, "#files", *reversed(files))
    all_there(page, 40)
    assert len(target.samples()) == 40
    assert page.texts(".uploads b") == [f"{number}.png" for number in range(40)]
    assert page.console() == []


def test_a_long_list_is_shown_by_and_by(page, target, tmp_path):
    page.block("*/uploads")
    first = draw(tmp_path / "many" / "0.png")
    for number in range(1, 400):
        os.link(first, tmp_path / "many" / f"{number}.png")
    choose(page, "#folder", tmp_path / "many")
    page.button("Upload 400 images").click()
    page.until(lambda: "of 400 files" in page.text("#uploads-title"), "the sum")
    assert len(page.all(".uploads > li")) == 300
    page.button("Show more of 400 files").click()
    page.until(lambda: len(page.all(".uploads > li")) == 400, "more of them")
    page.button("Pause").click()


def test_an_admin_s_new_dataset_is_uploaded_into_without_leaving(ada, server, tmp_path):
    draw(tmp_path / "first.png")
    ada.open("/ui/")
    ada.click("#make")
    ada.fill("dialog [name=name]", "made and filled")
    ada.fill("dialog [name=labels]", "oak")
    ada.button("Make it").click()
    ada.until(lambda: ada.all("#drop"), "the place for files")
    assert ada.driver.current_url.endswith("/ui/")
    choose(ada, "#files", tmp_path / "first.png")
    all_there(ada, 1)
    session = server.session("ada")
    assert session.get("/v1/datasets/made and filled").json()["size"] == 1
    ada.button("Done").click()
    ada.until(lambda: not ada.all("#drop") and "made and filled" in ada.text("#datasets"), "the list, with it")
    until(lambda: session.delete("/v1/datasets/made and filled").status_code == 204, "it gone")
