"""GET …/samples?state=&label=&by=&q=&flagged=&since=&disputed=&gold=: which samples are listed, and what is refused."""
import pytest
from collecting import assert_problem, samples


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


@pytest.mark.parametrize("query", [{"labels": "cat"}, {"State": "labelled"}, {"offset": 3}, {"query": "x"}])
def test_an_unknown_parameter_is_refused_and_named(ann, query):
    assert_problem(ann.get("/v1/datasets/many/samples", params=query), 400, next(iter(query)))


def test_a_parameter_given_twice_is_refused(ann):
    assert_problem(ann.get("/v1/datasets/many/samples?label=cat&label=dog"), 400, "label")
