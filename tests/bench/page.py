#!/usr/bin/python3
"""Measures the labelling page in a real Chromium: from key press to the next image painted. Prints one line of JSON.

Usage: tests/bench/page.py [IMAGES]     pictures of 1600 × 1200 to label (default 200)

The server is 20 ms away. Paint times are the browser's own (Element Timing API); key times are those of the key's event.
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
from pictures import photograph  # noqa: E402

GOAL_MS, GOAL_P95_MS, DELAY_MS = 50, 100, 20
WATCH = """
performance.setResourceTimingBufferSize(100000); // of 250, else, and each label is one
window.keys = [];
window.paints = [];
document.querySelector('#image').setAttribute('elementtiming', 'image');
addEventListener('keydown', event => keys.push(event.timeStamp), true);
new PerformanceObserver(list => {
    for (const entry of list.getEntries()) paints.push({ url: entry.url, time: entry.renderTime || entry.loadTime });
}).observe({ type: 'element', buffered: false });
"""


def measure(browser, count):
    """Labels `count` images, each as soon as the one before is painted and the next three are there; ms each."""
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
        "offline": False, "latency": DELAY_MS, "downloadThroughput": -1, "uploadThroughput": -1})
    browser.open_label("bench")
    browser.image()
    browser.script(WATCH)
    times = []
    for _ in range(count):
        # What a person looks at takes longer than fetching ahead: wait for that, so that the page is measured.
        browser.until(
            lambda: len(browser.script("return performance.getEntriesByType('resource')"
                                       ".filter(e => e.name.includes('/images/'))")) >= len(times) + 4,
            "images ahead",
        )
        paints = len(browser.script("return paints"))
        browser.press("1")
        browser.until(lambda: len(browser.script("return paints")) > paints, "a paint")
        times.append(browser.script("return paints.at(-1).time - keys.at(-1)"))
    browser.all_saved()
    return sorted(times)


def main(count):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        server.add_user("ann")
        (server.images / "bench").mkdir()
        paths = [f"{number:03}.jpg" for number in range(count + 4)]
        for number, path in enumerate(paths):
            (server.images / "bench" / path).write_bytes(photograph(number, (1600, 1200)))
        server.add_dataset("bench", ("yes", "no"), paths)
        with server.start():
            browser = Browser(server, "ann")
            try:
                times = measure(browser, count)
            finally:
                browser.quit()
    median, p95 = statistics.median(times), times[int(len(times) * 0.95)]
    print(json.dumps({
        "what": "page: key press to next image painted",
        "images": len(times),
        "median_ms": round(median, 1),
        "p95_ms": round(p95, 1),
        "max_ms": round(times[-1], 1),
        "goal_ms": GOAL_MS,
        "goal_p95_ms": GOAL_P95_MS,
        "pass": median < GOAL_MS and p95 < GOAL_P95_MS,
    }))


if __name__ == "__main__":
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__.strip())
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
