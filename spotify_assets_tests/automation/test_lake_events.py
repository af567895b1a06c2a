"""The queue of S3's notifications, on moto's SQS: every envelope, delivered once, thrice, late, and out of order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import dagster as dg
import pytest

from spotify_assets.automation import sensors
from spotify_assets.automation.cursors import EventsCursor
from spotify_assets.automation.jobs import build_jobs
from spotify_assets.automation.maintenance import maintenance_jobs
from spotify_assets.automation.sensors import lake_events_sensor, stale_dates_sensor
from spotify_assets.lake import layout
from spotify_assets.resources.lake import LakeResource
from spotify_assets.storage.s3_events import changed_keys
from spotify_assets.storage.s3_objects import S3Place
from spotify_assets_tests.automation.world import START, TODAY, World, days_ago, put_raw, world_on
from spotify_assets_tests.moto_aws import REGION
from spotify_assets_tests.spotify.test_landing import drop, page

STOPPED = dg.DefaultSensorStatus.STOPPED


def by_s3(bucket: str, key: str) -> dict[str, Any]:
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-11-21T06:00:00.000Z",
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/"), "sequencer": "0A"}},
    }
    return {"Records": [record]}


def by_event_bridge(bucket: str, key: str) -> dict[str, Any]:
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key, "size": 5}},
    }


def by_sns(message: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": json.dumps(message)}


TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}
KEY = "lake/raw/snapshot_date=2026-11-21/playlist_id=p1/a b+c%ü.jsonl.gz"


@pytest.mark.parametrize(
    "message",
    [by_s3("b", KEY), by_event_bridge("b", KEY), by_sns(by_s3("b", KEY)), by_sns(by_event_bridge("b", KEY))],
    ids=["S3", "EventBridge", "S3 through SNS", "EventBridge through SNS"],
)
def test_every_envelope_says_the_key(message: dict[str, Any]) -> None:
    assert changed_keys(json.dumps(message), "b", "lake/") == (KEY.removeprefix("lake/"),)


def test_other_places_and_test_events_say_nothing() -> None:
    assert changed_keys(json.dumps(by_s3("other", KEY)), "b", "lake/") == ()
    assert changed_keys(json.dumps(by_s3("b", "elsewhere/x")), "b", "lake/") == ()
    assert changed_keys(json.dumps(TEST_EVENT), "b", "lake/") == ()
    assert changed_keys(json.dumps(by_sns(TEST_EVENT)), "b", "lake/") == ()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "[]",
        "null",
        "{}",
        '{"Records": 5}',
        '{"Records": [{}]}',
        '{"source": "aws.s3"}',
        "[" * 9999,
        '{"Type": "Notification", "Message": "x"}',
        '{"Records": [{"eventSource": "aws:sqs"}]}',
    ],
    ids=lambda body: body[:30],
)
def test_what_is_no_notification_is_not_understood(body: str) -> None:
    assert changed_keys(body, "b", "lake/") is None


class Queue:
    """A queue of moto's, and what to send for a key of the lake."""

    def __init__(self, endpoint: str, place: S3Place) -> None:
        import boto3

        self._sqs: Any = boto3.client("sqs", REGION, endpoint_url=endpoint)
        self._place = place
        self.url = self._sqs.create_queue(QueueName=f"q-{place.bucket}", Attributes={"VisibilityTimeout": "0"})[
            "QueueUrl"
        ]

    def announce(self, key: str, times: int = 1) -> None:
        for _ in range(times):
            self.send(json.dumps(by_s3(self._place.bucket, f"{self._place.prefix}{key}")))

    def send(self, body: str) -> None:
        self._sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def waiting(self) -> int:
        answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


@pytest.fixture
def s3_world(s3_lake: LakeResource) -> Iterator[World]:
    with world_on(s3_lake) as found:
        yield found


@pytest.fixture
def queue(aws: str, s3_world: World, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """What was received is there again at once: a tick asks until it has as many as it takes, so it takes few here."""
    monkeypatch.setattr(sensors, "MESSAGES_PER_TICK", 20)
    place = s3_world.store.place
    assert isinstance(place, S3Place)
    return Queue(aws, place)


def sensor_of(world: World, queue: Queue) -> dg.SensorDefinition:
    jobs = [*build_jobs(), *maintenance_jobs()]
    return lake_events_sensor(START, queue.url, jobs, STOPPED, clock=world.clock)


def test_an_announced_object_is_built_and_its_message_deleted_by_the_next_tick(s3_world: World, queue: Queue) -> None:
    queue.announce(put_raw(s3_world.store, days_ago(400)))
    sensor = sensor_of(s3_world, queue)
    s3_world.tick(sensor)
    assert [day for day, _ in s3_world.built] == [days_ago(400)]
    assert queue.waiting() > 0
    s3_world.tick(sensor)
    assert queue.waiting() == 0


def test_a_tick_that_was_not_recorded_loses_no_message(s3_world: World, queue: Queue) -> None:
    queue.announce(put_raw(s3_world.store, TODAY))
    sensor = sensor_of(s3_world, queue)
    s3_world.evaluate(sensor)  # the daemon dies: nothing launched, no cursor kept
    s3_world.tick(sensor)
    assert len(s3_world.built) == 1


def test_everything_delivered_three_times_and_out_of_order_is_done_once(s3_world: World, queue: Queue) -> None:
    keys = [put_raw(s3_world.store, days_ago(count), f"p{number}") for count in (5, 2, 9) for number in (1, 2)]
    for key in [*reversed(keys), *keys, *keys]:
        queue.announce(key)
    sensor = sensor_of(s3_world, queue)
    for _ in range(4):
        s3_world.tick(sensor)
    assert sorted(day for day, _ in s3_world.built) == [days_ago(9), days_ago(5), days_ago(2)]
    assert s3_world.idle == []
    assert queue.waiting() == 0


def test_a_message_about_an_object_that_is_gone_again_does_nothing(s3_world: World, queue: Queue) -> None:
    key = put_raw(s3_world.store, TODAY)
    s3_world.store.delete([key])
    queue.announce(key)
    s3_world.tick(sensor_of(s3_world, queue))
    assert s3_world.runs == []


def test_a_date_that_must_wait_is_remembered_after_its_message_is_deleted(s3_world: World, queue: Queue) -> None:
    queue.announce(put_raw(s3_world.store, TODAY))
    sensor = sensor_of(s3_world, queue)
    run = s3_world.pretend(dg.DagsterRunStatus.STARTED, **{"dagster/partition": TODAY.isoformat()})
    s3_world.tick(sensor)
    s3_world.tick(sensor)
    assert queue.waiting() == 0
    assert s3_world.runs == []
    s3_world.instance.report_run_canceled(s3_world.instance.get_run_by_id(run))  # pyright: ignore[reportArgumentType]
    s3_world.tick(sensor)
    assert [day for day, _ in s3_world.built] == [TODAY]
    s3_world.tick(sensor)
    assert EventsCursor.parse(s3_world.cursors["lake_events"]).pending == frozenset()


def test_more_dates_than_a_tick_looks_at_are_built_by_the_next_ones(
    s3_world: World, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their messages are deleted meanwhile: only the cursor knows of them."""
    monkeypatch.setattr(sensors, "EVENT_DATES_PER_TICK", 2)
    for count in range(5):
        queue.announce(put_raw(s3_world.store, days_ago(count)))
    sensor = sensor_of(s3_world, queue)
    for _ in range(5):
        s3_world.tick(sensor)
    assert queue.waiting() == 0
    assert sorted(day for day, _ in s3_world.built) == [days_ago(count) for count in (4, 3, 2, 1, 0)]


def test_what_lands_is_adopted(s3_world: World, queue: Queue) -> None:
    drop(s3_world.store, "a_2026-05-15.json", page("One"))
    queue.announce(f"{layout.LANDING_INBOX_PREFIX}a_2026-05-15.json")
    s3_world.tick(sensor_of(s3_world, queue))
    assert [job for job, _, _ in s3_world.runs] == ["adopt_landing"]
    assert len(list(s3_world.store.list(layout.RAW_PREFIX))) == 1


def test_strange_messages_stay_for_the_dead_letter_queue_and_hide_nothing(s3_world: World, queue: Queue) -> None:
    queue.send("hello")
    queue.send(json.dumps(TEST_EVENT))
    queue.announce(put_raw(s3_world.store, TODAY))
    sensor = sensor_of(s3_world, queue)
    s3_world.tick(sensor)
    s3_world.tick(sensor)
    assert len(s3_world.built) == 1
    assert queue.waiting() == 1
    assert "no notifications" in s3_world.skipped[-1]


def test_a_quiet_queue_is_no_date_that_is_up_to_date(s3_world: World, queue: Queue) -> None:
    put_raw(s3_world.store, TODAY)
    s3_world.tick(sensor_of(s3_world, queue))
    assert "0 messages" in s3_world.skipped[-1]
    assert s3_world.skipped[-1].endswith("no date was looked at")


def test_what_no_message_announced_is_found_by_the_sweep(s3_world: World, queue: Queue) -> None:
    for count in (0, 3, 8, 200):
        put_raw(s3_world.store, days_ago(count))
    net = stale_dates_sensor(START, STOPPED, events=True, clock=s3_world.clock)
    for _ in range(3):
        s3_world.tick(net)
    assert len(s3_world.built) == 4
