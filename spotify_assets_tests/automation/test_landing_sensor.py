"""The landing sensor: it lists, a run opens."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from spotify_assets.automation.maintenance import ADOPT
from spotify_assets.automation.sensors import landing_sensor
from spotify_assets.lake import layout
from spotify_assets_tests.automation.world import World
from spotify_assets_tests.spotify.test_landing import drop, page


def sensor_of(world: World) -> dg.SensorDefinition:
    return landing_sensor(dg.DefaultSensorStatus.STOPPED, clock=world.clock)


def test_an_object_that_looks_the_same_twice_is_adopted(world: World) -> None:
    drop(world.store, "a_2026-05-15.json", page("One"))
    sensor = sensor_of(world)
    world.tick(sensor)
    assert world.runs == []
    world.tick(sensor)
    assert [job for job, _, _ in world.runs] == [ADOPT]
    assert len(list(world.store.list(layout.RAW_PREFIX))) == 1


def test_a_file_that_is_still_growing_is_left_alone(world: World) -> None:
    sensor = sensor_of(world)
    for length in range(1, 6):
        drop(world.store, "a_2026-05-15.json", page("One")[: 50 * length])
        world.tick(sensor)
    assert world.runs == []
    drop(world.store, "a_2026-05-15.json", page("One"))
    world.tick(sensor)
    world.tick(sensor)
    assert len(list(world.store.list(layout.RAW_PREFIX))) == 1


def test_an_empty_inbox_says_so(world: World) -> None:
    world.tick(sensor_of(world))
    assert world.skipped == ["0 objects wait, 0 of them unchanged since the last look"]


def test_the_same_file_dropped_again_and_again_is_adopted_every_time(world: World) -> None:
    sensor = sensor_of(world)
    for _ in range(6):
        drop(world.store, "today_2026-05-15.json", page("One"))
        world.tick(sensor)
        world.tick(sensor)
        assert list(world.store.list(layout.LANDING_INBOX_PREFIX)) == []
    assert len(world.runs) == 6
    assert len(list(world.store.list(layout.RAW_PREFIX))) == 1


def test_a_run_in_flight_is_not_joined_by_a_second(world: World) -> None:
    drop(world.store, "a_2026-05-15.json", page("One"))
    world.pretend(dg.DagsterRunStatus.QUEUED, ADOPT)
    sensor = sensor_of(world)
    for _ in range(3):
        world.tick(sensor)
    assert world.runs == []
    assert "in flight" in world.skipped[-1]


def test_objects_that_no_run_gets_rid_of_are_given_up(world: World) -> None:
    drop(world.store, "a_2026-05-15.json", page("One"))
    sensor = sensor_of(world)
    world.tick(sensor)
    for _ in range(10):
        world.now += dt.timedelta(hours=12)
        result = world.tick(sensor, launch=False)
        for request in result.run_requests or ():
            world.pretend(dg.DagsterRunStatus.FAILURE, ADOPT, **request.tags)
    assert len(world.instance.get_runs()) == 4
    assert "given up after 4 runs" in world.skipped[-1]


def test_a_damaged_cursor_only_costs_a_tick(world: World) -> None:
    drop(world.store, "a_2026-05-15.json", page("One"))
    world.cursors["landing"] = "junk"
    sensor = sensor_of(world)
    world.tick(sensor)
    world.tick(sensor)
    assert len(world.runs) == 1
