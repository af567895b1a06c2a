"""Whatever is lost of a snapshot between two whole ones, nobody is said to have left or come back.

Parts of a playlist's pages, and raw objects cut off or damaged at any byte, through the engine, the load and the marts.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest

from spotify_assets.engines.duckdb_engine import build_days
from spotify_assets.lake import layout
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.engine_parity import work
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.reference_tables import Raw
from spotify_assets_tests.warehouse.use import build_all, load, merge_all

FIRST = dt.date(2026, 1, 1)
PAGE = 4


def whole(playlist: int, day: int) -> Raw:
    """A playlist of 17 entries on five pages, the same every day."""
    songs = [e.entry(e.track(f"P{playlist} T{number}")) for number in range(16)]
    pages = [(at, [*songs, e.entry(None)][at : at + PAGE]) for at in range(0, 17, PAGE)]
    on = FIRST + dt.timedelta(days=day)
    return Raw(f"{playlist:022d}", {"name": "P"}, pages, on, f"{on}T06:00:00Z", total=17)


def some_pages(snapshot: Raw, chance: random.Random) -> Raw:
    kept = [page for page in snapshot.pages if chance.random() < 0.6] or [snapshot.pages[0]]
    return replace(snapshot, pages=kept)


def some_bytes(data: bytes, chance: random.Random) -> bytes:
    """The stored object with its end, or any part of it, missing."""
    first, last = sorted(chance.randrange(len(data)) for _ in range(2))
    return data[:first] if chance.random() < 0.5 else data[:first] + data[last + 1 :]


def history(store: ObjectStore, parts: int, seed: int) -> None:
    """Two whole days around a day of `parts` playlists of which something is lost."""
    chance = random.Random(seed)
    for playlist in range(parts):
        for day in (0, 2):
            put_raw(store, whole(playlist, day))
        said = chance.choice([None, True])  # whoever wrote it may have known it to be whole
        middle = replace(whole(playlist, 1), complete=said)
        if playlist % 2:
            key = put_raw(store, middle)
            store.put(key, some_bytes(store.get(key), chance))
        else:
            put_raw(store, replace(some_pages(middle, chance), complete=None))


def assert_nobody_left(store: ObjectStore, warehouse: EmbeddedWarehouse) -> None:
    commits = {}
    for built, day in zip(build_days(store, "run", work(store)), work(store), strict=True):
        commits[built.day] = built.commit(
            engine="duckdb", code="tests", sources=day.sources, committed_at=dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
        )
        store.put(layout.commit_key(built.day), commits[built.day].to_json())
    load(warehouse, store, commits)
    merge_all(warehouse)
    build_all(warehouse)

    assert warehouse.execute("SELECT * FROM ANALYTICS.PLAYLIST_CHANGES") == []
    assert warehouse.execute("SELECT SUM(re_entries), COUNT_IF(NOT is_present) FROM ANALYTICS.SONG_RUNS") == [(0, 0)]
    lost = "SELECT COUNT(*) > 5 FROM LAKE.PLAYLISTS WHERE NOT is_complete AND entry_count < 17"
    assert warehouse.execute(lost) == [(True,)], "the history exercises incomplete snapshots"


def test_whatever_is_lost_of_a_snapshot_nobody_left_or_came_back(
    store: ObjectStore, warehouse: EmbeddedWarehouse
) -> None:
    history(store, parts=40, seed=1)

    assert_nobody_left(store, warehouse)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 22))
def test_whatever_is_lost_of_many_snapshots_nobody_left_or_came_back(
    store: ObjectStore, warehouse: EmbeddedWarehouse, seed: int
) -> None:
    history(store, parts=200, seed=seed)

    assert_nobody_left(store, warehouse)
