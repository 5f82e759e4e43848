"""S3 is slow, silent, cut off, refuses, loses answers and garbles them while people upload in all ways: what is acknowledged is
there, whatever is not is told clearly, and all works as before once the weather is fine."""
import random

import pytest
from collecting import DEFAULT, bucket_client, picture, samples, services
from harness import until
from storm import Storm, check_finds_nothing, lost, make_server
from toll import tried
from weather import Weather

FAULTS = 40
BAD = 0.3  # of all requests
NAME = "S3 is slow, silent, cut off in either direction, refuses (500, 503 SlowDown), loses an answer or gives a wrong ETag"


class Uploads(Storm):
    def ways(self):
        return [], [self.put, self.form, self.tus, self.single]


@pytest.fixture
def s3():
    with services.s3() as running:
        yield running


def assert_weathered(tmp_path, s3, faults, seed):
    variables = {**s3.environment, "AWS_BUCKET_NAME": "weather"}
    bucket_client(variables).create_bucket(Bucket="weather")
    with Weather(s3.endpoint, random.Random(seed), BAD) as weather:
        server = make_server(tmp_path / "server", {**variables}, 30)
        server.env["AWS_ENDPOINT_URL"] = weather.endpoint
        weather.cleared.set()
        try:
            server.start()
            pids = server.programs()
            weather.cleared.clear()
            with Uploads(server, 30, seed) as uploads:
                until_faults(weather, uploads, faults)
                weather.cleared.set()
                before = dict(uploads.done)
                until(lambda: uploads.failures or all(uploads.done[way] > before.get(way, 0) for way in ("put", "form", "tus", "single")),
                      "all ways work again")
            print(f"FAULT_SEED={seed}: {dict(weather.done)}; acknowledged {dict(uploads.done)}, refused {dict(uploads.unknown)}")
            wrong = lost(uploads)
            tried(NAME, sum(weather.done.values()), len(wrong))
            assert not wrong and not uploads.failures, (wrong[:5], uploads.failures)
            assert server.programs() == pids
            assert_all_whole(server)
            check_finds_nothing(server)
        finally:
            server.stop()
    assert not server.sanitizer_reports()


def until_faults(weather, uploads, faults):
    """Waits as long as something happens."""
    while sum(weather.done.values()) < faults and not uploads.failures:
        before = sum(weather.done.values())
        until(lambda: uploads.failures or sum(weather.done.values()) > before, "another fault")


def assert_all_whole(server):
    """Also those that were not acknowledged, and are there."""
    session = server.session("admin")
    for sample in samples(session):
        assert session.get(f"/v1/datasets/{DEFAULT}/samples/{sample['id']}/image").status_code == 200
    data = picture()
    assert session.put(f"/v1/datasets/{DEFAULT}/images/after.png", data=data).status_code == 201


def test_bad_weather_at_s3_loses_nothing_acknowledged(tmp_path, s3):
    assert_weathered(tmp_path, s3, FAULTS, 1)
