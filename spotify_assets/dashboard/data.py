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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets.dashboard.packing import NOT_READ_KEY, Month, Names, Packed, Points, Snapshot
from spotify_assets.dashboard.parts import COUNTS, Part, Parts, StoredSnapshot, month_of, states_of
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
class DashboardData:
    """Everything the page is made of.

    `packed` are the months that are over, `snapshots` those of the latest, by playlist, whose songs are numbers into
    `keys`; so is `popularity`. `songs`, `others` and `artists` are of all, or at least of what was seen since the
    packed months. `windows` are the dates read from the warehouse this time, per query. `unpacked` reads everything.
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
    unpacked: Callable[[], DashboardData] | None = field(default=None, compare=False)

    @property
    def names(self) -> Names:
        return Names(self.songs, self.others, {one.artist_id: one.name for one in self.artists})


def read_dashboard_data(session: Session, store: ObjectStore | None = None, *, by_pack: bool = True) -> DashboardData:
    """Read the dates that no part holds yet, and the names; a table that does not exist yet is made, empty.

    With a `store` the parts are read from it and written to it; `by_pack`, months that are over as they are packed.
    Raises the session's and the store's failures.
    """
    schema.prepare(session, READS)
    loaded = _runs(read(session, Loaded, "loaded", agreed=shown_dates()))
    dates = [dt.date.fromisoformat(day) for day in loaded]
    (totals,) = read(session, Totals, "totals")
    data = DashboardData(
        dates=dates,
        playlists=read(session, Playlist, "playlists"),
        totals=totals,
        unpacked=partial(read_dashboard_data, session, store, by_pack=False),
    )
    parts = Parts(store, _code())
    months, states = _by_month(loaded), states_of(loaded)
    past = list(months)[:-1] if by_pack else []
    recent = month_of(dates[-_RECENT:][0]) if dates else ""
    for pack in parts.packs(past, states, recent):
        data.packed.append(pack)
    done = len(data.packed.blocks)
    popular = _popular_dates(dates)
    contents = _read_months(session, data, parts, dict(itertools.islice(months.items(), done, None)), popular)
    since = dt.date.fromisoformat(f"{list(months)[done]}-01") if done else dt.date.min
    data.songs = {row.song_id: row for row in read(session, Song, "songs", {"since": since})}
    data.artists = read(session, Artist, "artists", {"since": since})
    is_named = done < len(past) and loaded.items() <= _runs(read(session, Loaded, "named")).items()
    for month in past[done:]:
        pack = data.packed.pack(contents.pop(month), data.names)
        data.packed.append(pack)
        if is_named:
            parts.put_pack(month, pack, states)
    shown = [
        data.packed.popularity,
        *(one for content in contents.values() for one in (content.popularity, content.lately)),
    ]
    data.popularity = {
        dt.date.fromisoformat(day): one for points in shown for day, one in points.items() if day in popular
    }
    for content in contents.values():
        for playlist_id, snapshots in content.snapshots.items():
            data.snapshots.setdefault(playlist_id, []).extend(snapshots)
    return data


def _runs(rows: Iterable[Loaded]) -> dict[str, str]:
    """ISO date to run, in order."""
    return {row.snapshot_date.isoformat(): row.run_id for row in rows}


def _read_months(
    session: Session,
    data: DashboardData,
    parts: Parts,
    months: Mapping[str, Mapping[str, str]],
    popular: Mapping[str, bool],
) -> dict[str, Month]:
    """What each of these months has that those before did not have, and `data` brought up to them."""
    number = data.packed.numbers.copy()
    contents: dict[str, Month] = {}
    for month, part in parts.get(list(months)).items():
        runs = months[month]
        forgets = part.keep(runs)
        stale = [dt.date.fromisoformat(day) for day in runs if day not in part.runs]
        if stale:
            _read_window(session, part, stale)
            part.runs |= {day.isoformat(): runs[day.isoformat()] for day in stale}
            data.windows.append(stale)
        unknown = [dt.date.fromisoformat(day) for day in runs if day in popular and day not in part.popularity]
        if unknown:
            _read_popularity(session, part, unknown)
        if stale or forgets or unknown:
            parts.put(part)
        contents[month] = _content(part, number, popular)
        data.others |= part.others
    data.keys = list(number)
    return contents


def _code() -> str:
    """What a part or a pack is made by: the queries, the names' own code, and the form it is kept in."""
    queries = [statement(f"dashboard/{name}") for name in ("snapshots", "others", "popularity", "songs", "artists")]
    names = [dimensions.code(name) for name in ("songs", "albums", "artists", "song_artists")]
    return hashlib.sha256(f"7{COUNTS}{queries}{names}".encode()).hexdigest()[:16]


def _by_month(runs: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Month to ISO date to run, in order."""
    months: dict[str, dict[str, str]] = defaultdict(dict)
    for day, run in runs.items():
        months[day[:7]][day] = run
    return months


def _popular_dates(dates: Sequence[dt.date]) -> dict[str, bool]:
    """The latest dates and the last of each ISO week, as ISO dates; whether it is the last of its week."""
    weekly = {day.isocalendar()[:2]: day for day in dates}
    latest = {day.isoformat(): False for day in dates[-_RECENT:]}
    return latest | {day.isoformat(): True for day in weekly.values()}


def _read_window(session: Session, part: Part, days: list[dt.date]) -> None:
    """Add what the warehouse says of these dates of one month to the part."""
    window = {"first_on": days[0], "last_on": days[-1]}
    wanted = set(days)
    number = {key: index for index, key in enumerate(part.keys)}
    for row in read(session, SnapshotRow, "snapshots", window):
        if row.snapshot_date in wanted:
            part.snapshots.append(_stored(row, number))
    part.keys = list(number)
    part.others |= {row.item_uri: (row.item_type, row.name or "") for row in read(session, Other, "others", window)}


def _read_popularity(session: Session, part: Part, days: list[dt.date]) -> None:
    """Add the popularity on these dates to the part."""
    part.popularity |= {day.isoformat(): {} for day in days}
    for row in read(session, PopularityRow, "popularity", days, dates=placeholders(len(days))):
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


def _content(part: Part, number: dict[str, int], popular: Mapping[str, bool]) -> Month:
    """What a month says, in the numbers of all keys, which its new ones follow."""
    known = len(number)
    numbers = [number.setdefault(key, len(number)) for key in part.keys]
    numbers.append(
        number.setdefault(NOT_READ_KEY, len(number)) if any(-1 in one.keys for one in part.snapshots) else -1
    )
    snapshots: dict[str, list[Snapshot]] = {}
    for one in sorted(part.snapshots, key=lambda one: one.day):
        songs = [numbers[key] for key in one.keys]
        snapshot = Snapshot(dt.date.fromisoformat(one.day), one.item_count, one.is_complete, one.counts, songs)
        snapshots.setdefault(one.playlist_id, []).append(snapshot)
    points = {
        day: Points.of({number[key]: value for key, value in part.popularity[day].items() if key in number})
        for day in sorted(part.popularity)
        if day in popular
    }
    return Month(
        snapshots=snapshots,
        keys=list(itertools.islice(number, known, None)),
        popularity={day: one for day, one in points.items() if popular[day]},
        lately={day: one for day, one in points.items() if not popular[day]},
    )
