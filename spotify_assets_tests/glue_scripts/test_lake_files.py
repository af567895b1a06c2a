"""The lake as the Glue job reaches it: the same on S3 as in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError

from glue_scripts import lake_files
from glue_scripts.commit import Source
from glue_scripts.lake_files import LakeFiles
from glue_scripts.spark_reader import Counted, stage_pass
from spotify_assets.resources.lake import LakeResource
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.reference_tables import Raw


@pytest.fixture
def s3(s3_lake: LakeResource, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A lake on S3, with the endpoint where the job's own boto3 finds it."""
    assert s3_lake.endpoint_url
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_lake.endpoint_url)
    lake_files.s3_client.cache_clear()
    yield s3_lake.store
    lake_files.s3_client.cache_clear()


@pytest.fixture(params=["file", "s3"])
def lake(request: pytest.FixtureRequest, store: ObjectStore) -> ObjectStore:
    return store if request.param == "file" else request.getfixturevalue("s3")


def files_of(lake: ObjectStore) -> LakeFiles:
    return LakeFiles(lake.url().rstrip("/"))


def test_what_is_written_is_read_and_listed_under_its_prefix(lake: ObjectStore) -> None:
    files = files_of(lake)
    files.write("tables/a/1.parquet", b"one")
    files.write("tables/a/1.parquet", b"another")
    files.write("tables/a/deeper/3.parquet", b"333")
    files.write("tables/ab/2.parquet", b"2")

    assert files.read("tables/a/1.parquet") == lake.get("tables/a/1.parquet") == b"another"
    assert dict(files.list("tables/a/")) == {"tables/a/1.parquet": 7, "tables/a/deeper/3.parquet": 3}
    assert dict(files.list("nothing/")) == {}


def test_a_prefix_is_deleted_and_nothing_beside_it(lake: ObjectStore) -> None:
    files = files_of(lake)
    for key in ("staging/r_1/a", "staging/r_1/b/c", "staging/r_11/a"):
        files.write(key, b"x")

    files.delete("staging/r_1/")
    files.delete("staging/never/")

    assert [found.key for found in lake.list("staging/")] == ["staging/r_11/a"]


class RecordingClient:
    """Of boto3's client of S3, what a delete and a read need; a bucket of that many objects under every prefix."""

    def __init__(self, objects: int = 0, refusal: int = HTTPStatus.NOT_FOUND) -> None:
        self.objects, self.refusal = objects, refusal
        self.calls: list[dict[str, Any]] = []

    def get_paginator(self, _: str) -> RecordingClient:
        return self

    def paginate(self, **where: str) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": f"{where['Prefix']}{n}", "Size": 1} for n in range(self.objects)]}, {}]

    def delete_objects(self, **call: Any) -> None:
        self.calls.append(call)

    def get_object(self, **call: Any) -> None:
        self.calls.append(call)
        raise ClientError({"ResponseMetadata": {"HTTPStatusCode": self.refusal}}, "GetObject")  # type: ignore[arg-type]


def test_a_request_deletes_a_thousand_objects_which_is_what_s3_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    client = RecordingClient(2001)
    monkeypatch.setattr(lake_files, "s3_client", lambda: client)

    LakeFiles("s3://bucket/a/lake").delete("staging/r_1/")

    assert [len(call["Delete"]["Objects"]) for call in client.calls] == [1000, 1000, 1]
    assert {call["Bucket"] for call in client.calls} == {"bucket"}
    assert client.calls[0]["Delete"]["Objects"][0] == {"Key": "a/lake/staging/r_1/0"}


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (HTTPStatus.FORBIDDEN, PermissionError, "S3 refuses it to this role: 's3://bucket/raw/a'"),
        (HTTPStatus.NOT_FOUND, FileNotFoundError, "s3://bucket/raw/a is no longer the object"),
        (HTTPStatus.PRECONDITION_FAILED, FileNotFoundError, "s3://bucket/raw/a is no longer the object"),
        (HTTPStatus.SERVICE_UNAVAILABLE, ClientError, "GetObject"),
    ],
)
def test_a_refusal_a_loss_and_an_outage_are_three_things(
    monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception], said: str
) -> None:
    client = RecordingClient(refusal=status)
    monkeypatch.setattr(lake_files, "s3_client", lambda: client)
    files = LakeFiles("s3://bucket")

    with pytest.raises(error, match=re.escape(said)):
        files.read("raw/a", "e1")
    with pytest.raises(error):
        files.read("raw/a")

    assert client.calls == [{"Bucket": "bucket", "Key": "raw/a", "IfMatch": "e1"}, {"Bucket": "bucket", "Key": "raw/a"}]


def test_a_lake_is_a_folder_or_on_s3(tmp_path: Path) -> None:
    folder, bucket = LakeFiles((tmp_path / "a lake").as_uri()), LakeFiles("s3://bucket/p/")

    assert folder.local_path("raw/a") == tmp_path / "a lake" / "raw" / "a"
    assert folder.spark_path("raw/a") == f"file://{tmp_path}/a lake/raw/a"
    assert (bucket.local_path("raw/a"), bucket.spark_path("raw/a")) == (None, "s3://bucket/p/raw/a")
    with pytest.raises(FileNotFoundError, match="a lake/raw/a is no longer there: build the date again"):
        folder.read("raw/a")
    for url in ("https://bucket/p", "s3:///p"):
        with pytest.raises(ValueError, match=f"the lake is at '{url}': use"):
            LakeFiles(url).read("raw/a")


def test_an_object_that_was_replaced_or_is_gone_is_named_instead_of_read(s3: ObjectStore) -> None:
    files = files_of(s3)
    s3.put("raw/a", b"first")
    (found,) = s3.list("raw/")
    assert files.read("raw/a", found.etag) == b"first"

    s3.put("raw/a", b"second")
    with pytest.raises(FileNotFoundError, match="lake/raw/a is no longer the object"):
        files.read("raw/a", found.etag)
    with pytest.raises(FileNotFoundError, match="lake/raw/b is no longer the object"):
        files.read("raw/b", found.etag)


def test_a_pass_stages_the_same_rows_on_s3_as_in_a_folder(store: ObjectStore, s3: ObjectStore) -> None:
    raw = Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A")), e.local_file(), "odd"])])
    staged = []
    for lake in (store, s3):
        put_raw(lake, raw)
        (found,) = lake.list("raw/")
        source = Source(found.key, found.etag)
        (counted,) = stage_pass(files_of(lake), [source], "staging/r_1/0.parquet")
        assert replace(counted, content=0) == Counted("2026-01-01", 3, 1)
        with lake.local_files(["staging/r_1/0.parquet"]) as paths:
            (path,) = paths.values()
            staged.append(duckdb.read_parquet(str(path)).order("position").fetchall())

    assert staged[0] == staged[1]
    assert len(staged[0]) == 3
