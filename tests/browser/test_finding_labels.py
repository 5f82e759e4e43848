"""/ui/label with many labels: which keys give a label at once, and how typing finds the others."""
import pytest
from selenium.webdriver.common.keys import Keys

KINDS = [f"kind {number}" for number in range(17)] + ["dog", "cat", "catfish"]


def shown_labels(page):
    return [button.get_attribute("data-label") for button in page.all("#labels button") if button.is_displayed()]


def test_twenty_labels_have_a_key_each(ann, make_dataset):
    dataset = make_dataset(labels=KINDS)
    ann.open_label(dataset.name)
    ann.image("000.png")
    assert [button.get_attribute("data-key") for button in ann.all("#labels button")] == list("1234567890abcdefghij")
    ann.answer("j")
    ann.answer("a")
    ann.all_saved()
    assert dataset.labels() == {"000.png": "catfish", "001.png": "kind 10"}


def test_with_more_labels_letters_search_and_digits_give_the_first_ten(ann, make_dataset):
    dataset = make_dataset(labels=[*KINDS, "zebra"])
    ann.open_label(dataset.name)
    ann.image("000.png")
    assert [button.get_attribute("data-key") for button in ann.all("#labels button")] == [*"1234567890", *[""] * 11]
    ann.press("cat")
    assert ann.find("#filter").get_property("value") == "cat"
    assert shown_labels(ann) == ["cat", "catfish"]
    assert ann.shown == "000.png"
    ann.press(Keys.ENTER)
    ann.image("001.png")
    ann.answer("0")
    ann.image("002.png")
    ann.press("/", "ZÉB")
    ann.press(Keys.ENTER)
    ann.image("003.png")
    ann.all_saved()
    assert dataset.labels() == {"000.png": "cat", "001.png": "kind 9", "002.png": "zebra"}


@pytest.mark.parametrize("way", ["a label", "Skip", "Back"])
def test_a_search_ends_with_the_image_it_was_for(ann, make_dataset, way):
    dataset = make_dataset(labels=[*KINDS, "zebra"])
    ann.open_label(dataset.name)
    ann.answer("1")
    ann.image("001.png")
    ann.press("zebr")
    {"a label": ann.label_button("zebra"), "Skip": ann.find("#skip"), "Back": ann.find("#back")}[way].click()
    ann.image("000.png" if way == "Back" else "002.png")
    assert len(shown_labels(ann)) == 21
    assert ann.find("#filter").get_property("value") == ""
    assert ann.script("return document.activeElement === document.body")


def test_a_search_that_finds_nothing_says_so(ann, make_dataset):
    ann.open_label(make_dataset(labels=[*KINDS, "zebra"]).name)
    ann.image("000.png")
    ann.press("cow")
    assert ann.text("#no-hit") == "No label has “cow” in its name."
    ann.press(Keys.ENTER)
    assert ann.shown == "000.png"
    ann.press(Keys.ESCAPE)
    assert ann.text("#no-hit") == ""


def test_escape_gives_the_focus_back(ann, make_dataset):
    ann.open_label(make_dataset(labels=KINDS).name)
    ann.image("000.png")
    ann.script("document.querySelector('[data-key=\"3\"]').focus()")
    ann.press("/", "do", Keys.ESCAPE)
    assert ann.script("return document.activeElement.dataset.key") == "3"
    ann.press("?", Keys.ESCAPE)
    ann.until(lambda: ann.script("return document.activeElement.dataset.key") == "3", "the focus where it was")


def test_the_label_of_an_earlier_image_is_scrolled_into_sight(ann, make_dataset):
    ann.open_label(make_dataset(labels=[f"a rather long name of kind {number}" for number in range(60)]).name)
    ann.image("000.png")
    ann.press("kind 59", Keys.ENTER)
    ann.image("001.png")
    ann.script("document.querySelector('#labels').scrollTop = 0")
    ann.press(Keys.BACKSPACE)
    ann.image("000.png")
    assert ann.script(
        "const { top, bottom } = document.querySelector('#labels').getBoundingClientRect();"
        "const label = document.querySelector('[aria-pressed=true]').getBoundingClientRect();"
        "return label.top >= top && label.bottom <= bottom"
    )
