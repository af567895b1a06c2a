"""Dimensions and marts in plain Python, straight from what the contract says: what the SQL is held against."""

from __future__ import annotations

import datetime as dt
import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES
from spotify_assets_tests.warehouse.lake_files import Tables

History = Mapping[dt.date, Tables]
Record = dict[str, object]


def dimension(history: History, name: str) -> list[Record]:
    table = DIMENSIONS[name]
    found: dict[tuple[object, ...], Record] = {}
    for on in sorted(history):
        for row in history[on][name]:
            key = tuple(row[column] for column in table.key)
            first = found[key]["first_seen_on"] if key in found else on
            attributes = {
                column.name: row.get(column.name)
                for column in LAKE_TABLES[name].columns
                if column.name not in ("snapshot_date", "run_id")
            }
            found[key] = {**attributes, "first_seen_on": first, "last_seen_on": on}
    return list(found.values())


def playlist_changes(history: History) -> Iterator[Record]:
    names = _names(history)
    for playlist, days in _snapshots(history).items():
        for before, now in itertools.pairwise(days):
            old, new = _places(history[before], playlist), _places(history[now], playlist)
            for song, occurrence in {*old, *new}:
                was, is_now = old.get((song, occurrence)), new.get((song, occurrence))
                if was == is_now:
                    continue
                yield {
                    "snapshot_date": now,
                    "playlist_id": playlist,
                    "song_id": song,
                    "occurrence": occurrence,
                    "change": "entered" if was is None else "left" if is_now is None else "moved",
                    "previous_date": before,
                    "from_position": was,
                    "to_position": is_now,
                    **names[song],
                }


def song_runs(history: History) -> Iterator[Record]:
    names = _names(history)
    for playlist, days in _snapshots(history).items():
        present = [
            {
                song: min(p for (s, _), p in _places(history[on], playlist).items() if s == song)
                for song, _ in _places(history[on], playlist)
            }
            for on in days
        ]
        for song in {song for songs in present for song in songs}:
            flags = [song in songs for songs in present]
            runs = [len(run) for run in "".join("x" if flag else " " for flag in flags).split()]
            on = [day for day, flag in zip(days, flags, strict=True) if flag]
            yield {
                "playlist_id": playlist,
                "song_id": song,
                "first_on": on[0],
                "last_on": on[-1],
                "days_present": len(on),
                "longest_run": max(runs),
                "re_entries": len(runs) - 1,
                "best_position": min(songs[song] for songs in present if song in songs),
                "is_present": flags[-1],
                **names[song],
            }


def artist_share(history: History) -> Iterator[Record]:
    latest = {row["artist_id"]: row["name"] for row in dimension(history, "artists")}
    for on, tables in history.items():
        entries = [row for row in tables["playlist_items"] if row["song_id"]]
        credits = defaultdict(list)
        for row in tables["song_artists"]:
            credits[row["song_id"]].append(row["artist_id"])
        rows: dict[object, list[tuple[object, object]]] = defaultdict(list)
        for entry in entries:
            for artist in credits[entry["song_id"]]:
                rows[artist].append((entry["song_id"], entry["playlist_id"]))
        for artist, found in rows.items():
            yield {
                "snapshot_date": on,
                "artist_id": artist,
                "artist_name": latest[artist],
                "slots": len(found),
                "songs": len({song for song, _ in found}),
                "playlists": len({playlist for _, playlist in found}),
                "slot_share": len(found) / len(entries),
            }


def release_profile(history: History) -> Iterator[Record]:
    for on, tables in history.items():
        albums = {row["album_id"]: row["release_date"] for row in tables["albums"]}
        released = {row["song_id"]: albums[row["album_id"]] for row in tables["songs"]}
        playlists: dict[object, list[object]] = defaultdict(list)
        for row in tables["playlist_items"]:
            if row["song_id"]:
                playlists[row["playlist_id"]].append(row["song_id"])
        for playlist, songs in playlists.items():
            ages = [(on - date).days / 365.25 for song in set(songs) if isinstance(date := released[song], dt.date)]
            years = Counter(date.year if isinstance(date := released[song], dt.date) else None for song in songs)
            for year, slots in years.items():
                yield {
                    "snapshot_date": on,
                    "playlist_id": playlist,
                    "release_year": year,
                    "slots": slots,
                    "slot_share": slots / len(songs),
                    "median_age_years": statistics.median(ages) if ages else None,
                }


def playlist_overlap(history: History) -> Iterator[Record]:
    for on, tables in history.items():
        songs: dict[str, set[object]] = defaultdict(set)
        for row in tables["playlist_items"]:
            if row["song_id"]:
                songs[str(row["playlist_id"])].add(row["song_id"])
        for one in songs:
            for other in songs:
                common = songs[one] & songs[other]
                if one < other and common:
                    yield {
                        "snapshot_date": on,
                        "playlist_id": one,
                        "other_playlist_id": other,
                        "songs_in_common": len(common),
                        "songs": len(songs[one]),
                        "other_songs": len(songs[other]),
                        "jaccard": len(common) / len(songs[one] | songs[other]),
                    }


def song_popularity(history: History) -> Iterator[Record]:
    names = _names(history)
    last: dict[object, int] = {}
    for on in sorted(history):
        for row in history[on]["songs"]:
            song, popularity = row["song_id"], row["popularity"]
            if not isinstance(popularity, int):
                continue
            before = last.get(song)
            yield {
                "snapshot_date": on,
                "song_id": song,
                "popularity": popularity,
                "previous_popularity": before,
                "change": None if before is None else popularity - before,
                **names[song],
            }
            last[song] = popularity


MARTS = {
    "playlist_changes": playlist_changes,
    "song_runs": song_runs,
    "artist_share": artist_share,
    "release_profile": release_profile,
    "playlist_overlap": playlist_overlap,
    "song_popularity": song_popularity,
}


def _snapshots(history: History) -> dict[str, list[dt.date]]:
    days: dict[str, list[dt.date]] = defaultdict(list)
    for on in sorted(history):
        for row in history[on]["playlists"]:
            days[str(row["playlist_id"])].append(on)
    return days


def _places(tables: Tables, playlist: str) -> dict[tuple[object, int], int]:
    """(song, occurrence) to position."""
    seen: Counter[object] = Counter()
    places: dict[tuple[object, int], int] = {}
    rows: Sequence[Mapping[str, object]] = [row for row in tables["playlist_items"] if row["playlist_id"] == playlist]
    for row in sorted(rows, key=_position):
        if row["song_id"]:
            seen[row["song_id"]] += 1
            places[row["song_id"], seen[row["song_id"]]] = _position(row)
    return places


def _names(history: History) -> dict[object, Record]:
    artists = {row["artist_id"]: row["name"] for row in dimension(history, "artists")}
    return {
        row["song_id"]: {"song_name": row["name"], "artist_name": artists[row["artist_id"]]}
        for row in dimension(history, "songs")
    }


def _position(row: Mapping[str, object]) -> int:
    position = row["position"]
    assert isinstance(position, int)
    return position
