"""GET …/samples?state=&label=&by=&q=&flagged=&since=&disputed=&gold=: which samples are listed, and what is refused."""
import subprocess

import pytest
from collecting import assert_problem, samples
from harness import SCRIPTS


@pytest.fixture(scope="module")
def ann(make_shared_server):
    """Twelve samples, of which ann has labelled the first four, bob the next two, and the seed the last."""
    server = make_shared_server()
    for name in ("ann", "bob"):
        server.add_user(name)
    named = [f"day{number // 4}/{number}.png" for number in range(11)]
    server.add_dataset("many", labels=("cat", "dog"), samples=[*named, ("it's 100% \"grün\".png", "dog")])
    server.start()
    for number in range(6):
        label = {"dataset_name": "many", "base_dir": str(server.images / "many"), "filepath": named[number], "label": "dog" if number % 3 else "cat"}
        assert server.session("ann" if number < 4 else "bob").post("/classify", json=label).json() == {"response": True}
    return server.session("ann")


def ids(ann, **query):
    return [sample["id"] for sample in samples(ann, "many", **query)]


@pytest.mark.parametrize(
    "query, found",
    [
        ({}, range(12)),
        ({"state": "labelled"}, [0, 1, 2, 3, 4, 5, 11]),
        ({"state": "unlabelled"}, range(6, 11)),
        ({"state": "skipped"}, []),
        ({"label": "cat"}, [0, 3]),
        ({"label": ""}, range(6, 11)),
        ({"label": "nothing of the kind"}, []),
        ({"by": "ann"}, [0, 1, 2, 3]),
        ({"by": "nobody"}, []),
        ({"q": "day1/"}, [4, 5, 6, 7]),
        ({"q": "DAY1/"}, []),
        ({"q": "1"}, [1, 4, 5, 6, 7, 10, 11]),
        ({"q": "100% \"gr"}, [11]),
        ({"q": ".*"}, []),
        ({"flagged": "true"}, []),
        ({"flagged": "false"}, range(12)),
        ({"disputed": "true"}, []),
        ({"disputed": "false", "gold": "false"}, range(12)),
        ({"gold": "true"}, []),
        ({"since": "2020-01-01T00:00:00Z"}, range(6)),
        ({"since": "2999-01-01T00:00:00+02:00"}, []),
        ({"label": "dog", "by": "ann"}, [1, 2]),
        ({"label": "dog", "state": "labelled", "q": "day0/", "since": "2020-01-01T00:00:00Z", "by": "ann", "flagged": "false"}, [1, 2]),
        ({"label": "", "state": "labelled"}, []),
    ],
)
@pytest.mark.parametrize("limit", [2, 100])
def test_what_a_filter_finds(ann, query, found, limit):
    assert ids(ann, **query, limit=limit) == list(found)


def test_since_is_a_moment(ann):
    at = ann.get("/v1/datasets/many/samples/4").json()["labelled_at"]
    assert ids(ann, since=at) == [4, 5]


@pytest.mark.parametrize(
    "query",
    [
        {"state": "done"}, {"state": ""}, {"state": "Labelled"}, {"label": "a\nb"}, {"label": "x" * 257}, {"by": ""}, {"flagged": "yes"}, {"disputed": "1"}, {"gold": ""},
        {"flagged": ""}, {"since": ""}, {"since": "yesterday"}, {"since": "2026-13-01T00:00:00Z"}, {"q": "x" * 4097},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(ann, query):
    assert_problem(ann.get("/v1/datasets/many/samples", params=query), 400, next(iter(query)))


@pytest.fixture(scope="module")
def vast(make_shared_server):
    """More samples than are looked at for one page."""
    server = make_shared_server()
    server.add_user("cyd")
    server.add_dataset("vast", samples=[f"{number}{'zz' if number in (5, 20050) else ''}.png" for number in range(20100)])
    return server.start()


@pytest.mark.parametrize("route, key, item", [("samples", "items", lambda item: item["id"]), ("samples/ids", "ids", lambda id: id)])
def test_what_no_index_finds_is_looked_for_bit_by_bit(vast, route, key, item):
    """Two letters are in no index of any store."""
    found, pages, after = [], 0, {}
    while after is not None:
        page = vast.session("cyd").get(f"/v1/datasets/vast/{route}", params={"q": "zz", **after}).json()
        found += map(item, page[key])
        after, pages = page["next"] and {"after": page["next"]}, pages + 1
    assert found == [5, 20050] and pages > 1


def test_the_client_lists_as_many_as_are_asked_for(vast):
    words = ["-u", "cyd", "-b", vast.url, "-d", "vast", "list", "--q", "zz", "--limit", "2"]
    done = subprocess.run([SCRIPTS / "image-label-client", *words], env={**vast.env, "IMAGE_LABEL_PASSWORD": "secret"}, capture_output=True, text=True)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2), done.stderr


def test_a_label_by_filter_reaches_what_no_index_finds(vast):
    answer = vast.session("cyd").post("/v1/datasets/vast/samples/label", json={"filter": {"q": "zz", "state": "unlabelled"}, "label": "cat"})
    assert answer.json() == {"labelled": 2}


@pytest.mark.parametrize("query", [{"labels": "cat"}, {"State": "labelled"}, {"offset": 3}, {"query": "x"}])
def test_an_unknown_parameter_is_refused_and_named(ann, query):
    assert_problem(ann.get("/v1/datasets/many/samples", params=query), 400, next(iter(query)))


def test_a_parameter_given_twice_is_refused(ann):
    assert_problem(ann.get("/v1/datasets/many/samples?label=cat&label=dog"), 400, "label")
