"""Snowpipe mode in Dagster: a sensor that records commits, reports what arrived, and says what went wrong.

What Snowflake's answers mean belongs in `warehouse.snowpipe`; here they become materializations, check results and
one run of everything downstream. The cursor only remembers what has been reported: a lost cursor reports again.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.warehouse import table_key
from spotify_assets.lake import layout
from spotify_assets.markdown import escaped
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.warehouse import snowpipe
from spotify_assets.warehouse.session import QueryTag, Session
from spotify_assets.warehouse.snowpipe import LoadedFile, Overdue, PipeStatus, Shown

SNOWPIPE = "snowpipe"
FILES_CHECK = "files_accepted"
PIPE_CHECK = "pipe_delivers"
OWNERS = ["team:data-platform"]

HISTORY_HOURS = 24
MAX_EVENTS = 500
"""Most materializations reported per tick; the rest follow on the next ticks."""

_SHOWN_FILES = 10


@dataclass(frozen=True)
class Pipe:
    """What Snowflake says of one table's pipe."""

    status: PipeStatus
    history: Sequence[LoadedFile]
    waiting: Sequence[Overdue]


@dataclass(frozen=True)
class Cursor:
    """What has been done: the etag of each recorded commit, the runs reported, the check results reported."""

    recorded: Mapping[str, str] = field(default_factory=dict)
    reported: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """The cursor in `text`; an empty one when there is none."""
        return cls(**json.loads(text)) if text else cls()

    def dump(self) -> str:
        return json.dumps({"recorded": self.recorded, "reported": self.reported, "checks": self.checks}, sort_keys=True)


@dataclass(frozen=True)
class Plan:
    """What a tick reports, and the cursor after it."""

    materializations: list[dg.AssetMaterialization]
    evaluations: list[dg.AssetCheckEvaluation]
    left: int
    cursor: Cursor


def plan(
    cursor: Cursor, shown: Mapping[str, Mapping[dt.date, Shown]], pipes: Mapping[str, Pipe], now: dt.datetime
) -> Plan:
    """Pure: what is shown and not yet reported, and every check result that differs from the one reported last."""
    news = [
        (table, day, what)
        for table in sorted(shown)
        for day, what in sorted(shown[table].items())
        if cursor.reported.get(table, {}).get(day.isoformat()) != what.run_id
    ]
    reported = {table: dict(days) for table, days in cursor.reported.items()}
    materializations = []
    for table, day, what in news[:MAX_EVENTS]:
        reported.setdefault(table, {})[day.isoformat()] = what.run_id
        materializations.append(
            dg.AssetMaterialization(
                table_key("lake", table),
                partition=day.isoformat(),
                metadata={"dagster/partition_row_count": what.rows, "lake_run": what.run_id},
            )
        )
    results = [result for table, pipe in sorted(pipes.items()) for result in evaluations(table, pipe, now)]
    checks = dict(cursor.checks)
    changed = []
    for result in results:
        name = f"{result.asset_key.path[-1]}.{result.check_name}"
        outcome = f"{result.passed}:{result.description}"
        if checks.get(name) != outcome:
            checks[name] = outcome
            changed.append(result)
    left = max(0, len(news) - MAX_EVENTS)
    return Plan(materializations, changed, left, Cursor(cursor.recorded, reported, checks))


def evaluations(table: str, pipe: Pipe, now: dt.datetime) -> list[dg.AssetCheckEvaluation]:
    """The two checks of a table's pipe: no rejected files, and it does not stand still."""
    return [_files_accepted(table, pipe), _pipe_delivers(table, pipe, now)]


def _files_accepted(table: str, pipe: Pipe) -> dg.AssetCheckEvaluation:
    rejected = unresolved(pipe.history)
    return dg.AssetCheckEvaluation(
        asset_key=table_key("lake", table),
        check_name=FILES_CHECK,
        passed=not rejected,
        description=escaped("; ".join(f"{file.file}: {file.status}, {file.error}" for file in rejected[:_SHOWN_FILES]))
        or "No file was rejected.",
        metadata={"rejected": len(rejected), "hours": HISTORY_HOURS},
    )


def unresolved(history: Iterable[LoadedFile]) -> list[LoadedFile]:
    """The files whose last attempt was rejected."""
    last = {file.file: file for file in history}
    return [file for file in last.values() if file.rejected]


def _pipe_delivers(table: str, pipe: Pipe, now: dt.datetime) -> dg.AssetCheckEvaluation:
    why = snowpipe.standing_still(pipe.status, pipe.waiting, now)
    return dg.AssetCheckEvaluation(
        asset_key=table_key("lake", table),
        check_name=PIPE_CHECK,
        passed=why is None,
        description=f"Stale: {escaped(why)}" if why else "The pipe is running.",
        metadata={"state": pipe.status.state, "pending_files": pipe.status.pending_files},
    )


def snowpipe_checks() -> list[dg.AssetChecksDefinition]:
    """`files_accepted` and `pipe_delivers` of each lake table, to be run by hand; the sensor reports them too."""
    return [_check(table, name) for table in LAKE_TABLES for name in (FILES_CHECK, PIPE_CHECK)]


def _check(table: str, name: str) -> dg.AssetChecksDefinition:
    what = {
        FILES_CHECK: f"Snowpipe rejected none of the table's files in the last {HISTORY_HOURS} hours.",
        PIPE_CHECK: "The pipe is running and has delivered every commit older than half an hour.",
    }

    @dg.asset_check(asset=table_key("lake", table), name=name, description=what[name])
    def check(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        pipe = warehouse.run(lambda session: read_pipe(session, table), QueryTag(f"snowpipe:{table}:{name}"))
        found = next(result for result in evaluations(table, pipe, _now()) if result.check_name == name)
        return dg.AssetCheckResult(passed=found.passed, description=found.description, metadata=found.metadata)

    return check


def read_pipe(session: Session, table: str) -> Pipe:
    """Everything Snowflake says of a table's pipe: three statements."""
    return Pipe(
        status=snowpipe.pipe_status(session, table),
        history=snowpipe.history(session, table, HISTORY_HOURS),
        waiting=snowpipe.overdue(session, table),
    )


def snowpipe_sensor(job_name: str, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """The sensor; `job_name` is the job that computes everything after the lake tables."""

    @dg.sensor(
        name=SNOWPIPE,
        job_name=job_name,
        minimum_interval_seconds=120,
        default_status=status,
        description=(
            "Records new commits of the lake in Snowflake, reports the dates whose rows Snowpipe has delivered, files "
            "it rejected and pipes that stand still, and has dimensions and marts computed when something arrived."
        ),
        owners=OWNERS,
    )
    def sensor(
        context: dg.SensorEvaluationContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> dg.SensorResult:
        cursor = Cursor.parse(context.cursor)
        etags = committed(lake)
        new = [day for day, etag in etags.items() if cursor.recorded.get(day.isoformat()) != etag]
        commits = lake.commits(new)

        def look(session: Session) -> tuple[dict[str, dict[dt.date, Shown]], dict[str, Pipe]]:
            snowpipe.record_commits(session, commits.values(), _now())
            return snowpipe.shown(session), {table: read_pipe(session, table) for table in LAKE_TABLES}

        shown, pipes = warehouse.run(look, QueryTag("sensor:snowpipe"))
        recorded = {day.isoformat(): etag for day, etag in etags.items()}
        planned = plan(Cursor(recorded, cursor.reported, cursor.checks), shown, pipes, _now())
        arrived = len(planned.materializations)
        said = f"{len(new)} new commits, {arrived} dates of tables arrived, {planned.left} left for the next tick"
        context.log.info(said)
        return dg.SensorResult(
            asset_events=[*planned.materializations, *planned.evaluations],
            run_requests=[dg.RunRequest(run_key=_digest(shown))] if arrived and not planned.left else [],
            skip_reason=None if arrived else dg.SkipReason(said),
            cursor=planned.cursor.dump(),
        )

    return sensor


def committed(lake: LakeResource) -> dict[dt.date, str]:
    """The etag of each date's commit record; one listing."""
    found = ((layout.parse_commit_key(one.key), one.etag) for one in lake.store.list(layout.COMMITS_PREFIX))
    return dict(sorted((day, etag) for day, etag in found if day))


def _digest(shown: Mapping[str, Mapping[dt.date, Shown]]) -> str:
    runs = [(table, day.isoformat(), what.run_id) for table in shown for day, what in shown[table].items()]
    return f"snowpipe-{hashlib.sha256(json.dumps(sorted(runs)).encode()).hexdigest()[:16]}"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
