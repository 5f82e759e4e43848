"""The topics of the pages, each measured by a program of its own in a real Chromium: page, review, home, grid."""
import json
import signal
import subprocess

from meter import HERE


def measured(table, program, what, *arguments):
    """What the program tells; None if it failed."""
    process = subprocess.Popen([HERE / program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        told, said = process.communicate()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)  # it ends its server and its browser
        process.communicate()
        raise
    if process.returncode == 0:
        return json.loads(told.splitlines()[-1])
    table.not_measured(what, said.strip())
    return None


def page(table):
    """the labelling page, 20 ms away: from a key to the next image painted"""
    what = "page: key to next image painted, 20 ms away, median"
    if figures := measured(table, "page.py", what):
        table.below(what, figures["median_ms"], "ms", figures["goal_ms"], note=f"of {figures['images']}")
        table.below("page: 95 % of them", figures["p95_ms"], "ms", figures["goal_p95_ms"])


def review(table):
    """the review page, 20 ms away: its share of 1,000 labels"""
    what = "review: the page's share of 1,000 labels, 20 ms away"
    if figures := measured(table, "review.py", what):
        table.below(what, figures["seconds"], "s", figures["goal_seconds"])
        table.tell("review: of a key, median", figures["median_ms"], "ms")


def home(table):
    """the list of 200 datasets, until it is painted"""
    what = "home: first screen of 200 datasets, median"
    if figures := measured(table, "home.py", what):
        table.below(what, figures["median_ms"], "ms", figures["goal_ms"])
        table.tell("home: all 200 datasets, median", figures["all_ms"], "ms")


def grid(table):
    """the grid of 100,000: its first screen, scrolling, a label for 1,000; what a person does to check labels"""
    what = "grid of 100,000: first screen, median"
    if figures := measured(table, "grid.py", what, "speed"):
        table.below(what, figures["first_screen_ms"], "ms", 500)
        table.below("grid: longest task while scrolling", figures["longest_task_ms"], "ms", 50, note="0: none above 50 ms")
        table.below("grid: a label for 1,000, shown", figures["shown_ms"], "ms", 100)
        table.below("grid: a label for 1,000, durable", figures["durable_ms"], "ms", 1000)
    what = "actions to check labels from folders, 10 % wrong, against one by one"
    if figures := measured(table, "grid.py", what, "actions"):
        table.at_most(what, figures["actions"], figures["pictures"], 0.7, "")
