"""The rows of the dashboard's queries, and the one way to read them.

A named tuple per query of `sql/dashboard`, with the types its columns have whatever a driver makes of a NUMBER. What is
asked for when belongs in `data` (the page) and `facts` (the three sentences).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar, get_type_hints

from spotify_assets.warehouse.session import Session, Value
from spotify_assets.warehouse.sql import render


class Loaded(NamedTuple):
    snapshot_date: dt.date
    run_id: str


class SnapshotRow(NamedTuple):
    """`keys` are the entries in order with a blank between two; `positions` theirs, null when none is left out."""

    playlist_id: str
    snapshot_date: dt.date
    item_count: int
    is_complete: bool
    entries: int
    keys: str | None
    positions: str | None
    dated: int
    under_30_days: int
    under_90_days: int
    under_365_days: int
    local_files: int
    missing: int
    others: int
    withdrawn: int


class Other(NamedTuple):
    item_uri: str
    item_type: str
    name: str | None


class PopularityRow(NamedTuple):
    snapshot_date: dt.date
    song_id: str
    popularity: int


class Playlist(NamedTuple):
    playlist_id: str
    name: str
    owner_name: str


class Song(NamedTuple):
    song_id: str
    name: str
    isrc: str | None
    is_local: bool
    release_date: dt.date | None
    artist_ids: str | None


class Artist(NamedTuple):
    artist_id: str
    name: str


class Totals(NamedTuple):
    songs: int
    artists: int


class FactPlaylist(NamedTuple):
    playlist_id: str
    name: str
    snapshots: int


class FactChange(NamedTuple):
    playlist_id: str
    change: str
    from_position: int | None
    to_position: int | None
    song_name: str
    artist_name: str | None
    total: int


class FactRun(NamedTuple):
    playlist_id: str
    song_name: str
    artist_name: str | None
    longest_run: int


Row = TypeVar("Row", bound=NamedTuple)


def shown_dates() -> str:
    """The query of the dates that the page shows: those of which playlists and their entries hold the same run."""
    return render("state/agreed", tables="'playlists', 'playlist_items'", count="2")


def read(
    session: Session, row: type[Row], query: str, params: Mapping[str, Value] | Sequence[Value] = (), **parts: str
) -> list[Row]:
    """The rows of `sql/dashboard/<query>.sql`. Raises the session's failures."""
    names, rows = session.select(render(f"dashboard/{query}", **parts), params)
    return typed(row, names, rows)


def typed(row: type[Row], names: Sequence[str], rows: Sequence[Sequence[object]]) -> list[Row]:
    """Result rows as the named tuples their annotations describe, whatever a driver makes of a NUMBER or a FLOAT.

    Raises KeyError when the result lacks a column of `row`.
    """
    place = {name: index for index, name in enumerate(names)}
    converts = [(place[name], _convert(hint)) for name, hint in get_type_hints(row).items()]
    return [
        row._make(None if values[index] is None else convert(values[index]) for index, convert in converts)
        for values in rows
    ]


def _convert(hint: object) -> Callable[..., object]:
    """What makes a value of the annotated type; dates come as they are."""
    return next((kind for kind in (bool, int, float, str) if hint in (kind, kind | None)), _as_it_is)


def _as_it_is(value: object) -> object:
    return value
