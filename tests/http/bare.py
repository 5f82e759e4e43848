"""A server without a configuration file: only an empty home, and an environment."""
import json
import os
import subprocess

from harness import LIBEXEC, SCRIPTS, Server, free_port

KEPT = ("PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")


class Bare(Server):
    """As a stranger has it: nothing is told but by the environment, all lies where it lies by default."""

    def __init__(self, folder, variables=None, config=None):
        super().__init__(folder)
        self.port = free_port()  # that of the default configuration may be another run's
        self.home = self.folder / "home"
        self.state = self.home / ".local" / "state" / "image-label-server"
        self.variables = variables or {}
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.env = {**kept, "HOME": str(self.home), "IMAGE_LABEL_LIBEXEC": str(LIBEXEC), **self.variables}
        settings = self.home / ".config" / "image-label-server"
        self.home.mkdir()
        if config:
            settings.mkdir(parents=True)
            (settings / "config.json").write_text(json.dumps(config))

    def script(self, name, *words, **variables):
        """Runs one of the commands; returns the finished process."""
        return subprocess.run(
            [str(word) for word in (SCRIPTS / name, *words)], cwd=self.home, env={**self.env, **variables},
            capture_output=True, text=True, timeout=300, check=False)

    def command(self, *arguments):
        return self.script("image-label-server", "--port", self.port, *arguments)

    def add_user(self, name, **more):
        """By the command, which makes a key."""
        options = [word for option, value in more.items() for word in (f"--{option}", value)]
        done = self.script("image-label-user", "add", name, *options)
        assert done.returncode == 0, done.stderr
        self.passwords[name] = done.stdout.splitlines()[-1]
