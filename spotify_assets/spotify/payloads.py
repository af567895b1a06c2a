"""The one normaliser: raw Spotify JSON of any shape into playlists and their pages.

Both wrappers (`track`, `item`) stay as they are; what is normalised is everything around them: paging objects under
`items` or `tracks`, entries as a plain list, lists of playlists, lists of pages, single pages, and what pipelines and
exports put around those. Pure: what in a JSON value is a playlist belongs in `archives.wholes`; what is
stored already, and whether the new replaces it, in `adoption`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import IO
from urllib.parse import parse_qs, urlsplit

from spotify_assets.spotify.archives import exports
from spotify_assets.spotify.archives.containers import Document, Ignored, Refusal, Table, as_file, parts
from spotify_assets.spotify.archives.provenance import dated, playlist_in_path
from spotify_assets.spotify.archives.wholes import Whole, wholes
from spotify_assets.spotify.decoding import PayloadError
from spotify_assets.spotify.snapshot import DatedBy, Json, JsonObject, Page, stored_line

PAGE_ENTRIES = 50
MAX_LINE_BYTES = 1_000_000

_ID = re.compile(r"[A-Za-z0-9]{1,64}")
_ID_IN_ADDRESS = re.compile(r"playlists?[/:]([A-Za-z0-9]{1,64})(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Origin:
    """What is known of a file besides its name and bytes. `day` and `playlist_id` are what a person said; `commit` and
    `uploaded` (UTC) when it was committed to git, or put where it was found."""

    playlist_id: str | None = None
    day: dt.date | None = None
    commit: dt.datetime | None = None
    uploaded: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What a file holds of one playlist on one day.

    `total` is how many entries the playlist has as far as the file says; pages hold at most 50 of them each.
    `taken_at` (UTC) is when the file says, or was last known, to be taken; midnight of `day` when nothing says.
    `complete` is what the file says about itself, None where the entries and `total` decide; `dated_by` what says of
    which day it is, None for a person.
    """

    name: str
    playlist_id: str
    day: dt.date
    taken_at: dt.datetime
    playlist: JsonObject
    total: int
    pages: tuple[Page, ...]
    complete: bool | None = None
    dated_by: DatedBy | None = None
    notes: Mapping[str, Json] = field(default_factory=dict)

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
    """The playlists in a file called `name`. Raises PayloadError with the reason when there are none."""
    origin = Origin(playlist_id, day, uploaded=last_modified)
    read = list(read_file(as_file(data), name, origin))
    payloads = [each for each in read if isinstance(each, Payload)]
    refused = [each for each in read if isinstance(each, Refusal)]
    if refused and not payloads:
        raise PayloadError(refused[0].reason)
    return payloads


def read_file(file: IO[bytes], name: str, origin: Origin) -> Iterator[Payload | Refusal | Ignored]:
    """The playlists in a file called `name`, one after the other, and what in it is none.

    The id is what a person said, or where the JSON says it (id, uri, href), or in the file's name or folders; the date
    by the rule of `archives.provenance`.
    """
    lines = _StoredLines(name)
    for part in parts(file, name):
        if isinstance(part, Document):
            if lines.take(part.value):
                continue
            yield from _read_document(part, origin)
        elif isinstance(part, Table):
            yield from _read_table(part, origin)
        else:
            yield part
    yield from lines.payloads()


def _read_document(part: Document, origin: Origin) -> Iterator[Payload | Refusal]:
    parts = list(wholes(part.value, part.name))
    playlists = [each for each in parts if isinstance(each, Whole)]
    yield from (each for each in parts if isinstance(each, Refusal))
    if not parts:
        yield Refusal(part.name, f"{part.name} holds an empty list: there is nothing to take in.")
    known = {_id_in(whole.playlist, whole.paging) for whole in playlists}
    if origin.playlist_id is not None and len(known) > 1:
        yield Refusal(
            part.name, f"{part.name} holds several playlists: leave --playlist-id out, they say their own ids."
        )
        return
    for whole in playlists:
        try:
            yield _payload(whole, part.name, origin)
        except PayloadError as error:
            yield Refusal(whole.name, str(error))


def _read_table(part: Table, origin: Origin) -> Iterator[Payload | Refusal]:
    try:
        if exports.is_csv(part.text):
            playlists = [("", exports.csv_entries(part.text, part.name))]
        else:
            playlists = list(exports.backup_playlists(part.text))
        for title, entries in playlists:
            name = f"{part.name} '{title}'" if len(playlists) > 1 else part.name
            if len(playlists) > 1:
                yield Refusal(
                    name,
                    f"Nothing says of which playlist {name} is: give each a file of its own, and --playlist-id.",
                )
                continue
            yield _payload(Whole(name, {"name": title} if title else {}, {}, entries, None), part.name, origin)
    except PayloadError as error:
        yield Refusal(part.name, str(error))


def _payload(whole: Whole, name: str, origin: Origin) -> Payload:
    known = _identify(whole, name, origin.playlist_id)
    time = dated(
        name.partition(" line ")[0],
        day=origin.day,
        content=whole.taken_at,
        commit=origin.commit,
        uploaded=origin.uploaded,
    )
    start = _offset_of(whole.paging)
    total = whole.paging.get("total")
    counted = start + len(whole.entries)
    says_total = isinstance(total, int) and not isinstance(total, bool)
    # Without a total, an address of a next page says that there is more.
    complete = False if not says_total and whole.paging.get("next") else None
    bare: JsonObject = {"id": known, "type": "playlist"}
    playlist = {**bare, **whole.playlist} if whole.playlist and "id" not in whole.playlist else whole.playlist or bare
    return Payload(
        name=name,
        playlist_id=known,
        day=time.day,
        taken_at=time.taken_at,
        playlist=playlist,
        total=max(total, counted) if isinstance(total, int) and says_total else counted,
        pages=tuple(_pages(whole.paging, whole.entries, start, name)),
        complete=complete,
        dated_by=time.by,
    )


class _StoredLines:
    """Lines of this platform's own raw objects: each is a page of a snapshot, with all that is known of it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: dict[tuple[str, dt.date, dt.datetime], Payload] = {}

    def take(self, value: Json) -> bool:
        """Take the value in when it is such a line; whether it is."""
        line = stored_line(value)
        if line is None:
            return False
        key = (line.playlist_id, line.day, line.extracted_at)
        known = self._found.get(key)
        if known is None:
            self._found[key] = Payload(
                name=self._name,
                playlist_id=line.playlist_id,
                day=line.day,
                taken_at=line.extracted_at,
                playlist=line.playlist,
                total=line.total,
                pages=line.pages,
                complete=line.complete,
                dated_by=line.dated_by or "content",
            )
        else:
            self._found[key] = replace(known, pages=(*known.pages, *line.pages))
        return True

    def payloads(self) -> Iterator[Payload]:
        yield from self._found.values()


def _identify(whole: Whole, name: str, given: str | None) -> str:
    stated = _id_in(whole.playlist, whole.paging)
    if given and stated and given != stated:
        raise PayloadError(f"{name} is of playlist {stated}, not of {given}: leave --playlist-id out.")
    known = given or stated or playlist_in_path(name)
    if known is None:
        raise PayloadError(
            f"Nothing says of which playlist {whole.name} is (no id, uri, href or file name): give --playlist-id."
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


def _offset_of(paging: JsonObject) -> int:
    """The position of a page's first entry: its own `offset`, or the one in its address; 0 when nothing says."""
    value = paging.get("offset")
    if isinstance(value, int) and not isinstance(value, bool):
        return max(0, value)
    href = paging.get("href")
    try:
        asked = parse_qs(urlsplit(href).query).get("offset", ["0"])[0] if isinstance(href, str) else "0"
    except ValueError:  # an address that is none, such as `http://[`
        return 0
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0


def _pages(paging: JsonObject, entries: list[Json], start: int, name: str) -> Iterator[Page]:
    """The entries as pages that each fit a line; a single page that fits is kept as it came."""
    bounds = list(_bounds(entries, name))
    for first, last in bounds:
        body: JsonObject = {**paging, "items": list(entries[first:last])}
        if len(bounds) > 1:
            body |= {"offset": start + first, "limit": PAGE_ENTRIES}
        yield Page(start + first, body)


def _bounds(entries: list[Json], name: str) -> Iterator[tuple[int, int]]:
    """(first, end) of each page: at most 50 entries and about a megabyte; one empty page when there are no entries."""
    if len(json.dumps(entries, ensure_ascii=False)) <= MAX_LINE_BYTES:  # nearly always, and told in one go
        yield from ((at, min(at + PAGE_ENTRIES, len(entries))) for at in range(0, len(entries) or 1, PAGE_ENTRIES))
        return
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
