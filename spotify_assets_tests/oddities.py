"""Days of playlists in every oddity that Spotify and archives send, made by chance from a seed.

Odd, and still within what `reference_tables` can calculate: the oracle's question, where `test_spark_engine.odd_lake`
asks only whether engines agree.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

from spotify_assets_tests import entries as e
from spotify_assets_tests.reference_tables import Raw

DAY = dt.date(2026, 1, 1)

_NAMES = ("", "", "Aurora", "Aurora (live)", "B", "北極光")
_DATES = ("1999", "2001-07", "2019-05-17", "0000", "", None, "2023-02-30", "1999-13", "20-01-01")
_MOMENTS = ("2025-11-02T08:09:10Z", "1970-01-01T00:00:00Z", None, "", "2024-02-29T23:59:59Z")
_NUMBERS = (0, 41, 40.0, 40.5, "17", "x", -1, None, True, {"totalMilliseconds": 188_000}, [], 10**17)
_FLAGS = (True, False, None, "true", "yes", 1, {})
_TITLES = "ABCDEF"


def day_of_playlists(seed: int, *, playlists: int = 6, entries: int = 25) -> list[Raw]:
    """The raw objects of one day: playlists that share songs, some with holes, some that say they are not whole."""
    dice = random.Random(seed)
    return [_playlist(dice, f"{number:022d}", entries) for number in range(playlists)]


def _playlist(dice: random.Random, playlist_id: str, entries: int) -> Raw:
    items = [_entry(dice) for _ in range(dice.randrange(entries + 1))]
    cut = dice.randrange(len(items) + 1)
    hole = dice.choice((0, 0, 0, 3))
    pages = [(0, items[:cut]), (cut + hole, items[cut:])]
    playlist = {
        "name": dice.choice(_NAMES),
        "owner": dice.choice(({"id": "o", "display_name": "d"}, {}, None)),
        "public": dice.choice(_FLAGS),
        "collaborative": dice.choice(_FLAGS),
        "followers": dice.choice(({"total": dice.choice(_NUMBERS)}, {}, None)),
        "snapshot_id": dice.choice(("s", "", None)),
    }
    total = dice.choice((None, None, len(items), len(items) + 7))
    return Raw(playlist_id, playlist, pages, DAY, total=total, complete=dice.choice((None, None, None, True, False)))


def _entry(dice: random.Random) -> object:
    shapes: list[Callable[[], object]] = [
        lambda: e.entry(
            _track(dice), added_at=dice.choice(_MOMENTS), is_local=dice.choice((False, False, None, "yes"))
        ),
        lambda: e.entry(_track(dice), wrapper="item", added_by=dice.choice((None, {}, {"id": ""}, {"id": "u"}))),
        lambda: e.entry(_track(dice), item=_track(dice)),
        lambda: e.entry(_track(dice), item=None),
        lambda: e.entry(e.without(_track(dice), "type", "uri")),
        lambda: e.entry({**_track(dice), "uri": f"spotify:episode:{e.spotify_id('E')}"}),
        lambda: e.local_file(dice.choice("xyz")),
        lambda: e.episode(dice.choice("xyz")),
        lambda: e.entry(None),
        lambda: dice.choice((None, 7, "text", [])),
        lambda: e.entry("no object"),
    ]
    return dice.choices(shapes, weights=(12, 8, 4, 2, 2, 1, 2, 2, 2, 1, 1))[0]()


def _track(dice: random.Random) -> dict:
    title = dice.choice(_TITLES)
    leaves = {name: dice.choice(_NUMBERS) for name in ("duration_ms", "popularity", "disc_number", "track_number")}
    odd = {name: value for name, value in leaves.items() if dice.random() < 0.3}
    if dice.random() < 0.2:
        odd["explicit"] = dice.choice(_FLAGS)
    if dice.random() < 0.1:
        odd["artists"] = dice.choice((None, [], "nobody", {}))
    track = e.track(title, **{"name": dice.choice(_NAMES), "artists": _credits(dice), "album": _album(dice), **odd})
    return track if dice.random() < 0.8 else e.without(track, dice.choice(list(odd) or ["popularity"]))


def _album(dice: random.Random) -> object:
    if dice.random() < 0.05:
        return dice.choice((None, "no album", []))
    name = dice.choice(_NAMES)
    text = dice.choice(_DATES)
    return e.album(
        dice.choice("XYZ"),
        name=name,
        artists=_credits(dice),
        release_date=text,
        release_date_precision={4: "year", 7: "month", 10: "day"}.get(len(text or "")),
        total_tracks=dice.choice(_NUMBERS),
    )


def _credits(dice: random.Random) -> list[object]:
    """One to four credits from a small pool, so that the same id comes with other names, and some without an id."""
    credits: list[object] = [
        e.artist(who, name=dice.choice(_NAMES)) for who in dice.choices("JKLM", k=dice.randrange(1, 5))
    ]
    if dice.random() < 0.2:
        credits.insert(
            dice.randrange(len(credits) + 1), dice.choice((None, {"id": None, "name": "Nobody"}, {"id": ""}))
        )
    return credits
