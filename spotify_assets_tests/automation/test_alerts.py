"""One message per incident, with cause, link and remedy, and no secret."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify_assets.automation.alerts import run_failures_sensor, sender
from spotify_assets.automation.incidents import Incident, causes, redacted, remedy, secrets_of
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.redaction import HIDDEN
from spotify_assets.retries import retried
from spotify_assets.settings import Settings, load_settings
from spotify_assets_tests.moto_aws import REGION
from spotify_assets_tests.waiting import QuickClock

SECRET = "s3cr3t-of-the-account-42"
SETTINGS = {"SPOTIFY_CLIENT_ID": "id", "SPOTIFY_CLIENT_SECRET": SECRET, "SPOTIFY_PLAYLISTS": "mine"}


def settings_of(**more: str) -> Settings:
    return load_settings({**SETTINGS, **more})


class Failing:
    """A job that fails as it is told to, and a sensor that keeps what it would send."""

    def __init__(self, settings: Settings) -> None:
        self.error: Exception | None = None
        self.sent: list[Any] = []
        self.sensor = run_failures_sensor(settings, dg.DefaultSensorStatus.STOPPED, self.sent.append)

    def job(self) -> dg.JobDefinition:
        @dg.op
        @retried
        def work(context) -> None:
            if self.error:
                raise self.error

        @dg.job
        def build_history() -> None:
            work()

        return build_history

    def run(self, instance: dg.DagsterInstance, **tags: str) -> dg.SkipReason | None:
        """Run the job, and let the sensor see its failure."""
        named = {name.replace("__", "/"): value for name, value in tags.items()}
        result = self.job().execute_in_process(instance=instance, raise_on_error=False, tags=named)
        if result.success:
            return None
        failure = _failure(result)
        context = dg.build_run_status_sensor_context(
            sensor_name="run_failures",
            dagster_event=failure,
            dagster_instance=instance,
            dagster_run=instance.get_run_by_id(result.run_id),  # pyright: ignore[reportArgumentType]
        ).for_run_failure()
        return self.sensor(context)  # pyright: ignore[reportReturnType]


def _failure(result: dg.ExecuteInProcessResult) -> dg.DagsterEvent:
    return next(event for event in result.all_events if event.is_failure and not event.is_step_event)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def test_a_failure_is_told_once_with_cause_remedy_and_link(instance: dg.DagsterInstance) -> None:
    failing = Failing(settings_of(DAGSTER_UI_URL="https://dagster.example/prod"))
    failing.error = PermanentError("Table X lost a column: add it again.")
    for _ in range(3):
        failing.run(instance, **{"dagster/partition": "2026-03-01"})
    (incident,) = failing.sent
    assert incident.title == "build_history failed for 2026-03-01"
    assert "Table X lost a column: add it again." in incident.text
    assert "nothing tries this again by itself" in incident.text
    assert "https://dagster.example/prod/runs/" in incident.text


def test_another_cause_is_another_incident(instance: dg.DagsterInstance) -> None:
    failing = Failing(settings_of())
    failing.error = PermanentError("one")
    failing.run(instance)
    failing.error = PermanentError("other")
    failing.run(instance)
    assert len(failing.sent) == 2


def test_the_same_cause_on_another_date_or_run_is_the_same_incident(instance: dg.DagsterInstance) -> None:
    failing = Failing(settings_of())
    for number, day in enumerate(("2026-03-01", "2026-03-02")):
        run = f"7d3f8a52-0000-4000-8000-00000000000{number}"
        failing.error = PermanentError(f"{day}: 1{number} rows of run {run} are wrong")
        failing.run(instance, **{"dagster/partition": day})
    assert len(failing.sent) == 1


def test_an_incident_that_comes_back_after_a_success_is_told_again(instance: dg.DagsterInstance) -> None:
    failing = Failing(settings_of())
    failing.error = PermanentError("one")
    failing.run(instance)
    failing.error = None
    failing.run(instance)
    failing.error = PermanentError("one")
    failing.run(instance)
    assert len(failing.sent) == 2


def test_a_run_that_is_going_to_be_repeated_is_no_incident_yet(instance: dg.DagsterInstance) -> None:
    failing = Failing(settings_of())
    failing.error = PermanentError("one")
    failing.run(instance, **{"dagster/will_retry": "true"})
    assert failing.sent == []


def test_no_secret_of_the_settings_reaches_a_message(instance: dg.DagsterInstance) -> None:
    failing = Failing(settings_of())
    failing.error = PermanentError(f"the token endpoint refused client_secret={SECRET} of id")
    failing.run(instance)
    assert SECRET not in failing.sent[0].text
    assert "[hidden]" in failing.sent[0].text


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_secret_is_hidden_wherever_it_stands(before: str, after: str) -> None:
    assert SECRET not in redacted(f"{before}{SECRET}{after}", [SECRET])


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer BQDx0123456789abcdef",
        "password=hunter2hunter2",
        "AKIAABCDEFGHIJKLMNOP is denied",
        "https://user:hunter2hunter2@host/x",
        "-----BEGIN RSA PRIVATE KEY-----\nhunter2hunter2\n-----END RSA PRIVATE KEY-----",
        "https://b.s3.amazonaws.com/x?X-Amz-Signature=hunter2hunter2&y=1",
        "refresh_token: hunter2hunter2",
    ],
)
def test_what_is_shaped_like_a_secret_is_hidden(text: str) -> None:
    hidden = redacted(text, [])
    assert "[hidden]" in hidden
    assert not any(each in hidden for each in ("hunter2", "BQDx", "ABCDEFGHIJKLMNOP"))


def test_a_key_of_many_lines_is_hidden_line_by_line() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
    secrets = secrets_of(
        load_settings(
            {
                **SETTINGS,
                "SNOWFLAKE_ACCOUNT": "a",
                "SNOWFLAKE_USER": "u",
                "SNOWFLAKE_ROLE": "r",
                "SNOWFLAKE_WAREHOUSE": "w",
                "SNOWFLAKE_PRIVATE_KEY": key,
                "LAKE_URL": "s3://b/p",
            }
        )
    )
    assert "hkiG9w0BAQEFAASC" not in redacted("could not parse hkiG9w0BAQEFAASC", secrets)


def test_the_remedy_says_who_acts() -> None:
    assert "Fix what" in remedy([], [], permanent=True, planned=True)
    assert "sensor tries again" in remedy([], [], permanent=False, planned=True)
    assert "run it again" in remedy([], [], permanent=False, planned=False)
    told = remedy(
        ["set AWS_REGION", "", "set AWS_REGION", "use hunter2hunter2"],
        ["hunter2hunter2"],
        permanent=True,
        planned=False,
    )
    assert told.startswith(f"set AWS_REGION; use {HIDDEN}. Nothing tries")


def test_a_run_without_a_failed_step_is_told_too() -> None:
    assert causes([], "the run's process was killed", []) == ("the run's process was killed",)


INCIDENT = Incident("build_history", "2026-03-01", ("lake_tables: ünlucky",), "wait", "http://127.0.0.1:3000/runs/x")


@contextmanager
def webhook(status: int) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A webhook that answers `status` and keeps what it gets."""
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/T0/{SECRET}", got
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_the_text() -> None:
    with webhook(200) as (url, got):
        sender(settings_of(ALERT_WEBHOOK_URL=url))(INCIDENT)
    assert got == [{"text": INCIDENT.text}]


@pytest.mark.parametrize(("status", "kind"), [(500, TransientError), (429, TransientError), (404, PermanentError)])
def test_a_webhook_that_refuses_is_said_so_without_its_address(status: int, kind: type[Exception]) -> None:
    with webhook(status) as (url, got), pytest.raises(kind) as caught:
        sender(settings_of(ALERT_WEBHOOK_URL=url), QuickClock())(INCIDENT)
    assert len(got) == (3 if kind is TransientError else 1), "what may pass is tried again: nobody sends it later"
    assert SECRET not in str(caught.value)
    assert str(status) in str(caught.value)


def test_a_webhook_that_is_not_there_is_said_so_without_its_address() -> None:
    with pytest.raises(TransientError) as caught:
        sender(settings_of(ALERT_WEBHOOK_URL=f"http://127.0.0.1:9/{SECRET}"), QuickClock())(INCIDENT)
    assert SECRET not in str(caught.value)


def test_a_topic_gets_subject_and_text(aws: str) -> None:
    import boto3

    sns: Any = boto3.client("sns", REGION, endpoint_url=aws)
    sqs: Any = boto3.client("sqs", REGION, endpoint_url=aws)
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:alerts")
    both = settings_of(
        ALERT_SNS_TOPIC_ARN=topic, AWS_ENDPOINT_URL=aws, ALERT_WEBHOOK_URL=f"http://127.0.0.1:9/{SECRET}"
    )
    with pytest.raises(TransientError):  # a webhook that is down keeps the topic from nothing
        sender(both, QuickClock())(INCIDENT)
    body = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert body["Message"] == INCIDENT.text
    assert body["Subject"] == "build_history failed for 2026-03-01"


def test_nobody_is_told_where_nothing_is_set() -> None:
    sender(settings_of())(INCIDENT)
    assert settings_of().alert_webhook_url is None
