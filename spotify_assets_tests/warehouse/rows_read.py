"""How many rows each statement reads, counted by the embedded warehouse's own profile of it.

A scan counts the rows that pass its conditions: what Snowflake reads where micro-partitions are pruned by date, because
tables are loaded date by date. Also a way to make a day of any size in the lake, by SQL.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from glue_scripts.commit import Commit, DataFile, Source, TableFiles
from glue_scripts.contract import LAKE_TABLES, Table
from spotify_assets.lake import layout
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse.session import Session

ENTRIES = 100
"""Of a playlist."""


@dataclass
class Reads:
    """What was sent since it was made: statements of ours, and the rows that their scans gave."""

    statements: int = 0
    rows: int = 0


@dataclass
class _Profiled:
    """DuckDB's connection, which is asked after each statement what its scans have read: at once where it has been
    carried out, else when the answer is fetched."""

    connection: Any
    reads: Reads
    _open: bool = field(default=False)

    def execute(self, command: Any, *arguments: Any, **options: Any) -> Any:
        self.connection.execute(command, *arguments, **options)
        self._open = True
        if re.match(r"\s*(INSERT|DELETE|UPDATE|MERGE|CREATE)\b", str(command), re.IGNORECASE):
            self.settle()
        return self

    def settle(self) -> None:
        """Count the statement, once."""
        if self._open:
            self._open = False
            profile = json.loads(self.connection.get_profiling_information("json") or "{}")
            self.reads.rows += sum(map(_scanned, profile.get("operator") or ()))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.connection, name)
        if not name.startswith("fetch") and name not in ("arrow", "df", "to_arrow_table"):
            return found

        def fetched(*arguments: Any, **options: Any) -> Any:
            answer = found(*arguments, **options)
            self.settle()
            return answer

        return fetched


def _scanned(operator: Mapping[str, Any]) -> int:
    """The rows that this operator and those below it have read: of our tables and files, not of what fakesnow keeps."""
    about = operator.get("extra_info") or {}
    table = str(about.get("Table", ""))
    ours = table.startswith("SPOTIFY_ASSETS.") and "._fs_" not in table
    from_file = str(about.get("Function", operator.get("type"))).endswith("PARQUET")
    own = int(operator.get("intermediate_rows", 0)) if ours or from_file else 0
    return own + sum(map(_scanned, operator.get("children", ())))


@contextmanager
def counted(session: Session) -> Iterator[Reads]:
    """Counts what the session sends meanwhile."""
    connection: Any = session._connection
    plain, before = connection._duck_conn, session.statements
    plain.execute("PRAGMA enable_profiling='no_output'")
    reads = Reads()
    connection._duck_conn = _Profiled(plain, reads)
    try:
        yield reads
    finally:
        connection._duck_conn = plain
        plain.execute("PRAGMA disable_profiling")
    reads.statements = session.statements - before


_DAY = """
CREATE TABLE entries AS SELECT p, position, (hash(p * 1009 + position) + {shift}) % ({playlists} * 30) AS song
    FROM range({playlists}) a(p), range({entries}) b(position);
CREATE TABLE day_songs AS SELECT DISTINCT song FROM entries;
"""

_ROWS = {
    "playlists": "SELECT 'p' || p AS playlist_id, {entries} AS item_count, {entries} AS entry_count, "
    "true AS is_complete FROM range({playlists}) t(p)",
    "playlist_items": "SELECT 'p' || p AS playlist_id, position, 'track' AS item_type, 's' || song AS song_id "
    "FROM entries",
    "songs": "SELECT 's' || song AS song_id, 'Song ' || song AS name, 'b' || (song // 8) AS album_id, "
    "'a' || (song % ({playlists} * 5)) AS artist_id FROM day_songs",
    "albums": "SELECT DISTINCT 'b' || (song // 8) AS album_id, DATE '2020-02-01' AS release_date FROM day_songs",
    "artists": "SELECT DISTINCT 'a' || (song % ({playlists} * 5)) AS artist_id FROM day_songs",
    "song_artists": "SELECT 's' || song AS song_id, 'a' || (song % ({playlists} * 5)) AS artist_id, 0 AS position "
    "FROM day_songs",
    "album_artists": "SELECT 'b' || (song // 8) AS album_id, min('a' || (song % ({playlists} * 5))) AS artist_id, "
    "0 AS position FROM day_songs GROUP BY ALL",
}

_EMPTY = {"VARCHAR": "''", "BOOLEAN": "false", "DATE": "DATE '2026-01-01'", "TIMESTAMP": "TIMESTAMP '2026-01-01'"}


def commit_large_day(store: ObjectStore, folder: Path, day: dt.date, playlists: int) -> Commit:
    """A date of so many playlists of 100 entries, committed; dates differ in songs. `folder` is the store's."""
    run = f"run-{day}"
    sizes = {"playlists": playlists, "entries": ENTRIES, "shift": day.toordinal()}
    tables: dict[str, TableFiles] = {}
    with duckdb.connect() as world:
        world.execute(_DAY.format(**sizes))
        for name, table in LAKE_TABLES.items():
            key = f"{layout.table_run_prefix(name, run, day)}part-0.parquet"
            path = folder / key
            path.parent.mkdir(parents=True)
            query = _ROWS[name].format(**sizes)
            columns = ", ".join(_columns(world, table, query, day, run))
            world.execute(f"COPY (SELECT {columns} FROM ({query})) TO '{path}'")
            rows = world.execute(f"SELECT count(*) FROM '{path}'").fetchall()[0][0]
            tables[name] = TableFiles((DataFile(key, rows, path.stat().st_size),))
    commit = Commit(
        day=day.isoformat(),
        run_id=run,
        engine="tests",
        committed_at="2026-01-01T00:00:00Z",
        sources=(Source(f"raw/{day}", run),),
        entries=playlists * ENTRIES,
        quarantined=0,
        quarantine_key=None,
        tables=tables,
    )
    store.put(layout.commit_key(day), commit.to_json())
    return commit


def _columns(world: duckdb.DuckDBPyConnection, table: Table, query: str, day: dt.date, run: str) -> Iterator[str]:
    given = {str(row[0]) for row in world.execute(f"DESCRIBE {query}").fetchall()}
    own = {"snapshot_date": f"DATE '{day}'", "run_id": f"'{run}'"}
    for column in table.columns:
        value = column.name if column.name in given else own.get(column.name)
        value = value or ("NULL" if column.nullable else _EMPTY.get(column.type.duckdb, "0"))
        yield f"CAST({value} AS {column.type.duckdb}) AS {column.name}"
