"""The oracle meets the oddities: every engine against the plain-Python calculation, not against another engine."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from glue_scripts.commit import BuiltDay
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.engines.duckdb_engine import build_days
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.lakes import as_set, day_sources, put_raw, rows
from spotify_assets_tests.oddities import DAY, day_of_playlists
from spotify_assets_tests.reference_tables import Raw, expected

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def holds(store: ObjectStore, built: BuiltDay, raws: list[Raw]) -> None:
    """Every row, every entry and every leaf that can't be read, as calculated."""
    want = expected(raws)
    for table in LAKE_TABLES:
        have = as_set(rows(store, built, table))
        assert have == want.tables[table], f"{table}: {have ^ want.tables[table]}"
    assert (built.quarantined, built.unread_leaves) == (len(want.quarantined), len(want.leaves))
    assert built.entries == sum(raw.entries for raw in raws)
    if built.quarantine_key is not None:
        records = [json.loads(line) for line in store.get(built.quarantine_key).splitlines()]
        leaves = Counter(record["path"] for record in records if record.get("path"))
        assert leaves == Counter(path for _, _, path in want.leaves)


@pytest.mark.parametrize("seed", range(12))
def test_duckdb_builds_an_odd_day_as_calculated(store: ObjectStore, seed: int) -> None:
    raws = day_of_playlists(seed)
    for raw in raws:
        put_raw(store, raw)

    (built,) = build_days(store, "run-1", [day_sources(store, DAY)])

    holds(store, built, raws)


@pytest.mark.spark
def test_spark_builds_an_odd_day_as_calculated(spark: SparkSession, store: ObjectStore) -> None:
    from spotify_assets.engines import spark_engine

    raws = day_of_playlists(100, playlists=12, entries=60)
    for raw in raws:
        put_raw(store, raw)

    (built,) = spark_engine.build_days(spark, store, "run-1", [day_sources(store, DAY)])

    holds(store, built, raws)


def test_the_oddities_are_odd_enough() -> None:
    """A generator that makes nothing odd would prove nothing."""
    wanted = [expected(day_of_playlists(seed)) for seed in range(12)]

    assert sum(bool(want.leaves and want.quarantined) for want in wanted) > 6
    names = [row[1] for want in wanted for row in want.tables["artists"]]
    assert len({*names}) > 3
    complete = Counter(row[11] for want in wanted for row in want.tables["playlists"])
    assert complete[True] > 5
    assert complete[False] > 5
    kinds = {row[2] for want in wanted for row in want.tables["playlist_items"]}
    assert kinds >= {"track", "local", "episode", "missing"}
