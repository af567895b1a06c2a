"""The seven tables computed in plain Python over the JSON: independent of the SQL that the platform runs.

Deliberately slow and literal. It knows nothing of DuckDB, Spark or the shared SELECTs; it is what the tests compare
every engine with.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Row = tuple[object, ...]


@dataclass(frozen=True)
class Raw:
    """One raw object: a playlist on a day, with its pages as (offset, items)."""

    playlist_id: str
    playlist: dict
    pages: Sequence[tuple[int, list]]
    day: dt.date = dt.date(2026, 1, 1)
    extracted_at: str = "2026-01-01T06:00:00Z"
    total: int | None = None
    complete: bool | None = None

    @property
    def entries(self) -> int:
        return sum(len(items) for _, items in self.pages)


@dataclass
class Expected:
    """Rows per table without snapshot_date and run_id, in the contract's column order, and quarantine reasons."""

    tables: dict[str, set[Row]] = field(default_factory=dict)
    quarantined: list[tuple[int, int, str]] = field(default_factory=list)


def expected(raws: Iterable[Raw]) -> Expected:
    """What the tables of one day must hold."""
    found = Expected(
        {
            name: set()
            for name in ("playlists", "playlist_items", "songs", "albums", "artists", "song_artists", "album_artists")
        }
    )
    songs: dict[str, tuple] = {}
    albums: dict[str, tuple] = {}
    artists: dict[str, tuple] = {}
    for raw in sorted(raws, key=lambda raw: raw.playlist_id):
        quarantined = len(found.quarantined)
        for line, (offset, items) in enumerate(sorted(raw.pages, key=lambda page: page[0]), 1):
            for index, entry in enumerate(items):
                try:
                    item = _item(entry)
                except ValueError as reason:
                    found.quarantined.append((line, index, str(reason)))
                    continue
                _add_entry(found, songs, albums, artists, raw.playlist_id, offset + index, entry, item)
        found.tables["playlists"].add(_playlist(raw, len(found.quarantined) - quarantined))
    for song_id, (_, item) in songs.items():
        found.tables["songs"].add(_song(song_id, item))
        found.tables["song_artists"] |= _bridge(song_id, item.get("artists"))
    for album_id, (_, item) in albums.items():
        found.tables["albums"].add(_album(album_id, item["album"]))
        found.tables["album_artists"] |= _bridge(album_id, item["album"].get("artists"))
    found.tables["artists"] = {(artist_id, *rest) for artist_id, (_, rest) in artists.items()}
    return found


def _item(entry: object) -> dict | None:
    """The wrapped item, None when Spotify removed it; ValueError with the reason when it can't be read."""
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise ValueError("the entry is not an object")
    wrappers = (entry.get("item"), entry.get("track"))
    item = next((wrapper for wrapper in wrappers if isinstance(wrapper, dict)), None)
    if item is None and any(wrapper is not None and not isinstance(wrapper, bool) for wrapper in wrappers):
        raise ValueError("neither item nor track is an object")
    if item is not None:
        _judge(item)
    if str(entry.get("is_local", False)) not in ("True", "False"):
        raise ValueError("is_local is not true or false")
    return item


def _judge(item: dict) -> None:
    album = item.get("album")
    if not isinstance(item.get("artists") or [], list):
        raise ValueError("artists is not a list")
    if album is not None and not isinstance(album, dict):
        raise ValueError("album is not an object")
    if album and not isinstance(album.get("artists") or [], list):
        raise ValueError("album.artists is not a list")
    numbers = {name: item.get(name) for name in ("duration_ms", "popularity", "disc_number", "track_number")}
    numbers["album.total_tracks"] = (album or {}).get("total_tracks")
    for name, value in numbers.items():
        if value is not None and not re.fullmatch(r"-?[0-9]{1,18}", str(value)):
            raise ValueError(f"{name} is not a whole number")
    for name in ("explicit", "is_local"):
        if item.get(name) is not None and str(item[name]) not in ("True", "False"):
            raise ValueError(f"{name} is not true or false")


def _add_entry(found, songs, albums, artists, playlist_id: str, position: int, entry, item) -> None:
    entry = entry or {}
    added_by = (entry.get("added_by") or {}).get("id") or None
    added_at = _moment(entry.get("added_at"))
    if item is None:
        found.tables["playlist_items"].add((playlist_id, position, "missing", None, None, None, added_at, added_by))
        return
    uri = item.get("uri") or None
    if entry.get("is_local") or item.get("is_local") or (uri or "").startswith("spotify:local:"):
        kind, song_id = "local", uri
    else:
        kind = item.get("type") or [*(uri or "").split(":"), ""][1] or "unknown"
        song_id = (item.get("id") or None) if kind == "track" else None
    found.tables["playlist_items"].add(
        (playlist_id, position, kind, uri, song_id, item.get("name") or "", added_at, added_by)
    )
    if kind not in ("local", "track"):
        return
    album = item.get("album") or {}
    place = (playlist_id, position)
    if song_id:
        _keep(songs, song_id, (not item.get("name"), *place), item)
        _keep_artists(artists, item.get("artists"), place, 0)
    if album.get("id"):
        _keep(albums, album["id"], (not album.get("name"), *place), item)
        _keep_artists(artists, album.get("artists"), place, 1)


def _keep(best: dict, key: str, order: tuple, value: object) -> None:
    if key not in best or order < best[key][0]:
        best[key] = (order, value)


def _keep_artists(artists: dict, credited: list | None, place: tuple, credited_on: int) -> None:
    for index, credit in enumerate(credited or []):
        if credit and credit.get("id"):
            name = credit.get("name") or ""
            _keep(artists, credit["id"], (not name, *place, credited_on, index), (name, _link(credit)))


def _bridge(key: str, credited: list | None) -> set[Row]:
    first: dict[str, int] = {}
    for index, credit in enumerate(credited or []):
        if credit and credit.get("id"):
            first.setdefault(credit["id"], index)
    return {(key, artist_id, index) for artist_id, index in first.items()}


def _song(song_id: str, item: dict) -> Row:
    album = item.get("album") or {}
    first = next((credit["id"] for credit in item.get("artists") or [] if credit and credit.get("id")), None)
    popularity = item.get("popularity")
    return (
        song_id,
        item.get("uri") or f"spotify:track:{song_id}",
        item.get("name") or "",
        album.get("id") or None,
        first,
        int(item.get("duration_ms") or 0),
        bool(item.get("explicit")),
        None if popularity is None else int(popularity),
        (item.get("external_ids") or {}).get("isrc") or None,
        int(item.get("disc_number") or 0),
        int(item.get("track_number") or 0),
        song_id.startswith("spotify:local:"),
        _link(item),
    )


def _album(album_id: str, album: dict) -> Row:
    text = album.get("release_date") or None
    total = album.get("total_tracks")
    return (
        album_id,
        album.get("name") or "",
        album.get("album_type") or None,
        _date(text),
        album.get("release_date_precision") or None,
        text,
        None if total is None else int(total),
        _link(album),
        _image(album),
    )


def _playlist(raw: Raw, unreadable: int) -> Row:
    playlist = raw.playlist
    total = raw.entries if raw.total is None else raw.total
    positions = [offset + index for offset, items in raw.pages for index in range(len(items))]
    whole = sorted(positions) == list(range(raw.entries)) and not unreadable
    owner = playlist.get("owner") or {}
    followers = (playlist.get("followers") or {}).get("total")
    return (
        raw.playlist_id,
        playlist.get("name") or "",
        playlist.get("description") or "",
        owner.get("id") or "",
        owner.get("display_name") or "",
        playlist.get("public"),
        bool(playlist.get("collaborative")),
        followers,
        playlist.get("snapshot_id") or "",
        total,
        raw.entries - unreadable,
        whole and (raw.entries == total if raw.complete is None else raw.complete),
        _link(playlist),
        _image(playlist),
        _moment(raw.extracted_at),
    )


def _link(thing: dict) -> str | None:
    return (thing.get("external_urls") or {}).get("spotify") or None


def _image(thing: dict) -> str | None:
    images = thing.get("images") or []
    return (images[0].get("url") or None) if images and images[0] else None


def _date(text: str | None) -> dt.date | None:
    if text is None or text.startswith("0000"):
        return None
    for pattern, suffix in ((r"\d{4}", "-01-01"), (r"\d{4}-\d{2}", "-01"), (r"\d{4}-\d{2}-\d{2}", "")):
        if re.fullmatch(pattern, text, re.ASCII):
            try:
                return dt.date.fromisoformat(text + suffix)
            except ValueError:
                return None
    return None


def _moment(text: str | None) -> dt.datetime | None:
    if not text or text.startswith("1970-01-01"):
        return None
    try:
        return dt.datetime.fromisoformat(text.replace("Z", "")).replace(tzinfo=None)
    except ValueError:
        return None
