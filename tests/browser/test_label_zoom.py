"""The labelling page's zoom: by wheel, keys, double click, drag and pinch; large images; swipes on a phone."""

import pytest
from PIL import Image
from selenium.webdriver.common.keys import Keys

BOX = "const { x, y, width, height } = document.querySelector('#image').getBoundingClientRect(); return { x, y, width, height };"


def box(page):
    return page.script(BOX)


def wheel(page, x, y, delta):
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": delta})


def mouse(page, kind, x, y):
    page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1})


def touch(page, kind, *points):
    page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]})


@pytest.fixture
def phone(ann):
    ann.resize(390, 844)
    ann.emulate("setTouchEmulationEnabled", enabled=True, maxTouchPoints=5)
    yield ann
    ann.emulate("setTouchEmulationEnabled", enabled=False)
    ann.as_it_was()


def test_keys_zoom_move_and_fit(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    fit = box(ann)
    ann.press("+")
    ann.until(lambda: box(ann)["width"] > fit["width"] * 1.4, "larger")
    larger = box(ann)
    ann.press("+")
    ann.press_with(Keys.SHIFT, Keys.ARROW_RIGHT)
    ann.until(lambda: box(ann)["x"] < larger["x"], "moved")
    ann.press("0")
    ann.until(lambda: box(ann) == fit, "all of it")
    ann.press("+", "-")
    ann.until(lambda: box(ann) == fit, "as large as before")
    ann.press("+", Keys.ESCAPE)
    ann.until(lambda: box(ann) == fit, "all of it again")
    ann.press("+")
    ann.answer("1")
    assert box(ann) == fit
    assert ann.console() == []


def test_z_shows_pixel_by_pixel_so_that_a_panorama_can_be_read(ann, make_dataset):
    dataset = make_dataset(samples=1)
    Image.new("RGB", (6000, 80), "tomato").save(dataset.server.images / dataset.name / "wide.png")
    (dataset.server.images / dataset.name / "000.png").unlink()
    dataset.load("--labels", "cat")
    ann.open_label(dataset.name)
    ann.image("wide.png")
    assert box(ann)["width"] < 1280
    ann.press("z")
    drawn = ann.script("const i = document.querySelector('#image'); const s = getComputedStyle(i).transform; return new DOMMatrix(s).a *"
                       " Math.min(i.clientWidth / i.naturalWidth, i.clientHeight / i.naturalHeight) * i.naturalHeight")
    assert 79 <= drawn <= 85
    before = box(ann)["x"]
    mouse(ann, "mousePressed", 500, 400)
    mouse(ann, "mouseMoved", 400, 400)
    mouse(ann, "mouseReleased", 400, 400)
    assert box(ann)["x"] == pytest.approx(before - 100, abs=2)
    ann.press("z")
    ann.until(lambda: box(ann)["width"] < 1280, "all of it")


def test_the_wheel_zooms_where_it_points(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    before = box(ann)
    x, y = before["x"] + before["width"] / 4, before["y"] + before["height"] / 2
    wheel(ann, x, y, -400)
    ann.until(lambda: box(ann)["width"] > before["width"] * 1.5, "larger")
    after = box(ann)
    assert after["x"] + after["width"] / 4 == pytest.approx(x, abs=after["width"] * 0.03)
    wheel(ann, x, y, 2000)
    ann.until(lambda: box(ann) == before, "all of it")


def test_two_fingers_zoom_and_one_moves(phone, dataset):
    phone.open_label(dataset.name)
    phone.image("000.png")
    before = box(phone)
    touch(phone, "touchStart", (150, 300), (250, 300))
    touch(phone, "touchMove", (100, 300), (300, 300))
    touch(phone, "touchMove", (50, 300), (350, 300))
    touch(phone, "touchEnd")
    phone.until(lambda: box(phone)["width"] > before["width"] * 2, "larger")
    x = box(phone)["x"]
    touch(phone, "touchStart", (200, 300))
    touch(phone, "touchMove", (150, 300))
    touch(phone, "touchMove", (120, 300))
    touch(phone, "touchEnd")
    phone.until(lambda: box(phone)["x"] < x - 50, "moved")
    assert phone.shown == "000.png"


def test_on_a_phone_a_swipe_gives_the_first_of_two_labels_or_the_second(phone, make_dataset):
    dataset = make_dataset(labels=("cat", "dog"))
    phone.open_label(dataset.name)
    for to, shown in ((60, "000.png"), (330, "001.png")):
        phone.image(shown)
        touch(phone, "touchStart", (200, 300))
        touch(phone, "touchMove", ((200 + to) / 2, 302))
        touch(phone, "touchMove", (to, 304))
        touch(phone, "touchEnd")
    phone.image("002.png")
    touch(phone, "touchStart", (200, 300))
    touch(phone, "touchMove", (190, 380))
    touch(phone, "touchEnd")
    phone.all_saved()
    assert dataset.labels() == {"000.png": "cat", "001.png": "dog"}
    places = phone.script("return [...document.querySelectorAll('#labels button')].map(each => each.getBoundingClientRect().top)")
    assert min(places) > 500 and phone.shown == "002.png"


def test_a_large_image_comes_in_the_screens_size_first_and_itself_on_zoom(ann, make_dataset):
    dataset = make_dataset(samples=5)
    for number in range(5):
        Image.effect_noise((2400, 1400), 90 + number).save(dataset.server.images / dataset.name / f"{number:03}.png")
    ann.open_label(dataset.name)
    ann.image("000.png")
    for _ in range(2):
        before = ann.find("#image").get_attribute("src")
        ann.press("1")
        ann.until(lambda: ann.find("#image").get_attribute("src") != before and ann.shown, "the next image")
    source = ann.find("#image").get_attribute("src")
    assert "/samples/2/thumb" in source and "size=2048" in source
    ann.press("+")
    ann.image("002.png")
    assert ann.script("return document.querySelector('#image').naturalWidth") == 2400
