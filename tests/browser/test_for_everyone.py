"""/ui/label for people who do not see it, or see it in their own colours, enlarged, or on a phone."""
import pytest
from selenium.webdriver.common.keys import Keys


def heard(page):
    return page.script("return document.querySelector('[aria-live]').textContent")


def hears(page, words):
    page.until(lambda: words in heard(page), f"{words!r} read out, not {heard(page)!r}")


@pytest.fixture
def emulate(ann):
    """emulate(command, **options) until the test ends: as if it were another device."""

    def emulate(command, **options):
        ann.driver.execute_cdp_cmd(f"Emulation.{command}", options)

    yield emulate
    emulate("setEmulatedMedia", features=[])
    emulate("setTouchEmulationEnabled", enabled=False)
    emulate("clearDeviceMetricsOverride")


def test_the_next_image_waiting_and_the_end_are_read_out(ann, make_dataset):
    dataset = make_dataset(samples=5)
    ann.block("*/004.png")
    ann.open_label(dataset.name)
    hears(ann, "Image 000.png")
    ann.answer("1")
    hears(ann, "Before: “cat” Image 001.png")
    ann.press(Keys.BACKSPACE)
    hears(ann, "Earlier: “cat” Image 000.png")
    ann.press(Keys.ESCAPE)
    ann.downloaded(4)
    ann.offline()
    for _ in range(2):
        ann.answer("1")
    ann.press("1")
    hears(ann, "Waiting for the connection…")
    ann.block()
    ann.online()
    hears(ann, "Image 004.png")
    ann.press("1")
    hears(ann, "All done 5 of 5 images are labelled")


def test_what_a_search_finds_is_read_out(ann, make_dataset):
    ann.open_label(make_dataset(labels=[f"kind {number}" for number in range(30)]).name)
    ann.image()
    ann.press("kind 2")
    hears(ann, "11 labels, Enter gives kind 2")
    ann.press("x")
    hears(ann, "No label has “kind 2x” in its name.")


def test_in_forced_colours_the_bar_shows_how_far_it_is(ann, dataset, emulate):
    emulate("setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    ann.open_label(dataset.name)
    for _ in range(4):
        ann.answer("1")
    ann.all_saved()
    pixels = ann.pixels("#progress")
    middle = pixels.height // 2
    done, left = pixels.getpixel((pixels.width // 4, middle)), pixels.getpixel((pixels.width * 3 // 4, middle))
    assert sum(abs(a - b) for a, b in zip(done, left)) > 200


@pytest.mark.parametrize("page", ["label", "review"])
@pytest.mark.parametrize("width, height", [(320, 256), (427, 300)])
def test_enlarged_four_times_all_can_be_scrolled_to(ann, make_dataset, emulate, page, width, height):
    emulate("setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    dataset = make_dataset(labels=[f"label {number}" for number in range(9)])
    ann.open(f"/ui/{page}?dataset={dataset.name}")
    ann.image()
    assert ann.script("return document.documentElement.scrollWidth <= innerWidth")
    assert ann.script("return document.querySelector('#image').getBoundingClientRect().height") > 100
    for button in ann.all("button"):
        if not button.is_displayed():
            continue
        box = ann.script(
            "arguments[0].scrollIntoView({ block: 'nearest' }); const box = arguments[0].getBoundingClientRect();"
            "const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);"
            "return { top: box.top, bottom: box.bottom, hit: arguments[0].contains(at) }", button
        )
        assert box["hit"] and box["top"] >= 0 and box["bottom"] <= height + 1, (button.text, box)


def test_on_a_telephone_help_tells_what_to_tap(ann, dataset, emulate):
    emulate("setDeviceMetricsOverride", width=375, height=667, deviceScaleFactor=2, mobile=True)
    emulate("setTouchEmulationEnabled", enabled=True)
    emulate("setEmulatedMedia", features=[{"name": "hover", "value": "none"}, {"name": "pointer", "value": "coarse"}])
    ann.open_label(dataset.name)
    ann.image()
    ann.find("#help-open").click()
    assert "Tap a label" in ann.text("dialog")
    assert "Backspace" not in ann.text("dialog") and "Space" not in ann.text("dialog")
    assert not [key for key in ann.all("kbd") if key.is_displayed()]
