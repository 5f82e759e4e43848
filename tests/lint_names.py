"""Names of functions: each is defined once in lib/ and cgi/, so that a backtrace says where it is, and a search
finds only one."""
import re
from collections import defaultdict
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
# A definition begins at the margin and opens its body there, too.
DEFINITION = re.compile(r"^[a-z][\w \t*]*?\b(\w+)\([^;{}]*\)\n\{", re.M)


def names():
    """A function's name says its module or its subject: no other function has it."""
    defined = defaultdict(list)
    for folder in ("cgi", "lib"):
        for path in sorted((TOP / folder).rglob("*.c")):
            for found in DEFINITION.finditer(path.read_text()):
                defined[found[1]].append(str(path.relative_to(TOP)))
    for name, files in sorted(defined.items()):
        if len(files) > 1 and name != "main":
            yield f"{name} is defined in {' and in '.join(files)}: name it by its module or its subject"


CHECKS = [names]
