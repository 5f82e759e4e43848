"""scripts/image-label-load: uploads a folder or an archive of images, and only those that are not there yet."""
import itertools
import os
import pty
import re
import shutil
import signal
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from collecting import picture, samples
from harness import LIBEXEC, SCRIPTS, until
from test_archive import legacy_zip

SCRIPT = SCRIPTS / "image-label-load"
CLASSES = ("accordion", "Faces easy", "crème & brûlée #1", "BACKGROUND_Google")
datasets = (f"loaded{number}" for number in itertools.count())


@pytest.fixture
def dataset():
    """A name that no dataset has."""
    return next(datasets)


@pytest.fixture
def few(tmp_path):
    """Two images of each class but BACKGROUND_Google, and one at the top."""
    folder = tmp_path / "few"
    draw_classes(folder, 2)
    (folder / "top.png").write_bytes(picture())
    return folder


def draw_classes(folder, count):
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            kind = ("JPEG", "PNG", "GIF", "WEBP")[number % 4]
            (folder / name / f"image_{number:04}.{kind.lower()}").write_bytes(picture(kind))


def images_of(folder):
    """What is to be loaded: filepath → bytes."""
    files = [path for path in folder.rglob("*") if path.is_file() and "BACKGROUND_Google" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def words(server, path, dataset, *arguments, user="admin", password="secret", url=None):
    credentials = ["-u", user] + (["-p", password] if password else [])
    return [str(word) for word in (SCRIPT, *credentials, "-b", url or server.url, "-d", dataset, *arguments, path)]


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name != "IMAGE_LABEL_PASSWORD"}
    return {**kept, "IMAGE_LABEL_LIBEXEC": str(LIBEXEC), **more}


def load(*arguments, env=None, **options):
    return subprocess.run(words(*arguments, **options), env=environment(**(env or {})), capture_output=True, text=True, timeout=300)


def loaded(*arguments, **options):
    """The table of one that succeeds."""
    done = load(*arguments, **options)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return table(done.stdout)


def table(text):
    """Its numbers, by their words."""
    return {row: int(number) for row, number in re.findall(r"^ +(\S[^\n:]*?) {2,}(\d+)", text, re.M)}


def failures(text):
    """What is listed under "failed"."""
    return dict(line.strip().split(": ", 1) for line in text.partition("\n  failed ")[2].splitlines()[1:])


def refused(done, status, *said):
    assert done.returncode == status, done.stdout + done.stderr
    assert done.stdout == ""
    assert re.fullmatch(r"image-label-load: [^\n]+\n", done.stderr)
    for word in said:
        assert word in done.stderr


def stored(server, dataset):
    """filepath → (label, bytes of the image) as the server has them."""
    with server.session("admin") as admin:
        return {
            sample["filepath"]: (sample["label"], admin.get(f"/v1/datasets/{dataset}/samples/{sample['id']}/image").content)
            for sample in samples(admin, dataset)
        }


def expected(images):
    """The same of a folder's images, labelled by the folders they lie in."""
    return {path: (os.path.basename(os.path.dirname(path)), content) for path, content in images.items()}


def puts(server, dataset):
    """Statuses of the images sent to the dataset, by address."""
    start = f"/v1/datasets/{dataset}/images/"
    return [(line["uri"], line["status"]) for line in server.request_log() if line["method"] == "PUT" and line["uri"].startswith(start)]


# --- what it loads ------------------------------------------------------------------------------------------------


def test_a_set_of_several_hundred_images_loads_in_one_command_and_a_second_time_adds_nothing(collector, dataset, tmp_path):
    folder = tmp_path / "set"
    draw_classes(folder, 120)
    images = images_of(folder)
    assert len(images) == 360
    first = loaded(collector, folder, dataset)
    assert first == {"loaded": 360, "duplicate": 0, "skipped": 120, "in a folder to be skipped": 120, "failed": 0}
    assert stored(collector, dataset) == expected(images)
    with collector.session("admin") as admin:
        labels = admin.get(f"/v1/datasets/{dataset}").json()["labels"]
    assert {label["name"]: label["count"] for label in labels} == dict.fromkeys(CLASSES[:3], 120)
    second = loaded(collector, folder, dataset)
    assert second == {**first, "loaded": 0, "duplicate": 360, "there already, not sent": 360}
    assert len(list(samples(collector.session("admin"), dataset))) == 360
    until(lambda: len(puts(collector, dataset)) >= 360, "the log of the first 360")
    loaded(collector, folder / CLASSES[0], dataset + "x")  # when its requests are in the log, so are those of the one before
    until(lambda: len(puts(collector, dataset + "x")) >= 120, "the log of another 120")
    assert [status for _, status in puts(collector, dataset)] == [201] * 360


def test_what_is_new_is_added(collector, dataset, few):
    loaded(collector, few, dataset)
    before = stored(collector, dataset)
    (few / "animals" / "zebra").mkdir(parents=True)
    (few / "animals" / "zebra" / "1.png").write_bytes(picture())
    (few / "accordion" / "moved.jpeg").write_bytes(before.popitem()[1][1])  # known by its content
    result = loaded(collector, few, dataset, user="contributor")
    assert (result["loaded"], result["duplicate"], result["there already, not sent"]) == (1, 8, 8)
    after = stored(collector, dataset)
    assert after["animals/zebra/1.png"] == ("zebra", (few / "animals" / "zebra" / "1.png").read_bytes())


def test_the_same_bytes_twice_in_a_folder_are_one_image(collector, dataset, few):
    shutil.copytree(few / "accordion", few / "copy")
    result = loaded(collector, few, dataset)
    assert (result["loaded"], result["duplicate"]) == (7, 2)
    assert len(stored(collector, dataset)) == 7


def test_one_label_for_all_or_none(collector, dataset, few):
    loaded(collector, few, dataset, "--label", "musical thing")
    assert {label for label, _ in stored(collector, dataset).values()} == {"musical thing"}
    loaded(collector, few, dataset + "n", "--no-label")
    assert {label for label, _ in stored(collector, dataset + "n").values()} == {""}
    assert collector.session("admin").get(f"/v1/datasets/{dataset}n").json()["labels"] == []


def test_an_image_larger_than_a_piece_of_anything(collector, dataset, tmp_path):
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "noise.bmp").write_bytes(picture("BMP", (1500, 1200)))
    assert loaded(collector, folder, dataset)["loaded"] == 1
    assert stored(collector, dataset) == expected(images_of(folder))


# --- archives -----------------------------------------------------------------------------------------------------


def pack(folder, kind, top="101_ObjectCategories"):
    """An archive whose entries lie in one folder, as those of Caltech-101 do."""
    archive = folder.parent / f"{top}.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            for path in sorted(folder.rglob("*")):
                out.write(path, Path(top) / path.relative_to(folder))
    else:
        with tarfile.open(archive.with_suffix("") if kind == "tar.zst" else archive, "w:gz" if kind == "tar.gz" else "w") as out:
            out.add(folder, top)
        if kind == "tar.zst":
            subprocess.run(["zstd", "-q", "--rm", archive.with_suffix("")], check=True)
    return archive


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.zst", "zip"])
def test_an_archive_loads_like_the_folder_in_it(collector, dataset, few, kind):
    if kind == "tar.zst" and not shutil.which("zstd"):
        pytest.skip("there is no zstd command to make the archive with")
    archive = pack(few, kind)
    result = loaded(collector, archive, dataset)
    assert (result["loaded"], result["skipped"], result["failed"]) == (7, 2, 0)
    images = {f"101_ObjectCategories/{path}": content for path, content in images_of(few).items()}
    assert stored(collector, dataset) == expected(images)
    again = loaded(collector, archive, dataset)
    assert (again["loaded"], again["duplicate"], again["there already, not sent"]) == (0, 7, 7)


def test_an_archive_and_its_folder_are_the_same_images(collector, dataset, few):
    loaded(collector, few, dataset)
    assert loaded(collector, pack(few, "tar.gz"), dataset)["there already, not sent"] == 7


def test_a_truncated_archive_loads_what_can_be_read_and_fails(collector, dataset, few):
    for number in range(20):
        (few / f"noise {number}.bmp").write_bytes(picture("BMP", (100, 100)))
    archive = pack(few, "tar")
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    done = load(collector, archive, dataset)
    assert done.returncode == 1
    assert "broken or truncated" in done.stderr
    assert 0 < table(done.stdout)["loaded"] == len(stored(collector, dataset)) < 27


def test_names_of_an_older_zip_are_of_the_charset_told(collector, dataset, tmp_path):
    archive = tmp_path / "old.zip"
    archive.write_bytes(legacy_zip("写真/犬表.png", "cp932"))
    assert loaded(collector, archive, dataset, "--names", "cp932")["loaded"] == 1
    assert [(sample["filepath"], sample["label"]) for sample in samples(collector.session("viewer"), dataset)] == [("写真/犬表.png", "写真")]
    refused(load(collector, archive, dataset, "--names", "nosuch"), 2, "charset")
    archive.write_bytes(legacy_zip("写真/犬.png", "cp932"))
    guessed = load(collector, archive, next(datasets))
    assert guessed.returncode == 0 and "--names" in guessed.stderr


def test_a_hard_link_is_the_image_that_it_leads_to(collector, dataset, tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    os.link(tmp_path / "a.png", tmp_path / "b.png")
    with tarfile.open(tmp_path / "linked.tar", "w") as out:
        for name in ("a.png", "b.png"):
            out.add(tmp_path / name, f"cats/{name}")
        assert out.getmembers()[1].islnk()
    result = loaded(collector, tmp_path / "linked.tar", dataset)
    assert (result["loaded"], result["duplicate"], result["failed"]) == (1, 1, 0)
    assert list(stored(collector, dataset)) == ["cats/a.png"]


def test_entries_that_lead_outside_fail_and_the_others_load(collector, dataset, tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(picture())
    with tarfile.open(tmp_path / "evil.tar", "w") as out:
        out.add(tmp_path / "a.png", "../a.png")
        out.add(tmp_path / "b.png", "cats/b.png")
    done = load(collector, tmp_path / "evil.tar", dataset)
    assert done.returncode == 1
    assert "'..'" in failures(done.stdout)["../a.png"]
    assert list(stored(collector, dataset)) == ["cats/b.png"]


# --- what is not loaded -------------------------------------------------------------------------------------------


def test_bad_files_are_skipped_or_fail_with_a_reason_and_the_others_load(collector, dataset, few):
    (few / "accordion" / "notes.txt").write_text("text")
    (few / "accordion" / "fake.jpg").write_text("text")
    (few / "accordion" / "empty.png").touch()
    (few / "accordion" / ".hidden.png").write_bytes(picture())
    (few / ".thumbnails").mkdir()
    (few / "accordion" / "cut.png").write_bytes(picture("PNG", (64, 64))[:-40])
    (few / "accordion" / "dangling.png").symlink_to("nowhere")
    (few / "linked.png").symlink_to("accordion/image_0000.jpeg")
    (few / "linked").symlink_to("/")
    os.mkfifo(few / "pipe.png")
    (few / "bad\nfolder").mkdir()
    (few / "bad\nfolder" / "1.png").write_bytes(picture())
    os.rename(few / "top.png", os.fsencode(few) + b"/top\xff.png")
    done = load(collector, few, dataset)
    assert done.returncode == 1
    assert table(done.stdout) == {
        "loaded": 6, "duplicate": 1, "skipped": 9, "hidden": 2, "no regular file": 1, "no image": 3,
        "in a folder to be skipped": 2, "link that leads outside": 1, "failed": 4}  # fmt: skip
    found = failures(done.stdout)
    assert set(found) == {"accordion/cut.png", "accordion/dangling.png", r"bad\x0afolder/1.png", r"top\xff.png"}
    assert "truncated" in found["accordion/cut.png"]
    assert "label" in found[r"bad\x0afolder/1.png"]
    assert len(stored(collector, dataset)) == 6


def test_a_filepath_taken_by_another_image_fails(collector, dataset, few):
    loaded(collector, few, dataset)
    (few / "top.png").write_bytes(picture())
    done = load(collector, few, dataset)
    assert done.returncode == 1
    assert failures(done.stdout) == {"top.png": "Another image is at top.png already"}


def test_an_image_over_the_servers_limit_fails_alone(make_collector, dataset, few):
    server = make_collector(config={"limits": {"file_bytes": 1024 * 1024}}).start()
    (few / "large.bmp").write_bytes(picture("BMP", (2000, 1500)))
    done = load(server, few, dataset)
    assert done.returncode == 1
    assert table(done.stdout)["loaded"] == 7
    assert failures(done.stdout) == {"large.bmp": "The body is too large"}


def test_a_folder_without_an_image_makes_no_dataset(collector, dataset, tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("text")
    done = load(collector, tmp_path / "texts", dataset)
    assert done.returncode == 1
    assert table(done.stdout)["skipped"] == 1
    assert "no image in" in done.stderr
    assert collector.session("admin").get(f"/v1/datasets/{dataset}").status_code == 404


# --- who may ------------------------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_at_once(collector, dataset, few):
    refused(load(collector, few, dataset, password="wrong"), 1, "Wrong user or password")


def test_a_dataset_is_made_by_an_admin_only(collector, dataset, few):
    refused(load(collector, few, dataset, user="contributor"), 1, f"no dataset {dataset}", "admin")
    assert loaded(collector, few, dataset)["loaded"] == 7


def test_uploading_is_not_for_an_annotator(collector, few):
    before = stored(collector, "secret")
    refused(load(collector, few, "secret", "--label", "cat", user="annotator"), 1, "contributor")
    assert stored(collector, "secret") == before


def test_the_password_may_come_from_the_environment_or_a_netrc(collector, dataset, few, tmp_path):
    assert loaded(collector, few, dataset, password=None, env={"IMAGE_LABEL_PASSWORD": "secret"})["loaded"] == 7
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login viewer password other\nmachine 127.0.0.1 login admin password secret\n")
    assert loaded(collector, few, dataset, "--netrc-file", netrc, password=None)["duplicate"] == 7
    netrc.rename(tmp_path / ".netrc")
    assert loaded(collector, few, dataset, password=None, env={"HOME": str(tmp_path)})["duplicate"] == 7
    refused(load(collector, few, dataset, password=None, env={"HOME": "/nowhere"}), 2, "No password")


def test_https_is_trusted_when_told_whom_to_trust(make_collector, dataset, few):
    server = make_collector()
    server.tls = True
    server.start()
    refused(load(server, few, dataset, url=server.tls_url), 1, "does not answer", "certificate")
    assert loaded(server, few, dataset, "--cacert", server.certificate, url=server.tls_url)["loaded"] == 7
    assert loaded(server, few, dataset, "--insecure", url=server.tls_url)["duplicate"] == 7


# --- while it runs ------------------------------------------------------------------------------------------------


MANY = 300


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    draw_classes(folder, MANY // 3)
    return folder


class Running:
    """A load under way, one image after the other, so that there is time to come between."""

    def __init__(self, server, folder, dataset, *arguments, **streams):
        self.server, self.dataset = server, dataset
        self.session = server.session("admin")
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **streams}
        self.process = subprocess.Popen(words(server, folder, dataset, "--jobs", "1", *arguments), env=environment(), **streams)

    def size(self):
        answer = self.session.get(f"/v1/datasets/{self.dataset}")
        return answer.json()["size"] if answer.status_code == 200 else 0

    def until_under_way(self):
        until(lambda: self.size() >= 20 or self.process.poll() is not None, "some are loaded")
        assert self.process.poll() is None
        return self


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_one_that_was_interrupted_goes_on_where_it_was(collector, dataset, many, number):
    running = Running(collector, many, dataset).until_under_way()
    running.process.send_signal(number)
    out, errors = running.process.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert running.process.returncode == -number
    else:
        assert running.process.returncode == 128 + number
        assert "Interrupted" in errors
        assert 0 < table(out)["loaded"] < MANY
    present = running.size()
    assert 0 < present < MANY
    result = loaded(collector, many, dataset)
    assert result["loaded"] + result["duplicate"] == MANY
    assert result["there already, not sent"] in (present, present + 1)  # one was on its way
    assert stored(collector, dataset) == expected(images_of(many))


def test_an_archive_that_was_interrupted_goes_on_where_it_was(collector, dataset, many):
    archive = pack(many, "tar", dataset)
    running = Running(collector, archive, dataset).until_under_way()
    running.process.kill()
    running.process.wait()
    present = running.size()
    assert 0 < present < MANY
    result = loaded(collector, archive, dataset)
    assert result["loaded"] + result["duplicate"] == MANY
    assert result["there already, not sent"] in (present, present + 1)
    assert stored(collector, dataset) == expected({f"{dataset}/{path}": content for path, content in images_of(many).items()})


def test_programs_of_the_server_that_die_meanwhile_cost_nothing(collector, dataset, many):
    running = Running(collector, many, dataset).until_under_way()
    for name in ("images", "labels", "datasets"):
        for pid in collector.processes(name):
            os.kill(pid, signal.SIGKILL)
    out, errors = running.process.communicate(timeout=120)
    assert (running.process.returncode, errors) == (0, ""), out + errors
    result = table(out)
    assert result["failed"] == 0 and result["loaded"] + result["duplicate"] == MANY
    assert stored(collector, dataset) == expected(images_of(many))


def test_a_server_that_is_gone_is_told(collector, dataset, few):
    refused(load(collector, few, dataset, url="http://127.0.0.1:1"), 1, "http://127.0.0.1:1 does not answer")


def test_the_password_is_on_no_command_line(collector, dataset, many):
    running = Running(collector, many, dataset).until_under_way()
    lines = [line.read_bytes() for line in Path("/proc").glob(f"{running.process.pid}/cmdline")]
    running.process.kill()
    running.process.communicate()
    assert lines and all(dataset.encode() in line and b"\0secret\0" not in line for line in lines)


def test_a_terminal_shows_a_progress_bar(collector, dataset, many):
    reader, writer = pty.openpty()
    running = Running(collector, many, dataset, stdout=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    parts = []
    try:
        while part := os.read(reader, 65536):
            parts.append(part)
    except OSError:  # EIO: the other end is closed
        pass
    os.close(reader)
    assert running.process.wait() == 0
    shown = b"".join(parts).decode()
    assert re.search(r"\r\x1b\[K\[[#.]{24}\] +\d+%  \d+ s left  \d+ images, \d+ images/s, \d+\.\d MB/s", shown)
    assert shown.endswith("\r\x1b[K")


# --- the command line ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, said", [
    ((), "folder or an archive"),
    (("a", "b"), "one folder or archive"),
    (("--frob", "a"), "--frob"),
    (("--jobs", "0", "a"), "--jobs"),
    (("--label", "x", "--no-label", "a"), "--no-label"),
    (("-b", "ftp://x", "a"), "ftp://x"),
    (("-b", "http://u:p@x", "a"), "--user"),
    (("-d", "a/b", "a"), "/"),
    (("-p",), "-p"),
])  # fmt: skip
def test_a_wrong_command_line_is_told(arguments, said):
    words = [SCRIPT, "-u", "ann", "-p", "x", "-d", "cats", *arguments]
    refused(subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=60), 2, said)


def test_no_dataset_and_no_user_are_told():
    for words, said in ((["-u", "ann", "-p", "x", "a"], "--dataset"), (["-p", "x", "-d", "cats", "a"], "--user")):
        refused(subprocess.run([SCRIPT, *words], env=environment(), capture_output=True, text=True, timeout=60), 2, said)


def test_a_path_that_is_no_folder_and_no_archive_is_told(collector, dataset, tmp_path):
    (tmp_path / "text").write_text("text " * 1000)
    refused(load(collector, tmp_path / "text", dataset), 1, "no folder")
    refused(load(collector, tmp_path / "absent", dataset), 1, "absent")
