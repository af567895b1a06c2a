"""Attempts that die after each thing they write: a published folder holds exactly the files of its commit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from glue_scripts.commit import BuiltDay
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.engines.duckdb_engine import DuckDBEngine
from spotify_assets.lake import layout
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.engine_parity import work
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.reference_tables import Raw

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DAYS = [dt.date(2026, 1, 1), dt.date(2026, 1, 2)]


class Killed(BaseException):
    """The process ended here."""


def put_two_days(store: ObjectStore) -> None:
    for day in DAYS:
        items = [e.entry(e.track("A")), e.entry(e.track("B")), "odd"]
        put_raw(store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, items)], day=day))


def assert_folders_are_commits(store: ObjectStore, built: list[BuiltDay]) -> None:
    """Whoever reads the folder of a date's run, as Athena and the Data Catalog do, reads the commit's files."""
    assert {each.day for each in built} == set(DAYS)
    for each in built:
        for table in LAKE_TABLES:
            folder = layout.table_run_prefix(table, each.run_id, each.day)
            assert {found.key for found in store.list(folder)} == {file.key for file in each.tables[table].files}
        assert each.quarantine_key == layout.quarantine_key(each.day, each.run_id)
        assert store.head(str(each.quarantine_key))


def dying(work: Callable[..., object], after: int) -> Callable[..., object]:
    """`work`, after whose `after`th call the process ends."""
    calls = 0

    def work_and_die(*arguments: object, **named: object) -> object:
        nonlocal calls
        done = work(*arguments, **named)
        calls += 1
        if calls == after:
            raise Killed
        return done

    return work_and_die


@pytest.fixture
def lake(store: ObjectStore) -> ObjectStore:
    put_two_days(store)
    return store


def by_duckdb(store: ObjectStore) -> list[BuiltDay]:
    return list(DuckDBEngine().build(dg.build_asset_context(), store, "run-1", work(store)))


FILES = len(LAKE_TABLES) * len(DAYS)


@pytest.mark.parametrize(
    "uploads",
    [[1, FILES // 2, FILES], pytest.param(list(range(1, FILES + 1)), marks=pytest.mark.soak)],
    ids=["some", "every"],
)
def test_duckdbs_attempts_leave_nothing_in_the_folders_that_are_published(
    lake: ObjectStore, monkeypatch: pytest.MonkeyPatch, uploads: list[int]
) -> None:
    for name, moments in (("upload", uploads), ("put", range(1, len(DAYS) + 1))):
        for after in moments:
            with monkeypatch.context() as patched:
                patched.setattr(ObjectStore, name, dying(getattr(ObjectStore, name), after))
                with pytest.raises(Killed):
                    by_duckdb(lake)

    assert_folders_are_commits(lake, by_duckdb(lake))


@pytest.mark.spark
def test_sparks_attempts_leave_nothing_in_the_folders_that_are_published(
    spark: SparkSession, lake: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One attempt dies when it has written everything, and the next lives."""
    from glue_scripts import spark_tables
    from spotify_assets.engines import spark_engine

    def build() -> list[BuiltDay]:
        return list(spark_engine.build_days(spark, lake, "run-1", work(lake)))

    with monkeypatch.context() as patched:  # after its quarantine and its tables; what follows only reads
        patched.setattr(spark_tables, "_write_tables", dying(spark_tables._write_tables, 1))
        with pytest.raises(Killed):
            build()

    assert_folders_are_commits(lake, build())


@pytest.mark.spark
@pytest.mark.soak
def test_spark_killed_after_every_table_that_it_writes_leaves_nothing_in_the_folders_that_are_published(
    spark: SparkSession, lake: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyspark.sql import DataFrameWriter

    from spotify_assets.engines import spark_engine

    for after in range(1, len(LAKE_TABLES) + 1):
        with monkeypatch.context() as patched:
            patched.setattr(DataFrameWriter, "parquet", dying(DataFrameWriter.parquet, after))
            with pytest.raises(Killed):
                list(spark_engine.build_days(spark, lake, "run-1", work(lake)))

    assert_folders_are_commits(lake, list(spark_engine.build_days(spark, lake, "run-1", work(lake))))


def test_a_folder_is_named_after_its_attempt(lake: ObjectStore) -> None:
    first, second = by_duckdb(lake), by_duckdb(lake)
    assert all(each.run_id.startswith("run-1-") for each in [*first, *second])
    assert {each.run_id for each in first}.isdisjoint(each.run_id for each in second)
