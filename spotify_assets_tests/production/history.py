"""A home with raw snapshots, made before a deployment looks at it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.line import new_home
from spotify_assets_tests.reference_tables import Raw

TODAY = dt.datetime.now(dt.UTC).date()
PLAYLIST = e.spotify_id("p")
PAGE = 50


def days_ago(number: int) -> dt.date:
    return TODAY - dt.timedelta(days=number)


def store_of(home: Path) -> ObjectStore:
    return new_home(home).store


def put_snapshots(home: Path, days: Iterable[dt.date], entries: int = 3) -> None:
    """One playlist of `entries` songs on each day; from day to day its first song changes."""
    store = store_of(home)
    for day in days:
        songs = [e.entry(e.track(f"{day:%d}" if place == 0 else f"S{place}")) for place in range(entries)]
        pages = [(offset, songs[offset : offset + PAGE]) for offset in range(0, entries, PAGE)]
        put_raw(store, Raw(PLAYLIST, {"name": "P"}, pages, day=day))
