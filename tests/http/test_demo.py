"""scripts/image-label-demo: what `make run` prints works when it is pasted."""
import json
import os
import re
import shutil
import sqlite3
import subprocess

import pytest
import requests
from harness import LIBEXEC, SCRIPTS, TOP, draw, free_port
from PIL import Image

SCRIPT = SCRIPTS / "image-label-demo"
ENVIRONMENT = {**os.environ, "IMAGE_LABEL_LIBEXEC": str(LIBEXEC)}
SHAPES = ["circle", "square", "triangle", "star", "heart"]


def demo(folder, *arguments, **options):
    words = [str(SCRIPT), str(folder), *map(str, arguments)]
    return subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, **options)


def printed(folder, *arguments):
    done = demo(folder, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def serve(folder, command):
    words = [SCRIPTS / "image-label-server", "--config", folder / "config.json", "--state", folder / "state", command]
    return subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)


def set_up_and_start(folder, *arguments):
    """Returns what was printed."""
    for _ in range(5):  # a port that was free a moment ago may be taken by now
        text = printed(folder, "--port", free_port(), *arguments)
        done = serve(folder, "start")
        if "is taken" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr
    return text


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """The demo itself, which runs: its folder and what was printed."""
    folder = tmp_path_factory.mktemp("demo") / "run"
    yield folder, set_up_and_start(folder)
    assert serve(folder, "stop").returncode == 0


@pytest.fixture
def photos(tmp_path):
    """A folder of one picture: forty take their time to be drawn."""
    return draw(tmp_path / "photos" / "1.png").parent


def curl_lines(text):
    lines = [line for line in text.splitlines() if "curl -sS -u" in line]
    assert len(lines) == 3
    return lines


def paste(line, folder):
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def table(folder, query, dataset="shapes"):
    db = sqlite3.connect(folder / "sqlite_dbs" / f"{dataset}.db")
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def test_the_three_lines_work_by_pasting(shapes, tmp_path):
    folder, text = shapes
    size, obtain, classify = curl_lines(text)
    assert json.loads(paste(size, tmp_path)) == {"dataset_name": "shapes", "size": 40}
    paste(obtain, tmp_path)
    assert (tmp_path / "next.png").read_bytes() == (folder / "pictures" / "picture-01.png").read_bytes()
    assert json.loads(paste(classify, tmp_path)) == {"response": True}
    paste(obtain, tmp_path)
    assert (tmp_path / "next.png").read_bytes() == (folder / "pictures" / "picture-02.png").read_bytes()


def test_the_pages_it_names_are_there_for_the_user_it_names(shapes):
    _, text = shapes
    user, password = re.search(r"User: +(\S+)\nPassword: +(\S+)\n", text).groups()
    pages = re.findall(r"(?:browser|datasets): +(http\S+)", text)
    assert len(pages) == 2
    for page in pages:
        assert requests.get(page, auth=(user, password), timeout=60).status_code == 200
        assert requests.get(page, auth=(user, "wrong"), timeout=60).status_code == 401


def test_a_rerun_keeps_labels_user_and_port(shapes, tmp_path):
    folder, text = shapes
    paste(curl_lines(text)[1], tmp_path)
    paste(curl_lines(text)[2], tmp_path)
    before = table(folder, "SELECT filepath, label FROM samples")
    assert printed(folder) == text
    assert table(folder, "SELECT filepath, label FROM samples") == before
    assert ("picture-01.png", "circle") in before


def test_a_folder_of_ones_own_is_labelled_where_it_lies(tmp_path):
    data = tmp_path / "Ann's photos 100%"
    for name in ("cats/1.png", "dogs/2.png", "3.png"):
        draw(data / name)
    folder = tmp_path / "run"
    size, obtain, classify = curl_lines(set_up_and_start(folder, "--data", data))
    try:
        assert json.loads(paste(size, tmp_path)) == {"dataset_name": data.name, "size": 3}
        paste(obtain, tmp_path)
        assert json.loads(paste(classify, tmp_path)) == {"response": True}
    finally:
        assert serve(folder, "stop").returncode == 0
    assert table(folder, "SELECT filepath, label FROM samples ORDER BY rowid", data.name) == [
        ("3.png", "cats"), ("cats/1.png", ""), ("dogs/2.png", "")]
    assert sorted(os.listdir(data)) == ["3.png", "cats", "dogs"]


@pytest.mark.parametrize(("folders", "arguments", "expected"), [
    ([], [], ["yes", "no"]),
    (["only"], [], ["yes", "no"]),
    (["b2", "b10", ".hidden"], [], ["b2", "b10"]),
    (["a", "b"], ["--labels", "x,y"], ["x", "y"]),
    ([f"trip {number}" for number in range(40)], [], ["yes", "no"]),
])
def test_labels_are_those_given_or_the_sub_folders_names(tmp_path, folders, arguments, expected):
    draw(tmp_path / "data" / "1.png")
    for name in folders:
        (tmp_path / "data" / name).mkdir()
    printed(tmp_path / "run", "--data", tmp_path / "data", *arguments)
    labels = table(tmp_path / "run", "SELECT label FROM labels ORDER BY rowid", "data")
    assert [label for label, in labels] == expected


@pytest.mark.parametrize("arguments, expected", [([], ["cats", "dogs"]), (["--labels", "neither"], ["cats", "dogs", "neither"])])
def test_the_folder_of_an_image_is_its_label_if_that_is_said(tmp_path, arguments, expected):
    for name in ("cats/1.png", "cats/2.png", "dogs/1.png", "3.png"):
        draw(tmp_path / "data" / name)
    printed(tmp_path / "run", "--data", tmp_path / "data", "--label-from-folder", *arguments)
    labelled = [("3.png", ""), ("cats/1.png", "cats"), ("cats/2.png", "cats"), ("dogs/1.png", "dogs")]
    assert table(tmp_path / "run", "SELECT filepath, label FROM samples ORDER BY filepath", "data") == labelled
    assert sorted(label for label, in table(tmp_path / "run", "SELECT label FROM labels", "data")) == expected
    draw(tmp_path / "data" / "dogs" / "new.png")
    printed(tmp_path / "run", "--data", tmp_path / "data", "--label-from-folder", *arguments)
    assert table(tmp_path / "run", "SELECT filepath, label FROM samples ORDER BY filepath", "data") == [*labelled, ("dogs/new.png", "dogs")]


def test_where_no_image_has_a_folder_there_are_labels_nevertheless(tmp_path, photos):
    printed(tmp_path / "run", "--data", photos, "--label-from-folder")
    assert table(tmp_path / "run", "SELECT label FROM labels ORDER BY rowid", "photos") == [("yes",), ("no",)]


@pytest.mark.parametrize("given, labelled", [("1", "cats"), ("0", ""), ("", "")])
def test_make_run_says_so_by_a_variable(tmp_path, given, labelled):
    draw(tmp_path / "photos" / "cats" / "1.png")
    variables = [f"DATA={tmp_path / 'photos'}", f"LABEL_FROM_FOLDER={given}"]
    recipe = subprocess.run(["make", "-n", "run", *variables], cwd=TOP, capture_output=True, text=True, check=True).stdout
    (tmp_path / "scripts").symlink_to(SCRIPTS)
    line = recipe[recipe.index("data=") : recipe.index("exec scripts/image-label-server")]
    done = subprocess.run(["env", *variables, "bash", "-c", line], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert table(tmp_path / "run", "SELECT label FROM samples", "photos") == [(labelled,)]


def test_a_folder_whose_name_begins_with_a_dash_is_one(tmp_path):
    draw(tmp_path / "-L" / "1.png")
    done = demo(tmp_path / "run", "--data", "-L", cwd=tmp_path)
    assert (done.returncode, "dataset=-L" in done.stdout) == (0, True), done.stderr


def test_the_label_it_names_as_an_example_is_one_of_the_dataset(tmp_path, photos):
    assert 'such as "dog")' in printed(tmp_path / "run", "--data", photos, "--labels", "cat,dog")
    assert "star" not in printed(tmp_path / "run", "--data", photos)


def test_new_images_of_the_folder_are_added_by_a_rerun(tmp_path):
    draw(tmp_path / "data" / "1.png")
    printed(tmp_path / "run", "--data", tmp_path / "data", "--labels", "x,y")
    draw(tmp_path / "data" / "2.png")
    printed(tmp_path / "run", "--data", tmp_path / "data")
    assert table(tmp_path / "run", "SELECT COUNT(*) FROM samples", "data") == [(2,)]
    assert table(tmp_path / "run", "SELECT label FROM labels", "data") == [("x",), ("y",)]


def test_forty_pictures_are_drawn_always_the_same_and_all_different(shapes, tmp_path):
    printed(tmp_path / "two")
    files = sorted((shapes[0] / "pictures").iterdir())
    assert [file.name for file in files] == [f"picture-{number:02}.png" for number in range(1, 41)]
    contents = [file.read_bytes() for file in files]
    assert len(set(contents)) == 40
    assert contents == [(tmp_path / "two" / "pictures" / file.name).read_bytes() for file in files]
    for file in files:
        with Image.open(file) as image:
            image.load()
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (480, 360))
    assert table(tmp_path / "two", "SELECT label FROM labels ORDER BY rowid") == [(shape,) for shape in SHAPES]
    assert table(tmp_path / "two", "SELECT DISTINCT label FROM samples") == [("",)]


def test_a_demo_that_was_moved_still_works(tmp_path):
    printed(tmp_path / "run")
    shutil.move(tmp_path / "run", tmp_path / "moved")
    printed(tmp_path / "moved")
    assert table(tmp_path / "moved", "SELECT base_dir FROM metadata") == [(str(tmp_path / "moved" / "pictures"),)]
    assert table(tmp_path / "moved", "SELECT COUNT(*) FROM samples") == [(40,)]


def test_the_users_file_is_for_its_owner_only_and_the_password_is_its_own(tmp_path, photos):
    passwords = set()
    for name in ("one", "two"):
        text = printed(tmp_path / name, "--data", photos)
        file = tmp_path / name / "json_users" / "demo.json"
        assert file.stat().st_mode & 0o077 == 0
        assert file.parent.stat().st_mode & 0o077 == 0
        password = json.loads(file.read_text())["password"]
        assert f"Password:              {password}\n" in text
        assert len(password) == 22
        passwords.add(password)
    assert len(passwords) == 2


def test_a_changed_configuration_stays_and_only_its_port_is_set(tmp_path, photos):
    printed(tmp_path / "run", "--data", photos)
    file = tmp_path / "run" / "config.json"
    config = {**json.loads(file.read_text()), "log_level": "debug"}
    file.write_text(json.dumps(config))
    assert "http://127.0.0.1:4321/ui/" in printed(tmp_path / "run", "--data", photos, "--port", 4321)
    assert json.loads(file.read_text()) == {**config, "listen": {**config["listen"], "http_port": 4321}}
    file.write_text("{broken")
    done = demo(tmp_path / "run", "--data", photos, "--port", 4321)
    assert done.returncode == 1
    assert file.read_text() == "{broken"


def test_the_commands_for_more_work_by_pasting(shapes, tmp_path, photos):
    _, text = shapes
    add, grant, load, export = [line for line in text.splitlines() if "--config" in line]
    key = paste(add, tmp_path).splitlines()[-1]
    paste(grant, tmp_path)
    paste(load.replace("~", str(tmp_path)), tmp_path)
    paste(export, tmp_path)
    url = re.search("http://127.0.0.1:[0-9]+", text).group(0)
    size = requests.post(f"{url}/size", json={"dataset_name": "photos"}, auth=("ann", key), timeout=60)
    assert size.json() == {"dataset_name": "photos", "size": 1}
    assert (tmp_path / "labels.csv").read_text().startswith("filepath,label")


def test_other_machines_are_told_the_addresses_to_type(tmp_path, photos):
    assert "make run TLS_PORT=44443" in printed(tmp_path / "run", "--data", photos)
    text = printed(tmp_path / "run", "--data", photos, "--tls-port", "44443")
    assert json.loads((tmp_path / "run" / "config.json").read_text())["listen"]["https_port"] == 44443
    for address in subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split():
        assert f"https://{f'[{address}]' if ':' in address else address}:44443/ui/" in text
    assert "make run TLS_PORT=44443" in printed(tmp_path / "run", "--data", photos, "--tls-port", "0")


@pytest.mark.parametrize(("arguments", "status", "words"), [
    (["run", "--data", "nowhere"], 1, "no folder nowhere"),
    (["run", "--data", "."], 1, "no image"),
    ([], 2, "no folder given"),
    (["run", "--port", "0"], 2, "--port"),
    (["run", "--port", "65536"], 2, "--port"),
    (["run", "--tls-port", "65536"], 2, "--tls-port"),
    (["run", "--labels", "a,,b"], 2, "--labels"),
    (["run", "--what"], 2, "unknown option"),
    (["one", "two"], 2, "one folder"),
])
def test_what_is_wrong_is_said(tmp_path, arguments, status, words):
    done = subprocess.run([SCRIPT, *arguments], env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == status
    assert words in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_help_has_examples():
    done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Examples:" in done.stdout
