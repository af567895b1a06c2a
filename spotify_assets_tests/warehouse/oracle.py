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


def song_stays(history: History) -> Iterator[Record]:
    names = _names(history)
    for playlist, days in _snapshots(history).items():
        open_stays: dict[object, Record] = {}
        for on in days:
            best = _best(history[on], playlist)
            for song in {*open_stays} - {*best}:
                yield {**open_stays.pop(song), "is_open": False}
            for song, position in best.items():
                new: Record = {"playlist_id": playlist, "song_id": song, "first_on": on, "days_present": 0}
                stay = open_stays.setdefault(song, {**new, "best_position": position, **names[song]})
                stay["last_on"] = on
                stay["days_present"] = _int(stay["days_present"]) + 1
                stay["best_position"] = min(_int(stay["best_position"]), position)
        yield from ({**stay, "is_open": True} for stay in open_stays.values())


def song_runs(history: History) -> Iterator[Record]:
    names = _names(history)
    for playlist, days in _snapshots(history).items():
        present = [_best(history[on], playlist) for on in days]
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


def playlist_week(history: History) -> Iterator[Record]:
    names = _names(history)
    stays: dict[object, list[Record]] = defaultdict(list)
    for stay in song_stays(history):
        stays[stay["playlist_id"], stay["song_id"]].append(stay)
    for playlist, days in _snapshots(history).items():
        ends = {monday(on): on for on in days}
        for previous, (week, end) in zip([None, *ends.values()], ends.items(), strict=False):
            before = _best(history[previous], playlist) if previous else {}
            now = _best(history[end], playlist)
            rows: list[Record] = []
            for song in {*before, *now}:
                was, to = before.get(song), now.get(song)
                at = str(end if to is not None else previous)
                all_stays = stays[playlist, song]
                (stay,) = (one for one in all_stays if str(one["first_on"]) <= at <= str(one["last_on"]))
                returned = any(str(one["first_on"]) < str(stay["first_on"]) for one in all_stays)
                rows.append(
                    {
                        "week_start": week,
                        "playlist_id": playlist,
                        "song_id": song,
                        "change": _week_change(was, to, first=previous is None, returned=returned),
                        "snapshot_date": end,
                        "previous_date": previous,
                        "from_position": was,
                        "to_position": to,
                        "places": was - to if was is not None and to is not None else None,
                        "in_since": stay["first_on"],
                        "longest_place": None,
                        **names[song],
                    }
                )
            there = [row for row in rows if row["to_position"] is not None]
            there.sort(key=lambda row: (str(row["in_since"]), _int(row["to_position"]), str(row["song_id"])))
            for place, row in enumerate(there[:10], start=1):
                row["longest_place"] = place
            yield from (row for row in rows if row["longest_place"] or row["change"] != "stayed")


def _week_change(was: int | None, to: int | None, *, first: bool, returned: bool) -> str:
    if to is None:
        return "gone"
    if first or was == to:
        return "stayed"
    if was is None:
        return "returned" if returned else "new"
    return "climbed" if to < was else "fell"


def monday(on: dt.date) -> dt.date:
    return on - dt.timedelta(days=on.weekday())


def artist_momentum(history: History) -> Iterator[Record]:
    artists = {row["artist_id"]: row for row in dimension(history, "artists")}
    dates: dict[dt.date, set[object]] = defaultdict(set)
    shares: dict[tuple[dt.date, object], list[float]] = defaultdict(list)
    playlists: dict[tuple[dt.date, object], int] = defaultdict(int)
    for row in artist_share(history):
        key = monday(dt.date.fromisoformat(str(row["snapshot_date"]))), row["artist_id"]
        dates[key[0]].add(row["snapshot_date"])
        shares[key].append(float(str(row["slot_share"])))
        playlists[key] = max(playlists[key], _int(row["playlists"]))
    weeks = {*dates} | {week + dt.timedelta(days=7) for week in dates}
    for week in weeks & {*dates}:
        before = week - dt.timedelta(days=7)
        for artist in {artist for (of, artist) in shares if of in (week, before)}:
            now = sum(shares.get((week, artist), [])) / len(dates[week])
            was = sum(shares.get((before, artist), [])) / len(dates[before]) if before in dates else None
            first = dt.date.fromisoformat(str(artists[artist]["first_seen_on"]))
            yield {
                "week_start": week,
                "artist_id": artist,
                "slot_share": now,
                "previous_share": was,
                "momentum": None if was is None else now - was,
                "best_playlists": playlists.get((week, artist), 0),
                "artist_name": artists[artist]["name"],
                "is_debut": week <= first < week + dt.timedelta(days=7),
            }


def playlist_health(history: History) -> Iterator[Record]:
    for on, tables in history.items():
        titles = {row["song_id"]: row["name"] for row in tables["songs"]}
        for playlist in tables["playlists"]:
            rows = [row for row in tables["playlist_items"] if row["playlist_id"] == playlist["playlist_id"]]
            kinds = Counter(row["item_type"] for row in rows)
            songs = [row["song_id"] for row in rows if row["song_id"]]
            yield {
                "snapshot_date": on,
                "playlist_id": playlist["playlist_id"],
                "is_complete": playlist["is_complete"],
                "item_count": playlist["item_count"],
                "entry_count": len(rows),
                "tracks": kinds["track"],
                "local_files": kinds["local"],
                "episodes": kinds["episode"],
                "missing": kinds["missing"],
                "withdrawn": sum(row["item_type"] == "track" and titles.get(row["song_id"]) == "" for row in rows),
                "repeated": len(songs) - len({*songs}),
            }


def playlist_freshness(history: History) -> Iterator[Record]:
    for on, tables in history.items():
        released = {row["album_id"]: row["release_date"] for row in tables["albums"]}
        albums = {row["song_id"]: row["album_id"] for row in tables["songs"]}
        entries: dict[object, list[Mapping[str, object]]] = defaultdict(list)
        for row in tables["playlist_items"]:
            if row["song_id"]:
                entries[row["playlist_id"]].append(row)
        for playlist, rows in entries.items():
            added = [row.get("added_at") for row in rows]
            out = [released.get(albums[row["song_id"]]) for row in rows]
            ages = {
                "added": [(on - at.date()).days for at in added if isinstance(at, dt.datetime)],
                "released": [(on - at).days for at in out if isinstance(at, dt.date)],
            }
            record: Record = {"snapshot_date": on, "playlist_id": playlist, "entries": len(rows)}
            for kind, days in ages.items():
                record[f"{kind}_known"] = len(days)
                for limit in (30, 90, 365):
                    record[f"{kind}_{limit}_share"] = sum(age < limit for age in days) / len(days) if days else None
            yield record


def song_duplicates(history: History) -> Iterator[Record]:
    names = _names(history)
    for on, tables in history.items():
        isrc = {row["song_id"]: row.get("isrc") for row in tables["songs"]}
        groups: dict[tuple[object, str, object], list[Mapping[str, object]]] = defaultdict(list)
        for row in tables["playlist_items"]:
            if row["song_id"]:
                groups[row["playlist_id"], "song", row["song_id"]].append(row)
                if isrc[row["song_id"]]:
                    groups[row["playlist_id"], "isrc", isrc[row["song_id"]]].append(row)
        for (playlist, kind, what), rows in groups.items():
            songs = sorted({str(row["song_id"]) for row in rows})
            if (len(rows) if kind == "song" else len(songs)) < 2:
                continue
            positions = [_int(row["position"]) for row in rows]
            yield {
                "snapshot_date": on,
                "playlist_id": playlist,
                "kind": kind,
                "duplicate_of": what,
                "song_id": songs[0],
                "entries": len(rows),
                "songs": len(songs),
                "first_position": min(positions),
                "last_position": max(positions),
                **names[songs[0]],
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
        released = {row["song_id"]: albums.get(row["album_id"]) for row in tables["songs"]}
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
    "song_stays": song_stays,
    "song_runs": song_runs,
    "artist_share": artist_share,
    "release_profile": release_profile,
    "playlist_overlap": playlist_overlap,
    "song_popularity": song_popularity,
    "playlist_week": playlist_week,
    "artist_momentum": artist_momentum,
    "playlist_health": playlist_health,
    "playlist_freshness": playlist_freshness,
    "song_duplicates": song_duplicates,
}


def _int(value: object) -> int:
    return int(str(value))


def _best(tables: Tables, playlist: str) -> dict[object, int]:
    """Song to its smallest position."""
    best: dict[object, int] = {}
    for (song, _), position in _places(tables, playlist).items():
        best[song] = min(best.get(song, 1_000_000), _int(position))
    return best


def _snapshots(history: History) -> dict[str, list[dt.date]]:
    """Playlist to the dates of its whole snapshots."""
    days: dict[str, list[dt.date]] = defaultdict(list)
    for on in sorted(history):
        for row in history[on]["playlists"]:
            if row["is_complete"]:
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
        row["song_id"]: {"song_name": row["name"], "artist_name": artists.get(row["artist_id"])}
        for row in dimension(history, "songs")
    }


def _position(row: Mapping[str, object]) -> int:
    position = row["position"]
    assert isinstance(position, int)
    return position
