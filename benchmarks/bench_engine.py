"""The DuckDB engine beside the barest DuckDB pass over the same files, and beside a pandas row loop."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.measure import import_duckdb, in_own_process, report
from benchmarks.raw_lakes import write_raw_lake
from glue_scripts.spans import days_between
from spotify_assets.engines.duckdb_engine import OBJECTS_A_PASS, batches, build_day, build_days
from spotify_assets.engines.engine import DaySources
from spotify_assets.lake import state
from spotify_assets.storage.object_store import ObjectStore

_CREDIT: dict[str, object] = {"id": "VARCHAR", "name": "VARCHAR", "external_urls": {"spotify": "VARCHAR"}}
_ALBUM: dict[str, object] = {
    **dict.fromkeys(("id", "name", "album_type", "release_date", "release_date_precision"), "VARCHAR"),
    "total_tracks": "BIGINT",
    "external_urls": {"spotify": "VARCHAR"},
    "images": [{"url": "VARCHAR"}],
    "artists": [_CREDIT],
}
_TRACK: dict[str, object] = {
    **dict.fromkeys(("id", "uri", "name", "type"), "VARCHAR"),
    **dict.fromkeys(("duration_ms", "popularity", "disc_number", "track_number"), "BIGINT"),
    "explicit": "BOOLEAN",
    "external_ids": {"isrc": "VARCHAR"},
    "external_urls": {"spotify": "VARCHAR"},
    "album": _ALBUM,
    "artists": [_CREDIT],
}
_ITEM: dict[str, object] = {
    "added_at": "VARCHAR",
    "added_by": {"id": "VARCHAR"},
    "is_local": "BOOLEAN",
    "track": _TRACK,
}


def _type(shape: object) -> str:
    """DuckDB's type of a structure."""
    if isinstance(shape, list):
        return f"{_type(shape[0])}[]"
    if isinstance(shape, dict):
        return f"STRUCT({', '.join(f'{name} {_type(part)}' for name, part in shape.items())})"
    return str(shape)


def main() -> None:
    """200,000 entries in 2,000 objects, and 1,000 entries in 10; then 2,000,000 beside 200,000."""
    compare()
    grow()


def grow() -> None:
    """20 dates of 1,000 playlists in one build beside 2 such dates; every date has the same entries."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (first,) = write_raw_lake(root, objects=1_000, entries=100)
        days = days_between(first, first + dt.timedelta(days=19))
        for day in days[1:]:
            for path in (root / "raw" / f"snapshot_date={first}").rglob("*.gz"):
                other = Path(str(path).replace(str(first), str(day)))
                other.parent.mkdir(parents=True, exist_ok=True)
                other.hardlink_to(path)
        small = in_own_process(partial(engine_passes, root, days[:2]), warm=import_duckdb)
        large = in_own_process(partial(engine_passes, root, days), warm=import_duckdb)
        report("DuckDB engine, 2,000,000 entries on 20 dates", large, [("200,000 on 2 dates", small)])


def compare() -> None:
    """The engine beside the barest pass and a pandas loop."""
    for objects, times in ((2_000, 3), (10, 9)):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (day,) = write_raw_lake(root, objects=objects, entries=100)
            files = sorted((root / "raw").rglob("*.gz"))
            engine = in_own_process(partial(engine_pass, root, day), times=times, warm=import_duckdb)
            bare = in_own_process(partial(bare_pass, files, root / "bare"), times=times, warm=import_duckdb)
            quick = partial(bare_pass, files, root / "quick", read="parsed")
            quickest = in_own_process(quick, times=times, warm=import_duckdb)
            loop = in_own_process(partial(pandas_loop, files, root / "loop"), warm=_import_pandas)
            report(
                f"DuckDB engine, {objects * 100:,} entries",
                engine,
                [
                    ("the barest DuckDB pass, six tables", bare),
                    ("the same, read as DuckDB reads fastest", quickest),
                    ("a pandas row loop, three tables", loop),
                ],
            )


def engine_pass(root: Path, day: dt.date) -> None:
    """What a step does for one date: list the raw objects, build the tables."""
    store = ObjectStore.open(root.as_uri())
    build_day(store, "bench", DaySources(day, state.read_current_sources(store, [day])[day]))


def engine_passes(root: Path, days: list[dt.date]) -> None:
    """What a step does for many dates: list, then build in as many passes as the engine takes."""
    store = ObjectStore.open(root.as_uri())
    sources = state.read_current_sources(store, days)
    for batch in batches([DaySources(day, sources[day]) for day in days], OBJECTS_A_PASS):
        build_days(store, "bench", batch)


def bare_pass(files: list[Path], out: Path, *, read: str = "typed") -> None:
    """Read, six SELECTs, Parquet out: no quarantine, no oddities, no tie-breaks, no commit. A floor, not a product.

    It reads as most people would (`typed`: types for read_json), or each element as JSON and from_json, which is what
    DuckDB does fastest (`parsed`).
    """
    import duckdb

    out.mkdir(exist_ok=True)
    items, item = {
        "typed": (_type({"items": [_ITEM]}), "item"),
        "parsed": ("STRUCT(items JSON[])", f"from_json(item, '{json.dumps(_ITEM)}')"),
    }[read]
    with duckdb.connect(":memory:") as connection:
        connection.execute("set memory_limit = '900MB'; set preserve_insertion_order = false")
        connection.execute("set enable_progress_bar = false")
        connection.execute(
            f"""
            create temp table entries as
            select playlist_id, position, item.* from (
                select playlist.id as playlist_id, "offset" + i as position, {item} as item
                from (
                    select playlist, "offset", unnest(page.items) as item, unnest(range(len(page.items))) as i
                    from read_json($1, format = 'newline_delimited',
                        columns = {{playlist: 'STRUCT(id VARCHAR)', "offset": 'BIGINT', page: '{items}'}})
                )
            )
            """,
            [[str(file) for file in files]],
        )
        for name, select in _BARE_SELECTS.items():
            connection.execute(f"copy ({select}) to '{out / name}.parquet' (format parquet, compression zstd)")


_BARE_SELECTS = {
    "items": "select playlist_id, position, track.id as song_id, added_at, added_by.id as added_by from entries",
    "songs": """select track.id, any_value(track.name), any_value(track.album.id), any_value(track.duration_ms),
                any_value(track.popularity), any_value(track.external_ids.isrc), any_value(track.explicit)
                from entries group by 1""",
    "albums": """select track.album.id, any_value(track.album.name), any_value(track.album.release_date),
                 any_value(track.album.total_tracks), any_value(track.album.images[1].url) from entries group by 1""",
    "artists": """select a.id, any_value(a.name) from (
                  select unnest(track.artists) as a from entries
                  union all select unnest(track.album.artists) from entries) group by 1""",
    "song_artists": "select distinct track.id, unnest(track.artists).id from entries",
    "album_artists": "select distinct track.album.id, unnest(track.album.artists).id from entries",
}


def pandas_loop(files: list[Path], out: Path) -> None:
    """The usual tutorial transformation, written for this benchmark: a Python loop per table, pandas, CSV."""
    import pandas as pd

    out.mkdir(exist_ok=True)
    albums, artists, songs = [], [], []
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                for item in json.loads(line)["page"]["items"]:
                    track = item["track"]
                    album = track["album"]
                    albums.append(
                        {
                            "album_id": album["id"],
                            "name": album["name"],
                            "release_date": album["release_date"],
                            "total_tracks": album["total_tracks"],
                            "url": album["external_urls"]["spotify"],
                        }
                    )
                    artists += [
                        {"artist_id": credit["id"], "name": credit["name"], "url": credit["href"]}
                        for credit in track["artists"]
                    ]
                    songs.append(
                        {
                            "song_id": track["id"],
                            "name": track["name"],
                            "duration_ms": track["duration_ms"],
                            "popularity": track["popularity"],
                            "added_at": item["added_at"],
                            "album_id": album["id"],
                            "artist_id": track["artists"][0]["id"],
                        }
                    )
    tables = (("albums", albums, "album_id"), ("artists", artists, "artist_id"), ("songs", songs, "song_id"))
    for name, rows, key in tables:
        frame = pd.DataFrame(rows).drop_duplicates(subset=[key])
        if "added_at" in frame:
            frame["added_at"] = pd.to_datetime(frame["added_at"])
        frame.to_csv(out / f"{name}.csv", index=False)


def _import_pandas() -> None:
    import pandas as pd  # noqa: F401
