"""From the warehouse's rows to the blocks of the page: pure, and the same for the same rows.

The page carries what the snapshots said, whole, and works out for itself what it shows; so every question has a page
without a server. Blocks are JSON, or a history of `encoding`; songs are numbers into one list, days are counted from
1970-01-01. What does not fit is thinned, oldest first: one snapshot a week for what is older than a date, then the
places below a depth. How a stretch of it is packed belongs in `packing`, how it is drawn in `web/`.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import sub

from spotify_assets.dashboard.data import DashboardData
from spotify_assets.dashboard.encoding import joined
from spotify_assets.dashboard.packing import (
    BUDGET,
    SONG_CHARACTERS,
    Packed,
    Points,
    Snapshot,
    Stretch,
    Track,
    block,
    days_of,
    json_block,
)
from spotify_assets.dashboard.rows import Playlist

_POPULARITY_BUDGET = 300_000

_QUICKLY = 4
"""Level of gzip for numbers: half the time of one more, for a page that is at most 1.5 % larger."""

_MOST_POINTS = 80_000
"""Songs times days whose popularity is looked at."""


@dataclass(frozen=True)
class Thinning:
    """What of a history is in the page: each snapshot of the last `days` days (None: all), the last of each ISO week
    before; of each the first `depth` places (None: all)."""

    days: int | None = None
    depth: int | None = None


_THINNINGS = (
    Thinning(days=365),
    Thinning(days=182),
    Thinning(days=91),
    Thinning(days=28),
    *(Thinning(days=28, depth=depth) for depth in (500, 200, 100, 50, 25, 10)),
)


@dataclass(frozen=True)
class Report:
    """The page's data: compressed blocks by name; `last_on` is the date the page is of, null without a snapshot."""

    last_on: str | None
    playlists: int
    thinning: Thinning
    blocks: dict[str, str]


def build_report(
    data: DashboardData, budget: int = BUDGET, unpacked: Callable[[], DashboardData] | None = None
) -> Report:
    """The page's data, at most `budget` characters where thinning can do it. Equal rows give an equal report.

    A thinner page is made of what `unpacked` reads: everything, as it stood before it was packed. Raises ValueError
    where that is needed and not given.
    """
    thinning, made, blocks = Thinning(), data.snapshots, dict[str, str]()
    described = _described(data)
    if len(data.keys) * SONG_CHARACTERS <= budget:
        blocks = _blocks(data, _packed(data), described, thinning)
    for harder in _THINNINGS:
        if blocks and sum(map(len, blocks.values())) <= budget:
            break
        if data.packed.blocks:
            if not unpacked:
                raise ValueError("What is packed can't be thinned: the page needs what it was packed of")
            data = unpacked()
            made, described = data.snapshots, _described(data)
        kept = {playlist_id: _kept(snapshots, harder) for playlist_id, snapshots in data.snapshots.items()}
        songs = dict.fromkeys(song for snapshots in kept.values() for one in snapshots for song in one.songs)
        changes_nothing = blocks and _entries(kept) == _entries(made)
        if changes_nothing or (len(songs) * SONG_CHARACTERS > budget and harder != _THINNINGS[-1]):
            continue
        thinner = _thinned(data, kept, {song: place for place, song in enumerate(songs)})
        thinning, made, blocks = harder, kept, _blocks(thinner, _packed(thinner), described, harder)
    return Report(data.dates[-1].isoformat() if data.dates else None, len(described), thinning, blocks)


def _entries(snapshots: Mapping[str, Sequence[Snapshot]]) -> int:
    return sum(len(one.songs) for of in snapshots.values() for one in of)


def _described(data: DashboardData) -> list[dict[str, object]]:
    """What the index says of the playlists that have snapshots, in the page's order."""
    known = data.snapshots.keys() | data.packed.tracks.keys()
    return [
        _playlist(one, data.packed.tracks.get(one.playlist_id, Track()), data.snapshots.get(one.playlist_id, ()))
        for one in sorted(data.playlists, key=_by_name)
        if one.playlist_id in known
    ]


def _by_name(playlist: Playlist) -> tuple[object, ...]:
    """Playlist 2 before Playlist 10, those without a name last."""
    words = re.split(r"(\d+)", playlist.name.casefold())
    return (not playlist.name, [(int(word), "") if word.isdecimal() else (-1, word) for word in words], playlist)


def _thinned(data: DashboardData, kept: Mapping[str, list[Snapshot]], number: Mapping[int, int]) -> DashboardData:
    """The same with the `kept` snapshots; `number` has the new number of each song that is left."""
    return replace(
        data,
        snapshots={
            playlist_id: [
                Snapshot(one.day, one.item_count, one.is_complete, one.counts, [number[song] for song in one.songs])
                for one in snapshots
            ]
            for playlist_id, snapshots in kept.items()
        },
        keys=[data.keys[song] for song in number],
        popularity={day: _renumbered(points, number) for day, points in data.popularity.items()},
    )


def _kept(snapshots: list[Snapshot], thinning: Thinning) -> list[Snapshot]:
    kept = snapshots
    if thinning.days is not None:
        since = snapshots[-1].day - dt.timedelta(days=thinning.days)
        weekly: dict[tuple[int, int], Snapshot] = {}
        for one in snapshots:
            week = one.day.isocalendar()[:2]
            if one.day < since and (one.is_complete or week not in weekly):
                weekly[week] = one
        kept = [*weekly.values(), *(one for one in snapshots if one.day >= since)]
    if thinning.depth is not None:
        kept = [
            Snapshot(one.day, one.item_count, one.is_complete, one.counts, one.songs[: thinning.depth]) for one in kept
        ]
    return kept


def _renumbered(points: Points, number: Mapping[int, int]) -> Points:
    return Points.of({number[song]: value for song, value in points.by_song().items() if song in number})


def _packed(data: DashboardData) -> Packed:
    """All of it, with what is not packed yet as one stretch."""
    latest = Stretch(data.snapshots, data.keys[len(data.packed.numbers) :])
    return data.packed.followed_by(data.packed.pack(latest, data.names))


def _blocks(
    data: DashboardData, packed: Packed, described: list[dict[str, object]], thinning: Thinning
) -> dict[str, str]:
    index = {
        "first_on": data.dates[0].isoformat() if data.dates else None,
        "last_on": data.dates[-1].isoformat() if data.dates else None,
        "days": len(data.dates),
        "counts": {"playlists": len(described), **data.totals._asdict()},
        "thinned": {"days": thinning.days, "depth": thinning.depth},
        "opening": _opening(described),
        "playlists": _labelled(described),
        "songs": len(packed.blocks),
    }
    return {
        "index": json_block(index),
        **{f"songs-{place}": songs for place, songs in enumerate(packed.blocks)},
        "recordings": json_block(_recordings(packed)),
        **{f"playlist-{place}": _history(packed.tracks[str(one["id"])]) for place, one in enumerate(described)},
        "popularity": _popularity(data),
    }


def _playlist(playlist: Playlist, track: Track, snapshots: Sequence[Snapshot]) -> dict[str, object]:
    """`track` is what is packed, `snapshots` those that follow."""
    end = track.ended()
    days = [*track.days, *(days_of(one.day) for one in snapshots)]
    partial = track.partial + sum(not one.is_complete for one in snapshots)
    whole = [*end.whole, *(one.songs for one in snapshots if one.is_complete)][-2:]
    entered = left = 0
    if len(whole) > 1:
        before, now = map(Counter, whole)
        entered, left = (now - before).total(), (before - now).total()
    return {
        "id": playlist.playlist_id,
        "name": playlist.name,
        "owner": playlist.owner_name,
        "snapshots": len(days),
        "whole": len(days) - partial,
        "size": len(snapshots[-1].songs) if snapshots else end.size,
        "first_on": _iso(days[0]),
        "last_on": _iso(days[-1]),
        "entered": entered,
        "left": left,
        "spans": _spans(days),
    }


def _iso(day: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()


def _spans(days: list[int]) -> list[tuple[int, int]]:
    """The stretches of days without a gap, first and last day of each: a gap is longer than the list's own rhythm."""
    distances = [*map(sub, days[1:], days)]
    usual = max(1.0, 1.5 * sorted(distances)[(len(distances) - 1) // 2]) if distances else 1.0
    gaps = [place for place, distance in enumerate(distances) if distance > usual]
    return [*zip([days[0], *(days[gap + 1] for gap in gaps)], [*(days[gap] for gap in gaps), days[-1]], strict=True)]


def _labelled(described: list[dict[str, object]]) -> list[dict[str, object]]:
    """With a `label` that tells it apart: the name, and the id's beginning where several have that name."""
    names = Counter(str(one["name"]).strip() or "(no name)" for one in described)
    ids = [str(one["id"]) for one in described]
    length = next((size for size in range(4, 40) if len({text[:size] for text in ids}) == len(ids)), 40)
    for one in described:
        name = str(one["name"]).strip() or "(no name)"
        one["label"] = name if names[name] == 1 else f"{name} · {str(one['id'])[:length]}"
    return described


def _opening(described: list[dict[str, object]]) -> str | None:
    """The playlist whose chart the page opens on: one with something to compare, then one that can be drawn whole
    before a longer one, the one most renewed in its latest snapshot, the one with the longest history, the longest."""

    def interest(one: dict[str, object]) -> tuple[bool, bool, int, int, int]:
        size, entered, left, snapshots = (int(str(one[name])) for name in ("size", "entered", "left", "whole"))
        return (snapshots > 1, 0 < size <= 100, min(entered + left, 100), snapshots, size)

    return str(max(described, key=interest)["id"]) if described else None


def _history(track: Track) -> str:
    return base64.b64encode(joined(track.stretches)).decode("ascii")


def _recordings(packed: Packed) -> list[list[int]]:
    """The groups of songs that are one recording."""
    groups: dict[int, list[int]] = {}
    for song, recording in enumerate(packed.recordings if packed.twins else ()):
        if recording in packed.twins:
            groups.setdefault(recording, []).append(song)
    return [songs for songs in groups.values() if len(songs) > 1]


def _popularity(data: DashboardData) -> str:
    """The popularity of the songs on each day (`Points`). Where all days would be too much there are fewer, but always
    the latest two."""
    made = ""
    *earlier, latest = sorted(data.popularity) or [None]
    for every in (1, 2, 4, 8, 16):
        days = [*earlier[::-1][::every][::-1], *([latest] if latest else [])]
        points = [data.popularity[day] for day in days]
        if every < 16 and sum(one.size for one in points) > _MOST_POINTS:
            continue
        names = ",".join(f'"{day}"' for day in days)
        made = block(f'{{"days":[{names}],"points":[{",".join(one.text for one in points)}]}}', _QUICKLY)
        if len(made) <= _POPULARITY_BUDGET:
            break
    return made
