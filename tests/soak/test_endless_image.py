"""An image that keeps its decoder busy for ever is refused after a while, and others are served meanwhile."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from collecting import DEFAULT, Stores, picture
from test_confined import PNG, planted  # noqa: F401 (a fixture)


@pytest.fixture(scope="module")
def stores():
    stores = Stores()
    with stores.running:
        yield stores


def test_an_endless_image_is_refused(planted):  # noqa: F811
    contributor = planted.session("contributor")
    put = lambda name, data: contributor.put(f"/v1/datasets/{DEFAULT}/images/{name}.png", data=data)  # noqa: E731
    with ThreadPoolExecutor(2) as threads:
        endless = threads.submit(put, "endless", PNG + b"loop for ever")
        assert [put(f"well{n}", picture()).status_code for n in range(50)] == [201] * 50
        answer = endless.result()
    assert answer.status_code == 422
    assert "takes more than 45 s" in answer.json()["detail"]
