"""What the benchmarks' servers have: large databases, users with keys, and ceilings behind the same nginx."""
import base64
import os
import signal
import sqlite3
import subprocess

from harness import LIBEXEC, SCRIPTS, sample_name, until

PROGRAMS = LIBEXEC.parent / "tests" / "bench"  # what make builds of this folder


def put_database(server, name, samples, folder="bench"):
    """A database of the older system, which the server takes over."""
    base_dir = server.images / folder
    database = sqlite3.connect(server.databases / f"{name}.db")
    database.executescript("PRAGMA synchronous = OFF; CREATE TABLE metadata (dataset_name TEXT, base_dir TEXT);"
                           "CREATE TABLE labels (label TEXT); CREATE TABLE samples (filepath TEXT, label TEXT);")
    database.execute("INSERT INTO metadata VALUES (?, ?)", (name, str(base_dir)))
    database.executemany("INSERT INTO labels VALUES (?)", [("cat",), ("dog",)])
    database.executemany("INSERT INTO samples VALUES (?, '')", ((sample_name(number),) for number in range(samples)))
    database.commit()
    database.close()


def add_user(server, name, role="annotator"):
    """A user with a generated key; returns the Authorization header."""
    done = subprocess.run([SCRIPTS / "image-label-user", "--config", server.config_file, "add", name, "--role", role],
                          env=server.env, capture_output=True, text=True, check=True)
    key = done.stdout.splitlines()[-1]
    return "Basic " + base64.b64encode(f"{name}:{key}".encode()).decode()


def start_bare(folder, ended, *path):
    """A bare libfcgi program, which has nginx answer with the file of `path`, if that is given; returns its socket."""
    socket = folder / f"bare{len(path)}.sock"
    bare = subprocess.Popen(["spawn-fcgi", "-n", "-s", socket, "-M", "0660", "--", PROGRAMS / "bare", "16", *path])
    ended.callback(bare.wait)
    ended.callback(bare.kill)
    until(socket.exists, "the bare program")
    return socket


def add_locations(server, locations):
    """Gives nginx what the server is compared with: the same server, the same password check."""
    conf = server.state / "nginx.conf"
    text = conf.read_text().rstrip()
    conf.write_text(text[: text.rindex("}", 0, text.rindex("}"))].rstrip() + f"\n{locations}\n\t}}\n}}\n")
    before = set(server.processes("nginx"))
    master = int((server.state / "nginx.pid").read_text())
    os.kill(master, signal.SIGHUP)
    until(lambda: len(now := set(server.processes("nginx"))) > 1 and before & now == {master}, "nginx with the ceilings")
