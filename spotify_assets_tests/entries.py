"""Playlist entries written for the tests, in the shapes Spotify sends; every value is invented."""

from __future__ import annotations

import string

_BASE62 = string.digits + string.ascii_letters


def spotify_id(text: str) -> str:
    """A 22-character id that reads like Spotify's and is the same for the same text."""
    clean = "".join(character for character in text if character in _BASE62)
    return (clean + "0" * 22)[:22]


def artist(name: str, /, **changes: object) -> dict:
    artist_id = spotify_id(f"artist{name}")
    return {
        "id": artist_id,
        "name": name,
        "type": "artist",
        "uri": f"spotify:artist:{artist_id}",
        "href": f"https://api.spotify.com/v1/artists/{artist_id}",
        "external_urls": {"spotify": f"https://open.spotify.com/artist/{artist_id}"},
        **changes,
    }


def album(name: str, by: str = "Ana Brook", /, **changes: object) -> dict:
    album_id = spotify_id(f"album{name}")
    return {
        "id": album_id,
        "name": name,
        "type": "album",
        "album_type": "album",
        "uri": f"spotify:album:{album_id}",
        "release_date": "2019-05-17",
        "release_date_precision": "day",
        "total_tracks": 11,
        "external_urls": {"spotify": f"https://open.spotify.com/album/{album_id}"},
        "images": [{"url": f"https://images.example/{album_id}", "height": 640, "width": 640}],
        "artists": [artist(by)],
        **changes,
    }


def track(name: str, by: str = "Ana Brook", /, **changes: object) -> dict:
    """A track object; `track: true` and `episode: false` are Spotify's own old flags, not wrappers."""
    track_id = spotify_id(f"track{name}")
    return {
        "id": track_id,
        "name": name,
        "type": "track",
        "uri": f"spotify:track:{track_id}",
        "track": True,
        "episode": False,
        "explicit": False,
        "duration_ms": 201_000,
        "popularity": 41,
        "disc_number": 1,
        "track_number": 3,
        "is_local": False,
        "external_ids": {"isrc": "XX0000000001"},
        "external_urls": {"spotify": f"https://open.spotify.com/track/{track_id}"},
        "artists": [artist(by)],
        "album": album(f"{name} LP", by),
        **changes,
    }


def without(thing: dict, *names: str) -> dict:
    return {name: value for name, value in thing.items() if name not in names}


def entry(item: object, /, wrapper: str = "track", **changes: object) -> dict:
    return {
        "added_at": "2025-11-02T08:09:10Z",
        "is_local": False,
        "primary_color": None,
        "added_by": {"id": "listener", "type": "user", "uri": "spotify:user:listener"},
        wrapper: item,
        **changes,
    }


def local_file(title: str = "Tape hiss") -> dict:
    uri = f"spotify:local:Someone:Demo:{title.replace(' ', '+')}:163"
    item = {
        "id": None,
        "uri": uri,
        "name": title,
        "type": "track",
        "is_local": True,
        "explicit": False,
        "duration_ms": 163_000,
        "disc_number": 0,
        "track_number": 0,
        "external_ids": {},
        "external_urls": {},
        "artists": [{"id": None, "name": "Someone", "uri": None, "external_urls": {}}],
        "album": {
            "id": None,
            "name": "Demo",
            "uri": None,
            "album_type": None,
            "release_date": None,
            "release_date_precision": None,
            "images": [],
            "artists": [],
            "external_urls": {},
        },
    }
    return entry(item, is_local=True)


def episode(title: str = "Pilot") -> dict:
    episode_id = spotify_id(f"episode{title}")
    return entry(
        {
            "id": episode_id,
            "uri": f"spotify:episode:{episode_id}",
            "name": title,
            "type": "episode",
            "explicit": False,
            "duration_ms": 1_800_000,
            "release_date": "2024-02-01",
            "release_date_precision": "day",
            "show": {"id": spotify_id("show"), "name": "The Show"},
            "images": [],
            "languages": ["en"],
            "external_urls": {},
        }
    )
