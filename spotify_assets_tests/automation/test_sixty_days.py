"""Simulated days with random faults, thirty here and sixty in the soak: no date is missed, none built twice alike."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import dagster as dg
import pytest

from spotify_assets.automation.loaded_files import loaded_files_sensor
from spotify_assets.automation.sensors import stale_dates_sensor
from spotify_assets.failures import TransientError
from spotify_assets.resources.lake import LakeResource
from spotify_assets_tests.automation.world import TODAY, World, put_raw, world_on

DAYS = 60
TICKS_A_DAY = 4
START = TODAY - dt.timedelta(days=30)
STOPPED = dg.DefaultSensorStatus.STOPPED


class Loads:
    """The warehouse as the sensor sees it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def impatient(self) -> Loads:
        return self

    def all_loaded_runs(self, tables: list[str]) -> dict[str, dict[dt.date, str]]:
        return {table: dict(self._world.loaded[table]) for table in tables}


def simulate(world: World, seed: int, count: int = DAYS) -> None:
    """Objects come, come late, are overwritten and deleted; builds fail; ticks are lost or doubled, cursors damaged."""
    world.quick = True
    chance = random.Random(seed)
    stale = stale_dates_sensor(START, STOPPED, clock=world.clock)
    loads = loaded_files_sensor(START, STOPPED, clock=world.clock)
    warehouse = Loads(world)
    keys: list[str] = []

    def before_build(day: dt.date) -> None:
        if chance.random() < 0.1:
            raise TransientError("the network is gone")

    world.before_build = before_build
    days = [TODAY + dt.timedelta(days=days_on) for days_on in range(-count // 2, count // 2)]
    for number, today in enumerate(days):
        for hour in range(TICKS_A_DAY):
            world.now = dt.datetime.combine(today, dt.time(hour * 24 // TICKS_A_DAY, 30), dt.UTC)
            keys += _arrivals(world, chance, days[: number + 1], hour)
            if chance.random() < 0.05 and keys:
                world.store.put(chance.choice(keys), chance.randbytes(8))
            if chance.random() < 0.03 and keys:
                world.store.delete([keys.pop(chance.randrange(len(keys)))])
            _tick(world, chance, stale)
            _tick(world, chance, loads, warehouse=warehouse)
    world.before_build = lambda day: None
    for _ in range(60):
        world.now += dt.timedelta(hours=12)
        world.tick(stale)
        world.tick(loads, warehouse=warehouse)


def _arrivals(world: World, chance: random.Random, days: list[dt.date], hour: int) -> list[str]:
    found = []
    if hour == 1:  # the daily extraction, sometimes without one playlist
        found += [put_raw(world.store, days[-1], f"p{number}") for number in range(3) if chance.random() < 0.9]
    if chance.random() < 0.15:  # something late, with any time
        time = dt.time(chance.randrange(24), chance.randrange(60))
        found.append(put_raw(world.store, chance.choice(days), f"p{chance.randrange(5)}", at=time, run="late"))
    return found


def _tick(world: World, chance: random.Random, sensor: dg.SensorDefinition, **resources: object) -> None:
    fate = chance.random()
    if fate < 0.05:
        return  # the daemon was down
    if fate < 0.1:
        world.cursors[sensor.name] = chance.choice(["", "junk", '{"version": 0}'])
    result = world.evaluate(sensor, **resources)
    if fate > 0.95:  # a second daemon evaluated the same state
        world.launch(sensor, world.evaluate(sensor, **resources))
    world.launch(sensor, result)
    if fate < 0.9:  # else it died before it kept the cursor
        world.keep(sensor, result)


def check(world: World, count: int = DAYS) -> None:
    last = TODAY + dt.timedelta(days=DAYS)
    assert world.stale(START, last) == [], "dates were missed"
    last_built: dict[dt.date, tuple[str, ...]] = {}
    for day, sources in world.built:  # a date may come back to objects it was built from before another came and went
        assert last_built.get(day) != sources, f"{day} was built twice from the same objects"
        last_built[day] = sources
    assert world.idle == [], "runs were requested that had nothing to do"
    commits = world.lake.commits([START + dt.timedelta(days=number) for number in range(DAYS + 1)])
    assert len(commits) > count * 0.8
    for runs in world.loaded.values():
        assert {day: commit.run_id for day, commit in commits.items()} == {day: runs.get(day) for day in commits}


def test_nothing_is_missed_and_nothing_done_twice_in_thirty_days_of_faults(world: World) -> None:
    simulate(world, seed=20261121, count=DAYS // 2)
    check(world, count=DAYS // 2)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_missed_and_nothing_done_twice_whatever_the_faults(tmp_path: Path, seed: int) -> None:
    with world_on(LakeResource(url=(tmp_path / "lake").as_uri())) as world:
        simulate(world, seed)
        check(world)
