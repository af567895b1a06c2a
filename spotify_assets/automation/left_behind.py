"""What is loaded and not computed from, after a blip or a change of code: found by state, and asked for by a sensor.

Dimensions and marts say themselves what they were computed from (`warehouse.applied`). The dashboard says it by
Dagster's event log: it is behind when something that it reads was materialized after it. Asking wakes a warehouse up,
so the sensor asks when something was materialized, or the code changed, since it last heard that nothing was behind.
What the load's checks refused stays where it is.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import dagster as dg

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets import private
from spotify_assets.automation import planning, runs
from spotify_assets.automation.clock import TICK_SECONDS, Clock, utc_now
from spotify_assets.automation.jobs import OWNERS
from spotify_assets.automation.planning import Limits
from spotify_assets.names import BUILD, LOAD, PLAIN, REFRESH, Names
from spotify_assets.private import AssetGraph
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.warehouse import applied
from spotify_assets.warehouse.session import QueryTag

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
    @names.bound
    def left_behind(
        context: dg.SensorEvaluationContext, warehouse: WarehouseResource
    ) -> dg.SensorResult | dg.SkipReason:
        assert context.repository_def is not None
        graph = context.repository_def.asset_graph
        newest = _newest(context.instance, [*loaded(names), *computed(names)])
        if not any(newest[key] for key in loaded(names)):
            return dg.SkipReason("Nothing has been loaded yet.")
        code = planning.digest(*applied.codes().values())
        seen = _digest(newest, code)
        if context.cursor == seen:
            return dg.SkipReason("Everything is computed from what is loaded.")
        if refused := refused_loads(context.instance, graph, names):
            return dg.SkipReason(f"What is loaded is not computed from, because a load's check failed: {refused}")
        ours = runs.ours(context, names)
        for job in (BUILD, LOAD, REFRESH):
            if ours.in_flight(names.called(job)):
                return dg.SkipReason(f"A run of {job} is in flight: what it leaves behind is looked for afterwards.")
        content = _digest({key: newest[key] for key in loaded(names)}, code)
        tags = {runs.PLANNER_TAG: names.called(LEFT_BEHIND), runs.CONTENT_TAG: content}
        tried = runs.with_tags(ours, tags)
        if why := rests(tried, clock()):
            return dg.SkipReason(f"Not everything may be computed from what is loaded; {why}")
        behind = behind_assets(context.instance, graph, warehouse.impatient(), names)
        if not behind:
            return dg.SensorResult(
                skip_reason=dg.SkipReason("Asked the warehouse: everything is computed from what is loaded."),
                cursor=seen,
            )
        said = f"Behind what is loaded: {', '.join(key.to_user_string() for key in behind)}"
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
    instance: dg.DagsterInstance, graph: AssetGraph, warehouse: WarehouseResource, names: Names = PLAIN
) -> list[dg.AssetKey]:
    """The dimensions, marts and the dashboard that are not computed from what is loaded, each after what it reads."""
    tables = warehouse.run(applied.behind, QueryTag(LEFT_BEHIND))
    behind = [names.warehouse(*path.split("/")) for path in tables]
    if graph.has(names.dashboard):
        reads = graph.get(names.dashboard).parent_keys
        newest = _newest(instance, [names.dashboard, *reads])
        if {*behind} & reads or any(newest[parent] > newest[names.dashboard] for parent in reads):
            behind.append(names.dashboard)
    return behind


def refused_loads(instance: dg.DagsterInstance, graph: AssetGraph, names: Names = PLAIN) -> str:
    """The checks of loaded tables that failed last, for people; what they refused is not computed from. A check that
    only warns refuses nothing."""
    keys = sorted(graph.get_check_keys_for_assets(set(loaded(names))))
    latest = [each.evaluation for each in private.latest_evaluations(instance, keys)]
    refused = [each for each in latest if not each.passed and each.severity == dg.AssetCheckSeverity.ERROR]
    return ", ".join(sorted(f"{each.asset_key.to_user_string()} {each.check_name}" for each in refused))


def _newest(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey]) -> dict[dg.AssetKey, int]:
    """The place in the event log of each asset's newest materialization; 0 where there is none."""
    newest = {
        record.asset_entry.asset_key: record.asset_entry.last_materialization_storage_id or 0
        for record in instance.get_asset_records(keys)
    }
    return {key: newest.get(key, 0) for key in keys}


def _digest(newest: Mapping[dg.AssetKey, int], code: str) -> str:
    return planning.digest(code, *(f"{key.to_user_string()} {place}" for key, place in sorted(newest.items())))


def rests(tried: Sequence[planning.Attempt], now: dt.datetime) -> str | None:
    """Why the same is not asked for again now; None when it is time. `tried` is newest first."""
    if any(attempt.permanent for attempt in tried):
        return f"given up after a permanent failure (fix the cause, then run {REFRESH} from the UI)"
    ended = [attempt.ended_at for attempt in tried if attempt.ended_at]
    if ended and now < max(ended) + Limits().pause(len(tried)):
        return "resting after the last try"
    return None
