"""The sensor that finishes the day's extraction: today's snapshot can't be taken tomorrow.

The schedule starts an extraction once. When it fails in a way that can pass (the network, a cool-down of hours), this
sensor runs it again the same day; a run then reads only what is missing. A date nobody began is none of its business.
"""

import datetime as dt

import dagster as dg

from spotify_assets.automation import planning, runs
from spotify_assets.automation.clock import Clock, utc_now
from spotify_assets.automation.jobs import EXTRACT, OWNERS
from spotify_assets.automation.planning import Attempt, Limits

UNFINISHED_EXTRACTION = "unfinished_extraction"

TICK_SECONDS = 120
LIMITS = Limits(sizes=(1,) * 8, first_pause=dt.timedelta(minutes=10), pause_growth=2)
"""Seven more tries in some twenty hours."""


def unfinished_extraction_sensor(status: dg.DefaultSensorStatus, *, clock: Clock = utc_now) -> dg.SensorDefinition:
    """Requests `extract_playlists` for today when it was begun, failed, and may succeed now."""

    @dg.sensor(
        name=UNFINISHED_EXTRACTION,
        job_name=EXTRACT,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=status,
        description="Runs today's extraction again when it failed in a way that can pass: tomorrow is too late.",
        owners=OWNERS,
    )
    def unfinished_extraction(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = clock()
        today = now.date()
        need = {today: planning.digest(EXTRACT, today.isoformat())}
        attempts = [
            Attempt(each.run_id, need, each.outcome, each.ended_at, each.permanent, each.retry_at)
            for each in runs.with_tags(context.instance, {runs.PARTITION_TAG: today.isoformat()}, job=EXTRACT)
        ]
        if not attempts:
            return dg.SensorResult(skip_reason=dg.SkipReason(f"No extraction of {today} has been started."))
        if any(attempt.outcome == "succeeded" for attempt in attempts):
            return dg.SensorResult(skip_reason=dg.SkipReason(f"{today} is extracted."))
        planned = planning.plan(need, attempts, busy=set(), through=(), now=now, limits=LIMITS)
        requests = [runs.run_request(UNFINISHED_EXTRACTION, EXTRACT, request) for request in planned.requests]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(f"Extraction of {today}: {planned.describe()}"),
        )

    return unfinished_extraction
