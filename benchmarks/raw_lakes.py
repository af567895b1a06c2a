"""Raw lakes of any size for the benchmarks, made from invented entries of realistic size."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from pathlib import Path

from spotify_assets.lake.layout import RawKey

_MARKETS = [a + b for a in "ABCDEFGHIJKLM" for b in "NOPQRSTUVWXYZ"]
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def write_raw_lake(
    root: Path, *, objects: int, entries: int, days: int = 1, apart: int = 1, seed: int = 7
) -> list[dt.date]:
    """Write `objects` raw objects of `entries` entries each under `root`, on `days` dates `apart` days apart; these.

    About half the entries are songs seen before, entries are about 4 kB of JSON as in the old payload shape.
    """
    random_ = random.Random(seed)
    known = [make_track(random_) for _ in range(max(200, objects * entries // 50))]
    first = dt.date(2026, 1, 1)
    dates = [first + dt.timedelta(days=number * apart) for number in range(days)]
    for number in range(objects):
        day = dates[number % days]
        playlist_id = make_id(random_)
        items = [
            {
                "added_at": "2025-06-01T10:20:30Z",
                "is_local": False,
                "primary_color": None,
                "added_by": {"id": "listener", "type": "user", "uri": "spotify:user:listener"},
                "track": random_.choice(known) if random_.random() < 0.5 else make_track(random_),
            }
            for _ in range(entries)
        ]
        lines = [
            json.dumps(
                {
                    "snapshot_date": day.isoformat(),
                    "extracted_at": f"{day}T06:00:00Z",
                    "run_id": "bench",
                    "source": "sandbox",
                    "playlist": {"id": playlist_id, "name": f"Playlist {number}"},
                    "offset": offset,
                    "total": entries,
                    "page": {"offset": offset, "limit": 50, "total": entries, "items": items[offset : offset + 50]},
                }
            )
            for offset in range(0, entries, 50)
        ]
        moment = dt.datetime.combine(day, dt.time(6), dt.UTC)
        path = root / str(RawKey(day, playlist_id, moment, "bench"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress("\n".join(lines).encode(), 4))
    return dates


def make_id(random_: random.Random) -> str:
    return "".join(random_.choices(_BASE62, k=22))


_ARTISTS = [make_id(random.Random(number)) for number in range(2_000)]


def _credit(random_: random.Random) -> dict:
    number = random_.randrange(len(_ARTISTS))
    artist_id = _ARTISTS[number]
    return {
        "id": artist_id,
        "name": f"Artist {number}",
        "type": "artist",
        "uri": f"spotify:artist:{artist_id}",
        "href": f"https://api.spotify.com/v1/artists/{artist_id}",
        "external_urls": {"spotify": f"https://open.spotify.com/artist/{artist_id}"},
    }


def make_track(random_: random.Random) -> dict:
    track_id, album_id, credit = make_id(random_), make_id(random_), _credit(random_)
    return {
        "id": track_id,
        "name": f"Song {track_id[:6]}",
        "type": "track",
        "uri": f"spotify:track:{track_id}",
        "track": True,
        "episode": False,
        "explicit": False,
        "is_local": False,
        "popularity": random_.randrange(100),
        "duration_ms": random_.randrange(90_000, 400_000),
        "disc_number": 1,
        "track_number": random_.randrange(1, 15),
        "preview_url": None,
        "href": f"https://api.spotify.com/v1/tracks/{track_id}",
        "external_ids": {"isrc": f"XX{random_.randrange(10**10):010d}"},
        "external_urls": {"spotify": f"https://open.spotify.com/track/{track_id}"},
        "available_markets": _MARKETS,
        "artists": [credit, *(_credit(random_) for _ in range(random_.randrange(2)))],
        "album": {
            "id": album_id,
            "name": f"Album {album_id[:6]}",
            "type": "album",
            "album_type": "album",
            "uri": f"spotify:album:{album_id}",
            "href": f"https://api.spotify.com/v1/albums/{album_id}",
            "release_date": f"{random_.randrange(1960, 2026)}-05-17",
            "release_date_precision": "day",
            "total_tracks": 12,
            "external_urls": {"spotify": f"https://open.spotify.com/album/{album_id}"},
            "images": [
                {"url": f"https://images.example/{album_id}/{size}", "height": size, "width": size}
                for size in (640, 300, 64)
            ],
            "available_markets": _MARKETS,
            "artists": [credit],
        },
    }
