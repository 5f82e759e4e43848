#!/usr/bin/python3
"""Takes a screenshot of each page, in the light, in the dark and on a phone, as a person finds them at work: into
build/tour, and small ones of those in the light for the README into tests/browser/tour.

Usage: tests/browser/tour.py
"""
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "browser"), str(TESTS / "http")]
from chromium import Browser  # noqa: E402
from harness import LIBEXEC, Server  # noqa: E402
from PIL import Image  # noqa: E402

PICTURES, README = TESTS.parent / "build" / "tour", TESTS / "browser" / "tour"
SMALL = (960, 600)
SHAPES = ("circle", "square", "star", "triangle")
LOOKS = {"": (1280, 800, "light"), "-dark": (1280, 800, "dark"), "-phone": (390, 844, "light")}
TOUR = {
    "home": "/ui/",
    "label": "/ui/label?dataset=shapes",
    "grid": "/ui/grid?dataset=shapes",
    "review": "/ui/review?dataset=shapes",
    "stats": "/ui/stats?dataset=shapes",
    "upload": "/ui/upload?dataset=leaves",
    "export": "/ui/export?dataset=shapes",
    "settings": "/ui/settings?dataset=shapes",
    "people": "/ui/people",
}


def work(server, pictures):
    """Two people label half of the pictures, and do not agree on all; some come into another dataset."""
    for turn, user in enumerate(("ann", "bob")):
        session = server.session(user)
        for number in range(turn * 2, 22 - turn * 2):
            tasks = session.post("/v1/datasets/shapes/tasks").json()["tasks"]
            label = SHAPES[(number + turn * (number % 5 == 0)) % len(SHAPES)]
            session.post(f"/v1/datasets/shapes/tasks/{tasks[0]['token']}/label", json={"label": label, "lead_time_ms": 900 + 70 * number})
    admin = server.session("ada")
    admin.patch("/v1/datasets/shapes", json={"policy": {"overlap": 1}})
    admin.put("/v1/datasets/shapes/samples/3/flag", json={"note": "Is this one cut off?"})
    admin.post("/v1/datasets", json={"name": "leaves", "labels": ["maple", "oak"]})
    for number, path in enumerate(pictures[:6]):
        admin.put(f"/v1/datasets/leaves/images/{path.name}", params={"label": ("oak", "maple")[number % 2]}, data=path.read_bytes())


def take(browser, name, path, pictures):
    for look, (width, height, scheme) in LOOKS.items():
        browser.resize(width, height)
        browser.prefer(prefers_color_scheme=scheme)
        browser.open(path)
        browser.until(lambda: browser.status == "" and browser.script("return document.readyState === 'complete' && !document.querySelector('#user').hidden"), name)
        if name == "upload":
            browser.find("#files").send_keys("\n".join(map(str, pictures[4:9])))
            browser.until(lambda: browser.text("#uploads-title").startswith("All"), "the files there")
        browser.until(lambda: browser.script("return [...document.images].every(each => each.complete)"), "all pictures")
        picture = PICTURES / f"{name}{look}.png"
        browser.driver.save_screenshot(str(picture))
        if not look:
            Image.open(picture).convert("RGB").resize(SMALL, Image.LANCZOS).save(README / f"{name}.webp", quality=80, method=6)
        print(picture)


def main():
    for folder in (PICTURES, README):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        server = Server(place)
        for user, role in (("ada", "admin"), ("ann", "annotator"), ("bob", "annotator"), ("carl", "contributor")):
            server.add_user(user, role=role)
        shapes = server.images / "shapes"
        shapes.mkdir(parents=True)
        subprocess.run([LIBEXEC / "admin", "draw", shapes], check=True)
        pictures = sorted(shapes.iterdir())
        server.add_dataset("shapes", SHAPES, [path.name for path in pictures])
        with server.start():
            server.session("ada").patch("/v1/datasets/shapes", json={"policy": {"overlap": 2}})
            work(server, pictures)
            browser = Browser(server, "ada")
            try:
                for name, path in TOUR.items():
                    take(browser, name, path, pictures)
            finally:
                browser.quit()


if __name__ == "__main__":
    if "--help" in sys.argv or "-h" in sys.argv:
        print(__doc__.strip())
    else:
        main()
