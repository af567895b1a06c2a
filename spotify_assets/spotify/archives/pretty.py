"""The "pretty" JSON of the public playlist archive (mackorone/spotify-playlist-archive), as Spotify's own shapes.

Top level: original_name, description, num_followers, owner {name, url}, snapshot_id, tracks [{added_at
"YYYY-MM-DD HH:MM:SS" UTC, name, url, duration_ms, album {name, url}, artists [{name, url}]}]. Ids are in the urls, the
playlist's is the file's name. A track without an url is a local file.
"""

from __future__ import annotations

import re

from spotify_assets.spotify.snapshot import Json, JsonObject

_ID = re.compile(r"https?://[^/]+/(?:intl-[a-z]+/)?(track|album|artist|user|playlist|episode)/([^/?#]+)")


def is_pretty(value: JsonObject) -> bool:
    """Whether the object is a playlist of that archive."""
    tracks = value.get("tracks")
    named = "original_name" in value or "unique_name" in value
    return named and isinstance(tracks, list) and "num_followers" in value


def as_spotify(value: JsonObject) -> JsonObject:
    """The playlist object with its entries under `tracks`."""
    owner = _object(value.get("owner"))
    tracks = value.get("tracks")
    return {
        "type": "playlist",
        "name": value.get("original_name") or value.get("unique_name"),
        "description": value.get("description"),
        "followers": {"total": value.get("num_followers")},
        "owner": {**_linked(owner, "user"), "display_name": owner.get("name")},
        "snapshot_id": value.get("snapshot_id"),
        "tracks": [_entry(track) for track in tracks] if isinstance(tracks, list) else [],
    }


def _entry(track: Json) -> Json:
    if not isinstance(track, dict):
        return track
    added_at = track.get("added_at")
    is_local = not track.get("url")
    artists = track.get("artists")
    return {
        "added_at": f"{added_at.replace(' ', 'T')}Z" if isinstance(added_at, str) and added_at else None,
        "is_local": is_local,
        "track": {
            **_linked(track, "track"),
            "is_local": is_local,
            "duration_ms": track.get("duration_ms"),
            "album": _linked(_object(track.get("album")), "album"),
            "artists": [_linked(_object(artist), "artist") for artist in artists] if isinstance(artists, list) else [],
        },
    }


def _linked(thing: JsonObject, kind: str) -> JsonObject:
    """A named thing with its url as Spotify writes it."""
    url = thing.get("url")
    name = thing.get("name")
    link = _ID.match(url) if isinstance(url, str) else None
    if link is None:
        return {"id": None, "uri": None, "type": kind, "name": name, "external_urls": {}}
    kind, known = link.groups()
    return {
        "id": known,
        "uri": f"spotify:{kind}:{known}",
        "type": kind,
        "name": name,
        "external_urls": {"spotify": url},
    }


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
