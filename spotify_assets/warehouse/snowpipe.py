"""Snowpipe mode at run time: recording commits, what has arrived, what was rejected, which pipe stands still.

Reading is one small function per source; what it means is decided by pure functions. The SQL of landing tables, pipes
and views belongs in `landing`, reporting to Dagster in `automation.snowpipe`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.failures import PermanentError
from spotify_assets.warehouse import landing, loads, schema, state
from spotify_assets.warehouse.landing import COMMITS
from spotify_assets.warehouse.session import Session, integer
from spotify_assets.warehouse.sql import MAX_FILES, STAGE, chunks, insert_rows, literal, placeholders, qualified

PATIENCE = dt.timedelta(minutes=30)
"""How long a committed file may take to arrive before its pipe counts as standing still."""

REFRESH_REACH = dt.timedelta(days=7)
"""`ALTER PIPE … REFRESH` finds files staged within the last seven days (Snowflake: ALTER PIPE)."""

_HISTORY = """
SELECT file_name, status, row_count, first_error_message, last_load_time
FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(
  TABLE_NAME => {table},
  START_TIME => DATEADD('hour', -{hours}, CURRENT_TIMESTAMP())
))
ORDER BY last_load_time
""".strip()

_OVERDUE = f"""
SELECT m.snapshot_date, m.run_id, m.committed_at
FROM (
  SELECT snapshot_date, run_id, committed_at
  FROM {qualified("landing", COMMITS.name)}
  WHERE table_name = ?
  QUALIFY ROW_NUMBER() OVER (PARTITION BY snapshot_date ORDER BY committed_at DESC, run_id DESC) = 1
) AS m
LEFT JOIN {qualified("lake", schema.LOADS.name)} AS l
  ON l.table_name = ? AND l.snapshot_date = m.snapshot_date AND l.run_id = m.run_id
WHERE l.run_id IS NULL
ORDER BY m.snapshot_date
""".strip()


@dataclass(frozen=True)
class Arrival:
    """A date of a table whose rows have all arrived: the run that it shows since `at` (UTC), and its rows."""

    at: dt.datetime
    table: str
    day: dt.date
    run_id: str
    rows: int

    @property
    def mark(self) -> tuple[str, str, str]:
        """Its place in the order of arrival."""
        return self.at.isoformat(), self.table, self.day.isoformat()


@dataclass(frozen=True)
class LoadedFile:
    """A file of COPY_HISTORY. `status` is Snowflake's: Loaded, Load in progress, Load failed, Partially loaded."""

    file: str
    status: str
    rows: int
    error: str | None

    @property
    def rejected(self) -> bool:
        return self.status.lower() in ("load failed", "partially loaded")


@dataclass(frozen=True)
class PipeStatus:
    """The part of SYSTEM$PIPE_STATUS that says whether a pipe moves."""

    state: str
    pending_files: int
    oldest_file: dt.datetime | None
    error: str | None


@dataclass(frozen=True)
class Overdue:
    """A date whose current commit has not arrived in a table."""

    day: dt.date
    run_id: str
    committed_at: dt.datetime


def record_commits(session: Session, commits: Iterable[Commit], now: dt.datetime) -> int:
    """Record commits of the lake in `LANDING.COMMITS`; recording one again changes nothing. How many were given."""
    given = list(commits)
    target = qualified("landing", COMMITS.name)
    for part in chunks(given, MAX_FILES // len(LAKE_TABLES)):
        values = [
            value
            for commit in part
            for table in LAKE_TABLES
            for value in (
                table,
                dt.date.fromisoformat(commit.day),
                commit.run_id,
                commit.rows(table),
                _utc(commit.committed_at),
                now,
            )
        ]
        keys = [value for commit in part for value in (dt.date.fromisoformat(commit.day), commit.run_id)]
        which = " OR ".join(["(snapshot_date = ? AND run_id = ?)"] * len(part))
        with session.transaction():
            session.execute(f"DELETE FROM {target} WHERE {which}", keys)
            session.execute(insert_rows("landing", COMMITS, len(part) * len(LAKE_TABLES)), values)
    return len(given)


def take_in(session: Session, table: str, days: Sequence[dt.date]) -> dict[dt.date, tuple[str, int]]:
    """Make what has arrived for `days` current in `LAKE.<table>`; the run and rows of each date that changed.

    One small transaction on LAKE.LOADS, as after a load of copy mode: readers see a date's old rows or its new ones.
    """
    arrived: dict[dt.date, tuple[str, int]] = {}
    for part in chunks(days):
        for day, run, rows in session.execute(landing.arrived_statement(LAKE_TABLES[table], len(part)), [*part, *part]):
            if isinstance(day, dt.date) and isinstance(rows, int):
                arrived[day] = (str(run), rows)
    held = state.loaded_runs(session, table)
    news = {day: what for day, what in arrived.items() if held.get(day) != what[0]}
    if news:
        with session.transaction():
            state.record_loads(session, table, news)
    return news


_ARRIVED_SINCE = f"""
SELECT loaded_at, table_name, snapshot_date, run_id, row_count
FROM {qualified("lake", schema.LOADS.name)}
WHERE loaded_at >= ?
ORDER BY loaded_at, table_name, snapshot_date
""".strip()


def arrived_since(session: Session, mark: tuple[str, str, str] | None) -> list[Arrival]:
    """What the lake tables have come to show after `mark`, in the order of arrival; everything when it is None."""
    since = dt.datetime.fromisoformat(mark[0]) if mark else dt.datetime(1970, 1, 1)  # noqa: DTZ001 - stored without a zone
    arrivals = [
        Arrival(at, str(table), day, str(run), rows)
        for at, table, day, run, rows in session.execute(_ARRIVED_SINCE, [since])
        if isinstance(at, dt.datetime) and isinstance(day, dt.date) and isinstance(rows, int)
    ]
    return [arrival for arrival in arrivals if mark is None or arrival.mark > mark]


def overdue(session: Session, table: str) -> list[Overdue]:
    """The dates whose current commit `table` does not show yet, however recent."""
    rows = session.execute(_OVERDUE, [table, table])
    return [
        Overdue(day, str(run), at) for day, run, at in rows if isinstance(day, dt.date) and isinstance(at, dt.datetime)
    ]


def history_statement(table: str, hours: int) -> str:
    """What the pipe of `table` loaded in the last hours (Snowflake keeps 14 days)."""
    return _HISTORY.format(table=literal(qualified("landing", table)), hours=int(hours))


def history(session: Session, table: str, hours: int) -> list[LoadedFile]:
    """The files of `history_statement`, oldest first."""
    rows = session.execute(history_statement(table, hours))
    return [
        LoadedFile(str(file), str(status), integer(count or 0), None if error is None else str(error))
        for file, status, count, error, _ in rows
    ]


def status_statement(table: str) -> str:
    """The state of the pipe of `table`."""
    return f"SELECT SYSTEM$PIPE_STATUS({literal(qualified('landing', table))}) AS status"


def pipe_status(session: Session, table: str) -> PipeStatus:
    """The state of the pipe of `table`."""
    return parse_status(str(session.execute(status_statement(table))[0][0]))


def parse_status(text: str) -> PipeStatus:
    """Read SYSTEM$PIPE_STATUS's JSON. Raises PermanentError for anything else."""
    try:
        record = json.loads(text)
        oldest = record.get("oldestFileTimestamp")
        return PipeStatus(
            state=str(record["executionState"]),
            pending_files=int(record.get("pendingFileCount") or 0),
            oldest_file=_utc(oldest) if oldest else None,
            error=record.get("error"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PermanentError(f"SYSTEM$PIPE_STATUS answered {text[:200]!r}, which is no pipe status: {error}") from error


def standing_still(status: PipeStatus, waiting: Sequence[Overdue], now: dt.datetime) -> str | None:
    """Why a pipe counts as standing still, in one sentence, or None. `now` is UTC without a zone."""
    if status.state != "RUNNING":
        return f"The pipe is {status.state}{f': {status.error}' if status.error else ''}."
    late = [one for one in waiting if now - one.committed_at > PATIENCE]
    if late:
        days = ", ".join(one.day.isoformat() for one in late[:5])
        return (
            f"{len(late)} committed dates have not arrived after {_minutes(PATIENCE)} ({days}); run "
            "'spotify-assets snowflake refresh' and check that the bucket notifies the pipe's channel."
        )
    if status.pending_files and status.oldest_file and now - status.oldest_file > PATIENCE:
        return f"{status.pending_files} files wait, the oldest since {status.oldest_file} UTC."
    return None


def refresh_statement(table: str, run_id: str) -> str:
    """Have the pipe of `table` look for files of a run that it has not loaded."""
    return f"ALTER PIPE {qualified('landing', table)} REFRESH PREFIX = {literal(f'run={run_id}/')}"


def landing_copy_statement(table: str, files: Sequence[str]) -> str:
    """Load named files into a landing table without its pipe; a file that is there already does not show twice."""
    return loads.copy_statement(qualified("landing", table), STAGE, table, files)


def refresh(session: Session, table: str, commits: Mapping[dt.date, Commit], now: dt.datetime) -> list[str]:
    """Send again what the pipe of `table` missed; the statements that were run, none when nothing is missing.

    Recent files go through the pipe; files beyond its reach are copied into the landing table.
    """
    missing = [commits[one.day] for one in overdue(session, table) if one.day in commits]
    recent = sorted({commit.run_id for commit in missing if now - _utc(commit.committed_at) <= REFRESH_REACH})
    old = [
        key for commit in missing if now - _utc(commit.committed_at) > REFRESH_REACH for key in commit.file_keys(table)
    ]
    statements = [refresh_statement(table, run) for run in recent]
    statements += [landing_copy_statement(table, part) for part in chunks(old)]
    for statement in statements:
        session.execute(statement)
    return statements


def vacuum(session: Session, table: str, kept_runs: Collection[str]) -> int:
    """Remove from a landing table the runs whose files the lake has removed; how many runs.

    `kept_runs` are the runs that still have files of the table in the lake. What is shown, and the newest commit of
    every date, stay whatever the lake holds. Raises PermanentError when the lake has no run at all: it is another lake.
    """
    if not kept_runs:
        raise PermanentError(
            f"The lake holds no file of {table}, so nothing says which landing rows are superseded",
            remedy="check LAKE_URL",
        )
    target, commits = qualified("landing", table), qualified("landing", COMMITS.name)
    held = {str(run) for (run,) in session.execute(f"SELECT DISTINCT run_id FROM {target}")}
    recorded = {
        str(run) for (run,) in session.execute(f"SELECT DISTINCT run_id FROM {commits} WHERE table_name = ?", [table])
    }
    current = {str(run) for (run,) in session.execute(_NEWEST_RUNS, [table])} | {
        *state.loaded_runs(session, table).values()
    }
    gone = sorted((held | recorded) - {*kept_runs} - current)
    for part in chunks(gone):
        marks = placeholders(len(part))
        with session.transaction():
            session.execute(f"DELETE FROM {target} WHERE run_id IN ({marks})", part)
            session.execute(f"DELETE FROM {commits} WHERE table_name = ? AND run_id IN ({marks})", [table, *part])
    return len(gone)


_NEWEST_RUNS = f"""
SELECT run_id FROM {qualified("landing", COMMITS.name)}
WHERE table_name = ?
QUALIFY ROW_NUMBER() OVER (PARTITION BY snapshot_date ORDER BY committed_at DESC, run_id DESC) = 1
""".strip()


def _utc(text: str) -> dt.datetime:
    """An ISO time as UTC without a zone, as the contract stores times."""
    value = dt.datetime.fromisoformat(text)
    return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value


def _minutes(period: dt.timedelta) -> str:
    return f"{period.total_seconds() / 60:g} minutes"
