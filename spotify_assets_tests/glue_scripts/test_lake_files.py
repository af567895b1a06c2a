"""The lake as the Glue job reaches it: the same on S3 as in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest

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
    files.write("tables/ab/2.parquet", b"2")

    assert files.read("tables/a/1.parquet") == lake.get("tables/a/1.parquet") == b"another"
    assert dict(files.list("tables/a/")) == {"tables/a/1.parquet": len(b"another")}
    assert dict(files.list("nothing/")) == {}


def test_a_prefix_is_deleted_and_nothing_beside_it(lake: ObjectStore) -> None:
    files = files_of(lake)
    for key in ("staging/r_1/a", "staging/r_1/b/c", "staging/r_11/a"):
        files.write(key, b"x")

    files.delete("staging/r_1/")
    files.delete("staging/never/")

    assert [found.key for found in lake.list("staging/")] == ["staging/r_11/a"]


def test_more_than_a_request_takes_is_deleted_in_several(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_files, "_DELETED_AT_ONCE", 2)
    files = files_of(s3)
    for number in range(5):
        files.write(f"staging/r_1/{number}", b"x")

    files.delete("staging/r_1/")

    assert list(s3.list("staging/")) == []


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
