"""The sensor that has commits loaded which the warehouse does not hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import dagster as dg
import pytest

from spotify_assets.automation.loaded_files import loaded_files_sensor
from spotify_assets.failures import TransientError
from spotify_assets.lake import layout
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.automation.world import START, TODAY, World, commit, days_ago

STOPPED = dg.DefaultSensorStatus.STOPPED


class Warehouse:
    """Says what the world's tables hold, and counts how often it is asked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.asked = 0

    def impatient(self) -> Warehouse:
        return self

    def all_loaded_runs(self, tables: list[str]) -> dict[str, dict[dt.date, str]]:
        self.asked += 1
        return {table: dict(self._world.loaded[table]) for table in tables}


@pytest.fixture
def warehouse(world: World) -> Warehouse:
    return Warehouse(world)


def tick(world: World, warehouse: Warehouse, times: int = 1, **elapsed: float) -> None:
    sensor = loaded_files_sensor(START, STOPPED, clock=world.clock)
    for _ in range(times):
        world.now += dt.timedelta(**elapsed)
        world.tick(sensor, warehouse=warehouse)


def holds(world: World, day: dt.date) -> set[str | None]:
    return {runs.get(day) for runs in world.loaded.values()}


def test_a_commit_written_elsewhere_is_loaded(world: World, warehouse: Warehouse) -> None:
    commit(world.store, TODAY, "run-of-glue")
    tick(world, warehouse, 3)
    assert holds(world, TODAY) == {"run-of-glue"}
    assert len(world.runs) == 1


def test_one_table_that_lags_behind_is_enough(world: World, warehouse: Warehouse) -> None:
    commit(world.store, TODAY, "r2")
    for runs in world.loaded.values():
        runs[TODAY] = "r2"
    world.loaded["songs"][TODAY] = "r1"
    tick(world, warehouse, 3)
    assert holds(world, TODAY) == {"r2"}


def test_an_old_commit_written_elsewhere_is_found_by_the_sweep(world: World, warehouse: Warehouse) -> None:
    commit(world.store, days_ago(700), "late")
    tick(world, warehouse, 40)
    assert holds(world, days_ago(700)) == {"late"}


def test_the_warehouse_sleeps_as_long_as_no_commit_changes(world: World, warehouse: Warehouse) -> None:
    for count in range(20):
        commit(world.store, days_ago(count))
    tick(world, warehouse, 45)
    asked = warehouse.asked
    tick(world, warehouse, 45)
    assert warehouse.asked == asked
    assert "the warehouse holds every commit" in world.skipped[-1]


def test_a_run_in_flight_is_waited_for_without_asking(world: World, warehouse: Warehouse) -> None:
    commit(world.store, TODAY, "r1")
    run = world.pretend(dg.DagsterRunStatus.STARTED, **{"dagster/partition": TODAY.isoformat()})
    tick(world, warehouse, 3)
    assert (world.runs, warehouse.asked) == ([], 0)
    world.instance.report_run_canceled(world.instance.get_run_by_id(run))  # pyright: ignore[reportArgumentType]
    tick(world, warehouse, 2)
    assert holds(world, TODAY) == {"r1"}


def test_what_a_build_loaded_itself_is_not_loaded_again(world: World, warehouse: Warehouse) -> None:
    commit(world.store, TODAY, "r1")
    run = world.pretend(dg.DagsterRunStatus.STARTED, **{"dagster/partition": TODAY.isoformat()})
    tick(world, warehouse)
    world.load([TODAY])
    world.instance.report_run_canceled(world.instance.get_run_by_id(run))  # pyright: ignore[reportArgumentType]
    tick(world, warehouse, 3)
    assert world.runs == []


def test_a_load_that_fails_is_tried_again_for_as_long_as_the_outage_lasts(world: World, warehouse: Warehouse) -> None:
    commit(world.store, TODAY, "r1")

    def fail(day: dt.date) -> None:
        raise TransientError("the warehouse is suspended")

    world.before_build = fail
    tick(world, warehouse, 8, hours=6)
    assert len(world.runs) >= 6
    world.before_build = lambda day: None
    tick(world, warehouse, 2, hours=6)
    assert holds(world, TODAY) == {"r1"}


def test_a_load_that_changed_nothing_is_not_repeated_and_not_asked_about(world: World, warehouse: Warehouse) -> None:
    commit(world.store, TODAY, "r1")
    sensor = loaded_files_sensor(START, STOPPED, clock=world.clock)
    result = world.tick(sensor, launch=False, warehouse=warehouse)
    (request,) = result.run_requests or []
    world.pretend(dg.DagsterRunStatus.SUCCESS, "load_warehouse", **request.tags)
    tick(world, warehouse, 2)
    asked = warehouse.asked
    tick(world, warehouse, 5)
    assert (world.runs, warehouse.asked) == ([], asked)
    assert "unchanged by a run that succeeded" in world.skipped[-1]


def test_of_a_month_of_commits_only_the_one_that_changed_is_read(
    world: World, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [day for day in map(days_ago, range(25)) if day >= START]
    for day in days:
        commit(world.store, day, "r1")
    tick(world, warehouse, 2)
    read: list[str] = []
    get_many = ObjectStore.get_many

    def heard(store: ObjectStore, keys: Iterable[str]) -> dict[str, bytes | None]:
        keys = list(keys)
        read.extend(key for key in keys if "_commits" in key)
        return get_many(store, keys)

    monkeypatch.setattr(ObjectStore, "get_many", heard)
    commit(world.store, TODAY, "r2")
    sensor = loaded_files_sensor(START, STOPPED, clock=world.clock)
    world.tick(sensor, launch=False, warehouse=warehouse)
    assert read == [layout.commit_key(TODAY)]


@pytest.mark.parametrize("cursor", ["junk", "{}", '{"version": 1, "months": 5}', '{"version": 1, "months": {"x": 1}}'])
def test_a_damaged_cursor_is_started_over(world: World, warehouse: Warehouse, cursor: str) -> None:
    commit(world.store, TODAY, "r1")
    world.cursors["loaded_files"] = cursor
    tick(world, warehouse, 2)
    assert holds(world, TODAY) == {"r1"}
    assert len(world.runs) == 1
