"""What the dashboard reads from the warehouse: the queries of `sql/dashboard`, bounded and typed.

The one place of the dashboard that meets the warehouse. How much is read is planned here, so that the page
stays small whatever the warehouse holds; what the rows mean on the page belongs in `report`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple, TypeVar, get_type_hints

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets.warehouse import schema
from spotify_assets.warehouse.session import Session, Value
from spotify_assets.warehouse.sql import render, statement

READS = (
    ("lake", schema.LOADS),
    *(("lake", LAKE_TABLES[name]) for name in ("playlists", "playlist_items")),
    *(("spotify", DIMENSIONS[name]) for name in ("playlists", "songs", "artists", "song_artists")),
    *(("analytics", mart) for mart in MARTS.values()),
)
"""Every (layer, table) the queries read."""

_CELLS = 250_000
"""Rank cells (playlist × snapshot × position) all playlists may have together: about a megabyte of the page."""

_SONGS = 8_000
"""Songs whose ranks may be drawn in all playlists together: about half a megabyte of titles."""


@dataclass(frozen=True)
class Limits:
    """How much of the warehouse goes into the page."""

    days: int
    """Latest snapshots per playlist."""
    depth: int
    """Positions from the top whose ranks are drawn."""
    songs: int
    """Songs per playlist whose ranks are drawn."""
    rows: int
    """Rows of each list: entered, left, moved, longest runs."""
    artists: int = 8
    """Artists whose share is drawn."""
    pairs_of: int = 24
    """Playlists in the overlap figure."""


def plan_limits(playlists: int) -> Limits:
    """The limits for a page about `playlists` playlists: the more there are, the less of each.

    Up to 20 playlists get 90 snapshots of 100 positions each; beyond 178 the depth shrinks too, at least to 10.
    """
    count = max(playlists, 1)
    days = min(90, max(14, _CELLS // (count * 100)))
    return Limits(
        days=days,
        depth=min(100, max(10, _CELLS // (count * days))),
        songs=min(400, max(40, _SONGS // count)),
        rows=min(50, max(10, 1_500 // count)),
    )


class Totals(NamedTuple):
    """The period and its size; no dates before the first snapshot."""

    first_on: dt.date | None
    last_on: dt.date | None
    days: int
    playlists: int
    songs: int
    artists: int


class Playlist(NamedTuple):
    playlist_id: str
    name: str
    owner_name: str


class Snapshot(NamedTuple):
    playlist_id: str
    snapshot_date: dt.date
    item_count: int
    snapshots: int


class Rank(NamedTuple):
    playlist_id: str
    snapshot_date: dt.date
    song_id: str
    position: int
    song_name: str | None
    artist_name: str | None


class Change(NamedTuple):
    playlist_id: str
    change: str
    from_position: int | None
    to_position: int | None
    song_name: str
    artist_name: str | None
    total: int


class Turnover(NamedTuple):
    playlist_id: str
    snapshot_date: dt.date
    entered: int
    gone: int


class Run(NamedTuple):
    playlist_id: str
    song_name: str
    artist_name: str | None
    first_on: dt.date
    last_on: dt.date
    longest_run: int
    best_position: int
    re_entries: int
    is_present: bool
    ties: int


class PlaylistArtist(NamedTuple):
    playlist_id: str
    snapshot_date: dt.date
    artist_id: str
    artist_name: str | None
    slots: int


class ArtistShare(NamedTuple):
    snapshot_date: dt.date
    artist_id: str
    artist_name: str | None
    slot_share: float
    slots: int
    playlists: int


class ReleaseYear(NamedTuple):
    playlist_id: str
    release_year: int | None
    slots: int
    median_age_years: float | None


class Overlap(NamedTuple):
    playlist_id: str
    other_playlist_id: str
    songs_in_common: int
    songs: int
    other_songs: int
    jaccard: float


class Popularity(NamedTuple):
    snapshot_date: dt.date
    song_name: str
    artist_name: str | None
    popularity: int
    previous_popularity: int
    change: int


@dataclass(frozen=True)
class DashboardData:
    """Everything the page and the facts are made of, in the order of the queries. Positions are 0-based."""

    limits: Limits
    totals: Totals
    playlists: list[Playlist]
    snapshots: list[Snapshot]
    ranks: list[Rank]
    changes: list[Change]
    turnover: list[Turnover]
    runs: list[Run]
    playlist_artists: list[PlaylistArtist]
    all_artists: list[ArtistShare]
    years: list[ReleaseYear]
    overlap: list[Overlap]
    popularity: list[Popularity]


def read_dashboard_data(session: Session) -> DashboardData:
    """Run the dashboard's queries, thirteen in all; a table that does not exist yet is made, empty.

    Raises the session's failures.
    """
    schema.prepare(session, READS)
    totals = _read(session, "totals", Totals, {})[0]
    limits = plan_limits(totals.playlists)
    params = asdict(limits)
    return DashboardData(
        limits=limits,
        totals=totals,
        playlists=_read(session, "playlists", Playlist, params),
        snapshots=_read(session, "snapshots", Snapshot, params),
        ranks=_read(session, "ranks", Rank, params),
        changes=_read(session, "changes", Change, params),
        turnover=_read(session, "turnover", Turnover, params),
        runs=_read(session, "runs", Run, params),
        playlist_artists=_read(session, "playlist_artists", PlaylistArtist, params),
        all_artists=_read(session, "all_artists", ArtistShare, params),
        years=_read(session, "years", ReleaseYear, params),
        overlap=_read(session, "overlap", Overlap, params),
        popularity=_read(session, "popularity", Popularity, params),
    )


Row = TypeVar("Row", bound=NamedTuple)


def _read(session: Session, query: str, row: type[Row], params: Mapping[str, Value]) -> list[Row]:
    """The rows of `sql/dashboard/<query>.sql`."""
    sql = render(f"dashboard/{query}", loaded=statement("dashboard/loaded"))
    names, rows = session.select(sql, params)
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
