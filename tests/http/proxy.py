"""A real nginx in front of the server, as people use it: at a path, which it removes or leaves."""
import os
import re
import subprocess

from harness import TOP, free_port, until

FRAME = """
{user} daemon off; pid nginx.pid; worker_processes 1;
events {{ worker_connections 1024; }}
http {{
	access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
	{inside}
}}
"""
WHOLE = "client_max_body_size 100m; merge_slashes off;"  # what comes is passed on as it is


def recipe(begins):
    """The manual's block of nginx's configuration that begins so."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", (TOP / "scripts" / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if block.lstrip().startswith(begins)]
    return block


class Nginx:
    """An nginx with this inside of http, from `with` on to its end."""

    def __init__(self, folder, inside):
        self.folder = folder
        folder.mkdir()
        self.write(inside)

    def write(self, inside):
        user = "" if os.geteuid() else "user root root;"
        (self.folder / "nginx.conf").write_text(FRAME.format(user=user, inside=inside))

    def __enter__(self):
        words = ["nginx", "-p", self.folder, "-e", self.folder / "error.log", "-c", self.folder / "nginx.conf"]
        self.process = subprocess.Popen(words, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        try:
            until(self.listens, "nginx")
        except BaseException:
            self.__exit__()
            raise
        return self

    def listens(self):
        assert self.process.poll() is None, (self.folder / "error.log").read_text()
        pid = self.folder / "nginx.pid"
        return pid.exists() and pid.read_text()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Proxy(Nginx):
    """Everything beneath `path` goes to the server: with the path taken away (strip) or left."""

    def __init__(self, folder, server, path="/label", strip=True, headers=()):
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.url = self.origin + path
        passed = f"proxy_pass {server.url}{'/' if strip else ''}; " + " ".join(f"proxy_set_header {header};" for header in headers)
        super().__init__(folder, f"{WHOLE} server {{ listen 127.0.0.1:{self.port}; location {path}/ {{ {passed} }} }}")
