"""From the warehouse's rows to the blocks of the page: pure, and the same for the same rows.

The page carries what the snapshots said, whole, and works out for itself what it shows; so every question has a page
without a server. Blocks are JSON, or a history of `encoding`; songs are numbers into one list, days are counted from
1970-01-01. What does not fit is thinned, oldest first: one snapshot a week for what is older than a date, then the
places below a depth. How it is drawn belongs in `web/`.
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise

from spotify_assets.dashboard.data import MISSING, NOT_READ, DashboardData, Snapshot
from spotify_assets.dashboard.encoding import encode_history, steps
from spotify_assets.dashboard.parts import COUNTS
from spotify_assets.dashboard.rows import Playlist

BUDGET = 3_700_000
"""Most characters all the blocks may have together; with plotly and the page's own script it stays under 6 MB."""

_POPULARITY_BUDGET = 300_000

_SONG, _LOCAL, _OTHER, _MISSING, _NOT_READ = range(5)
"""Kinds of entries, as `web/blocks.js` knows them."""


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


def build_report(data: DashboardData, budget: int = BUDGET) -> Report:
    """The page's data, at most `budget` characters where thinning can do it. Equal rows give an equal report."""
    playlists = [one for one in sorted(data.playlists, key=_by_name) if one.playlist_id in data.snapshots]
    thinning = Thinning()
    blocks = _blocks(data, playlists, thinning)
    for harder in _THINNINGS:
        if sum(map(len, blocks.values())) <= budget:
            break
        thinning, blocks = harder, _blocks(data, playlists, harder)
    return Report(data.dates[-1].isoformat() if data.dates else None, len(playlists), thinning, blocks)


def _by_name(playlist: Playlist) -> tuple[object, ...]:
    """Playlist 2 before Playlist 10, those without a name last."""
    words = re.split(r"(\d+)", playlist.name.casefold())
    return (not playlist.name, [(int(word), "") if word.isdecimal() else (-1, word) for word in words], playlist)


def _thinned(snapshots: list[Snapshot], thinning: Thinning) -> list[Snapshot]:
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


def _blocks(data: DashboardData, playlists: list[Playlist], thinning: Thinning) -> dict[str, str]:
    histories = {one.playlist_id: _thinned(data.snapshots[one.playlist_id], thinning) for one in playlists}
    number: dict[int, int] = {}  # of a key among all, to its place in the page's list of songs
    for one in playlists:
        for snapshot in histories[one.playlist_id]:
            for song in snapshot.songs:
                if song not in number:
                    number[song] = len(number)
    keys = [data.keys[song] for song in number]
    counts = {"playlists": len(playlists), "songs": len(data.songs), "artists": len(data.artists)}
    described = [_playlist(one, data.snapshots[one.playlist_id]) for one in playlists]
    index = {
        "first_on": data.dates[0].isoformat() if data.dates else None,
        "last_on": data.dates[-1].isoformat() if data.dates else None,
        "days": len(data.dates),
        "counts": counts,
        "thinned": {"days": thinning.days, "depth": thinning.depth},
        "opening": _opening(described),
        "playlists": _labelled(described),
    }
    blocks = {"index": _json(index), "songs": _json(_songs(data, keys))}
    for place, one in enumerate(playlists):
        blocks[f"playlist-{place}"] = _history(histories[one.playlist_id], number)
    blocks["popularity"] = _popularity(data, {key: place for place, key in enumerate(keys)})
    return blocks


def _playlist(playlist: Playlist, snapshots: list[Snapshot]) -> dict[str, object]:
    whole = [one for one in snapshots if one.is_complete]
    entered = left = 0
    if len(whole) > 1:
        before, now = Counter(whole[-2].songs), Counter(whole[-1].songs)
        entered, left = (now - before).total(), (before - now).total()
    return {
        "id": playlist.playlist_id,
        "name": playlist.name,
        "owner": playlist.owner_name,
        "snapshots": len(snapshots),
        "whole": len(whole),
        "size": len(snapshots[-1].songs),
        "first_on": snapshots[0].day.isoformat(),
        "last_on": snapshots[-1].day.isoformat(),
        "entered": entered,
        "left": left,
        "spans": _spans([_days(one.day) for one in snapshots]),
    }


def _spans(days: list[int]) -> list[tuple[int, int]]:
    """The stretches of days without a gap, first and last day of each: a gap is longer than the list's own rhythm."""
    distances = sorted(after - before for before, after in pairwise(days))
    usual = max(1.0, 1.5 * distances[(len(distances) - 1) // 2]) if distances else 1.0
    spans = [(days[0], days[0])]
    for before, after in pairwise(days):
        if after - before > usual:
            spans.append((after, after))
        else:
            spans[-1] = (spans[-1][0], after)
    return spans


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


def _history(snapshots: list[Snapshot], number: dict[int, int]) -> str:
    header = {
        "days": steps(_days(one.day) for one in snapshots),
        "partial": {place: one.item_count for place, one in enumerate(snapshots) if not one.is_complete},
        **{name: steps(one.counts[place] for one in snapshots) for place, name in enumerate(COUNTS)},
    }
    return _block(encode_history(([number[song] for song in one.songs] for one in snapshots), header))


def _songs(data: DashboardData, keys: list[str]) -> dict[str, object]:
    """Columns of the songs in the page: ids, names, artists (numbers into their own list), release days, and the
    groups of songs that are one recording."""
    artist_names = {row.artist_id: row.name for row in data.artists}
    artist_number: dict[str, int] = {}
    names, credits, released, kinds = [], [], [], {}
    recordings: dict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        song = data.songs.get(key)
        if song is None:
            kind, name = data.others.get(key, ("missing", ""))
            kinds[place] = _MISSING if key == MISSING else _NOT_READ if key == NOT_READ else _OTHER
            names.append(name or ("" if key in (MISSING, NOT_READ) else kind))
            credits.append([])
            released.append(0)
            continue
        if song.is_local:
            kinds[place] = _LOCAL
        names.append(song.name)
        ids = song.artist_ids.split(" ") if song.artist_ids else []
        credits.append([artist_number.setdefault(artist, len(artist_number)) for artist in ids])
        released.append(_days(song.release_date) if song.release_date else 0)
        if song.isrc:
            recordings[song.isrc].append(place)
    return {
        "ids": " ".join(keys),
        "names": names,
        "credits": credits,
        "released": released,
        "kinds": kinds,
        "recordings": [group for group in recordings.values() if len(group) > 1],
        "artist_ids": " ".join(artist_number),
        "artist_names": [artist_names.get(artist, "") for artist in artist_number],
    }


def _popularity(data: DashboardData, place: dict[str, int]) -> str:
    """Per song, its popularity on each of the days (-1: none), as steps; fewer days where all would be too much."""
    block = ""
    for every in (1, 2, 4, 8, 16):
        days = sorted(data.popularity)[::-1][::every][::-1]
        songs: dict[int, list[int]] = {}
        for index, day in enumerate(days):
            for key, value in data.popularity[day].items():
                if key in place:
                    songs.setdefault(place[key], [-1] * len(days))[index] = value
        lines = {song: steps(values) for song, values in sorted(songs.items())}
        block = _json({"days": [day.isoformat() for day in days], "songs": lines})
        if len(block) <= _POPULARITY_BUDGET:
            break
    return block


def _days(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _block(text.encode("utf-8", "replace"))


def _block(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")
