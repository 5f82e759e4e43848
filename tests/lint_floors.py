"""The floors of lib/: which folder may include which, and that no two files need each other in a circle."""
import re
import subprocess
from collections import defaultdict
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
OBJECTS = TOP / "build" / "release"

# Arrows point one way: a folder includes itself and the folders listed here. cgi/ may include all of lib/.
BELOW = {
    "base": [],
    "dataset": ["base"],
    "blob": ["base"],
    "image": ["base"],
    "intake": ["image", "dataset", "blob", "base"],
    "auth": ["base"],
    "fastcgi": ["auth", "intake", "image", "blob", "dataset", "base"],
}
# Inner headers of a backend, which only its own files may include, by the folder and the prefix of the files'
# names.
INNER = ["dataset/sqlite", "dataset/mongodb", "blob/fs", "blob/s3"]


def sources(*folders):
    return sorted(path for folder in folders for path in (TOP / folder).rglob("*.[ch]"))


def name_of(path):
    """lib/dataset/rules.c as dataset/rules.c."""
    return path.relative_to(TOP / "lib").as_posix()


def included(path):
    return re.findall(r'^#include "(.+?)"', path.read_text(), re.M)


def rings(arrows):
    """The strongly connected parts of more than one (Tarjan 1972)."""
    number, low, stack, found = {}, {}, [], []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in arrows.get(node, ()):
            if other not in number:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == number[node]:
            part = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(part) > 1:
                found.append(sorted(part))

    for node in list(arrows):
        if node not in number:
            visit(node)
    return found


def floors():
    """No file of lib/ includes one of a floor that is not below its own."""
    for path in sources("lib"):
        room = name_of(path).split("/")[0]
        if room not in BELOW:
            yield f"lib/{room}: stands on no floor: tests/lint_floors.py has the table"
            return
        for other in included(path):
            if (floor := other.split("/")[0]) != room and floor not in BELOW[room]:
                yield f"lib/{name_of(path)} includes {other}: lib/{room} may include {', '.join(BELOW[room]) or 'nothing else'}"


def inner_headers():
    """Only a backend includes its inner headers."""
    for path in sources("lib", "cgi"):
        for other in included(path):
            for inner in INNER:
                if re.match(rf"{inner}(?![a-z])", other) and not path.relative_to(TOP).as_posix().startswith(f"lib/{inner}"):
                    yield f"{path.relative_to(TOP)} includes {other}, which is the backend's own"


def circles_of_includes():
    """No two files of lib/ include each other, not even through others."""
    arrows = {name_of(path): [other for other in included(path) if other != name_of(path)] for path in sources("lib")}
    for ring in rings(arrows):
        yield f"include each other in a circle: {', '.join(ring)}"


def needs():
    """{file: {file: symbols}}: which file needs symbols that another file of lib/ defines, by the objects that
    make has built."""
    defined, wanted, found = {}, defaultdict(set), defaultdict(lambda: defaultdict(set))
    for path in sources("lib"):
        if path.suffix == ".c":
            words = ["nm", "-g", OBJECTS / path.relative_to(TOP).with_suffix(".o")]
            for line in subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines():
                *_, kind, symbol = line.split()
                if kind == "U":
                    wanted[name_of(path)].add(symbol)
                else:
                    defined[symbol] = name_of(path)
    for file, symbols in wanted.items():
        for symbol in symbols & defined.keys():
            found[file][defined[symbol]].add(symbol)
    return found


def circles_of_calls():
    """No two files of lib/ call each other, not even through others."""
    found = needs()
    for ring in rings({file: set(others) for file, others in found.items()}):
        arrows = [f"{file} needs {', '.join(sorted(found[file][other]))} of {other}" for file in ring for other in ring if other in found[file]]
        yield f"call each other in a circle: {', '.join(ring)}" + "".join(f"\n  {arrow}" for arrow in arrows)


def what_is_the_process_own():
    """The library neither prints, nor ends the process, nor reads its environment: programs do, and pass it in."""
    own = {"exit", "getenv", "secure_getenv", "printf", "__printf_chk", "puts", "putchar", "stdout"}
    for path in sources("lib"):
        if path.suffix == ".c":
            words = ["nm", "-u", OBJECTS / path.relative_to(TOP).with_suffix(".o")]
            symbols = subprocess.run(words, capture_output=True, text=True, check=True).stdout.replace("U", "").split()
            if found := own.intersection(symbol.partition("@")[0] for symbol in symbols):
                yield f"lib/{name_of(path)} uses {', '.join(sorted(found))}: that is for programs"


CHECKS = [floors, inner_headers, circles_of_includes, circles_of_calls, what_is_the_process_own]
