"""Checks the pages' scripts: their types, which JSDoc gives and openapi.json has of what the server answers, and their
style."""
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
TOOLS = TOP / "build" / "node" / "node_modules"
ANSWERS = TOP / "build" / "node" / "v1.d.ts"
DESCRIPTION = TOP / "nginx" / "html" / "openapi.json"


def run(tool, *words):
    """What a tool that npm installed finds, a line a finding."""
    if not (TOOLS / tool).exists():
        return [f"{tool} is not there: run scripts/install-deps --test"]
    done = subprocess.run(["node", TOOLS / tool, *words], cwd=TOP, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()


def the_types_of_the_pages_scripts():
    """tsc finds nothing in nginx/html."""
    if not ANSWERS.exists() or ANSWERS.stat().st_mtime < DESCRIPTION.stat().st_mtime:
        yield from run("openapi-typescript/bin/cli.js", DESCRIPTION, "-o", ANSWERS)
    yield from run("typescript/bin/tsc", "-p", "tests/node/tsconfig.json")


def the_style_of_the_pages_scripts():
    """eslint finds nothing in nginx/html."""
    yield from run("eslint/bin/eslint.js", "--config", "tests/node/eslint.config.js", "nginx/html")


CHECKS = [the_types_of_the_pages_scripts, the_style_of_the_pages_scripts]
