"""scripts/image-label-load --in-place: a folder of images becomes a dataset where it lies."""
import json
import os
import pty
import re
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import LIBEXEC, SCRIPTS, draw, until

SCRIPT = SCRIPTS / "image-label-load"
ENVIRONMENT = {**os.environ, "IMAGE_LABEL_LIBEXEC": str(LIBEXEC)}


@pytest.fixture
def photos(tmp_path):
    """A folder with sub-folders, and all that is to be passed over."""
    folder = tmp_path / "photos"
    for name in ("image2.png", "image10.jpg", "cats/tom 1.png", "cats/tom 2.gif", 'dogs/ü "x" 100%.webp'):
        draw(folder / name)
    draw(folder / "no extension.png").rename(folder / "no extension")
    draw(folder / ".hidden.png")
    draw(folder / ".thumbnails" / "1.png")
    draw(folder / "cats" / "@eaDir" / "tom 1.png" / "SYNOPHOTO_THUMB_M.png")
    draw(folder / "#recycle" / "1.png")
    draw(folder / "$RECYCLE.BIN" / "1.png")
    (folder / "notes.txt").write_text("text")
    (folder / "fake.jpg").write_text("text")
    (folder / "empty.png").touch()
    return folder


FOUND = ['cats/tom 1.png', 'cats/tom 2.gif', 'dogs/ü "x" 100%.webp', "image2.png", "image10.jpg", "no extension"]


@pytest.fixture
def config(tmp_path):
    return make_config(tmp_path)


def make_config(folder, **more):
    path = folder / "config.json"
    keys = {"sqlite_db_dir": "dbs", "json_db_dir": "json", "json_user_dir": "users", **more}
    path.write_text(json.dumps(keys))
    return path


def load(config, folder, *arguments, dataset="photos", **options):
    words = [SCRIPT, "--in-place", folder, "--dataset", dataset, "--config", config, *arguments]
    return subprocess.run(list(map(str, words)), env=ENVIRONMENT, capture_output=True, text=True, timeout=300, **options)


def loaded(*arguments, **options):
    done = load(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return summary(done.stdout)


def summary(text):
    """The numbers of the table, by their words."""
    return {words: int(number) for words, number in re.findall(r"^ +(\S[^\n]*?) {2,}(\d+)", text, re.M)}


def refused(done, status, *words):
    assert done.returncode == status, done.stdout
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("image-label-load: ")
    for word in words:
        assert word in last


def rows(config, query, dataset="photos"):
    db = sqlite3.connect(config.parent / "dbs" / f"{dataset}.db")
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def samples(config):
    return [row[0] for row in rows(config, "SELECT filepath FROM samples ORDER BY rowid")]


def labels(config):
    return [row[0] for row in rows(config, "SELECT label FROM labels ORDER BY rowid")]


# --- what it takes ------------------------------------------------------------------------------------------------


def test_images_are_found_by_content_and_come_in_natural_order(config, photos):
    table = loaded(config, photos, "--labels", "cat, dog,neither")
    assert samples(config) == FOUND
    assert labels(config) == ["cat", "dog", "neither"]
    assert table == {"found": 6, "added": 6, "known": 0, "skipped": 8, "hidden": 2, "made by a system": 3, "no image": 3}
    assert rows(config, "SELECT * FROM metadata") == [("photos", str(photos))]
    assert rows(config, "SELECT DISTINCT label FROM samples") == [("",)]


def test_what_no_browser_shows_is_told(config, photos):
    (photos / "scan.tga").write_bytes(b"as a camera of 1990 made it")
    done = load(config, photos, "--labels", "a")
    assert done.returncode == 0 and "cannot be seen in a browser, TGA: scan.tga" in done.stderr
    assert summary(done.stdout)["not to be seen in browsers"] == 1 and summary(done.stdout)["added"] == len(FOUND) + 1


def test_a_second_time_adds_what_is_new_and_keeps_what_people_said(config, photos):
    loaded(config, photos, "--labels", "cat,dog")
    db = sqlite3.connect(config.parent / "dbs" / "photos.db", isolation_level=None)
    db.execute("UPDATE samples SET label = 'dog', state = 1 WHERE filepath = 'image2.png'")
    db.close()
    draw(photos / "cats" / "a new one.png")
    table = loaded(config, photos, "--label-from-folder", "--labels", "bird")
    assert (table["added"], table["known"]) == (1, 6)
    assert samples(config) == [*FOUND, "cats/a new one.png"]
    assert ("image2.png", "dog") in rows(config, "SELECT filepath, label FROM samples")
    assert labels(config) == ["cat", "dog", "bird", "cats", "dogs"]


def test_a_folders_name_can_be_the_label(config, photos):
    loaded(config, photos, "--label-from-folder")
    assert labels(config) == ["cats", "dogs"]
    assert dict(rows(config, "SELECT filepath, label FROM samples")) == {
        **dict.fromkeys(FOUND, ""), "cats/tom 1.png": "cats", "cats/tom 2.gif": "cats", FOUND[2]: "dogs"}


def test_labels_given_come_before_those_of_folders(config, photos):
    loaded(config, photos, "--label-from-folder", "--labels", "dogs,birds")
    assert labels(config) == ["dogs", "birds", "cats"]


def test_more_images_than_one_write_takes(config, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    first = draw(folder / "image0.png")
    for number in range(1, 4100):
        os.link(first, folder / f"image{number}.png")
    assert loaded(config, folder, "--labels", "a,b")["added"] == 4100
    assert samples(config) == [f"image{number}.png" for number in range(4100)]


def test_names_that_are_no_utf8_are_told_and_passed_over(config, photos):
    os.rename(photos / "image2.png", os.fsencode(photos) + b"/bad\xff\n.png")
    done = load(config, photos, "--labels", "a")
    assert done.returncode == 0
    assert summary(done.stdout)["name is not UTF-8"] == 1
    assert "bad\\xff\\x0a.png" in done.stderr
    assert "image2.png" not in samples(config)


def test_links_are_taken_when_they_stay_inside_or_lead_into_image_roots(tmp_path, photos):
    root, outside = tmp_path / "root", tmp_path / "outside"
    draw(root / "album" / "1.png")
    draw(outside / "2.png")
    (photos / "inside.png").symlink_to("cats/tom 1.png")
    (photos / "album").symlink_to(root / "album")
    (photos / "outside.png").symlink_to(outside / "2.png")
    (photos / "outside").symlink_to(outside)
    (photos / "cats" / "circle").symlink_to("..")
    (root / "album" / "circle").symlink_to(root)
    (photos / "dangling.png").symlink_to("nowhere")
    config = make_config(tmp_path, image_roots=[str(root)])
    table = loaded(config, photos, "--labels", "a")
    found = samples(config)
    assert {"inside.png", "album/1.png"} <= set(found)
    assert len(found) == len(FOUND) + 2
    assert table["link that leads outside"] == 2
    assert table["link back into the folder"] == 1
    assert table["cannot be read"] == 1


def test_a_pipe_is_not_waited_for(config, photos):
    os.mkfifo(photos / "pipe.png")
    assert loaded(config, photos, "--labels", "a")["no regular file"] == 1


# --- the dataset's folder -----------------------------------------------------------------------------------------


def test_several_loads_of_one_new_dataset_at_once_all_work(config, tmp_path):
    folder = tmp_path / "many"
    for number in range(40):
        draw(folder / f"{number:02}.png")
    for turn in range(4):
        with ThreadPoolExecutor(6) as pool:
            done = list(pool.map(lambda _: load(config, folder, "--labels", "a,b", dataset=f"new{turn}"), range(6)))
        assert [one.returncode for one in done] == [0] * 6, [one.stderr for one in done]
        assert rows(config, "SELECT filepath FROM samples ORDER BY id", f"new{turn}") == [(f"{number:02}.png",) for number in range(40)]


def test_another_folder_is_refused_for_a_dataset_that_exists(config, photos, tmp_path):
    loaded(config, photos, "--labels", "a")
    draw(tmp_path / "others" / "1.png")
    refused(load(config, tmp_path / "others"), 1, str(photos), "--moved")
    assert samples(config) == FOUND


def test_the_same_folder_by_another_name_is_the_same(config, photos, tmp_path):
    loaded(config, photos, "--labels", "a")
    (tmp_path / "link").symlink_to(photos)
    assert loaded(config, tmp_path / "link")["known"] == 6
    db = sqlite3.connect(config.parent / "dbs" / "photos.db", isolation_level=None)
    db.execute("UPDATE metadata SET base_dir = ?", (str(tmp_path / "link"),))
    db.close()
    assert loaded(config, photos)["known"] == 6
    assert rows(config, "SELECT base_dir FROM metadata") == [(str(tmp_path / "link"),)]


def test_a_moved_folder_is_followed_when_told(config, photos, tmp_path):
    loaded(config, photos, "--labels", "a")
    moved = photos.rename(tmp_path / "moved")
    assert loaded(config, moved, "--moved")["known"] == 6
    assert rows(config, "SELECT base_dir FROM metadata") == [(str(moved),)]
    refused(load(config, moved, "--moved", dataset="others"), 1, "no dataset others")


# --- what is refused ----------------------------------------------------------------------------------------------


def test_a_folder_without_images_makes_no_dataset(config, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("text")
    refused(load(config, folder, "--labels", "a"), 1, "no image", "1 file looked at")
    assert not (tmp_path / "dbs" / "photos.db").exists()


def test_a_new_dataset_needs_labels(config, photos, tmp_path):
    refused(load(config, photos), 1, "--labels", "--label-from-folder")
    assert not (tmp_path / "dbs" / "photos.db").exists()


@pytest.mark.parametrize("arguments", [
    [], ["--in-place"], ["--in-place", "/"], ["--dataset", "x", "/"], ["--in-place", "/", "/tmp", "--dataset", "x"],
    ["--in-place", "/nowhere", "--dataset", "x"], ["--in-place", "/", "--dataset", "../x"], ["--what"], ["--dataset"],
    ["--in-place", "/", "--dataset", "x", "--labels", "a,b\tc"], ["--in-place", "/", "--dataset", "x", "--labels", "a,,b"],
    ["--in-place", "/", "--dataset", "x", "--labels", "a, "], ["--in-place", "/", "--dataset", "x", "--labels", ""]])
def test_wrong_usage_has_a_status_of_its_own(arguments):
    refused(subprocess.run([SCRIPT, *arguments], env=ENVIRONMENT, capture_output=True, text=True), 2)


def test_help_has_examples_also_after_other_words():
    done = subprocess.run([SCRIPT, "--in-place", "--help"], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "Examples:" in done.stdout


# --- while it runs ------------------------------------------------------------------------------------------------


def read_terminal(fd):
    """All that was written to a terminal until its last writer is gone."""
    parts = []
    try:
        while part := os.read(fd, 65536):
            parts.append(part)
    except OSError:  # EIO: the other end is closed
        pass
    return b"".join(parts).decode()


def test_a_terminal_shows_a_progress_bar_and_other_outputs_do_not(config, photos):
    assert load(config, photos, "--labels", "a").stderr == f"image-label-load: configuration: {config}\n"
    reader, writer = pty.openpty()
    words = [SCRIPT, "--in-place", photos, "--dataset", "photos", "--config", config]
    process = subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    shown = read_terminal(reader)
    os.close(reader)
    assert process.wait() == 0
    assert re.search(r"\r\x1b\[K\[[#.]{24}\] +\d+%  .*\d+ files, \d+/s, \d+ images", shown)
    assert shown.endswith(f"\r\x1b[Kimage-label-load: configuration: {config}\r\n")


def test_one_that_was_killed_goes_on_where_it_was(config, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    first = draw(folder / "image0.png")
    for number in range(1, 30000):
        os.link(first, folder / f"image{number}.png")
    words = [SCRIPT, "--in-place", folder, "--dataset", "photos", "--labels", "a", "--config", config]
    process = subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    made = config.parent / "dbs" / "photos.db"
    until(lambda: made.exists() or process.poll() is not None, "the dataset is made")
    process.kill()
    process.wait()
    table = loaded(config, folder, "--labels", "a")
    assert table["known"] + table["added"] == 30000
    assert samples(config) == [f"image{number}.png" for number in range(30000)]
    assert rows(config, "PRAGMA integrity_check") == [("ok",)]


def test_a_running_server_has_the_images_at_once(make_server, photos):
    server = make_server()
    server.add_user("ann")
    server.add_dataset("demo")
    server.start()
    ann = server.session("ann")
    assert ann.post("/size", json={"dataset_name": "photos"}).status_code == 404
    assert loaded(server.config_file, photos, "--labels", "cat,dog")["added"] == 6
    assert ann.post("/size", json={"dataset_name": "photos"}).json()["size"] == 6
    for number, filepath in enumerate(FOUND):
        answer = ann.post("/obtain", json={"dataset_name": "photos", "id": number})
        assert answer.content == (photos / filepath).read_bytes()
    draw(photos / "later.png")
    assert loaded(server.config_file, photos)["added"] == 1
    assert ann.post("/size", json={"dataset_name": "photos"}).json()["size"] == 7
