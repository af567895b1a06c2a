"""Everything that starts runs, assembled for a deployment's settings."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from spotify_assets.automation.jobs import build_jobs
from spotify_assets.automation.schedules import build_schedules
from spotify_assets.automation.sensors import build_sensors
from spotify_assets.settings import Settings


@dataclass(frozen=True)
class Automation:
    """The jobs, schedules and sensors of a code location."""

    jobs: list[dg.JobDefinition | dg.UnresolvedAssetJobDefinition]
    schedules: list[dg.ScheduleDefinition]
    sensors: list[dg.SensorDefinition]


def automation(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> Automation:
    """All of it, switched on by default where SPOTIFY_ASSETS_AUTOMATION is, and registered everywhere."""
    return Automation(
        jobs=[*build_jobs()],
        schedules=build_schedules(settings, partitions),
        sensors=build_sensors(settings, partitions),
    )
