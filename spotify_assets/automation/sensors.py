"""The sensors: thin shells that look, let `planning` decide, and say what they saw.

How the lake is looked at belongs to `lake_watch`, what Dagster's runs say to `runs`, which runs to request to
`planning`. A sensor keeps nothing that can't be derived again: its cursor only says where the sweep goes on.
"""

import datetime as dt

import dagster as dg

from spotify_assets import lake_watch
from spotify_assets.automation import planning, runs
from spotify_assets.automation.cursors import StaleCursor
from spotify_assets.automation.jobs import BUILD, OWNERS
from spotify_assets.lake_watch import Look
from spotify_assets.resources.lake import LakeResource
from spotify_assets.settings import Settings

STALE_DATES = "stale_dates"
TICK_SECONDS = 30


def build_sensors(settings: Settings, partitions: dg.DailyPartitionsDefinition) -> list[dg.SensorDefinition]:
    """Every sensor, switched on where SPOTIFY_ASSETS_AUTOMATION is."""
    status = dg.DefaultSensorStatus.RUNNING if settings.automation_on else dg.DefaultSensorStatus.STOPPED
    return [stale_dates_sensor(settings.partitions_start, status)]


def stale_dates_sensor(start: dt.date, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    """Requests `build_history` for dates from `start` on whose raw objects are not those of their commit."""

    @dg.sensor(
        name=STALE_DATES,
        job_name=BUILD,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=status,
        description=(
            "Compares the raw objects of a date with the ones its commit was built from, and has the dates that differ "
            f"built, loaded and computed. Looks at the last {lake_watch.WINDOW_DAYS} days every time and sweeps "
            "through the rest of history."
        ),
        owners=OWNERS,
    )
    def stale_dates(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        now = dt.datetime.now(dt.UTC)
        cursor = StaleCursor.parse(context.cursor)
        window = lake_watch.window(now.date(), start)
        recent = lake_watch.look(lake.store, window, now.date())
        swept = lake_watch.sweep(lake.store, start, cursor.sweep, window)
        seen = recent.joined(swept.look)
        planned = planning.plan(
            needs(seen),
            runs.attempts(context.instance, STALE_DATES) if seen.stale else [],
            busy=runs.busy_dates(context.instance) if seen.stale else set(),
            through=seen.up_to_date,
            now=now,
        )
        requests = [runs.run_request(STALE_DATES, BUILD, request) for request in planned.requests]
        looked = _looked(window, now.date(), seen, swept.look, cursor.note)
        outcome = planned.describe() or "every date is up to date"
        context.log.info(f"{looked}; {outcome}")
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(f"{looked}; {outcome}"),
            cursor=StaleCursor(sweep=swept.next).dump(),
        )

    return stale_dates


def needs(seen: Look) -> dict[dt.date, str]:
    """What each stale date needs, as a digest of its raw objects and of the commit that is not built from them."""
    return {
        day: planning.digest(
            seen.commits[day].run_id if day in seen.commits else "",
            *(f"{source.key} {source.etag}" for source in seen.sources[day]),
        )
        for day in seen.stale
    }


def _looked(first: dt.date, today: dt.date, seen: Look, swept: Look, note: str) -> str:
    text = f"Looked at {first} to {today}"
    if swept.days:
        text += f" and, sweeping, at {planning.shown(swept.days)}"
    text += f": {seen.objects} raw objects, {len(seen.commits)} commits, {len(seen.stale)} stale dates"
    return f"{note}{text}{''.join(f'; {sentence}' for sentence in seen.unreadable.values())}"
