"""The weekly digest: what a week changed in every playlist, from `playlist_week`, as Markdown and as HTML.

Reading is one statement per mart; the texts are made by pure functions. Where a digest is sent belongs in
`automation.digest`, the command in `commands.digest_command`.
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from glue_scripts.contract import MARTS
from spotify_assets.failures import PermanentError
from spotify_assets.markdown import escaped
from spotify_assets.warehouse import schema
from spotify_assets.warehouse.session import Row, Session

MOST = 10
"""Songs named in a list; the others are counted."""

_WEEK = """
SELECT
  w.playlist_id, p.name AS playlist_name, w.song_id, w.song_name, w.artist_name, w.change, w.from_position,
  w.to_position, w.places, w.in_since, w.longest_place
FROM ANALYTICS.PLAYLIST_WEEK AS w
LEFT JOIN SPOTIFY.PLAYLISTS AS p ON p.playlist_id = w.playlist_id
WHERE w.week_start = ?
ORDER BY w.playlist_id, w.to_position, w.from_position, w.song_id
""".strip()

_INCOMPLETE = """
SELECT h.snapshot_date, h.playlist_id, p.name AS playlist_name, h.entry_count, h.item_count
FROM ANALYTICS.PLAYLIST_HEALTH AS h
LEFT JOIN SPOTIFY.PLAYLISTS AS p ON p.playlist_id = h.playlist_id
WHERE NOT h.is_complete AND h.snapshot_date >= ? AND h.snapshot_date < ?
ORDER BY h.snapshot_date, h.playlist_id
""".strip()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A song in a week of a playlist; positions are 0-based, None where it was not there."""

    name: str
    artist: str | None
    change: str
    before: int | None
    now: int | None
    places: int | None
    in_since: dt.date
    longest_place: int | None


@dataclass(frozen=True)
class PlaylistWeek:
    """A playlist's week."""

    name: str
    entries: tuple[Entry, ...]

    def of(self, *changes: str) -> list[Entry]:
        """The songs that changed in one of these ways, in the playlist's order."""
        return [entry for entry in self.entries if entry.change in changes]

    @property
    def climbers(self) -> list[Entry]:
        """Who climbed, the most places first."""
        return sorted(self.of("climbed"), key=lambda entry: -(entry.places or 0))

    @property
    def fallers(self) -> list[Entry]:
        """Who fell, the most places first."""
        return sorted(self.of("fell"), key=lambda entry: entry.places or 0)

    @property
    def longest(self) -> list[Entry]:
        """The songs that have been there longest."""
        there = [entry for entry in self.entries if entry.longest_place is not None]
        return sorted(there, key=lambda entry: entry.longest_place or 0)


@dataclass(frozen=True)
class Digest:
    """A week (its Monday) of every playlist that has a whole snapshot in it, and the snapshots that were left out."""

    week: dt.date
    playlists: tuple[PlaylistWeek, ...]
    left_out: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        last = self.week + dt.timedelta(days=6)
        return f"Playlists, week of {self.week} to {last}"


class NoSnapshotsError(PermanentError):
    """Nothing is known of the week."""


def latest_week(session: Session) -> dt.date | None:
    """The Monday of the newest week there is; None before the first snapshot."""
    _prepare(session)
    ((week,),) = session.execute("SELECT MAX(week_start) FROM ANALYTICS.PLAYLIST_WEEK")
    return week if isinstance(week, dt.date) else None


def read(session: Session, week: dt.date) -> Digest:
    """The digest of the week that begins on `week`. Raises NoSnapshotsError when nothing is known of it."""
    _prepare(session)
    rows = session.execute(_WEEK, [week])
    if not rows:
        raise NoSnapshotsError(
            f"There is no whole snapshot in the week of {week}",
            remedy="give a day of a week with snapshots, or run 'spotify-assets build' first",
        )
    by_playlist: dict[str, list[Row]] = {}
    for row in rows:
        by_playlist.setdefault(str(row[0]), []).append(row)
    playlists = [
        PlaylistWeek(str(own[0][1] or playlist), tuple(map(_entry, own))) for playlist, own in by_playlist.items()
    ]
    incomplete = session.execute(_INCOMPLETE, [week, week + dt.timedelta(days=7)])
    left_out = [
        f"{day}: {name or playlist} ({has} of {total} entries)" for day, playlist, name, has, total in incomplete
    ]
    return Digest(week, tuple(sorted(playlists, key=lambda one: one.name.casefold())), tuple(left_out))


def to_markdown(digest: Digest) -> str:
    """The digest as Markdown; names are shown exactly."""
    lines = [f"# {digest.title}"]
    for playlist in digest.playlists:
        lines += ["", f"## {escaped(playlist.name)}", "", _summary(playlist)]
        for title, entries, say in _lists(playlist):
            lines += ["", f"**{title}**", ""]
            lines += [f"- {_song(entry, escaped)}{say(entry)}" for entry in entries[:MOST]]
            lines += [f"- and {len(entries) - MOST} more"] if len(entries) > MOST else []
    if digest.left_out:
        lines += ["", "## Not compared, because incomplete", ""]
        lines += [f"- {escaped(text)}" for text in digest.left_out]
    return "\n".join(lines) + "\n"


def to_html(digest: Digest) -> str:
    """The digest as one HTML page without anything from outside; names are shown exactly."""
    parts = [f"<h1>{html.escape(digest.title)}</h1>"]
    for playlist in digest.playlists:
        parts += [f"<h2>{html.escape(playlist.name)}</h2>", f"<p>{html.escape(_summary(playlist))}</p>"]
        for title, entries, say in _lists(playlist):
            items = [f"<li>{_song(entry, _html)}{html.escape(say(entry))}</li>" for entry in entries[:MOST]]
            items += [f"<li>and {len(entries) - MOST} more</li>"] if len(entries) > MOST else []
            parts += [f"<h3>{title}</h3>", f"<ul>{''.join(items)}</ul>"]
    if digest.left_out:
        items = "".join(f"<li>{html.escape(text)}</li>" for text in digest.left_out)
        parts += ["<h2>Not compared, because incomplete</h2>", f"<ul>{items}</ul>"]
    return _PAGE.format(title=html.escape(digest.title), body="\n".join(parts))


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }}
h2 {{ margin-top: 2rem; }} h3 {{ margin-bottom: 0; font-size: 1rem; }} ul {{ margin-top: .25rem; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def _lists(playlist: PlaylistWeek) -> list[tuple[str, Sequence[Entry], Callable[[Entry], str]]]:
    lists: list[tuple[str, Sequence[Entry], Callable[[Entry], str]]] = [
        ("New", playlist.of("new"), lambda entry: f", at {_place(entry.now)}"),
        ("Back", playlist.of("returned"), lambda entry: f", at {_place(entry.now)}"),
        ("Gone", playlist.of("gone"), lambda entry: f", was at {_place(entry.before)}, there since {entry.in_since}"),
        ("Climbers", playlist.climbers, _moved),
        ("Fallers", playlist.fallers, _moved),
        ("There longest", playlist.longest, lambda entry: f", since {entry.in_since}"),
    ]
    return [one for one in lists if one[1]]


def _summary(playlist: PlaylistWeek) -> str:
    counts = [
        (len(playlist.of("new")), "new"),
        (len(playlist.of("returned")), "back"),
        (len(playlist.of("gone")), "gone"),
        (len(playlist.climbers), "climbed"),
        (len(playlist.fallers), "fell"),
    ]
    said = ", ".join(f"{count} {what}" for count, what in counts if count)
    return f"{said}." if said else "No change."


def _moved(entry: Entry) -> str:
    return f", from {_place(entry.before)} to {_place(entry.now)}"


def _place(position: int | None) -> str:
    return "?" if position is None else str(position + 1)


def _html(text: object) -> str:
    return html.escape(str(text))


def _song(entry: Entry, show: Callable[[object], str]) -> str:
    name = show(entry.name) or "(no name)"
    return f"{name} by {show(entry.artist)}" if entry.artist else name


def _entry(row: Row) -> Entry:
    _, _, _, name, artist, change, before, now, places, since, longest = row
    return Entry(
        name=str(name or ""),
        artist=None if artist is None else str(artist),
        change=str(change),
        before=_number(before),
        now=_number(now),
        places=_number(places),
        in_since=since if isinstance(since, dt.date) else dt.date.min,
        longest_place=_number(longest),
    )


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))


def _prepare(session: Session) -> None:
    """What is read exists, if empty, before the first build."""
    tables = [
        *(("spotify", schema.TABLES["spotify"][name]) for name in ("playlists", "songs", "artists")),
        schema.stored("playlist_week"),
        *(("analytics", MARTS[name]) for name in ("playlist_week", "playlist_health")),
    ]
    schema.prepare(session, tables)
