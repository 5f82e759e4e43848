"""The table of a run's results: told as they come, printed, kept as JSON, and compared with those of another run."""
import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from meter import fdatasync_rate

TOP = Path(__file__).resolve().parents[2]
FORMAT = 1
SCHEMA = """\
The JSON (a key that cannot be had is null):
  format        1; another number when a key has changed its meaning
  at            when the run began, RFC 3339
  commit        of the source that was measured; changed: whether files differed from it
  machine       processors, model, memory_mb, kernel, system; folder: where the files lay, with its filesystem and
                fdatasync_per_second; versions: of image-label-server, nginx, sqlite and others, by name
  seconds       {topic: how long it took}
  rows[]        topic, what, note   which figure; what is the same in each run, the note need not be
                figure, unit        what was measured
                against             what it is measured against, in the same unit: a ceiling, another way, or a limit
                ratio               figure / against
                goal                {"at_least": N} or {"at_most": N}, of the ratio; null: the figure is only told
                pass                whether the goal is met; null without goal, or if it was not measured
                not_measured        why there is no figure, else null
  goals         met, missed, not_measured: how many rows"""


def shown(value, unit):
    if value is None:
        return ""
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:.{digits}f}{'' if unit.startswith('/') else ' '}{unit}".strip()


@dataclass
class Row:
    topic: str
    what: str
    unit: str = ""
    figure: float | None = None
    against: float | None = None
    goal: dict | None = None
    note: str = ""
    not_measured: str | None = None
    failed: bool = False  # it is no figure: what was measured went wrong

    @property
    def ratio(self):
        return self.figure / self.against if self.against and self.figure is not None else None

    @property
    def passed(self):
        if self.failed:
            return False
        if not self.goal or self.ratio is None:
            return None
        return self.ratio >= self.goal["at_least"] if "at_least" in self.goal else self.ratio <= self.goal["at_most"]

    def cells(self):
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        goal = "" if not self.goal else f">= {self.goal['at_least']}" if "at_least" in self.goal else f"<= {self.goal['at_most']}"
        figure = f"not measured: {self.not_measured}" if self.not_measured else shown(self.figure, self.unit)
        return figure, shown(self.against, self.unit), ratio, goal, {None: "", True: "yes", False: "NO"}[self.passed]

    def named(self):
        return self.what + (f" ({self.note})" if self.note else "")

    def document(self):
        return {"topic": self.topic, "what": self.what, "note": self.note, "figure": self.figure, "unit": self.unit, "against": self.against,
                "ratio": self.ratio, "goal": self.goal, "pass": self.passed, "not_measured": self.not_measured}

    @classmethod
    def of(cls, document):
        kept = {name: value for name, value in document.items() if name not in ("ratio", "pass")}
        return cls(**kept, failed=bool(document["not_measured"]) and document["pass"] is False)


@dataclass
class Table:
    """One row a figure, of one form: the figure, what it is measured against, their ratio, and a goal for the ratio."""

    rows: list = field(default_factory=list)
    head: dict = field(default_factory=dict)
    seconds: dict = field(default_factory=dict)
    topic: str = ""

    # --- filling it

    def add(self, what, **fields):
        row = Row(self.topic, what, **fields)
        self.rows.append(row)
        figure, _, ratio, _, passed = row.cells()
        print(f"  {row.named()}: {figure}" + (f", ratio {ratio}" if ratio else "") + (", goal missed" if passed == "NO" else ""), flush=True)

    def at_least(self, what, figure, against, goal, unit, note=""):
        self.add(what, figure=figure, against=against, unit=unit, goal={"at_least": goal}, note=note)

    def at_most(self, what, figure, against, goal, unit, note=""):
        self.add(what, figure=figure, against=against, unit=unit, goal={"at_most": goal}, note=note)

    def compare(self, what, run, ceiling, goal, note=""):
        """The rates of two runs."""
        self.at_least(what, run.rate, ceiling.rate, goal, "/s", note)

    def below(self, what, figure, unit, limit, note=""):
        self.at_most(what, figure, limit, 1, unit, note)

    def tell(self, what, figure, unit, against=None, note=""):
        """A figure without a goal."""
        self.add(what, figure=figure, against=against, unit=unit, note=note)

    def not_measured(self, what, why, failed=False):
        self.add(what, not_measured=(why.splitlines() or ["?"])[-1][:160], failed=failed)

    # --- what came of it

    def goals(self):
        return {"met": sum(row.passed is True for row in self.rows), "missed": sum(row.passed is False for row in self.rows),
                "not_measured": sum(bool(row.not_measured) and not row.failed for row in self.rows)}

    def status(self):
        goals = self.goals()
        return 1 if goals["missed"] else 3 if goals["not_measured"] else 0

    def print(self):
        print_columns(("what", "figure", "against", "ratio", "goal", "pass"), [(row.topic, (row.named(), *row.cells())) for row in self.rows])
        goals = self.goals()
        print(f"\n{goals['met']} of {goals['met'] + goals['missed']} goals met"
              + (f", {goals['not_measured']} figures not measured" if goals["not_measured"] else ""))

    def print_markdown(self):
        print("| | figure | against | ratio | goal | pass |\n|---|---|---|---|---|---|")
        for row in self.rows:
            print(f"| {' | '.join(cell.replace('|', '&#124;') for cell in (row.named(), *row.cells()))} |")

    def write(self, path):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {"format": FORMAT, **self.head, "seconds": self.seconds, "rows": [row.document() for row in self.rows], "goals": self.goals()}
        path.with_name(path.name + ".new").write_text(json.dumps(document, indent=1) + "\n")
        os.replace(path.with_name(path.name + ".new"), path)

    @classmethod
    def read(cls, path):
        """Raises ValueError, saying why, if there is no such run."""
        try:
            document = json.loads(Path(path).read_text())
            if document["format"] != FORMAT:
                raise ValueError(f"its format is {document['format']}, and {FORMAT} can be read")
            rows = [Row.of(row) for row in document["rows"]]
            return cls(rows, {name: document[name] for name in ("at", "commit", "changed", "machine")}, document["seconds"])
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: not the results of a run: {error or repr(error)}") from error


def print_columns(head, rows):
    """Rows are (topic, cells); each topic has a line above its rows."""
    lines = [head]
    for number, (topic, cells) in enumerate(rows):
        if number == 0 or topic != rows[number - 1][0]:
            lines.append((f"{topic}:",))
        lines.append((f"  {cells[0]}", *cells[1:]))
    widths = [max(len(line[column]) for line in lines if column < len(line)) for column in range(len(head))]
    widths[1] = min(widths[1], 24)  # the reason why something was not measured may be longer
    lines.insert(1, ["-" * width for width in widths])
    print()
    for line in lines:
        print("  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(zip(line, widths))).rstrip())


def described(run):
    head, machine = run.head, run.head["machine"]
    return (f"{head['at']}, commit {(head['commit'] or 'unknown')[:12]}{' and changes' if head['changed'] else ''},"
            f" {machine['processors']} x {machine['model']}, {machine['fdatasync_per_second']} fdatasync/s")


def compare(before, now):
    """Prints two runs side by side; also the rows that only one of them has."""
    runs = [{(row.topic, row.what): row for row in run.rows} for run in (before, now)]
    keys = list({**runs[1], **runs[0]})
    topics = list(dict.fromkeys(topic for topic, _ in keys))
    keys.sort(key=lambda key: topics.index(key[0]))

    def cells(key):
        first, second = (run.get(key) for run in runs)
        was, now_is = (row.cells() if row else ("-", "", "-", "", "-") for row in (first, second))
        change = f"{second.figure / first.figure:.2f}" if first and second and first.figure and second.figure is not None else ""
        figures = ("not measured" if row and row.not_measured else row_cells[0] for row, row_cells in ((first, was), (second, now_is)))
        return key[1], *figures, change, was[2], now_is[2], now_is[3] or was[3], was[4], now_is[4]

    print(f"\nbefore: {described(before)}\nnow:    {described(now)}")
    print_columns(("what", "before", "now", "now/before", "ratio before", "now", "goal", "pass before", "now"), [(key[0], cells(key)) for key in keys])


# --- the machine


def first_line(*words):
    """What a program says of itself; None if it is not there."""
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except OSError:
        return None
    return (done.stdout.splitlines() or [None])[0] if done.returncode == 0 else None


def field_of(path, name):
    """The value of a line "NAME: VALUE", or "NAME=VALUE"."""
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line[len(name):].lstrip("\t :=").strip('"')
    return None


def facts(folder):
    """What of the machine and the source the figures depend on; `folder` is where files will lie."""
    git = lambda *words: first_line("git", "-C", str(TOP), *words)
    commit = git("rev-parse", "HEAD")
    versions = {
        "image-label-server": field_of(TOP / "Makefile", "VERSION "),
        "nginx": (first_line("nginx", "-v") or "").rpartition("/")[2] or None,
        "sqlite": (first_line("sqlite3", "--version") or "").split(" ")[0] or None,
        "libvips": first_line("pkg-config", "--modversion", "vips"),
        "gcc": first_line("gcc", "-dumpfullversion"),
        "python": platform.python_version(),
    }
    return {
        "at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit,
        "changed": commit and git("status", "--porcelain") is not None,
        "machine": {
            "processors": os.cpu_count(), "model": field_of("/proc/cpuinfo", "model name") or platform.machine(),
            "memory_mb": int(field_of("/proc/meminfo", "MemTotal").split()[0]) // 1024,
            "kernel": platform.release(), "system": field_of("/etc/os-release", "PRETTY_NAME"),
            "folder": str(folder), "filesystem": first_line("stat", "-f", "-c", "%T", str(folder)),
            "fdatasync_per_second": round(fdatasync_rate(folder, 2)), "versions": versions,
        },
    }
