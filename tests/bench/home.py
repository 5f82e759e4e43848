#!/usr/bin/python3
"""Measures the list of datasets in a real Chromium: from its address to a screen of rows painted. Prints one line of JSON.

Usage: tests/bench/home.py [DATASETS]     how many there are (default 200)

The times are the page's own: from the beginning of the navigation to the frame that shows the first screen of rows, and to the
one that shows the last row. The first visit, after which the browser has the scripts, is not counted.
"""
import json
import statistics
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "browser"), str(TESTS / "http")]
from chromium import Browser  # noqa: E402
from harness import Server  # noqa: E402

GOAL_MS, VISITS, SCREEN = 300, 5, 20
WATCH = """
const paints = (rows, name) => new MutationObserver((_, observer) => {
    if (document.querySelectorAll('#datasets > li').length < rows) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window[name] = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
paints(SCREEN, 'firstAt');
paints(COUNT, 'lastAt');
"""


def visit(browser):
    browser.open("/ui/")
    return browser.until(lambda: browser.script("return window.firstAt && window.lastAt && [firstAt, lastAt]"), "all datasets")


def main(count):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        server.add_user("ada", role="admin")
        for number in range(count):
            server.add_dataset(f"set {number:03}", ("cat", "dog", "bird"), 3)
        with server.start():
            browser = Browser(server, "ada")
            try:
                browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH.replace("COUNT", str(count)).replace("SCREEN", str(SCREEN))})
                times, whole = map(sorted, zip(*[visit(browser) for _ in range(VISITS + 1)][1:]))
            finally:
                browser.quit()
    median = statistics.median(times)
    print(json.dumps({"what": f"home: first screen of {count} datasets", "median_ms": round(median), "max_ms": round(times[-1]),
                      "all_ms": round(statistics.median(whole)), "goal_ms": GOAL_MS, "pass": median < GOAL_MS}))


if __name__ == "__main__":
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__.strip())
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
