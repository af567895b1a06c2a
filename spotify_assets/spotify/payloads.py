"""The one normaliser: raw Spotify JSON of any shape into playlists and their pages.

Both wrappers (`track`, `item`) stay as they are; what is normalised is everything around them: paging objects under
`items` or `tracks`, entries as a plain list, lists of playlists, lists of pages, single pages. Pure: what is stored
already, and whether the new replaces it, belongs in `adoption`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qs, urlsplit

from spotify_assets.spotify.decoding import PayloadError, decode
from spotify_assets.spotify.snapshot import Json, JsonObject, Page, without_paging

PAGE_ENTRIES = 50
MAX_LINE_BYTES = 1_000_000

_ID = re.compile(r"[A-Za-z0-9]{1,64}")
_ID_IN_NAME = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{22}(?![A-Za-z0-9])")
_ID_IN_ADDRESS = re.compile(r"playlists?[/:]([A-Za-z0-9]{1,64})(?![A-Za-z0-9])")
_TIME_IN_NAME = re.compile(
    r"(?<![0-9A-Za-z])(?P<day>(?:19|20)\d\d-\d\d-\d\d|(?:19|20)\d{6})"
    r"(?:[T _-]+(?P<hour>\d\d)[:._-]?(?P<minute>\d\d)[:._-]?(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,6}))?"
    r"(?![-:]?\d))?(?!\d)"
)


@dataclass(frozen=True)
class Payload:
    """What a file holds of one playlist on one day.

    `total` is how many entries the playlist has as far as the file says; pages hold at most 50 of them each.
    `taken_at` (UTC) is when the file says, or was last known, to be taken; midnight of `day` when nothing says.
    """

    name: str
    playlist_id: str
    day: dt.date
    taken_at: dt.datetime
    playlist: JsonObject
    total: int
    pages: tuple[Page, ...]

    @property
    def entries(self) -> dict[int, Json]:
        """The entries by position."""
        return {page.offset + index: entry for page in self.pages for index, entry in enumerate(page.items)}

    @property
    def is_bare(self) -> bool:
        """Whether the file said nothing about the playlist but its id."""
        return set(self.playlist) <= {"id", "type"}


def read_payloads(
    data: bytes,
    name: str,
    *,
    playlist_id: str | None = None,
    day: dt.date | None = None,
    last_modified: dt.datetime | None = None,
) -> list[Payload]:
    """The playlists in a file called `name`.

    The id is `playlist_id`, or where the JSON says it (id, uri, href), or in the file's name. The date is `day`, or in
    the file's name, or that of `last_modified` (UTC). Raises PayloadError with the reason when the file holds no
    playlist entries, or nothing says of which playlist or day.
    """
    value = decode(data, name)
    wholes = list(_wholes(value, name))
    if not wholes:
        raise PayloadError(f"{name} holds an empty list: there is nothing to take in.")
    if playlist_id is not None and len({_id_in(whole.playlist, whole.paging) for whole in wholes}) > 1:
        raise PayloadError(f"{name} holds several playlists: leave --playlist-id out, they say their own ids.")
    taken_on, taken_at = _time_of(name, day, last_modified)
    payloads = []
    for whole in wholes:
        known = _identify(whole, name, playlist_id)
        bare: JsonObject = {"id": known, "type": "playlist"}
        start = _offset_of(whole.paging)
        pages = tuple(_pages(whole.paging, whole.entries, start, name))
        total = whole.paging.get("total")
        counted = start + len(whole.entries)
        total = max(total, counted) if isinstance(total, int) and not isinstance(total, bool) else counted
        pages = tuple(pages)
        payloads.append(Payload(name, known, taken_on, taken_at, whole.playlist or bare, total, pages))
    return payloads


@dataclass(frozen=True)
class _Whole:
    """A playlist object (empty for a lone page), the paging around its entries, and the entries."""

    playlist: JsonObject
    paging: JsonObject
    entries: list[Json]


def _wholes(value: Json, name: str) -> Iterator[_Whole]:
    if isinstance(value, list):
        if _are_entries(value) and value:
            yield _Whole({}, {}, value)
            return
        for number, part in enumerate(value):
            if part is None:
                continue  # Spotify leaves holes in lists of playlists
            if not isinstance(part, dict):
                raise PayloadError(f"{name} is a list whose element {number} is no playlist, page or entry.")
            yield from _wholes(part, f"{name}[{number}]")
        return
    if not isinstance(value, dict):
        raise PayloadError(f"{name} holds a JSON {type(value).__name__}, not a playlist.")
    yield from _whole_object(value, name)


def _whole_object(value: JsonObject, name: str) -> Iterator[_Whole]:
    if "error" in value and "items" not in value and "tracks" not in value:
        raise PayloadError(
            f"{name} is an error answer of Spotify ({json.dumps(value['error'])[:120]}), not a playlist."
        )
    is_playlist = value.get("type") == "playlist" or "owner" in value or "tracks" in value
    items = value.get("items")
    if not is_playlist and isinstance(items, list):
        if items and all(item is None or (isinstance(item, dict) and item.get("type") == "playlist") for item in items):
            yield from _wholes(items, name)
            return
        _require_entries(items, name)
        yield _Whole({}, {key: part for key, part in value.items() if key != "items"}, items)
        return
    for collection in (items, value.get("tracks")):
        if isinstance(collection, dict) and isinstance(collection.get("items"), list):
            entries = collection["items"]
            paging: JsonObject = {key: part for key, part in collection.items() if key != "items"}
        elif isinstance(collection, list):
            entries, paging = collection, {}
        else:
            continue
        if isinstance(entries, list):
            _require_entries(entries, name)
            yield _Whole(without_paging(value), paging, entries)
            return
    what = "a playlist without its entries" if is_playlist else f"no playlist (its keys: {', '.join(list(value)[:6])})"
    raise PayloadError(
        f"{name} holds {what}: bring the answer of /playlists/{{id}}/items, or of /playlists/{{id}} as owner."
    )


def _are_entries(items: Sequence[Json]) -> bool:
    """Whether all of these can be entries: null, or an object around a `track` or `item`, or at least dated."""
    return all(item is None or (isinstance(item, dict) and _is_entry(item)) for item in items)


def _is_entry(item: JsonObject) -> bool:
    # A bare track object has a boolean key `track` of its own; its album or artists give it away.
    is_resource = item.get("type") == "playlist" or bool({"album", "artists"} & item.keys())
    return not is_resource and bool({"track", "item", "added_at"} & item.keys())


def _require_entries(items: Sequence[Json], name: str) -> None:
    there = [item for item in items if item is not None]
    if there and not any(_are_entries([item]) for item in there):
        raise PayloadError(
            f"{name} holds a list of something other than playlist entries (neither `track` nor `item`)."
        )


def _identify(whole: _Whole, name: str, given: str | None) -> str:
    found = _id_in(whole.playlist, whole.paging)
    if given and found and given != found:
        raise PayloadError(f"{name} is of playlist {found}, not of {given}: leave --playlist-id out.")
    in_name = _ID_IN_NAME.findall(PurePosixPath(name).name)
    known = given or found or (in_name[0] if len(set(in_name)) == 1 else None)
    if known is None:
        raise PayloadError(
            f"Nothing says of which playlist {name} is (no id, uri, href or file name): give --playlist-id."
        )
    return known


def _id_in(playlist: JsonObject, paging: JsonObject) -> str | None:
    """The playlist's id where the JSON says it."""
    value = playlist.get("id")
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    for address in (playlist.get("uri"), playlist.get("href"), paging.get("href"), paging.get("next")):
        match = _ID_IN_ADDRESS.search(address) if isinstance(address, str) else None
        if match:
            return match[1]
    return None


def _time_of(name: str, day: dt.date | None, last_modified: dt.datetime | None) -> tuple[dt.date, dt.datetime]:
    """(snapshot date, when it was taken), UTC."""
    found = {time for match in _TIME_IN_NAME.finditer(PurePosixPath(name).name) if (time := _time(match))}
    known = day or (next(iter(found)).date() if len({time.date() for time in found}) == 1 else None)
    if known is None and last_modified is not None:
        known = last_modified.astimezone(dt.UTC).date()
    if known is None:
        several = "Several dates stand in the name of" if found else "Nothing says of which day"
        raise PayloadError(f"{several} {name}{'' if found else ' is'}: give --date YYYY-MM-DD.")
    candidates = sorted(time for time in found if time.date() == known)
    if last_modified is not None and last_modified.astimezone(dt.UTC).date() == known:
        candidates.append(last_modified.astimezone(dt.UTC))
    return known, candidates[-1] if candidates else dt.datetime.combine(known, dt.time(), dt.UTC)


def _time(match: re.Match[str]) -> dt.datetime | None:
    try:
        day = dt.date.fromisoformat(match["day"])
        clock = dt.time()
        if match["hour"]:
            fraction = int((match["fraction"] or "0").ljust(6, "0"))
            clock = dt.time(int(match["hour"]), int(match["minute"]), int(match["second"]), fraction)
    except ValueError:
        return None
    return dt.datetime.combine(day, clock, dt.UTC)


def _offset_of(paging: JsonObject) -> int:
    """The position of a page's first entry: its own `offset`, or the one in its address; 0 when nothing says."""
    value = paging.get("offset")
    if isinstance(value, int) and not isinstance(value, bool):
        return max(0, value)
    href = paging.get("href")
    asked = parse_qs(urlsplit(href).query).get("offset", ["0"])[0] if isinstance(href, str) else "0"
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0


def _pages(paging: JsonObject, entries: Sequence[Json], start: int, name: str) -> Iterator[Page]:
    """The entries as pages that each fit a line; a single page that fits is kept as it came."""
    bounds = list(_bounds(entries, name))
    for first, last in bounds:
        body: JsonObject = {**paging, "items": list(entries[first:last])}
        if len(bounds) > 1:
            body |= {"offset": start + first, "limit": PAGE_ENTRIES}
        yield Page(start + first, body)


def _bounds(entries: Sequence[Json], name: str) -> Iterator[tuple[int, int]]:
    """(first, end) of each page: at most 50 entries and about a megabyte; one empty page when there are no entries."""
    first, size = 0, 0
    for index, entry in enumerate(entries):
        length = len(json.dumps(entry, ensure_ascii=False))
        if length > MAX_LINE_BYTES:
            raise PayloadError(f"Entry {index} of {name} has {length} characters: no playlist entry is that large.")
        if index > first and (index - first >= PAGE_ENTRIES or size + length > MAX_LINE_BYTES):
            yield first, index
            first, size = index, 0
        size += length
    yield first, len(entries)
