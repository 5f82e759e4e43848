"""The first day of somebody who has never seen it, all in the browser; the server is killed in the middle, and nothing is lost."""
import io
import tarfile
import zipfile
from collections import Counter
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image
from selenium.webdriver.common.keys import Keys

from chromium import Browser
from harness import Server

PHOTOS, NAME = 300, "trees"
CUT = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")  # what Chromium says of a server that is killed


@pytest.fixture
def server(tmp_path):
    running = Server(tmp_path / "server")
    running.add_user("ada", role="admin")
    running.add_dataset("other", samples=1)
    yield running.start()
    running.stop()


@pytest.fixture
def browser(server):
    opened = []

    def browse(user):
        opened.append(Browser(server, user))
        return opened[-1]

    yield browse
    for each in opened:
        each.quit()


def start_again(server):
    done = server.command("start")
    assert done.returncode == 0, done.stderr


def photos(folder):
    folder.mkdir()
    for number in range(PHOTOS):
        Image.effect_noise((400, 300), 40 + number % 80).save(folder / f"{number:03}.jpg")
    return sorted(folder.iterdir())


def described(server):
    return server.session("ada").get(f"/v1/datasets/{NAME}").json()


def make_dataset(ada):
    ada.open("/ui/")
    ada.until(lambda: ada.find_shown("#make"), "the button")
    ada.click("#make")
    ada.until(lambda: ada.find_shown("dialog [name=name]"), "the question")
    ada.press(NAME, Keys.TAB, "oak", Keys.ENTER, "maple")
    ada.button("Make it").click()
    ada.until(lambda: f"Add images to “{NAME}”" in ada.text("#adding h2"), "where its images come from")


def upload(ada, server, files):
    ada.find("#files").send_keys("\n".join(map(str, files)))
    ada.until(lambda: described(server)["size"] >= PHOTOS // 5, "some are there")
    server.kill()
    start_again(server)
    for _ in range(10):  # as long as it goes on
        before = described(server)["size"]
        if before == PHOTOS:
            break
        ada.until(lambda: described(server)["size"] > before, "more of them")
    ada.until(lambda: ada.texts("#uploads-title") == [f"All {PHOTOS} files are there"], "all of them")


def invite(ada, server):
    ada.open("/ui/people")
    ada.until(lambda: ada.text("#audit") and ada.status == "", "people and log")
    ada.click("#invite")
    ada.press("bob", Keys.TAB, Keys.TAB, "Annotator")
    ada.button("Make the account").click()
    ada.until(lambda: len(ada.texts("dialog .secret")) == 3, "the card with the key")
    server.passwords["bob"] = ada.texts("dialog .secret")[2]


def label(bob, server):
    """The server is killed after three, of ten: those that are there already are labelled meanwhile."""
    bob.open_label(NAME)
    given = {}
    for number in range(10):
        if number == 3:
            bob.all_saved()
            server.kill()
        if number == 6:
            start_again(server)
        key = "12"[number % 2]
        given[bob.answer(key)] = ("oak", "maple")[number % 2]
    bob.all_saved()
    return given


def mend(ada, server, mistake):
    ada.open(f"/ui/grid?dataset={NAME}&by=bob")
    ada.until(lambda: len(ada.all(".cell")) == 10, "what bob labelled")
    ada.until(lambda: ada.all(f".cell[aria-label^='{mistake}']"), "the mistake")
    ada.find(f".cell[aria-label^='{mistake}']").click()
    ada.press("2")
    ada.until(lambda: len(ada.all(".cell")) == 9, "that it is mended")
    ada.all_saved()


def rename(ada):
    ada.open(f"/ui/settings?dataset={NAME}")
    ada.until(lambda: ada.all("[aria-label='Edit maple']"), "the labels")
    ada.find("[aria-label='Edit maple']").click()
    ada.until(lambda: ada.all("dialog[open]"), "the question")
    ada.press("acer", Keys.ENTER)
    ada.until(lambda: ada.all("[aria-label='Edit acer']"), "the new name")


def who_did_what(ada, mistake):
    ada.open(f"/ui/review?dataset={NAME}&show=labelled")
    ada.image(mistake)
    ada.click("#history summary")
    ada.until(lambda: len(ada.texts("#events li")) == 2, "its history")
    newest, oldest = ada.texts("#events li")
    assert newest.startswith("ada decided") and oldest.startswith("bob labelled it"), (newest, oldest)


def download(ada):
    ada.open(f"/ui/export?dataset={NAME}&format=classfolders")
    ada.until(lambda: ada.status == "" and ada.all("#result a.button"), "the file")
    link = urlsplit(ada.value_of("#result a.button", "href"))
    answer = ada.server.session("ada").get(f"{unquote(link.path)}?{link.query}")
    assert answer.status_code == 200, answer.text
    data = io.BytesIO(answer.content)
    return zipfile.ZipFile(data).namelist() if zipfile.is_zipfile(data) else tarfile.open(fileobj=io.BytesIO(answer.content)).getnames()


def test_everything_is_done_in_the_browser_and_nothing_is_lost(server, browser, tmp_path):
    files = photos(tmp_path / "photos")
    ada = browser("ada")
    make_dataset(ada)
    upload(ada, server, files)
    invite(ada, server)
    given = label(browser("bob"), server)
    mistake = next(path for path, given_label in given.items() if given_label == "oak")
    mend(ada, server, mistake)
    rename(ada)
    who_did_what(ada, mistake)
    folders = Counter(name.split("/")[-2] for name in download(ada) if name.endswith(".jpg"))
    assert folders == {"oak": 4, "acer": 6}
    dataset = described(server)
    assert dataset["size"] == PHOTOS and dataset["counts"]["labelled"] == 10
    assert [line for line in ada.console() if not any(cut in line for cut in CUT)] == []
