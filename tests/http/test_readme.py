"""README.md and scripts/README.md are true where a program can check them."""
import json
import re
import subprocess

import pytest
from harness import LIBEXEC, SCRIPTS, TOP

README = (TOP / "README.md").read_text()
MANUAL = (SCRIPTS / "README.md").read_text()


def test_every_command_is_named():
    for script in SCRIPTS.glob("image-label-*"):
        assert script.name in README + MANUAL or script.name == "image-label-demo"


@pytest.fixture(scope="module")
def defaults(tmp_path_factory):
    """The configuration when the file says nothing, for a user whose home is /home/ann."""
    file = tmp_path_factory.mktemp("readme") / "config.json"
    file.write_text("{}")
    done = subprocess.run([LIBEXEC / "admin", "config", "--config", file], capture_output=True, text=True,
                          env={"HOME": "/home/ann"}, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("keys", "default"), re.findall(r"^\| (`[a-z_.`, ]+`) \| (.*?) \| ", MANUAL, re.M))
def test_every_key_of_the_configuration_is_one_with_that_default(defaults, keys, default):
    for key in re.findall(r"`(.*?)`", keys):
        value = defaults
        for part in key.split("."):
            value = value[part]
        shown = default.strip("`").replace("~", "/home/ann", 1)
        assert (json.dumps(value) if isinstance(value, list) else str(value)) == ("" if shown == "none" else shown)


def test_every_key_and_variable_stands_there():
    source = (TOP / "lib" / "base" / "config_keys.c").read_text()
    keys, secrets = re.findall(r'^\t\{"([a-z_.]+)", CONFIG_(?!SECRET)', source, re.M), re.findall(r'"([A-Z_]+)"', source)
    listed = [key for row in re.findall(r"^\| (`[a-z_.`, ]+`) \|", MANUAL, re.M) for key in re.findall(r"`(.*?)`", row)]
    assert len(keys) > 30 and sorted(keys) == sorted(listed)
    assert "AWS_SESSION_TOKEN" in secrets and all(name in MANUAL for name in secrets)
