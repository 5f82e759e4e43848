"""/ui/: the datasets, their progress, and who is signed in."""


def card(page, name):
    page.until(lambda: name in page.texts(".card h2"), f"a card of {name}")
    return next(card for card in page.all(".card") if card.find_element("css selector", "h2").text == name)


def test_shows_each_dataset_with_its_progress_and_who_is_looking(ann, dataset):
    dataset.classify("bob", "000.png", "cat")
    dataset.classify("bob", "001.png", "dog")
    ann.open("/ui/")
    found = card(ann, dataset.name)
    assert "2 of 8 labelled" in found.text
    assert all(label in found.text for label in ("cat", "dog", "bird"))
    progress = found.find_element("css selector", "progress")
    assert (progress.get_attribute("value"), progress.get_attribute("max")) == ("2", "8")
    assert ann.text("#user") == "Signed in as ann"
    assert ann.status == ""


def test_tells_of_images_that_cannot_be_read(ann, make_dataset):
    dataset = make_dataset(samples=3)
    (ann.server.images / dataset.name / "000.png").unlink()
    assert len(dataset.lease("bob", 3)) == 2
    ann.open("/ui/")
    assert "1 unreadable" in card(ann, dataset.name).text


def test_leads_to_labelling(ann, make_dataset):
    dataset = make_dataset(name="odd & name #1 ü")
    ann.open("/ui/")
    card(ann, dataset.name).find_element("css selector", "a").click()
    assert ann.image() == "000.png"
    assert ann.text("h1") == dataset.name


def test_html_in_names_is_only_text(ann, make_dataset):
    name, label = "<b>bold<b> <script>window.harm = 1<script>", "<img src=x onerror='window.harm = 1'>"
    make_dataset(name=name.replace("/", ""), labels=(label, "&amp;"))
    ann.open("/ui/")
    assert label in card(ann, name).text
    assert "&amp;" in card(ann, name).text
    assert ann.script("return window.harm") is None
    assert ann.console() == []


def test_without_datasets_says_how_to_make_one(browser):
    newt = browser("newt").open("/ui/")
    newt.notice_says("No datasets yet")
    assert "image-label-load --in-place FOLDER --dataset NAME --labels" in newt.notice
    assert newt.all(".card") == []


def test_an_unreachable_server_is_said_and_tried_again(ann, dataset):
    ann.block("*/v1/datasets*")
    ann.open("/ui/")
    ann.notice_says("No connection")
    ann.block()
    ann.find("#again").click()
    card(ann, dataset.name)
    assert ann.notice == ""


def test_is_built_for_everyone(ann):
    ann.open("/ui/")
    card(ann, "demo")
    assert ann.script("return document.documentElement.lang") == "en"
    assert len(ann.all("main")) == 1
    assert ann.driver.title
    assert ann.script("return [...document.querySelectorAll('.card progress')].every(p => p.ariaLabel)")
    assert ann.console() == []
