"""What a JSON that holds no playlist is: so that it is refused as what it is.

Spotify's shapes are those of its Web API reference and of its account data export.
"""

from __future__ import annotations

import json

from spotify_assets.spotify.snapshot import Json, JsonObject

_BY_ENTRY_KEY = {
    "played_at": "recently played tracks (/me/player/recently-played)",
    "show": "saved shows (/me/shows)",
    "episode": "saved episodes (/me/episodes)",
    "audiobook": "saved audiobooks (/me/audiobooks)",
    "album": "saved albums (/me/albums)",
}
_BY_ADDRESS = {
    "/me/tracks": "saved tracks (Liked Songs, /me/tracks), which are no playlist",
    "/me/top/": "top tracks or artists (/me/top)",
    "/me/following": "followed artists (/me/following)",
    "/browse/new-releases": "new releases",
    "/recommendations": "recommendations",
}
_BY_KEY = {
    "audio_features": "audio features",
    "devices": "devices",
    "is_playing": "the player's state",
    "genres": "genres",
    "access_token": "an access token",
}
_RESOURCES = ("album", "artist", "track", "user", "show", "episode", "audiobook", "chapter")
_HISTORY_KEYS = {"msPlayed", "ms_played"}


def error_of(value: JsonObject) -> str | None:
    """The words of an error answer of Spotify."""
    if "error" in value and "items" not in value and "tracks" not in value:
        return json.dumps(value["error"])[:120]
    return None


def kind_of(value: JsonObject) -> str | None:
    """What the object is, in words, when it is known to be no playlist."""
    href = value.get("href")
    if isinstance(href, str):
        for part, kind in _BY_ADDRESS.items():
            if part in href:
                return kind
    for key, kind in _BY_KEY.items():
        if key in value and value.get("type") not in ("playlist", "artist"):
            return kind
    items = value.get("items")
    if isinstance(items, list):
        return kind_of_list(items)
    kind = value.get("type")
    return f"a single {kind}" if kind in _RESOURCES else None


def kind_of_list(items: list[Json]) -> str | None:
    """What the elements of a list are, in words, when they are known to be no playlist entries."""
    first = next((item for item in items if isinstance(item, dict)), None)
    if first is None:
        return None
    if first.keys() & _HISTORY_KEYS:
        return "a streaming history (Spotify's account data export)"
    for key, kind in _BY_ENTRY_KEY.items():
        if isinstance(first.get(key), dict | str) and "track" not in first and "item" not in first:
            if key != "album" or "added_at" in first:
                return kind
        elif key == "played_at" and key in first:
            return kind
    kind = first.get("type")
    return f"a list of {kind}s" if kind in _RESOURCES else None
