"""The list of files in lib/README.md: made of each file's first sentence, so that it names every file and its
purpose."""
import re
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
README = TOP / "lib" / "README.md"
BEGIN = "<!-- from here on made by tests/lint.py --write -->\n"


def first_sentence(file):
    """The first sentence of a file's opening comment; "" when it has none."""
    opening = re.match(r"/\*(.*?)\*/", file.read_text(), re.S)
    text = re.sub(r"\s*\n \*\s?", " ", opening.group(1)).strip() if opening else ""
    return re.split(r"(?<=\.)\s+(?=[A-Z*])", text)[0] if text else ""


def modules(folder):
    """{stem: the files with this stem}: a header with its implementation."""
    found = {}
    for file in sorted(folder.glob("*.[ch]")):
        found.setdefault(file.stem, []).append(file)
    return found


def described(files):
    """A header says what its implementation is for."""
    return next((sentence for file in reversed(files) if (sentence := first_sentence(file))), "")


def folders():
    yield TOP / "cgi"
    for top in ("cgi", "lib"):
        yield from sorted(folder for folder in (TOP / top).rglob("*") if folder.is_dir() and any(folder.glob("*.[ch]")))


def listed():
    lines = [BEGIN]
    for folder in folders():
        lines.append(f"\n## {folder.relative_to(TOP)}/\n\n")
        for stem, files in modules(folder).items():
            ending = ".h" if all(file.suffix == ".h" for file in files) else ".c" if len(files) == 1 else ""
            lines.append(f"- **{stem}{ending}**: {described(files)}\n")
    return "".join(lines)


def every_file_says_what_it_is_for():
    """A file opens with a comment whose first sentence says what it is for."""
    for folder in folders():
        for stem, files in modules(folder).items():
            if not described(files).endswith("."):
                yield f"{folder.relative_to(TOP)}/{stem}: does not open with a sentence that says what it is for"


def the_list_of_files():
    """lib/README.md lists the present files."""
    if not README.read_text().endswith(listed()):
        yield "lib/README.md: the list of files is not what the files say of themselves: run tests/lint.py --write"


def write():
    README.write_text(README.read_text().partition(BEGIN)[0] + listed())


CHECKS = [every_file_says_what_it_is_for, the_list_of_files]
