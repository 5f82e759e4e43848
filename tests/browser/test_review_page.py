"""/ui/review: what people disagree on, or ask to look at, decided by keys; and the same to look at for who may not."""
import pytest
from selenium.webdriver.common.keys import Keys


def api(dataset, user, method, path, **body):
    answer = dataset.server.session(user).request(method, f"/v1/datasets/{dataset.name}{path}", json=body or None)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


def review(page, dataset, **query):
    page.open(f"/ui/review?dataset={dataset.name}" + "".join(f"&{name}={value}" for name, value in query.items()))
    return page


@pytest.fixture
def disputed(make_dataset):
    """Of six images two are outvoted (000, 001), one is a tie (002), one is flagged (003), one is agreed on (004)."""
    dataset = make_dataset(samples=6)
    api(dataset, "ada", "PATCH", "", policy={"overlap": 2, "overlap_max": 3})
    said = {0: ("cat", "dog", "cat"), 1: ("dog", "bird", "bird"), 2: ("cat", "dog", "bird"), 4: ("cat", "cat")}
    for number, labels in said.items():
        for who, label in zip(("ann", "bob", "carl"), labels):
            dataset.classify(who, f"{number:03}.png", label)
    api(dataset, "bob", "PUT", "/samples/3/flag", note="is this <b>a cat</b>?")
    return dataset


def queues(page):
    return page.script("return [...document.querySelectorAll('#queue option')].map(each => each.textContent)")


def test_what_somebody_has_to_look_at_is_counted_and_the_first_of_it_shown(browser, disputed):
    carl = review(browser("carl"), disputed)
    carl.image("000.png")
    assert [text for text in queues(carl) if "(0)" not in text] == [
        "Disagreements (2)", "Ties (1)", "Flagged (1)", "All that is labelled (3)", "All images (6)"]
    assert carl.text("#label") == "cat"
    carl.until(lambda: len(carl.all("#votes > li")) == 2, "votes side by side")
    assert [line.split("\n")[0] for line in carl.texts("#votes > li")] == ["cat", "dog"]
    assert "ann" in carl.texts("#votes > li")[0] and "bob" in carl.texts("#votes > li")[1] and "just now" in carl.texts("#votes > li")[0]
    assert carl.console() == []


def test_a_key_decides_enter_agrees_and_the_next_one_comes(browser, disputed):
    carl = review(browser("carl"), disputed)
    assert carl.answer(Keys.ENTER) == "000.png"
    assert carl.answer_last("2") == "001.png"
    carl.all_saved()
    assert disputed.labels()["000.png"] == "cat" and disputed.labels()["001.png"] == "dog"
    carl.notice_says("That was the last one")
    assert api(disputed, "carl", "GET", "/samples?disputed=true&state=labelled")["items"] == []
    carl.press(Keys.BACKSPACE)
    carl.image("001.png")
    carl.all_saved()
    carl.until(lambda: disputed.labels()["001.png"] == "bird", "the decision taken back")
    assert [item["id"] for item in api(disputed, "carl", "GET", "/samples?disputed=true&state=labelled")["items"]] == [1]


def test_a_tie_waits_for_a_label_and_a_flag_is_settled_by_enter(browser, disputed):
    carl = review(browser("carl"), disputed, show="ties")
    carl.image("002.png")
    assert carl.text("#label") == "a tie" and not carl.find("#agree").is_enabled()
    carl.press(Keys.ENTER, "3")
    carl.notice_says("That was the last one")
    carl.all_saved()
    assert disputed.labels()["002.png"] == "bird"
    review(carl, disputed, show="flagged")
    carl.image("003.png")
    assert carl.text("#flag") == "⚑ is this <b>a cat</b>? · bob"
    carl.press(Keys.ENTER)
    carl.notice_says("That was the last one")
    carl.all_saved()
    assert api(disputed, "carl", "GET", "/samples/3")["flag"] is None and "003.png" not in disputed.labels()
    carl.press(Keys.BACKSPACE)
    carl.image("003.png")
    carl.all_saved()
    assert api(disputed, "carl", "GET", "/samples/3")["flag"] == "is this <b>a cat</b>?"


def test_the_mouse_does_the_same(browser, disputed):
    carl = review(browser("carl"), disputed)
    carl.image("000.png")
    carl.label_button("dog").click()
    carl.image("001.png")
    carl.click("#agree")
    carl.notice_says("That was the last one")
    carl.all_saved()
    assert (disputed.labels()["000.png"], disputed.labels()["001.png"]) == ("dog", "bird")
    carl.click("#back")
    carl.image("001.png")
    carl.click("summary")
    carl.until(lambda: "carl decided bird" in carl.text("#events"), "the decision in the history")
    carl.click("#undo")
    carl.until(lambda: "taken back" in carl.text("#events"), "it is taken back")
    assert [event["taken_back"] for event in api(disputed, "carl", "GET", "/samples/1/history")["items"]][-2:] == [True, False]


def test_known_answers_that_were_missed_are_for_contributors(browser, make_dataset):
    dataset = make_dataset(samples=3)
    api(dataset, "carl", "PUT", "/samples/0/gold", label="cat")
    dataset.classify("ann", "000.png", "dog")
    ann = review(browser("ann"), dataset)
    ann.image()
    assert not any("Known" in text for text in queues(ann))
    carl = review(browser("carl"), dataset)
    carl.image("000.png")
    assert "Known answers missed (1)" in queues(carl) and carl.text("#label") == "cat"
    carl.press("2")
    carl.notice_says("That was the last one")
    carl.all_saved()
    assert api(dataset, "carl", "GET", "/samples?gold=true&disputed=true")["items"] == []


def test_a_persons_last_labels_come_newest_first(browser, make_dataset):
    dataset = make_dataset(samples=6)
    for number in (4, 1, 3):
        dataset.classify("ann", f"{number:03}.png", "cat")
    dataset.classify("bob", "002.png", "dog")
    carl = review(browser("carl"), dataset, by="ann")
    carl.image("003.png")
    assert carl.text("#count") == "1 of 3"
    for following in ("001.png", "004.png"):
        carl.press(Keys.ENTER)
        carl.image(following)
    assert dataset.labels() == {"001.png": "cat", "002.png": "dog", "003.png": "cat", "004.png": "cat"}


def test_a_persons_last_labels_are_those_that_decided_nothing_too(browser, disputed):
    disputed.classify("ann", "005.png", "bird")
    carl = review(browser("carl"), disputed, by="ann")
    for number in (5, 4, 2, 1, 0):
        carl.image(f"{number:03}.png")
        carl.press(Keys.ENTER)
    carl.notice_says("That was the last one")
    bob = review(browser("bob"), disputed, by="bob")
    for number in (4, 2, 1, 0):
        bob.image(f"{number:03}.png")
        bob.press(Keys.ARROW_RIGHT)
    review(bob, disputed, by="carl")  # of others' only what decided something
    bob.image("001.png")
    assert bob.text("#count") == "1 of 2" and "whose label is carl's" in bob.text("#hint")
    assert carl.console() == bob.console() == []


def test_where_several_are_asked_who_labels_only_looks(browser, disputed):
    ann = review(browser("ann"), disputed, show="disagreements")
    ann.image("000.png")
    assert not ann.find("#labels").is_displayed() and not ann.find("#agree").is_displayed()
    ann.press("2", Keys.ENTER, Keys.ARROW_RIGHT)
    ann.image("001.png")
    assert disputed.labels()["000.png"] == "cat"


def test_what_someone_else_changed_meanwhile_stays_and_is_said(browser, disputed):
    carl = review(browser("carl"), disputed)
    carl.image("000.png")
    api(disputed, "ada", "POST", "/samples/0/label", label="bird")
    carl.press("2")
    carl.until(lambda: "000.png was not changed" in carl.toasts, "a toast")
    assert disputed.labels()["000.png"] == "bird"
    carl.click(".toast button")
    carl.image("000.png")
    carl.until(lambda: carl.text("#label") == "bird", "what it is now")


def test_decisions_made_offline_are_kept_and_sent_after_a_reload(browser, disputed):
    carl = review(browser("carl"), disputed)
    carl.image("000.png")
    carl.downloaded(2)
    carl.offline()
    carl.press("3")
    carl.image("001.png")
    carl.status_says("1 label waiting, kept in this browser")
    carl.script("window.onbeforeunload = null")
    carl.online()
    review(carl, disputed)
    carl.all_saved()
    carl.until(lambda: disputed.labels()["000.png"] == "bird", "the decision is stored")


def test_flags_with_a_note_by_keys(browser, dataset):
    carl = review(browser("carl"), dataset, show="all")
    carl.image("000.png")
    carl.press("f")
    carl.until(lambda: carl.all("dialog[open]"), "a question")
    carl.press(*"too dark", Keys.ENTER)
    carl.until(lambda: carl.text("#flag") == "⚑ too dark · carl", "the flag")
    carl.all_saved()
    assert api(dataset, "carl", "GET", "/samples/0")["flag"] == "too dark"
    carl.press("f")
    carl.until(lambda: carl.all("dialog[open]"), "a question")
    carl.button("Take the flag away", "dialog").click()
    carl.until(lambda: not carl.text("#flag"), "no flag")
    carl.all_saved()
    assert api(dataset, "carl", "GET", "/samples/0")["flag"] is None


def test_names_and_labels_from_the_data_are_only_text(browser, make_dataset):
    hostile = '<img src=x onerror="document.title=1">'
    dataset = make_dataset(labels=(hostile, "dog"), samples=["<b>1</b>.png", "2.png"])
    dataset.classify("ann", "<b>1</b>.png", hostile)
    carl = review(browser("carl"), dataset, show="labelled")
    carl.image("<b>1</b>.png")
    assert carl.text("#label") == hostile and carl.text("#caption") == "<b>1</b>.png"
    carl.until(lambda: hostile in carl.text("#votes"), "the vote")
    assert carl.all("#votes img, #events img") == [] and carl.driver.title != "1"


# --- who may not label: looking


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
    vera = review(browser("vera"), dataset)
    vera.image("000.png")
    for _ in range(101):
        vera.press(" ")
    vera.image("101.png")


def test_what_is_not_there_is_said(browser):
    vera = browser("vera").open("/ui/review?dataset=nosuch")
    vera.notice_says("It is not there")
    vera.open("/ui/review")
    vera.notice_says("No dataset was chosen")
