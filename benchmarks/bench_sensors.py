"""One tick of the stale-date sensor beside `dagster_aws`' `get_objects`, on a bucket of a million raw objects.

Requests are counted at a bucket on 127.0.0.1 that lists as S3 does, 1,000 keys a request. Both look for new objects in
the same history of three years: the sensor as it does every tick, the helper as its documentation shows it.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from unittest.mock import patch

import dagster as dg

from spotify_assets.automation.sensors import stale_dates_sensor
from spotify_assets.resources.lake import LakeResource
from spotify_assets_tests.automation.test_requests_per_tick import history
from spotify_assets_tests.counting_s3 import CountingBucket, serving

DAYS = 1088
PLAYLISTS = 920
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-west-1"}


def main() -> None:
    """Print list requests and seconds of both, and their ratio."""
    bucket = history(DAYS, PLAYLISTS)
    print(f"looking for new objects among {len(bucket.keys):,}")
    with serving(bucket) as endpoint, patch.dict(os.environ, _CREDENTIALS):
        ours = _sensor_tick(bucket, endpoint)
        theirs = _get_objects(bucket, endpoint)
    for name, (requests, seconds) in (("stale_dates", ours), ("dagster_aws get_objects", theirs)):
        print(f"  {name:26} {requests:6,} list requests {seconds:8.2f} s")
    print(f"  ratio {ours[0] / theirs[0]:.3%} of the list requests, {ours[1] / theirs[1]:.3%} of the time")


def _sensor_tick(bucket: CountingBucket, endpoint: str) -> tuple[int, float]:
    """(list requests, seconds) of a tick in the middle of a sweep; the client is made by a tick before."""
    lake = LakeResource(url="s3://bucket/lake", endpoint_url=endpoint)
    today = dt.datetime.now(dt.UTC).date()
    sensor = stale_dates_sensor(today - dt.timedelta(days=DAYS), dg.DefaultSensorStatus.STOPPED)
    with dg.DagsterInstance.ephemeral() as instance:
        cursor, seconds = None, 0.0
        for _ in range(2):
            bucket.counts.clear()
            started = time.perf_counter()
            context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"lake": lake})
            result = sensor(context)
            seconds = time.perf_counter() - started
            cursor = getattr(result, "cursor", None)
    return bucket.counts["list"], seconds


def _get_objects(bucket: CountingBucket, endpoint: str) -> tuple[int, float]:
    """(list requests, seconds) of the helper's look for what is newer than a time."""
    import boto3
    from dagster_aws.s3.sensor import get_objects

    client = boto3.client("s3", endpoint_url=endpoint)
    bucket.counts.clear()
    started = time.perf_counter()
    get_objects("bucket", prefix="lake/raw/", since_last_modified=dt.datetime.now(dt.UTC), client=client)
    return bucket.counts["list"], time.perf_counter() - started


if __name__ == "__main__":
    main()
