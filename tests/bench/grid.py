#!/usr/bin/python3
"""Measures the grid in a real Chromium. Prints one line of JSON.

Usage: tests/bench/grid.py speed      a dataset of 100,000: the first screen, scrolling, a label for 1,000
       tests/bench/grid.py actions    what a person does to check labels that came from folders, of which one in ten is wrong,
                                      against one key an image; the pictures are those of a Debian package, fetched once

A first screen is the time from the request for the page until each thumbnail in the window has arrived; the server has
made these thumbnails before. An action is a click or a key.
"""
import json
import random
import re
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / folder) for folder in ("browser", "http", "bench", "soak")]
from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

from chromium import Browser  # noqa: E402
from corpora import debian, members  # noqa: E402
from harness import TOP, Server  # noqa: E402
from pictures import photograph  # noqa: E402
from stack import put_database  # noqa: E402

SAMPLES, MANY, LOADS = 100_000, 1_000, 7
SCROLLED, SCROLL_SPEED = 30_000, 4_000  # pixels, and pixels a second
JUMPS = (0.5, 0.9, 0.1, 0.99)  # parts of the list, as by dragging the scroll bar
PACKAGE, FOLDER = "tuxpaint-stamps-default", "usr/share/tuxpaint/stamps/"
WRONG = 0.1

IN_WINDOW = """
const bottom = Math.min(innerHeight, document.querySelector('#tools').getBoundingClientRect().top);
const cells = [...document.querySelectorAll('#cells:not([hidden]) .cell')].filter(cell => {
    const { top, height } = cell.getBoundingClientRect();
    return top + height / 2 >= 0 && top + height / 2 < bottom;
});
"""
ARRIVED = IN_WINDOW + "return cells.length > 0 && cells.every(({ firstChild: image }) => image.src && image.complete && image.naturalWidth)"
FIRST_SCREEN = IN_WINDOW + """
const urls = new Set(cells.map(({ firstChild: image }) => image.src));
return Math.max(...performance.getEntriesByType('resource').filter(({ name }) => urls.has(name)).map(entry => entry.responseEnd))"""
WATCH_TASKS = """
window.tasks = [];
new PerformanceObserver(list => tasks.push(...list.getEntries().map(entry => entry.duration))).observe({ type: 'longtask' })"""
WATCH_LABEL = """
window.times = {};
addEventListener('keydown', event => { times.key = event.timeStamp; }, true);
new MutationObserver(() => {
    if (times.key && !times.shown && [...document.querySelectorAll('.cell .text')].some(text => text.textContent === 'cat'))
        requestAnimationFrame(() => setTimeout(() => { times.shown ??= performance.now(); }));
}).observe(document.querySelector('#cells'), { subtree: true, childList: true, characterData: true });
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (entry.name.endsWith('/samples/label')) times.durable = entry.responseEnd;
}).observe({ type: 'resource' })"""


@contextmanager
def page(server, user):
    with server.start():
        browser = Browser(server, user)
        try:
            yield browser
        finally:
            browser.quit()


def ready(browser):
    browser.until(lambda: browser.script(ARRIVED), "the first screen")


# --- how fast


def first_screens(browser):
    times = []
    for _ in range(LOADS):
        browser.open("/ui/grid?dataset=bench")
        ready(browser)
        times.append(browser.script(FIRST_SCREEN))
        browser.until(lambda: browser.text("#sum") == f"{SAMPLES:,} images", "all ids")
    return times[1:]  # the first one was without a cache, and its thumbnails were made


def scroll(browser):
    browser.script(WATCH_TASKS)
    browser.driver.execute_cdp_cmd("Input.synthesizeScrollGesture", {
        "x": 600, "y": 400, "yDistance": -SCROLLED, "speed": SCROLL_SPEED, "gestureSourceType": "mouse"})
    for part in JUMPS:
        browser.script("scrollTo(0, document.documentElement.scrollHeight * arguments[0])", part)
        ready(browser)
    return browser.script("return tasks")


def label_many(browser):
    """Picks the first 1,000 by two clicks and labels them by one key: (ms until shown, ms until durable)."""
    browser.script("scrollTo(0, 0)")
    browser.until(lambda: browser.all("[aria-posinset='1']"), "the first one")
    browser.find("[aria-posinset='1']").click()
    last = f"[aria-posinset='{MANY}']"
    browser.script("const [one, row] = [document.querySelector('.cell').getBoundingClientRect(), arguments[0]];"
                   "scrollTo(0, Math.floor(row / Math.floor(document.querySelector('#cells').clientWidth / one.width)) * (one.height + 8))", MANY - 1)
    browser.until(lambda: browser.all(last), "the last one")
    webdriver.ActionChains(browser.driver).key_down(Keys.SHIFT).click(browser.find(last)).key_up(Keys.SHIFT).perform()
    assert browser.text("#picked") == f"{MANY:,} picked", browser.text("#picked")
    browser.script(WATCH_LABEL)
    browser.press("1")
    browser.until(lambda: browser.script("return times.shown && times.durable"), "that it is durable")
    browser.all_saved()
    return browser.script("return [times.shown - times.key, times.durable - times.key]")


def speed():
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        server.add_user("ann")
        (server.images / "bench").mkdir()
        (server.images / "bench" / "image.png").write_bytes(photograph(1, (640, 480)))
        put_database(server, "bench", SAMPLES)
        with page(server, "ann") as browser:
            first, tasks = first_screens(browser), scroll(browser)
            shown, durable = label_many(browser)
            counts = server.session("ann").get("/v1/datasets/bench").json()["counts"]
    assert counts["labelled"] == MANY, counts
    return {"first_screen_ms": round(statistics.median(first)), "long_tasks": len(tasks), "longest_task_ms": round(max(tasks, default=0)),
            "shown_ms": round(shown), "durable_ms": round(durable)}


# --- with how few actions


def pictures():
    """Filepath → the bytes of each picture of the package; the folder says what it shows."""
    kept = TOP / "build" / "bench" / PACKAGE
    if not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            done = debian(Path(folder), PACKAGE)
            if done.returncode != 0:
                sys.exit(f"{PACKAGE} cannot be had: {done.stderr.strip()}")
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(folder) / "files.tar", kept)
    return {name.split(FOLDER)[1]: data for name, data in members(kept) if FOLDER in name and name.endswith(".png")}


class Person:
    """Somebody who knows what each picture shows, and whose actions are counted."""

    def __init__(self, browser, truth):
        self.browser, self.truth, self.actions = browser, truth, 0

    def click(self, element):
        self.actions += 1
        element.click()

    def press(self, key):
        self.actions += 1
        self.browser.press(key)

    def in_window(self):
        """What the cells show that are in the window: (id, filepath, whether it is picked)."""
        return self.browser.script(IN_WINDOW + "return cells.map(cell => [Number(cell.dataset.id), cell.ariaLabel.split(', ')[0]])")

    def correct(self, label, seen):
        """Picks what is wrong and gives it its own label, one label after the other."""
        wrong = defaultdict(list)
        for number, path in seen:
            if self.truth[path] != label:
                wrong[self.truth[path]].append(number)
        for right, numbers in wrong.items():
            for number in numbers:
                self.click(self.browser.find(f"#cell-{number}"))
            self.press(self.browser.find(f"#labels [data-label='{right}']").get_attribute("data-key"))
            self.browser.until(lambda: not self.browser.all(f"#cell-{numbers[0]}"), "that they leave")
        return bool(wrong)

    def offered(self):
        """How many would be confirmed."""
        return int(re.sub(r"\D", "", self.browser.text("#confirm")) or 0)

    def confirm(self, label):
        """Goes through one class, a window after the other."""
        while not self.browser.notice:
            self.browser.until(lambda: self.browser.notice or self.browser.script(ARRIVED), "the next ones")
            while not self.browser.notice and self.correct(label, self.in_window()):
                self.browser.until(lambda: self.browser.notice or self.browser.script(ARRIVED), "those that moved up")
            if self.browser.notice:
                return
            self.browser.until(lambda: self.offered() >= len(self.in_window()), "that the page takes them for seen")
            before = self.browser.text("#sum")
            self.press(Keys.ENTER)
            self.browser.until(lambda: self.browser.notice or self.browser.text("#sum") != before, "that they are confirmed")


def check(browser, person, labels):
    browser.open(f"/ui/grid?{urlencode({'dataset': 'stamps', 'label': labels[0]})}")
    person.actions += 1  # the label was chosen
    ready(browser)
    person.click(browser.button(f"Confirm “{labels[0]}”"))
    for label in labels:
        browser.until(lambda: browser.text("h1") == f"Confirm “{label}”" and not browser.notice and browser.script(ARRIVED), label)
        person.confirm(label)
        if label != labels[-1]:
            browser.until(lambda: "Next:" in browser.notice, "the next label")
            person.press(Keys.ENTER)
    browser.all_saved()


def actions():
    found = pictures()
    chance = random.Random(1)
    truth = {path: path.split("/")[0] for path in found}
    labels = sorted(set(truth.values()))
    samples = [(path, chance.choice([other for other in labels if other != label]) if chance.random() < WRONG else label)
               for path, label in sorted(truth.items())]
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        server.add_user("ann")
        for path, data in found.items():
            (server.images / "stamps" / path).parent.mkdir(parents=True, exist_ok=True)
            (server.images / "stamps" / path).write_bytes(data)
        server.add_dataset("stamps", labels, samples)
        with page(server, "ann") as browser:
            person = Person(browser, truth)
            check(browser, person, labels)
            items = server.session("ann").get("/v1/datasets/stamps/samples", params={"limit": 1000}).json()["items"]
    wrong = [item["filepath"] for item in items if item["label"] != truth[item["filepath"]] or item["labelled_by"] != "ann"]
    assert not wrong and len(items) == len(truth), wrong
    return {"pictures": len(truth), "wrong": sum(label != truth[path] for path, label in samples), "actions": person.actions}


if __name__ == "__main__":
    if sys.argv[1:] not in (["speed"], ["actions"]):
        sys.exit(__doc__.strip())
    print(json.dumps({"speed": speed, "actions": actions}[sys.argv[1]]()))
