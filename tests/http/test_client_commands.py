"""The commands of scripts/image-label-client that use /v1, against the real stack: as lines for people, and as
JSON."""
import json
import os
import signal
import subprocess

import pytest
from collecting import picture
from harness import SCRIPTS, draw

SCRIPT = SCRIPTS / "image-label-client"


@pytest.fixture(scope="module")
def run(collector, tmp_path_factory):
    """Runs the script as a user in an empty folder; the lines that it prints, or with `fails` its status and what it says."""

    def run(*words, user="admin", fails=None, folder=None, input=None):
        environment = {**os.environ, "IMAGE_LABEL_PASSWORD": collector.passwords[user]}
        done = subprocess.run([SCRIPT, "-u", user, "-b", collector.url, *map(str, words)], cwd=folder or tmp_path_factory.getbasetemp(),
                              env=environment, input=input, capture_output=True, text=True, timeout=120)  # fmt: skip
        if fails is not None:
            assert (done.returncode, done.stdout) == (fails, ""), done.stdout
            assert done.stderr.startswith("image-label-client: ") and done.stderr.count("\n") == 1
            return done.stderr
        assert (done.returncode, done.stderr) == (0, "")
        return [line.split("\t") for line in done.stdout.splitlines()]

    return run


@pytest.fixture
def dataset(collector, request, run):
    """A dataset of three images, by the test's own name."""
    name = request.node.name[:100]
    run("datasets", "add", name, "--labels", "cat,dog")
    admin = collector.session("admin")
    for number in range(3):
        assert admin.put(f"/v1/datasets/{name}/images/a/{number}.png", data=picture()).status_code == 201
    return name


def as_json(run, *words, **more):
    return [json.loads("\t".join(line)) for line in run("--json", *words, **more)]


def test_images_are_leased_and_labelled_one_after_the_other(run, dataset, tmp_path):
    seen = []
    for number in range(3):
        ((sample, token, filepath),) = run("-d", dataset, "next", "-o", "next.png", folder=tmp_path)
        assert (tmp_path / "next.png").read_bytes().startswith(b"\x89PNG")
        assert run("-d", dataset, "label", "cat", "--token", token, "--lead-time", 1500) == [[sample, "labelled", "cat", filepath]]
        seen.append(filepath)
    assert seen == ["a/0.png", "a/1.png", "a/2.png"]
    assert "nothing is left to label" in run("-d", dataset, "next", fails=3)
    ((at, by, source, label),) = run("-d", dataset, "history", "--id", 0)
    assert (by, label) == ("admin", "cat")
    assert as_json(run, "-d", dataset, "history", "--id", 0)[0]["lead_time_ms"] == 1500


def test_a_wrong_label_is_mended_by_one_command_and_taken_back_by_another(run, dataset):
    (task,) = as_json(run, "-d", dataset, "next")
    run("-d", dataset, "label", "cat", "--token", task["token"])
    assert run("-d", dataset, "label", "dog", "--filepath", "a/0.png") == [["0", "labelled", "dog", "a/0.png"]]
    assert run("-d", dataset, "undo", "--filepath", "a/0.png") == [["0", "labelled", "cat", "a/0.png"]]
    assert run("-d", dataset, "label", "", "--id", 0) == [["0", "unlabelled", "", "a/0.png"]]
    assert [line[3] for line in run("-d", dataset, "history", "--id", 0)] == ["cat", "dog", "cat", ""]
    assert "409" in run("-d", dataset, "undo", "--id", 2, fails=1)
    assert "mouse" in run("-d", dataset, "label", "mouse", "--id", 0, fails=1)
    assert run("-d", dataset, "list", "--label", "") == run("-d", dataset, "list")


def test_many_images_are_labelled_at_once(run, dataset):
    assert run("-d", dataset, "label", "cat", "--id", "0,2") == [["2"]]
    assert [line[2] for line in run("-d", dataset, "list")] == ["cat", "", "cat"]
    assert as_json(run, "-d", dataset, "label", "dog", "--label", "cat", "--by", "admin") == [{"labelled": 2}]
    assert [line[2] for line in run("-d", dataset, "list")] == ["dog", "", "dog"]
    assert "99" in run("-d", dataset, "label", "cat", "--id", "0,99", fails=1)
    assert "not both" in run("-d", dataset, "label", "cat", "--id", "0", "--state", "labelled", fails=2)


def test_an_image_is_flagged(run, dataset):
    run("-d", dataset, "flag", "is this a cat?", "--filepath", "a/1.png")
    assert [(sample["id"], sample["flag"]) for sample in as_json(run, "-d", dataset, "list", "--flagged", "true")] == [(1, "is this a cat?")]
    run("-d", dataset, "unflag", "--id", 1)
    assert run("-d", dataset, "list", "--flagged", "true") == []


def test_an_answer_is_known_until_it_is_taken_away(run, dataset):
    run("-d", dataset, "label", "cat", "--id", "0,1")
    assert run("-d", dataset, "gold", "add", "--id", 0) == [["0", "labelled", "cat", "a/0.png"]]
    assert run("-d", dataset, "gold", "add", "--filepath", "a/2.png", "--label", "dog") == [["2", "labelled", "dog", "a/2.png"]]
    assert run("-d", dataset, "gold") == [["0", "labelled", "cat", "a/0.png"], ["2", "labelled", "dog", "a/2.png"]]
    assert [(sample["id"], sample["gold"]) for sample in as_json(run, "-d", dataset, "gold", "--label", "dog")] == [(2, True)]
    assert [line[0] for line in run("-d", dataset, "gold", "--limit", 1)] == ["0"]
    assert as_json(run, "-d", dataset, "gold", "remove", "--id", 0)[0]["label"] == "cat"
    assert [line[0] for line in run("-d", dataset, "gold")] == ["2"]
    assert "not both" in run("-d", dataset, "gold", "add", "--id", 1, "--filepath", "a/1.png", fails=2)


def test_what_contradicts_a_known_answer_is_found_and_who_was_right(run, dataset):
    run("-d", dataset, "gold", "add", "--id", 0, "--label", "cat")
    run("-d", dataset, "datasets", "change", "--policy", '{"gold_rate": 100}')
    (task,) = as_json(run, "-d", dataset, "next", user="annotator")
    run("-d", dataset, "label", "dog", "--token", task["token"], user="annotator")
    assert [line[0] for line in run("-d", dataset, "gold", "--disputed", "true")] == ["0"]
    assert run("-d", dataset, "gold", "--disputed", "false") == []
    assert run("-d", dataset, "list", "--disputed", "true") == run("-d", dataset, "gold")
    assert [line for line in run("-d", dataset, "stats") if line[0].startswith("gold")] == [["gold_answered", "annotator", "1"], ["gold_right", "annotator", "0"]]


def test_what_a_person_says_is_listed_newest_first(run, dataset):
    run("-d", dataset, "datasets", "change", "--policy", '{"overlap": 2}')
    for given in ("cat", "dog"):
        (task,) = as_json(run, "-d", dataset, "next", user="annotator")
        run("-d", dataset, "label", given, "--token", task["token"], user="annotator")
    assert run("-d", dataset, "list", "--said-by", "annotator") == [["1", "unlabelled", "dog", "a/1.png"], ["0", "unlabelled", "cat", "a/0.png"]]
    assert [line[0] for line in run("-d", dataset, "list", "--said-by", "annotator", "--limit", 1, user="annotator")] == ["1"]
    assert "403" in run("-d", dataset, "list", "--said-by", "admin", user="annotator", fails=1)


def test_an_image_is_removed_for_good(run, dataset):
    assert run("-d", dataset, "remove", "--filepath", "a/1.png") == []
    assert [line[0] for line in run("-d", dataset, "list")] == ["0", "2"]
    assert "Sample not found" in run("-d", dataset, "remove", "--id", 1, fails=3)


def test_a_lease_is_held_for_longer_given_back_or_skipped(run, dataset):
    (task,) = as_json(run, "-d", dataset, "next")
    assert run("-d", dataset, "tasks") == [["0", task["token"], "a/0.png", task["expires_at"]]]
    ((expires_at,),) = run("-d", dataset, "renew", "--token", task["token"])
    assert expires_at >= task["expires_at"]
    assert run("-d", dataset, "release", "--token", task["token"]) == []
    assert run("-d", dataset, "tasks") == []
    assert "409" in run("-d", dataset, "label", "cat", "--token", task["token"], fails=1)
    (task,) = as_json(run, "-d", dataset, "next")
    assert run("-d", dataset, "skip", "--token", task["token"], "--policy", "ignore") == []
    assert run("-d", dataset, "list")[task["sample"]["id"]][1] == "skipped"


def test_images_are_listed_page_after_page(run, dataset):
    assert run("-d", dataset, "list") == [[str(number), "unlabelled", "", f"a/{number}.png"] for number in range(3)]
    assert [sample["id"] for sample in as_json(run, "-d", dataset, "list", "--limit", 2)] == [0, 1]


def test_images_are_found_by_what_they_are(run, dataset):
    for number, label in ((0, "cat"), (1, "dog")):
        (task,) = as_json(run, "-d", dataset, "next")
        run("-d", dataset, "label", label, "--token", task["token"])
    assert [line[0] for line in run("-d", dataset, "list", "--label", "dog")] == ["1"]
    assert [line[0] for line in run("-d", dataset, "list", "--label", "")] == ["2"]
    assert [line[0] for line in run("-d", dataset, "list", "--state", "labelled", "--by", "admin", "--since", "2020-01-31T00:00:00Z")] == ["0", "1"]
    assert [line[0] for line in run("-d", dataset, "list", "--q", "/2.", "--flagged", "false")] == ["2"]
    assert run("-d", dataset, "list", "--by", "viewer") == []
    assert '"state"' in run("-d", dataset, "list", "--state", "odd", fails=1)
    assert run("-d", dataset, "history", "--filepath", "a/1.png")[0][3] == "dog"
    assert "there is no image a/1 in dataset" in run("-d", dataset, "show", "--filepath", "a/1", fails=3)


def test_an_image_is_found_by_its_filepath_among_many_that_hold_it(run, collector):
    filepaths = [f"{number}/cat.png" for number in range(1100)] + ["cat.png"]
    collector.add_dataset("many", samples=filepaths, base_dir=collector.images / "many")
    assert collector.reload().returncode == 0
    assert as_json(run, "-d", "many", "show", "--filepath", "cat.png")[0]["id"] == 1100


def test_one_image_is_shown(run, dataset):
    shown = dict(line[0].split(": ", 1) for line in run("-d", dataset, "show", "--id", 1))
    (sample,) = as_json(run, "-d", dataset, "show", "--id", 1)
    assert {name: json.loads(value) for name, value in shown.items()} == sample
    assert sample["filepath"] == "a/1.png"
    assert "Sample not found" in run("-d", dataset, "show", "--id", 9, fails=3)


def test_datasets_are_made_changed_and_removed(run, collector):
    folder = draw(collector.folder / "in place" / "1.png").parent
    assert run("datasets", "add", "made", "--labels", "a,b", "--basedir", folder, "--policy", '{"overlap": 2}') == [["0/0", "made", str(folder)]]
    assert run("-d", "made", "labels", "add", "c d") == [["2", "0", "c d"]]
    assert run("-d", "made", "labels") == [["0", "0", "a"], ["1", "0", "b"], ["2", "0", "c d"]]
    (changed,) = as_json(run, "-d", "made", "datasets", "change", "--policy", '{"lease_seconds": 77}')
    assert (changed["policy"]["overlap"], changed["policy"]["lease_seconds"]) == (2, 77)
    assert ["0/0", "made", str(folder)] in run("datasets")
    assert run("datasets", "remove", "made") == []
    assert "made" not in [name for _, name, _ in run("datasets")]
    assert "404" in run("datasets", "remove", "made", fails=1)


def test_labels_are_renamed_described_merged_and_removed(run, dataset):
    (task,) = as_json(run, "-d", dataset, "next")
    run("-d", dataset, "label", "cat", "--token", task["token"])
    assert run("-d", dataset, "labels", "rename", "cat", "wild cat") == [["0", "1", "wild cat"]]
    assert "409" in run("-d", dataset, "labels", "rename", "wild cat", "dog", fails=1)
    (changed,) = as_json(run, "-d", dataset, "labels", "change", "wild cat", "--colour", "#a0b1c2", "--description", "of the woods", "--position", "7.5")
    assert (changed["colour"], changed["description"], changed["position"]) == ("#a0b1c2", "of the woods", 7.5)
    assert "409" in run("-d", dataset, "labels", "remove", "wild cat", fails=1)
    run("-d", dataset, "labels", "merge", "wild cat", "dog")
    assert run("-d", dataset, "list", "--label", "dog") == [["0", "labelled", "dog", "a/0.png"]]
    assert [line[2] for line in run("-d", dataset, "labels")] == ["dog"]
    run("-d", dataset, "labels", "add", "never used")
    assert run("-d", dataset, "labels", "remove", "never used") == []
    assert "there is no label never used" in run("-d", dataset, "labels", "remove", "never used", fails=1)


def test_a_snapshot_is_kept_and_read(run, dataset):
    ((name, size, digest, _, by),) = run("-d", dataset, "snapshots", "add", "for a paper", "--split", "80,10,10", "--seed", "1")
    assert (name, size, len(digest), by) == ("for a paper", "3", 64, "admin")
    assert [line[0] for line in run("-d", dataset, "snapshots")] == ["for a paper"]
    manifest = as_json(run, "-d", dataset, "snapshots", "get", "for a paper")
    assert [sample["filepath"] for sample in manifest] == ["a/0.png", "a/1.png", "a/2.png"]
    assert {sample["split"] for sample in manifest} <= {"train", "val", "test"}
    assert "409" in run("-d", dataset, "snapshots", "add", "for a paper", fails=1)
    assert "404" in run("-d", dataset, "snapshots", "get", "none", fails=1)


def test_what_was_done_is_counted(run, dataset):
    for number, label in enumerate(("cat", "cat", "dog")):
        (task,) = as_json(run, "-d", dataset, "next")
        run("-d", dataset, "label", label, "--token", task["token"], "--lead-time", 2000)
    lines = run("-d", dataset, "stats")
    assert ["label", "cat", "2"] in lines and ["label", "dog", "1"] in lines
    assert ["person", "admin", "3"] in lines and ["median_lead_time_ms", "all", "2000"] in lines
    assert [line[2] for line in lines if line[0] == "day"] == ["3"]
    (counted,) = as_json(run, "-d", dataset, "stats")
    assert {label["name"]: label["count"] for label in counted["labels"]} == {"cat": 2, "dog": 1}


def test_what_people_say_of_the_same_images_is_compared(run, dataset, collector):
    run("-d", dataset, "datasets", "change", "--policy", '{"overlap": 2}')
    for user, labels in (("annotator", ("cat", "dog", "dog")), ("contributor", ("cat", "cat", "dog"))):
        for label in labels:
            (task,) = collector.session(user).post(f"/v1/datasets/{dataset}/tasks", json={}).json()["tasks"]
            collector.session(user).post(f"/v1/datasets/{dataset}/tasks/{task['token']}/label", json={"label": label})
    lines = run("-d", dataset, "stats")
    kappas = {tuple(line[:2]): float(line[2]) for line in lines if line[0] in ("fleiss_kappa", "cohen_kappa")}
    assert kappas == {("fleiss_kappa", "all"): pytest.approx(1 / 3), ("cohen_kappa", "annotator,contributor"): pytest.approx(0.4)}
    assert ["confusion", "annotator,contributor", "1", "dog", "cat"] in lines


def test_changes_are_told_from_where_one_was(run, dataset, tmp_path):
    assert [line[1:] for line in run("-d", dataset, "changes")] == [["upload", str(number), "admin", "-"] for number in range(3)]
    cursor = tmp_path / "a cursor"
    assert len(run("-d", dataset, "changes", "--cursor", cursor)) == 3
    run("-d", dataset, "label", "dog", "--id", 1)
    run("-d", dataset, "label", "", "--id", 1)
    told = as_json(run, "-d", dataset, "changes", "--cursor", cursor)
    assert [(item["kind"], item["id"], item["label"]) for item in told] == [("label", 1, "dog"), ("label", 1, "")]
    assert run("-d", dataset, "changes", "--cursor", cursor) == []
    assert "cannot write" in run("-d", dataset, "changes", "--cursor", tmp_path / "none" / "x", fails=1)
    cursor.write_text("odd\n")
    assert "no cursor of this list" in run("-d", dataset, "changes", "--cursor", cursor, fails=1)


def test_changes_are_followed(run, dataset, collector):
    environment = {**os.environ, "IMAGE_LABEL_PASSWORD": collector.passwords["viewer"]}
    words = [SCRIPT, "-u", "viewer", "-b", collector.url, "-d", dataset, "changes", "--follow", "--json"]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert [json.loads(process.stdout.readline())["kind"] for _ in range(3)] == ["upload"] * 3
            run("-d", dataset, "label", "dog", "--id", 2)
            assert json.loads(process.stdout.readline())["label"] == "dog"
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def test_labels_of_another_system_are_imported(run, dataset, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("filepath,label\na/0.png,cat\na/1.png,dog\n")
    assert run("-d", dataset, "import", labels) == [["labelled", "2", "unchanged", "0", "skipped", "0", "failed", "0"]]
    assert [line[2] for line in run("-d", dataset, "list")] == ["cat", "dog", ""]
    line = json.dumps({"filepath": "a/2.png", "label": "cat", "labelled_by": "eve"}) + "\n"
    told = as_json(run, "-d", dataset, "import", "-", "--format", "jsonl", input=line)
    assert told == [{"line": 1, "id": 2}, {"summary": {"labelled": 1, "unchanged": 0, "skipped": 0, "failed": 0}}]
    assert run("-d", dataset, "history", "--id", 2)[0][1] == "eve"


def test_what_does_not_match_is_listed_and_the_rest_is_imported(run, dataset, tmp_path, collector):
    labels = tmp_path / "labels.txt"
    labels.write_text("filepath,label\na/0.png,cat\na/9.png,dog\na/1.png,mouse\n")
    words = ["-u", "admin", "-b", collector.url, "-d", dataset, "import", labels, "--format", "csv"]
    done = subprocess.run([SCRIPT, *words], env={**os.environ, "IMAGE_LABEL_PASSWORD": collector.passwords["admin"]}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "image-label-client: lines that do not match: 2\n")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["3", "4", "labelled"] and "mouse" in lines[1][1] and lines[2][1] == "1"
    assert [line[2] for line in run("-d", dataset, "list")] == ["cat", "", ""]


def test_what_cannot_be_imported_says_why(run, dataset, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("filepath,label\n")
    assert "--format" in run("-d", dataset, "import", labels, fails=2)
    assert "csv" in run("-d", dataset, "import", labels, "--format", "xls", fails=1)
    assert "cannot read" in run("-d", dataset, "import", tmp_path / "none.csv", fails=1)
    assert "403" in run("-d", dataset, "import", labels, "--format", "csv", user="viewer", fails=1)


def test_a_name_may_be_anything(run, collector):
    odd = 'ä "%$w{d} \'{0}'
    run("datasets", "add", odd)
    assert run("-d", odd, "labels", "add", odd) == [["0", "0", odd]]
    assert run("-d", odd, "labels", "add", "--", "-- -x") == [["1", "0", "-- -x"]]
    run("datasets", "remove", odd)


def test_what_a_terminal_would_obey_is_not_printed_but_as_json(run, collector):
    collector.add_dataset("controls", samples=[])
    folder = collector.images / "controls"
    draw(folder / "a\x1b[31m\n.png")
    collector.add_dataset("controls", samples=["a\x1b[31m\n.png"], base_dir=folder)
    collector.reload()
    assert run("-d", "controls", "list") == [["0", "unlabelled", "", "a?[31m?.png"]]
    assert as_json(run, "-d", "controls", "list")[0]["filepath"] == "a\x1b[31m\n.png"


def test_who_am_i(run):
    assert run("me", user="guest") == [["guest", "none", "secret=contributor"]]
    assert as_json(run, "me") == [{"user": "admin", "role": "admin", "datasets": {}}]


def test_people_are_added_listed_and_removed(run, collector):
    ((key,),) = run("users", "add", "eve", "--role", "contributor", "--datasets", "secret", "--expires", "2130-01-31T00:00:00Z")
    collector.passwords["eve"] = key
    assert run("me", user="eve") == [["eve", "none", "secret=contributor"]]
    (line,) = [line for line in run("users") if line[0] == "eve"]
    assert line[1:4] == ["none", "secret=contributor", "2130-01-31T00:00:00.000Z"]
    assert run("users", "change", "eve", "--role", "viewer") == [["eve", "viewer", "", "2130-01-31T00:00:00.000Z"]]
    assert run("users", "change", "eve", "--expires", "never") == [["eve", "viewer", "", "-"]]
    assert run("me", user="eve") == [["eve", "viewer"]]
    assert "no user" in run("users", "change", "nobody", "--role", "viewer", fails=1)
    assert run("users", "remove", "eve") == []
    assert "401" in run("me", user="eve", fails=1)
    assert "403" in run("users", user="guest", fails=1)


def test_tokens_are_made_used_and_removed(run, collector):
    ((token, secret),) = run("tokens", "add", "my script", "--scope", "read", "--datasets", "secret")
    collector.passwords[token] = secret
    assert run("-d", "secret", "labels", user=token)[0][2] == "cat"
    assert "403" in run("-d", "secret", "labels", "add", "bird", user=token, fails=1)
    assert [line[1:4] for line in run("tokens") if line[0] == token] == [["read", "my script", "secret"]]
    assert run("tokens", "remove", token) == []
    assert "401" in run("me", user=token, fails=1)


def test_ones_own_password_is_changed(run, collector):
    ((key,),) = run("users", "add", "dan")
    collector.passwords["dan"] = key
    assert "8" in run("passwd", user="dan", fails=1, input="short\n")
    assert "standard input" in run("passwd", user="dan", fails=1, input="")
    new = 'correct "horse\\ bättery $taple'
    assert run("passwd", user="dan", input=new + "\n") == []
    collector.passwords["dan"] = new
    assert run("me", user="dan")[0][0] == "dan"


def test_the_audit_log_is_read(run):
    run("datasets", "add", "audited")
    assert ["admin", "dataset.create", "audited"] in [line[1:4] for line in run("audit")]
    assert "403" in run("audit", user="viewer", fails=1)


@pytest.mark.parametrize("words, says", [
    (["list"], "--dataset"), (["-d", "x", "list", "more"], "too many"), (["-d", "x", "label"], "one word more"),
    (["-d", "x", "label", "cat"], "--id or --filepath"), (["-d", "x", "label", "cat", "--outimg", "y"], "--outimg is nothing"),
    (["-d", "x", "skip"], "--token"), (["-d", "x", "label", "cat", "--id", "1", "--lead-time", "5"], "--token"),
    (["datasets", "add", "y", "--policy", "[]"], "JSON object"), (["datasets", "take"], "too many"), (["frob"], "unknown command"),
    (["-d", "x", "list", "--limit", "0"], "whole number"), (["me", "--json=1"], "takes no value"),
    (["-d", "x", "show", "--id", "1", "--filepath", "y"], "not both"),
])  # fmt: skip
def test_wrong_usage_is_said_and_nothing_is_asked(run, words, says):
    assert says in run(*words, fails=2)


def test_help_names_every_command_and_option():
    text = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True).stdout
    source = SCRIPT.read_text()
    commands = [line.split()[1] if "'" not in line.split("define ")[1][:1] else line.split("'")[1] for line in source.splitlines() if line.startswith("\tdefine ")]
    assert len(commands) > 15 and not [name for name in commands if f"\n  {name.split()[0]}" not in text and f", {name}" not in text]
