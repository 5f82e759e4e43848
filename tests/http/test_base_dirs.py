"""Nobody sees another dataset's images, or the server's own files, through a base_dir."""
import os
import socket
import subprocess

import pytest
from collecting import Collector, assert_problem
from conftest import finish
from harness import SCRIPTS, draw, until

DATASETS = "/v1/datasets"
ONE_OFF = "one-off.png"  # no sample, but it looks like an image


@pytest.fixture(scope="module")
def nested(make_shared_server):
    """A server of datasets of which the folder of inner lies in that of outer, that of kernel in shell's, and apart's in none; ann may
    see outer, shell and apart."""
    server = make_shared_server()
    server.add_user("admin", role="admin")
    server.add_user("ann", role="viewer", datasets=["outer", "shell", "apart"])
    folders = {"outer": "outer", "inner": "outer/inner", "shell": "shell", "kernel": "shell/kernel", "apart": "outer-and-apart"}
    for name, folder in folders.items():
        draw(server.add_dataset(name, base_dir=server.images / folder) / ONE_OFF)
    return server.start()


def test_what_lies_in_another_datasets_folder_is_not_served(nested):
    ann, admin = nested.session("ann"), nested.session("admin")
    for path in ("outer/inner/image0.png", f"outer/inner/{ONE_OFF}", f"outer/{ONE_OFF}"):
        for session in (ann, admin):
            assert (path, session.get("/images/" + path).status_code) == (path, 404)
    assert admin.get(f"/images/inner/{ONE_OFF}").status_code == 404
    for path in ("outer/image0.png", "apart/image0.png", f"apart/{ONE_OFF}"):
        assert (path, ann.get("/images/" + path).status_code) == (path, 200)
    assert admin.get("/images/inner/image0.png").status_code == 200
    assert ann.get("/images/inner/image0.png").status_code == 404


def test_two_datasets_of_one_folder_show_their_samples(make_server):
    server = make_server()
    server.add_user("ann", role="viewer", datasets=["all"])
    base = server.add_dataset("all", samples=2)
    os.symlink(base, server.images / "same")
    server.add_dataset("few", samples=["image0.png"], base_dir=server.images / "same")
    draw(base / ONE_OFF)
    ann = server.start().session("ann")
    assert [ann.get(f"/images/all/{name}").status_code for name in ("image0.png", "image1.png", ONE_OFF)] == [200, 200, 404]


def test_a_folder_is_apart_again_when_the_other_dataset_is_gone(nested):
    ann = nested.session("ann")
    assert nested.session("admin").delete(DATASETS + "/kernel").status_code == 204
    (nested.seeds / "kernel.json").unlink()
    assert ann.get(f"/images/shell/{ONE_OFF}").status_code == 404
    assert nested.reload().returncode == 0
    until(lambda: ann.get(f"/images/shell/{ONE_OFF}").status_code == 200, "whatever looks like an image is served")


def test_a_folder_that_is_loaded_into_another_one_is_hidden_there(nested):
    ann = nested.session("ann")
    inside = nested.images / "outer-and-apart" / "inside"
    draw(inside / "secret.png")
    assert ann.get("/images/apart/inside/secret.png").status_code == 200
    words = [SCRIPTS / "image-label-load", "--config", nested.config_file, "--in-place", inside, "--dataset", "inside", "--labels", "a"]
    assert subprocess.run(words, env=nested.env, capture_output=True).returncode == 0
    until(lambda: ann.get("/images/apart/inside/secret.png").status_code == 404, "it is hidden")
    assert nested.session("admin").get("/images/inside/secret.png").status_code == 200


# --- by HTTP


@pytest.fixture(scope="module")
def allowing(tmp_path_factory, stores):
    """A server at which folders below `allowed` may be chosen, where its image store and its state lie, too."""
    folder = tmp_path_factory.mktemp("allowing")
    allowed = folder / "allowed"
    allowed.mkdir()
    config = {"base_dirs": [str(allowed)], "image_store": {"dir": str(allowed / "store")}}
    collector = Collector(folder / "collector", stores.environment(), config=config)
    collector.store = allowed / "store"
    collector.state = allowed / "state"
    collector.allowed = allowed
    collector.add_dataset("taken", base_dir=allowed / "taken" / "deep")
    try:
        yield collector.start()
    finally:
        finish([collector])


def test_a_folder_is_chosen_among_those_that_are_configured(allowing):
    admin, above = allowing.session("admin"), allowing.allowed.parent
    (allowing.allowed / "free").mkdir()
    (above / "elsewhere").mkdir()
    os.symlink(above / "elsewhere", allowing.allowed / "link")
    os.symlink(allowing.allowed / "free", above / "way-in")
    free, through = str(allowing.allowed / "free"), str(above / "way-in")
    told = admin.post(DATASETS, json={"name": "made", "base_dir": free})
    assert (told.status_code, told.json()["base_dir"]) == (201, free)
    refused = ["/", "/root", "/proc/self/root", "/proc/self/root/root", str(above), str(above / "elsewhere"),
               str(allowing.allowed / "link"), str(allowing.allowed / ".."), str(allowing.allowed) + "-not"]  # fmt: skip
    os.mkdir(refused[-1])
    for folder in refused:
        assert_problem(admin.post(DATASETS, json={"name": "refused", "base_dir": folder}), 403, "base_dirs")
        assert_problem(admin.patch(DATASETS + "/made", json={"base_dir": folder}), 403, "base_dirs")
    assert admin.get(DATASETS + "/refused").status_code == 404
    assert admin.patch(DATASETS + "/made", json={"base_dir": through}).status_code == 200
    assert admin.patch(DATASETS + "/made", json={"base_dir": ""}).status_code == 200
    assert_problem(admin.patch(DATASETS + "/made", json={"base_dir": free + "/nothing"}), 422, "nothing")


def test_a_folder_that_is_anothers_is_not_chosen(allowing):
    admin = allowing.session("admin")
    for name in ("taken/deep/er", "beside"):
        (allowing.allowed / name).mkdir(parents=True)
    assert admin.post(DATASETS, json={"name": "beside", "base_dir": str(allowing.allowed / "beside")}).status_code == 201
    others = ["", "taken", "taken/deep", "taken/deep/er", "state", "state/tmp"] + ["store", "store/private"] * (allowing.store.exists())
    for name in others:
        folder = str(allowing.allowed / name)
        assert_problem(admin.post(DATASETS, json={"name": "refused", "base_dir": folder}), 409, folder)
        assert_problem(admin.patch(DATASETS + "/beside", json={"base_dir": folder}), 409, folder)
    assert admin.patch(DATASETS + "/beside", json={"base_dir": str(allowing.allowed / "beside")}).status_code == 200


def test_no_folder_is_chosen_where_none_is_configured(make_server, tmp_path):
    server = make_server()
    server.add_user("admin", role="admin")
    base = server.add_dataset("demo")
    admin = server.start().session("admin")
    assert_problem(admin.patch(DATASETS + "/demo", json={"base_dir": str(tmp_path)}), 403, "base_dirs")
    assert admin.patch(DATASETS + "/demo", json={"base_dir": str(base)}).status_code == 200  # as it is


# --- what is no file


@pytest.mark.parametrize("password", ["aGeneratedKeyOf22byteQ", "chosen"])  # nginx checks the former, and serves by itself
def test_what_is_no_file_is_404_everywhere(make_server, tmp_path, password):
    server = make_server(config={"image_roots": ["/dev", str(tmp_path)]})
    server.add_user("ann", password)
    names = ["socket.png", "fifo.png", "folder.png", "link.png", "terminal.png", "gone.png"]
    base = server.add_dataset("demo", samples=[*names, "image.png"])
    draw(base / "image.png")
    with socket.socket(socket.AF_UNIX) as listener:
        folder = os.open(base, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{folder}/socket.png")
        os.close(folder)
        os.mkfifo(base / "fifo.png")
        (base / "folder.png").mkdir()
        os.symlink(base / "fifo.png", base / "link.png")
        os.symlink("/dev/tty", base / "terminal.png")
        ann = server.start().session("ann")
        for number, name in enumerate(names):
            answers = [ann.get(f"/images/demo/{name}", allow_redirects=False), ann.get(f"{DATASETS}/demo/samples/{number}/image"),
                       ann.get(f"{DATASETS}/demo/samples/{number}/thumb"), ann.post("/obtain", json={"dataset_name": "demo", "id": number})]
            assert (name, [answer.status_code for answer in answers]) == (name, [404] * 4)
            assert {answer.json()["message"] for answer in answers} == {"Image file not found"}
        assert ann.get("/images/demo/folder.png/", allow_redirects=False).status_code == 404
        assert ann.get("/images/demo/image.png").status_code == 200
