"""All pages: accessible by axe-core's rules, within windows of all sizes, in the dark and in forced colours, without a
complaint of the browser's."""
import json
import os
from pathlib import Path

import pytest

AXE = Path(__file__).parents[2] / "build" / "node" / "node_modules" / "axe-core" / "axe.min.js"
SIZES = ((320, 640), (390, 844), (1280, 800), (3840, 2160))
PAGES = {
    "datasets": ("ada", "/ui/?q=demo"),  # those of other tests are many, and some of their pictures broken
    "label": ("ann", "/ui/label?dataset=demo"),
    "grid": ("ann", "/ui/grid?dataset=demo"),
    "review": ("ada", "/ui/review?dataset=demo&show=all"),
    "review, for looking": ("vera", "/ui/review?dataset=demo"),
    "review, nothing there": ("ada", "/ui/review?dataset=demo&show=ties"),
    "settings": ("ada", "/ui/settings?dataset=demo"),
    "settings, for reading": ("carl", "/ui/settings?dataset=demo"),
    "people": ("ada", "/ui/people"),
    "people, not for you": ("ann", "/ui/people"),
    "stats": ("ann", "/ui/stats?dataset=demo"),
    "upload": ("ada", "/ui/upload?dataset=demo"),
    "export": ("ada", "/ui/export?dataset=demo"),
    "upload, not for you": ("ann", "/ui/upload?dataset=demo"),
    "nothing there": ("ann", "/ui/stats?dataset=nosuch"),
    "no datasets": ("newt", "/ui/"),
}
# Chooses two files, one of which fails, and a folder.
CHOSEN = """
    const choose = (id, ...files) => {
        const transfer = new DataTransfer(), input = document.querySelector(id);
        for (const file of files) transfer.items.add(file);
        input.files = transfer.files;
        input.dispatchEvent(new Event('change'));
    };
    choose('#files', new File(['no image'], 'letter.txt'), new File([], 'empty.png'));
    const file = new File(['x'], '1.png');
    Object.defineProperty(file, 'webkitRelativePath', { value: 'wood/oak/1.png' });
    const input = document.querySelector('#folder');
    Object.defineProperty(input, 'files', { value: [file] });
    input.dispatchEvent(new Event('change'));"""
# Each opens what can only be seen then, of the page of that name.
STATES = {
    "account": ("ada", "/ui/?q=demo", "document.querySelector('#user').click()"),
    "new dataset": ("ada", "/ui/?q=demo", "document.querySelector('#make').click()"),
    "label edited": ("ada", "/ui/settings?dataset=demo", "document.querySelector('[aria-label^=Edit]').click()"),
    "label merged": ("ada", "/ui/settings?dataset=demo", "document.querySelector('[aria-label^=Merge]').click()"),
    "invitation": ("ada", "/ui/people", "document.querySelector('#invite').click()"),
    "grid's help": ("ann", "/ui/grid?dataset=demo", "document.querySelector('#help-open').click()"),
    "grid, large": ("ann", "/ui/grid?dataset=demo",
                    "document.querySelector('.cell').click(); document.body.dispatchEvent(new KeyboardEvent('keydown', { key: ' ', bubbles: true }))"),
    "grid, picked": ("ann", "/ui/grid?dataset=demo", "document.querySelector('.cell').click()"),
    "label's help": ("ann", "/ui/label?dataset=demo", "document.querySelector('#help-open').click()"),
    "label's flag": ("ann", "/ui/label?dataset=demo", "document.querySelector('#flag').click()"),
    "review's help": ("ada", "/ui/review?dataset=demo&show=all", "document.querySelector('#help-open').click()"),
    "review's flag": ("ada", "/ui/review?dataset=demo&show=all", "document.querySelector('#flag-it').click()"),
    "upload's plan and list": ("ada", "/ui/upload?dataset=demo", CHOSEN),
    "chart's table": ("ann", "/ui/stats?dataset=demo", "document.querySelector('#charts details').open = true"),
}


@pytest.fixture(scope="module")
def axe():
    if not AXE.exists():
        reason = "axe-core is not installed (scripts/install-deps --test)"
        if "browser" in os.environ.get("REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    return AXE.read_text()


@pytest.fixture
def at(browser):
    """at(user, path): the page once it has come to rest; afterwards the browser is as it was."""
    used = []

    def open_page(user, path):
        page = browser(user)
        used.append(page)
        page.open(path)
        page.until(lambda: page.status == "" and page.script(
            "return document.readyState === 'complete' && !document.querySelector('#user').hidden && document.querySelector('main').innerText.trim().length > 20"),
            f"{path} at rest")
        return page

    yield open_page
    for page in used:
        page.as_it_was()


def violations(page, axe):
    page.script(axe)
    return page.driver.execute_async_script(
        "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then(found => done(found.violations.map("
        "({ id, nodes }) => [id, nodes.map(node => node.html.slice(0, 200))])))")


def assert_good(page, axe, what):
    found = violations(page, axe)
    assert found == [], f"{what}: {json.dumps(found, indent=1)}"
    assert page.script("return document.documentElement.scrollWidth <= innerWidth"), f"{what} is wider than its window"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everyone(at, axe, name):
    user, path = PAGES[name]
    page = at(user, path)
    for width, height in SIZES:
        page.resize(width, height)
        assert_good(page, axe, f"{name} at {width}")
    page.resize(1280, 800)
    for features in ({"prefers_color_scheme": "dark"}, {"forced_colors": "active"}):
        page.prefer(**features)
        assert_good(page, axe, f"{name} with {features}")
    assert len(page.all("main")) == 1 and " · " in page.driver.title
    assert page.script("return [...document.querySelectorAll('h1')].length") == 1
    assert [line for line in page.console() if "nosuch" not in line] == []


@pytest.mark.parametrize("name", STATES)
def test_what_opens_on_it_is_for_everyone(at, axe, name):
    user, path, opens = STATES[name]
    page = at(user, path)
    if name == "label edited" or name == "label merged":
        page.until(lambda: page.all("[aria-label^=Edit]"), "labels")
    if "'s flag" in name:
        page.image()
    page.script(opens)
    page.until(lambda: page.all("dialog[open], :popover-open, details[open], #plan, [aria-selected=true]"), "what opens")
    for width, height in SIZES[:3]:
        page.resize(width, height)
        assert_good(page, axe, f"{name} at {width}")


def test_a_class_being_confirmed_is_for_everyone(at, axe, make_dataset):
    dataset = make_dataset(samples=3)
    for name in ("000.png", "001.png"):
        dataset.classify("bob", name, "cat")
    page = at("ann", f"/ui/grid?dataset={dataset.name}&label=cat&confirm=true")
    page.until(lambda: page.all(".cell"), "the cats")
    page.find(".cell").click()
    page.until(lambda: page.all(".judged[aria-selected=true]"), "one said to be wrong")
    for width, height in SIZES[:3]:
        page.resize(width, height)
        assert_good(page, axe, f"confirming at {width}")
    for features in ({"prefers_color_scheme": "dark"}, {"forced_colors": "active"}):
        page.prefer(**features)
        assert_good(page, axe, f"confirming with {features}")


@pytest.mark.parametrize("path", ["/ui/", "/ui/settings?dataset=demo", "/ui/people", "/ui/stats?dataset=demo", "/ui/grid?dataset=demo"])
def test_keys_alone_reach_everything_that_can_be_operated(at, path):
    page = at("ada", path)
    reached = page.script(
        "return [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]"
        ".filter(each => each.checkVisibility() && !each.disabled && each.tabIndex < 0).map(each => each.outerHTML.slice(0, 100))")
    assert reached == []
    page.press("\ue004")
    assert page.script("return document.activeElement.matches(':focus-visible')")
