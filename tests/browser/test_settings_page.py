"""/ui/settings: the labels of a dataset, how it is worked on, and its end."""
import pytest
from selenium.webdriver.common.keys import Keys


def names(page):
    return page.texts("#parts h3")


@pytest.fixture
def settings(browser, dataset):
    """settings(user): that user's page of a dataset with the labels cat, dog and bird."""

    def open_it(user):
        page = browser(user).open(f"/ui/settings?dataset={dataset.name}")
        page.until(lambda: page.status == "" and (names(page) or page.notice), "the labels")
        return page

    return open_it


def labels(dataset):
    return dataset.server.session("ada").get(f"/v1/datasets/{dataset.name}").json()["labels"]


def press_button(page, name):
    page.button(name).send_keys(Keys.ENTER)


def test_labels_are_added_and_renamed_by_keys_alone(settings, dataset):
    dataset.classify("bob", "000.png", "cat")
    carl = settings("carl")
    press_button(carl, "Add labels…")
    carl.press("fish", Keys.ENTER, "<b>cow</b>", Keys.TAB, Keys.TAB, Keys.ENTER)
    carl.until(lambda: names(carl) == ["cat", "dog", "bird", "fish", "<b>cow</b>"], "the new ones")
    press_button(carl, "Edit cat")
    assert "1 image has it" in carl.text("dialog")
    carl.press("tabby", Keys.ENTER)
    carl.until(lambda: names(carl)[0] == "tabby", "the new name")
    assert "“cat” is now “tabby”." in carl.toasts
    assert dataset.labels() == {"000.png": "tabby"}
    assert carl.console() == []


def test_a_colour_and_a_description_are_kept_and_shown_to_who_labels(settings, dataset, browser):
    carl = settings("carl")
    press_button(carl, "Edit dog")
    carl.script(
        "const field = document.querySelector('dialog [type=color]'); field.value = '#112233'; field.dispatchEvent(new Event('input'))")
    carl.fill("dialog [name=description]", "also wolves")
    carl.button("Save").click()
    carl.until(lambda: "also wolves" in carl.text("#parts"), "the description")
    assert [(each["colour"], each["description"]) for each in labels(dataset)][1] == ("#112233", "also wolves")
    press_button(carl, "Edit dog")
    carl.find("dialog .tick input").click()
    carl.button("Save").click()
    carl.until(lambda: labels(dataset)[1]["colour"] is None, "no colour of its own")


def test_the_order_changes_by_keys_and_the_focus_stays(settings, dataset):
    carl = settings("carl")
    press_button(carl, "Move up bird")
    carl.until(lambda: names(carl) == ["cat", "bird", "dog"], "bird second")
    carl.press(Keys.ENTER)
    carl.until(lambda: names(carl) == ["bird", "cat", "dog"], "bird first")
    press_button(carl, "Move down bird")
    carl.until(lambda: names(carl) == ["cat", "bird", "dog"], "bird second again")
    assert [each["name"] for each in labels(dataset)] == ["cat", "bird", "dog"]


def test_a_merge_says_what_it_will_change_and_does_it(settings, dataset):
    for filepath, label in (("000.png", "cat"), ("001.png", "cat"), ("002.png", "dog")):
        dataset.classify("bob", filepath, label)
    carl = settings("carl")
    press_button(carl, "Merge cat")
    assert "2 images labelled “cat” will be “dog”, which then has 3." in carl.text("dialog")
    carl.button("Merge", within="dialog").click()
    carl.until(lambda: names(carl) == ["dog", "bird"], "cat gone")
    assert set(dataset.labels().values()) == {"dog"}


def test_a_label_in_use_is_not_removed_and_what_to_do_is_said(settings, dataset):
    dataset.classify("bob", "000.png", "cat")
    carl = settings("carl")
    press_button(carl, "Remove cat")
    assert "Merge it into another label instead" in carl.text("dialog")
    carl.press(Keys.ESCAPE)
    press_button(carl, "Remove dog")
    carl.button("Remove", within="dialog").click()
    carl.until(lambda: names(carl) == ["cat", "bird"], "dog gone")


def test_a_name_that_is_taken_is_refused_and_what_was_entered_stays(settings):
    carl = settings("carl")
    press_button(carl, "Edit cat")
    carl.fill("dialog [name=name]", "dog")
    carl.button("Save").click()
    carl.until(lambda: "dog" in carl.text("dialog [role=alert]"), "what is wrong")
    assert carl.find("dialog [name=name]").get_attribute("value") == "dog"
    carl.press(Keys.ESCAPE)


def test_the_policy_is_changed_by_an_admin(settings, dataset):
    ada = settings("ada")
    ada.fill("[name=overlap]", "3")
    ada.fill("[name=lease]", "2.5")
    ada.find("[name=skip]").send_keys("Is set")
    ada.fill("[name=gold]", "5")
    assert "Not saved yet." in ada.text("#parts")
    ada.button("Save").click()
    ada.until(lambda: "Saved." in ada.toasts, "that it is saved")
    policy = ada.server.session("ada").get(f"/v1/datasets/{dataset.name}").json()["policy"]
    assert (policy["overlap"], policy["lease_seconds"], policy["skip"], policy["gold_rate"]) == (3, 150, "ignore", 5)


def test_who_may_not_change_it_reads_it_in_plain_words(settings):
    carl = settings("carl")
    assert "One person labels each image." in carl.text("#parts") and "known answers" in carl.text("#parts")
    assert not carl.all("[name=overlap]") and "Delete" not in carl.text("#parts")
    vera = settings("vera")
    assert names(vera) == ["cat", "dog", "bird"] and not vera.all("#parts button")


def test_it_is_deleted_once_its_name_is_typed(settings, dataset):
    ada = settings("ada")
    ada.button("Delete this dataset…").click()
    ada.press("no", Keys.ENTER)
    ada.until(lambda: "Its name is" in ada.text("dialog [role=alert]"), "that the name is another one")
    assert ada.server.session("ada").get(f"/v1/datasets/{dataset.name}").status_code == 200
    ada.fill("dialog input", dataset.name)
    ada.press(Keys.ENTER)
    ada.until(lambda: ada.driver.current_url.endswith("/ui/"), "the list")
    assert ada.server.session("ada").get(f"/v1/datasets/{dataset.name}").status_code == 404


def test_a_change_outlives_an_answer_that_was_lost(browser, dataset, relay):
    ada = browser("ada").open(f"/ui/settings?dataset={dataset.name}", port=relay.port)
    ada.until(lambda: names(ada), "the labels")
    relay.lose(b"/labels ")
    press_button(ada, "Add labels…")
    ada.press("fish", Keys.TAB, Keys.TAB, Keys.ENTER)
    ada.until(lambda: names(ada) == ["cat", "dog", "bird", "fish"], "the new one")
    assert relay.lost.is_set()
    assert [each["name"] for each in labels(dataset)] == ["cat", "dog", "bird", "fish"]


def test_what_is_not_there_is_said(browser):
    ada = browser("ada").open("/ui/settings?dataset=nosuch")
    ada.notice_says("It is not there")
    ada.button("All datasets").click()
    ada.until(lambda: ada.driver.current_url.endswith("/ui/"), "the list")
