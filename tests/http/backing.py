"""Backups of a server's stores, for the tests of image-label-backup and image-label-check."""
import json
import subprocess

from harness import PLAIN, SCRIPTS

NAMES = ("photos", "collected", "asked")  # the datasets of migrating.used
BACKUP = str(SCRIPTS / "image-label-backup")


def command(script, side, *words, status=0, **env):
    """Runs a command on a side's configuration; what it printed, and what it said on stderr."""
    words = [str(SCRIPTS / script), *map(str, words), "--config", side.config_file]
    done = subprocess.run(words, env={**PLAIN, **getattr(side, "keys", {}), **env}, capture_output=True, text=True, timeout=300)
    assert done.returncode == status, f"{done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout, done.stderr


def backup(side, place, *words, **env):
    return json.loads(command("image-label-backup", side, "--to", place, "--json", *words, **env)[0])


def restore(side, place, *words, **env):
    return command("image-label-backup", side, "restore", "--from", place, *words, **env)


def listed(side, place, **env):
    return json.loads(command("image-label-backup", side, "--to", place, "--list", "--json", **env)[0])


def parts(manifest, kind="dataset"):
    return {part["name"]: part for part in manifest["parts"] if part["kind"] == kind}
