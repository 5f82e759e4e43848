"""What decodes images is confined: a module that misbehaves, planted in place of the real one, reaches nothing, and ends nothing but itself."""
import io
import os
import shutil
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import DEFAULT, Collector, picture
from harness import LIBEXEC, kill, until
from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
REFUSED = "-1 Permission denied"
SANITIZER = pytest.mark.skipif("asan" in str(LIBEXEC), reason="a sanitizer needs memory, and a place to report to")


@pytest.fixture(scope="module")
def planted(stores, tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    shutil.copytree(LIBEXEC, folder / "bin")
    shutil.copytree(LIBEXEC.parent / "lib", folder / "lib", ignore=lambda *_: [name for name in os.listdir(LIBEXEC.parent / "lib") if not name.endswith(".so")])
    shutil.copy(LIBEXEC.parent / "tests/planted/lib/imagelabel-image.so", folder / "lib")
    collector = Collector(tmp_path_factory.mktemp("c") / "collector", stores.environment())
    collector.env["IMAGE_LABEL_LIBEXEC"] = str(folder / "bin")
    try:
        yield collector.start()
    finally:
        collector.stop()


@pytest.fixture
def does(planted):
    """Sends an image whose decoder does this; what came of it."""
    contributor = planted.session("contributor")

    def does(deed, what="\0"):
        answer = contributor.put(f"/v1/datasets/{DEFAULT}/images/image.png", data=PNG + f"{deed} {what}".encode() + b"\0")
        assert answer.status_code == 422, answer.text
        said = answer.json()["detail"]
        assert f"planted: {deed} " in said, said
        return said.split(f"planted: {deed} ")[1].strip()

    return does


def test_nothing_is_opened(does, planted, tmp_path):
    (tmp_path / "secret").write_text("secret")
    for path in (tmp_path / "secret", planted.config_file, "/etc/passwd", "/usr/bin/env", "/proc/self/environ", "/dev/null", ".", planted.store):
        assert does("open", path) == REFUSED, path
    for path in (tmp_path / "made", planted.state / "log" / "images.log", "/dev/shm/made"):
        assert does("create", path) == REFUSED, path
    assert does("chmod", tmp_path / "secret") == REFUSED
    assert does("unlink", tmp_path / "secret") == REFUSED
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_nothing_is_asked_over_a_network_or_a_socket(does, planted, tmp_path):
    assert does("socket") == REFUSED
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        assert does("connect", tmp_path / "s") == REFUSED
        assert does("connect", planted.state / "sock" / "images.sock") == REFUSED


def test_no_other_process_is_made_or_touched(does, planted):
    before = planted.processes("images")
    for deed, what in (("execute", "/bin/sh"), ("fork", ""), ("kill", ""), ("trace", ""), ("limit", "")):
        assert does(deed, what) == REFUSED, deed
    assert planted.processes("images") == before


def test_the_image_stays_as_it_is(does):
    assert does("change", "another image") == REFUSED


@SANITIZER
def test_nothing_is_written_to_the_log(does, planted):
    assert does("log", "a line in the log") == REFUSED
    assert "a line in the log" not in planted.logs()


def test_it_has_no_secret_and_no_other_file(does):
    assert does("secrets") == "0"
    assert does("descriptors") == "4"  # /dev/null twice, its socket, the image


@SANITIZER
def test_its_memory_is_bounded(does):
    assert int(does("allocate")) * 256 <= 2048 + 16 * os.cpu_count()


@pytest.mark.parametrize("deed", ["crash", "exit", "babble"])
def test_an_image_that_ends_its_decoder_is_refused_alone(planted, deed):
    contributor = planted.session("contributor")
    put = lambda name, data: contributor.put(f"/v1/datasets/{DEFAULT}/images/{name}.png", data=data)  # noqa: E731
    before = planted.processes("images")
    with ThreadPoolExecutor(8) as threads:
        well = [threads.submit(put, f"{deed}{n}", picture()) for n in range(16)]
        bad = [threads.submit(put, "bad", PNG + f"{deed} x".encode()) for _ in range(8)]
    for answer in bad:
        assert answer.result().status_code == 422
        assert "its decoder ends each time" in answer.result().json()["detail"]
    assert [answer.result().status_code for answer in well] == [201] * 16
    assert planted.processes("images") == before


def test_what_it_says_of_a_thumbnail_is_not_believed(planted):
    contributor = planted.session("contributor")
    made = contributor.put(f"/v1/datasets/{DEFAULT}/images/thumbed.png", data=picture())
    answer = contributor.get(made.json()["thumb_url"])
    assert answer.status_code >= 400 and "<script>" not in answer.text


# --- the real one


def test_a_decoder_that_was_killed_is_replaced(make_collector):
    """And its image is no worse for that."""
    collector = make_collector().start()
    contributor = collector.session("contributor")
    for name in range(3):
        assert contributor.put(f"/v1/datasets/{DEFAULT}/images/{name}.png", data=picture()).status_code == 201
        (decoder,) = collector.processes("decode")
        kill([decoder])
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(out, "WEBP")
    assert contributor.put(f"/v1/datasets/{DEFAULT}/images/last.webp", data=out.getvalue()).status_code == 201
    assert collector.command("stop").returncode == 0
    until(lambda: not collector.processes("decode"), "no decoder is left")
