"""/ui/label: images are labelled by keys and clicks, each by one person."""
import pytest
from harness import draw, until
from PIL import Image
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.keys import Keys


def test_keys_label_and_what_is_saved_is_stored(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    given = {ann.answer(key): label for key, label in (("1", "cat"), ("2", "dog"), ("3", "bird"), ("2", "dog"))}
    ann.all_saved()
    assert dataset.labels() == given == {"000.png": "cat", "001.png": "dog", "002.png": "bird", "003.png": "dog"}
    assert ann.console() == []


def test_clicks_label_and_leave_space_for_skipping(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.label_button("dog").click()
    ann.image("001.png")
    ann.press(Keys.SPACE)
    ann.image("002.png")
    ann.all_saved()
    assert dataset.labels() == {"000.png": "dog"}


def test_buttons_show_their_keys(ann, dataset):
    ann.open_label(dataset.name)
    ann.image()
    buttons = ann.all("#labels button")
    assert [button.get_attribute("data-key") for button in buttons] == ["1", "2", "3"]
    assert [button.text.split("\n") for button in buttons] == [["1", "cat"], ["2", "dog"], ["3", "bird"]]
    assert [button.accessible_name for button in buttons] == ["cat", "dog", "bird"]


def test_buttons_come_in_the_labels_order_with_colours_and_descriptions(ann, dataset):
    said = {"position": -1, "colour": "#ff8000", "description": "barks at \"two\" <ears>"}
    answer = dataset.server.session("carl").patch(f"/v1/datasets/{dataset.name}/labels/1", json=said)
    assert answer.status_code == 200
    ann.open_label(dataset.name)
    ann.image()
    dog, cat, bird = ann.all("#labels button")
    assert [button.accessible_name for button in (dog, cat, bird)] == ["dog", "cat", "bird"]
    assert dog.get_attribute("data-key") == "1" and dog.get_attribute("title") == said["description"]
    assert "rgb(255, 128, 0)" in dog.value_of_css_property("box-shadow")
    assert cat.value_of_css_property("box-shadow") == "none" and not cat.get_attribute("title")


def test_holding_a_key_labels_once(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    event = {"key": "1", "code": "Digit1", "text": "1", "windowsVirtualKeyCode": 49}
    for repeated in (False, True, True, True):
        ann.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "keyDown", "autoRepeat": repeated, **event})
    ann.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "keyUp", **event})
    ann.image("001.png")
    ann.all_saved()
    assert dataset.labels() == {"000.png": "cat"}


def test_backspace_goes_back_and_a_key_corrects(ann, dataset):
    ann.open_label(dataset.name)
    ann.answer("1")
    ann.answer("1")
    ann.image("002.png")
    ann.all_saved()
    ann.press(Keys.BACKSPACE)
    ann.image("001.png")
    ann.press(Keys.BACKSPACE)
    ann.image("000.png")
    pressed = [button.get_attribute("data-label") for button in ann.all("#labels [aria-pressed=true]")]
    assert pressed == ["cat"]
    ann.press("2")
    ann.image("002.png")
    assert ann.all("#labels [aria-pressed]") == []
    ann.all_saved()
    assert dataset.labels() == {"000.png": "dog", "001.png": "cat"}


def test_left_arrow_and_ctrl_z_go_back_too(ann, dataset):
    ann.open_label(dataset.name)
    ann.answer("1")
    ann.image("001.png")
    for go_back in (
        lambda: ann.press(Keys.ARROW_LEFT),
        lambda: ann.press_with(Keys.CONTROL, "z"),
        lambda: ann.press_with(Keys.META, "z"),
    ):
        go_back()
        ann.image("000.png")
        ann.press(Keys.ARROW_RIGHT)
        ann.image("001.png")


@pytest.mark.parametrize("key", [Keys.ESCAPE, Keys.SPACE])
def test_going_back_may_change_nothing(ann, dataset, key):
    ann.open_label(dataset.name)
    ann.answer("1")
    ann.image("001.png")
    ann.press(Keys.BACKSPACE)
    ann.image("000.png")
    ann.press(key)
    ann.image("001.png")
    ann.answer("2")
    ann.all_saved()
    assert dataset.labels() == {"000.png": "cat", "001.png": "dog"}


def test_space_skips_and_the_image_comes_again_at_the_end(ann, make_dataset):
    dataset = make_dataset(samples=3)
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.press(Keys.SPACE)
    ann.answer("1")
    ann.answer("1")
    ann.image("000.png")
    ann.press("3")
    ann.notice_says("All done")
    assert dataset.labels() == {"000.png": "bird", "001.png": "cat", "002.png": "cat"}


def test_skipping_round_is_said_and_what_is_skipped_can_be_set_aside(ann, make_dataset):
    dataset = make_dataset(samples=6)
    ann.open_label(dataset.name)
    for number in range(6):
        ann.image(f"{number:03}.png")
        assert ann.text("#round") == ""
        ann.answer(Keys.SPACE)
    ann.image("000.png")
    assert ann.text("#hint") == "Skipped before: nothing else is left."
    ann.answer("1")
    ann.image("001.png")
    ann.find("#aside").click()
    ann.notice_says("1 of 6 images is labelled, 1 of them by you just now, 5 set aside")
    assert dataset.counts() == {"labelled": 1, "unlabelled": 0, "skipped": 5, "unreadable": 0, "review": 0, "leased": 0}
    ann.press(Keys.BACKSPACE)
    ann.image()
    ann.press("2")
    ann.all_saved()
    assert len(dataset.labels()) == 2


def test_help_is_a_dialog_that_escape_closes(ann, dataset):
    ann.open_label(dataset.name)
    ann.image("000.png")
    ann.press("?")
    assert ann.find("dialog").is_displayed()
    ann.press("1")
    ann.press(Keys.ESCAPE)
    ann.until(lambda: not ann.find("dialog").is_displayed(), "the dialog closed")
    assert ann.shown == "000.png"
    assert dataset.labels() == {}


def test_two_people_never_see_the_same_image(ann, bob, make_dataset):
    dataset = make_dataset(samples=16)
    seen = {ann: [], bob: []}
    for page in (ann, bob):
        page.open_label(dataset.name)
        page.image()
    while len(dataset.labels()) < 14:
        for page, key in ((ann, "1"), (bob, "2")):
            if page.shown:
                seen[page].append(page.shown)
                page.press(key)
        for page in (ann, bob):
            page.until(lambda page=page: page.shown != seen[page][-1], "the next image")
            page.all_saved()
    assert set(seen[ann]).isdisjoint(seen[bob])
    stored = dataset.labels()
    assert all(stored[path] == "cat" for path in seen[ann])
    assert all(stored[path] == "dog" for path in seen[bob])


def test_odd_names_and_labels_are_only_text(ann, make_dataset):
    harm = "<img src=x onerror='window.harm=1'>"
    paths = ['a "quoted" <script>window.harm=1<script>.png', "sub folder/ünï ☃.png", "100%25 #1?.png", "it's.png"]
    dataset = make_dataset(labels=(harm, '"</kbd><b>', "naïve ☃"), samples=paths)
    ann.open_label(dataset.name)
    given = {}
    for key, label in (("1", harm), ("2", '"</kbd><b>'), ("3", "naïve ☃"), ("1", harm)):
        path = ann.until(lambda: ann.shown not in given and ann.shown, "an image")
        assert ann.text("#caption") == path
        ann.press(key)
        given[path] = label
    ann.notice_says("All done")
    ann.all_saved()
    assert dataset.labels() == given
    assert set(given) == set(paths)
    assert ann.script("return window.harm") is None
    assert ann.console() == []


@pytest.mark.parametrize("ending", ["tiff", "png"])
def test_a_tiff_which_no_browser_shows_is_shown_as_the_server_draws_it(ann, make_dataset, ending):
    dataset = make_dataset(samples=1)
    for number in range(3):
        image = ann.server.images / dataset.name / f"1{number}.{ending}"
        Image.new("RGB", (320, 240), (number, 99, 99)).save(image, "TIFF")
    dataset.load()
    ann.open_label(dataset.name)
    for key in "123":
        ann.answer(key)
    ann.image()
    ann.press("1")
    ann.notice_says("All done")
    ann.all_saved()
    assert dataset.labels() == {"000.png": "cat", f"10.{ending}": "dog", f"11.{ending}": "bird", f"12.{ending}": "cat"}


def test_an_image_that_does_not_load_is_said_and_skipped(ann, make_dataset):
    dataset = make_dataset(samples=3)
    (ann.server.images / dataset.name / "000.png").write_text("no image at all")
    (ann.server.images / dataset.name / "001.png").unlink()
    ann.open_label(dataset.name)
    ann.notice_says("This image cannot be shown")
    assert ann.text("#caption") == "000.png"
    ann.press("1")  # what cannot be seen gets no label
    ann.label_button("cat").click()
    ann.press(Keys.SPACE)
    ann.image("002.png")  # the server passes over what it can't read
    ann.press("2")
    ann.notice_says("This image cannot be shown")
    ann.find("#aside").click()
    ann.notice_says("All done that can be read")
    assert "1 of 3 images is labelled, 1 of them by you just now, 1 set aside, 1 could not be read" in ann.notice
    assert dataset.labels() == {"002.png": "dog"}


def test_an_image_that_was_refused_at_first_is_fetched_again(ann, make_dataset, relay):
    dataset = make_dataset(samples=1)
    relay.refuse(b"GET /images/")
    ann.open_label(dataset.name, port=relay.port)
    until(relay.refused.is_set, "a refused request")
    ann.image("000.png")
    assert ann.notice == ""


def test_a_dataset_whose_images_cannot_be_read_is_not_called_done(ann, make_dataset):
    dataset = make_dataset(samples=2)
    for path in (ann.server.images / dataset.name).iterdir():
        path.unlink()
    ann.open_label(dataset.name)
    ann.notice_says("2 could not be read")
    assert "No image can be read" in ann.notice
    assert "All done" not in ann.notice


def test_when_all_is_labelled_it_says_so_and_checks_again_on_demand(ann, make_dataset):
    dataset = make_dataset(samples=2)
    ann.open_label(dataset.name)
    ann.answer("1")
    ann.image("001.png")
    ann.press("2")
    ann.notice_says("All done")
    assert "2 of 2 images are labelled, 2 of them by you just now" in ann.notice
    ann.all_saved()
    draw(ann.server.images / dataset.name / "more.png", "white")
    dataset.load()
    ann.find("#again").click()
    ann.image("more.png")


def test_images_that_others_hold_are_waited_for(ann, make_dataset):
    dataset = make_dataset(samples=2)
    assert len(dataset.lease("bob", 2)) == 2
    ann.open_label(dataset.name)
    ann.notice_says("Nothing left for you now")
    assert "2 in hand elsewhere" in ann.notice


def test_what_one_held_elsewhere_comes_at_the_end(ann, make_dataset):
    dataset = make_dataset(samples=3)
    held = dataset.lease("ann", 1)[0]["sample"]["filepath"]
    ann.open_label(dataset.name)
    seen = [ann.answer("1"), ann.answer("1"), ann.image()]
    assert seen[2] == held
    ann.press("2")
    ann.notice_says("All done")
    assert dataset.labels()[held] == "dog"


def test_two_windows_of_one_person_do_not_share_an_image(ann, make_dataset):
    dataset = make_dataset(samples=2)
    ann.open_label(dataset.name)
    ann.image("000.png")
    first = ann.driver.current_window_handle
    ann.driver.switch_to.new_window("tab")
    ann.open_label(dataset.name)
    ann.notice_says("Nothing left for you now")
    ann.driver.close()
    ann.driver.switch_to.window(first)
    ann.answer("1")
    ann.press("2")
    ann.notice_says("All done")


def test_leaving_gives_back_what_was_not_answered(ann, dataset):
    ann.open_label(dataset.name)
    ann.image()
    until(lambda: dataset.counts()["leased"] == 4, "four leases")
    ann.open("/ui/")
    until(lambda: dataset.counts()["leased"] == 0, "no lease")


def test_a_crashed_window_goes_on_where_it_was(ann, dataset):
    ann.open_label(dataset.name)
    ann.answer("1")
    before = ann.image()
    ann.all_saved()
    crashed = ann.driver.current_window_handle
    ann.driver.switch_to.new_window("tab")
    other = ann.driver.current_window_handle
    ann.driver.switch_to.window(crashed)
    with pytest.raises(WebDriverException, match="crash"):
        ann.driver.get("chrome://crash")
    ann.driver.switch_to.window(other)
    ann.open_label(dataset.name)
    assert ann.image() == before
    assert dataset.counts()["leased"] == 4


def test_who_may_only_look_is_told_who_can_help_and_led_to_looking(browser, dataset):
    vera = browser("vera").open_label(dataset.name)
    vera.notice_says("You may look, but not label")
    assert f"image-label-user grant vera annotator --dataset {dataset.name}" in vera.notice
    vera.press("1")
    assert dataset.labels() == {}
    vera.find("#look").click()
    vera.image("000.png")


@pytest.mark.parametrize("path", ["/ui/label?dataset=nosuch", "/ui/label"])
def test_a_dataset_that_is_not_there_is_said(ann, path):
    ann.open(path)
    ann.notice_says("dataset")
    assert ann.find("#leave").is_displayed()


def test_progress_counts_what_was_labelled(ann, dataset):
    dataset.classify("bob", "000.png", "cat")
    ann.open_label(dataset.name)
    ann.answer("1")
    ann.answer("2")
    ann.all_saved()
    progress = ann.find("progress")
    assert (progress.get_attribute("value"), progress.get_attribute("max")) == ("3", "8")
    assert ann.text("#count") == "3 of 8"


def test_is_built_for_everyone(ann, dataset):
    ann.open_label(dataset.name)
    ann.image()
    assert ann.script("return document.documentElement.lang") == "en"
    assert len(ann.all("main")) == 1
    assert dataset.name in ann.driver.title
    assert ann.find("#image").get_attribute("alt")
    assert all(button.accessible_name for button in ann.all("button") if button.is_displayed())
    assert ann.find("progress").accessible_name
