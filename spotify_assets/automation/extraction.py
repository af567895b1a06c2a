"""The sensor that finishes the day's extraction: today's snapshot can't be taken tomorrow.

The schedule (or Lambda) starts an extraction once. What it leaves open, a failed run or single playlists that were
refused, this sensor tries again the same day, resting longer after each try; a run then reads only what is missing.
Which playlists are open is remembered in the lake (`spotify_assets.spotify.tracking`). A date nobody began is none of
its business.
"""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from spotify_assets.automation import runs
from spotify_assets.automation.clock import Clock, utc_now
from spotify_assets.automation.jobs import OWNERS
from spotify_assets.automation.planning import Attempt
from spotify_assets.names import EXTRACT, PLAIN, Names
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.spotify import SpotifyResource
from spotify_assets.spotify import tracking
from spotify_assets.spotify.budget import STATE_KEY, CallState, pruned
from spotify_assets.spotify.tracking import Playlists, Tracking
from spotify_assets.storage.object_store import ObjectStore

UNFINISHED_EXTRACTION = "unfinished_extraction"

TICK_SECONDS = 120
MOST_TRIES = 40
"""Runs of one day; resting as `tracking.next_at` says there is no time for as many."""


def unfinished_extraction_sensor(
    status: dg.DefaultSensorStatus, *, clock: Clock = utc_now, names: Names = PLAIN
) -> dg.SensorDefinition:
    """Requests `extract_playlists` for today when it was begun, is not finished, and may succeed now."""

    @dg.sensor(
        name=names.called(UNFINISHED_EXTRACTION),
        job_name=names.called(EXTRACT),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=status,
        description=(
            "Runs today's extraction again when it failed in a way that can pass, or left playlists open: tomorrow is "
            "too late."
        ),
        owners=OWNERS,
    )
    @names.bound
    def unfinished_extraction(
        context: dg.SensorEvaluationContext, lake: LakeResource, spotify: SpotifyResource
    ) -> dg.SensorResult:
        now = clock()
        today = now.date()
        attempts = _attempts(context, today, names)
        playlists = Playlists() if spotify.is_sandbox else Tracking(lake.store).read()
        due, why = next_run(attempts, playlists, today)
        if due and not spotify.is_sandbox:
            due = max(due, _cool_down(lake.store, now) or due)
        if due is None or due > now or due.date() != today:
            when = f"; next try at {due:%H:%M} UTC" if due else ""
            return dg.SensorResult(skip_reason=dg.SkipReason(f"{why}{when}"))
        request = dg.RunRequest(
            run_key=f"{UNFINISHED_EXTRACTION}-{today}-{len(attempts)}-{due:%H%M%S}",
            partition_key=today.isoformat(),
            tags={runs.PLANNER_TAG: names.called(UNFINISHED_EXTRACTION)},
        )
        return dg.SensorResult(run_requests=[request])

    return unfinished_extraction


def _attempts(context: dg.SensorEvaluationContext, today: dt.date, names: Names) -> list[Attempt]:
    """The extractions of today, newest first, whoever started them."""
    return runs.with_tags(runs.ours(context, names), {runs.PARTITION_TAG: today.isoformat()}, job=names.called(EXTRACT))


def next_run(attempts: Sequence[Attempt], playlists: Playlists, today: dt.date) -> tuple[dt.datetime | None, str]:
    """When today's extraction is to be run again (UTC; None: not as things stand), and what is so about it.

    `attempts` are today's runs, newest first; `playlists` what all runs, Lambda's too, remember.
    """
    begun = playlists.on(today)
    if not attempts and not begun:
        return None, f"No extraction of {today} has been started"
    if any(attempt.outcome == "running" for attempt in attempts):
        return None, f"An extraction of {today} is running"
    still_open = [playlist_id for playlist_id, one in begun.items() if one.standing == "open"]
    if begun and not still_open:
        return None, f"{today} is extracted"
    last = attempts[0] if attempts else None
    if last and last.outcome == "succeeded" and not begun:
        return None, f"{today} is extracted"
    if last and last.permanent and last.outcome == "failed":
        return None, f"Extraction of {today} is given up: fix what run {last.run_id} names, then run it from the UI"
    if len(attempts) >= MOST_TRIES:
        return None, f"Extraction of {today} is given up after {len(attempts)} runs"
    due = tracking.next_try(playlists, today) if still_open else None
    failures = [attempt for attempt in attempts if attempt.outcome != "succeeded"]
    if last and last.outcome != "succeeded":
        due = tracking.next_at(last.ended_at, len(failures), today) if last.ended_at else _start_of(today)
        due = max(due, last.retry_at or due)
    elif last and last.ended_at and due:
        due = max(due, last.ended_at + tracking.FIRST_PAUSE)
    missing = f"{len(still_open)} playlists are open" if still_open else "the last run failed"
    return due, f"Extraction of {today}: {missing}"


def _start_of(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _cool_down(store: ObjectStore, now: dt.datetime) -> dt.datetime | None:
    """Until when Spotify has asked everybody to stay away."""
    state = pruned(CallState.from_json(store.get_or_none(STATE_KEY)), now)
    return state.cool_down.until if state.cool_down else None
