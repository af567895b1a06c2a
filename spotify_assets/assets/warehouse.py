"""The warehouse's assets: the seven lake tables loaded per snapshot date, and the dimensions merged from them.

One step per table, so that a bad table stops only its own downstream. What is sent belongs in
`spotify_assets.warehouse`; here is when, for which dates, and what Dagster shows of it.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import dagster as dg

from glue_scripts.commit import Commit
from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, Table
from spotify_assets.assets.metadata import (
    OWNERS,
    ColumnSource,
    column_lineage,
    column_schema,
    preview,
    show_lineage,
)
from spotify_assets.assets.recording import EMPTY, listing, recorded, report_alone, without_commit
from spotify_assets.assets.verdicts import Broken, verdict
from spotify_assets.failures import PermanentError, PlatformError, TransientError
from spotify_assets.insights import SNOWFLAKE_CREDITS
from spotify_assets.lake import state
from spotify_assets.names import PLAIN, Names
from spotify_assets.partitions import run_dates, run_dates_or_none
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.retries import retried
from spotify_assets.settings import WithoutSnapshots
from spotify_assets.warehouse import dimensions, loads, quality
from spotify_assets.warehouse.dimensions import Merged
from spotify_assets.warehouse.loads import LoadPlan
from spotify_assets.warehouse.session import QueryTag, Session, Value
from spotify_assets.warehouse.sql import column_list, qualified
from spotify_assets.warehouse.state import Pending

GROUP = "warehouse"
KINDS = {"snowflake", "sql"}
POOL = "snowflake"

_PREVIEW_ROWS = 5
_SHOWN_LOST = 10
_Result = TypeVar("_Result")


def lake_load_assets(
    partitions: dg.DailyPartitionsDefinition, without_snapshots: WithoutSnapshots = "empty", names: Names = PLAIN
) -> list[dg.AssetsDefinition]:
    """The seven tables of schema LAKE, loaded from the files of the dates' commits; any set of dates in one run.

    A date without a commit fails, unless it has no raw snapshots either: an empty date, if `without_snapshots` allows.
    """
    return [_lake_load(table, partitions, without_snapshots, names) for table in LAKE_TABLES.values()]


def landed_lake_assets(partitions: dg.DailyPartitionsDefinition, names: Names = PLAIN) -> list[dg.AssetSpec]:
    """The same seven tables where Snowpipe fills them: no run loads them, the snowpipe sensor reports them."""
    return [
        dg.AssetSpec(
            key=names.warehouse("lake", table.name),
            deps=[names.lake(table.name)],
            partitions_def=partitions,
            group_name=names.called(GROUP),
            kinds=KINDS,
            owners=OWNERS,
            description=(
                f"{table.description}\n\nGrain: {', '.join(table.key)}. Snowpipe lands every generation of every file; "
                f"the view `{qualified('lake', table.name)}` shows, of each date, the newest commit that has arrived "
                "whole."
            ),
            metadata=_lake_metadata(table, names),
        )
        for table in LAKE_TABLES.values()
    ]


def dimension_assets(names: Names = PLAIN) -> list[dg.AssetsDefinition]:
    """The six dimensions of schema SPOTIFY, merged from whatever LAKE holds that they have not seen."""
    return [_dimension(table, names) for table in DIMENSIONS.values()]


@dataclass(frozen=True)
class Sent(Generic[_Result]):
    """What some work on the warehouse came to, and what to show of it."""

    result: _Result
    metadata: dict[str, dg.MetadataValue]


def send(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, work: Callable[[Session], _Result]
) -> Sent[_Result]:
    """Do `work` under a query tag that names the asset, its dates and the run; time it and collect its query ids."""
    query_ids: list[str] = []
    keys = [day.isoformat() for day in run_dates_or_none(context) or ()]

    def observed(session: Session) -> _Result:
        result = work(session)
        query_ids[:] = session.query_ids
        return result

    started = time.monotonic()
    dates = "" if not keys else keys[0] if len(keys) == 1 else f"{keys[0]}…{keys[-1]}"
    result = warehouse.run(observed, QueryTag(context.asset_key.to_user_string(), dates, context.run_id))
    seconds = time.monotonic() - started
    metadata: dict[str, dg.MetadataValue] = {
        "seconds": dg.MetadataValue.float(round(seconds, 3)),
        "statements": dg.MetadataValue.int(len(query_ids)),
    }
    spent = warehouse.credits(seconds)
    if spent is not None:
        own = {SNOWFLAKE_CREDITS: dg.MetadataValue.float(round(spent, 6))}
        if context.assets_def.partitions_def is None:
            metadata |= own
        else:
            context.add_asset_metadata(own, asset_key=context.asset_key, partition_key=keys[-1])
    links = [f"[{query_id}]({url})" for query_id in query_ids if (url := warehouse.query_url(query_id))]
    if links:
        metadata["queries"] = dg.MetadataValue.md("  \n".join(links))
    return Sent(result, metadata)


def sample(
    session: Session,
    layer: str,
    table: Table,
    *,
    newest_first: str,
    since: dt.date | None = None,
    playlist_id: str | None = None,
) -> dg.MetadataValue:
    """A preview of a table: its newest rows by a date column, sought from `since` on or in one playlist where given."""
    sought: dict[str, Value | None] = {f"{newest_first} >= ?": since, "playlist_id = ?": playlist_id}
    conditions = {condition: value for condition, value in sought.items() if value is not None}
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = session.execute(
        f"SELECT {column_list(table.column_names)} FROM {qualified(layer, table.name)}{where} "
        f"ORDER BY {newest_first} DESC, {column_list(table.key)} LIMIT {_PREVIEW_ROWS}",
        [*conditions.values()],
    )
    return preview(table.column_names, rows)


Result: TypeAlias = "dg.MaterializeResult | dg.AssetCheckResult"
"""What the step of a table that is computed yields."""


def keys_hold_spec(key: dg.AssetKey, table: Table) -> dg.AssetCheckSpec:
    """A blocking check within the step: the key is unique and every required column is filled."""
    return dg.AssetCheckSpec(
        "keys_hold",
        asset=key,
        blocking=True,
        description=(
            f"In the rows that a run brings in, {_key(table)} and every required column is filled. Checked before they "
            "become visible: a run that would break it changes nothing."
        ),
    )


def _key(table: Table) -> str:
    names = [f"`{name}`" for name in table.key]
    return (
        f"{names[0]} is unique" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} together are unique"
    )


def keys_held(rows: int) -> dg.AssetCheckResult:
    """The check passed, on so many rows."""
    said = f"{rows} rows" if rows else "nothing new to look at"
    return verdict([], fine=said, remedy="", metadata={"rows": rows}, name="keys_hold")


def checked(work: Callable[[], dg.MaterializeResult]) -> Iterator[Result]:
    """What a step yields that checks what it brings in: its result, or else which rules would have been broken."""
    try:
        yield work()
    except quality.RulesBroken as error:
        yield verdict(
            [Broken(fault.rule, fault.count, fault.examples) for fault in error.faults],
            fine="",
            remedy="the table was left as it was. Look for the rows in `LAKE` of the dates that were brought in: load "
            "these dates again where they differ from the lake (`matches_commits` says so), else the SELECT is wrong.",
            metadata={"broken_rules": len(error.faults)},
            name="keys_hold",
        )
        raise


def applied_metadata(pending: Pending) -> dict[str, dg.MetadataValue]:
    """How many dates of each kind were brought in."""
    return {
        "new_dates": dg.MetadataValue.int(len(pending.new)),
        "reloaded_dates": dg.MetadataValue.int(len(pending.changed)),
        "removed_dates": dg.MetadataValue.int(len(pending.gone)),
    }


def _lake_load(
    table: Table, partitions: dg.DailyPartitionsDefinition, without_snapshots: WithoutSnapshots, names: Names
) -> dg.AssetsDefinition:
    @dg.asset(
        key=names.warehouse("lake", table.name),
        deps=[names.lake(table.name)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        code_version=loads.code(table.name),
        pool=names.called(POOL),
        group_name=names.called(GROUP),
        kinds=KINDS,
        owners=OWNERS,
        description=(
            f"{table.description}\n\nGrain: {', '.join(table.key)}. The rows of `lake/{table.name}`, column for "
            "column; each date is replaced as a whole by the files of its commit, and a date is empty when its commit "
            f"says so. `LAKE.LOADS` says which run each date holds. Table `{qualified('lake', table.name)}`."
        ),
        metadata=_lake_metadata(table, names),
    )
    @names.bound
    @retried
    def load(
        context: dg.AssetExecutionContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> dg.MaterializeResult:
        return _load(context, lake, warehouse, table, without_snapshots, names)

    return load


def _lake_metadata(table: Table, names: Names) -> dict[str, object]:
    return {
        "dagster/column_schema": column_schema(table),
        "dagster/column_lineage": column_lineage(
            {name: [(names.lake(table.name), name)] for name in table.column_names}
        ),
    }


def _load(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    warehouse: WarehouseResource,
    table: Table,
    without_snapshots: WithoutSnapshots,
    names: Names,
) -> dg.MaterializeResult:
    days = run_dates(context)
    commits = lake.commits(days)

    def work(session: Session) -> tuple[LoadPlan, dg.MetadataValue | None]:
        plan = loads.load_table(session, lake.store, table.name, commits)
        return plan, sample(
            session, "lake", table, newest_first="snapshot_date", since=plan.days[-1]
        ) if plan.runs else None

    try:
        sent = send(context, warehouse, work)
    except PlatformError as error:
        if lake.commits(days) != commits:
            raise TransientError(f"Dates were built again in the lake while they were being loaded: {error}") from error
        _say_what_is_lost(lake, table, commits, error)
        raise
    plan, shown = sent.result
    by_date = {day: _partition_metadata(plan, day) for day in plan.days}
    empty, missing = without_commit(lake, days, commits, without_snapshots)
    if missing:
        report_alone(context, context.asset_key, by_date)
        raise PermanentError(
            f"No commit in the lake for {listing(missing)}: materialize {names.lake(table.name).to_user_string()} for "
            f"{'this date' if len(missing) == 1 else 'these dates'} first. The other {len(commits)} were loaded."
        )
    metadata = {
        **sent.metadata,
        "dagster/table_name": warehouse.table_name("lake", table.name),
        "rows": plan.rows,
        "files": len(plan.files),
        "dates": len(commits),
        **({"preview": shown} if shown else {}),
    }
    return recorded(context, context.asset_key, {**by_date, **dict.fromkeys(empty, EMPTY)}, metadata)


def _say_what_is_lost(
    lake: LakeResource, table: Table, commits: Mapping[dt.date, Commit], error: PlatformError
) -> None:
    """Raise PermanentError when files that the commits name are gone: no other try of the load finds them."""
    lost = state.lost_files(lake.store, commits, [table.name])
    if lost:
        raise PermanentError(
            "; ".join(f"{day}: {sentence}" for day, sentence in sorted(lost.items())[:_SHOWN_LOST]),
            remedy="`spotify-assets build` builds these dates again from their raw snapshots",
        ) from error


def _partition_metadata(plan: LoadPlan, day: dt.date) -> dict[str, dg.MetadataValue]:
    run, rows = plan.runs[day]
    return {"dagster/partition_row_count": dg.MetadataValue.int(rows), "lake_run": dg.MetadataValue.text(run)}


def _dimension(table: Table, names: Names) -> dg.AssetsDefinition:
    upstream = names.warehouse("lake", table.name)
    key = names.warehouse("spotify", table.name)

    @dg.asset(
        key=key,
        check_specs=[keys_hold_spec(key, table)],
        code_version=dimensions.code(table.name),
        deps=[dg.AssetDep(upstream, partition_mapping=dg.AllPartitionMapping())],
        pool=names.called(POOL),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=names.called(GROUP),
        kinds=KINDS,
        owners=OWNERS,
        description=(
            f"{table.description}\n\nGrain: {', '.join(table.key)}. Merged from `{qualified('lake', table.name)}`; the "
            "order in which dates are loaded does not matter: an older day extends first_seen_on and never overwrites "
            f"newer attributes. Table `{qualified('spotify', table.name)}`."
        ),
        metadata={
            "dagster/column_schema": column_schema(table),
            "dagster/column_lineage": column_lineage(_dimension_lineage(table, names)),
        },
    )
    @names.bound
    @retried
    def merge(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[Result]:
        yield from checked(lambda: _merge(context, warehouse, table))

    return merge


def _merge(context: dg.AssetExecutionContext, warehouse: WarehouseResource, table: Table) -> dg.MaterializeResult:
    def work(session: Session) -> tuple[Merged, dg.MetadataValue]:
        merged = dimensions.merge(session, table.name)
        newest = max(merged.pending.present, default=None)
        return merged, sample(session, "spotify", table, newest_first="last_seen_on", since=newest)

    sent = send(context, warehouse, work)
    merged, shown = sent.result
    show_lineage(context)
    return dg.MaterializeResult(
        metadata={
            **sent.metadata,
            **applied_metadata(merged.pending),
            "dagster/row_count": merged.rows,
            "dagster/table_name": warehouse.table_name("spotify", table.name),
            "preview": shown,
        },
        check_results=[keys_held(merged.checked)],
    )


def _dimension_lineage(table: Table, names: Names) -> dict[str, list[ColumnSource]]:
    upstream = names.warehouse("lake", table.name)
    seen = {"first_seen_on": "snapshot_date", "last_seen_on": "snapshot_date"}
    return {name: [(upstream, seen.get(name, name))] for name in table.column_names}
