#!/usr/bin/python3
"""What the fault tests have tried, and what was lost: a table of fault, tries and lost.

Usage: tests/fault/toll.py FILE                   print what the tests noted in FILE as a Markdown table
       tests/fault/toll.py FILE --into README.md  put it in the place of the table that is there

A test notes it where $FAULT_TABLE names a file: a JSON object a line, {"fault", "tries", "lost"}. Those of the same fault are
one row. A try is one time that the fault was brought about; lost is whatever had been acknowledged and was not there
afterwards, or was there twice, or wrong; where the fault's name speaks of requests, the requests that failed. A table with
anything lost is printed, but put nowhere, and the exit status is 1.

Examples:
  make soak && tests/fault/toll.py build/faults.jsonl --into README.md
  FAULT_TABLE=/tmp/faults tests/run fault; tests/fault/toll.py /tmp/faults
"""
import json
import os
import re
import sys
from pathlib import Path

HEAD = "| fault | tries | lost |\n|---|---|---|\n"
TABLE = re.compile(re.escape(HEAD) + r"(?:\|.*\n)*")


def tried(fault, tries, lost):
    """Notes that this fault was brought about so many times, and how much was lost by that. A test calls it before it asserts
    that nothing was."""
    if os.environ.get("FAULT_TABLE"):
        line = json.dumps({"fault": fault, "tries": tries, "lost": lost}) + "\n"
        with open(os.environ["FAULT_TABLE"], "ab", 0) as table:  # a line is one write: several tests write at once
            table.write(line.encode())


def summed(lines):
    """{fault: (tries, lost)}, in the order of their names."""
    rows = {}
    for line in lines:
        noted = json.loads(line)
        tries, lost = rows.get(noted["fault"], (0, 0))
        rows[noted["fault"]] = (tries + noted["tries"], lost + noted["lost"])
    return dict(sorted(rows.items()))


def table(rows):
    return HEAD + "".join(f"| {fault} | {tries:,} | {lost:,} |\n" for fault, (tries, lost) in rows.items())


def put_into(path, text):
    whole, changed = TABLE.subn(lambda _: text, path.read_text())
    if changed != 1:
        sys.exit(f"toll.py: {path} has {changed or 'no'} table(s) that begin with {HEAD.splitlines()[0]}")
    path.write_text(whole)


def main(words):
    if "--help" in words or "-h" in words:
        print(__doc__.strip())
        return 0
    if len(words) not in (1, 3) or len(words) == 3 and words[1] != "--into":
        sys.exit("toll.py: a FILE, or FILE --into README.md (see --help)")
    try:
        rows = summed(Path(words[0]).read_text().splitlines())
    except FileNotFoundError:
        sys.exit(f"toll.py: no test has noted anything in {words[0]} (run them with FAULT_TABLE={words[0]})")
    text = table(rows)
    if len(words) == 1 or any(lost for _, lost in rows.values()):
        print(text, end="")
    if any(lost for _, lost in rows.values()):
        return 1
    if len(words) == 3:
        put_into(Path(words[2]), text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
