"""Bad weather at S3 (fault/test_s3_weather.py) for long.

FAULT_ROUNDS=N is so many faults; FAULT_SEED=N repeats the choices of an earlier run.
"""
import os
import random

from test_s3_weather import assert_weathered, s3  # noqa: F401 (a fixture)


def test_long_bad_weather_at_s3_loses_nothing_acknowledged(tmp_path, s3):  # noqa: F811
    assert_weathered(tmp_path, s3, int(os.environ.get("FAULT_ROUNDS", "2000")), int(os.environ.get("FAULT_SEED", random.randrange(10**6))))
