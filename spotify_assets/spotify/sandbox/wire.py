"""How the sandbox's playlists look on the wire: entries, tracks, albums and oddities, field by field as Spotify's.

Which entries there are belongs in `playlists`; the envelopes around them and the transport in `server`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from spotify_assets.spotify.sandbox import playlists
from spotify_assets.spotify.sandbox.playlists import Entry, Playlist, Shape

if TYPE_CHECKING:
    from spotify_assets.spotify.snapshot import Json, JsonObject

WEB = "https://open.spotify.com"
_MARKETS: list[Json] = ["AU", "BR", "CA", "DE", "ES", "FR", "GB", "JP", "MX", "NO", "PT", "SE", "US"]


@lru_cache(maxsize=24)
def serialised(playlist: Playlist, seed: int, day: dt.date, api: str) -> tuple[bytes, ...]:
    """Each entry of the playlist as the bytes Spotify would send, in order."""
    entries = playlists.entries_of(playlist, seed, day)
    return tuple(
        json.dumps(_wrapped(entry, playlist, number, api), ensure_ascii=False, separators=(",", ":")).encode()
        for number, entry in enumerate(entries)
    )


def _wrapped(entry: Entry, playlist: Playlist, number: int, api: str) -> JsonObject | None:
    """A playlist item in the playlist's shape: wrapper `track`, `item` or both."""
    added: str | None = f"{entry.added_on.isoformat()}T{6 + number % 14:02d}:{number % 60:02d}:00Z"
    if entry.odd == "epoch":
        added = "1970-01-01T00:00:00Z"
    elif entry.odd == "never_dated":
        added = None
    wrapper: JsonObject = {
        "added_at": added,
        "added_by": None
        if entry.odd == "never_dated"
        else user(api, "" if entry.odd == "epoch" else playlist.owner_id),
        "is_local": entry.odd in ("local", "bare_local"),
        "primary_color": None,
        "video_thumbnail": {"url": None},
    }
    if entry.odd == "keyless":
        return wrapper
    content = _content(entry, playlist.shape, api)
    if playlist.shape != "new":
        wrapper["track"] = content
    if playlist.shape != "old":
        wrapper["item"] = content
    return wrapper


def _content(entry: Entry, shape: Shape, api: str) -> JsonObject | None:
    match entry.odd:
        case "null":
            return None
        case "local" | "bare_local":
            return _local(entry)
        case "episode":
            return _episode(entry, api)
        case "withdrawn":
            return _withdrawn(entry, shape, api)
        case "unknown_type":
            return {
                "id": entry.song.song_id,
                "type": "hologram",
                "name": entry.song.name,
                "uri": f"spotify:hologram:{entry.song.song_id}",
            }
        case _:
            return _track(entry, shape, api)


def _track(entry: Entry, shape: Shape, api: str) -> JsonObject:
    song = entry.song
    track: JsonObject = {
        "preview_url": None,
        "explicit": song.is_explicit,
        "type": "track",
        "episode": False,
        "track": True,
        "album": _album(entry, shape, api),
        "artists": [_artist(api, artist.artist_id, artist.name) for artist in song.artists],
        "disc_number": song.disc_number,
        "track_number": song.track_number,
        "duration_ms": song.duration_ms,
        "external_ids": {"isrc": song.isrc},
        "external_urls": {"spotify": f"{WEB}/track/{song.song_id}"},
        "href": f"{api}/tracks/{song.song_id}",
        "id": song.song_id,
        "name": song.name,
        "uri": f"spotify:track:{song.song_id}",
        "is_local": False,
    }
    if shape != "new":
        track["available_markets"] = _MARKETS
        track["popularity"] = entry.popularity
    return track


def _album(entry: Entry, shape: Shape, api: str) -> JsonObject:
    album = entry.song.album
    cover = hashlib.sha256(album.album_id.encode()).hexdigest()[:40]
    body: JsonObject = {
        "type": "album",
        "album_type": album.album_type,
        "href": f"{api}/albums/{album.album_id}",
        "id": album.album_id,
        "images": [
            {"height": size, "url": f"https://i.example/image/{cover}/{size}", "width": size} for size in (640, 300, 64)
        ],
        "name": album.name,
        "release_date": album.release_date,
        "release_date_precision": album.release_date_precision,
        "uri": f"spotify:album:{album.album_id}",
        "artists": [_artist(api, artist.artist_id, artist.name) for artist in album.artists],
        "external_urls": {"spotify": f"{WEB}/album/{album.album_id}"},
        "total_tracks": album.total_tracks,
    }
    if shape != "new":
        body["available_markets"] = _MARKETS
    return body


def _withdrawn(entry: Entry, shape: Shape, api: str) -> JsonObject:
    """A track Spotify took back but still sends as an object, emptied (seen in real payloads)."""
    track = _track(entry, shape, api)
    album = _album(entry, shape, api) | {
        "name": "",
        "images": [],
        "release_date": "0000",
        "release_date_precision": "year",
    }
    return track | {
        "name": "",
        "duration_ms": 0,
        "album": album,
        "artists": [_artist(api, artist.artist_id, "") for artist in entry.song.artists],
    }


def _local(entry: Entry) -> JsonObject:
    """A file of the owner's own: no ids anywhere but in the uri, whose parts may be empty."""
    bare = entry.odd == "bare_local"
    artist, album, title = (
        ("", "", "Tape 4 Side B") if bare else ("Odile & Wren", "Kitchen Demos", "Onions (Demo), take 2")
    )
    seconds = entry.song.duration_ms // 1000
    return {
        "album": {
            "album_type": None,
            "artists": [],
            "external_urls": {},
            "href": None,
            "id": None,
            "images": [],
            "name": album,
            "release_date": None,
            "release_date_precision": None,
            "type": "album",
            "uri": None,
        },
        "artists": [{"external_urls": {}, "href": None, "id": None, "name": artist, "type": "artist", "uri": None}],
        "disc_number": 0,
        "duration_ms": seconds * 1000,
        "explicit": False,
        "external_ids": {},
        "external_urls": {},
        "href": None,
        "id": None,
        "is_local": True,
        "name": title,
        "preview_url": None,
        "track_number": 0,
        "type": "track",
        "uri": f"spotify:local:{quote_plus(artist)}:{quote_plus(album)}:{quote_plus(title)}:{seconds}",
    }


def _episode(entry: Entry, api: str) -> JsonObject:
    episode_id = entry.song.song_id
    return {
        "audio_preview_url": None,
        "description": "Two people and a kettle talk about field recordings.",
        "duration_ms": 2_640_000,
        "episode": True,
        "explicit": False,
        "external_urls": {"spotify": f"{WEB}/episode/{episode_id}"},
        "href": f"{api}/episodes/{episode_id}",
        "id": episode_id,
        "images": [],
        "is_externally_hosted": False,
        "is_playable": True,
        "language": "en",
        "languages": ["en"],
        "name": f"Kettle Talk: {entry.song.name}",
        "release_date": "2025-10-02",
        "release_date_precision": "day",
        "track": False,
        "type": "episode",
        "show": {
            "id": "0KettleTalkShow0000000",
            "name": "Kettle Talk",
            "publisher": "Polaris Radio",
            "type": "show",
            "uri": "spotify:show:0KettleTalkShow0000000",
            "media_type": "audio",
        },
        "uri": f"spotify:episode:{episode_id}",
    }


def _artist(api: str, artist_id: str, name: str) -> JsonObject:
    return {
        "external_urls": {"spotify": f"{WEB}/artist/{artist_id}"},
        "href": f"{api}/artists/{artist_id}",
        "id": artist_id,
        "name": name,
        "type": "artist",
        "uri": f"spotify:artist:{artist_id}",
    }


def user(api: str, user_id: str) -> JsonObject:
    return {
        "external_urls": {"spotify": f"{WEB}/user/{user_id}"},
        "href": f"{api}/users/{user_id}",
        "id": user_id,
        "type": "user",
        "uri": f"spotify:user:{user_id}",
    }
