"""/ui/export: in which form, which images, as of when, and the lines that load it."""
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from selenium.webdriver.common.keys import Keys


@pytest.fixture
def labelled(make_dataset):
    dataset = make_dataset(labels=("cat", "<b>dog</b>", "bird"), samples=6)
    for number, label in enumerate(("cat", "cat", "<b>dog</b>")):
        dataset.classify("bob", f"00{number}.png", label)
    return dataset


def opened(page, dataset, query=""):
    page.open(f"/ui/export?dataset={dataset.name}{query}")
    page.until(lambda: page.status == "" and "image" in page.text("#result [role=status]"), "what it will be")
    return page


def link(page):
    return page.value_of("#result a.button", "href")


def downloaded(page):
    """What the link leads to."""
    parts = urlsplit(link(page))
    return page.server.session(page.user).get(f"{unquote(parts.path)}?{parts.query}")


def asked(page):
    return {key: value for key, (value,) in parse_qs(urlsplit(link(page)).query).items()}


def pick(page, title):
    page.until(lambda: page.script(
        "const found = [...document.querySelectorAll('.format')].find(each => each.querySelector('b').textContent === arguments[0]);"
        "found?.click(); return Boolean(found)", title), f"the form {title}")
    page.until(lambda: page.text("#result h2") == title, f"what {title} will be")


def select(page, name, text):
    page.find(f"[name={name}]").send_keys(text)


def test_each_form_says_what_it_is_for_and_how_python_loads_it(ann, labelled):
    opened(ann, labelled)
    titles = ann.texts(".format b")
    assert len(titles) == 10 and all(ann.texts(".format .note"))
    for title in titles:
        pick(ann, title)
        code = ann.value_of("#result pre code", "textContent")
        compile(code, title, "exec")
        assert len(code.splitlines()) == 2 and labelled.name in code
        assert downloaded(ann).status_code == 200, title
    assert ann.console() == []


def test_by_keys_alone_to_the_file(ann, labelled):
    opened(ann, labelled)
    ann.find("[name=format]").send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    ann.until(lambda: ann.text("#result h2") == "CSV", "the form")
    ann.until(lambda: "000.png,cat" in ann.text("#result pre.scroll"), "its beginning")
    assert downloaded(ann).text.splitlines()[:2] == ["filepath,label", "000.png,cat"]
    assert ann.script("const link = document.querySelector('#result a.button'); link.focus(); return link === document.activeElement && link.hasAttribute('download')")


def test_what_it_holds_is_counted_and_what_is_left_out_is_said(ann, labelled):
    opened(ann, labelled)
    assert ann.text("#result [role=status]") == "3 images · cat 2 and <b>dog</b> 1 · 3 images without a label are left out."
    assert "    cat/" in ann.value_of("#result pre.scroll", "textContent")
    pick(ann, "CSV")
    ann.until(lambda: "6 images" in ann.text("#result [role=status]"), "all of them")
    select(ann, "label", "cat")
    ann.until(lambda: ann.text("#result [role=status]") == "2 images · cat 2.", "those that are filtered")
    ann.until(lambda: ann.script("return [...document.querySelectorAll('.strip img')].filter(each => each.naturalWidth).length") == 2, "their pictures")
    assert asked(ann) == {"format": "csv", "label": "cat"}
    ann.driver.refresh()
    ann.until(lambda: ann.text("#result [role=status]") == "2 images · cat 2.", "the same after a reload")
    assert ann.text("#result h2") == "CSV"


def test_a_split_and_a_snapshot_by_mouse(browser, labelled):
    carl = opened(browser("carl"), labelled)
    pick(carl, "JSON lines")
    select(carl, "split", "80")
    carl.fill("[name=seed]", "7")
    carl.until(lambda: asked(carl).get("seed") == "7" and asked(carl)["split"] == "80,10,10", "the parts")
    carl.button("Make a snapshot…").click()
    carl.fill("dialog input", "for the paper")
    carl.button("Make it").click()
    carl.until(lambda: "“for the paper” has 6 images" in carl.toasts, "that it is made")
    carl.until(lambda: asked(carl).get("snapshot") == "for the paper", "that it is chosen")
    labelled.classify("bob", "000.png", "bird")
    assert '"label":"cat"' in downloaded(carl).text.splitlines()[0].replace(" ", "")
    assert "6 images as of" in carl.text("#result [role=status]")
    assert not carl.find_shown("[name=by]")


def test_percentages_that_are_none_are_said(ann, labelled):
    opened(ann, labelled)
    select(ann, "split", "Other")
    ann.fill("[name=percents]", "50,10")
    ann.until(lambda: "together 100" in ann.text("main [role=alert]"), "what is wrong")
    ann.fill("[name=percents]", "50, 25, 25")
    ann.until(lambda: asked(ann).get("split") == "50,25,25", "the parts")
    assert "train/cat/" in ann.value_of("#result pre.scroll", "textContent")


def test_while_the_server_is_away_that_is_said(ann, labelled):
    opened(ann, labelled)
    ann.block("*/v1/*")
    pick(ann, "CSV")
    ann.until(lambda: "No connection" in ann.text("#result"), "why nothing is shown")
    ann.block()
    pick(ann, "JSON lines")
    ann.until(lambda: '"filepath"' in ann.text("#result pre.scroll"), "its beginning")


def test_who_only_looks_exports_and_makes_no_snapshot(browser, labelled):
    vera = opened(browser("vera"), labelled)
    assert downloaded(vera).status_code == 200
    assert "Make a snapshot…" not in vera.text("main")
