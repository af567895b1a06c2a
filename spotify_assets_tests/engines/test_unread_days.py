"""A raw object that can't be read makes its date wait: it is no damage, and no trouble of the other dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from botocore.exceptions import ClientError

from glue_scripts import lake_files
from glue_scripts.commit import BuiltDay, UnreadDays
from glue_scripts.lake_files import LakeFiles
from spotify_assets.engines import spark_engine
from spotify_assets.engines.duckdb_engine import DuckDBEngine
from spotify_assets.storage.aws import AwsDenied, AwsUnavailable
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.engine_parity import work
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.reference_tables import Raw

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from spotify_assets.resources.lake import LakeResource

DAYS = [dt.date(2026, 1, number) for number in (1, 2, 3)]


def three_dates(store: ObjectStore) -> list[str]:
    """Two playlists on each of three dates; the keys of the first playlist's."""
    for day in DAYS:
        put_raw(store, Raw(e.spotify_id("q"), {"name": "Q"}, [(0, [e.entry(e.track("B"))])], day=day))
    return [
        put_raw(store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=day)) for day in DAYS
    ]


@contextmanager
def unreadable(store: ObjectStore, key: str) -> Iterator[Path]:
    """A folder in the object's place: permissions do not hold back who runs the tests as root."""
    assert isinstance(store.place, Path)
    path = store.place / key
    path.rename(path.with_suffix(".aside"))
    path.mkdir()
    yield path
    path.rmdir()
    path.with_suffix(".aside").rename(path)


def assert_waits(built: Iterator[BuiltDay], reason: str) -> None:
    """The other dates are built before the one that waits is named."""
    others = [next(built), next(built)]
    assert {(each.day, each.entries, each.quarantined) for each in others} == {(DAYS[0], 2, 0), (DAYS[2], 2, 0)}
    with pytest.raises(UnreadDays) as raised:
        next(built)
    assert list(raised.value.reasons) == [DAYS[1]]
    assert reason in raised.value.reasons[DAYS[1]]


def test_duckdb_builds_the_others_and_the_date_once_it_can(store: ObjectStore) -> None:
    key = three_dates(store)[1]
    days = work(store)
    with unreadable(store, key) as path:
        built = DuckDBEngine().build(dg.build_asset_context(), store, "run-1", days)
        assert_waits(built, f"{path} can't be read (Is a directory)")

    healed = list(DuckDBEngine().build(dg.build_asset_context(), store, "run-2", days))
    assert [(each.day, each.entries, each.quarantined) for each in healed] == [(day, 2, 0) for day in DAYS]


@pytest.mark.spark
def test_spark_builds_the_others_and_leaves_nothing_of_the_date(spark: SparkSession, store: ObjectStore) -> None:
    key = three_dates(store)[1]
    days = work(store)
    with unreadable(store, key) as path:
        assert_waits(spark_engine.build_days(spark, store, "run-1", days), f"{path} can't be read (Is a directory)")
        assert not [found.key for found in store.list("tables/") if str(DAYS[1]) in found.key]
        assert list(store.list("staging/")) == []


@pytest.mark.parametrize("failure", [AwsDenied, AwsUnavailable])
def test_an_object_that_s3_does_not_give_is_its_dates_trouble_alone(
    s3_lake: LakeResource, monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    key = three_dates(s3_lake.store)[1]
    download = ObjectStore._download

    def refusing(store: ObjectStore, wanted: str, path: Path) -> None:
        if wanted == key:
            raise failure(f"{wanted} can't be used with these credentials")
        download(store, wanted, path)

    monkeypatch.setattr(ObjectStore, "_download", refusing)
    built = DuckDBEngine().build(dg.build_asset_context(), s3_lake.store, "run-1", work(s3_lake.store))

    assert_waits(built, f"{key} can't be used")


def test_an_s3_that_gives_nothing_at_all_is_nobodys_trouble_alone(
    s3_lake: LakeResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_dates(s3_lake.store)

    def unreachable(_store: ObjectStore, wanted: str, _path: Path) -> None:
        raise AwsUnavailable(f"{wanted} could not be reached")

    monkeypatch.setattr(ObjectStore, "_download", unreachable)

    with pytest.raises(AwsUnavailable):
        list(DuckDBEngine().build(dg.build_asset_context(), s3_lake.store, "run-1", work(s3_lake.store)))


def test_what_s3_refuses_to_the_glue_job_is_named_as_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def get_object(self, **_: str) -> object:
            answer = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            raise ClientError(answer, "GetObject")  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(lake_files, "s3_client", Refusing)

    with pytest.raises(PermissionError) as raised:
        LakeFiles("s3://bucket/lake").read("raw/a")
    assert raised.value.filename == "s3://bucket/lake/raw/a"
