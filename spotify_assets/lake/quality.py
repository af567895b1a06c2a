"""What must hold for a table of the lake, checked against its Parquet files: the contract, made executable.

Pure SQL building from the contract, plus a thin shell that runs it in DuckDB over the files a commit names. The same
rules hold whichever engine wrote the files. Reporting to Dagster is `checks/lake.py`'s business.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES, Table
from spotify_assets.lake.layout import parse_raw_key

if TYPE_CHECKING:
    import duckdb

    from spotify_assets.storage.object_store import ObjectStore


_EXAMPLES = 3


@dataclass(frozen=True)
class Fault:
    """A rule that does not hold: how many rows break it, and the first of them, at most `_EXAMPLES`."""

    rule: str
    rows: int
    examples: tuple[str, ...]

    @property
    def example(self) -> str:
        """The first row."""
        return self.examples[0]


def rules(table: Table) -> dict[str, str]:
    """Rule to SELECT of the rows that break it, over views named like the lake's tables."""
    key = ", ".join(table.key)
    required = [column.name for column in table.columns if not column.nullable]
    empty = ", ".join(f"case when {name} is null then '{name}' end" for name in required)
    conditions = {
        f"{key} is unique": f"select {key}, count(*) as times from {table.name} group by {key} having count(*) > 1",
        "required columns are filled": (
            f"select {key}, concat_ws(', ', {empty}) as empty_columns from {table.name} "
            f"where {' or '.join(f'{name} is null' for name in required)}"
        ),
    }
    for reference in table.references:
        pairs = list(zip(reference.columns, reference.target_columns, strict=True))
        on = " and ".join(f"t.{column} = r.{target}" for column, target in [("snapshot_date", "snapshot_date"), *pairs])
        given = " and ".join(f"t.{column} is not null" for column in reference.columns)
        columns = ", ".join(f"t.{column}" for column in dict.fromkeys((*table.key, *reference.columns)))
        conditions[f"{', '.join(reference.columns)} is found in {reference.table}"] = (
            f"select {columns} from {table.name} t anti join {reference.table} r on {on} where {given}"
        )
    return conditions


def faults(store: ObjectStore, table: Table, commits: Mapping[dt.date, Commit]) -> list[Fault]:
    """Every rule of `table` that its files of `commits` break; the files' row counts are compared with the commits'."""
    broken: list[Fault] = []
    with _views(store, table, commits) as connection:
        for rule, select in rules(table).items():
            rows = connection.execute(f"select count(*) from ({select})").fetchall()[0][0]
            if rows:
                first = connection.execute(f"select * from ({select}) order by all limit {_EXAMPLES:d}").fetchall()
                broken.append(Fault(rule, rows, tuple(", ".join(map(str, row)) for row in first)))
        counted = dict(connection.execute(f"select snapshot_date, count(*) from {table.name} group by all").fetchall())
        for day, commit in commits.items():
            if counted.get(day, 0) != commit.rows(table.name):
                said = f"{day}: {counted.get(day, 0)} rows in the files, {commit.rows(table.name)} in the commit"
                broken.append(
                    Fault("rows equal the commit's", abs(counted.get(day, 0) - commit.rows(table.name)), (said,))
                )
    return broken


def unreconciled(commits: Mapping[dt.date, Commit]) -> list[str]:
    """The dates where entries in ≠ rows of playlist_items + quarantined, each with its numbers."""
    return [
        f"{day}: {commit.entries} entries in, {commit.rows('playlist_items')} in playlist_items, "
        f"{commit.quarantined} quarantined"
        for day, commit in sorted(commits.items())
        if commit.entries != commit.rows("playlist_items") + commit.quarantined
    ]


def unread_leaves(store: ObjectStore, commits: Mapping[dt.date, Commit], most: int) -> list[str]:
    """The first `most` values that their entries are kept without, each with where it stands."""
    shown: list[str] = []
    for day, commit in sorted(commits.items()):
        if not commit.unread_leaves or commit.quarantine_key is None or len(shown) >= most:
            continue
        records = (json.loads(line) for line in store.get(commit.quarantine_key).splitlines())
        shown += [
            f"{day} {record['playlist_id']} {record['path']} = {record['text']!r} (line {record['line']}"
            + (f", entry {record['entry_index']})" if record["entry_index"] is not None else ")")
            for record in records
            if record.get("path") is not None
        ]
    return shown[:most]


def unreadable(store: ObjectStore, commit: Commit) -> dict[str, str]:
    """The raw objects of the commit that can't be read, or of which some entry can't; key to the first reason.

    None where the quarantine's file is gone.
    """
    stored = store.get_or_none(commit.quarantine_key) if commit.quarantine_key else None
    reasons: dict[str, str] = {}
    for record in map(json.loads, (stored or b"").splitlines()):
        if record.get("path") is None:
            reasons.setdefault(record["source_key"], record["reason"])
    return reasons


def sample(store: ObjectStore, table: Table, commit: Commit, rows: int = 5) -> tuple[list[str], list[tuple]]:
    """(columns, a few rows) of a table on the commit's date, the same rows every time."""
    columns = [name for name in table.column_names if name != "run_id"]
    with _views(store, table, {dt.date.fromisoformat(commit.day): commit}) as connection:
        values = connection.execute(
            f"select {', '.join(columns)} from {table.name} order by {', '.join(table.key)} limit {rows:d}"
        ).fetchall()
    return columns, values


@contextmanager
def _views(store: ObjectStore, table: Table, commits: Mapping[dt.date, Commit]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection with `table` and what it refers to as views over the commits' files."""
    names = {table.name, *(reference.table for reference in table.references)}
    keys = {name: [key for commit in commits.values() for key in commit.file_keys(name)] for name in names}
    with (
        store.local_files([key for each in keys.values() for key in each]) as paths,
        _database().cursor() as connection,
    ):
        for name in names:
            connection.execute(f"create temp view {name} as {_scan(name, keys, paths)}")
        yield connection


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """One DuckDB for the process, which holds nothing: opening one costs more than a table of a date takes to check.
    Views are each cursor's own."""
    import duckdb

    return duckdb.connect(":memory:", config={"memory_limit": "600MB"})


def _scan(name: str, keys: Mapping[str, list[str]], paths: Mapping[str, object]) -> str:
    """The table's files, with the contract's columns: those that files of an older contract lack are as `former`."""
    table = LAKE_TABLES[name]
    columns = ", ".join(f"cast(null as {column.type.duckdb}) as {column.name}" for column in table.columns)
    empty = f"select {columns} where false"
    if not keys[name]:
        return empty
    files = ", ".join("'" + str(paths[key]).replace("'", "''") + "'" for key in keys[name])
    rows = f"from read_parquet([{files}], hive_partitioning = false, union_by_name = true)"
    formers = ", ".join(
        f"coalesce({column.name}, {column.former}) as {column.name}" for column in table.columns if column.former
    )
    kept = f"* replace ({formers})" if formers else "*"
    return f"select {kept} from ({empty} union all by name {rows})"


@dataclass(frozen=True)
class Incomplete:
    """A snapshot that does not hold the whole playlist: `have` entries of the `should_have` that Spotify counted.

    `should_have` is None where nothing of the snapshot can be read.
    """

    day: dt.date
    playlist_id: str
    name: str
    have: int
    should_have: int | None

    def __str__(self) -> str:
        count = f"{self.have} of {self.should_have} entries" if self.should_have is not None else "nothing readable"
        return (
            f"{self.day} {self.playlist_id} ({self.name}): {count}"
            if self.name
            else f"{self.day} {self.playlist_id}: {count}"
        )


def incomplete(store: ObjectStore, commits: Mapping[dt.date, Commit]) -> list[Incomplete]:
    """Every snapshot of the commits' dates that is not whole, those of which nothing can be read included."""
    with _views(store, LAKE_TABLES["playlists"], commits) as connection:
        rows = connection.execute(
            "select snapshot_date, playlist_id, name, entry_count, item_count, is_complete from playlists"
        ).fetchall()
    snapshots = [Incomplete(*row[:5]) for row in rows if not row[5]]
    readable = {(row[0], row[1]) for row in rows}
    for day, commit in commits.items():
        raws = [raw for source in commit.sources if (raw := parse_raw_key(source.key))]
        snapshots += [
            Incomplete(day, raw.playlist_id, "", 0, None) for raw in raws if (day, raw.playlist_id) not in readable
        ]
    return sorted(snapshots, key=lambda each: (each.day, each.playlist_id))
