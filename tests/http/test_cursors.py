"""The cursors of all lists: "next" is opaque, and a cursor that was made elsewhere, or for another list, is
refused by name."""
import pytest
from collecting import assert_problem

LISTS = ("/v1/datasets", "/v1/datasets/many/samples", "/v1/datasets/many/labels")
OTHERS = ("/v1/datasets/more/samples", "/v1/datasets/more/labels")


@pytest.fixture(scope="module")
def ann(make_shared_server):
    server = make_shared_server()
    server.add_user("ann")
    for name in ("many", "more"):
        server.add_dataset(name, labels=("a", "b", "c"))
    return server.start().session("ann")


@pytest.fixture(scope="module")
def cursors(ann):
    """What each list answers after its first item."""
    return {path: ann.get(path, params={"limit": 1}).json()["next"] for path in (*LISTS, *OTHERS)}


def refused(ann, path, cursor):
    assert_problem(ann.get(path, params={"after": cursor}), 400, '"after" is no cursor of this list')


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_leads_on_and_says_nothing(ann, cursors, path):
    whole = ann.get(path).json()["items"]
    assert ann.get(path, params={"after": cursors[path]}).json()["items"] == whole[1:]
    assert not any(str(whole[0].get(field, "—")) == cursors[path] for field in ("id", "key", "name"))


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("cursor", ["", "0", "1", "-1", "many", "x", "AAAAAAAAAAAAAAAA", "%00", "x" * 5000])
def test_what_was_not_made_here_is_refused(ann, path, cursor):
    refused(ann, path, cursor)


@pytest.mark.parametrize("path", LISTS)
def test_one_that_was_altered_is_refused(ann, cursors, path):
    cursor = cursors[path]
    for at in range(len(cursor)):
        refused(ann, path, cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :])
    for other in (cursor[:-1], cursor + "A", cursor + "=", cursor.swapcase()):
        refused(ann, path, other)


@pytest.mark.parametrize("path", LISTS)
def test_one_of_another_list_or_dataset_is_refused(ann, cursors, path):
    for other, cursor in cursors.items():
        if other != path:
            refused(ann, path, cursor)
