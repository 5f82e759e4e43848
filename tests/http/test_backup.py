"""scripts/image-label-backup: backups made while people label restore to the same, on either kind of stores."""
import fcntl
import subprocess
import threading

import pytest
import requests
from backing import BACKUP, NAMES, backup, command, listed, parts, restore
from collecting import bucket_client, picture
from harness import PLAIN, until
from migrating import dump, images, used
from migrating import cluster, mongo, s3, sides  # noqa: F401 (fixtures)

pytestmark = pytest.mark.on("mongo", "s3")


@pytest.fixture(params=["files", "cluster"])
def server(request, sides):
    """A server on SQLite and files, or on MongoDB and a bucket, not yet started."""
    return sides("here") if request.param == "files" else request.getfixturevalue("cluster")


@pytest.fixture
def bucket(s3, request):
    name = "backups-" + str(abs(hash(request.node.name)) % 10**9)
    bucket_client({**s3.environment}).create_bucket(Bucket=name)
    return name


class Busy:
    """Somebody labels and uploads all the while."""

    def __init__(self, server):
        self.session, self.ended, self.failures, self.done = server.session("bob"), threading.Event(), [], 0
        self.thread = threading.Thread(target=self.work)

    def work(self):
        while not self.ended.is_set():
            number = self.done
            put = self.session.put(f"/v1/datasets/photos/images/busy/{number}.png", params={"label": "dog"}, data=picture())
            given = self.session.post(f"/v1/datasets/photos/samples/{number % 6}/label", json={"label": ("cat", "dog")[number % 2]})
            if put.status_code != 201 or given.status_code != 200:
                self.failures.append((put.text, given.text))
            self.done += 1

    def __enter__(self):
        self.thread.start()
        until(lambda: self.done > 1 or not self.thread.is_alive(), "some work done")
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        assert not self.failures, self.failures


def digests(told):
    return [line.split()[-1] for line in told.splitlines() if "sha256" in line]


def test_a_backup_under_load_restores_to_the_same_in_stores_of_either_kind(server, sides, cluster, tmp_path):
    other = sides("there", {"default_dataset": "collected"}) if server is cluster else cluster
    used(server)
    place = tmp_path / "backups"
    ann = server.session("ann")
    with Busy(server) as busy:
        before = busy.done
        first = backup(server, place)
        until(lambda: busy.done > before + 2, "work after the backup")
    assert sorted(parts(first)) == sorted(NAMES) and not parts(first, "failed")
    last = backup(server, place)
    assert 0 < last["copied"] <= busy.done + 1 - before  # what was uploaded since, alone
    assert backup(server, place)["copied"] == 0
    assert [entry["id"] for entry in listed(server, place)][:2] == [first["id"], last["id"]]
    command("image-label-backup", server, "--to", place, "--verify", "--backup", first["id"])
    command("image-label-backup", server, "--to", place, "--verify")
    shown = {name: dump(ann, name) for name in NAMES}
    bytes_of = {name: images(ann, name) for name in NAMES}
    made = ann.post("/v1/tokens", json={"name": "script", "scope": "read"}).json()
    log = ann.get("/v1/audit").json()["items"]
    final = backup(server, place)
    server.command("stop")

    told, _ = restore(other, place, "--add")  # its users are there
    assert sorted(digests(told)) == sorted(part["digest"] for part in parts(final).values())
    assert "0 failed" in told
    other.start()
    ann = other.session("ann")
    for name in NAMES:
        assert dump(ann, name) == shown[name]
        assert images(ann, name) == bytes_of[name]
    assert ann.get("/v1/audit").json()["items"] == log
    answer = requests.get(f"{other.url}/v1/datasets", auth=(made["id"], made["secret"]), timeout=30)
    assert answer.status_code == 200
    command("image-label-backup", other, "restore", "--from", place, "--add")  # again: nothing to do
    command("image-label-check", other, "--state", other.state)


def test_users_are_restored_into_an_empty_place_and_others_are_refused(sides, tmp_path):
    here, empty = sides("here"), sides("empty")
    here.add_user("zoe", role="viewer")
    here.add_dataset("photos", samples=3)
    here.start()
    here.command("stop")
    place = tmp_path / "backups"
    backup(here, place)
    for file in empty.users.glob("*.json"):
        file.unlink()
    told, _ = restore(empty, place)
    assert "1 datasets and 3 users restored, 0 failed" in told
    empty.start()
    assert requests.get(f"{empty.url}/v1/datasets", auth=("zoe", "secret"), timeout=30).status_code == 200
    empty.command("stop")
    assert "0 users restored, 0 failed" in restore(empty, place)[0]

    full = sides("full")
    full.add_dataset("photos", samples=2)
    full.start()
    full.command("stop")
    databases = {path.name: path.read_bytes() for path in full.databases.glob("*.db")}
    _, said = restore(full, place, status=1)
    assert "There is a dataset photos already" in said
    full.config["sqlite_db_dir"] = str(tmp_path / "elsewhere")
    full.write_config()
    full.add_user("ann", password="another one")
    _, said = restore(full, place, status=1)
    assert "There is a user's document" in said
    assert not list((tmp_path / "elsewhere").glob("*.db"))
    assert {path.name: path.read_bytes() for path in full.databases.glob("*.db")} == databases


def test_a_backup_that_was_killed_is_none_and_the_next_one_is_right(server, tmp_path):
    used(server)
    place = tmp_path / "backups"
    words = [BACKUP, "--to", place, "--config", server.config_file]
    with open(server.users / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # it waits before the users, which come after the datasets
        process = subprocess.Popen(words, env={**PLAIN, **getattr(server, "keys", {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until(lambda: list(place.glob("private/backups/*/*.audit")) or process.poll() is not None, "all but users and manifest")
        process.kill()
        process.communicate()
    assert process.returncode == -9
    assert listed(server, place) == []
    assert "There is no complete backup" in command("image-label-backup", server, "--to", place, "--verify", status=1)[1]
    assert "There is no complete backup" in restore(server, place, "--add", status=1)[1]
    gone = sorted(place.glob("private/datasets/photos/images/*/*"))[:2]  # as if it had been killed before these two
    for image in gone:
        image.unlink()
    again = backup(server, place)
    assert again["copied"] == 2
    command("image-label-backup", server, "--to", place, "--verify")
    assert {path.parent.name for path in (place / "private/backups").rglob("*.*") if path.is_file()} == {again["id"]}
    assert not list((place / "work").iterdir())


def test_a_restoration_that_was_killed_goes_on(sides, tmp_path):
    here, there = sides("here"), sides("there")
    used(here)
    here.command("stop")
    place = tmp_path / "backups"
    made = backup(here, place)
    words = [BACKUP, "restore", "--from", place, "--config", there.config_file, "--add", "--jobs", "1"]
    process = subprocess.Popen(words, env=PLAIN, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: (there.databases / "asked.db").exists() or process.poll() is not None, "the first dataset restored")
    process.kill()  # perhaps at its end already
    process.wait()
    told, _ = restore(there, place, "--add")
    assert sorted(digests(told)) == sorted(part["digest"] for part in parts(made).values())
    assert "was moved already, and is the same" in told


def test_old_backups_go_with_the_images_that_only_they_had(server, tmp_path):
    used(server)
    ann = server.session("ann")
    place = tmp_path / "backups"
    backup(server, place)
    victim = ann.get("/v1/datasets/photos/samples", params={"q": "sent/1"}).json()["items"][0]
    assert ann.delete(f"/v1/datasets/photos/samples/{victim['id']}").status_code == 204
    second = backup(server, place, "--keep", 2)
    assert (second["removed_backups"], second["removed_images"]) == (0, 0)
    third = backup(server, place, "--keep", 2)
    assert (third["removed_backups"], third["removed_images"]) == (1, 1)
    assert [entry["id"] for entry in listed(server, place)] == [second["id"], third["id"]]
    command("image-label-backup", server, "--to", place, "--verify", "--backup", second["id"])


def test_a_damaged_backup_is_told_of_and_not_restored(sides, tmp_path):
    here, there = sides("here"), sides("there")
    used(here)
    here.command("stop")
    place = tmp_path / "backups"
    made = backup(here, place)
    image = next(path for path in place.glob("private/datasets/photos/images/*/*"))
    image.chmod(0o640)
    image.write_bytes(image.read_bytes()[:-1] + b"x")
    _, said = command("image-label-backup", here, "--to", place, "--verify", status=1)
    assert "photos: 1 images are missing or damaged in the backup" in said
    _, said = restore(there, place, "--add", status=1)
    assert "photos" in said and "its bytes in the source are not those that were uploaded" in said
    manifest = next(path for path in place.glob("private/datasets/collected/snapshots/*"))
    kept = manifest.read_bytes()
    manifest.unlink()
    _, said = command("image-label-backup", here, "--to", place, "--verify", status=1)
    assert "collected: 1 images are missing or damaged in the backup" in said
    manifest.write_bytes(kept)
    part = place / "private" / parts(made)["asked"]["key"]
    part.chmod(0o640)
    part.write_bytes(part.read_bytes()[:-10])
    _, said = command("image-label-backup", here, "--to", place, "--verify", status=1)
    assert "is damaged: its SHA-256 is not that of the manifest" in said
    part.unlink()
    _, said = command("image-label-backup", here, "--to", place, "--verify", status=1)
    assert "is missing in the backup" in said


def test_the_configurations_file_stays_as_it_is_and_a_change_of_it_is_none_of_the_backup(sides, tmp_path):
    here = sides("here")
    here.add_dataset("photos", samples=1)
    here.start()
    here.command("stop")
    here.config_file.chmod(0o604)
    before = here.config_file.stat()
    backup(here, tmp_path / "backups")
    after = here.config_file.stat()
    assert (after.st_mode, after.st_nlink, after.st_uid) == (before.st_mode, 1, before.st_uid)
    with here.config_file.open("a") as file:
        file.write("\n")
    command("image-label-backup", here, "--to", tmp_path / "backups", "--verify")


def test_a_bucket_keeps_backups_too(sides, cluster, bucket, tmp_path):
    used(cluster)
    cluster.command("stop")
    place = f"s3://{bucket}"
    made = backup(cluster, place)
    assert backup(cluster, place)["copied"] == 0
    assert len(listed(cluster, place)) == 2
    command("image-label-backup", cluster, "--to", place, "--verify", "--backup", made["id"])
    back = sides("back", {"default_dataset": "collected"})
    told, _ = restore(back, place, "--add", BACKUP_AWS_ENDPOINT_URL=cluster.config["image_store"]["endpoint"], **cluster.keys)
    assert sorted(digests(told)) == sorted(part["digest"] for part in parts(made).values())


def test_wrong_usage_and_a_place_that_is_none_are_told(sides, tmp_path):
    here = sides("here")
    here.add_dataset("photos", samples=1)
    for words, said in (((), "give --to PLACE"), (("--to", tmp_path / "x", "--keep", "0"), "--keep must be"),
                        (("--to", tmp_path / "x", "--add"), "are for restore"), (("restore",), "give --from PLACE"),
                        (("--to", "x", "--nonsense"), "unknown option")):
        assert said in command("image-label-backup", here, *words, status=2)[1]
    assert "There are no backups in" in command("image-label-backup", here, "--to", tmp_path / "x", "--list", status=1)[1]
    assert "names no bucket" in command("image-label-backup", here, "--to", "s3://a/b", status=1)[1]
    assert "the server itself keeps its images" in command("image-label-backup", here, "--to", here.store, status=1)[1]
