"""What the dashboard reads from the warehouse: the queries of `sql/dashboard`, a window of dates at a time.

The one place of the page that meets the warehouse. Entries are read once per date and run, a month at most in one
query, and kept beside the page (`parts`); names are read anew each time. What the rows mean on the page belongs in
`report`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets.dashboard.packing import (
    BUDGET,
    NOT_READ_KEY,
    SONG_CHARACTERS,
    Names,
    Pack,
    Packed,
    Points,
    Snapshot,
    Stretch,
)
from spotify_assets.dashboard.parts import COUNTS, Part, Parts, StoredSnapshot, states_of, stretches, week_of
from spotify_assets.dashboard.rows import (
    Artist,
    Loaded,
    Other,
    Playlist,
    PopularityRow,
    SnapshotRow,
    Song,
    Totals,
    read,
    shown_dates,
)
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import dimensions, schema
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import placeholders, statement

READS = (
    ("lake", schema.LOADS),
    ("spotify", schema.APPLIED),
    *(("lake", LAKE_TABLES[name]) for name in ("playlists", "playlist_items")),
    *(("spotify", DIMENSIONS[name]) for name in ("playlists", "songs", "albums", "artists", "song_artists")),
    *(("analytics", MARTS[name]) for name in ("playlist_changes", "song_runs", "song_popularity")),
)
"""Every (layer, table) the queries read."""

_RECENT = 28
"""Latest loaded dates whose popularity is read for each day; before them, for the last date of each week."""


@dataclass
class DashboardRows:
    """What one reading of the warehouse came to, with what was read before.

    `packs` are checked, by stretch, `unpacked` are the parts of the stretches that follow, brought up to date; those of
    them in `past` are over. `songs` and `artists` are of all, or at least of what was seen since what is packed.
    `popular` are the dates whose popularity is shown (`_popular_dates`), `windows` those read from the warehouse this
    time, per query. `is_named` when the dimensions have all dates, `states` are the dates' (`states_of`).
    """

    dates: list[dt.date]
    playlists: list[Playlist]
    totals: Totals
    songs: list[Song]
    artists: list[Artist]
    popular: Mapping[str, bool]
    parts: Parts
    packs: dict[str, bytes]
    unpacked: dict[str, list[Part]]
    past: Sequence[str]
    windows: list[list[dt.date]]
    is_named: bool
    states: Mapping[str, str]


@dataclass
class DashboardData:
    """Everything the page is made of.

    `packed` is what is over, `snapshots` those of the latest week, by playlist, whose songs are numbers into `keys`; so
    is `popularity`. `songs`, `others`, `artists` and `windows` are as in `DashboardRows`.
    """

    dates: list[dt.date] = field(default_factory=list)
    playlists: list[Playlist] = field(default_factory=list)
    totals: Totals = field(default_factory=lambda: Totals(0, 0))
    packed: Packed = field(default_factory=Packed)
    snapshots: dict[str, list[Snapshot]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    songs: dict[str, Song] = field(default_factory=dict)
    artists: list[Artist] = field(default_factory=list)
    others: dict[str, tuple[str, str]] = field(default_factory=dict)
    popularity: dict[dt.date, Points] = field(default_factory=dict)
    windows: list[list[dt.date]] = field(default_factory=list)

    @property
    def names(self) -> Names:
        return Names(self.songs, self.others, {one.artist_id: one.name for one in self.artists})


def read_dashboard_rows(session: Session, store: ObjectStore | None = None, *, by_pack: bool = True) -> DashboardRows:
    """Read the dates that no part holds yet, and the names; a table that does not exist yet is made, empty.

    With a `store` the parts are read from it and written to it; `by_pack`, what is over as it is packed, unless there
    are more songs than the page can hold, which is thinned then. Raises the session's and the store's failures.
    """
    schema.prepare(session, READS)
    loaded = _runs(read(session, Loaded, "loaded", agreed=shown_dates()))
    dates = [dt.date.fromisoformat(day) for day in loaded]
    (totals,) = read(session, Totals, "totals")
    playlists = read(session, Playlist, "playlists")
    parts = Parts(store, _code())
    weeks, states = _by_week(loaded), states_of(loaded)
    packed_as = stretches(list(weeks))
    past = list(packed_as)[:-1] if by_pack and totals.songs * SONG_CHARACTERS <= BUDGET else []
    packs = dict(parts.packs(past, states))
    popular = _popular_dates(dates)
    following = {name: of for name, of in packed_as.items() if name not in packs}
    unpacked, windows = _read_stretches(session, parts, following, weeks, popular)
    since = {"since": dt.date.fromisoformat(next(iter(following.values()))[0]) if packs else dt.date.min}
    return DashboardRows(
        dates=dates,
        playlists=playlists,
        totals=totals,
        songs=read(session, Song, "songs", since),
        artists=read(session, Artist, "artists", since),
        popular=popular,
        parts=parts,
        packs=packs,
        unpacked=unpacked,
        past=past,
        windows=windows,
        is_named=len(packs) < len(past) and loaded.items() <= _runs(read(session, Loaded, "named")).items(),
        states=states,
    )


def put_together(rows: DashboardRows) -> DashboardData:
    """The page's data; what is over and not packed yet is packed and, once it has all its names, kept.

    It needs no warehouse, and lets go of what `rows` hold packed and in parts. Raises the store's failures.
    """
    data = DashboardData(
        dates=rows.dates,
        playlists=rows.playlists,
        totals=rows.totals,
        songs={row.song_id: row for row in rows.songs},
        artists=rows.artists,
        windows=rows.windows,
    )
    recent = rows.dates[-_RECENT:][0].isoformat()[:7] if rows.dates else ""
    while rows.packs:
        name = next(iter(rows.packs))
        data.packed.append(Pack.from_bytes(rows.packs.pop(name), lately=name >= recent))
    data.others = {uri: one for of in rows.unpacked.values() for part in of for uri, one in part.others.items()}
    number = data.packed.numbers.copy()
    contents = {name: _content(rows.unpacked.pop(name), number, rows.popular) for name in list(rows.unpacked)}
    data.keys = list(number)
    for name in [name for name in contents if name in rows.past]:
        pack = data.packed.pack(contents.pop(name), data.names)
        data.packed.append(pack)
        if rows.is_named:
            rows.parts.put_pack(name, pack, rows.states)
    shown = [
        data.packed.popularity,
        *(one for content in contents.values() for one in (content.popularity, content.lately)),
    ]
    data.popularity = {
        dt.date.fromisoformat(day): one for points in shown for day, one in points.items() if day in rows.popular
    }
    for content in contents.values():
        for playlist_id, snapshots in content.snapshots.items():
            data.snapshots.setdefault(playlist_id, []).extend(snapshots)
    return data


def _runs(rows: Iterable[Loaded]) -> dict[str, str]:
    """ISO date to run, in order."""
    return {row.snapshot_date.isoformat(): row.run_id for row in rows}


def _read_stretches(
    session: Session,
    parts: Parts,
    packed_as: Mapping[str, Sequence[str]],
    weeks: Mapping[str, Mapping[str, str]],
    popular: Mapping[str, bool],
) -> tuple[dict[str, list[Part]], list[list[dt.date]]]:
    """The parts of these stretches, read from the warehouse where they are not up to date; and the dates read."""
    windows: list[list[dt.date]] = []
    every = parts.get([week for of in packed_as.values() for week in of])
    for of in packed_as.values():
        stored = {week: every[week] for week in of}
        changed = {week for week, part in stored.items() if part.keep(weeks[week])}
        runs = {day: run for week in of for day, run in weeks[week].items()}
        stale = [day for day in runs if day not in stored[week_of(day)].runs]
        if stale:
            _read_window(session, stored, stale)
            for day in stale:
                stored[week_of(day)].runs[day] = runs[day]
            windows.append([dt.date.fromisoformat(day) for day in stale])
        unknown = [day for day in runs if day in popular and day not in stored[week_of(day)].popularity]
        if unknown:
            _read_popularity(session, stored, unknown)
        for week in changed.union(map(week_of, stale), map(week_of, unknown)):
            parts.put(stored[week])
    return {name: [every[week] for week in of] for name, of in packed_as.items()}, windows


def _code() -> str:
    """What a part or a pack is made by: the queries, the names' own code, and the form it is kept in."""
    queries = [statement(f"dashboard/{name}") for name in ("snapshots", "others", "popularity", "songs", "artists")]
    names = [dimensions.code(name) for name in ("songs", "albums", "artists", "song_artists")]
    return hashlib.sha256(f"7{COUNTS}{queries}{names}".encode()).hexdigest()[:16]


def _by_week(runs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Week (`parts.week_of`) to ISO date to run, in order."""
    weeks: dict[str, dict[str, str]] = defaultdict(dict)
    for day, run in runs.items():
        weeks[week_of(day)][day] = run
    return weeks


def _popular_dates(dates: Sequence[dt.date]) -> dict[str, bool]:
    """The latest dates and the last of each ISO week, as ISO dates; whether it is the last of its week."""
    weekly = {day.isocalendar()[:2]: day for day in dates}
    latest = {day.isoformat(): False for day in dates[-_RECENT:]}
    return latest | {day.isoformat(): True for day in weekly.values()}


def _read_window(session: Session, parts: Mapping[str, Part], days: Sequence[str]) -> None:
    """Add what the warehouse says of these dates of one stretch to its parts."""
    window = {"first_on": dt.date.fromisoformat(days[0]), "last_on": dt.date.fromisoformat(days[-1])}
    wanted = set(days)
    numbers = {week: {key: index for index, key in enumerate(part.keys)} for week, part in parts.items()}
    for row in read(session, SnapshotRow, "snapshots", window):
        day = row.snapshot_date.isoformat()
        if day in wanted:
            parts[week_of(day)].snapshots.append(_stored(row, numbers[week_of(day)]))
    others = {row.item_uri: (row.item_type, row.name or "") for row in read(session, Other, "others", window)}
    for week in {*map(week_of, days)}:
        parts[week].keys = list(numbers[week])
        parts[week].others |= {uri: others[uri] for uri in numbers[week] if uri in others}


def _read_popularity(session: Session, parts: Mapping[str, Part], days: Sequence[str]) -> None:
    """Add the popularity on these dates to their parts."""
    for day in days:
        parts[week_of(day)].popularity[day] = {}
    dates = [dt.date.fromisoformat(day) for day in days]
    for row in read(session, PopularityRow, "popularity", dates, dates=placeholders(len(dates))):
        day = row.snapshot_date.isoformat()
        parts[week_of(day)].popularity[day][row.song_id] = row.popularity


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


def _content(parts: Iterable[Part], number: dict[str, int], popular: Mapping[str, bool]) -> Stretch:
    """What these parts say, in the numbers of all keys, which the new ones follow."""
    known = len(number)
    snapshots: dict[str, list[Snapshot]] = defaultdict(list)
    popularity: dict[str, Points] = {}
    lately: dict[str, Points] = {}
    for part in parts:
        numbers = [number.setdefault(key, len(number)) for key in part.keys]
        numbers.append(
            number.setdefault(NOT_READ_KEY, len(number)) if any(-1 in one.keys for one in part.snapshots) else -1
        )
        for one in sorted(part.snapshots, key=lambda one: one.day):
            songs = [numbers[key] for key in one.keys]
            snapshot = Snapshot(dt.date.fromisoformat(one.day), one.item_count, one.is_complete, one.counts, songs)
            snapshots[one.playlist_id].append(snapshot)
        for day in sorted(part.popularity):
            if day in popular:
                points = {number[key]: value for key, value in part.popularity[day].items() if key in number}
                (popularity if popular[day] else lately)[day] = Points.of(points)
    return Stretch(snapshots, list(itertools.islice(number, known, None)), popularity, lately)
