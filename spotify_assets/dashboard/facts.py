"""Three sentences about what changed in the latest snapshots, from the marts.

What the command line says at the end of a build, and the UI beside the page. Only whole snapshots count. Only wording
and the three small queries belong here; the page is `report` and `web/`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spotify_assets.dashboard.data import READS
from spotify_assets.dashboard.rows import FactChange, FactPlaylist, FactRun, Loaded, read, shown_dates
from spotify_assets.warehouse import schema
from spotify_assets.warehouse.session import Session

if TYPE_CHECKING:
    from spotify_assets.resources.warehouse import WarehouseResource


@dataclass(frozen=True)
class LatestChanges:
    """The latest loaded date, the playlists read whole on it, and what the marts say of it. Positions are 0-based;
    `longest` is there when nothing entered."""

    day: dt.date | None
    playlists: list[FactPlaylist]
    changes: list[FactChange]
    longest: list[FactRun]

    @property
    def compared(self) -> set[str]:
        """The playlists that had a snapshot before."""
        return {row.playlist_id for row in self.playlists if row.snapshots > 1}

    @property
    def entries(self) -> list[FactChange]:
        """The new entries."""
        compared = self.compared
        return [
            row
            for row in self.changes
            if row.change == "entered" and row.to_position is not None and row.playlist_id in compared
        ]


def read_latest_changes(session: Session) -> LatestChanges:
    """Up to four queries about one date; a table that does not exist yet is made, empty. Raises the session's
    failures."""
    schema.prepare(session, READS)
    loaded = read(session, Loaded, "loaded", agreed=shown_dates())
    if not loaded:
        return LatestChanges(None, [], [], [])
    params = {"day": loaded[-1].snapshot_date}
    latest = LatestChanges(
        loaded[-1].snapshot_date,
        read(session, FactPlaylist, "facts_playlists", params, loaded=shown_dates()),
        read(session, FactChange, "facts_changes", params),
        [],
    )
    return latest if latest.entries else replace(latest, longest=read(session, FactRun, "facts_runs", params))


def changed_yesterday(warehouse: WarehouseResource) -> tuple[str, str, str]:
    """Three facts about what changed between the latest snapshot of each playlist and the one before.

    Always three, whatever the warehouse holds; song and playlist names are as Spotify sent them, on one line. Errors
    are the warehouse's own.
    """
    return facts(warehouse.run(read_latest_changes))


def facts(latest: LatestChanges) -> tuple[str, str, str]:
    """The three facts: what entered and left, the highest new entry (else the longest run), the farthest move."""
    day = latest.day
    if day is None:
        return ("No snapshot has been loaded yet.", "No song has been in a playlist.", "No song can have moved yet.")
    if not latest.playlists:
        return (
            f"No playlist was read whole on {_day(day)}: nothing can be said of what changed.",
            "No song is known to have entered.",
            "No song is known to have moved.",
        )
    compared = latest.compared
    changes = [row for row in latest.changes if row.playlist_id in compared]
    names = {row.playlist_id: _one_line(row.name) or "a playlist without a name" for row in latest.playlists}
    return (
        _turnover(changes, names, len(compared), day),
        _highest_entry(latest.entries, names) if latest.entries else _longest_run(latest.longest, names),
        _move(changes, names, compared=bool(compared)),
    )


def _turnover(changes: list[FactChange], names: dict[str, str], compared: int, day: dt.date) -> str:
    if not compared:
        return f"{_day(day)} is the first day: what enters and leaves shows with the next snapshot."
    totals = {(row.playlist_id, row.change): row.total for row in changes}
    entered = sum(total for (_, change), total in totals.items() if change == "entered")
    left = sum(total for (_, change), total in totals.items() if change == "left")
    if not entered and not left:
        return f"Nothing entered or left any of {_count(compared, 'playlist')} on {_day(day)}."
    where = f"{_count(compared, 'playlist')} on {_day(day)}"
    renewed = {
        playlist_id: totals.get((playlist_id, "entered"), 0) + totals.get((playlist_id, "left"), 0)
        for playlist_id, _ in totals
    }
    most = min(renewed, key=lambda playlist_id: (-renewed[playlist_id], names[playlist_id], playlist_id))
    return (
        f"{_count(entered, 'song')} entered and {left:,} left across {where}, most in {names[most]} "
        f"({totals.get((most, 'entered'), 0):,} in, {totals.get((most, 'left'), 0):,} out)."
    )


def _highest_entry(entries: list[FactChange], names: dict[str, str]) -> str:
    ranked = [(row.to_position or 0, names[row.playlist_id], row.playlist_id, row.song_name, row) for row in entries]
    position, where, _, _, row = min(ranked, key=lambda entry: entry[:4])
    return f"{_song(row)} is the highest new entry, at {position + 1:,} in {where}."


def _move(changes: list[FactChange], names: dict[str, str], *, compared: bool) -> str:
    moves = [
        (abs(row.from_position - row.to_position), -row.to_position, row.playlist_id, row)
        for row in changes
        if row.change == "moved" and row.from_position is not None and row.to_position is not None
    ]
    if not moves:
        return "No song changed its place." if compared else "No song can have moved yet."
    _, _, _, row = max(moves, key=lambda move: move[:3])
    before, now = (row.from_position or 0) + 1, (row.to_position or 0) + 1
    verb = "climbed" if now < before else "fell"
    return f"{_song(row)} {verb} farthest, from {before:,} to {now:,} in {names[row.playlist_id]}."


def _longest_run(longest: list[FactRun], names: dict[str, str]) -> str:
    if not longest:
        return "No song is in any playlist."
    row = longest[0]
    if row.longest_run == 1:
        return "No song has been in its playlist for more than one snapshot."
    where, length = names[row.playlist_id], _count(row.longest_run, "snapshot")
    return f"{_song(row)} has been in {where} for {length} in a row; no song has been anywhere longer."


def _song(row: FactChange | FactRun) -> str:
    title = f"“{_one_line(row.song_name) or 'a song without a title'}”"
    artist = _one_line(row.artist_name or "")
    return f"{title} by {artist}" if artist else title


def _one_line(text: str) -> str:
    """Foreign text for a terminal: whitespace folded, control characters dropped."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"
