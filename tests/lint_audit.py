"""What is said of the audit holds: the table of requirements names files and tests that there are, and each parser has a
fuzz target."""
import re
from collections import Counter
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
TABLE = TOP / "tests" / "audit" / "asvs.md"
FUZZ = TOP / "tests" / "fuzz"
# Definitions of functions, by whose names a parser is known. Command lines are not from outside.
PARSER = re.compile(r"^[a-z][\w \t*]*?\b((?:\w+_)?(?:parse|sniff|decode|from_json)(?:_\w+)?)\((?![^;{}]*\bargv\b)[^;{}]*\)\n\{", re.M)
# Files with parsers that no target names, since others do the work.
BY_OTHERS = {
    "cgi/decode.c": "questions of a fixed size, from the program that starts it",
    "cgi/labels/change.c": "fields of JSON, as lib/base/json.c gives them: schemathesis sends them bad ones (tests/http/test_exploring.py)",
    "cgi/uploads/append.c": "numbers, and tus.c",
    "cgi/uploads/create.c": "numbers, and tus.c",
    "lib/auth/userdir.c": "hands a document's text to lib/base/json.c",
    "lib/intake/partial.c": "files of the server's own, in JSON",
}


def the_table_of_requirements():
    """Each requirement stands once; each file is there, and has the test."""
    text = TABLE.read_text()
    numbers = Counter(number for row in re.findall(r"^\| (\d[^|]*)\|", text, re.M) for number in re.findall(r"\d+\.\d+\.\d+", row))
    yield from (f"{TABLE.name}: {number} stands {times} times" for number, times in numbers.items() if times > 1)
    for path, test in re.findall(r"`([\w./-]+/[\w./-]+|Makefile)(?:::(\w+))?`", text):
        if not (TOP / path).exists():
            yield f"{TABLE.name}: there is no {path}"
        elif test and not re.search(rf"^(def|static void) {test}\(", (TOP / path).read_text(), re.M):
            yield f"{TABLE.name}: {path} has no {test}"


def parsers_of(target):
    """The files that the target's opening comment names."""
    return re.findall(r"\b(?:lib|cgi)/[\w/]+\.c", target.read_text().partition("*/")[0].partition("Parses:")[2])


def each_parser_has_a_fuzz_target():
    """Each target names the files whose parsers it fuzzes, and has a corpus; each file with a parser is named by one."""
    named = set()
    for target in sorted(FUZZ.glob("fuzz_*.c")):
        files, seeds = parsers_of(target), FUZZ / "corpus" / target.stem.removeprefix("fuzz_")
        named.update(files)
        yield from (f"tests/fuzz/{target.name}: there is no {file}" for file in files if not (TOP / file).exists())
        if not files or not seeds.is_dir() or not any(seeds.iterdir()):
            yield f"tests/fuzz/{target.name}: names no file after \"Parses:\", or has no seeds"
    for path in sorted([*TOP.glob("lib/**/*.c"), *TOP.glob("cgi/**/*.c")]):
        file, parsers = str(path.relative_to(TOP)), PARSER.findall(path.read_text())
        if parsers and file not in named and file not in BY_OTHERS:
            yield f"{file}: no fuzz target names it, which has {parsers[0]}"
    yield from (f"lint_audit.py: {file} is named by a target by now, or gone" for file in BY_OTHERS if file in named or not (TOP / file).exists())


CHECKS = [the_table_of_requirements, each_parser_has_a_fuzz_target]
