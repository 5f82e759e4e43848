"""/ui/: the datasets, their progress, who works on them, and where one can go from there."""
import pytest
from selenium.webdriver.common.keys import Keys


def row(page, name):
    """The row of a dataset, once it also tells what goes on."""
    page.until(lambda: page.status == "" and name in page.texts("#datasets h2"), f"a row of {name}")
    return next(found for found in page.all("#datasets > li") if found.find_element("css selector", "h2").text == name)


def doors(found):
    return [link.text for link in found.find_elements("css selector", ".doors a")]


def test_shows_each_dataset_with_its_progress_and_who_is_looking(ann, dataset):
    dataset.classify("bob", "000.png", "cat")
    dataset.classify("bob", "001.png", "dog")
    ann.open("/ui/")
    found = row(ann, dataset.name)
    assert "2 of 8 labelled" in found.text and "25 %" in found.text
    assert all(label in found.text for label in ("cat", "dog", "bird"))
    assert "last label just now by bob" in found.text
    progress = found.find_element("css selector", "progress")
    assert (progress.get_attribute("value"), progress.get_attribute("max")) == ("2", "8")
    assert ann.script("return document.querySelector('#user').textContent") == "ann"
    assert ann.status == ""


def test_shows_a_picture_of_it_and_who_is_at_work(ann, dataset):
    assert dataset.lease("bob", 2)
    found = row(ann.open("/ui/"), dataset.name)
    assert "2 being labelled now, by bob" in found.text
    assert dataset.lease("ann", 1)
    found = row(ann.open("/ui/"), dataset.name)
    assert "3 being labelled now, by you and bob" in found.text
    ann.until(lambda: "being labelled now, by you" in ann.text("#sum"), "the same of all datasets")
    ann.script("arguments[0].scrollIntoView()", found)  # a picture is loaded where it is seen
    ann.until(lambda: ann.script("return arguments[0].querySelector('img').naturalWidth", found), "the picture")


def test_tells_of_images_that_cannot_be_read(ann, make_dataset):
    dataset = make_dataset(samples=3)
    (ann.server.images / dataset.name / "000.png").unlink()
    assert len(dataset.lease("bob", 3)) == 2
    assert "1 unreadable" in row(ann.open("/ui/"), dataset.name).text


def test_leads_to_labelling(ann, make_dataset):
    dataset = make_dataset(name="odd & name #1 ü")
    row(ann.open("/ui/"), dataset.name).find_element("css selector", "h2 a").click()
    assert ann.image() == "000.png"
    assert ann.text("h1") == dataset.name


@pytest.mark.parametrize("user, seen", [
    ("vera", ["Grid", "Review", "Stats", "Export"]),
    ("ann", ["Label", "Grid", "Review", "Stats", "Export"]),
    ("carl", ["Label", "Grid", "Review", "Stats", "Upload", "Export", "Settings"]),
    ("ada", ["Label", "Grid", "Review", "Stats", "Upload", "Export", "Settings"]),
])
def test_offers_what_one_may_do_and_nothing_else(browser, dataset, user, seen):
    page = browser(user).open("/ui/")
    assert doors(row(page, dataset.name)) == seen
    assert bool(page.find_shown("#make")) == (user == "ada")
    assert ("People" in page.text("#nav")) == (user == "ada")


def test_html_in_names_is_only_text(ann, make_dataset):
    name, label = "<b>bold<b> <script>window.harm = 1<script>", "<img src=x onerror='window.harm = 1'>"
    make_dataset(name=name.replace("/", ""), labels=(label, "&amp;"))
    found = row(ann.open("/ui/?q=%3Cb%3Ebold"), name)
    assert label in found.get_attribute("textContent") and "&amp;" in found.text
    assert ann.script("return window.harm") is None
    assert ann.console() == []


def test_without_datasets_says_who_can_help(browser):
    newt = browser("newt").open("/ui/")
    newt.notice_says("No datasets yet")
    assert "None was shared with newt" in newt.notice
    assert newt.all("#datasets > li") == []


def test_an_unreachable_server_is_said_and_tried_again(ann, dataset):
    ann.block("*/v1/*")
    ann.open("/ui/")
    ann.notice_says("No connection")
    ann.block()
    ann.button("Try again").click()
    row(ann, dataset.name)
    assert ann.notice == ""


def test_many_are_searched_and_sorted_and_the_address_keeps_it(ann, make_dataset):
    for number in range(9):
        make_dataset(name=f"sought {number}", samples=number + 1)
    ann.open("/ui/")
    row(ann, "sought 0")
    ann.press("/", "sought")
    ann.until(lambda: len(ann.all("#datasets > li")) == 9, "those with the word in their names")
    ann.script("const sort = document.querySelector('#sort'); sort.value = 'size'; sort.dispatchEvent(new Event('change'))")
    assert ann.texts("#datasets h2")[0] == "sought 8"
    ann.driver.refresh()
    row(ann, "sought 0")
    assert ann.texts("#datasets h2") == [f"sought {number}" for number in reversed(range(9))]
    ann.fill("#search", "no such thing")
    ann.until(lambda: "No dataset has “no such thing” in its name." in ann.text("#sum"), "that nothing is found")


def test_an_admin_makes_one_by_keys_alone_and_lets_someone_in(ada, browser):
    ada.open("/ui/")
    ada.until(lambda: ada.find_shown("#make"), "the button")
    ada.find("#make").send_keys(Keys.ENTER)
    ada.until(lambda: ada.find_shown("dialog [name=name]"), "the question")
    ada.press("made here", Keys.TAB, "oak", Keys.ENTER, "maple, birch")
    newt = next(field for field in ada.all("dialog .field") if field.text.startswith("newt"))
    newt.find_element("css selector", "select").send_keys("Annotator")
    ada.button("Make it").send_keys(Keys.ENTER)
    ada.until(lambda: "Add images to “made here”" in ada.text("#adding h2"), "where its images come from")
    assert [each.get_attribute("textContent") for each in ada.all("#drop option")] == ["No label", "oak", "maple", "birch"]
    assert doors(row(browser("newt").open("/ui/"), "made here")) == ["Label", "Grid", "Review", "Stats", "Export"]
    session = ada.server.session("ada")
    assert session.delete("/v1/datasets/made here").status_code == 204
    assert session.patch("/v1/users/newt", json={"datasets": {"demo": "none"}}).status_code == 200


def test_a_name_that_is_taken_is_said_where_it_was_entered(ada, dataset):
    ada.open("/ui/")
    ada.click("#make")
    ada.fill("dialog [name=name]", dataset.name)
    ada.button("Make it").click()
    ada.until(lambda: dataset.name in ada.text("dialog [role=alert]"), "what is wrong")
    assert ada.find("dialog [name=name]").get_attribute("value") == dataset.name
    ada.press(Keys.ESCAPE)
    ada.until(lambda: not ada.all("dialog"), "the dialog closed")


def test_is_built_for_everyone(ann):
    ann.open("/ui/?q=demo")
    row(ann, "demo")
    assert ann.script("return document.documentElement.lang") == "en"
    assert len(ann.all("main")) == 1
    assert ann.driver.title
    assert ann.script("return [...document.querySelectorAll('#datasets progress')].every(p => p.ariaLabel)")
    assert ann.console() == []
