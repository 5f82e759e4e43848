"""/ui/label: the image that is looked at loads first, and those needed next load ahead of time."""
from harness import until
from selenium.webdriver.common.keys import Keys

DOWNLOADS = """return performance.getEntriesByType('resource').filter(entry => entry.name.includes('/images/'))
    .map(entry => ({ name: entry.name.split('/').at(-1), from: entry.startTime, to: entry.responseEnd }))"""


def test_the_next_images_are_fetched_before_they_are_needed(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.downloaded(4)
    assert dataset.counts()["leased"] == 4
    ann.offline()
    ann.answer("1")
    assert ann.image() == "001.png"


def test_the_first_image_has_the_line_to_itself_and_the_others_follow_in_order(ann, dataset):
    ann.open_label(dataset.name)
    downloads = ann.until(lambda: len(found := ann.script(DOWNLOADS)) == 4 and found, "the image and the next three")
    assert [each["name"] for each in downloads] == ["000.png", "001.png", "002.png", "003.png"]
    for before, after in zip(downloads, downloads[1:]):
        assert after["from"] >= before["to"]


def test_an_image_gone_back_to_does_not_wait_for_those_fetched_ahead(ann, make_dataset, relay):
    dataset = make_dataset(samples=14)
    ann.open_label(dataset.name, port=relay.port)
    relay.hold(b"/012.png ")
    for _ in range(11):
        ann.answer("1")
    until(relay.held.is_set, "the download ahead under way")
    for number in reversed(range(11)):  # so far back that it is asked for again
        ann.press(Keys.BACKSPACE)
        ann.image(f"{number:03}.png")
    relay.release()


def test_a_skipped_image_does_not_hold_up_the_next(ann, dataset, relay):
    relay.hold(b"/000.png ")
    ann.open_label(dataset.name, port=relay.port)
    until(relay.held.is_set, "the download under way")
    ann.press(Keys.SPACE)
    ann.image("001.png")
    relay.release()
