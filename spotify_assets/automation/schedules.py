"""The schedules: what the clock starts. Cron and time zone are settings; which date a tick means is decided here."""

import datetime as dt

import dagster as dg

from spotify_assets.automation.jobs import OWNERS
from spotify_assets.automation.landing_vacuum import landing_vacuum_schedule
from spotify_assets.automation.warehouse_jobs import warehouse_schedules
from spotify_assets.names import EXTRACT, PLAIN, VACUUM, Names
from spotify_assets.settings import Settings


def build_schedules(
    settings: Settings, partitions: dg.DailyPartitionsDefinition, names: Names = PLAIN
) -> list[dg.ScheduleDefinition]:
    """Every schedule, switched on where SPOTIFY_ASSETS_AUTOMATION is."""
    status = dg.DefaultScheduleStatus.RUNNING if settings.automation_on else dg.DefaultScheduleStatus.STOPPED
    return [
        _extraction(
            settings,
            partitions,
            names,
            status,
            "daily_extraction",
            settings.extract_cron,
            refresh=False,
            description=(
                "Take the day's snapshot of every tracked playlist (`EXTRACT_CRON`). What stays open is asked again "
                "by the sensor `unfinished_extraction`."
            ),
        ),
        _extraction(
            settings,
            partitions,
            names,
            status,
            "weekly_refresh",
            settings.refresh_cron,
            refresh=True,
            description=(
                "Read every tracked playlist in full, also those whose version id says that nothing changed: some "
                "changes don't move it (`REFRESH_CRON`)."
            ),
        ),
        dg.ScheduleDefinition(
            name=names.called("daily_vacuum"),
            job_name=names.called(VACUUM),
            cron_schedule=settings.vacuum_cron,
            execution_timezone=settings.schedule_timezone,
            default_status=status,
            description="Remove the files of superseded runs that are older than 7 days (`VACUUM_CRON`).",
            owners=OWNERS,
        ),
        *warehouse_schedules(settings, names),
        *([landing_vacuum_schedule(settings, names)] if settings.loads_by_pipe else []),
    ]


def _extraction(
    settings: Settings,
    partitions: dg.DailyPartitionsDefinition,
    names: Names,
    status: dg.DefaultScheduleStatus,
    name: str,
    cron: str,
    *,
    refresh: bool,
    description: str,
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=names.called(name),
        job_name=names.called(EXTRACT),
        cron_schedule=cron,
        execution_timezone=settings.schedule_timezone,
        default_status=status,
        description=description,
        owners=OWNERS,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        scheduled = context.scheduled_execution_time
        day = scheduled.astimezone(dt.UTC).date()
        if settings.source == "api" and day != dt.datetime.now(dt.UTC).date():
            return dg.SkipReason(
                f"This tick was due on {day} and is evaluated late: Spotify serves only the present, so {day} can no "
                "longer be extracted. The next tick takes the next day."
            )
        if not partitions.has_partition_key(day.isoformat()):
            return dg.SkipReason(f"{day} is before PARTITIONS_START ({settings.partitions_start}): lower it.")
        return dg.RunRequest(
            run_key=f"{name}-{scheduled.isoformat()}",
            partition_key=day.isoformat(),
            run_config={"ops": {names.snapshots.to_python_identifier(): {"config": {"refresh": True}}}}
            if refresh
            else {},
        )

    return schedule
