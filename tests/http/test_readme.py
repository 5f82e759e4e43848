"""README.md tells the truth where a program can check it."""
import fnmatch
import json
import re
import subprocess

import pytest
from harness import LIBEXEC, SCRIPTS, TOP

README = (TOP / "README.md").read_text()

def structure():
    """The patterns of the code structure, by their folder: {"lib/base/": ["err.*", …]}."""
    listed = {}
    for line in re.search(r"### Code structure.*?```\n(.*?)```", README, re.S).group(1).splitlines():
        if match := re.match(r"([a-z]\S*/)", line):
            folder = match.group(1)
            listed[folder] = []
        elif match := re.match(r"  (\S.*?) {2,}", line):
            listed[folder] += match.group(1).split()
    return listed


def files(folder):
    """What lies in a folder, as git would keep it; a folder in it counts as the program of its name."""
    done = subprocess.run(["git", "-C", TOP, "ls-files", folder], capture_output=True, text=True)
    return sorted({name.removeprefix(folder) for name in done.stdout.splitlines() if "/" not in name.removeprefix(folder)})


@pytest.mark.parametrize("folder", [folder for folder in structure() if folder.startswith(("cgi/", "lib/"))])
def test_the_code_structure_names_every_file_and_no_other(folder):
    patterns = structure()[folder]
    for name in files(folder):
        assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), f"{folder}{name} is not listed"
    for pattern in patterns:
        assert list((TOP / folder).glob(pattern)), f"{folder}{pattern} is listed, but there is none"


def test_every_command_is_named():
    for script in SCRIPTS.glob("image-label-*"):
        assert script.name in README or script.name == "image-label-demo"


@pytest.fixture(scope="module")
def defaults(tmp_path_factory):
    """The configuration when the file says nothing, for a user whose home is /home/ann."""
    file = tmp_path_factory.mktemp("readme") / "config.json"
    file.write_text("{}")
    done = subprocess.run([LIBEXEC / "admin", "config", "--config", file], capture_output=True, text=True,
                          env={"HOME": "/home/ann"}, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("keys", "default"), re.findall(r"^\| (`[a-z_.`, ]+`) \| (.*?) \| ", README, re.M))
def test_every_key_of_the_configuration_is_one_with_that_default(defaults, keys, default):
    for key in re.findall(r"`(.*?)`", keys):
        value = defaults
        for part in key.split("."):
            value = value[part]
        shown = default.strip("`").replace("~", "/home/ann", 1)
        assert (json.dumps(value) if isinstance(value, list) else str(value)) == ("" if shown == "none" else shown)


def test_every_key_and_variable_stands_there():
    source = (TOP / "lib" / "base" / "config_keys.c").read_text()
    keys, secrets = re.findall(r'^\t\{ "([a-z_.]+)", CONFIG_(?!SECRET)', source, re.M), re.findall(r'"([A-Z_]+)"', source)
    listed = [key for row in re.findall(r"^\| (`[a-z_.`, ]+`) \|", README, re.M) for key in re.findall(r"`(.*?)`", row)]
    assert len(keys) > 30 and sorted(keys) == sorted(listed)
    assert "AWS_SESSION_TOKEN" in secrets and all(name in README for name in secrets)
