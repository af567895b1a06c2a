"""The sensor that has computed what a failure left behind: dimensions, marts and the dashboard after a blip.

What is behind is read from Dagster's event log by the order of events, never by a time: an asset without partitions is
behind when one it reads was materialized after it. What the load's checks refused stays where it is.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets.automation import planning, runs
from spotify_assets.automation.clock import TICK_SECONDS, Clock, utc_now
from spotify_assets.automation.jobs import OWNERS
from spotify_assets.automation.planning import Limits
from spotify_assets.names import BUILD, LOAD, PLAIN, REFRESH, Names

LEFT_BEHIND = "left_behind"


def left_behind_sensor(
    status: dg.DefaultSensorStatus, *, clock: Clock = utc_now, names: Names = PLAIN
) -> dg.SensorDefinition:
    """Requests `refresh_analytics` when what is loaded is newer than what is computed from it, and nothing runs."""

    @dg.sensor(
        name=names.called(LEFT_BEHIND),
        job_name=names.called(REFRESH),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=status,
        description=(
            "Has the dimensions, marts and the dashboard computed that a failed run left behind what is loaded. Waits "
            "for runs in flight; after an outage it tries again ever more slowly, after a permanent failure not at all."
        ),
        owners=OWNERS,
    )
    def left_behind(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        assert context.repository_def is not None
        graph = context.repository_def.asset_graph
        reads = {key: graph.get(key).parent_keys for key in computed(names) if graph.has(key)}
        behind, content = behind_assets(context.instance, reads)
        said = f"Behind what is loaded: {', '.join(key.to_user_string() for key in behind)}"
        if not behind:
            return dg.SkipReason("Everything is computed from what is loaded.")
        if refused := _refused(context.instance, sorted(graph.get_check_keys_for_assets(set(loaded(names))))):
            return dg.SkipReason(f"{said}; not asked for, because a load's check failed: {refused}")
        for job in (BUILD, LOAD, REFRESH):
            if runs.ours(context, names).in_flight(names.called(job)):
                return dg.SkipReason(f"{said}; a run of {job} is in flight")
        tags = {runs.PLANNER_TAG: names.called(LEFT_BEHIND), runs.CONTENT_TAG: content}
        tried = runs.with_tags(runs.ours(context, names), tags)
        if why := rests(tried, clock()):
            return dg.SkipReason(f"{said}; {why}")
        after = tried[0].run_id if tried else ""
        context.log.info(said)
        return dg.SensorResult([dg.RunRequest(f"{content}-{after}", job_name=names.called(REFRESH), tags=tags)])

    return left_behind


def loaded(names: Names) -> list[dg.AssetKey]:
    """The tables that are loaded from the lake."""
    return [names.warehouse("lake", table) for table in LAKE_TABLES]


def computed(names: Names) -> list[dg.AssetKey]:
    """What is computed from them, each after what it reads."""
    dimensions = [names.warehouse("spotify", table) for table in DIMENSIONS]
    return [*dimensions, *(names.warehouse("analytics", table) for table in MARTS), names.dashboard]


def behind_assets(
    instance: dg.DagsterInstance, reads: Mapping[dg.AssetKey, AbstractSet[dg.AssetKey]]
) -> tuple[list[dg.AssetKey], str]:
    """The assets of `reads` that are older than one they read, in its order, and a digest of what they should be of."""
    keys = {*reads, *(parent for parents in reads.values() for parent in parents)}
    newest = {
        record.asset_entry.asset_key: record.asset_entry.last_materialization_storage_id or 0
        for record in instance.get_asset_records(sorted(keys))
    }
    behind = [
        key for key, parents in reads.items() if any(newest.get(parent, 0) > newest.get(key, 0) for parent in parents)
    ]
    of = {parent: newest.get(parent, 0) for key in behind for parent in reads[key] if parent not in reads}
    return behind, planning.digest(*(f"{key.to_user_string()} {of[key]}" for key in sorted(of)))


def rests(tried: Sequence[planning.Attempt], now: dt.datetime) -> str | None:
    """Why the same is not asked for again now; None when it is time. `tried` is newest first."""
    if any(attempt.permanent for attempt in tried):
        return f"given up after a permanent failure (fix the cause, then run {REFRESH} from the UI)"
    ended = [attempt.ended_at for attempt in tried if attempt.ended_at]
    if ended and now < max(ended) + Limits().pause(len(tried)):
        return "resting after a failure"
    return None


def _refused(instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey]) -> str:
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return ", ".join(
        f"{key.asset_key.to_user_string()} {key.name}"
        for key, record in latest.items()
        if record.status == AssetCheckExecutionRecordStatus.FAILED
    )
