"""AWS on 127.0.0.1 for tests: moto's server, its credentials, and lakes in buckets of their own.

The fixtures are every test's (conftest.py); moto starts when the first test asks for one.
"""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Iterator, Mapping

import pytest

from glue_scripts.commit import Commit, DataFile, TableFiles
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.lake import layout
from spotify_assets.lake.layout import DataKey
from spotify_assets.resources.lake import LakeResource

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The endpoint of a running server; credentials and region are in the environment meanwhile."""
    from moto.s3.responses import S3Response
    from moto.server import ThreadedMotoServer

    put, one_at_a_time = S3Response.put_object, threading.Lock()

    def atomic_put(self: S3Response) -> object:
        """S3 looks at If-Match and writes in one step; moto's threads can come in between."""
        with one_at_a_time:
            return put(self)

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        environment.setenv("AWS_DEFAULT_REGION", REGION)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.setattr(S3Response, "put_object", atomic_put)
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_lake(aws: str) -> LakeResource:
    """An empty lake below a prefix of a new bucket."""
    import boto3

    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    location = {"LocationConstraint": REGION}
    boto3.client("s3", REGION, endpoint_url=aws).create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    return LakeResource(url=f"s3://{bucket}/lake", endpoint_url=aws)


def write_commit(lake: LakeResource, day: dt.date, run_id: str, rows: Mapping[str, int] | None = None) -> Commit:
    """Commit a date as a run would: one file per table that has rows, then the record. Rows default to 1 per table.

    The files hold their run's id instead of Parquet: what reads them here only looks at whose they are.
    """
    counts = dict.fromkeys(LAKE_TABLES, 1) if rows is None else {**dict.fromkeys(LAKE_TABLES, 0), **rows}
    tables: dict[str, TableFiles] = {}
    for table, count in counts.items():
        files = []
        for number in range(2 if count else 0):
            key = str(DataKey(table, run_id, day, f"part-{number}.parquet"))
            lake.store.put(key, run_id.encode())
            files.append(DataFile(key, count - 1 if number else 1, len(run_id)))
        tables[table] = TableFiles(tuple(files))
    commit = Commit(
        day=day.isoformat(),
        run_id=run_id,
        engine="duckdb",
        committed_at="2026-11-21T06:00:00Z",
        sources=(),
        entries=counts["playlist_items"],
        quarantined=0,
        quarantine_key=None,
        tables=tables,
    )
    lake.store.put(layout.commit_key(day), commit.to_json())
    return commit
