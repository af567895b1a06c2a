"""Snowpipe mode in Dagster: a sensor that records commits, reports what arrived, and says what went wrong.

What Snowflake's answers mean belongs in `warehouse.snowpipe`; here they become materializations, check results and
one run of everything downstream.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.metadata import OWNERS
from spotify_assets.assets.verdicts import Broken, evaluation, verdict
from spotify_assets.assets.warehouse import POOL
from spotify_assets.automation.clock import utc_now
from spotify_assets.lake import layout
from spotify_assets.names import PLAIN, Names
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.retries import retried
from spotify_assets.warehouse import snowpipe
from spotify_assets.warehouse.session import QueryTag, Session
from spotify_assets.warehouse.snowpipe import Arrival, LoadedFile, Overdue, PipeStatus

SNOWPIPE = "snowpipe"
FILES_CHECK = "files_accepted"
PIPE_CHECK = "pipe_delivers"
HISTORY_HOURS = 24
FIRST_PAUSE = dt.timedelta(minutes=2)
LONGEST_PAUSE = dt.timedelta(hours=1)
"""Between two questions about rows that do not arrive: each wakes the warehouse for a minute."""

MAX_EVENTS = 500
"""Most materializations reported per tick; the rest follow on the next ticks."""

_SHOWN_FILES = 10


@dataclass(frozen=True)
class Pipe:
    """What Snowflake says of one table's pipe; `status` None: it was not asked, for every commit's rows are there."""

    status: PipeStatus | None
    history: Sequence[LoadedFile]
    waiting: Sequence[Overdue]


@dataclass(frozen=True)
class Cursor:
    """What has been done, small however long the history is; a lost one does it again, which changes nothing.

    `months` holds a fingerprint of each month's commits as they were recorded; `waiting` how many dates of tables are
    on their way and `ask_at` (UTC) when Snowflake is asked about them next; `mark` is the last arrival that was
    reported, `left` how many are still to be; `failing` the checks that were reported as failed.
    """

    months: Mapping[str, str] = field(default_factory=dict)
    waiting: int = 0
    ask_at: dt.datetime | None = None
    pause: dt.timedelta = FIRST_PAUSE
    mark: tuple[str, str, str] | None = None
    left: int = 0
    failing: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor in `text`; a new one when there is none, or one of another version or none of ours."""
        try:
            record = json.loads(text or "{}")
            mark = record.get("mark")
            return cls(
                months={str(month): str(fingerprint) for month, fingerprint in record.get("months", {}).items()},
                waiting=int(record.get("waiting", 0)),
                ask_at=dt.datetime.fromisoformat(record["ask_at"]) if record.get("ask_at") else None,
                pause=dt.timedelta(seconds=float(record.get("pause", FIRST_PAUSE.total_seconds()))),
                mark=(str(mark[0]), str(mark[1]), str(mark[2])) if mark else None,
                left=int(record.get("left", 0)),
                failing=frozenset(map(str, record.get("failing", ()))),
            )
        except (ValueError, TypeError, AttributeError, LookupError):
            return cls()

    def dump(self) -> str:
        return json.dumps(
            {
                "months": dict(self.months),
                "waiting": self.waiting,
                "ask_at": self.ask_at.isoformat() if self.ask_at else None,
                "pause": self.pause.total_seconds(),
                "mark": self.mark,
                "left": self.left,
                "failing": sorted(self.failing),
            },
            sort_keys=True,
        )


@dataclass(frozen=True)
class Answer:
    """What Snowflake said in a tick: what arrived since the mark, and each pipe that was asked about."""

    arrivals: Sequence[Arrival]
    pipes: Mapping[str, Pipe]


@dataclass(frozen=True)
class Report:
    """What a tick reports, and the cursor after it."""

    materializations: list[dg.AssetMaterialization]
    evaluations: list[dg.AssetCheckEvaluation]
    cursor: Cursor


def report(cursor: Cursor, months: Mapping[str, str], answer: Answer, now: dt.datetime, names: Names = PLAIN) -> Report:
    """Pure: each arrival once, and each check of a pipe that is awaited, has failed before, or has just delivered.

    Snowflake is asked again after a pause that doubles for as long as nothing changes.
    """
    reported = answer.arrivals[:MAX_EVENTS]
    materializations = [
        dg.AssetMaterialization(
            names.warehouse("lake", arrival.table),
            partition=arrival.day.isoformat(),
            metadata={"dagster/partition_row_count": arrival.rows, "lake_run": arrival.run_id},
        )
        for arrival in reported
    ]
    delivered = {arrival.table for arrival in reported}
    results = [
        result for table, pipe in sorted(answer.pipes.items()) for result in evaluations(table, pipe, now, names)
    ]
    failing = {_name(result) for result in results if not result.passed}
    told = [
        result
        for result in results
        if (_name(result) in cursor.failing) == result.passed or result.asset_key.path[-1] in delivered
    ]
    moved = bool(reported) or dict(months) != dict(cursor.months)
    pause = FIRST_PAUSE if moved else min(cursor.pause * 2, LONGEST_PAUSE)
    waiting = sum(len(pipe.waiting) for pipe in answer.pipes.values())
    return Report(
        materializations,
        told,
        Cursor(
            months=months,
            waiting=waiting,
            ask_at=now + pause,
            pause=pause,
            mark=reported[-1].mark if reported else cursor.mark,
            left=len(answer.arrivals) - len(reported),
            failing=frozenset(failing),
        ),
    )


def _name(result: dg.AssetCheckEvaluation) -> str:
    return f"{result.asset_key.path[-1]}.{result.check_name}"


def evaluations(table: str, pipe: Pipe, now: dt.datetime, names: Names = PLAIN) -> list[dg.AssetCheckEvaluation]:
    """The two checks of a table's pipe: no rejected files, and it does not stand still."""
    return [_files_accepted(table, pipe, names), _pipe_delivers(table, pipe, now, names)]


_NOT_ASKED = "The rows of every commit have arrived; Snowflake was not asked about the pipe."


def _files_accepted(table: str, pipe: Pipe, names: Names) -> dg.AssetCheckEvaluation:
    rejected = unresolved(pipe.history)
    files = [f"{file.file}: {file.status}, {file.error}" for file in rejected]
    result = verdict(
        [Broken("Snowpipe takes every file", len(files), files, "files")] if files else [],
        fine="No file was rejected." if pipe.status else _NOT_ASKED,
        remedy="run `spotify-assets snowflake upgrade` where a column is missing; build the dates of the files named "
        "again (`rebuild: true`) where a file is damaged: the pipe takes the new ones.",
        metadata={"rejected": len(rejected), "hours": HISTORY_HOURS} if pipe.status else {},
        shown=_SHOWN_FILES,
        asset=names.warehouse("lake", table),
        name=FILES_CHECK,
    )
    return evaluation(result)


def unresolved(history: Iterable[LoadedFile]) -> list[LoadedFile]:
    """The files whose last attempt was rejected."""
    last = {file.file: file for file in history}
    return [file for file in last.values() if file.rejected]


def _pipe_delivers(table: str, pipe: Pipe, now: dt.datetime, names: Names) -> dg.AssetCheckEvaluation:
    status = pipe.status
    why = snowpipe.standing_still(status, pipe.waiting, now) if status else None
    result = verdict(
        [Broken("the pipe delivers every commit", max(1, len(pipe.waiting)), [why], "dates that wait")] if why else [],
        fine="The pipe is running." if status else _NOT_ASKED,
        remedy="`spotify-assets snowflake trust` says whether AWS lets the pipe read; "
        "`spotify-assets snowflake refresh` has it look for files it was not told of.",
        metadata={"state": status.state, "pending_files": status.pending_files} if status else {},
        asset=names.warehouse("lake", table),
        name=PIPE_CHECK,
    )
    return evaluation(result)


def snowpipe_checks(names: Names = PLAIN) -> list[dg.AssetChecksDefinition]:
    """`files_accepted` and `pipe_delivers` of each lake table, to be run by hand; the sensor reports them too."""
    return [_check(table, name, names) for table in LAKE_TABLES for name in (FILES_CHECK, PIPE_CHECK)]


def _check(table: str, name: str, names: Names) -> dg.AssetChecksDefinition:
    what = {
        FILES_CHECK: f"Snowpipe rejected none of the table's files in the last {HISTORY_HOURS} hours.",
        PIPE_CHECK: "The pipe is running and has delivered every commit older than half an hour.",
    }

    @dg.asset_check(asset=names.warehouse("lake", table), name=name, pool=names.called(POOL), description=what[name])
    @names.bound
    @retried
    def check(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        pipe = warehouse.run(lambda session: read_pipe(session, table), QueryTag(f"snowpipe:{table}:{name}"))
        latest = next(
            result for result in evaluations(table, pipe, utc_now().replace(tzinfo=None)) if result.check_name == name
        )
        return dg.AssetCheckResult(
            passed=latest.passed,
            severity=latest.severity,
            description=latest.description,
            metadata=latest.metadata,
        )

    return check


def read_pipe(session: Session, table: str) -> Pipe:
    """Everything Snowflake says of a table's pipe: three statements."""
    return Pipe(
        status=snowpipe.pipe_status(session, table),
        history=snowpipe.history(session, table, HISTORY_HOURS),
        waiting=snowpipe.overdue(session, table),
    )


def snowpipe_sensor(
    job_name: str,
    status: dg.DefaultSensorStatus,
    *,
    clock: Callable[[], dt.datetime] = utc_now,
    names: Names = PLAIN,
) -> dg.SensorDefinition:
    """The sensor; `job_name` is the job that computes everything after the lake tables.

    A tick on which no commit changed and nothing is on its way sends nothing to Snowflake: a query would wake the
    warehouse for a minute (Snowflake: warehouse credit usage).
    """

    @dg.sensor(
        name=names.called(SNOWPIPE),
        job_name=names.called(job_name),
        minimum_interval_seconds=120,
        default_status=status,
        description=(
            "Records new commits of the lake in Snowflake, makes current and reports the dates whose rows Snowpipe has "
            "delivered, files it rejected and pipes that stand still, and has dimensions and marts computed when "
            "something arrived. Snowflake is asked only when commits changed or rows are on their way."
        ),
        owners=OWNERS,
    )
    @names.bound
    def sensor(
        context: dg.SensorEvaluationContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> dg.SensorResult | dg.SkipReason:
        cursor, now = Cursor.parse(context.cursor), clock().replace(tzinfo=None)
        etags = committed(lake)
        months = fingerprints(etags)
        changed = {month for month, fingerprint in months.items() if cursor.months.get(month) != fingerprint}
        if not changed and not cursor.waiting and not cursor.left:
            return dg.SkipReason(f"No commit changed and nothing is on its way ({len(etags)} dates looked at).")
        if not changed and not cursor.left and cursor.ask_at and now < cursor.ask_at:
            on_way = f"{cursor.waiting} dates of tables are on their way"
            return dg.SkipReason(f"{on_way}; Snowflake is asked again at {cursor.ask_at:%H:%M} UTC.")
        commits = lake.commits([day for day in etags if _month(day) in changed])
        answer = warehouse.run(lambda session: ask(session, commits.values(), cursor, now), QueryTag("sensor:snowpipe"))
        planned = report(cursor, months, answer, now, names)
        arrived = len(planned.materializations)
        said = (
            f"{len(commits)} commits of changed months recorded, {arrived} dates of tables arrived, "
            f"{planned.cursor.left} left for the next tick, {planned.cursor.waiting} on their way"
        )
        context.log.info(said)
        whole = arrived and not planned.cursor.left
        return dg.SensorResult(
            asset_events=[*planned.materializations, *planned.evaluations],
            run_requests=[dg.RunRequest(run_key=_run_key(planned.cursor))] if whole else [],
            skip_reason=None if arrived else dg.SkipReason(said),
            cursor=planned.cursor.dump(),
        )

    return sensor


def ask(session: Session, commits: Iterable[Commit], cursor: Cursor, now: dt.datetime) -> Answer:
    """Record the commits, take in what has arrived of the dates that are awaited, and look at their pipes."""
    snowpipe.record_commits(session, commits, now)
    watched = []
    for table in LAKE_TABLES:
        awaited = [one.day for one in snowpipe.overdue(session, table)]
        taken = snowpipe.take_in(session, table, awaited) if awaited else {}
        if len(taken) < len(awaited):
            watched.append(table)
    arrivals = snowpipe.arrived_since(session, cursor.mark)
    healed = {name.partition(".")[0] for name in cursor.failing}
    arrived = {arrival.table for arrival in arrivals[:MAX_EVENTS]}
    delivered = {table: Pipe(None, (), ()) for table in healed | arrived}
    return Answer(arrivals, {**delivered, **{table: read_pipe(session, table) for table in watched}})


def committed(lake: LakeResource) -> dict[dt.date, str]:
    """The etag of each date's commit record; one listing."""
    listed = ((layout.parse_commit_key(one.key), one.etag) for one in lake.store.list(layout.COMMITS_PREFIX))
    return dict(sorted((day, etag) for day, etag in listed if day))


def fingerprints(etags: Mapping[dt.date, str]) -> dict[str, str]:
    """One short fingerprint of each month's commits, by month (YYYY-MM)."""
    months: dict[str, list[str]] = {}
    for day, etag in sorted(etags.items()):
        months.setdefault(_month(day), []).append(f"{day}={etag}")
    return {month: hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12] for month, lines in months.items()}


def _month(day: dt.date) -> str:
    return f"{day:%Y-%m}"


def _run_key(cursor: Cursor) -> str:
    return f"snowpipe-{hashlib.sha256(json.dumps(cursor.mark).encode()).hexdigest()[:16]}"
