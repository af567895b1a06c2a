"""The sensor that tells people of failed runs: one message per incident, to a webhook, an SNS topic, or nobody.

What a message says belongs to `incidents`. Which incidents are open is derived from the runs: an incident ends when its
job succeeds, and until then runs that fail in the same way say nothing more.
"""

from collections.abc import Callable
from typing import Protocol

import dagster as dg
from tenacity import retry_if_exception_type, wait_fixed

from spotify_assets.automation import incidents, runs
from spotify_assets.automation.incidents import Incident
from spotify_assets.automation.planning import shown
from spotify_assets.failures import PermanentError, PlatformError, TransientError
from spotify_assets.names import PLAIN, Names
from spotify_assets.retries import fact, failure_kind
from spotify_assets.settings import Settings
from spotify_assets.storage.aws import aws_failures, client
from spotify_assets.waiting import SYSTEM_CLOCK, Clock, again

RUN_FAILURES = "run_failures"
INCIDENT_TAG = "spotify_assets/incident"
REPORTED_TAG = "spotify_assets/reported"
"""The run that the incident was reported of: re-executions inherit both tags, and were not reported by that."""

_LOOKED_BACK = 50
_WILL_RETRY_TAG = "dagster/will_retry"
_SECONDS = 10
_TRIES = 3
_PAUSE = 3
_SNS_SUBJECT = 100


class Message(Protocol):
    """What the channel delivers: a title on one line, and a text in Markdown that holds it."""

    @property
    def title(self) -> str: ...

    @property
    def text(self) -> str: ...


Send = Callable[[Message], None]


def run_failures_sensor(
    settings: Settings,
    status: dg.DefaultSensorStatus,
    send: Callable[[Incident], None] | None = None,
    names: Names = PLAIN,
) -> dg.SensorDefinition:
    """Sends one message per incident of runs of this instance; `send` replaces what the settings name."""
    deliver = send or sender(settings)
    secrets = incidents.secrets_of(settings)

    @dg.run_failure_sensor(
        name=names.called(RUN_FAILURES),
        default_status=status,
        description=(
            "Tells people of failed runs, once per incident: a webhook (ALERT_WEBHOOK_URL), an SNS topic "
            "(ALERT_SNS_TOPIC_ARN), both, or nobody."
        ),
    )
    def run_failures(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        run = context.dagster_run
        if not names.owns(run, context.repository_def):
            return dg.SkipReason(f"Run {run.run_id} is none of this platform's.")
        if run.tags.get(_WILL_RETRY_TAG) == "true":
            return dg.SkipReason(f"Run {run.run_id} is going to be repeated by itself.")
        steps = [(event.step_key or "run", _message(event)) for event in context.get_step_failure_events()]
        incident = Incident(
            job=run.job_name,
            dates=shown(runs.dates_of(run.tags)),
            causes=incidents.causes(steps, context.failure_event.message or "", secrets),
            remedy=incidents.remedy(
                [fact(event, "remedy") for event in context.get_step_failure_events()],
                secrets,
                permanent=failure_kind(run) == "permanent",
                planned=runs.PLANNER_TAG in run.tags,
            ),
            link=f"{settings.dagster_ui_url}/runs/{run.run_id}",
        )
        ours = runs.OurRuns(context.instance, runs.repository_of(run), names)
        if is_open(ours, incident, run.run_id):
            return dg.SkipReason(f"Run {run.run_id} is part of an incident that was reported.")
        deliver(incident)
        context.instance.add_run_tags(run.run_id, {INCIDENT_TAG: incident.key, REPORTED_TAG: run.run_id})
        return None

    return run_failures


def is_open(ours: runs.OurRuns, incident: Incident, run_id: str) -> bool:
    """Whether the incident was reported and its job has not succeeded since."""
    tagged = ours.records(incident.job, tags={INCIDENT_TAG: incident.key}, limit=_LOOKED_BACK)
    reported = [one for one in tagged if one.dagster_run.tags.get(REPORTED_TAG) == one.dagster_run.run_id]
    if not reported or reported[0].dagster_run.run_id == run_id:
        return bool(reported)
    succeeded = ours.records(incident.job, statuses=[dg.DagsterRunStatus.SUCCESS], limit=1)
    return not succeeded or succeeded[0].storage_id < reported[0].storage_id


def sender(settings: Settings, clock: Clock = SYSTEM_CLOCK) -> Send:
    """What delivers a message where the settings say.

    A channel that does not answer is asked three times, and keeps the other from nothing: Dagster's run status sensors
    go on to the next run whatever this one's raised, so that a message that is lost here is lost.
    """
    webhook, topic = settings.alert_webhook_url, settings.alert_sns_topic_arn

    def post(message: Message) -> None:
        if webhook is not None:
            _post(webhook.get_secret_value(), message)

    def publish(message: Message) -> None:
        if topic is not None:
            with aws_failures(f"Publishing to {topic}"):
                client("sns", settings.aws_endpoint_url).publish(
                    TopicArn=topic, Subject=_subject(message.title), Message=message.text
                )

    def send(message: Message) -> None:
        failures: list[PlatformError] = []
        for channel in (post, publish):
            patient = again(retry_if_exception_type(TransientError), wait=wait_fixed(_PAUSE), tries=_TRIES, clock=clock)
            try:
                patient(channel, message)
            except PlatformError as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    return send


def _post(url: str, message: Message) -> None:
    """Post the message as Slack, Mattermost and Teams take it. The address is a secret: no error repeats it."""
    import requests

    try:
        answer = requests.post(url, json={"text": message.text}, timeout=_SECONDS)
    except requests.RequestException as error:
        raise TransientError(f"ALERT_WEBHOOK_URL could not be reached ({type(error).__name__}).") from None
    if answer.status_code >= 500 or answer.status_code == 429:
        raise TransientError(f"ALERT_WEBHOOK_URL answered {answer.status_code}; the message was not taken.")
    if not answer.ok:
        raise PermanentError(f"ALERT_WEBHOOK_URL answered {answer.status_code}: check the address.")


def _subject(title: str) -> str:
    """A subject as SNS allows it: printable ASCII on one line, below 100 characters."""
    text = " ".join(title.encode("ascii", "replace").decode().split())
    return text[: _SNS_SUBJECT - 1]


def _message(event: dg.DagsterEvent) -> str:
    if what := fact(event, "what"):
        return f"{what}."
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    return data.error.message if data.error else event.message or ""
