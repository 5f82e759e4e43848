#!/usr/bin/python3
"""What tests/run lint checks besides compilers and shellcheck: each check yields what is wrong, a line a finding.

Usage: tests/lint.py --write    corrects the texts that are made from the source
"""
import re
import subprocess
import sys
from pathlib import Path

import lint_audit
import lint_files
import lint_floors
import lint_format
import lint_names
import lint_openapi
import lint_pages

TOP = Path(__file__).resolve().parent.parent
MANUAL = TOP / "scripts" / "README.md"
VERSION = re.compile(r'(?:(?<=version=)|(?<=^VERSION = "))\d+\.\d+\.\d+(?="?$)', re.M)
TABLE = re.compile(r"^\| key \| default \| meaning \|\n(?:\|.*\n)*", re.M)


def configuration_table():
    return subprocess.run([TOP / "build/release/bin/admin", "config", "--table"], capture_output=True, text=True, check=True).stdout


def the_table_of_the_configuration():
    """scripts/README.md has the keys as the program knows them."""
    if TABLE.findall(MANUAL.read_text()) != [configuration_table()]:
        yield "scripts/README.md: the table of the configuration is not that of `admin config --table`: run tests/lint.py --write"


def version():
    return re.search(r"^VERSION := (\S+)$", (TOP / "Makefile").read_text(), re.M)[1]


def scripts():
    return [*sorted((TOP / "scripts").glob("image-label-*")), TOP / "scripts" / "install-deps"]


def the_version_of_the_scripts():
    """Each script has the version in the Makefile."""
    for script in scripts():
        if VERSION.findall(script.read_text()) != [version()]:
            yield f"{script.name}: its version=… is not the Makefile's, {version()}: run tests/lint.py --write"


def what_the_programs_link():
    """The uploading client reaches stores only through the server, and no other program sends requests itself."""
    for program in sorted((TOP / "build/release/bin").iterdir()):
        read = lambda *words: subprocess.run([*words, program], capture_output=True, text=True, check=True).stdout
        if ("libcurl" in read("readelf", "-d")) != (program.name == "upload"):
            yield f"{program.name}: libcurl is for cgi/upload/, and for it alone"
        if program.name == "upload" and (stores := re.findall(r" [TtDd] (dataset_store_open|blob_open)$", read("nm"), re.M)):
            yield f"upload: has a store in it: {', '.join(stores)}"


def write():
    table = configuration_table()
    MANUAL.write_text(TABLE.sub(lambda _: table, MANUAL.read_text()))
    for script in scripts():
        script.write_text(VERSION.sub(version(), script.read_text()))
    lint_files.write()
    lint_format.write()
    lint_openapi.write()


CHECKS = [the_table_of_the_configuration, the_version_of_the_scripts, what_the_programs_link, *lint_audit.CHECKS, *lint_files.CHECKS, *lint_floors.CHECKS, *lint_format.CHECKS, *lint_names.CHECKS, *lint_openapi.CHECKS, *lint_pages.CHECKS]

if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__.strip())
    write()
