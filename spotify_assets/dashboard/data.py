"""What the dashboard reads from the warehouse: the queries of `sql/dashboard`, a window of dates at a time.

The one place of the page that meets the warehouse. Entries are read once per date and run, a month at most in one
query, and kept beside the page (`parts`); names are read anew each time. What the rows mean on the page belongs in
`report`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets.dashboard.parts import COUNTS, Part, Parts, StoredSnapshot, month_of
from spotify_assets.dashboard.rows import (
    Artist,
    Loaded,
    Other,
    Playlist,
    PopularityRow,
    SnapshotRow,
    Song,
    read,
    shown_dates,
)
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import schema
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import placeholders, statement

READS = (
    ("lake", schema.LOADS),
    *(("lake", LAKE_TABLES[name]) for name in ("playlists", "playlist_items")),
    *(("spotify", DIMENSIONS[name]) for name in ("playlists", "songs", "albums", "artists", "song_artists")),
    *(("analytics", MARTS[name]) for name in ("playlist_changes", "song_runs", "song_popularity")),
)
"""Every (layer, table) the queries read."""

_RECENT = 28
"""Latest loaded dates whose popularity is read for each day; before them, for the last date of each week."""

MISSING, NOT_READ = "", "?"
"""Keys of an entry that Spotify removed, and of a place that was not read."""


@dataclass(slots=True)
class Snapshot:
    """One snapshot of a playlist: `songs` are numbers into `DashboardData.keys`, in order."""

    day: dt.date
    item_count: int
    is_complete: bool
    counts: list[int]
    songs: list[int]


@dataclass
class DashboardData:
    """Everything the page is made of. `windows` are the dates read from the warehouse this time, per query."""

    dates: list[dt.date] = field(default_factory=list)
    playlists: list[Playlist] = field(default_factory=list)
    snapshots: dict[str, list[Snapshot]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    songs: dict[str, Song] = field(default_factory=dict)
    artists: list[Artist] = field(default_factory=list)
    others: dict[str, tuple[str, str]] = field(default_factory=dict)
    popularity: dict[dt.date, dict[str, int]] = field(default_factory=dict)
    windows: list[list[dt.date]] = field(default_factory=list)


def read_dashboard_data(session: Session, store: ObjectStore | None = None) -> DashboardData:
    """Read the dates that no part holds yet, and the names; a table that does not exist yet is made, empty.

    With a `store` the parts are read from it and written to it. Raises the session's and the store's failures.
    """
    schema.prepare(session, READS)
    loaded = read(session, Loaded, "loaded", agreed=shown_dates())
    dates = [row.snapshot_date for row in loaded]
    runs = {row.snapshot_date.isoformat(): row.run_id for row in loaded}
    data = DashboardData(
        dates=dates,
        playlists=read(session, Playlist, "playlists"),
        songs={row.song_id: row for row in read(session, Song, "songs")},
        artists=read(session, Artist, "artists"),
    )
    parts = Parts(store, _code())
    numbers: dict[str, int] = {}
    by_month = _by_month(dates)
    for month, part in parts.get(list(by_month)).items():
        part.keep(runs)
        stale = [day for day in by_month[month] if day.isoformat() not in part.runs]
        if stale:
            _read_window(session, part, stale, _popular_dates(dates).intersection(stale))
            part.runs |= {day.isoformat(): runs[day.isoformat()] for day in stale}
            parts.put(part)
            data.windows.append(stale)
        _add(data, part, numbers)
    data.keys = list(numbers)
    wanted = _popular_dates(dates)
    data.popularity = {day: values for day, values in data.popularity.items() if day in wanted}
    return data


def _code() -> str:
    """What a part is made by: its queries, and the form it is kept in."""
    queries = "".join(statement(f"dashboard/{name}") for name in ("snapshots", "others", "popularity"))
    return hashlib.sha256(f"1{COUNTS}{queries}".encode()).hexdigest()[:16]


def _by_month(dates: Iterable[dt.date]) -> dict[str, list[dt.date]]:
    months: dict[str, list[dt.date]] = defaultdict(list)
    for day in dates:
        months[month_of(day)].append(day)
    return months


def _popular_dates(dates: list[dt.date]) -> set[dt.date]:
    """The latest dates, and before them the last of each ISO week."""
    weeks = {day.isocalendar()[:2]: day for day in dates}
    return {*dates[-_RECENT:], *weeks.values()}


def _read_window(session: Session, part: Part, days: list[dt.date], popular: set[dt.date]) -> None:
    """Add what the warehouse says of these dates of one month to the part."""
    window = {"first_on": days[0], "last_on": days[-1]}
    wanted = set(days)
    number = {key: index for index, key in enumerate(part.keys)}
    for row in read(session, SnapshotRow, "snapshots", window):
        if row.snapshot_date in wanted:
            part.snapshots.append(_stored(row, number))
    part.keys = list(number)
    part.others |= {row.item_uri: (row.item_type, row.name or "") for row in read(session, Other, "others", window)}
    if popular:
        asked = sorted(popular)
        part.popularity |= {day.isoformat(): {} for day in asked}
        for row in read(session, PopularityRow, "popularity", asked, dates=placeholders(len(asked))):
            part.popularity[row.snapshot_date.isoformat()][row.song_id] = row.popularity


def _stored(row: SnapshotRow, number: dict[str, int]) -> StoredSnapshot:
    texts = (row.keys or "").split(" ") if row.entries else []
    keys = [number.setdefault(key, len(number)) for key in texts]
    if row.positions is not None:
        places = [int(position) for position in row.positions.split(" ")]
        whole = [-1] * (max(places) + 1)
        for place, key in zip(places, keys, strict=True):
            whole[place] = key
        keys = whole
    return StoredSnapshot(
        playlist_id=row.playlist_id,
        day=row.snapshot_date.isoformat(),
        item_count=row.item_count,
        is_complete=row.is_complete,
        counts=[getattr(row, name) for name in COUNTS],
        keys=keys,
    )


def _add(data: DashboardData, part: Part, numbers: dict[str, int]) -> None:
    """Bring a month into the whole; months come in order, so every playlist's snapshots do."""
    number = [numbers.setdefault(key, len(numbers)) for key in part.keys]
    number.append(numbers.setdefault(NOT_READ, len(numbers)) if any(-1 in one.keys for one in part.snapshots) else -1)
    for one in sorted(part.snapshots, key=lambda one: one.day):
        data.snapshots.setdefault(one.playlist_id, []).append(
            Snapshot(
                dt.date.fromisoformat(one.day),
                one.item_count,
                one.is_complete,
                one.counts,
                [number[key] for key in one.keys],
            )
        )
    data.others |= part.others
    data.popularity |= {dt.date.fromisoformat(day): values for day, values in part.popularity.items()}
