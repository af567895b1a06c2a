"""Sixty playlists over seven hundred days, as a warehouse would hold them: for the drills and for looking."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb

from glue_scripts.contract import Table
from spotify_assets.dashboard.data import READS
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse.schema import prepare
from spotify_assets.warehouse.sql import FILE_FORMAT, literal, render

LAST_DAY = dt.date(2026, 11, 21)

_WORDS = """
CREATE MACRO word(n) AS list_extract(['Paper', 'Velvet', 'Northern', 'Silent', 'Copper', 'Hollow', 'Electric',
    'Distant', 'Marble', 'Golden', 'Slow', 'Crooked', 'Amber', 'Salt', 'Winter', 'Harbour', 'Lanterns', 'Orchard',
    'Signals', 'Mirrors', 'Rivers', 'Satellites', 'Gardens', 'Engines', 'Horses'], CAST(n % 25 AS INTEGER) + 1);
CREATE MACRO spotify_id(kind, n) AS substr(translate(to_base64(CAST(unhex(sha256(kind || n)) AS BLOB)), '+/=', 'xyz'), 1, 22);
"""

_WORLD = """
CREATE TABLE days AS SELECT CAST(DATE '{last}' AS DATE) - CAST({days} - 1 - d AS INTEGER) AS snapshot_date, d
    FROM range({days}) t(d);
-- Every third playlist is a chart in which everything moves, the others change a few songs now and then.
CREATE TABLE stays AS
    SELECT p, CAST(hash(p * 100003 + s) % ({days} * 14 + 900) AS BIGINT) AS song,
        CAST(s * {days} / {songs} - 40 AS BIGINT) + CAST(hash(s * 31 + p) % 30 AS BIGINT) AS came,
        25 + CAST(hash(s * 17 + p * 5) % 90 AS BIGINT) AS stayed,
        CAST(hash(s * 7 + p) % 1000 AS DOUBLE) / 10 AS score, CAST(hash(s * 13 + p) % 100 AS DOUBLE) / 9 AS sway
    FROM range({playlists}) a(p), range({songs}) b(s);
CREATE TABLE entries AS
    SELECT p, d, snapshot_date, song, position FROM (
        SELECT p, d, snapshot_date, song, came,
            row_number() OVER (PARTITION BY p, d ORDER BY score + CASE WHEN p % 3 = 0 THEN sway * sin((d - came) / 9.0)
                + (d - came) * 0.4 ELSE 0 END, song, came) - 1 AS position
        FROM stays JOIN days ON d >= came AND d < came + stayed
    ) WHERE position < 100;
CREATE TABLE world_songs AS SELECT song, spotify_id('song', song) AS song_id, song % 1400 AS artist FROM (SELECT DISTINCT song FROM stays);
"""

_TABLES = {
    "lake.playlists": """SELECT snapshot_date, spotify_id('playlist', p) AS playlist_id, 'Playlist ' || (p + 1) AS name,
        'The Desk' AS owner_name, count(*) AS item_count, count(*) AS entry_count, true AS is_complete
        FROM entries GROUP BY ALL""",
    "lake.playlist_items": """SELECT snapshot_date, spotify_id('playlist', p) AS playlist_id, position, 'track' AS item_type, song_id,
        word(song) AS name, CAST(snapshot_date - CAST(hash(song) % 400 AS INTEGER) AS TIMESTAMP) AS added_at
        FROM entries JOIN world_songs USING (song)""",
    "spotify.playlists": """SELECT spotify_id('playlist', p) AS playlist_id, 'Playlist ' || (p + 1) AS name, 'The Desk' AS owner_name
        FROM range({playlists}) t(p)""",
    "spotify.songs": """SELECT song_id, word(hash(song) % 25) || ' ' || word(song // 7) || ' ' || word(hash(song + 5) % 25) AS name,
        song_id AS album_id, spotify_id('artist', artist) AS artist_id, 'QZ' || lpad(CAST(song AS VARCHAR), 10, '0') AS isrc
        FROM world_songs""",
    "spotify.albums": "SELECT song_id AS album_id, DATE '1990-01-01' + CAST(hash(song) % 13000 AS INTEGER) AS release_date FROM world_songs",
    "spotify.artists": """SELECT spotify_id('artist', a) AS artist_id, word(a) || ' ' || word(a // 25) AS name FROM range(1400) t(a)""",
    "spotify.song_artists": "SELECT song_id, spotify_id('artist', artist) AS artist_id, 0 AS position FROM world_songs",
    "lake.loads": """SELECT name AS table_name, snapshot_date, 'run' AS run_id
        FROM days, (VALUES ('playlists'), ('playlist_items')) t(name)""",
    "spotify.applied_loads": """SELECT name AS table_name, snapshot_date, 'run' AS run_id
        FROM days, (VALUES ('songs'), ('albums'), ('artists'), ('song_artists')) t(name)""",
}


def large_warehouse(folder: Path, *, playlists: int = 60, days: int = 700) -> EmbeddedWarehouse:
    """An embedded warehouse with so many playlists of 100 entries, read on so many days: what the page's queries read."""
    store = ObjectStore.open((folder / "rows").as_uri())
    tables = {f"{layer}.{table.name}": (layer, table) for layer, table in READS}
    sizes = {"playlists": playlists, "days": days, "last": LAST_DAY, "songs": days * 2}
    with duckdb.connect() as world:
        world.execute(_WORDS)
        world.execute(_WORLD.format(**sizes))
        for name, query in _TABLES.items():
            columns = ", ".join(_column(world, tables[name][1], query.format(**sizes)))
            world.execute(
                f"COPY (SELECT {columns} FROM ({query.format(**sizes)})) TO '{folder / 'rows' / name}.parquet'"
            )
    warehouse = EmbeddedWarehouse(folder=str(folder / "warehouse"), database="SPOTIFY_ASSETS")
    with warehouse.session() as session:
        prepare(session, tables.values())
        with session.stage(store, [f"{name}.parquet" for name in _TABLES]) as stage:
            for name in _TABLES:
                files = literal(f"{name}.parquet")
                session.execute(render("lake_copy", target=name.upper(), stage=stage, files=files, format=FILE_FORMAT))
    return warehouse


def _column(world: duckdb.DuckDBPyConnection, table: Table, query: str) -> list[str]:
    """The table's columns, as the query gives them or empty."""
    given = {str(row[0]) for row in world.execute(f"DESCRIBE {query}").fetchall()}
    return [
        f"CAST({column.name if column.name in given else 'NULL' if column.nullable else _EMPTY.get(column.type.duckdb, '0')} "
        f"AS {column.type.duckdb}) AS {column.name}"
        for column in table.columns
    ]


_EMPTY = {"VARCHAR": "''", "BOOLEAN": "false", "DATE": "DATE '2026-01-01'", "TIMESTAMP": "TIMESTAMP '2026-01-01'"}
