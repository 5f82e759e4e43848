"""GET …/samples?said_by=: what one person says of samples, decided or not; who may ask, and what is refused."""
import pytest
from collecting import assert_problem, samples


@pytest.fixture(scope="module")
def server(make_shared_server):
    """Three people are asked of each of six samples: ann has said something of all, bob of two; the first one has a label."""
    server = make_shared_server()
    for name, role in (("ann", "annotator"), ("bob", "annotator"), ("con", "contributor"), ("vic", "viewer"), ("boss", "admin")):
        server.add_user(name, role=role)
    for name in ("cats", "taken"):
        server.add_dataset(name, labels=("cat", "dog"), samples=6)
    server.start()
    for name in ("cats", "taken"):
        assert server.session("boss").patch(f"/v1/datasets/{name}", json={"policy": {"overlap": 3}}).status_code == 200
        for user, count in (("ann", 6), ("bob", 2), ("con", 1)):
            for sample in list(samples(server.session(user), name))[:count]:
                body = {"dataset_name": name, "base_dir": str(server.images / name), "filepath": sample["filepath"], "label": "dog" if sample["id"] else "cat"}
                assert server.session(user).post("/classify", json=body).json() == {"response": True}
    return server


def said(session, user, dataset="cats", **query):
    """What all pages list."""
    found, after = [], {}
    while True:
        answer = session.get(f"/v1/datasets/{dataset}/samples", params={"said_by": user, **query, **after})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        after = {"after": answer.json()["next"]}


@pytest.mark.parametrize("limit", [1, 4, 6, 100])
def test_the_newest_comes_first_decided_or_not(server, limit):
    found = said(server.session("ann"), "ann", limit=limit)
    assert [(sample["id"], sample["said"]["label"], sample["label"]) for sample in found] == \
        [(5, "dog", ""), (4, "dog", ""), (3, "dog", ""), (2, "dog", ""), (1, "dog", ""), (0, "cat", "cat")]
    plain = server.session("ann").get("/v1/datasets/cats/samples/0").json()
    assert {**plain, "said": found[-1]["said"]} == found[-1]
    assert all(one["said"]["at"] >= other["said"]["at"] for one, other in zip(found, found[1:]))


def test_an_annotator_asks_of_oneself_and_a_contributor_of_anybody(server):
    refused = server.session("bob").get("/v1/datasets/cats/samples", params={"said_by": "ann"})
    assert_problem(refused, 403, "Only a contributor")
    assert_problem(server.session("vic").get("/v1/datasets/cats/samples", params={"said_by": "bob"}), 403, "Only a contributor")
    assert said(server.session("vic"), "vic") == said(server.session("con"), "nobody") == []
    for name in ("con", "boss"):
        assert [sample["id"] for sample in said(server.session(name), "bob")] == [1, 0]


@pytest.mark.parametrize("query", [{"said_by": ""}, {"said_by": "ann", "label": "cat"}, {"said_by": "ann", "ids": "1"}, {"said_by": "ann", "by": "ann"},
                                   {"said_by": "ann", "limit": "0"}, {"said_by": "ann", "limit": "1001"}])  # fmt: skip
def test_what_cannot_be_asked_is_refused(server, query):
    answer = server.session("ann").get("/v1/datasets/cats/samples", params=query)
    assert answer.status_code == 400, answer.text
    assert_problem(answer, 400, next(reversed(query)) if query.keys() & {"limit", "ids"} or len(query) == 1 else "said_by")


def test_a_cursor_is_of_its_own_list(server):
    ann = server.session("ann")
    for asked, given in (({"said_by": "ann"}, {}), ({}, {"said_by": "ann"})):
        after = ann.get("/v1/datasets/cats/samples", params={**asked, "limit": 1}).json()["next"]
        assert_problem(ann.get("/v1/datasets/cats/samples", params={**given, "after": after}), 400, "no cursor of this list")


def test_a_known_answer_is_like_others_to_who_is_asked(server):
    before = said(server.session("ann"), "ann")
    assert server.session("con").put("/v1/datasets/cats/samples/2/gold", json={"label": "cat"}).status_code == 200
    assert said(server.session("ann"), "ann") == before
    assert [sample.get("gold") for sample in said(server.session("con"), "ann")] == [None, None, None, True, None, None]
    assert server.session("con").delete("/v1/datasets/cats/samples/2/gold").status_code == 200


def test_own_takes_back_only_what_one_said_oneself(server):
    con = server.session("con")
    assert con.post("/v1/datasets/taken/samples/0/undo", json={"own": "yes"}).status_code == 400
    assert con.post("/v1/datasets/taken/samples/0/undo", json={"own": True}).status_code == 200
    assert said(con, "con", "taken") == []
    assert_problem(con.post("/v1/datasets/taken/samples/0/undo", json={"own": True}), 409, "There is nothing to undo")
    assert [sample["id"] for sample in said(con, "bob", "taken")] == [1, 0]
    assert con.post("/v1/datasets/taken/samples/0/undo", json={}).status_code == 200
    assert [sample["id"] for sample in said(con, "bob", "taken")] == [1]


def test_own_takes_back_of_many_under_what_others_said_since(server):
    con, bob = server.session("con"), server.session("bob")
    assert con.post("/v1/datasets/taken/samples/label", json={"ids": [2, 3], "label": "cat"}).status_code == 200
    body = {"dataset_name": "taken", "base_dir": str(server.images / "taken"), "filepath": con.get("/v1/datasets/taken/samples/2").json()["filepath"], "label": "dog"}
    assert bob.post("/classify", json=body).json() == {"response": True}
    assert con.post("/v1/datasets/taken/samples/undo", json={"ids": [2, 3], "own": True}).json() == {"undone": 2}
    assert said(con, "con", "taken") == []
    assert [sample["id"] for sample in said(con, "bob", "taken")] == [2, 1]
