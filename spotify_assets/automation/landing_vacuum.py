"""The job that vacuums Snowpipe's landing tables: runs whose files the lake's own vacuum has removed.

What may go is decided in `warehouse.snowpipe.vacuum`; weekly, when reconciliation has the warehouse awake anyway.
"""

from functools import partial

import dagster as dg

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.warehouse import POOL
from spotify_assets.automation.jobs import OWNERS
from spotify_assets.lake import layout
from spotify_assets.names import PLAIN, VACUUM_LANDING, Names
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.retries import retried
from spotify_assets.settings import Settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import snowpipe
from spotify_assets.warehouse.session import QueryTag


def landing_vacuum_job(names: Names = PLAIN, executor: dg.ExecutorDefinition | None = None) -> dg.JobDefinition:
    """The job; it exists where Snowpipe loads."""

    @dg.op(
        name=names.called("vacuum_landing_tables"),
        pool=names.called(POOL),
        description="Remove superseded generations from the landing tables, and their commits.",
    )
    @names.bound
    @retried
    def vacuum_landing_tables(context: dg.OpExecutionContext, lake: LakeResource, warehouse: WarehouseResource) -> None:
        for table in LAKE_TABLES:
            work = partial(snowpipe.vacuum, table=table, kept_runs=runs_in_lake(lake.store, table))
            removed = warehouse.run(work, QueryTag(f"{VACUUM_LANDING}:{table}", run_id=context.run_id))
            context.log.info(f"{table}: {removed} superseded runs removed")

    @dg.job(
        name=names.called(VACUUM_LANDING),
        description="Remove from Snowpipe's landing tables what the lake's vacuum has removed from the lake.",
        owners=OWNERS,
        executor_def=executor,
    )
    def vacuum_landing() -> None:
        vacuum_landing_tables()

    return vacuum_landing


def landing_vacuum_schedule(settings: Settings, names: Names = PLAIN) -> dg.ScheduleDefinition:
    """Weekly, with the reconciliation of everything."""
    return dg.ScheduleDefinition(
        name=names.called(f"{VACUUM_LANDING}_schedule"),
        job_name=names.called(VACUUM_LANDING),
        cron_schedule=settings.reconcile_all_cron,
        execution_timezone=settings.schedule_timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if settings.automation_on else dg.DefaultScheduleStatus.STOPPED,
        description="Remove what the lake no longer holds from Snowpipe's landing tables (`RECONCILE_ALL_CRON`).",
        owners=OWNERS,
    )


def runs_in_lake(store: ObjectStore, table: str) -> set[str]:
    """The runs that have a file of `table` in the lake; one listing."""
    keys = (layout.parse_data_key(one.key) for one in store.list(f"{layout.TABLES_PREFIX}{table}/"))
    return {key.run_id for key in keys if key is not None}
