#!/usr/bin/python3
"""Measures how fast a reviewer can go in a real Chromium: the page's share of a key. Prints one line of JSON.

Usage: tests/bench/review.py [KEYS]     how many images are looked at (default 300)

The server is 20 ms away. Each image but one in ten is agreed to, and that one gets another label; the next key comes as
soon as the next image is painted. So it is the time that 1,000 labels take if the person needs none.
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

GOAL_SECONDS, LABELS, DELAY_MS = 300, 1000, 20
GO = """
const image = document.querySelector('#image');
window.times = [];
let pressed = 0, since = 0;
const press = () => {
    since = performance.now();
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: pressed++ % 10 ? 'Enter' : '2', bubbles: true, cancelable: true }));
};
new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
    times.push(performance.now() - since);
    if (times.length < arguments[0]) press();
}))).observe(image, { attributes: true, attributeFilter: ['src'] });
press();
"""


def measure(browser, count):
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {
        "offline": False, "latency": DELAY_MS, "downloadThroughput": -1, "uploadThroughput": -1})
    browser.open("/ui/review?dataset=bench&show=labelled")
    browser.image()
    browser.script(GO.replace("arguments[0]", str(count)))
    done = 0
    while done < count:  # however long it takes, it goes on
        browser.until(lambda: browser.script("return times.length") > done, "the next image")
        done = browser.script("return times.length")
    browser.all_saved()
    return browser.script("return times")


def main(count):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        server.add_user("ann")
        (server.images / "bench").mkdir()
        paths = [f"{number:04}.jpg" for number in range(count + 1)]
        for number, path in enumerate(paths):
            (server.images / "bench" / path).write_bytes(photograph(number, (800, 600)))
        server.add_dataset("bench", ("cat", "dog"), [(path, "cat") for path in paths])
        with server.start():
            browser = Browser(server, "ann")
            try:
                times = measure(browser, count)
            finally:
                browser.quit()
            corrected = server.session("ann").get("/v1/datasets/bench/samples", params={"label": "dog", "limit": 1000}).json()["items"]
    assert len(corrected) == (count + 9) // 10, len(corrected)
    seconds = statistics.mean(times) * LABELS / 1000
    print(json.dumps({"what": f"review: {LABELS} labels, the page's share", "keys": count, "median_ms": round(statistics.median(times), 1),
                      "p95_ms": round(sorted(times)[int(count * 0.95)], 1), "seconds": round(seconds, 1), "goal_seconds": GOAL_SECONDS,
                      "pass": seconds < GOAL_SECONDS}))


if __name__ == "__main__":
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__.strip())
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
