"""Loading lake tables: the files of the commits, any set of dates, one transaction per table.

`load_plan` says what will be loaded (pure), `load_table` does it. A date whose commit holds no rows for a table
empties the date; what the warehouse then holds is compared with the commits before anything becomes visible.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES, Table
from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import schema, state
from spotify_assets.warehouse.fingerprint import fingerprint
from spotify_assets.warehouse.session import Session, integer
from spotify_assets.warehouse.sql import (
    FILE_FORMAT,
    chunks,
    delete_dates,
    literal,
    placeholders,
    qualified,
    render,
    statement,
)

_ROWS_LOADED = 3
"""Index of `rows_loaded` in COPY's result (file, status, rows_parsed, rows_loaded, …)."""


@dataclass(frozen=True)
class LoadPlan:
    """What one run loads into one table: the dates, their runs and row counts, and the files, keys in the lake."""

    table: Table
    runs: Mapping[dt.date, tuple[str, int]]
    files: tuple[str, ...]

    @property
    def days(self) -> list[dt.date]:
        return sorted(self.runs)

    @property
    def rows(self) -> int:
        return sum(rows for _, rows in self.runs.values())


def load_plan(table: str, commits: Mapping[dt.date, Commit]) -> LoadPlan:
    """The plan for `table` and the given commits. Raises PermanentError for a file that is not the table's."""
    files: list[str] = []
    for day, commit in sorted(commits.items()):
        for key in commit.file_keys(table):
            parts = layout.parse_data_key(key)
            if parts is None or (parts.table, parts.day) != (table, day):
                raise PermanentError(
                    f"The commit of {day} names {key!r}, which is no file of {table} on that date; rebuild {day} in "
                    "the lake."
                )
            files.append(key)
    return LoadPlan(
        table=LAKE_TABLES[table],
        runs={day: (commit.run_id, commit.rows(table)) for day, commit in commits.items()},
        files=tuple(files),
    )


def code(table: str) -> str:
    """The fingerprint of what loads a lake table."""
    return fingerprint(LAKE_TABLES[table], statement("lake_copy"))


def copy_statement(target: str, stage: str, table: str, files: Sequence[str]) -> str:
    """`COPY INTO` exactly the named files of `table` (at most 1,000 keys of the lake), loaded before or not.

    It starts at the table's own folder: Snowflake lists what lies under the path it is given.
    """
    folder = f"{layout.TABLES_PREFIX}{table}/"
    names = ", ".join(literal(file.removeprefix(folder)) for file in files)
    return render("lake_copy", target=target, stage=f"{stage}/{folder.rstrip('/')}", files=names, format=FILE_FORMAT)


def load_table(session: Session, store: ObjectStore, table: str, commits: Mapping[dt.date, Commit]) -> LoadPlan:
    """Make `LAKE.<table>` hold exactly what the commits say for their dates; what was loaded.

    Raises PermanentError, with the table as it was, when the rows that arrive are not those of the commits.
    """
    plan = load_plan(table, commits)
    if not plan.runs:
        return plan
    schema.prepare(session, [("lake", plan.table), ("lake", schema.LOADS)])
    target = qualified("lake", table)
    with session.stage(store, plan.files) as stage, session.transaction():
        for days in chunks(plan.days):
            session.execute(delete_dates(target, len(days)), days)
        copied = 0
        for files in chunks(plan.files):
            rows = session.execute(copy_statement(target, stage, table, files))
            copied += sum(_rows_loaded(row) for row in rows)
        for fill in schema.fill_former("lake", plan.table):
            session.execute(fill)
        _compare(plan, copied, _counts(session, target, plan.days))
        state.record_loads(session, table, plan.runs, code(table))
    return plan


def _rows_loaded(row: tuple[object, ...]) -> int:
    value = row[_ROWS_LOADED] if len(row) > _ROWS_LOADED else None
    return int(value) if isinstance(value, int | float | str) else 0


def _counts(session: Session, target: str, days: list[dt.date]) -> dict[tuple[object, object], int]:
    loaded: dict[tuple[object, object], int] = {}
    for part in chunks(days):
        rows = session.execute(
            f"SELECT snapshot_date, run_id, COUNT(*) FROM {target} "
            f"WHERE snapshot_date IN ({placeholders(len(part))}) GROUP BY snapshot_date, run_id",
            part,
        )
        loaded.update({(day, run): integer(count) for day, run, count in rows})
    return loaded


def _compare(plan: LoadPlan, copied: int, loaded: dict[tuple[object, object], int]) -> None:
    """Raise PermanentError unless the table holds the commits' rows and COPY loaded no others."""
    wanted: dict[tuple[object, object], int] = {(day, run): rows for day, (run, rows) in plan.runs.items() if rows}
    wrong = sorted((key for key in {*wanted, *loaded} if wanted.get(key) != loaded.get(key)), key=str)
    if wrong or copied != plan.rows:
        shown = (
            "; ".join(
                f"{day} run {run}: {loaded.get((day, run), 0)} rows, {wanted.get((day, run), 0)} in the commit"
                for day, run in wrong[:5]
            )
            or f"COPY loaded {copied} rows, the commits hold {plan.rows}"
        )
        raise PermanentError(
            f"{qualified('lake', plan.table.name)} was not loaded: {shown}. The files are not those the commits "
            "describe; rebuild these dates in the lake."
        )
