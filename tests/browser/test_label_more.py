"""The labelling page's further keys: back to before a reload, un-label, flags, file names, descriptions, speed, many labels."""
import pytest
from selenium.webdriver.common.keys import Keys


def api(dataset, user, method, path, **body):
    answer = dataset.server.session(user).request(method, f"/v1/datasets/{dataset.name}{path}", json=body or None)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def test_backspace_goes_back_to_what_was_labelled_before_a_reload(ann, dataset):
    ann.open_label(dataset.name)
    assert [ann.answer(key) for key in "123"] == ["000.png", "001.png", "002.png"]
    ann.all_saved()
    ann.open_label(dataset.name)
    ann.image("003.png")
    ann.until(lambda: ann.find("#back").is_enabled(), "a way back")
    ann.press(Keys.BACKSPACE)
    ann.image("002.png")
    assert ann.find("[aria-pressed=true]").get_attribute("data-label") == "bird"
    ann.press(Keys.BACKSPACE)
    ann.image("001.png")
    ann.press("1")
    ann.image("003.png")
    ann.all_saved()
    assert dataset.labels() == {"000.png": "cat", "001.png": "cat", "002.png": "bird"}


def test_where_several_are_asked_one_goes_back_to_what_one_said_oneself(browser, make_dataset):
    dataset = make_dataset(samples=4)
    api(dataset, "ada", "PATCH", "", policy={"overlap": 3})
    carl = browser("carl")  # a contributor, who could take back what anybody said
    carl.open_label(dataset.name)
    assert [carl.answer(key) for key in "123"] == ["000.png", "001.png", "002.png"]
    carl.all_saved()
    for who in ("ann", "bob"):
        dataset.classify(who, "002.png", "cat")
    carl.open_label(dataset.name)
    carl.image("003.png")
    carl.until(lambda: carl.find("#back").is_enabled(), "a way back")
    carl.press(Keys.BACKSPACE)
    carl.image("002.png")
    assert carl.find("[aria-pressed=true]").get_attribute("data-label") == "bird"
    carl.press(Keys.DELETE)
    carl.image("003.png")
    carl.press(Keys.BACKSPACE)
    carl.image("001.png")
    carl.press("1")
    carl.image("003.png")
    carl.all_saved()
    votes = [{vote["by"]: vote["label"] for vote in api(dataset, "carl", "GET", f"/samples/{id}/history")["votes"]} for id in range(3)]
    assert votes == [{"carl": "cat"}, {"carl": "cat"}, {"ann": "cat", "bob": "cat"}]
    carl.open_label(dataset.name)
    carl.until(lambda: carl.find("#back").is_enabled(), "a way back")
    carl.press(Keys.BACKSPACE)
    assert carl.image("001.png") and carl.console() == []


def test_who_has_labelled_nothing_cannot_go_back(ann, dataset):
    dataset.classify("bob", "000.png", "cat")
    ann.open_label(dataset.name)
    ann.image("001.png")
    ann.until(lambda: not ann.find("#back").is_enabled(), "no way back")
    ann.press(Keys.BACKSPACE)
    assert ann.image() == "001.png"


@pytest.mark.parametrize("key", [Keys.DELETE, "u"])
def test_a_label_is_taken_away_again_and_somebody_is_asked_for_it(ann, dataset, key):
    ann.open_label(dataset.name)
    ann.answer("1")
    ann.press(Keys.BACKSPACE)
    ann.image("000.png")
    ann.press(key)
    ann.image("001.png")
    assert "taken away" in ann.text("#hint")
    ann.all_saved()
    assert dataset.labels() == {}
    assert [event["source"] for event in api(dataset, "ann", "GET", "/samples/0/history")["items"]] == ["task", "undo"]
    assert api(dataset, "ann", "GET", "/samples/0")["state"] == "unlabelled"


def test_f_flags_with_a_note_and_takes_the_flag_away(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.press("f")
    ann.until(lambda: ann.all("dialog[open] input"), "a question")
    ann.press(*"1 or 2?", Keys.ENTER)
    ann.until(lambda: ann.text("#caption") == "000.png · ⚑ 1 or 2?", "the flag")
    ann.all_saved()
    flagged = api(dataset, "ann", "GET", "/samples/0")
    assert (flagged["flag"], flagged["flagged_by"], flagged["label"]) == ("1 or 2?", "ann", "")
    ann.click("#flag")
    ann.button("Take the flag away", "dialog").click()
    ann.until(lambda: ann.text("#caption") == "000.png", "no flag")
    ann.all_saved()
    assert api(dataset, "ann", "GET", "/samples/0")["flag"] is None
    assert dataset.labels() == {}


def test_where_letters_give_labels_commands_need_shift(ann, make_dataset):
    dataset = make_dataset(labels=[f"label{number}" for number in range(18)])
    ann.open_label(dataset.name)
    ann.image("000.png")
    assert ann.texts("#flag kbd") == ["⇧F"]
    assert ann.answer("f") == "000.png"
    ann.all_saved()
    assert dataset.labels() == {"000.png": "label15"}
    ann.press_with(Keys.SHIFT, "h")
    ann.until(lambda: ann.all("#help[open]"), "help")


def test_h_opens_help_and_n_hides_the_files_names_here_for_good(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.press("h")
    ann.until(lambda: ann.all("#help[open]"), "help")
    ann.press(Keys.ESCAPE, "n")
    ann.until(lambda: ann.text("#caption") == "", "no name")
    assert "000" not in ann.find("#image").get_attribute("alt")
    ann.open_label(dataset.name)
    ann.image("000.png")
    assert ann.text("#caption") == ""
    ann.press("n")
    ann.until(lambda: ann.text("#caption") == "000.png", "the name")


def test_a_labels_description_is_shown(ann, dataset):
    api(dataset, "carl", "PATCH", "/labels/0", description="with <b>whiskers</b>")
    ann.open_label(dataset.name)
    ann.image()
    assert ann.text("#labels small") == "with <b>whiskers</b>"


def test_speed_is_told_and_how_long_the_rest_takes(ann, make_dataset):
    dataset = make_dataset(samples=12)
    ann.open_label(dataset.name)
    for _ in range(7):
        ann.answer("1")
    ann.until(lambda: "7 this time" in ann.text("#pace") and "a minute" in ann.text("#pace") and "left" in ann.text("#pace"), "speed")


def test_of_many_labels_the_ten_used_most_have_digits(ann, make_dataset):
    dataset = make_dataset(labels=[f"label{number:02}" for number in range(25)], samples=6)
    for number in (3, 4):
        dataset.classify("bob", f"{number:03}.png", "label20")
    dataset.classify("bob", "005.png", "label17")
    ann.open_label(dataset.name)
    ann.image("000.png")
    keys = {button.get_attribute("data-label"): button.get_attribute("data-key") for button in ann.all("#labels button")}
    assert (keys["label20"], keys["label17"], keys["label00"], keys["label24"]) == ("1", "2", "3", "")
    assert ann.answer("1") == "000.png"
    ann.all_saved()
    assert dataset.labels()["000.png"] == "label20"
