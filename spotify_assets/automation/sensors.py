"""The sensors of the lake: thin shells that look, let `planning` decide, and say what they saw.

How the lake is looked at belongs to `lake.watch`, what Dagster's runs say to `runs`, which runs to request to
`planning`. A sensor keeps nothing that can't be derived again: losing its cursor costs time, never a date.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from glue_scripts.fingerprint import transformation
from spotify_assets.automation import planning, runs
from spotify_assets.automation.clock import TICK_SECONDS, Clock, utc_now
from spotify_assets.automation.cursors import EventsCursor, FilesCursor, LandingCursor, StaleCursor
from spotify_assets.automation.jobs import OWNERS
from spotify_assets.automation.maintenance import ADOPT_OP
from spotify_assets.automation.planning import Limits, Plan
from spotify_assets.automation.runs import OurRuns
from spotify_assets.lake import layout, watch
from spotify_assets.lake.watch import Observation
from spotify_assets.names import ADOPT, BUILD, PLAIN, Names
from spotify_assets.resources.lake import LakeResource
from spotify_assets.spotify import landing
from spotify_assets.storage.s3_events import EventQueue, Message
from spotify_assets.storage.s3_objects import S3Place

if TYPE_CHECKING:
    from spotify_assets.automation.jobs import Job

STALE_DATES = "stale_dates"
LANDING = "landing"
LAKE_EVENTS = "lake_events"

SAFETY_NET_SECONDS = 600
"""How often the inbox is listed where events announce what lands."""

FILES_INTERVAL = dt.timedelta(minutes=5)
"""How often the files of one date are looked for: some 2,000 dates a week."""

MESSAGES_PER_TICK = 200
RECEIVING_SECONDS = 10.0
EVENT_DATES_PER_TICK = 60


def stale_dates_sensor(
    start: dt.date,
    status: dg.DefaultSensorStatus,
    *,
    events: bool = False,
    rebuild_outdated: bool = False,
    clock: Clock = utc_now,
    names: Names = PLAIN,
) -> dg.SensorDefinition:
    """Requests `build_history` for dates from `start` on whose raw objects are not those of their commit, or of whose
    commit a file is lost; with `rebuild_outdated` also for those that other code built.

    With `events` another sensor hears of new objects at once, and this one only sweeps.
    """
    window_days = 0 if events else watch.WINDOW_DAYS
    recent_days = (
        "New objects are heard of by `lake_events`; this one sweeps through all of history, "
        if events
        else f"Looks at the last {window_days} days every time and sweeps through the rest of history, "
    )

    @dg.sensor(
        name=names.called(STALE_DATES),
        job_name=names.called(BUILD),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=status,
        description=(
            "Compares the raw objects of a date with the ones its commit was built from, and has the dates that differ "
            f"built, loaded and computed. {recent_days}some dates at a time; every few minutes it looks whether the "
            "files of one date are all there."
        ),
        owners=OWNERS,
    )
    @names.bound
    def stale_dates(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        now = clock()
        today = now.date()
        cursor = StaleCursor.parse(context.cursor)
        window = watch.window(today, start, window_days)
        recent = watch.observe_range(lake.store, window, today, cursor.known)
        swept = watch.sweep(lake.store, start, cursor.sweep, window, cursor.known)
        seen = recent.joined(swept.observation)
        files = cursor.files
        if files.at is None or not dt.timedelta() <= now - files.at < FILES_INTERVAL:
            step = watch.sweep_files(lake.store, start, files.next, today, files.lost)
            files = FilesCursor(step.next, now, frozenset(step.observation.lost))
            seen = seen.joined(step.observation)
        planned = plan_builds(runs.ours(context, names), seen, now, rebuild_outdated=rebuild_outdated)
        parts = [f"the window {window} to {today}"] if recent.days else []
        parts += [f"the sweep's {planning.shown(swept.observation.days)}"] if swept.observation.days else []
        known = {**{day: mark for day, mark in cursor.known.items() if day not in seen.days}, **seen.marks}
        return _result(
            f"{cursor.note}Looked at {' and '.join(parts) or 'nothing'}: {_seen(seen, files.lost)}",
            planned.describe() or _standing(seen, files.lost),
            [runs.run_request(names.called(STALE_DATES), names.called(BUILD), request) for request in planned.requests],
            StaleCursor(swept.next, files, known).dump(),
            context,
        )

    return stale_dates


def lake_events_sensor(
    start: dt.date,
    queue_url: str,
    jobs: "Sequence[Job]",
    status: dg.DefaultSensorStatus,
    *,
    clock: Clock = utc_now,
    names: Names = PLAIN,
) -> dg.SensorDefinition:
    """Drains the queue of S3's notifications and requests what the changed objects call for.

    A message is deleted by the tick after the one that acted on it: only then is that one's cursor known to be kept.
    """

    @dg.sensor(
        name=names.called(LAKE_EVENTS),
        jobs=[job for job in jobs if job.name in (names.called(BUILD), names.called(ADOPT))],
        minimum_interval_seconds=TICK_SECONDS,
        default_status=status,
        description=(
            "Drains the queue of S3's notifications: dates whose raw objects changed are built, what landed is "
            "adopted. Messages lost, late, doubled or out of order do no harm: what a date needs is derived from its "
            "objects."
        ),
        owners=OWNERS,
    )
    @names.bound
    def lake_events(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        now = clock()
        cursor = EventsCursor.parse(context.cursor)
        queue = _queue(queue_url, lake)
        queue.delete(cursor.receipts)
        messages = queue.receive(MESSAGES_PER_TICK, RECEIVING_SECONDS)
        keys = [key for message in messages for key in message.keys or ()]
        named = {raw.day for key in keys if (raw := layout.parse_raw_key(key)) and raw.day >= start}
        days = sorted(cursor.pending | named)
        now_days, later = days[-EVENT_DATES_PER_TICK:], days[:-EVENT_DATES_PER_TICK]
        seen = watch.observe_dates(lake.store, now_days)
        planned = plan_builds(runs.ours(context, names), seen, now)
        requests = [
            runs.run_request(names.called(STALE_DATES), names.called(BUILD), request) for request in planned.requests
        ]
        landed = cursor.landed or any(key.startswith(layout.LANDING_INBOX_PREFIX) for key in keys)
        waiting = sorted(file.digest for file in landing.waiting(lake.store)) if landed else []
        adoptions, why = _adoption(runs.ours(context, names), waiting, now)
        requests += adoptions
        pending = (set(seen.stale) - planned.given_up - planned.succeeded) | set(later)
        unknown = sum(message.keys is None for message in messages)
        strange = f", {unknown} messages that are no notifications are left to the dead-letter queue" if unknown else ""
        return _result(
            f"{cursor.note}{len(messages)} messages named {len(keys)} objects{strange}; {len(waiting)} objects wait in "
            f"landing{why}; looked at {len(now_days)} dates: {_seen(seen)}",
            planned.describe() or _standing(seen),
            requests,
            EventsCursor(frozenset(pending), tuple(_receipts(messages)), landed=bool(waiting)).dump(),
            context,
        )

    return lake_events


def landing_sensor(
    status: dg.DefaultSensorStatus, *, events: bool = False, clock: Clock = utc_now, names: Names = PLAIN
) -> dg.SensorDefinition:
    """Requests `adopt_landing` for objects that wait and look as they did at the last look.

    The tick only lists; a run opens the objects, so that what a hostile one does to memory ends a run, not the sensors.
    """

    @dg.sensor(
        name=names.called(LANDING),
        job_name=names.called(ADOPT),
        minimum_interval_seconds=SAFETY_NET_SECONDS if events else TICK_SECONDS,
        default_status=status,
        description=(
            "Has what waits in landing/to_be_processed/ adopted as raw snapshots. An object is taken once it has "
            "looked the same twice, so that a file that is still being written is left alone."
        ),
        owners=OWNERS,
    )
    @names.bound
    def landed_objects(context: dg.SensorEvaluationContext, lake: LakeResource) -> dg.SensorResult:
        cursor = LandingCursor.parse(context.cursor)
        waiting = {file.digest for file in landing.waiting(lake.store)}
        settled = sorted(waiting & cursor.seen)
        looked = f"{cursor.note}{len(waiting)} objects wait, {len(settled)} of them unchanged since the last look"
        requests, why = _adoption(runs.ours(context, names), settled, clock())
        said = f"{looked}{why}"
        context.log.info(said)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(said),
            cursor=LandingCursor(frozenset(waiting)).dump(),
        )

    return landed_objects


def plan_builds(ours: OurRuns, seen: Observation, now: dt.datetime, *, rebuild_outdated: bool = False) -> Plan:
    """The runs that the stale dates of an observation call for, given what Dagster's runs say about them."""
    wanted = needs(seen, rebuild_outdated=rebuild_outdated)
    if not wanted:
        return Plan()
    return planning.plan(
        wanted,
        runs.attempts(ours, ours.names.called(STALE_DATES)),
        busy=runs.busy_dates(ours),
        through=seen.passable,
        now=now,
    )


def needs(seen: Observation, *, rebuild_outdated: bool = False) -> dict[dt.date, str]:
    """What each date needs, as a digest of its raw objects, of the commit that is not built from them, and of what else
    is wrong with it."""
    stale = set(seen.stale)
    outdated = {day for day in seen.outdated if seen.sources.get(day)} - stale if rebuild_outdated else set()
    return {
        day: planning.digest(
            seen.commits[day].run_id if day in seen.commits else "",
            *(f"{source.key} {source.etag}" for source in seen.sources[day]),
            *([seen.lost[day]] if day in seen.lost else []),
            *([transformation()] if day in outdated else []),
        )
        for day in sorted(stale | outdated)
    }


def _adoption(ours: OurRuns, digests: list[str], now: dt.datetime) -> tuple[list[dg.RunRequest], str]:
    """A request to adopt the objects of these digests, unless one is in flight or has left them there too often."""
    if not digests:
        return [], ""
    content = planning.digest(*digests)
    if ours.in_flight(ours.names.called(ADOPT)):
        return [], "; a run that adopts is in flight"
    tags = {runs.PLANNER_TAG: ours.names.called(LANDING), runs.CONTENT_TAG: content}
    tried = runs.with_tags(ours, tags)
    limits = Limits()
    if len(tried) >= len(limits.sizes):
        return [], f"; given up after {len(tried)} runs that left them there (see the last one: {tried[0].run_id})"
    ended = [each.ended_at for each in tried if each.ended_at]
    if ended and now < max(ended) + limits.pause(len(tried)):
        return [], "; resting after a run that left them there"
    config = {"ops": {ours.names.called(ADOPT_OP): {"config": {"digests": digests}}}}
    return [
        dg.RunRequest(f"{content}-{len(tried) + 1}", run_config=config, tags=tags, job_name=ours.names.called(ADOPT))
    ], ""


def _queue(url: str, lake: LakeResource) -> EventQueue:
    place = lake.store.place
    if not isinstance(place, S3Place):
        raise dg.Failure("LAKE_EVENTS_QUEUE_URL is set, but the lake is not on S3.", allow_retries=False)
    return EventQueue(url, place.bucket, place.prefix, lake.endpoint_url)


def _receipts(messages: list[Message]) -> list[str]:
    return [message.receipt for message in messages if message.keys is not None]


def _seen(seen: Observation, lost: Collection[dt.date] = ()) -> str:
    """What was seen; `lost` are the dates whose files were lost at the last look, of which this may be none."""
    text = f"{seen.objects} raw objects, {len(seen.commits)} commits read, {len(seen.stale)} stale dates"
    outdated = [f"{len(seen.outdated)} dates were built by other code"] if seen.outdated else []
    said = [f"{day}: {sentence}" for day, sentence in sorted(seen.lost.items())]
    before = {*lost} - seen.lost.keys()
    said += [f"files of {planning.shown(sorted(before))} were lost at the last look"] if before else []
    return "; ".join([text, *outdated, *said, *seen.unreadable.values()])


def _standing(seen: Observation, lost: Collection[dt.date] = ()) -> str:
    """How the dates looked at stand when there is nothing to request."""
    if not seen.days:
        return "no date was looked at"
    return f"every {'other ' if lost or seen.lost or seen.unreadable else ''}date is up to date"


def _result(
    looked: str, standing: str, requests: list[dg.RunRequest], cursor: str, context: dg.SensorEvaluationContext
) -> dg.SensorResult:
    said = f"{looked}; {standing}"
    context.log.info(said)
    return dg.SensorResult(run_requests=requests, skip_reason=None if requests else dg.SkipReason(said), cursor=cursor)
