"""A day's extraction that failed in a way that can pass is finished the same day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import dagster as dg
import pytest

from spotify_assets.automation.extraction import unfinished_extraction_sensor
from spotify_assets.automation.jobs import EXTRACT
from spotify_assets.retries import FAILURE_TAG, RETRY_AT_TAG
from spotify_assets_tests.automation.world import TODAY, World, days_ago


def asked(world: World, **elapsed: float) -> list[dg.RunRequest]:
    """What the sensor asks for after some time."""
    world.now += dt.timedelta(**elapsed)
    sensor = unfinished_extraction_sensor(dg.DefaultSensorStatus.STOPPED, clock=lambda: min(world.now, end_of_today()))
    result = world.tick(sensor, launch=False)
    return list(result.run_requests or ())


def end_of_today() -> dt.datetime:
    return dt.datetime.combine(TODAY, dt.time(23, 59, 59), dt.UTC)


def ran(world: World, status: dg.DagsterRunStatus, tags: Mapping[str, str] = {}, day: dt.date = TODAY) -> None:
    world.pretend(status, EXTRACT, **{"dagster/partition": day.isoformat(), **tags})


def test_a_date_nobody_began_is_left_alone(world: World) -> None:
    ran(world, dg.DagsterRunStatus.FAILURE, day=days_ago(1))
    assert asked(world) == []


def test_a_failed_extraction_of_today_is_run_again_until_it_succeeds(world: World) -> None:
    ran(world, dg.DagsterRunStatus.FAILURE)
    (first,) = asked(world)
    assert first.partition_key == TODAY.isoformat()
    ran(world, dg.DagsterRunStatus.FAILURE, first.tags)
    (second,) = asked(world)
    assert second.run_key != first.run_key
    ran(world, dg.DagsterRunStatus.SUCCESS, second.tags)
    assert asked(world) == []


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED], ids=lambda status: status.value
)
def test_a_run_in_flight_is_waited_for(world: World, status: dg.DagsterRunStatus) -> None:
    ran(world, dg.DagsterRunStatus.FAILURE)
    ran(world, status)
    assert asked(world) == []


def test_a_permanent_failure_is_left_to_people(world: World) -> None:
    ran(world, dg.DagsterRunStatus.FAILURE, {FAILURE_TAG: "permanent"})
    assert asked(world) == []
    assert "given up" in world.skipped[-1]


def test_a_cool_down_is_waited_for(world: World) -> None:
    world.now = dt.datetime.combine(TODAY, dt.time(6), dt.UTC)
    ran(world, dg.DagsterRunStatus.FAILURE, {RETRY_AT_TAG: (world.now + dt.timedelta(hours=8)).isoformat()})
    assert asked(world, hours=7) == []
    assert len(asked(world, hours=2)) == 1


def test_it_ends_after_eight_tries(world: World) -> None:
    for _ in range(8):
        ran(world, dg.DagsterRunStatus.FAILURE)
    assert asked(world) == []
    assert "given up" in world.skipped[-1]
