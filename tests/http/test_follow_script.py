"""scripts/image-label-follow: a folder of links stays as the dataset is, whatever happens to either."""
import json
import os
import subprocess

import pytest
from collecting import picture
from followed import SCRIPT, Followed, assert_killed_and_in_step
from harness import draw, until

KILLS = 5  # tests/soak has more


@pytest.fixture
def dataset(collector, admin, request):
    """A dataset with the labels cat and dog, by the test's own name."""
    name = request.node.name[:100]
    assert admin.post("/v1/datasets", json={"name": name, "labels": ["cat", "dog", "bird"]}).status_code == 201
    return name


@pytest.fixture
def put(admin, dataset):
    def put(name, label=""):
        answer = admin.put(f"/v1/datasets/{dataset}/images/{name}", data=picture(), params={"label": label} if label else {})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    return put


@pytest.fixture
def post(admin, dataset):
    def post(route, **body):
        answer = admin.post(f"/v1/datasets/{dataset}{route}", json=body)
        assert answer.status_code < 300, answer.text
        return answer

    return post


@pytest.fixture
def followed(collector, dataset, tmp_path):
    return Followed(collector, dataset, tmp_path / "pets")


def test_a_folder_is_what_an_export_of_class_folders_would_be(followed, put):
    assert "0 images" in followed.once()
    assert followed.links() == {}
    for number in range(5):
        put(f"a/{number}.png", "cat" if number % 2 else "dog")
    put("b.png")
    assert followed.once() == ""
    assert sorted(followed.links()) == ["cat/1-1.png", "cat/3-3.png", "dog/0-0.png", "dog/2-2.png", "dog/4-4.png"]
    assert followed.printed.splitlines() == ["+ dog/0-0.png", "+ cat/1-1.png", "+ dog/2-2.png", "+ cat/3-3.png", "+ dog/4-4.png"]
    followed.assert_in_step()


def test_each_change_is_followed(followed, put, post, admin, dataset):
    with followed.following():
        number = put("a.png", "cat")
        followed.comes_in_step()
        for route, body in (("/label", {"label": "dog"}), ("/undo", {}), ("/label", {"label": ""}), ("/label", {"label": "bird"})):
            post(f"/samples/{number}{route}", **body)
            followed.comes_in_step()
        key = next(label["key"] for label in admin.get(f"/v1/datasets/{dataset}/labels").json()["items"] if label["name"] == "bird")
        assert admin.patch(f"/v1/datasets/{dataset}/labels/{key}", json={"name": "owl"}).status_code == 200
        followed.comes_in_step()
        assert list(followed.links()) == ["owl/a-0.png"]
        post(f"/labels/{key}/merge", into=next(label["key"] for label in admin.get(f"/v1/datasets/{dataset}/labels").json()["items"] if label["name"] == "dog"))
        followed.comes_in_step()
        assert list(followed.links()) == ["dog/a-0.png"]
        assert admin.delete(f"/v1/datasets/{dataset}/samples/{number}").status_code in (200, 204)
        followed.comes_in_step()
        assert followed.links() == {}


def test_labels_that_change_their_names_with_each_other_while_nobody_follows(followed, put, admin, dataset):
    put("a.png", "cat"), put("b.png", "dog")
    followed.once()
    keys = {label["name"]: label["key"] for label in admin.get(f"/v1/datasets/{dataset}/labels").json()["items"]}
    for was, name in (("cat", "x"), ("dog", "cat"), ("cat", "dog")):
        assert admin.patch(f"/v1/datasets/{dataset}/labels/{keys[was]}", json={"name": name}).status_code == 200
    assert "2 images" in followed.once()
    assert sorted(followed.links()) == ["cat/b-1.png", "dog/a-0.png"]
    followed.assert_in_step()


def test_votes_are_followed_once_they_decide(followed, put, collector, admin, dataset):
    assert admin.patch(f"/v1/datasets/{dataset}", json={"policy": {"overlap": 2}}).status_code == 200
    put("a.png")
    with followed.following():
        for user in ("annotator", "contributor"):
            assert followed.links() == {}
            (task,) = collector.session(user).post(f"/v1/datasets/{dataset}/tasks", json={"count": 1}).json()["tasks"]
            assert collector.session(user).post(f"/v1/datasets/{dataset}/tasks/{task['token']}/label", json={"label": "dog"}).status_code == 200
        followed.comes_in_step()
    assert list(followed.links()) == ["dog/a-0.png"]


HOSTILE_LABELS = [
    "../x", "..", ".", "a/b", " ", "x ", "%2F", "=cmd|' /C calc'!A0", 'a"b\'c\\d', "-rf", ".image-label-follow", "ä" * 128, "%" * 250, "日本語",
    "a\u0085b", "con.", "~", "$(touch x)", "*",
]  # fmt: skip
HOSTILE_NAMES = ["../../x.png", "a.1.JPG", "=cmd", "-rf", "--", ".hidden.png", "new\nline.png", "quo\"te's.png", "d/" * 400 + "x.png", "ü" * 120 + ".png", " ", "x.", "%2e%2e"]


def test_hostile_labels_and_files(collector, tmp_path):
    folder = collector.images / "hostile"
    kept = {"safe.png": "cat"}
    for number, name in enumerate(HOSTILE_NAMES):
        kept[name] = HOSTILE_LABELS[number]
    for number, label in enumerate(HOSTILE_LABELS):
        kept[f"label{number}.png"] = label
    for number, name in enumerate(kept):
        if ".." not in name.split("/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(picture("JPEG" if name.endswith("JPG") else "PNG"))
    collector.add_dataset("hostile", ["cat", *HOSTILE_LABELS], list(kept.items()), base_dir=folder)
    assert collector.reload().returncode == 0
    followed = Followed(collector, "hostile", tmp_path / "odd")
    followed.once(fails=1)  # of one image there is no file
    followed.assert_in_step()
    assert len(followed.links()) == len(kept) - 1
    assert {path.parent.parent for path in followed.folder.rglob("*.png")} == {followed.folder}
    copies = Followed(collector, "hostile", tmp_path / "copies", options=["--download"])
    copies.once(fails=1)
    copies.assert_in_step()


def test_links_lead_to_the_images_where_they_lie_or_else_to_copies(collector, admin, tmp_path):
    folder, outside = collector.images / "in place", draw(tmp_path / "outside.png")
    for name in ("a.png", "b/c.png"):
        draw(folder / name)
    (folder / "link.png").symlink_to(outside)
    collector.add_dataset("in place", ["cat"], [("a.png", "cat"), ("b/c.png", "cat"), ("link.png", "cat")], base_dir=folder)
    assert collector.reload().returncode == 0
    assert admin.put("/v1/datasets/in place/images/up.png", data=picture(), params={"label": "cat"}).status_code == 201
    followed = Followed(collector, "in place", tmp_path / "followed")
    assert "could not be had" in followed.once(fails=1)  # the server does not give what lies outside
    assert os.readlink(followed.folder / "cat" / "a-0.png") == str(folder / "a.png")
    assert os.readlink(followed.folder / "cat" / "up-3.png").startswith("../../followed.images/3-")
    followed.assert_in_step()
    again = Followed(collector, "in place", tmp_path / "again", options=["--download", "--images", tmp_path / "kept"])
    again.once(fails=1)
    assert {os.readlink(path) for path in (again.folder / "cat").iterdir()} == {f"../../kept/{path.name}" for path in (tmp_path / "kept").glob("*.png")}
    again.assert_in_step()


def test_a_dataset_that_was_made_anew_is_begun_anew(followed, put, admin, dataset, collector):
    put("a.png", "cat"), put("b.png", "dog")
    followed.once()
    assert admin.delete(f"/v1/datasets/{dataset}").status_code in (200, 204)
    assert "Database not found" in followed.once(fails=1)
    assert len(followed.links()) == 2
    assert admin.post("/v1/datasets", json={"name": dataset, "labels": ["cat"]}).status_code == 201
    put("c.png", "cat")
    assert "beginning anew" in followed.once()
    assert list(followed.links()) == ["cat/c-0.png"]
    followed.assert_in_step()


def test_it_goes_on_when_the_server_is_back(followed, put, collector, dataset):
    put("a.png", "cat")
    with followed.following() as process:
        followed.comes_in_step()
        collector.restart()
        answer = collector.session("admin").post(f"/v1/datasets/{dataset}/samples/0/label", json={"label": "dog"})
        assert answer.status_code == 200
        followed.comes_in_step()
    assert process.poll() is not None


def test_one_who_is_killed_at_any_moment_misses_nothing(collector, followed, put, dataset):
    for number in range(8):
        put(f"{number}.png", "cat")
    assert_killed_and_in_step(collector, dataset, followed.folder, KILLS, seed=1)


def test_a_first_list_that_is_killed_is_begun_again(followed, put):
    for number in range(6):
        put(f"{number}.png", "cat" if number % 2 else "dog")
    for steps in range(1, 40, 8):
        followed.killed(steps)
    followed.once()
    followed.assert_in_step()


def test_only_its_own_folder_is_touched(followed, put, tmp_path, collector, dataset):
    put("a.png", "cat")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "note.txt").write_text("mine")
    said = Followed(collector, dataset, theirs).once(fails=1)
    assert "is not empty" in said and said.count("\n") == 1
    assert "is not empty" in Followed(collector, dataset, tmp_path / "mine", options=["--images", theirs]).once(fails=1)
    assert [path.name for path in theirs.iterdir()] == ["note.txt"]
    followed.once()
    said = Followed(collector, dataset, tmp_path / "mine", options=["--images", followed.images]).once(fails=1)
    assert "has the images of another folder" in said
    (followed.folder / "note.txt").write_text("mine")
    (followed.folder / "cat" / "note.txt").write_text("mine")
    collector.session("admin").delete(f"/v1/datasets/{dataset}/samples/0")
    followed.once()
    assert sorted(path.name for path in followed.folder.rglob("*.txt")) == ["note.txt", "note.txt"]


def test_what_was_removed_or_doubled_by_hand_is_mended(followed, put, post):
    put("a.png", "cat"), put("b.png", "cat")
    followed.once()
    (followed.folder / "cat" / "a-0.png").unlink()
    post("/samples/0/label", label="dog")
    followed.once()
    followed.assert_in_step()
    for name in ("dog/b-1.png", "bird/b-1.png"):
        (followed.folder / name).parent.mkdir(exist_ok=True)
        (followed.folder / name).symlink_to("/nowhere")
    assert "2 images" in followed.once()
    followed.assert_in_step()


def test_one_at_a_time(followed, put, collector, dataset):
    put("a.png", "cat")
    with followed.following():
        followed.comes_in_step()
        assert "another image-label-follow works on" in followed.once(fails=1)
    other = Followed(collector, "secret", followed.folder, user="guest")
    assert f"follows the dataset {dataset}" in other.once(fails=1)


def test_it_ends_when_it_may_not_look_any_more(followed, put, collector, admin, dataset):
    put("a.png", "cat")
    made = admin.post("/v1/users", json={"user": "fay", "role": "viewer"})
    collector.passwords["fay"] = made.json()["password"]
    followed.user = "fay"
    process = followed.start()
    until(lambda: (followed.folder / "cat" / "a-0.png").exists(), "it follows")
    assert admin.delete("/v1/users/fay").status_code in (200, 204)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1 and ("Authentication failed" in said or "Database not found" in said)
    assert len(followed.links()) == 1


@pytest.mark.parametrize("words, says", [
    (["--once"], "where to?"), (["--frob", "x"], "--frob"), (["-d"], "expected one argument"), (["a", "b"], "unrecognized arguments: b"),
    (["-b", "ftp://x", "a"], "http:// or https://"), (["--patience", "x", "a"], "--patience"),
    (["--cacert", "none", "a"], "cannot read none"),
])  # fmt: skip
def test_wrong_usage_is_said(words, says, tmp_path):
    done = subprocess.run([SCRIPT, "-u", "ann", "-p", "x", "-d", "cats", *words], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and says in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_away_for_too_long_is_given_up(followed):
    assert "does not answer" in followed.once("--base", "http://127.0.0.1:9", "--patience", "1", fails=1)


def test_the_state_is_one_file_that_is_whole(followed, put):
    put("a.png", "cat")
    followed.once()
    state = json.loads((followed.folder / ".image-label-follow").read_text())
    assert state["dataset"] == followed.dataset and state["cursor"] and state["listed"]
