"""The form of the code: the length of files; and in C the spacing, by clang-format (whose line breaks are ignored), the
length of lines, how failure is returned, and where memory comes from."""
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
FORMATTED = ["cgi", "lib/auth", "lib/base", "lib/blob", "lib/dataset", "lib/fastcgi", "lib/image", "lib/intake"]  # the folders to check
LINE_MAX = 120
LINES_MAX = 600  # in a file
LANGUAGES = [".c", ".h", ".js", ".py"]  # to which that applies, wherever the file lies


def sources():
    return sorted(path for folder in FORMATTED for path in (TOP / folder).rglob("*.[ch]"))


def formatted(path):
    """The file's lines as they should be, and the numbers of those that are not."""
    done = subprocess.run(["clang-format", path], capture_output=True, text=True, check=True)
    ours, theirs, lines, wrong = path.read_text().splitlines(), done.stdout.splitlines(), [], []
    for kind, begin, end, their_begin, their_end in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        mine, other = ours[begin:end], theirs[their_begin:their_end]
        breaks_alone = len(mine) != len(other) and "".join("".join(mine).split()) == "".join("".join(other).split())
        if kind == "equal" or (breaks_alone and mine):
            lines += mine
        else:
            lines += other
            wrong.append(begin + 1)
    return lines, wrong


def deviating():
    """The files in which clang-format would change anything, be it only line breaks: it is asked once for all."""
    done = subprocess.run(["clang-format", "--dry-run", *sources()], capture_output=True, text=True, check=True)
    names = {line.split(":", 1)[0] for line in done.stderr.splitlines() if ": warning: " in line}
    return [path for path in sources() if str(path) in names]


def every_formatted():
    paths = deviating()
    with ThreadPoolExecutor() as pool:
        return list(zip(paths, pool.map(formatted, paths)))


def the_spacing():
    """The C code is spaced as .clang-format says."""
    for path, (_, wrong) in every_formatted():
        if wrong:
            yield f"{path.relative_to(TOP)}: lines {', '.join(map(str, wrong))} are not spaced by .clang-format: run tests/lint.py --write"


def the_length_of_lines():
    """No line is longer than LINE_MAX characters."""
    for path in sources():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if len(line) > LINE_MAX:
                yield f"{path.relative_to(TOP)}: line {number} has {len(line)} characters, of at most {LINE_MAX}"


def the_length_of_files():
    """No file has more than LINES_MAX lines."""
    for folder in ("cgi", "lib", "nginx", "scripts", "tests"):
        for path in sorted((TOP / folder).rglob("*")):
            if path.suffix in LANGUAGES and (lines := len(path.read_text().splitlines())) > LINES_MAX:
                yield f"{path.relative_to(TOP)}: has {lines} lines, of at most {LINES_MAX}: part it where it does two things"


def failure():
    """Failure is non-zero: a || b is returned as it is."""
    for path in sources():
        text = path.read_text()
        for found in re.finditer(r"\?\s*-1\s*:\s*0;", text):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{path.relative_to(TOP)}: line {line} makes -1 of a failure, which is non-zero already: return a || b"


def memory():
    """Only lib/base/memory.h asks for memory, and ends the program if there is none; scarce.c is what libraries ask."""
    for path in sources():
        if path.stem in ("memory", "scarce"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if found := re.search(r"(?<![\w>.])(malloc|calloc|realloc|reallocarray|strdup|strndup|v?asprintf|aligned_alloc)\(", line):
                yield f"{path.relative_to(TOP)}: line {number} calls {found[1]}, of which lib/base/memory.h has a form that never fails"


def write():
    for path, (lines, wrong) in every_formatted():
        if wrong:
            path.write_text("\n".join(lines) + "\n")


CHECKS = [the_spacing, the_length_of_lines, the_length_of_files, failure, memory]
