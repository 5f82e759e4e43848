"""A real nginx in front of the server, as people use it: at a path, which it removes or leaves."""
import os
import re
import subprocess

from harness import TOP, free_port, until
import requests

CONFIGURATION = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
	access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
	uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; client_max_body_size 100m; merge_slashes off;
	server {{
		listen 127.0.0.1:{port};
		location {path}/ {{
			proxy_pass {to};
			{headers}
		}}
	}}
}}
"""


def recipe(begins):
    """The manual's block of nginx's configuration that begins so."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", (TOP / "scripts" / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if block.lstrip().startswith(begins)]
    return block


class Proxy:
    """Everything beneath `path` goes to the server: with the path taken away (strip) or left."""

    def __init__(self, folder, server, path="/label", strip=True, headers=()):
        self.folder, self.port = folder, free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.url = self.origin + path
        folder.mkdir()
        (folder / "nginx.conf").write_text(CONFIGURATION.format(
            folder=folder, port=self.port, path=path, to=server.url + ("/" if strip else ""),
            headers=" ".join(f"proxy_set_header {header};" for header in headers)))

    def __enter__(self):
        words = ["nginx", "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(self.folder / "nginx.conf")]
        self.process = subprocess.Popen(words, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        try:
            until(self.answers, "the proxy")
        except BaseException:
            self.__exit__()
            raise
        return self

    def answers(self):
        assert self.process.poll() is None, (self.folder / "error.log").read_text()
        try:
            return requests.get(self.url + "/healthz", timeout=10).status_code == 200
        except requests.ConnectionError:
            return False

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
