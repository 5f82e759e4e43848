"""/ui/look: users who may not label can see the images with their labels."""
from selenium.webdriver.common.keys import Keys


def test_shows_one_image_after_the_other_with_its_label(browser, dataset):
    dataset.classify("bob", "001.png", "dog")
    vera = browser("vera").open(f"/ui/look?dataset={dataset.name}")
    vera.image("000.png")
    assert (vera.text("#label"), vera.text("#count")) == ("none yet", "1 of 8")
    vera.press(Keys.ARROW_RIGHT)
    vera.image("001.png")
    assert (vera.text("#label"), vera.text("#caption")) == ("dog", "001.png")
    vera.find("#next").click()
    vera.image("002.png")
    vera.press(Keys.ARROW_LEFT)
    vera.image("001.png")
    assert vera.console() == []
    assert dataset.counts()["leased"] == 0


def test_goes_through_more_than_one_page_of_samples(browser, make_dataset):
    dataset = make_dataset(samples=102)
    vera = browser("vera").open(f"/ui/look?dataset={dataset.name}")
    vera.image("000.png")
    for number in range(1, 102):
        vera.press(" ")
    vera.image("101.png")
    assert not vera.find("#next").is_enabled()


def test_what_is_not_there_is_said(browser):
    vera = browser("vera").open("/ui/look?dataset=nosuch")
    vera.notice_says("No such dataset")
    vera.open("/ui/look")
    vera.notice_says("No dataset chosen")
