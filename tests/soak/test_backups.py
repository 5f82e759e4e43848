"""Backup after backup under load, each killed at a random moment: what is listed is whole, and restores to the same."""
import json
import random
import subprocess
import threading

from backing import BACKUP, backup, command, listed, parts, restore
from collecting import picture
from harness import PLAIN, Server, until

ROUNDS = 60
AT_FIRST = 300  # uploaded images


def put(session, number):
    assert session.put(f"/v1/datasets/photos/images/{number}.png", params={"label": "dog"}, data=picture()).status_code == 201


def killed(server, place, seconds):
    """Begins a backup, and kills it after this time, which may be too late."""
    process = subprocess.Popen([BACKUP, "--to", place, "--config", server.config_file, "--keep", "3", "--json"], env=PLAIN,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        out, _ = process.communicate(timeout=seconds)
        assert process.returncode == 0
        return json.loads(out)["id"]
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None


def test_backups_that_are_killed_at_any_moment_leave_only_whole_ones(tmp_path):
    server, other = (Server(tmp_path / name, config={"image_store": {"type": "fs", "dir": str(tmp_path / name / "store")}}) for name in ("here", "there"))
    place = tmp_path / "backups"
    for name in ("ann", "bob"):
        server.add_user(name, role="admin")
    server.add_dataset("photos")
    ended, done = threading.Event(), [AT_FIRST]

    def work():
        session = server.session("bob")
        while not ended.is_set():
            put(session, done[0])
            done[0] += 1

    try:
        server.start()
        for number in range(AT_FIRST):
            put(server.session("ann"), number)
        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: done[0] > AT_FIRST, "load")
        complete, dice = set(), random.Random(14)
        for _ in range(ROUNDS):
            before = {entry["id"] for entry in listed(server, place)} if place.exists() else set()
            made = killed(server, place, dice.uniform(0.02, 0.6))
            complete |= {made} - {None}
            now = {entry["id"] for entry in listed(server, place)}
            assert len(now) <= 4 and (made is None or made in now) and len(now - before) <= 1
            if now:
                command("image-label-backup", server, "--to", place, "--verify")
        ended.set()
        thread.join()
        last = backup(server, place, "--keep", 1)
        assert [entry["id"] for entry in listed(server, place)] == [last["id"]]
        assert parts(last)["photos"]["digest"] in restore(other, place, "--add")[0]
        assert complete and len(complete) < ROUNDS
        named = set((place / "private" / parts(last, "images")[""]["key"]).read_text().split())
        stored = {str(path.relative_to(place / "private")) for path in (place / "private/datasets").rglob("*.*") if path.is_file()}
        assert stored == named
        assert json.loads(command("image-label-check", server, "--json", "--older-than", "0", "--state", server.state)[0])["well"]
    finally:
        ended.set()
        server.stop()
