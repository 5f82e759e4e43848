"""The layout on screens of all sizes: nothing beyond the edge, the image large, the labels in sight."""
import pytest

DESKTOP, PHONE, PHONE_ON_ITS_SIDE = (1280, 660), (375, 667), (667, 375)


@pytest.fixture
def resized(ann):
    """resized(width, height): ann's window, of that size until the test ends."""

    def resize(width, height):
        ann.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        )
        return ann

    yield resize
    ann.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def hidden_buttons(page):
    """The names of label buttons that are not wholly in sight."""
    return page.script(
        "const box = document.querySelector('#labels').getBoundingClientRect();"
        "return [...document.querySelectorAll('#labels button')].filter(button => {"
        "  const {top, bottom, left, right} = button.getBoundingClientRect();"
        "  return top < box.top - 1 || bottom > box.bottom + 1 || left < 0 || right > innerWidth;"
        "}).map(button => button.dataset.label)"
    )


@pytest.mark.parametrize("size", [DESKTOP, PHONE, PHONE_ON_ITS_SIDE], ids=["desktop", "phone", "side"])
def test_long_names_do_not_push_anything_over_the_edge(resized, make_dataset, size):
    page = resized(*size)
    word = "Datensatzbezeichnungen" * 5
    dataset = make_dataset(name=f"{word}{size[0]}", labels=(word, "b " * 60), samples=[f"{word}/{word}.png"])
    page.open_label(dataset.name)
    page.image()
    for css in ("#skip", "#count", "#labels button", "#help-open"):
        assert page.script(
            "const {left, right} = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return left >= 0 && right <= innerWidth", css
        ), css
    page.open("/ui/")
    page.until(lambda: page.all("#datasets > li"), "rows")
    assert page.script("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [DESKTOP, PHONE, PHONE_ON_ITS_SIDE], ids=["desktop", "phone", "side"])
def test_the_image_gets_most_of_the_room(resized, make_dataset, size):
    page = resized(*size)
    page.open_label(make_dataset(labels=("cat", "dog", "bird", "fish"), samples=1).name)
    page.image()
    width, height = page.script("const stage = document.querySelector('#stage'); return [stage.clientWidth, stage.clientHeight]")
    assert width * height > 0.5 * size[0] * size[1]
    assert hidden_buttons(page) == []


def test_twelve_labels_with_short_names_are_seen_at_once(resized, make_dataset):
    page = resized(*DESKTOP)
    page.open_label(make_dataset(labels=[f"class {number}" for number in range(12)], samples=1).name)
    page.image()
    assert hidden_buttons(page) == []
