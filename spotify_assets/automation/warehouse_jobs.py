"""Jobs that look after the warehouse: reconcile it with the lake, rebuild what is computed, drop a branch's clone."""

import dagster as dg
from pydantic import Field

from glue_scripts.contract import DIMENSIONS
from spotify_assets.assets.metadata import OWNERS
from spotify_assets.assets.warehouse import POOL
from spotify_assets.checks.warehouse import ALL_CHECK, KEYS_CHECK, RECENT_CHECK
from spotify_assets.names import DROP_BRANCH, PLAIN, REBUILD, RECONCILE_ALL, RECONCILE_RECENT, Names
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.retries import retried
from spotify_assets.settings import Settings
from spotify_assets.warehouse import dimensions, environments, marts
from spotify_assets.warehouse.session import QueryTag

TABLES = (*(f"spotify/{name}" for name in DIMENSIONS), *(f"analytics/{name}" for name in marts.DEFINITIONS))
"""What can be computed again, each after the tables it reads."""


class RebuildConfig(dg.Config):
    """Which tables to compute again; all of them by default."""

    tables: list[str] = Field(
        default=list(TABLES),
        description="Tables as schema/table, such as spotify/songs or analytics/song_runs.",
    )


class DropBranchConfig(dg.Config):
    """Whose clone to drop."""

    pull_request: int = Field(description="Number of the pull request whose branch deployment is gone.", ge=1)


def warehouse_jobs(
    settings: Settings, names: Names = PLAIN, executor: dg.ExecutorDefinition | None = None
) -> "list[dg.JobDefinition | dg.UnresolvedAssetJobDefinition]":
    """The jobs; `drop_branch_database` exists in production's deployment on Snowflake only."""
    jobs: list[dg.JobDefinition | dg.UnresolvedAssetJobDefinition] = [
        _reconciliation(names, executor, RECONCILE_RECENT, "the last two weeks", RECENT_CHECK),
        _reconciliation(
            names, executor, RECONCILE_ALL, "everything, and the keys of every table", ALL_CHECK, KEYS_CHECK
        ),
        _rebuild_job(names, executor),
    ]
    if settings.warehouse_name == "snowflake" and not settings.dagster_cloud_is_branch_deployment:
        jobs.append(_drop_branch_job(settings.snowflake_database, names, executor))
    return jobs


def warehouse_schedules(settings: Settings, names: Names = PLAIN) -> list[dg.ScheduleDefinition]:
    """Reconciliation of the last two weeks every day, an hour after fresh data is due, and of everything on Sundays."""
    status = dg.DefaultScheduleStatus.RUNNING if settings.automation_on else dg.DefaultScheduleStatus.STOPPED
    return [
        dg.ScheduleDefinition(
            name=names.called(f"{job}_schedule"),
            job_name=names.called(job),
            cron_schedule=cron,
            execution_timezone=settings.schedule_timezone,
            default_status=status,
            description=description,
            owners=OWNERS,
        )
        for job, cron, description in (
            (
                RECONCILE_RECENT,
                settings.reconcile_cron,
                "Compare the last 14 committed dates in the warehouse with the lake (`RECONCILE_CRON`).",
            ),
            (
                RECONCILE_ALL,
                settings.reconcile_all_cron,
                "Compare every date in the warehouse with the lake, and look at every key (`RECONCILE_ALL_CRON`).",
            ),
        )
    ]


def _reconciliation(
    names: Names, executor: dg.ExecutorDefinition | None, name: str, period: str, *checks: str
) -> "dg.UnresolvedAssetJobDefinition":
    return dg.define_asset_job(
        names.called(name),
        selection=dg.AssetSelection.checks(*(dg.AssetCheckKey(names.loads, check) for check in checks)),
        description=f"Compare the warehouse with the lake's commits, date by date and table by table: {period}.",
        owners=OWNERS,
        executor_def=executor,
    )


def _rebuild_job(names: Names, executor: dg.ExecutorDefinition | None) -> dg.JobDefinition:
    @dg.op(
        name=names.called("rebuild"),
        pool=names.called(POOL),
        description="Compute dimensions and marts from nothing but LAKE; readers see the old rows until each is done.",
    )
    @names.bound
    @retried
    def rebuild(context: dg.OpExecutionContext, config: RebuildConfig, warehouse: WarehouseResource) -> None:
        unknown = sorted(set(config.tables) - set(TABLES))
        if unknown:
            raise dg.Failure(
                f"{', '.join(unknown)}: no such table; there are {', '.join(TABLES)}.", allow_retries=False
            )
        for path in (path for path in TABLES if path in config.tables):  # each after those it reads
            rows = _rebuild_one(warehouse, path, context.run_id)
            context.log.info(f"{path}: {'a view' if rows is None else f'{rows} rows'}")

    @dg.job(
        name=names.called(REBUILD),
        description=(
            "Compute dimensions and marts again from all of LAKE: all, or those that the config names. The rows "
            "are those that merging day by day gives; nothing has to be rebuilt in the course of things."
        ),
        owners=OWNERS,
        executor_def=executor,
    )
    def rebuild_warehouse() -> None:
        rebuild()

    return rebuild_warehouse


def _rebuild_one(warehouse: WarehouseResource, path: str, run_id: str) -> int | None:
    layer, table = path.split("/")
    work = dimensions.rebuild if layer == "spotify" else marts.rebuild
    return warehouse.run(lambda session: work(session, table).rows, QueryTag(f"rebuild:{path}", run_id=run_id))


def _drop_branch_job(database: str, names: Names, executor: dg.ExecutorDefinition | None) -> dg.JobDefinition:
    @dg.op(
        name=names.called("drop_clone"), description="Drop the zero-copy clone of a pull request's branch deployment."
    )
    @names.bound
    @retried
    def drop_clone(context: dg.OpExecutionContext, config: DropBranchConfig, warehouse: WarehouseResource) -> None:
        statement = environments.drop_statement(database, config.pull_request)
        rows = warehouse.run(lambda session: session.execute(statement), QueryTag(DROP_BRANCH, "", context.run_id))
        context.log.info(str(rows[0][0]) if rows else statement)

    @dg.job(
        name=names.called(DROP_BRANCH),
        description="Drop the database clone of a branch deployment that is gone; for when its pull request closes.",
        owners=OWNERS,
        executor_def=executor,
    )
    def drop_branch_database() -> None:
        drop_clone()

    return drop_branch_database
