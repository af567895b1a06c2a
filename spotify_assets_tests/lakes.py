"""Small lakes for tests: raw objects written by hand, and tables read back as plain rows."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Iterable
from pathlib import Path

from glue_scripts.commit import BuiltDay, Commit
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.engines.engine import DaySources
from spotify_assets.lake import state
from spotify_assets.lake.layout import RawKey
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.reference_tables import Raw, Row

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Recorded Spotify payloads; they lie beside the project and are not part of it."""


def put_raw(store: ObjectStore, raw: Raw, *, run_id: str = "seed") -> str:
    """Write a raw object in the platform's format; its key."""
    extracted_at = dt.datetime.fromisoformat(raw.extracted_at)
    key = str(RawKey(raw.day, raw.playlist_id, extracted_at, run_id))
    lines = [
        {
            "snapshot_date": raw.day.isoformat(),
            "extracted_at": raw.extracted_at,
            "run_id": run_id,
            "source": "api",
            "playlist": {"id": raw.playlist_id, **raw.playlist},
            "offset": offset,
            "total": raw.entries if raw.total is None else raw.total,
            **({} if raw.complete is None else {"complete": raw.complete}),
            "page": {"offset": offset, "limit": 50, "total": raw.entries, "items": items},
        }
        for offset, items in raw.pages
    ]
    store.put(key, gzip.compress("\n".join(json.dumps(line) for line in lines).encode(), mtime=0))
    return key


def day_sources(store: ObjectStore, day: dt.date) -> DaySources:
    """The current raw objects of a date."""
    return DaySources(day, state.read_current_sources(store, [day])[day])


def rows(store: ObjectStore, built: BuiltDay | Commit, table: str) -> list[Row]:
    """A table's rows of one date without snapshot_date and run_id, read from the files themselves, sorted."""
    import duckdb

    columns = [name for name in LAKE_TABLES[table].column_names if name not in ("snapshot_date", "run_id")]
    keys = [file.key for file in built.tables[table].files]
    if not keys:
        return []
    with store.local_files(keys) as paths:
        return duckdb.execute(
            f"select {', '.join(columns)} from read_parquet($1, hive_partitioning = false) order by all",
            [[str(path) for path in paths.values()]],
        ).fetchall()


def as_set(found: Iterable[Row]) -> set[Row]:
    """The rows as a set; fails when two are equal, which no table of the contract allows."""
    found = list(found)
    assert len(found) == len(set(found)), "two rows are equal"
    return set(found)
