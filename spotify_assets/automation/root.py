"""Everything that starts runs, assembled for a deployment's settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from spotify_assets.automation.alerts import run_failures_sensor
from spotify_assets.automation.check_alerts import check_failures_sensor, check_warnings_sensor, reported_checks_sensor
from spotify_assets.automation.digest import digest_job, digest_schedules
from spotify_assets.automation.extraction import unfinished_extraction_sensor
from spotify_assets.automation.jobs import Job, build_jobs
from spotify_assets.automation.landing_vacuum import landing_vacuum_job
from spotify_assets.automation.left_behind import left_behind_sensor
from spotify_assets.automation.loaded_files import loaded_files_sensor
from spotify_assets.automation.maintenance import maintenance_jobs
from spotify_assets.automation.schedules import build_schedules
from spotify_assets.automation.sensors import lake_events_sensor, landing_sensor, stale_dates_sensor
from spotify_assets.automation.snowpipe import snowpipe_sensor
from spotify_assets.automation.warehouse_jobs import warehouse_jobs
from spotify_assets.names import PLAIN, REFRESH, Names
from spotify_assets.settings import Settings


@dataclass(frozen=True)
class Automation:
    """The jobs, schedules and sensors of a code location."""

    jobs: list[Job]
    schedules: list[dg.ScheduleDefinition]
    sensors: list[dg.SensorDefinition]


def automation(
    settings: Settings,
    partitions: dg.DailyPartitionsDefinition,
    assets: Sequence[dg.AssetKey] | None = None,
    checks: Sequence[dg.AssetCheckKey] = (),
    names: Names = PLAIN,
    executor: dg.ExecutorDefinition | None = None,
) -> Automation:
    """All of it, switched on by default where SPOTIFY_ASSETS_AUTOMATION is, and registered everywhere.

    `assets` are all there are of this instance, `checks` those whose warnings people are told of;
    `executor` executes the steps of its jobs.
    """
    jobs: list[Job] = [
        *build_jobs(names, assets, executor),
        *maintenance_jobs(names, executor),
        *warehouse_jobs(settings, names, executor),
        digest_job(settings, names=names, executor=executor),
    ]
    if settings.loads_by_pipe:
        jobs.append(landing_vacuum_job(names, executor))
    schedules = [*build_schedules(settings, partitions, names), *digest_schedules(settings, names)]
    return Automation(jobs, schedules, _sensors(settings, jobs, checks, names))


def _sensors(
    settings: Settings, jobs: list[Job], checks: Sequence[dg.AssetCheckKey], names: Names
) -> list[dg.SensorDefinition]:
    """Where LAKE_EVENTS_QUEUE_URL is set events come first and listing is the safety net."""
    start, queue = settings.partitions_start, settings.lake_events_queue_url
    status = dg.DefaultSensorStatus.RUNNING if settings.automation_on else dg.DefaultSensorStatus.STOPPED
    events = queue is not None
    return [
        stale_dates_sensor(
            start, status, events=events, rebuild_outdated=settings.rebuild_outdated == "on", names=names
        ),
        landing_sensor(status, events=events, names=names),
        *([lake_events_sensor(start, queue, jobs, status, names=names)] if queue else []),
        snowpipe_sensor(REFRESH, status, names=names)
        if settings.loads_by_pipe
        else loaded_files_sensor(start, status, names=names),
        left_behind_sensor(status, names=names),
        unfinished_extraction_sensor(status, names=names),
        run_failures_sensor(settings, status, names=names),
        check_failures_sensor(settings, status, names=names),
        reported_checks_sensor(settings, checks, status, names=names),
        check_warnings_sensor(settings, checks, status, names=names),
    ]
