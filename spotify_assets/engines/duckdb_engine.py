"""The default transform engine: DuckDB, in the step's own process, a few dates a pass.

Reads JSON and explodes it in DuckDB's words; what a row holds is decided by the shared SELECTs of
`glue_scripts.tables`. DuckDB is imported when a build starts, not when definitions load.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from glue_scripts.commit import (
    BuiltDay,
    DataFile,
    Source,
    TableFiles,
    UnreadDays,
    attempt_name,
    content_digest,
    content_of,
)
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.raw_reader import read_judged, unreadable
from glue_scripts.tables import COUNTS_SELECT, DUCKDB, QUARANTINE_SELECT, relations, table_selects
from spotify_assets.engines.engine import DaySources, TransformEngine
from spotify_assets.failures import PlatformError, TransientError
from spotify_assets.lake import layout

if TYPE_CHECKING:
    import duckdb

    from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.scratch import scratch_folder

MEMORY_LIMIT = "800MB"
"""DuckDB's bound for one pass; beyond it DuckDB spills to a scratch folder."""

OBJECTS_A_PASS = 200
"""Raw objects that are read together: small dates share a pass, which costs some 0.1 s however little it reads."""


class DuckDBEngine(TransformEngine):
    """Builds tables with DuckDB."""

    memory_limit: str = Field(default=MEMORY_LIMIT, description="DuckDB's memory_limit")
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
        done, attempt = 0, attempt_name(run_id)
        unread: dict[dt.date, str] = {}
        for batch in batches(days, OBJECTS_A_PASS):
            built = self._readable(store, attempt, batch, unread)
            done += len(built)
            context.log.info(
                f"{batch[0].day} to {batch[-1].day}: {sum(day.entries for day in built)} entries, "
                f"{sum(day.quarantined for day in built)} quarantined ({done} of {len(days)} dates)"
            )
            yield from built
        if unread:
            raise UnreadDays(unread)

    def _readable(
        self, store: ObjectStore, attempt: str, batch: Sequence[DaySources], unread: dict[dt.date, str]
    ) -> list[BuiltDay]:
        """Build those of `batch` whose raw objects can be read; the others are added to `unread`."""
        if not batch:
            return []
        try:
            return build_days(store, attempt, batch, memory_limit=self.memory_limit, threads=self.threads)
        except UnreadDays as error:
            unread.update(error.reasons)
            return self._readable(store, attempt, [work for work in batch if work.day not in unread], unread)


def batches(days: Sequence[DaySources], objects: int) -> Iterator[list[DaySources]]:
    """`days` in groups of at most `objects` raw objects; a date with more is a group of its own."""
    group: list[DaySources] = []
    for work in days:
        if group and sum(len(other.sources) for other in group) + len(work.sources) > objects:
            yield group
            group = []
        group.append(work)
    if group:
        yield group


def build_day(store: ObjectStore, run_id: str, work: DaySources) -> BuiltDay:
    """Build the seven tables of one date."""
    (built,) = build_days(store, run_id, [work])
    return built


def build_days(
    store: ObjectStore,
    run_id: str,
    days: Sequence[DaySources],
    *,
    memory_limit: str = MEMORY_LIMIT,
    threads: int | None = None,
) -> list[BuiltDay]:
    """Build the seven tables of a few dates in one pass and store their files as `run_id`. Free of Dagster.

    Nothing is stored before everything has been computed. Raises UnreadDays when a raw object can't be read.
    """
    import duckdb

    sources = [source for work in days for source in work.sources]
    refused: dict[str, PlatformError] = {}
    with (
        scratch_folder("duckdb") as scratch,
        store.local_files((source.key for source in sources), refused) as paths,
        duckdb.connect(":memory:") as connection,
    ):
        connection.execute(f"set memory_limit = '{memory_limit}'")
        connection.execute("set temp_directory = ?", [str(scratch / "spill")])
        connection.execute("set preserve_insertion_order = false; set enable_progress_bar = false")
        if threads:
            connection.execute(f"set threads = {threads:d}")
        contents = _contents(sources, paths, refused)
        with _reading():
            read_judged(connection, {source: paths[source.key] for source in sources}, scratch)
        _create_relations(connection)
        computed = _Computed(
            counts={day: tuple(counts) for day, *counts in connection.execute(COUNTS_SELECT).fetchall()},
            quarantine=_quarantine(connection),
            files=_write_all(connection, table_selects(DUCKDB, run_id), scratch),
            contents=contents,
        )
        return _store(store, run_id, days, computed)


def _contents(
    sources: Sequence[Source], paths: Mapping[str, Path], refused: Mapping[str, PlatformError]
) -> dict[dt.date, str]:
    """`content_digest` of each date's objects. Raises UnreadDays when one can't be read, or was `refused`."""
    unread = {source.day: refused[source.key].what for source in sources if source.key in refused}
    contents: dict[dt.date, list[int]] = {}
    for source in sources:
        if source.key in refused:
            continue
        try:
            content = content_of(source.key, paths[source.key].read_bytes())
        except FileNotFoundError:
            raise
        except OSError as error:
            unread[source.day] = unreadable(error)
        else:
            contents.setdefault(source.day, []).append(content)
    if unread:
        raise UnreadDays(unread)
    return {day: content_digest(each) for day, each in contents.items()}


@contextmanager
def _reading() -> Iterator[None]:
    """Trouble reading a raw object is no damage: it may pass, and the date is not built without it."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TransientError(
            f"{error.filename} can't be read ({error.strerror})", remedy="make it readable; the date is built then"
        ) from error


@dataclass(frozen=True)
class _File:
    """A Parquet file in the scratch folder."""

    table: str
    day: dt.date
    path: Path
    rows: int
    size: int


@dataclass(frozen=True)
class _Computed:
    """What a pass computed. `counts`: date to (entries, unreadable ones, unreadable leaves); `quarantine`: date to its
    records; `contents`: date to the digest of its raw objects."""

    counts: Mapping[dt.date, tuple[int, ...]]
    quarantine: Mapping[dt.date, Sequence[Mapping[str, object]]]
    files: Sequence[_File]
    contents: Mapping[dt.date, str]


def _create_relations(connection: duckdb.DuckDBPyConnection) -> None:
    for name, select in relations(DUCKDB).items():
        connection.execute(f"create {'table' if name in _MATERIALIZED else 'view'} {name} as {select}")


_MATERIALIZED = {"snapshots", "song_rows", "album_rows"}


def _write_all(connection: duckdb.DuckDBPyConnection, selects: Mapping[str, str], scratch: Path) -> list[_File]:
    """Write the tables two at a time: the end of a file keeps one core only."""
    with ThreadPoolExecutor(2) as pool:
        written = [pool.submit(_write, connection.cursor(), name, select, scratch) for name, select in selects.items()]
        return [file for files in written for file in files.result()]


def _write(connection: duckdb.DuckDBPyConnection, table: str, select: str, scratch: Path) -> list[_File]:
    """Write a table's rows, one or more files per date; a date without rows gets none."""
    written = connection.execute(
        f"copy ({select}) to '{scratch / table}' (format parquet, compression zstd, partition_by (snapshot_date), "
        "write_partition_columns true, return_stats true)"
    ).fetchall()
    return [
        _File(table, dt.date.fromisoformat(partition["snapshot_date"]), Path(path), rows, size)
        for path, rows, size, _, _, partition, _ in written
    ]


def _store(store: ObjectStore, run_id: str, days: Sequence[DaySources], computed: _Computed) -> list[BuiltDay]:
    """Put the files where the lake's layout wants them, and say what each date got."""
    targets: dict[tuple[str, dt.date], dict[str, _File]] = {}
    for file in sorted(computed.files, key=lambda file: (file.table, file.path)):
        placed = targets.setdefault((file.table, file.day), {})
        prefix = layout.table_run_prefix(file.table, run_id, file.day)
        placed[f"{prefix}part-{len(placed):05d}.parquet"] = file
    store.upload_many({key: file.path for placed in targets.values() for key, file in placed.items()})
    built = []
    for work in days:
        quarantine = computed.quarantine.get(work.day, ())
        key = layout.quarantine_key(work.day, run_id) if quarantine else None
        if key:
            store.put(key, "".join(json.dumps(record) + "\n" for record in quarantine).encode())
        entries, unreadable, leaves = computed.counts.get(work.day, (0, 0, 0))
        built.append(
            BuiltDay(
                day=work.day,
                run_id=run_id,
                entries=entries,
                quarantined=unreadable,
                quarantine_key=key,
                content=computed.contents[work.day],
                tables={
                    table: TableFiles(
                        tuple(
                            DataFile(key, file.rows, file.size)
                            for key, file in targets.get((table, work.day), {}).items()
                        )
                    )
                    for table in LAKE_TABLES
                },
                unread_leaves=leaves,
            )
        )
    return built


def _quarantine(connection: duckdb.DuckDBPyConnection) -> dict[dt.date, list[dict[str, object]]]:
    """What can't be read, by date: one record per unreadable line of a raw object, entry or leaf."""
    records: dict[dt.date, list[dict[str, object]]] = {}
    rows = connection.execute(QUARANTINE_SELECT)
    names = [column[0] for column in rows.description or ()]
    for day, *values in rows.fetchall():
        record = {"snapshot_date": day.isoformat(), **dict(zip(names[1:], values, strict=True))}
        records.setdefault(day, []).append(record)
    return records
