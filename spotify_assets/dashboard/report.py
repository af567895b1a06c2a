"""From the warehouse's rows to what the page shows: pure, and the same for the same rows.

The report is the page's data, ready for JSON. Ranks count from 1 here (positions, in the tables, from 0), songs are
numbers into one list of titles, and days are ISO dates. How it is drawn belongs in `web/`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from spotify_assets.dashboard.data import (
    ArtistShare,
    Change,
    DashboardData,
    Overlap,
    Playlist,
    PlaylistArtist,
    Popularity,
    Rank,
    ReleaseYear,
    Run,
    Snapshot,
    Turnover,
)


@dataclass(frozen=True)
class RankLines:
    """The ranks of a playlist's songs, a line per song: [song, index of its first day, rank, rank, …].

    A rank is null on a day the song was not among the first `depth` positions. `songs` counts those that ever were, of
    which `lines` holds the most lasting; every song of the latest day is among them as far as there is room.
    """

    songs: int
    lines: list[list[int | None]]


@dataclass(frozen=True)
class Changes:
    """What changed in the latest snapshot: the rows shown and how many there are in all.

    `since` is the date of the snapshot before, null when there is none. `entered` and `left` hold [song, rank],
    `moved` [song, rank before, rank now].
    """

    since: str | None
    totals: dict[str, int]
    entered: list[tuple[int, int]]
    left: list[tuple[int, int]]
    moved: list[tuple[int, int, int]]


@dataclass(frozen=True)
class RunRow:
    song: int
    first_on: str
    last_on: str
    snapshots: int
    ties: int
    best_rank: int
    re_entries: int
    is_present: bool


@dataclass(frozen=True)
class ArtistLines:
    """An artist's entries per day, aligned with the days of the figure."""

    name: str
    slots: list[int]


@dataclass(frozen=True)
class Years:
    """Entries per release year, those without a year, and the median age in years."""

    years: list[tuple[int, int]]
    unknown: int
    median_age: float | None


@dataclass(frozen=True)
class PlaylistReport:
    """One playlist. `days` are its recent snapshots, oldest first; `snapshots` counts all it ever had."""

    id: str
    name: str
    owner: str
    snapshots: int
    days: list[str]
    sizes: list[int]
    ranks: RankLines
    changes: Changes
    entered: list[int]
    left: list[int]
    runs: list[RunRow]
    artists: list[ArtistLines]
    years: Years


@dataclass(frozen=True)
class AllArtist:
    """An artist's share of all entries per day, 0 to 1, and what is theirs on the latest day."""

    name: str
    shares: list[float]
    slots: int
    playlists: int


@dataclass(frozen=True)
class OverlapReport:
    """Songs shared by pairs of playlists, on the latest day: cells are [row, column, in common, jaccard]."""

    names: list[str]
    cells: list[tuple[int, int, int, float]]


@dataclass(frozen=True)
class PopularityReport:
    """The largest changes of popularity: [song, before, now]."""

    day: str | None
    rows: list[tuple[int, int, int]]


@dataclass(frozen=True)
class Report:
    """The whole page. `last_on` is the date it is generated for; null when there is no snapshot at all."""

    first_on: str | None
    last_on: str | None
    days: int
    counts: dict[str, int]
    limits: dict[str, int]
    playlists: list[PlaylistReport]
    opening: str | None
    all_days: list[str]
    all_artists: list[AllArtist]
    overlap: OverlapReport
    popularity: PopularityReport
    songs: list[tuple[str, str]]


@dataclass
class _Songs:
    """The list of titles, each once."""

    index: dict[tuple[str, str], int] = field(default_factory=dict)

    def number(self, title: str | None, artist: str | None) -> int:
        return self.index.setdefault((title or "", artist or ""), len(self.index))


def build_report(data: DashboardData) -> Report:
    """The page's data. Playlists are sorted by name; equal rows give an equal report."""
    songs = _Songs()
    playlists = _playlists(data, songs)
    all_days = sorted({row.snapshot_date for row in data.all_artists})
    popularity = _popularity(data.popularity, songs)
    return Report(
        first_on=_iso(data.totals.first_on),
        last_on=_iso(data.totals.last_on),
        days=data.totals.days,
        counts={"playlists": data.totals.playlists, "songs": data.totals.songs, "artists": data.totals.artists},
        limits={name: getattr(data.limits, name) for name in ("days", "depth", "rows", "pairs_of")},
        playlists=playlists,
        opening=_opening(playlists, data.limits.depth),
        all_days=[day.isoformat() for day in all_days],
        all_artists=_all_artists(data.all_artists, all_days),
        overlap=_overlap(data.overlap, {row.playlist_id: row.name for row in data.playlists}),
        popularity=popularity,
        songs=list(songs.index),
    )


def _playlists(data: DashboardData, songs: _Songs) -> list[PlaylistReport]:
    snapshots = _by_playlist(data.snapshots, lambda row: row.playlist_id)
    ranks = _by_playlist(data.ranks, lambda row: row.playlist_id)
    changes = _by_playlist(data.changes, lambda row: row.playlist_id)
    turnover = _by_playlist(data.turnover, lambda row: row.playlist_id)
    runs = _by_playlist(data.runs, lambda row: row.playlist_id)
    artists = _by_playlist(data.playlist_artists, lambda row: row.playlist_id)
    years = _by_playlist(data.years, lambda row: row.playlist_id)
    return [
        _playlist(
            playlist,
            snapshots[playlist.playlist_id],
            _rank_lines(ranks[playlist.playlist_id], snapshots[playlist.playlist_id], data.limits.songs, songs),
            _changes(changes[playlist.playlist_id], snapshots[playlist.playlist_id], songs),
            turnover[playlist.playlist_id],
            [_run(row, songs) for row in runs[playlist.playlist_id]],
            artists[playlist.playlist_id],
            _years(years[playlist.playlist_id]),
        )
        for playlist in sorted(data.playlists, key=lambda row: (row.name.casefold(), row.playlist_id))
    ]


def _playlist(
    playlist: Playlist,
    snapshots: list[Snapshot],
    ranks: RankLines,
    changes: Changes,
    turnover: list[Turnover],
    runs: list[RunRow],
    artists: list[PlaylistArtist],
    years: Years,
) -> PlaylistReport:
    days = [row.snapshot_date for row in snapshots]
    entered = {row.snapshot_date: row.entered for row in turnover}
    left = {row.snapshot_date: row.gone for row in turnover}
    return PlaylistReport(
        id=playlist.playlist_id,
        name=playlist.name,
        owner=playlist.owner_name,
        snapshots=snapshots[-1].snapshots if snapshots else 0,
        days=[day.isoformat() for day in days],
        sizes=[row.item_count for row in snapshots],
        ranks=ranks,
        changes=changes,
        entered=[entered.get(day, 0) for day in days],
        left=[left.get(day, 0) for day in days],
        runs=runs,
        artists=_artist_lines(artists, days),
        years=years,
    )


def _rank_lines(rows: list[Rank], snapshots: list[Snapshot], most: int, songs: _Songs) -> RankLines:
    """A line per song, best standing today first; at most `most`, the absent and short-lived dropped first."""
    day_number = {row.snapshot_date: number for number, row in enumerate(snapshots)}
    titles: dict[str, tuple[str | None, str | None]] = {}
    ranks: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows:
        if row.snapshot_date not in day_number:
            continue  # loaded between two of the queries: the next page has it
        titles[row.song_id] = (row.song_name, row.artist_name)
        ranks[row.song_id][day_number[row.snapshot_date]] = row.position + 1
    today = len(snapshots) - 1
    absent = 1 << 31

    def standing(song_id: str) -> tuple[int, int, int, str]:
        line = ranks[song_id]
        return (line.get(today, absent), -len(line), min(line.values()), song_id)

    kept = sorted(ranks, key=standing)[:most]
    return RankLines(
        songs=len(ranks),
        lines=[[songs.number(*titles[song_id]), *_line(ranks[song_id])] for song_id in kept],
    )


def _line(ranks: dict[int, int]) -> list[int | None]:
    """[first day, rank on it, rank on the next, …] up to the last day present."""
    first, last = min(ranks), max(ranks)
    return [first, *(ranks.get(day) for day in range(first, last + 1))]


def _changes(rows: list[Change], snapshots: list[Snapshot], songs: _Songs) -> Changes:
    entered, left, moved = [], [], []
    for row in rows:
        song = songs.number(row.song_name, row.artist_name)
        if row.change == "entered" and row.to_position is not None:
            entered.append((song, row.to_position + 1))
        elif row.change == "left" and row.from_position is not None:
            left.append((song, row.from_position + 1))
        elif row.from_position is not None and row.to_position is not None:
            moved.append((song, row.from_position + 1, row.to_position + 1))
    totals = {row.change: row.total for row in rows}
    return Changes(
        since=snapshots[-2].snapshot_date.isoformat() if len(snapshots) > 1 else None,
        totals={change: totals.get(change, 0) for change in ("entered", "left", "moved")},
        entered=entered,
        left=left,
        moved=moved,
    )


def _run(row: Run, songs: _Songs) -> RunRow:
    return RunRow(
        song=songs.number(row.song_name, row.artist_name),
        first_on=row.first_on.isoformat(),
        last_on=row.last_on.isoformat(),
        snapshots=row.longest_run,
        ties=row.ties,
        best_rank=row.best_position + 1,
        re_entries=row.re_entries,
        is_present=row.is_present,
    )


def _artist_lines(rows: list[PlaylistArtist], days: list[dt.date]) -> list[ArtistLines]:
    """One line per artist, in the order of the rows."""
    lines: dict[str, ArtistLines] = {}
    number = {day: index for index, day in enumerate(days)}
    for row in rows:
        if row.snapshot_date in number:
            line = lines.setdefault(row.artist_id, ArtistLines(row.artist_name or "", [0] * len(days)))
            line.slots[number[row.snapshot_date]] = row.slots
    return list(lines.values())


def _all_artists(rows: list[ArtistShare], days: list[dt.date]) -> list[AllArtist]:
    number = {day: index for index, day in enumerate(days)}
    by_artist: dict[str, list[ArtistShare]] = defaultdict(list)
    for row in rows:
        by_artist[row.artist_id].append(row)
    artists = []
    for shares in by_artist.values():
        line = [0.0] * len(days)
        for row in shares:
            line[number[row.snapshot_date]] = round(row.slot_share, 5)
        last = shares[-1]
        today = last if last.snapshot_date == days[-1] else None
        artists.append(
            AllArtist(last.artist_name or "", line, today.slots if today else 0, today.playlists if today else 0)
        )
    return artists


def _years(rows: list[ReleaseYear]) -> Years:
    return Years(
        years=[(row.release_year, row.slots) for row in rows if row.release_year is not None],
        unknown=sum(row.slots for row in rows if row.release_year is None),
        median_age=next((round(row.median_age_years, 1) for row in rows if row.median_age_years is not None), None),
    )


def _overlap(rows: list[Overlap], names: dict[str, str]) -> OverlapReport:
    ids = {row.playlist_id for row in rows} | {row.other_playlist_id for row in rows}
    order = sorted(ids, key=lambda id_: (names.get(id_, "").casefold(), id_))
    number = {id_: index for index, id_ in enumerate(order)}
    return OverlapReport(
        names=[names.get(id_, "") for id_ in order],
        cells=[
            (number[row.playlist_id], number[row.other_playlist_id], row.songs_in_common, round(row.jaccard, 4))
            for row in rows
        ],
    )


def _popularity(rows: list[Popularity], songs: _Songs) -> PopularityReport:
    return PopularityReport(
        day=rows[0].snapshot_date.isoformat() if rows else None,
        rows=[(songs.number(row.song_name, row.artist_name), row.previous_popularity, row.popularity) for row in rows],
    )


def _opening(playlists: list[PlaylistReport], depth: int) -> str | None:
    """The playlist the page opens on: one that can be drawn whole before a longer one, then the one most renewed in its
    latest snapshot, then the one with the longest history and the most entries."""

    def interest(playlist: PlaylistReport) -> tuple[bool, int, int, int]:
        size = playlist.sizes[-1] if playlist.sizes else 0
        renewed = playlist.changes.totals["entered"] + playlist.changes.totals["left"]
        return (0 < size <= depth, min(renewed, depth), playlist.snapshots, size)

    return max(playlists, key=interest).id if playlists else None


Row = TypeVar("Row")


def _by_playlist(rows: Iterable[Row], playlist_id: Callable[[Row], str]) -> defaultdict[str, list[Row]]:
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[playlist_id(row)].append(row)
    return groups


def _iso(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None
