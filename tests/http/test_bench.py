"""The benchmarks' table: its rows, its JSON, its exit status, and two runs side by side."""
import json
import re
import subprocess
import sys

import pytest
from harness import TOP

sys.path.append(str(TOP / "tests" / "bench"))
from table import Table  # noqa: E402

pytestmark = pytest.mark.on("sqlite", "fs")
MACHINE = {"processors": 2, "model": "Some", "fdatasync_per_second": 900}


def bench(*arguments):
    return subprocess.run([TOP / "tests" / "bench" / "bench", *map(str, arguments)], capture_output=True, text=True, timeout=120)


def row(what, figure=None, against=None, goal=None, **more):
    return {"topic": "some", "what": what, "note": "", "figure": figure, "unit": "/s", "against": against, "ratio": None, "goal": goal, "pass": None,
            "not_measured": None, **more}


MET = row("met", 90, 100, {"at_least": 0.9})
MISSED = row("missed", 89, 100, {"at_least": 0.9})
ABOVE = row("above", 101, 100, {"at_most": 1})
TOLD = row("told", 5, 10)
NOT_MEASURED = row("absent", not_measured="there is none")
FAILED = row("failed", not_measured="it broke", **{"pass": False})


@pytest.fixture
def keep(tmp_path):
    """Writes the results of a run with these rows; returns the file."""

    def write(*rows, name="run.json", **more):
        document = {"format": 1, "at": "2026-01-02T03:04:05Z", "commit": "c0ffee", "changed": False, "machine": MACHINE, "seconds": {}, "rows": rows, **more}
        (tmp_path / name).write_text(json.dumps(document))
        return tmp_path / name

    return write


def test_a_run_prints_one_table_and_keeps_the_same_as_json(tmp_path):
    kept = tmp_path / "sub" / "kept.json"
    done = bench("memory", "--json", kept)
    run = json.loads(kept.read_text())
    (only,) = run["rows"]
    assert run["format"] == 1 and run["machine"]["processors"] > 0 and run["machine"]["fdatasync_per_second"] > 0 and run["machine"]["kernel"], run
    assert run["machine"]["versions"]["image-label-server"] and list(run["seconds"]) == ["memory"], run
    assert only["topic"] == "memory" and only["figure"] > 0 and only["ratio"] == only["figure"] / only["against"] and only["goal"] == {"at_most": 1}
    assert only["pass"] == (only["ratio"] <= 1) and only["not_measured"] is None
    assert run["goals"] == {"met": int(only["pass"]), "missed": int(not only["pass"]), "not_measured": 0}
    assert done.returncode == (0 if only["pass"] else 1), done.stderr
    assert [line.split() for line in done.stdout.splitlines() if line.startswith("what ")] == [["what", "figure", "against", "ratio", "goal", "pass"]]


@pytest.mark.parametrize("rows, status, last", [
    ([MET, TOLD], 0, "1 of 1 goals met"),
    ([MET, MISSED], 1, "1 of 2 goals met"),
    ([ABOVE], 1, "0 of 1 goals met"),
    ([MET, FAILED], 1, "1 of 2 goals met"),
    ([MET, NOT_MEASURED], 3, "1 of 1 goals met, 1 figures not measured"),
    ([MISSED, NOT_MEASURED], 1, "0 of 1 goals met, 1 figures not measured"),
])  # fmt: skip
def test_the_exit_status_says_whether_all_goals_are_met(keep, capsys, rows, status, last):
    table = Table.read(keep(*rows))
    table.print()
    assert table.status() == status
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_what_was_kept_is_read_as_it_was_written(keep, tmp_path):
    first, again = keep(MET, MISSED, TOLD, NOT_MEASURED, FAILED), tmp_path / "again.json"
    Table.read(first).write(again)
    rows = json.loads(again.read_text())["rows"]
    assert [row["pass"] for row in rows] == [True, False, None, None, False] and [row["ratio"] for row in rows[:3]] == [0.9, 0.89, 0.5]
    assert Table.read(again) == Table.read(first)


def test_two_runs_are_printed_side_by_side(keep):
    before = keep(MET, row("gone", 7), name="before.json", commit="abcdef")
    done = bench("--from", keep(row("met", 45, 100, {"at_least": 0.9}), TOLD), "--compare", before)
    assert done.returncode == 1, done.stderr
    assert "before: 2026-01-02T03:04:05Z, commit abcdef, 2 x Some, 900 fdatasync/s" in done.stdout
    rows = {line.split()[0]: line.split() for line in done.stdout.partition("now/before")[2].splitlines() if line.startswith("  ")}
    assert rows["met"] == ["met", "90/s", "45/s", "0.50", "0.90", "0.45", ">=", "0.9", "yes", "NO"]
    assert rows["gone"] == ["gone", "7/s", "-", "-", "-"] and rows["told"] == ["told", "-", "5/s", "-", "0.50", "-"]


def test_markdown_is_a_table(keep, capsys):
    Table.read(keep(MET, TOLD)).print_markdown()
    assert capsys.readouterr().out.splitlines()[1:] == [
        "|---|---|---|---|---|---|", "| met | 90/s | 100/s | 0.90 | >= 0.9 | yes |", "| told | 5/s | 10/s | 0.50 |  |  |"]


@pytest.mark.parametrize("text, says", [
    ('{"format": 1}', "run.json: not the results of a run: 'rows'"),
    ('{"format": 2}', "its format is 2, and 1 can be read"),
    ("[]", "not the results of a run"),
    ("no JSON", "not the results of a run"),
])  # fmt: skip
def test_what_is_no_run_is_told(tmp_path, text, says):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(ValueError, match=re.escape(says)):
        Table.read(tmp_path / "run.json")


@pytest.mark.parametrize("arguments, says", [
    (["nothing"], "no such topic: nothing (there are build, start, "),
    (["--from", "there-is-none.json"], "there-is-none.json: No such file or directory"),
])  # fmt: skip
def test_wrong_arguments_are_told(arguments, says):
    done = bench(*arguments)
    assert done.returncode == 2 and says in done.stderr, done.stderr


def test_the_help_names_every_topic_and_describes_the_json():
    said = bench("--help").stdout
    assert all(word in said for word in ("endpoints ", "peers ", "Examples:", "goals ", "not_measured ", "--compare FILE"))
