"""The sandbox's playlists: which entry stands at which position on which day.

Everything is a closed formula of (seed, day), so any date can be asked for in any order. How an entry looks on the
wire belongs in `wire`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from spotify_assets.spotify.sandbox.catalogue import Song, song, spotify_id

Shape = Literal["old", "new", "mixed"]
OddKind = Literal[
    "local", "bare_local", "episode", "null", "keyless", "withdrawn", "unknown_type", "epoch", "never_dated"
]

_EPOCH = dt.date(2015, 1, 5)  # a Monday
_CHART_LOOKBACK_DAYS = 160


@dataclass(frozen=True)
class Entry:
    """A position of a playlist: a song, or (`odd`) one of the shapes that are no ordinary song."""

    song: Song
    popularity: int
    added_on: dt.date
    odd: OddKind | None = None


@dataclass(frozen=True, kw_only=True)
class Playlist:
    """A playlist of the sandbox. `answers` is 200, or the status it refuses with; `entries` gives those of a day."""

    playlist_id: str
    name: str
    description: str
    owner_id: str
    owner_name: str
    shape: Shape
    followers: int
    answers: int
    entries: Callable[[int, dt.date], Sequence[Entry]]


def playlists(seed: int) -> tuple[Playlist, ...]:
    """All playlists of the sandbox, in a fixed order."""
    return tuple(
        Playlist(
            playlist_id=spotify_id(seed, "playlist", key),
            name=name,
            description=description,
            owner_id=owner,
            owner_name=owner_name,
            shape=shape,
            followers=followers,
            answers=answers,
            entries=entries,
        )
        for key, name, description, owner, owner_name, shape, followers, answers, entries in _PLAYLISTS
    )


def entries_of(playlist: Playlist, seed: int, day: dt.date) -> Sequence[Entry]:
    """The playlist's entries on `day`, in order."""
    return playlist.entries(seed, day)


def snapshot_id(playlist: Playlist, seed: int, day: dt.date) -> str:
    """Spotify's version id of the playlist: changes exactly when its entries or their order do."""
    content = "|".join(f"{entry.song.key}{entry.odd or ''}" for entry in entries_of(playlist, seed, day))
    return hashlib.sha256(f"{playlist.playlist_id}{content}".encode()).hexdigest()[:40]


@lru_cache(maxsize=64)
def _chart(seed: int, day: dt.date) -> tuple[Entry, ...]:
    """The hundred most played songs: debuts rise within days, decay over weeks and wobble from day to day."""
    ranked = sorted(
        ((_plays(seed, new, debut, day), new.key, new, debut) for new, debut in _debuts(seed, day)), reverse=True
    )
    top = ranked[0][0]
    return tuple(
        Entry(new, max(38, min(100, round(52 + 46 * math.sqrt(plays / top)))), debut)
        for plays, _, new, debut in ranked[:100]
    )


def _debuts(seed: int, day: dt.date) -> list[tuple[Song, dt.date]]:
    """Every song that can still be in the chart of `day`, with the day it came out."""
    releases = []
    for back in range(_CHART_LOOKBACK_DAYS):
        debut = day - dt.timedelta(days=back)
        releases.extend((new, debut) for new in _released(seed, debut))
    return releases


def _released(seed: int, day: dt.date) -> list[Song]:
    """The new songs of a day: most on Fridays."""
    count = 11 if day.weekday() == 4 else 2
    return [song(seed, f"n{day.toordinal()}.{number}", day) for number in range(count)]


def _plays(seed: int, new: Song, debut: dt.date, day: dt.date) -> float:
    age = (day - debut).days
    shape = zlib.crc32(f"{seed}{new.key}".encode())
    rise = 2 + shape % 12
    half_life = 7 + (shape >> 8) % 40 + 25 * new.appeal
    ordinal = day.toordinal()
    wobble = (_noise(seed, new.key, ordinal) + _noise(seed, new.key, ordinal - 1)) / 2
    viral = 1.7 if _noise(seed, new.key, ordinal // 9) > 0.97 else 1.0
    return (
        new.appeal
        * min(1.0, (age + 1.5) / rise)
        * 0.5 ** (max(0, age - rise) / half_life)
        * viral
        * (0.94 + 0.12 * wobble)
    )


def _noise(seed: int, key: str, number: int) -> float:
    return zlib.crc32(f"{number}:{key}:{seed}".encode()) / 0xFFFFFFFF


def _slots(
    name: str, size: int, per_step: int, step_days: int, pool: int
) -> Callable[[int, dt.date], tuple[Entry, ...]]:
    """A playlist of `size` places of which `per_step` get another song every `step_days` days, the others staying put.

    Places are visited in a fixed order that reaches each of them, so the song of a place follows from the date alone.
    Songs come from the first `pool` of the back catalogue; 7919 is prime, so that neighbours differ and none repeats
    before the pool is used up.
    """
    stride = next(number for number in range(size // 3 + 2, size * 2) if math.gcd(number, size) == 1)
    order = {(turn * stride) % size: turn for turn in range(size)}

    @lru_cache(maxsize=16)
    def at(seed: int, step: int) -> tuple[Entry, ...]:
        done = (step + 1) * per_step
        entries = []
        for place in range(size):
            generation = max(0, (done - order[place] - 1) // size + 1) if done > order[place] else 0
            replaced_in = (order[place] + (generation - 1) * size) // per_step if generation else 0
            added = _EPOCH + dt.timedelta(days=replaced_in * step_days)
            number = (zlib.crc32(f"{seed}:{name}".encode()) + (place + generation * size) * 7919) % pool
            entries.append(Entry(song(seed, f"c{number}"), 0, added))
        return tuple(entries)

    @lru_cache(maxsize=16)
    def of_day(seed: int, day: dt.date) -> tuple[Entry, ...]:
        step = (day - _EPOCH).days // step_days
        return tuple(
            Entry(entry.song, _drifting_popularity(entry.song, day), entry.added_on) for entry in at(seed, step)
        )

    return of_day


def _drifting_popularity(known: Song, day: dt.date) -> int:
    phase = zlib.crc32(known.key.encode()) % 628 / 100
    return max(0, min(100, round(known.popularity + 4 * math.sin(day.toordinal() / 17 + phase))))


@lru_cache(maxsize=16)
def _friday(seed: int, day: dt.date) -> tuple[Entry, ...]:
    """Forty new releases, replaced as a whole every Friday; the strongest are in the chart too."""
    friday = day - dt.timedelta(days=(day.weekday() - 4) % 7)
    week = [friday - dt.timedelta(days=back) for back in range(7)]
    fresh = [new for debut in week for new in _released(seed, debut)]
    more = [song(seed, f"f{friday.toordinal()}.{number}", friday) for number in range(40 - len(fresh))]
    return tuple(Entry(new, 0, friday) for new in sorted([*fresh, *more], key=lambda new: -new.appeal))


@lru_cache(maxsize=16)
def _lost_and_found(seed: int, day: dt.date) -> tuple[Entry, ...]:
    """Everything Spotify may legally put into a playlist, between ordinary songs, one of which changes weekly."""
    week = (day - _EPOCH).days // 7
    ordinary = [song(seed, f"c{number * 37 + (week if number == 3 else 0)}") for number in range(14)]
    added = _EPOCH + dt.timedelta(days=900)
    songs = [Entry(known, _drifting_popularity(known, day), added) for known in ordinary]
    odd: list[OddKind] = [
        "local",
        "bare_local",
        "episode",
        "null",
        "keyless",
        "withdrawn",
        "unknown_type",
        "epoch",
        "never_dated",
        "episode",
        "null",
    ]
    odds = [Entry(song(seed, f"o{number}"), 0, added, kind) for number, kind in enumerate(odd)]
    mixed = [entry for pair in zip(songs, odds, strict=False) for entry in pair] + songs[len(odds) :]
    return (*mixed, songs[1], songs[1])  # the same song three times


def _nothing(_seed: int, _day: dt.date) -> tuple[Entry, ...]:
    return ()


_PLAYLISTS: tuple[tuple[str, str, str, str, str, Shape, int, int, Callable[[int, dt.date], Sequence[Entry]]], ...] = (
    (
        "chart",
        "Northern Lights 100",
        "The hundred most played songs, every morning.",
        "polarisradio",
        "Polaris Radio",
        "mixed",
        48_213,
        200,
        _chart,
    ),
    (
        "archive",
        "Every Good Song, Roughly",
        "One shelf, 2,300 songs, pruned by hand on Mondays.",
        "wren.archive",
        "Wren Pemberton",
        "old",
        1_204,
        200,
        _slots("archive", 2300, 3, 7, 4200),
    ),
    (
        "friday",
        "Friday Firsts",
        "Forty new songs. Gone by next Friday.",
        "polarisradio",
        "Polaris Radio",
        "new",
        9_310,
        200,
        _friday,
    ),
    (
        "kitchen",
        "Kitchen Radio",
        "For onions, rice &amp; slow Sundays.",
        "odile",
        "Odile Sorel",
        "new",
        87,
        200,
        _slots("kitchen", 75, 2, 1, 900),
    ),
    ("drive", "Long Drive, Low Sun", "", "kaspar_b", "Kaspar Brandt", "old", 412, 200, _slots("drive", 60, 1, 1, 900)),
    (
        "rain",
        "Rain on Tin ☔",
        "Nothing louder than weather.",
        "odile",
        "Odile Sorel",
        "mixed",
        2_090,
        200,
        _slots("rain", 50, 2, 9, 900),
    ),
    (
        "lost",
        "Lost & Found Box",
        "Tapes, talks and things that fell out of other lists.",
        "wren.archive",
        "Wren Pemberton",
        "mixed",
        3,
        200,
        _lost_and_found,
    ),
    ("empty", "Songs for a Day That Hasn’t Come", "", "odile", "Odile Sorel", "new", 0, 200, _nothing),
    (
        "editorial",
        "Today’s Brightest",
        "An editorial list that Spotify hides from apps.",
        "spotify",
        "Spotify",
        "old",
        1_900_000,
        404,
        _nothing,
    ),
    ("private", "Nadia’s Own", "Somebody else’s list.", "nadia.idrissi", "Nadia Idrissi", "new", 12, 403, _nothing),
)
