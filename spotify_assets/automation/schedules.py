"""The schedules: what the clock starts. Cron and time zone are settings; which date a tick means is decided here."""

import datetime as dt

import dagster as dg

from spotify_assets.automation.jobs import EXTRACT, OWNERS
from spotify_assets.automation.landing_vacuum import landing_vacuum_schedule
from spotify_assets.automation.maintenance import VACUUM
from spotify_assets.automation.warehouse_jobs import warehouse_schedules
from spotify_assets.settings import Settings


def build_schedules(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> list[dg.ScheduleDefinition]:
    """Every schedule, switched on where SPOTIFY_ASSETS_AUTOMATION is."""
    status = dg.DefaultScheduleStatus.RUNNING if settings.automation_on else dg.DefaultScheduleStatus.STOPPED
    return [
        _extraction(
            settings,
            partitions,
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
            name="daily_vacuum",
            job_name=VACUUM,
            cron_schedule=settings.vacuum_cron,
            execution_timezone=settings.schedule_timezone,
            default_status=status,
            description="Remove the files of superseded runs that are older than 7 days (`VACUUM_CRON`).",
            owners=OWNERS,
        ),
        *warehouse_schedules(settings),
        *([landing_vacuum_schedule(settings)] if settings.loads_by_pipe else []),
    ]


def _extraction(
    settings: Settings,
    partitions: dg.DailyPartitionsDefinition,
    status: dg.DefaultScheduleStatus,
    name: str,
    cron: str,
    *,
    refresh: bool,
    description: str,
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=name,
        job_name=EXTRACT,
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
            run_config={"ops": {"raw__playlist_snapshots": {"config": {"refresh": True}}}} if refresh else {},
        )

    return schedule
