"""What in a JSON value is a playlist, or a page of one: found under whatever people and pipelines put around it.

What is found stays as it is. Of which playlist and which day it is belongs in `payloads`; what is recognised as
something else in `kinds`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spotify_assets.spotify.archives import kinds, pretty
from spotify_assets.spotify.archives.containers import Document, Refusal
from spotify_assets.spotify.archives.provenance import time_in_content
from spotify_assets.spotify.decoding import PayloadError, parsed
from spotify_assets.spotify.snapshot import Json, JsonObject, without_paging

_ENVELOPES = ("_airbyte_data", "record", "data", "payload", "body", "response", "result", "playlist")
"""Under which Airbyte, Singer and people's own pipelines put what Spotify answered."""
_BESIDE = ("items", "tracks", "page")
"""Where the entries stand when the playlist object is put beside them."""


@dataclass(frozen=True)
class Whole:
    """A playlist object (empty for a lone page), the paging around its entries, and the entries.

    `name` is what people call it; `taken_at` (UTC) when what stands around it says it was read.
    """

    name: str
    playlist: JsonObject
    paging: JsonObject
    entries: list[Json]
    taken_at: dt.datetime | None


def wholes(value: Json, name: str, taken_at: dt.datetime | None = None) -> Iterator[Whole | Refusal]:
    """Everything in a JSON value that is a playlist or a page of one, and what is refused as what it is."""
    if isinstance(value, list):
        yield from _whole_list(value, name, taken_at)
    elif isinstance(value, dict):
        yield from _whole_object(value, name, time_in_content(value) or taken_at)
    else:
        yield Refusal(name, f"{name} holds a JSON {type(value).__name__}, not a playlist.")


def _whole_list(value: list[Json], name: str, taken_at: dt.datetime | None) -> Iterator[Whole | Refusal]:
    kind = kinds.kind_of_list(value)
    if kind is not None:
        yield Refusal(name, f"{name} holds {kind}: that is no playlist.")
        return
    if _are_entries(value) and value:
        yield Whole(name, {}, {}, value, taken_at)
        return
    for number, part in enumerate(value):
        if part is None:
            continue  # Spotify leaves holes in lists of playlists
        if not isinstance(part, dict):
            yield Refusal(name, f"{name} is a list whose element {number} is no playlist, page or entry.")
            return
        yield from wholes(part, f"{name}[{number}]", taken_at)


def _whole_object(value: JsonObject, name: str, taken_at: dt.datetime | None) -> Iterator[Whole | Refusal]:
    error = kinds.error_of(value)
    if error is not None:
        yield Refusal(name, f"{name} is an error answer of Spotify ({error}), not a playlist.")
        return
    if pretty.is_pretty(value):
        value = pretty.as_spotify(value)
    inside = _inside(value, name)
    if inside is not None:
        for part in inside:
            if isinstance(part, Refusal):
                yield part
            else:
                yield from wholes(part.value, part.name, taken_at)
        return
    kind = kinds.kind_of(value)
    is_playlist = value.get("type") == "playlist" or "owner" in value or "tracks" in value
    items = value.get("items")
    if kind is not None and value.get("type") != "playlist":
        yield Refusal(name, f"{name} holds {kind}: that is no playlist.")
        return
    if not is_playlist and isinstance(items, list):
        if items and all(item is None or (isinstance(item, dict) and item.get("type") == "playlist") for item in items):
            yield from wholes(items, name, taken_at)
        elif _may_be_entries(items):
            paging = {key: part for key, part in value.items() if key != "items"}
            yield Whole(name, {}, paging, items, taken_at)
        else:
            yield _no_entries(name)
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
            fits = _may_be_entries(entries)
            yield Whole(name, without_paging(value), paging, entries, taken_at) if fits else _no_entries(name)
            return
    what = "a playlist without its entries" if is_playlist else f"no playlist (its keys: {', '.join(list(value)[:6])})"
    yield Refusal(
        name, f"{name} holds {what}: bring the answer of /playlists/{{id}}/items, or of /playlists/{{id}} as owner."
    )


def _inside(value: JsonObject, name: str) -> list[Document | Refusal] | None:
    """What an object holds that only wraps playlists; None when it is something itself."""
    playlists = value.get("playlists")
    if isinstance(playlists, dict):
        playlists = playlists.get("items")
    if isinstance(playlists, list):
        parts: list[Document | Refusal] = [
            Document(f"{name} {_title(part, at)}", part) for at, part in _filled(playlists)
        ]
        for key, other in value.items():
            if key != "playlists" and isinstance(other, list) and other:
                parts.append(
                    Refusal(f"{name} {key}", f"{name} {key} are {len(other)} of something else: not taken in.")
                )
        return parts
    for key in _ENVELOPES:
        held = value.get(key)
        if isinstance(held, str) and held[:1] in ("{", "["):
            try:
                held = parsed(held.encode("utf-8", "surrogatepass"), name)
            except PayloadError:
                continue
        if key == "playlist" and isinstance(held, dict) and not {"items", "tracks"} & held.keys():
            beside = next((value[other] for other in _BESIDE if isinstance(value.get(other), list | dict)), None)
            held = {**held, "tracks": beside} if beside is not None else held
        if (
            isinstance(held, dict | list)
            and held
            and not {"items", "tracks"} & (value.keys() if key != "playlist" else set())
        ):
            return [Document(name, held)]
    return None


def _filled(playlists: list[Json]) -> Iterator[tuple[int, Json]]:
    return ((at, part) for at, part in enumerate(playlists) if part is not None)


def _title(playlist: Json, at: int) -> str:
    title = playlist.get("name") if isinstance(playlist, dict) else None
    return f"'{title}'" if isinstance(title, str) and title else f"playlist {at}"


def _are_entries(items: Sequence[Json]) -> bool:
    """Whether all of these can be entries: null, or an object around a `track` or `item`, or at least dated."""
    return all(item is None or (isinstance(item, dict) and _is_entry(item)) for item in items)


def _is_entry(item: JsonObject) -> bool:
    # A bare track object has a boolean key `track` of its own; its album or artists give it away.
    is_resource = item.get("type") == "playlist" or bool({"album", "artists"} & item.keys())
    return not is_resource and bool({"track", "item", "added_at"} & item.keys())


def _may_be_entries(items: Sequence[Json]) -> bool:
    there = [item for item in items if item is not None]
    return not there or any(_are_entries([item]) for item in there)


def _no_entries(name: str) -> Refusal:
    return Refusal(name, f"{name} holds a list of something other than playlist entries (neither `track` nor `item`).")
