"""What the stale-date sensor does about files of a commit that are gone: found in turn, said, and built again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import dagster as dg
import pytest

from glue_scripts.commit import DataFile, TableFiles
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.automation.runs import dates_of
from spotify_assets.automation.sensors import FILES_INTERVAL, stale_dates_sensor
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.lake import layout
from spotify_assets.resources.lake import LakeResource
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.automation.world import START, World, commit, days_ago, put_raw, world_on

pytestmark = pytest.mark.slow

HISTORY = 8


@pytest.fixture(params=["file", "s3"])
def whole(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world on a folder, and one on S3, of which every date is built and its files are there."""
    if request.param == "file":
        world: World = request.getfixturevalue("world")
        yield with_history(world)
        return
    lake: LakeResource = request.getfixturevalue("s3_lake")
    with world_on(lake) as world:
        yield with_history(world)


def with_history(world: World) -> World:
    for count in range(HISTORY):
        built(world.store, days_ago(count))
    return world


def built(store: ObjectStore, day: dt.date) -> None:
    put_raw(store, day)
    tables = {table: TableFiles((DataFile(key_of(table, day), 1, 4),)) for table in LAKE_TABLES}
    for files in tables.values():
        store.put(files.files[0].key, b"PAR1")
    commit(store, day, tables=tables)


def key_of(table: str, day: dt.date) -> str:
    return f"{layout.table_run_prefix(table, 'run-0', day)}part-0.parquet"


def ticks(world: World, count: int, apart: dt.timedelta = FILES_INTERVAL) -> None:
    sensor = stale_dates_sensor(START, dg.DefaultSensorStatus.STOPPED, clock=world.clock)
    for _ in range(count):
        world.tick(sensor)
        world.now += apart


def test_a_lost_file_is_found_in_one_round_said_and_its_date_built_again_once(whole: World) -> None:
    lost = key_of("songs", days_ago(6))
    whole.store.delete([lost])
    ticks(whole, HISTORY + 1)
    assert [day for day, _ in whole.built] == [days_ago(6)]
    ticks(whole, HISTORY + 1)
    assert len(whole.runs) == 1
    assert "every date is up to date" in whole.skipped[-1]


def test_a_file_of_another_size_counts_as_lost(whole: World) -> None:
    whole.store.put(key_of("artists", days_ago(3)), b"PAR")
    ticks(whole, HISTORY + 1)
    assert [day for day, _ in whole.built] == [days_ago(3)]


@pytest.mark.parametrize("seconds", [30, 47, 299])
def test_a_date_is_looked_at_every_five_minutes_however_far_apart_the_ticks_are(world: World, seconds: int) -> None:
    """A tick's time is the daemon's: waiting for a minute of the clock would skip those that no tick falls into."""
    with_history(world)
    looked = set()
    for _ in range(3600 // seconds):
        ticks(world, 1, dt.timedelta(seconds=seconds))
        looked.add(json.loads(world.cursors["stale_dates"])["files_at"])
    assert 3600 // (300 + seconds) <= len(looked) <= 3600 // 300 + 1


def test_a_lost_folder_is_one_look_and_one_run(whole: World) -> None:
    days = [days_ago(count) for count in range(HISTORY)]
    whole.store.delete([key_of("albums", day) for day in days])
    ticks(whole, 1)
    assert sorted(day for day, _ in whole.built) == sorted(days)
    assert len(whole.runs) == 1


def test_what_could_not_be_built_is_looked_at_again_and_not_a_round_later(world: World) -> None:
    with_history(world)
    world.store.delete([key_of("songs", days_ago(HISTORY - 1))])

    def refuse(day: dt.date) -> None:
        raise TransientError("the network is gone")

    world.before_build = refuse
    ticks(world, 2)
    assert (len(world.runs), world.built) == (1, [])
    world.before_build = lambda day: None
    ticks(world, 2)
    assert [day for day, _ in world.built] == [days_ago(HISTORY - 1)]


def test_a_lost_date_that_is_given_up_keeps_the_others_from_nothing(world: World) -> None:
    with_history(world)
    poisoned = days_ago(HISTORY - 1)
    world.store.delete([key_of("songs", day) for day in (poisoned, days_ago(5))])

    def refuse(day: dt.date) -> None:
        if day == poisoned:
            raise PermanentError("the object is not gzip")

    world.before_build = refuse
    ticks(world, 3 * HISTORY)
    assert [day for day, _ in world.built] == [days_ago(5)]
    assert len(world.runs) <= 3
    assert f"{poisoned}: {key_of('songs', poisoned)} is gone" in world.skipped[-1]
    assert "given up" in world.skipped[-1]


def test_a_date_whose_raw_objects_are_gone_too_is_said_and_left_alone(world: World) -> None:
    """There is nothing to build it from, and a commit keeps its rows."""
    with_history(world)
    day = days_ago(HISTORY - 1)
    world.store.delete([key_of("songs", day), *(raw.key for raw in world.store.list(layout.raw_day_prefix(day)))])
    ticks(world, HISTORY + 1)
    assert world.runs == []
    assert f"{key_of('songs', day)} is gone; every other date is up to date" in world.skipped[-1]
    world.now -= FILES_INTERVAL - dt.timedelta(seconds=30)
    ticks(world, 1)
    assert f"files of {day} were lost at the last look; every other date is up to date" in world.skipped[-1]
    put_raw(world.store, day - dt.timedelta(days=1))
    put_raw(world.store, days_ago(HISTORY - 2), "late")
    ticks(world, HISTORY + 1)
    assert all(day not in dates_of(tags) for _, _, tags in world.runs), "no run passes through it"
    assert len(world.built) == 2


@pytest.mark.parametrize("at", ["2999-01-01T00:00:00+00:00", "2026-01-01T00:00:00"])
def test_a_cursor_from_another_clock_puts_no_look_off(world: World, at: str) -> None:
    with_history(world)
    world.store.delete([key_of("songs", days_ago(HISTORY - 1))])
    cursor = {"version": 1, "sweep": None, "verify": None, "files_at": at, "files_lost": [], "known": ""}
    world.cursors["stale_dates"] = json.dumps(cursor)
    ticks(world, 1)
    assert [day for day, _ in world.built] == [days_ago(HISTORY - 1)]
