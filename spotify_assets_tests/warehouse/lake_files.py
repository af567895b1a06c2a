"""A small lake written by hand for the warehouse's tests: Parquet from the contract, and commit records.

Independent of the transform engines, so that a mistake of theirs can't hide one of the warehouse's.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from glue_scripts.commit import Commit, DataFile, Source, TableFiles
from glue_scripts.contract import LAKE_TABLES, Table, Type
from spotify_assets.lake import layout
from spotify_assets.storage.object_store import ObjectStore

Rows = Sequence[Mapping[str, object]]
Tables = Mapping[str, Rows]

_ARROW = {
    Type.STRING: pa.string(),
    Type.INTEGER: pa.int64(),
    Type.FLOAT: pa.float64(),
    Type.BOOLEAN: pa.bool_(),
    Type.DATE: pa.date32(),
    Type.TIMESTAMP: pa.timestamp("us"),
}

DAY = dt.date(2026, 1, 1)

LOCAL = "v"
"""The song that is a local file."""


def day(number: int) -> dt.date:
    """The `number`-th snapshot date of the tests, from 0."""
    return DAY + dt.timedelta(days=number)


def open_lake(folder: Path) -> ObjectStore:
    return ObjectStore.open(folder.as_uri())


def write_parquet(path: Path, table: Table, rows: Rows, *, columns: Sequence[str] | None = None) -> None:
    """Rows as the contract types them; columns a row lacks are NULL. `columns` keeps only those."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = [column for column in table.columns if columns is None or column.name in columns]
    schema = pa.schema([(column.name, _ARROW[column.type]) for column in kept])
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema), path)


def commit_day(store: ObjectStore, on: dt.date, run_id: str, tables: Tables, *, files_per_table: int = 1) -> Commit:
    """Write one date's tables as run `run_id` and make it current. Tables left out have no rows."""
    root = Path(store.url().removeprefix("file://").replace("%20", " "))
    written: dict[str, TableFiles] = {}
    for name, table in LAKE_TABLES.items():
        rows = [{**row, "snapshot_date": on, "run_id": run_id} for row in tables.get(name, ())]
        files = []
        for number in range(files_per_table):
            part = rows[number::files_per_table]
            if part:
                key = f"{layout.table_run_prefix(name, run_id, on)}part-{number}.parquet"
                write_parquet(root / key, table, part)
                files.append(DataFile(key, len(part), (root / key).stat().st_size))
        written[name] = TableFiles(tuple(files))
    entries = written["playlist_items"].rows
    commit = Commit(
        day=on.isoformat(),
        run_id=run_id,
        engine="tests",
        committed_at="2026-01-01T00:00:00Z",
        sources=(Source(f"raw/{on}", run_id),),
        entries=entries,
        quarantined=0,
        quarantine_key=None,
        tables=written,
    )
    store.put(layout.commit_key(on), commit.to_json())
    return commit


def tables_of(
    playlists: Mapping[str, Sequence[str | None]],
    *,
    name_suffix: str = "",
    on: int = 0,
    incomplete: Collection[str] = (),
) -> Tables:
    """All seven tables of playlists given as song ids in order (None: an entry without a song).

    A song `a` is by artist `art_a`, on album `alb_a` of year 2000 + its letter's number; a song `a+b` is by both; `v`
    is a local file, without album, artist or popularity. Playlists in `incomplete` are marked so.
    """
    songs = sorted({song for entries in playlists.values() for song in entries if song})
    published = [song for song in songs if song != LOCAL]
    credits = [(song, part, place) for song in published for place, part in enumerate(song.split("+"))]
    artists = sorted({artist for _, artist, _ in credits})
    return {
        "playlists": [
            {
                "playlist_id": playlist,
                "name": f"{playlist}{name_suffix}",
                "description": "",
                "owner_id": "o",
                "owner_name": "",
                "is_collaborative": False,
                "spotify_snapshot_id": "",
                "item_count": len(entries),
                "entry_count": len(entries),
                "is_complete": playlist not in incomplete,
                "extracted_at": dt.datetime.fromisoformat("2026-01-01T00:00:00"),
            }
            for playlist, entries in playlists.items()
        ],
        "playlist_items": [
            {
                "playlist_id": playlist,
                "position": position,
                "item_type": "missing" if song is None else "local" if song == LOCAL else "track",
                "song_id": song,
                "name": song,
                "added_at": _added(song, position),
            }
            for playlist, entries in playlists.items()
            for position, song in enumerate(entries)
        ],
        "songs": [
            {
                "song_id": song,
                "uri": f"spotify:track:{song}",
                "name": f"{song}{name_suffix}",
                "album_id": None if song == LOCAL else f"alb_{song}",
                "artist_id": None if song == LOCAL else f"art_{song.split('+')[0]}",
                "duration_ms": 1000,
                "is_explicit": False,
                "popularity": None if song == LOCAL or song.startswith("x") else (sum(map(ord, song)) + on) % 101,
                "isrc": None if song == LOCAL else song[0].upper(),
                "disc_number": 1,
                "track_number": 1,
                "is_local": song == LOCAL,
            }
            for song in songs
        ],
        "albums": [
            {"album_id": f"alb_{song}", "name": f"album {song}{name_suffix}", "release_date": _released(song)}
            for song in published
        ],
        "artists": [{"artist_id": f"art_{artist}", "name": f"artist {artist}{name_suffix}"} for artist in artists],
        "song_artists": [
            {"song_id": song, "artist_id": f"art_{artist}", "position": place} for song, artist, place in credits
        ],
        "album_artists": [
            {"album_id": f"alb_{song}", "artist_id": f"art_{artist}", "position": place}
            for song, artist, place in credits
        ],
    }


def _added(song: str | None, position: int) -> dt.datetime | None:
    days = 0 if song is None else ord(song[0]) * 3 % 400
    return None if position % 5 == 4 else dt.datetime.combine(DAY, dt.time()) - dt.timedelta(days=days)


def _released(song: str) -> dt.date | None:
    return None if song.startswith("x") else dt.date(2000 + ord(song[0]) % 20, 1, 1)


def evolving(days: int, *, seed: int = 0, playlists: int = 3, songs: int = 12) -> list[dict[str, list[str | None]]]:
    """Playlists that change from day to day: songs come, go, move and stand twice; now and then a playlist is empty
    or had no snapshot at all."""
    rng = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwx"
    pool = [*letters, *(f"{one}+{two}" for one, two in zip(letters, letters[3:], strict=False))]
    now: dict[str, list[str | None]] = {f"P{number}": rng.sample(pool, songs) for number in range(playlists)}
    history = []
    for _ in range(days):
        for entries in now.values():
            for _ in range(rng.randint(0, 3)):
                if entries:
                    entries.pop(rng.randrange(len(entries)))
                entries.insert(rng.randint(0, len(entries)), rng.choice([*pool, None]))
            if rng.random() < 0.05:
                entries.clear()
        history.append({name: list(entries) for name, entries in now.items() if rng.random() > 0.15})
    return history
