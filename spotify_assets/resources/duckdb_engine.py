"""The default transform engine: DuckDB, in the step's own process, one date at a time.

Reads JSON and explodes it in DuckDB's words; what a row holds is decided by the shared SELECTs of
`glue_scripts.tables`. DuckDB is imported when a build starts, not when definitions load.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from glue_scripts import tables
from glue_scripts.commit import DataFile, TableFiles
from glue_scripts.contract import LAKE_TABLES
from spotify_assets import lake_layout
from spotify_assets.resources.duckdb_reader import BadLine, read_entries
from spotify_assets.resources.engine import BuiltDay, DaySources, TransformEngine

if TYPE_CHECKING:
    import datetime as dt

    import duckdb

    from spotify_assets.object_store import ObjectStore

_FILE = "part-00000.parquet"


class DuckDBEngine(TransformEngine):
    """Builds tables with DuckDB. `memory_limit` bounds one date's work; beyond it DuckDB spills to a scratch folder."""

    memory_limit: str = Field(default="600MB", description="DuckDB's memory_limit")
    threads: int | None = Field(default=None, description="DuckDB's threads; all cores when not set")

    @property
    def engine_name(self) -> str:
        return "duckdb"

    def examine(self) -> str:
        import duckdb

        return f"DuckDB {duckdb.__version__} in this process, at most {self.memory_limit} of memory"

    def build(
        self, context: dg.AssetExecutionContext, store: ObjectStore, run_id: str, days: Sequence[DaySources]
    ) -> Iterator[BuiltDay]:
        for number, work in enumerate(days, 1):
            built = build_day(store, run_id, work, memory_limit=self.memory_limit, threads=self.threads)
            context.log.info(
                f"{work.day}: {built.entries} entries of {len(work.sources)} raw objects, "
                f"{built.quarantined} quarantined ({number} of {len(days)} dates)"
            )
            yield built


def build_day(
    store: ObjectStore, run_id: str, work: DaySources, *, memory_limit: str = "600MB", threads: int | None = None
) -> BuiltDay:
    """Build the seven tables of one date and store their files. Free of Dagster, for tests and benchmarks.

    Nothing is stored before the whole date has been computed.
    """
    import duckdb

    scratch = Path(tempfile.mkdtemp(prefix="spotify_assets_duckdb_"))
    try:
        with (
            store.local_files(source.key for source in work.sources) as paths,
            duckdb.connect(":memory:") as connection,
        ):
            connection.execute(f"set memory_limit = '{memory_limit}'")
            connection.execute("set temp_directory = ?", [str(scratch / "spill")])
            connection.execute("set preserve_insertion_order = false; set enable_progress_bar = false")
            if threads:
                connection.execute(f"set threads = {threads:d}")
            return _build(connection, store, run_id, work, paths, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _build(
    connection: duckdb.DuckDBPyConnection,
    store: ObjectStore,
    run_id: str,
    work: DaySources,
    paths: Mapping[str, Path],
    scratch: Path,
) -> BuiltDay:
    bad_lines = read_entries(connection, work.day, paths, scratch)
    for name, select in tables.relations(tables.DUCKDB).items():
        kind = "table" if name in _MATERIALIZED else "view"
        connection.execute(f"create temp {kind} {name} as {select}")
        if name == "judged":
            connection.execute("drop view parsed; drop table elements")
    entries, quarantined = _one_row(connection, tables.COUNTS_SELECT)
    files: dict[str, Path] = {}
    rows: dict[str, int] = {}
    for name, select in tables.table_selects(tables.DUCKDB, run_id).items():
        path = scratch / f"{name}.parquet"
        (rows[name],) = _one_row(connection, f"copy ({select}) to '{path}' (format parquet, compression zstd)")
        if rows[name]:
            files[f"{lake_layout.table_run_prefix(name, run_id, work.day)}{_FILE}"] = path
    quarantine_key = None
    if quarantined or bad_lines:
        quarantine_key = lake_layout.quarantine_key(work.day, run_id)
        store.put(quarantine_key, _quarantine(connection, work.day, bad_lines))
    sizes = store.upload_many(files)
    return BuiltDay(
        day=work.day,
        sources=work.sources,
        entries=entries + len(bad_lines),
        quarantined=quarantined + len(bad_lines),
        quarantine_key=quarantine_key,
        tables={
            name: TableFiles(
                tuple(DataFile(key, rows[name], size) for key, size in sizes.items() if f"/{name}/" in key)
            )
            for name in LAKE_TABLES
        },
    )


_MATERIALIZED = {"judged", "song_rows", "album_rows", "song_credits", "album_credits", "song_artist_rows"}


def _quarantine(connection: duckdb.DuckDBPyConnection, day: dt.date, bad_lines: Sequence[BadLine]) -> bytes:
    """The quarantine file: one JSON line per unreadable entry, or per unreadable line of a raw object."""
    found = connection.execute(tables.QUARANTINE_SELECT).fetchall()
    records = [
        *(dict(zip(("source_key", "line", "entry_index", "playlist_id", "reason"), row, strict=True)) for row in found),
        *(
            {"source_key": bad.source_key, "line": bad.line, "entry_index": None, "playlist_id": bad.playlist_id,
             "reason": bad.reason}
            for bad in bad_lines
        ),
    ]
    return "".join(json.dumps({"snapshot_date": day.isoformat(), **record}) + "\n" for record in records).encode()


def _one_row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None, "a COPY or an aggregate answers with one row"
    return row
