"""Building the same dates with both engines and comparing every row, count and quarantine record."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from glue_scripts.commit import BuiltDay
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.engines import duckdb_engine, spark_engine
from spotify_assets.engines.engine import DaySources
from spotify_assets.lake import state
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.lakes import rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def work(store: ObjectStore) -> list[DaySources]:
    """Every date of the lake with its current raw objects."""
    days = state.raw_days(store)
    return [DaySources(day, sources) for day, sources in state.read_current_sources(store, days).items()]


def quarantine(store: ObjectStore, built: BuiltDay) -> Counter[str]:
    """The date's quarantine records, order aside."""
    if built.quarantine_key is None:
        return Counter()
    lines = store.get(built.quarantine_key).splitlines()
    return Counter(json.dumps(json.loads(line), sort_keys=True) for line in lines)


def assert_engines_agree(spark: SparkSession, store: ObjectStore) -> tuple[Sequence[BuiltDay], Sequence[BuiltDay]]:
    """Build all dates with DuckDB and with Spark; what each built, once they are known to be equal."""
    days = work(store)
    by_duckdb = {built.day: built for built in duckdb_engine.build_days(store, "by-duckdb", days)}
    by_spark = {built.day: built for built in spark_engine.build_days(spark, store, "by-spark", days)}
    assert list(by_spark) == [day.day for day in days]
    for day, built in by_spark.items():
        _assert_equal(store, day, by_duckdb[day], built)
    return [by_duckdb[day.day] for day in days], list(by_spark.values())


def _assert_equal(store: ObjectStore, day: dt.date, by_duckdb: BuiltDay, by_spark: BuiltDay) -> None:
    for table in LAKE_TABLES:
        one, other = Counter(rows(store, by_duckdb, table)), Counter(rows(store, by_spark, table))
        only_spark, only_duckdb = list((other - one).items())[:3], list((one - other).items())[:3]
        assert other == one, f"{day} {table}: only Spark {only_spark}, only DuckDB {only_duckdb}"
        assert by_spark.tables[table].rows == by_duckdb.tables[table].rows
    assert quarantine(store, by_spark) == quarantine(store, by_duckdb), day
    counts = ("entries", "quarantined", "unread_leaves")
    assert [getattr(by_spark, name) for name in counts] == [getattr(by_duckdb, name) for name in counts], day
