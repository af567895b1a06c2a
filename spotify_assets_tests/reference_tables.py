"""The seven tables computed in plain Python over the JSON: independent of the SQL that the platform runs.

Deliberately slow and literal. It knows nothing of DuckDB, Spark or the shared SELECTs; it is what the tests compare
every engine with.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    """Rows per table without snapshot_date and run_id, in the contract's column order, and what can't be read:
    entries as (line, index, reason), leaves as (line, index, path)."""

    tables: dict[str, set[Row]] = field(default_factory=dict)
    quarantined: list[tuple[int, int, str]] = field(default_factory=list)
    leaves: list[tuple[int, int | None, str]] = field(default_factory=list)


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
                found.leaves.extend((line, index, path) for path in _bad_leaves(entry, item))
                _add_entry(found, songs, albums, artists, raw.playlist_id, offset + index, entry, item)
        found.leaves.extend((1, None, path) for path in _bad_playlist_leaves(raw.playlist))
        found.tables["playlists"].add(_playlist(raw, len(found.quarantined) - quarantined))
    for song_id, (_, item) in songs.items():
        found.tables["songs"].add(_song(song_id, item))
        found.tables["song_artists"] |= _bridge(song_id, _list(item.get("artists")))
    for album_id, (_, item) in albums.items():
        found.tables["albums"].add(_album(album_id, item["album"]))
        found.tables["album_artists"] |= _bridge(album_id, _list(item["album"].get("artists")))
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
    return item


def _number(value: object) -> int | None:
    """A whole number from 0, however it was written; None when it is none."""
    if isinstance(value, dict) and set(value) == {"totalMilliseconds"}:
        value = value["totalMilliseconds"]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,18}", value, re.ASCII):
        return None
    if isinstance(value, int) and len(str(value)) > 18:
        return None
    number = int(value) if float(value) == int(float(value)) or isinstance(value, int) else -1
    return number if number >= 0 else None


def _flag(value: object) -> bool | None:
    return {"True": True, "False": False, "true": True, "false": False}.get(str(value))


def _list(value: object) -> list:
    return value if isinstance(value, list) else []


def _object(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _bad_leaves(entry: object, item: dict | None) -> list[str]:
    if item is None:
        return [] if not isinstance(entry, dict) else _bad({"entry.is_local": entry.get("is_local")}, _flag)
    album = item.get("album")
    numbers = {name: item.get(name) for name in ("duration_ms", "popularity", "disc_number", "track_number")}
    numbers["album.total_tracks"] = _object(album).get("total_tracks")
    flags = {name: item.get(name) for name in ("explicit", "is_local")}
    flags["entry.is_local"] = _object(entry).get("is_local")
    lists = {"artists": item.get("artists"), "album.artists": _object(album).get("artists")}
    return [
        *(name for name, value in lists.items() if value is not None and not isinstance(value, list)),
        *(["album"] if album is not None and not isinstance(album, dict) else []),
        *_bad(numbers, _number),
        *_bad(flags, _flag),
    ]


def _bad(leaves: Mapping[str, object], read: Callable[[object], object]) -> list[str]:
    return [name for name, value in leaves.items() if value is not None and read(value) is None]


def _bad_playlist_leaves(playlist: dict) -> list[str]:
    followers = _object(playlist.get("followers")).get("total")
    flags = {f"playlist.{name}": playlist.get(name) for name in ("public", "collaborative")}
    return [*_bad({"playlist.followers.total": followers}, _number), *_bad(flags, _flag)]


def _add_entry(found, songs, albums, artists, playlist_id: str, position: int, entry, item) -> None:
    entry = entry or {}
    added_by = (entry.get("added_by") or {}).get("id") or None
    added_at = _moment(entry.get("added_at"))
    if item is None:
        found.tables["playlist_items"].add((playlist_id, position, "missing", None, None, None, added_at, added_by))
        return
    uri = item.get("uri") or None
    is_file = (uri or "").startswith("spotify:local:")
    if _flag(entry.get("is_local")) or _flag(item.get("is_local")) or is_file:
        kind, song_id = "local", uri if is_file else None
    else:
        kind = item.get("type") or [*(uri or "").split(":"), ""][1]
        if not kind:
            kind = "track" if item.get("id") or _has(item, "artists", list) or _has(item, "album", dict) else "unknown"
        if kind == "track" and ((uri or "").startswith("spotify:episode:") or _flag(item.get("episode"))):
            kind = "episode"
        song_id = (item.get("id") or None) if kind == "track" else None
    found.tables["playlist_items"].add(
        (playlist_id, position, kind, uri, song_id, item.get("name") or "", added_at, added_by)
    )
    if kind not in ("local", "track"):
        return
    album = _object(item.get("album"))
    place = (playlist_id, position)
    if song_id:
        _keep(songs, song_id, (not item.get("name"), *place), item)
        _keep_artists(artists, _list(item.get("artists")), place, 0)
    if album.get("id"):
        _keep(albums, album["id"], (not album.get("name"), *place), item)
        _keep_artists(artists, _list(album.get("artists")), place, 1)


def _has(item: dict, name: str, kind: type) -> bool:
    return isinstance(item.get(name), kind)


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
    album = _object(item.get("album"))
    first = next((credit["id"] for credit in _list(item.get("artists")) if credit and credit.get("id")), None)
    return (
        song_id,
        item.get("uri") or f"spotify:track:{song_id}",
        item.get("name") or "",
        album.get("id") or None,
        first,
        _or(_number, item.get("duration_ms"), 0),
        _or(_flag, item.get("explicit"), False),
        _number(item.get("popularity")),
        (item.get("external_ids") or {}).get("isrc") or None,
        _or(_number, item.get("disc_number"), 0),
        _or(_number, item.get("track_number"), 0),
        song_id.startswith("spotify:local:"),
        _link(item),
    )


def _or(read: Callable[[object], object], value: object, absent: object) -> object:
    """What an absent leaf means, else what it can be read as."""
    return absent if value is None else read(value)


def _album(album_id: str, album: dict) -> Row:
    text = album.get("release_date") or None
    return (
        album_id,
        album.get("name") or "",
        album.get("album_type") or None,
        _date(text and text.strip(" ")),
        album.get("release_date_precision") or None,
        text,
        _number(album.get("total_tracks")),
        _link(album),
        _image(album),
    )


def _playlist(raw: Raw, unreadable: int) -> Row:
    playlist = raw.playlist
    total = raw.entries if raw.total is None else raw.total
    positions = [offset + index for offset, items in raw.pages for index in range(len(items))]
    whole = sorted(positions) == list(range(raw.entries)) and not unreadable
    owner = playlist.get("owner") or {}
    followers = _number(_object(playlist.get("followers")).get("total"))
    return (
        raw.playlist_id,
        playlist.get("name") or "",
        playlist.get("description") or "",
        owner.get("id") or "",
        owner.get("display_name") or "",
        _flag(playlist.get("public")),
        _flag(playlist.get("collaborative")) or False,
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
