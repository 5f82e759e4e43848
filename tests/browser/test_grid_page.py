"""/ui/grid: many images at once, picked, labelled, flagged and deleted together; what is shown for labelling is leased;
labels are confirmed by class."""
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

HOSTILE = ["<img src=x onerror=alert(1)>", "\"'>&amp;", "javascript:alert(1)", "ünï ☃"]


class Grid:
    """One user's grid of a dataset."""

    def __init__(self, page, dataset, query, port=None):
        self.page, self.dataset = page, dataset
        self.open(port=port, **query)

    def open(self, port=None, **query):
        self.page.open(f"/ui/grid?{urlencode({'dataset': self.dataset.name, **query})}", port=port)
        return self.rest()

    def rest(self):
        """Waits until what is shown is there, and all is saved (while something is tried again the grid is not at rest)."""
        self.page.until(lambda: self.page.status == "" and (self.page.notice or self.cells() and all(cell["src"] for cell in self.cells())),
                        "the grid at rest")
        return self

    def cells(self):
        """What the cells show that are there, in order."""
        return self.page.script(
            "return [...document.querySelectorAll('#cells:not([hidden]) .cell')].map(cell => ({ place: Number(cell.ariaPosInSet) - 1,"
            " id: Number(cell.dataset.id), picked: cell.ariaSelected === 'true', label: cell.querySelector('.text').textContent,"
            " flag: cell.querySelector('.flag').textContent, name: cell.ariaLabel, src: cell.querySelector('img').src, others: cell.classList.contains('others') }))"
            ".sort((a, b) => a.place - b.place)")

    def labels(self):
        return [cell["label"] for cell in self.cells()]

    def picked(self):
        return [cell["place"] for cell in self.cells() if cell["picked"]]

    def cell(self, place):
        return self.page.find(f"[aria-posinset='{place + 1}']")

    def click(self, *places):
        for place in places:
            self.cell(place).click()

    def shift_click(self, place):
        webdriver.ActionChains(self.page.driver).key_down(Keys.SHIFT).click(self.cell(place)).key_up(Keys.SHIFT).perform()

    def drag(self, first, last):
        """From the middle of one cell to that of another."""
        webdriver.ActionChains(self.page.driver).move_to_element(self.cell(first)).click_and_hold().move_to_element(self.cell(last)).release().perform()

    def until_labels(self, expected):
        self.page.until(lambda: self.labels() == expected and self.page.status == "", f"labels {expected}, not {self.labels()}")

    def until_picked(self, expected):
        self.page.until(lambda: self.picked() == expected, f"{expected} picked, not {self.picked()}")

    def offered(self):
        """How many Enter would confirm."""
        return int("".join(filter(str.isdigit, self.page.text("#confirm"))) or 0)

    def until_offered(self, count):
        self.page.until(lambda: self.offered() == count, f"{count} to confirm, not {self.offered()}")

    def samples(self, **query):
        return self.dataset.server.session("ada").get(f"/v1/datasets/{self.dataset.name}/samples", params={"limit": 1000, **query}).json()["items"]

    def history(self, sample):
        items = self.dataset.server.session("ada").get(f"/v1/datasets/{self.dataset.name}/samples/{sample}/history").json()["items"]
        return [(event["label"], event["by"], event["source"]) for event in items]


@pytest.fixture
def grid(browser, dataset):
    """grid(user, of=DATASET, **query): that user's grid; of a dataset of eight with the labels cat, dog and bird."""
    return lambda user, of=None, port=None, **query: Grid(browser(user), of or dataset, query, port)


def test_images_are_picked_by_mouse_labelled_at_once_and_undone_by_one_key(grid, dataset):
    ann = grid("ann")
    ann.click(0, 3, 5)
    ann.until_picked([0, 3, 5])
    ann.click(3)
    ann.until_picked([0, 5])
    ann.shift_click(4)
    ann.until_picked([0, 3, 4, 5])
    assert ann.page.text("#picked") == "4 picked"
    ann.page.find("#labels [data-label=dog]").click()
    ann.until_labels(["dog", "", "", "dog", "dog", "dog", "", ""])
    ann.until_picked([])
    assert dataset.labels() == dict.fromkeys(["000.png", "003.png", "004.png", "005.png"], "dog")
    ann.page.press(Keys.BACKSPACE)
    ann.until_labels([""] * 8)
    ann.until_picked([0, 3, 4, 5])  # to give them another label at once
    assert dataset.labels() == {}
    ann.page.press("1")
    ann.until_labels(["cat", "", "", "cat", "cat", "cat", "", ""])
    assert ann.page.console() == []


def test_a_rectangle_picks_what_it_touches(grid):
    ann = grid("ann")
    columns = ann.page.script("return [...document.querySelectorAll('.cell')].filter(cell => cell.style.transform.endsWith(' 0px)')).length")
    ann.drag(1, columns)  # from the first row's second to the second row's first
    ann.until_picked([0, 1, columns, columns + 1])
    ann.drag(1, 2)  # adds, as a click does
    ann.until_picked([0, 1, 2, columns, columns + 1])
    ann.page.press(Keys.ESCAPE)
    ann.until_picked([])


def test_everything_is_done_by_keys_alone(grid, dataset):
    ann = grid("ann")
    ann.page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, "x")
    ann.until_picked([1])
    ann.page.press_with(Keys.SHIFT, Keys.ARROW_RIGHT)
    ann.until_picked([1, 2])
    ann.page.press_with(Keys.CONTROL, " ")
    ann.until_picked([1])
    ann.page.press("2")
    ann.until_labels(["", "dog", "", "", "", "", "", ""])
    ann.page.press(Keys.HOME, "1")  # nothing picked: the image where the keys are, and on to the next
    ann.page.press("3")
    ann.until_labels(["cat", "bird", "", "", "", "", "", ""])
    ann.page.press("u", Keys.ARROW_LEFT)
    ann.page.press_with(Keys.CONTROL, "z")
    ann.until_labels(["cat", "bird", "", "", "", "", "", ""])
    ann.page.press_with(Keys.CONTROL, "a")
    ann.until_picked(list(range(8)))
    ann.page.press("u")
    ann.until_labels([""] * 8)
    assert dataset.labels() == {}
    ann.page.press_with(Keys.CONTROL, "z")
    ann.until_labels(["cat", "bird", "", "", "", "", "", ""])
    assert dataset.labels() == {"000.png": "cat", "001.png": "bird"}
    assert ann.page.console() == []


def test_an_image_is_seen_large_and_labelled_there(grid, dataset):
    ann = grid("ann")
    ann.page.press(Keys.HOME, " ")
    ann.page.image("000.png")
    assert ann.page.text("#caption") == "000.png · no label · 1 of 8"
    ann.page.press(Keys.ARROW_RIGHT)
    ann.page.image("001.png")
    ann.page.press("2")
    ann.page.image("002.png")
    ann.page.press("x", " ")
    ann.page.until(lambda: not ann.page.all("#large[open]"), "the grid again")
    ann.until_picked([2])
    ann.until_labels(["", "dog", "", "", "", "", "", ""])
    assert dataset.labels() == {"001.png": "dog"}
    webdriver.ActionChains(ann.page.driver).double_click(ann.cell(4)).perform()
    ann.page.image("004.png")
    ann.page.press(Keys.ESCAPE)
    ann.page.until(lambda: not ann.page.all("#large[open]"), "the grid again")


def test_the_filter_stands_in_the_address_and_can_be_shared(grid, dataset):
    for path, label in (("000.png", "cat"), ("003.png", "cat"), ("004.png", "dog")):
        dataset.classify("bob", path, label)
    ann = grid("ann")
    ann.page.find("#filters [name=label]").send_keys("cat")
    ann.page.until(lambda: ann.labels() == ["cat", "cat"], "the cats")
    address = ann.page.driver.current_url
    assert parse_qs(urlsplit(address).query) == {"dataset": [dataset.name], "label": ["cat"]}
    ann.page.fill("#filters [name=q]", "3.p")
    ann.page.until(lambda: ann.labels() == ["cat"] and "q=3.p" in ann.page.driver.current_url, "one cat")
    bob = grid("bob", label="cat", q="3.p")
    assert [cell["name"] for cell in bob.cells()] == ["003.png, cat"]
    assert bob.page.find("#filters [name=q]").get_attribute("value") == "3.p"
    ann.page.driver.back()
    ann.page.until(lambda: ann.page.find("#filters [name=label]").get_attribute("value") == "" and len(ann.cells()) == 8, "all again")
    ann.open(by="bob", state="labelled", flagged="false")
    assert ann.labels() == ["cat", "cat", "dog"]
    ann.open(q="nothing like it")
    assert "No image matches" in ann.page.notice
    ann.open(since="2020-02-03T12:00:00Z", by="bob")
    assert ann.page.find("#filters [name=since]").get_attribute("value") == "2020-02-03" and len(ann.cells()) == 3
    ann.page.fill("#filters [name=q]", "4.p")
    ann.page.until(lambda: ann.labels() == ["dog"] and "since=2020-02-03T12" in ann.page.driver.current_url, "the time kept with another filter")
    ann.page.script("const field = document.querySelector('#filters [name=since]'); field.value = '2999-12-31'; field.dispatchEvent(new Event('change'))")
    ann.page.until(lambda: "No image matches" in ann.page.notice and "since=2999-12-3" in ann.page.driver.current_url, "nothing labelled since")
    ann.page.button("Clear the filter").click()
    ann.page.until(lambda: len(ann.cells()) == 8, "all again")


def test_how_many_are_being_labelled_is_told_with_by_whom(grid, dataset):
    assert dataset.lease("bob", 2)
    carl = grid("carl")
    carl.page.until(lambda: carl.page.text("#work") == "· 2 being labelled now, by bob", "who is at work")
    carl = grid("carl", state="unlabelled")
    carl.page.until(lambda: dataset.counts()["leased"] == 8, "leases of the others")
    carl = grid("carl", state="unlabelled")
    carl.page.until(lambda: "being labelled now, by you and bob" in carl.page.text("#work"), "who is at work now")


def test_what_no_longer_matches_leaves_and_undo_brings_it_back(grid, dataset):
    ann = grid("ann", state="unlabelled")
    ann.page.until(lambda: dataset.counts()["leased"] == 8, "leases of all")
    ann.click(1, 2)
    ann.page.press("1")
    ann.page.until(lambda: [cell["id"] for cell in ann.rest().cells()] == [0, 3, 4, 5, 6, 7], "the others")
    assert ann.page.text("#sum") == "6 images"
    ann.page.press(Keys.BACKSPACE)
    ann.page.until(lambda: [cell["id"] for cell in ann.rest().cells()] == list(range(8)), "all again")
    ann.page.press_with(Keys.CONTROL, "a")
    ann.page.press("3")
    ann.page.notice_says("Nothing is left to label")
    ann.page.all_saved()
    assert dataset.labels() == {f"{number:03}.png": "bird" for number in range(8)}


def test_flags_are_given_with_a_note_and_taken_away(grid, dataset):
    ann = grid("ann")
    ann.click(0, 1)
    ann.page.press("f")
    ann.page.until(lambda: ann.page.all("dialog.question[open]"), "the question")
    ann.page.press("blurred?", Keys.ENTER)
    ann.page.until(lambda: [cell["flag"] for cell in ann.rest().cells()] == ["⚑", "⚑"] + [""] * 6, "two flags")
    assert [(sample["id"], sample["flag"], sample["flagged_by"]) for sample in ann.samples(flagged="true")] == [(0, "blurred?", "ann"), (1, "blurred?", "ann")]
    ann.click(0)
    ann.page.press("f")
    ann.page.until(lambda: [sample["id"] for sample in ann.samples(flagged="true")] == [1], "one flag")
    ann.rest().page.press(Keys.BACKSPACE)
    ann.page.until(lambda: [sample["flag"] for sample in ann.samples(flagged="true")] == ["blurred?", "blurred?"], "both again")
    ann.rest().page.press(Keys.BACKSPACE)
    ann.page.until(lambda: ann.samples(flagged="true") == [], "none")


def test_a_contributor_deletes_after_a_question(grid):
    assert "Delete…" not in grid("ann").page.text("#tools")
    carl = grid("carl")
    carl.click(2, 4)
    carl.page.press(Keys.DELETE)
    carl.page.until(lambda: "Delete 2 images?" in carl.page.text("dialog[open]"), "the question")
    carl.page.press(Keys.ESCAPE)
    carl.page.until(lambda: not carl.page.all("dialog[open]"), "no question")
    assert len(carl.samples()) == 8
    carl.page.find("#delete").click()
    carl.page.button("Delete 2 for good").click()
    carl.page.until(lambda: [sample["id"] for sample in carl.samples()] == [0, 1, 3, 5, 6, 7], "two less")
    assert [cell["id"] for cell in carl.rest().cells()] == [0, 1, 3, 5, 6, 7]


def test_two_people_never_label_one_page(grid, dataset):
    ann = grid("ann", state="unlabelled")
    ann.page.until(lambda: dataset.counts()["leased"] == 8, "ann's leases")
    bob = grid("bob", state="unlabelled")
    bob.page.until(lambda: [cell["label"] for cell in bob.cells()] == ["Being labelled"] * 8, "that ann labels them")
    bob.click(0, 1)
    bob.page.press_with(Keys.CONTROL, "a")
    assert bob.picked() == []
    bob.page.press("2")
    ann.click(0, 1, 2)
    ann.page.press("1")
    ann.page.until(lambda: len(dataset.labels()) == 3, "ann's labels")
    ann.page.open("/ui/")
    bob.page.until(lambda: sum(not cell["others"] and cell["label"] == "" for cell in bob.cells()) == 5, "what ann gave back")
    bob.page.press_with(Keys.CONTROL, "a")
    bob.page.press("2")
    bob.page.until(lambda: len(dataset.labels()) == 8, "bob's labels")
    assert sorted(dataset.labels().values()) == ["cat"] * 3 + ["dog"] * 5
    assert all(len(bob.history(number)) == 1 for number in range(8))


def test_what_leaves_the_screen_is_given_back(grid, make_dataset):
    many = make_dataset(samples=200)
    ann = grid("ann", of=many, state="unlabelled")

    def held():
        return [task["sample"]["id"] for task in many.server.session("ann").get(f"/v1/datasets/{many.name}/tasks").json()["tasks"]]

    def what_is_shown_is_held():
        return sorted(held()) == ann.page.script(
            "const rows = [...document.querySelectorAll('#cells .cell')].map(cell => ({ id: Number(cell.dataset.id), top: cell.getBoundingClientRect().top }));"
            "const tops = [...new Set(rows.map(({ top }) => top))].sort((a, b) => a - b), each = tops[1] - tops[0];"
            "return rows.filter(({ top }) => top + each > 0 && top < innerHeight).map(({ id }) => id).sort((a, b) => a - b)")

    ann.page.until(what_is_shown_is_held, "the first ones held")
    assert 0 in held() and max(held()) < 100
    ann.page.press(Keys.END)
    ann.page.until(lambda: 199 in held() and what_is_shown_is_held(), "the last ones held instead")
    assert 0 not in held()
    ann.page.open("/ui/")
    ann.page.until(lambda: held() == [], "all given back")


def test_scrolling_on_makes_no_further_elements(grid, make_dataset):
    ann = grid("ann", make_dataset(samples=60))

    def through():
        for pixels in (37, 400, 1000, 10_000, 900, 0):
            ann.page.script("scrollTo(0, arguments[0])", pixels)
            ann.page.until(lambda: ann.page.script("return scrollY") == pixels or pixels == 10_000, "the place")
            ann.rest()

    through()
    ann.page.script("window.made = 0; const make = document.createElement; document.createElement = function (...as) { made++; return make.apply(this, as); }")
    through()
    assert ann.page.script("return made") == 0
    assert [cell["id"] for cell in ann.cells()] == list(range(len(ann.cells())))


def test_a_class_is_confirmed_the_wrong_ones_clicked_away(grid, dataset):
    for number in range(7):
        dataset.classify("bob", f"{number:03}.png", "cat" if number < 5 else "dog")
    ann = grid("ann", label="cat")
    ann.page.button("Confirm “cat”").click()
    ann.page.until(lambda: ann.rest().page.text("h1") == "Confirm “cat”" and len(ann.cells()) == 5, "the cats")
    assert "recorded as your decision" in ann.page.text("#task")
    ann.click(1, 3)
    ann.page.until(lambda: ann.labels() == ["cat", "not cat", "cat", "not cat", "cat"], "two wrong")
    ann.click(3)
    ann.click(4)
    ann.page.press("2")  # that one is a dog
    ann.page.until(lambda: ann.history(1) == [("cat", "bob", "classify"), ("dog", "ann", "label")] and ann.history(4)[1:] == [("dog", "ann", "label")], "two dogs")
    ann.page.press(Keys.BACKSPACE)
    ann.page.until(lambda: len(ann.rest().cells()) == 5, "cats again")
    ann.click(1)
    ann.until_offered(4)
    ann.page.press(Keys.ENTER)
    ann.page.notice_says("No “cat” is left to confirm")
    ann.page.all_saved()
    assert [ann.history(number)[-1] for number in (0, 1, 2, 3, 4)] == [("cat", "ann", "label"), ("", "ann", "label")] + [("cat", "ann", "label")] * 3
    ann.open(label="cat", confirm="true")
    ann.page.notice_says("No “cat” is left to confirm")  # what was confirmed does not come again
    ann.page.button("Next: dog (2)").send_keys(Keys.ENTER)
    ann.page.until(lambda: ann.page.text("h1") == "Confirm “dog”" and ann.labels() == ["dog", "dog"], "the dogs")


def test_one_key_confirms_and_one_undoes_it(grid, dataset):
    for number in range(8):
        dataset.classify("bob", f"{number:03}.png", "cat")
    ann = grid("ann", label="cat", confirm="true")
    ann.click(2)
    ann.until_offered(7)
    ann.page.press(Keys.ENTER)
    ann.page.notice_says("No “cat” is left to confirm")
    ann.page.all_saved()
    assert [sample["labelled_by"] for sample in ann.samples()] == ["ann", "ann", None, "ann", "ann", "ann", "ann", "ann"]
    ann.page.press(Keys.BACKSPACE)
    ann.until_labels(["cat"] * 8)
    assert {sample["labelled_by"] for sample in ann.samples(label="cat")} == {"bob"}


def test_enter_confirms_only_what_was_seen(grid, make_dataset):
    many = make_dataset(samples=100)
    many.server.session("ada").post(f"/v1/datasets/{many.name}/samples/label", json={"ids": list(range(100)), "label": "cat"}).raise_for_status()
    ann = grid("ann", of=many, label="cat", confirm="true")
    ann.page.until(ann.offered, "some to confirm")
    seen = ann.offered()
    assert seen < 100
    ann.page.script("for (const key of ['Enter', 'Enter']) document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))")
    ann.page.until(lambda: ann.page.text("#sum") == f"{100 - seen} images", "those confirmed that were seen")
    assert ann.page.text("#picked") == f"{seen} images confirmed as “cat”"
    ann.page.all_saved()
    assert len(ann.samples(by="ann")) == seen


def test_where_several_are_asked_a_label_is_one_answer(grid, dataset):
    assert dataset.server.session("ada").patch(f"/v1/datasets/{dataset.name}", json={"policy": {"overlap": 2}}).status_code == 200
    ann = grid("ann", state="unlabelled")
    ann.page.until(lambda: dataset.counts()["leased"] == 8, "leases")
    ann.click(0, 1)
    ann.page.press("1")
    ann.page.until(lambda: [cell["id"] for cell in ann.rest().cells()] == [2, 3, 4, 5, 6, 7], "the others")
    assert (ann.history(0), dataset.labels()) == ([("cat", "ann", "task")], {})
    ann.page.press(Keys.BACKSPACE)
    ann.page.until(lambda: ann.history(0)[1:] == [("", "ann", "undo")], "it is taken back")


def test_labels_wait_in_the_browser_while_the_server_is_away_and_outlive_the_page(grid, dataset):
    ann = grid("ann")
    ann.page.offline()
    ann.click(0, 1, 2)
    ann.page.press("1")
    ann.page.until(lambda: ann.labels()[:3] == ["cat"] * 3, "the labels")
    ann.page.status_says("3 changes kept in this browser")
    assert dataset.labels() == {}
    ann.page.online()
    ann.page.until(lambda: len(dataset.labels()) == 3, "that they are sent")
    ann.page.all_saved()
    ann.page.block("*/samples/label")
    ann.click(4)
    ann.page.press("2")
    ann.page.status_says("1 change kept in this browser")
    ann.page.open("/ui/")  # the tab is closed
    ann.page.block()
    ann.open()
    ann.until_labels(["cat", "cat", "cat", "", "dog", "", "", ""])
    assert dataset.labels()["004.png"] == "dog" and len(ann.history(4)) == 1


def test_what_was_not_sent_yet_is_undone_without_the_server(grid, dataset):
    ann = grid("ann")
    ann.page.block("*/samples/label")
    ann.click(0)
    ann.page.press("1")
    ann.page.until(lambda: ann.labels()[0] == "cat", "the label")
    ann.click(1)
    ann.page.press("2", Keys.BACKSPACE)
    ann.page.until(lambda: ann.labels()[:2] == ["cat", ""], "one label")
    ann.page.block()
    ann.page.all_saved()
    assert dataset.labels() == {"000.png": "cat"} and ann.history(1) == []


def test_a_label_whose_answer_was_lost_is_given_once(grid, dataset, relay):
    ann = grid("ann", port=relay.port)
    relay.lose(b"/samples/label ")
    ann.click(0, 1)
    ann.page.press("1")
    ann.until_labels(["cat", "cat"] + [""] * 6)
    assert relay.lost.is_set() and ann.history(0) == [("cat", "ann", "label")]
    relay.lose(b"/samples/undo ")
    ann.page.press(Keys.BACKSPACE)
    ann.until_labels([""] * 8)
    assert ann.history(0) == [("cat", "ann", "label"), ("", "ann", "undo")]


def test_undo_leaves_what_someone_else_changed_meanwhile(grid, dataset):
    ann = grid("ann")
    ann.click(0, 1)
    ann.page.press("1")
    ann.until_labels(["cat", "cat"] + [""] * 6)
    dataset.classify("bob", "001.png", "dog")
    ann.page.press(Keys.BACKSPACE)
    ann.page.until(lambda: "1 image was changed by someone else" in ann.page.toasts, "that one is left")
    ann.until_labels(["", "dog"] + [""] * 6)
    assert dataset.labels() == {"001.png": "dog"}


def test_what_was_deleted_meanwhile_does_not_stop_the_others(grid, dataset):
    ann = grid("ann")
    ann.click(0, 1)
    assert dataset.server.session("carl").delete(f"/v1/datasets/{dataset.name}/samples/1").status_code == 204
    ann.page.press("1")
    ann.page.until(lambda: dataset.labels() == {"000.png": "cat"}, "the label of the other one")
    ann.page.until(lambda: [cell["id"] for cell in ann.cells()] == [0, 2, 3, 4, 5, 6, 7], "seven")


def test_a_label_that_was_removed_meanwhile_is_said(grid, dataset):
    ann = grid("ann")
    carl = dataset.server.session("carl")
    key = carl.get(f"/v1/datasets/{dataset.name}").json()["labels"][2]["key"]
    assert carl.delete(f"/v1/datasets/{dataset.name}/labels/{key}").status_code == 204
    ann.click(0)
    ann.page.press("3")
    ann.page.until(lambda: "could not be changed" in ann.page.toasts and ann.labels() == [""] * 8, "that it was refused")


def touch(page, kind, x=None, y=None):
    points = [] if x is None else [{"x": x, "y": y}]
    page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def tap(page, element, until=None):
    """Touches the middle of an element, until something is so."""
    where = page.script("const { x, y, width, height } = arguments[0].getBoundingClientRect(); return [x + width / 2, y + height / 2]", element)
    touch(page, "touchStart", *where)
    if until:
        page.until(until, "a long touch to do something")
    touch(page, "touchEnd")


def test_by_touch_a_long_one_picks_then_each_tap(grid, dataset):
    ann = grid("ann")
    ann.page.emulate("setTouchEmulationEnabled", enabled=True, maxTouchPoints=1)
    ann.page.emulate("setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True)
    try:
        ann.open()
        tap(ann.page, ann.cell(0))
        ann.page.image("000.png")  # nothing is picked: it is shown large
        tap(ann.page, ann.page.find("#large-close"))
        ann.page.until(lambda: not ann.page.all("#large[open]"), "the grid again")
        tap(ann.page, ann.cell(1), until=lambda: ann.picked() == [1])
        tap(ann.page, ann.cell(2))
        ann.until_picked([1, 2])
        tap(ann.page, ann.page.find("#labels [data-label=cat]"))
        ann.page.until(lambda: dataset.labels() == {"001.png": "cat", "002.png": "cat"}, "the labels")
        tap(ann.page, ann.page.find("#undo"))
        ann.page.until(lambda: dataset.labels() == {}, "none")
    finally:
        ann.page.emulate("setTouchEmulationEnabled", enabled=False)
        ann.page.as_it_was()


def test_hostile_labels_and_file_names_are_only_text(grid, make_dataset):
    names = ["<b>bold<b>.png", "a&amp;b.png", "'\".png", "100%.png"]
    hostile = make_dataset(labels=HOSTILE, samples=names)
    ann = grid("ann", of=hostile)
    assert [cell["name"] for cell in ann.cells()] == [f"{name}, no label" for name in sorted(names)]
    for place, key in enumerate("1234"):
        ann.click(place)
        ann.page.press(key)
    ann.until_labels(HOSTILE)
    assert sorted(hostile.labels().values()) == sorted(HOSTILE)
    ann.open(label=HOSTILE[0], confirm="true")
    assert ann.page.text("h1") == f"Confirm “{HOSTILE[0]}”" and ann.labels() == HOSTILE[:1]
    assert not ann.page.all("main b, #cells img[onerror]") and ann.page.console() == []


def test_with_many_labels_one_is_found_by_typing(grid, make_dataset):
    many = make_dataset(labels=[f"kind {number}" for number in range(30)])
    ann = grid("ann", of=many)
    ann.click(0, 1)
    ann.page.press("kind 27", Keys.ENTER)
    ann.page.until(lambda: many.labels() == {"000.png": "kind 27", "001.png": "kind 27"}, "the label")
    ann.click(2)
    ann.page.press(Keys.ARROW_RIGHT)  # the keys are the grid's again
    ann.open()
    assert ann.page.find("#labels [data-key='1']").get_attribute("data-label") == "kind 27"  # the one used most, as on the labelling page


def test_who_may_only_look_looks(grid, dataset):
    vera = grid("vera")
    assert vera.page.text("#tools") == "" and len(vera.cells()) == 8
    vera.click(0)
    vera.page.image("000.png")
    vera.page.press(Keys.ESCAPE)
    vera.page.press("1", "u", Keys.DELETE)
    vera.open(state="unlabelled")
    assert dataset.counts()["leased"] == 0 and dataset.labels() == {}


def test_what_others_label_is_seen(grid, dataset):
    ann = grid("ann")
    dataset.classify("bob", "002.png", "bird")
    ann.until_labels(["", "", "bird", "", "", "", "", ""])


def test_the_size_of_the_images_is_chosen_and_kept(grid):
    ann = grid("ann")
    width = ann.cell(0).size["width"]
    ann.page.press("+")
    ann.page.until(lambda: ann.cell(0).size["width"] > width, "larger images")
    larger = ann.cell(0).size["width"]
    ann.open()
    assert ann.cell(0).size["width"] == larger


def test_what_is_not_there_is_said(browser, make_dataset):
    ann = browser("ann").open("/ui/grid?dataset=nosuch")
    ann.notice_says("It is not there")
    empty = make_dataset(samples=1)
    assert empty.server.session("carl").delete(f"/v1/datasets/{empty.name}/samples/0").status_code == 204
    ann.open(f"/ui/grid?dataset={empty.name}")
    ann.notice_says("No images yet")


def test_while_leases_cannot_be_had_it_is_tried_less_and_less_often(grid, make_dataset):
    dataset = make_dataset()
    ann = grid("ann", of=dataset, state="unlabelled")
    ann.page.until(lambda: dataset.counts()["leased"] == 8, "leases")
    ann.page.block("*/tasks", "*/release")
    ann.page.open(f"/ui/grid?dataset={dataset.name}&state=unlabelled")
    ann.page.status_says("Trying again")
    tried = "return performance.getEntriesByType('resource').filter(entry => entry.name.endsWith('/tasks')).length"
    ann.page.until(lambda: ann.page.script(tried) >= 3, "a few attempts")
    assert ann.page.script(tried) < 8
    ann.page.block()
    ann.page.until(lambda: ann.page.status == "" and dataset.counts()["leased"] == 8, "leases again")
