"""/ui/label and /ui/grid on lines of 20 and 1.6 Mbit/s, 40 ms long: images come in their order, and no label waits for them."""
import os

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

LINES = {"20 Mbit/s": 2_500_000, "1.6 Mbit/s": 200_000}  # bytes a second
SIDE = 220  # pixels of noise, 145 KB: at 1.6 Mbit/s the four images that the labelling page fetches take three seconds


@pytest.fixture
def noisy(make_dataset):
    """A dataset of six images that are no smaller when compressed."""
    dataset = make_dataset(samples=6)
    for path in (dataset.server.images / dataset.name).iterdir():
        Image.frombytes("RGB", (SIDE, SIDE), os.urandom(SIDE * SIDE * 3)).save(path)
    return dataset


@pytest.fixture(params=LINES)
def slow(request, ann):
    ann.driver.execute_cdp_cmd("Network.enable", {})
    ann.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
        "offline": False, "latency": 40, "downloadThroughput": LINES[request.param], "uploadThroughput": LINES[request.param]})
    return ann


def test_an_image_is_labelled_as_soon_as_it_is_there(slow, noisy):
    slow.open_label(noisy.name)
    assert [slow.answer(key) for key in "123"] == ["000.png", "001.png", "002.png"]
    slow.all_saved()
    assert noisy.labels() == {"000.png": "cat", "001.png": "dog", "002.png": "bird"}
    assert slow.image("003.png") == "003.png" and slow.console() == []


def test_a_grid_is_labelled_while_its_images_come(slow, noisy):
    slow.open(f"/ui/grid?dataset={noisy.name}")
    slow.until(lambda: len(slow.all(".cell")) == 6, "the cells")
    webdriver.ActionChains(slow.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
    slow.press("2")
    slow.until(lambda: slow.texts(".cell .text") == ["dog"] * 6, "the label shown")
    slow.all_saved()
    assert set(noisy.labels().values()) == {"dog"} and len(noisy.labels()) == 6
    slow.until(lambda: slow.script("return [...document.querySelectorAll('.cell img')].every(image => image.complete && image.naturalWidth)"), "the images")
    assert slow.console() == []
