"""The sensors that tell people of failed checks outside of failed runs; those of failed runs belong to `alerts`.

An ERROR is one message when it begins, as an incident; what only warns goes into one summary a day. Which incidents are
open is derived from Dagster's history of the check: one that failed in the same way the time before was reported then.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from itertools import dropwhile

import dagster as dg

from spotify_assets import private
from spotify_assets.assets.verdicts import cause
from spotify_assets.automation import incidents
from spotify_assets.automation.alerts import sender
from spotify_assets.automation.clock import Clock, utc_now
from spotify_assets.automation.incidents import Incident
from spotify_assets.automation.jobs import OWNERS
from spotify_assets.automation.planning import shown
from spotify_assets.names import PLAIN, Names
from spotify_assets.settings import Settings

CHECK_FAILURES = "check_failures"
CHECK_WARNINGS = "check_warnings"
REPORTED_CHECKS = "reported_check_failures"
RUNLESS = ""
"""The run id that Dagster 1.13 gives to what is reported outside of runs (`instance/utils.py`)."""

SUMMARY_HOUR = 12
"""UTC. By then the day's extraction, build and checks have been."""

_HISTORY = 400
_MOST_IN_A_SUMMARY = 20


def check_failures_sensor(
    settings: Settings,
    status: dg.DefaultSensorStatus,
    send: Callable[[Incident], None] | None = None,
    names: Names = PLAIN,
) -> dg.SensorDefinition:
    """Sends one message per check of our assets that begins to fail with ERROR in a run that succeeded."""
    deliver = send or sender(settings)

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name=names.called(CHECK_FAILURES),
        minimum_interval_seconds=10,  # Dagster looks at five runs a tick, and at one when told why it was skipped
        default_status=status,
        description=(
            "Tells people of checks that failed in runs that succeeded, once per incident, where `run_failures` does."
        ),
    )
    def check_failures(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        failed = [
            each
            for each in evaluations(context.instance, run.run_id)
            if is_error(each) and each.asset_key in names.assets
        ]
        sent = 0
        for key in dict.fromkeys(each.asset_check_key for each in failed):
            incident = incident_of([each for each in failed if each.asset_check_key == key], settings)
            before = previous(context.instance, key, run.run_id)
            if before and incident_of(before, settings).key == incident.key:
                continue
            deliver(incident)
            sent += 1
        context.log.info(f"Run {run.run_id}: {sent} checks began to fail.")

    return check_failures


def reported_checks_sensor(
    settings: Settings,
    keys: Sequence[dg.AssetCheckKey],
    status: dg.DefaultSensorStatus,
    send: Callable[[Incident], None] | None = None,
    names: Names = PLAIN,
) -> dg.SensorDefinition:
    """Sends one message per check of `keys` that begins to fail with ERROR outside of runs.

    Snowpipe's checks are reported by a sensor, and anybody may report one to the webserver; no run's end tells of them.
    """
    deliver = send or sender(settings)

    @dg.sensor(
        name=names.called(REPORTED_CHECKS),
        minimum_interval_seconds=60,
        default_status=status,
        description="Tells people of checks that were reported as failed outside of runs, once per incident.",
        owners=OWNERS,
    )
    def reported_checks(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        told = _told(context.cursor)
        failing = {
            each.asset_check_key: each for each in latest(context.instance, keys, runless=True) if is_error(each)
        }
        began = {key: incident_of([each], settings) for key, each in failing.items()}
        for key, incident in began.items():
            if told.get(key.to_user_string()) != incident.key:
                deliver(incident)
        return dg.SensorResult(
            skip_reason=dg.SkipReason(f"{len(failing)} checks are reported as failed outside of runs."),
            cursor=json.dumps({key.to_user_string(): incident.key for key, incident in began.items()}, sort_keys=True),
        )

    return reported_checks


def check_warnings_sensor(
    settings: Settings,
    keys: Sequence[dg.AssetCheckKey],
    status: dg.DefaultSensorStatus,
    send: Callable[[Incident], None] | None = None,
    clock: Clock = utc_now,
    names: Names = PLAIN,
) -> dg.SensorDefinition:
    """Sends one summary a day of what the checks `keys` warn of; nothing on a day without warnings."""
    deliver = send or sender(settings)

    @dg.sensor(
        name=names.called(CHECK_WARNINGS),
        minimum_interval_seconds=600,
        default_status=status,
        description="Tells people once a day, after noon UTC, what checks warn of, where `run_failures` tells.",
        owners=OWNERS,
    )
    def check_warnings(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        now = clock()
        today = now.date().isoformat()
        if now.hour < SUMMARY_HOUR or context.cursor == today:
            return dg.SensorResult(skip_reason=dg.SkipReason(f"The next summary is due at {SUMMARY_HOUR}:00 UTC."))
        warned = [each for each in latest(context.instance, keys) if not each.passed and not is_error(each)]
        if warned:
            deliver(summary(warned, settings))
        return dg.SensorResult(skip_reason=dg.SkipReason(f"{len(warned)} checks warn."), cursor=today)

    return check_warnings


def incident_of(failed: Sequence[dg.AssetCheckEvaluation], settings: Settings) -> Incident:
    """What the failed evaluations of one check come to; at least one."""
    one = failed[0]
    days = [dt.date.fromisoformat(each.partition) for each in failed if each.partition]
    said = dict.fromkeys(map(cause, failed))
    secrets = incidents.secrets_of(settings)
    return Incident(
        job=f"check {one.check_name} of {one.asset_key.to_user_string()}",
        dates=shown(days),
        causes=tuple(incidents.redacted(text, secrets) for text in list(said)[:3]),
        remedy=_remedy(one),
        link=_link(one, settings),
    )


def summary(warned: Sequence[dg.AssetCheckEvaluation], settings: Settings) -> Incident:
    """The day's warnings as one message."""
    secrets = incidents.secrets_of(settings)
    lines = [
        f"{each.asset_key.to_user_string()}: {each.check_name}: "
        f"{incidents.redacted(each.description or 'no description', secrets)}"
        for each in warned[:_MOST_IN_A_SUMMARY]
    ]
    more = [f"and {len(warned) - _MOST_IN_A_SUMMARY} more"] if len(warned) > _MOST_IN_A_SUMMARY else []
    return Incident(
        job=f"{len(warned)} checks",
        dates="",
        causes=(*lines, *more),
        remedy="nothing is stopped by a warning; look when you can.",
        link=f"{settings.dagster_ui_url}/assets",
        verb="warn",
    )


def is_error(evaluation: dg.AssetCheckEvaluation) -> bool:
    return not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR


def evaluations(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetCheckEvaluation]:
    """Every check result of a run, in order."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    events = (record.event_log_entry.dagster_event for record in records)
    return [event.asset_check_evaluation_data for event in events if event is not None]


def previous(instance: dg.DagsterInstance, key: dg.AssetCheckKey, run_id: str) -> list[dg.AssetCheckEvaluation]:
    """The failed evaluations of the run that evaluated the check last before `run_id`; none when all of it passed.

    Runs that came later are none of it: a tick may be behind by several runs, each of which would keep silent for the
    other.
    """
    since = dropwhile(lambda each: each.run_id != run_id, private.evaluation_history(instance, key, _HISTORY))
    others = [each for each in since if each.run_id != run_id]
    if not others:
        return []
    before = others[0].run_id
    last = others[:1] if before == RUNLESS else [each for each in others if each.run_id == before]
    return [each.evaluation for each in last if is_error(each.evaluation)]


def latest(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey], *, runless: bool = False
) -> list[dg.AssetCheckEvaluation]:
    """The newest evaluation of each check that has one; with `runless`, if it was reported outside of runs."""
    newest = private.latest_evaluations(instance, keys)
    return [each.evaluation for each in newest if not runless or each.run_id == RUNLESS]


def _told(cursor: str | None) -> dict[str, str]:
    """The incident that was told of each check; none where the cursor is none of ours."""
    try:
        return dict(json.loads(cursor or "{}"))
    except ValueError:
        return {}


def _remedy(evaluation: dg.AssetCheckEvaluation) -> str:
    named = evaluation.metadata.get("remedy")
    return str(named.value) if named else "mend what the check names, then execute it again from the link."


def _link(evaluation: dg.AssetCheckEvaluation, settings: Settings) -> str:
    path = "/".join(evaluation.asset_key.path)
    return f"{settings.dagster_ui_url}/assets/{path}?view=checks&checkDetail={evaluation.check_name}"
