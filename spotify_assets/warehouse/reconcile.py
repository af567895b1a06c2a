"""Reconciliation: does the warehouse hold, date by date and table by table, what the lake's commits say?

The comparison is pure; reading the warehouse is one statement per table. Reporting belongs in `spotify_assets.checks`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.warehouse import schema
from spotify_assets.warehouse.session import Session, integer
from spotify_assets.warehouse.sql import qualified

_CONTENT = """
SELECT
  COALESCE(l.snapshot_date, t.snapshot_date) AS snapshot_date,
  l.run_id AS recorded_run,
  t.run_id AS run_id,
  COALESCE(t.row_count, 0) AS row_count
FROM (SELECT snapshot_date, run_id FROM {loads} WHERE table_name = ? AND snapshot_date BETWEEN ? AND ?) AS l
FULL OUTER JOIN (
  SELECT snapshot_date, run_id, COUNT(*) AS row_count
  FROM {target}
  WHERE snapshot_date BETWEEN ? AND ?
  GROUP BY snapshot_date, run_id
) AS t ON t.snapshot_date = l.snapshot_date AND t.run_id = l.run_id
ORDER BY 1
""".strip()


@dataclass(frozen=True)
class Content:
    """Rows of one table and date: the run recorded for them, the run inside them, and how many there are."""

    day: dt.date
    recorded_run: str | None
    run: str | None
    rows: int


@dataclass(frozen=True)
class Difference:
    """A table and date on which the warehouse is not what the lake's commit says, in words."""

    table: str
    day: dt.date
    what: str


def read_content(session: Session, table: str, first: dt.date, last: dt.date) -> list[Content]:
    """What `LAKE.<table>` holds on the dates from `first` to `last`, both included."""
    sql = content_statement(table)
    rows = session.execute(sql, [table, first, last, first, last])
    return [
        Content(day, None if recorded is None else str(recorded), None if run is None else str(run), integer(count))
        for day, recorded, run, count in rows
        if isinstance(day, dt.date)
    ]


def content_statement(table: str) -> str:
    """The statement behind `read_content`; binds the table's name, and the two dates twice."""
    return _CONTENT.format(loads=qualified("lake", schema.LOADS.name), target=qualified("lake", table))


def read_all(session: Session, tables: Iterable[str], first: dt.date, last: dt.date) -> dict[str, list[Content]]:
    """`read_content` of several tables."""
    tables = list(tables)
    schema.prepare(session, [*(("lake", LAKE_TABLES[table]) for table in tables), ("lake", schema.LOADS)])
    return {table: read_content(session, table, first, last) for table in tables}


def differences(table: str, commits: Mapping[dt.date, Commit], content: Iterable[Content]) -> list[Difference]:
    """Where a table differs from the commits; `commits` and `content` must be of the same period."""
    contents: dict[dt.date, list[Content]] = {}
    for rows in content:
        contents.setdefault(rows.day, []).append(rows)
    result = []
    for day in sorted({*commits, *contents}):
        what = _difference(table, commits.get(day), contents.get(day, []))
        if what:
            result.append(Difference(table, day, what))
    return result


def _difference(table: str, commit: Commit | None, content: list[Content]) -> str | None:
    if commit is None:
        return f"{sum(rows.rows for rows in content)} rows in the warehouse, no commit in the lake"
    if not content:
        return f"run {commit.run_id} with {commit.rows(table)} rows is not loaded"
    runs = {run for rows in content for run in (rows.recorded_run, rows.run) if run is not None}
    if runs != {commit.run_id}:
        return f"the warehouse holds run {', '.join(sorted(runs)) or '?'}, the lake's is {commit.run_id}"
    if any(rows.recorded_run is None for rows in content):
        return f"the rows of run {commit.run_id} are there, but no load of them is recorded"
    count = sum(rows.rows for rows in content)
    if count != commit.rows(table):
        return f"{count} rows in the warehouse, {commit.rows(table)} in the commit of run {commit.run_id}"
    return None
