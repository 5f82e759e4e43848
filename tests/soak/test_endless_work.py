"""An image or an archive that keeps its worker busy or waiting for ever is refused after a while, and others are served meanwhile."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import DEFAULT, Stores, picture
from test_confined import planted, send  # noqa: F401 (a fixture)


@pytest.fixture(scope="module")
def stores():
    stores = Stores()
    with stores.running:
        yield stores


@pytest.mark.parametrize("worker, deed, why", [
    ("image", "loop", "takes more than 45 s"),
    ("archive", "loop", "takes too long"),
    ("archive", "wait", "takes too long"),
])  # fmt: skip
def test_what_is_endless_is_refused(planted, worker, deed, why):  # noqa: F811
    contributor = planted.session("contributor")
    put = lambda name: contributor.put(f"/v1/datasets/{DEFAULT}/images/{name}.png", data=picture())  # noqa: E731
    with ThreadPoolExecutor(2) as threads:
        endless = threads.submit(send, contributor, worker, deed, "for ever")
        assert [put(f"{worker}-{deed}-{n}").status_code for n in range(50)] == [201] * 50
        answer = endless.result()
    assert answer.status_code == 422
    assert why in answer.json()["detail"]
