"""The stale-date sensor on real ephemeral instances: what may happen to objects, cursors and runs, one test each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import dagster as dg
import pytest

from spotify_assets.automation.runs import dates_of
from spotify_assets.automation.sensors import stale_dates_sensor
from spotify_assets.failures import DeploymentError, PermanentError, PlatformError, TransientError
from spotify_assets.lake import layout
from spotify_assets.resources.lake import LakeResource
from spotify_assets_tests.automation.world import START, TODAY, World, commit, days_ago, put_raw, world_on

pytestmark = pytest.mark.slow


@pytest.fixture(params=["file", "s3"])
def anywhere(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world on a folder, and one on S3."""
    if request.param == "file":
        yield request.getfixturevalue("world")
        return
    lake: LakeResource = request.getfixturevalue("s3_lake")
    with world_on(lake) as found:
        yield found


def sensor_of(world: World) -> dg.SensorDefinition:
    return stale_dates_sensor(START, dg.DefaultSensorStatus.STOPPED, clock=world.clock)


def settle(world: World, ticks: int = 3) -> None:
    """Tick until nothing is left to do in the window."""
    sensor = sensor_of(world)
    for _ in range(ticks):
        world.tick(sensor)


def test_a_new_date_is_built_once_and_then_left_alone(anywhere: World) -> None:
    put_raw(anywhere.store, TODAY)
    settle(anywhere, ticks=5)
    assert [day for day, _ in anywhere.built] == [TODAY]
    assert len(anywhere.runs) == 1
    assert "every date is up to date" in anywhere.skipped[-1]


def test_objects_of_the_same_second_are_all_seen(anywhere: World) -> None:
    """A sensor that asks for `last_modified > cursor` never sees the second one."""
    put_raw(anywhere.store, TODAY, "p1")
    settle(anywhere)
    put_raw(anywhere.store, TODAY, "p2")
    settle(anywhere)
    assert len(anywhere.built) == 2
    assert len(anywhere.built[-1][1]) == 2


def test_an_object_that_becomes_visible_late_with_an_older_time_is_built(anywhere: World) -> None:
    put_raw(anywhere.store, days_ago(2), "p1", at=dt.time(8))
    settle(anywhere)
    put_raw(anywhere.store, days_ago(2), "p2", at=dt.time(3))
    settle(anywhere)
    assert anywhere.stale() == []
    assert len(anywhere.built) == 2


def test_an_older_object_of_the_same_playlist_changes_nothing(anywhere: World) -> None:
    put_raw(anywhere.store, days_ago(2), at=dt.time(8))
    settle(anywhere)
    put_raw(anywhere.store, days_ago(2), at=dt.time(3))
    settle(anywhere)
    assert len(anywhere.built) == 1


def test_an_overwritten_object_is_built_again(anywhere: World) -> None:
    put_raw(anywhere.store, days_ago(1), content=b"first")
    settle(anywhere)
    put_raw(anywhere.store, days_ago(1), content=b"second")
    settle(anywhere)
    assert [day for day, _ in anywhere.built] == [days_ago(1)] * 2


def test_a_deleted_object_makes_the_one_before_it_current(anywhere: World) -> None:
    put_raw(anywhere.store, days_ago(1), at=dt.time(6))
    newer = put_raw(anywhere.store, days_ago(1), at=dt.time(7))
    settle(anywhere)
    anywhere.store.delete([newer])
    settle(anywhere)
    assert len(anywhere.built) == 2
    assert anywhere.stale() == []


def test_a_date_whose_objects_are_all_deleted_keeps_its_tables(anywhere: World) -> None:
    key = put_raw(anywhere.store, days_ago(1))
    settle(anywhere)
    anywhere.store.delete([key])
    settle(anywhere)
    assert len(anywhere.runs) == 1


def test_the_date_the_sweep_stopped_at_may_disappear(world: World) -> None:
    """A cursor that names an object fails for ever once that object is gone; this one names a date."""
    keys = [put_raw(world.store, days_ago(count)) for count in range(100, 110)]
    for count in range(100, 110):
        commit(world.store, days_ago(count))
    world.tick(sensor_of(world))
    at = json.loads(world.cursors["stale_dates"])["sweep"]
    gone = [key for key in keys if at in key]
    assert gone
    world.store.delete(gone)
    put_raw(world.store, days_ago(100), "late")
    settle(world, ticks=5)
    assert [day for day, _ in world.built] == [days_ago(100)]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "not json",
        "[]",
        "null",
        "17",
        '{"version": 0, "sweep": "2026-01-01"}',
        '{"version": 1}',
        '{"version": 1, "sweep": "never"}',
        '{"version": 99, "since_key": "raw/x"}',
        "raw/some/key.json",
        "[" * 100_000,
    ],
    ids=lambda text: repr(text[:30]),
)
def test_a_corrupt_foreign_or_older_cursor_is_started_over(world: World, cursor: str) -> None:
    put_raw(world.store, days_ago(300))
    world.cursors["stale_dates"] = cursor
    result = world.tick(sensor_of(world))
    assert [day for day, _ in world.built] == [days_ago(300)]
    assert json.loads(str(result.cursor))["version"] == 1


def test_a_lost_cursor_repeats_nothing(world: World) -> None:
    put_raw(world.store, TODAY)
    settle(world)
    world.cursors.clear()
    settle(world)
    assert len(world.runs) == 1


def test_an_old_late_object_is_found_within_one_round_of_the_sweep(world: World) -> None:
    for count in range(7, 37):
        put_raw(world.store, days_ago(count))
        commit(world.store, days_ago(count))
    settle(world, ticks=4)
    put_raw(world.store, days_ago(20), "late")
    settle(world, ticks=10)
    assert [day for day, _ in world.built] == [days_ago(20)]


def test_500_stale_dates_at_once_become_a_handful_of_runs(world: World) -> None:
    world.quick = True
    days = [days_ago(count) for count in range(500)]
    for day in days:
        put_raw(world.store, day)
    settle(world, ticks=5)
    assert len(world.runs) <= 3
    assert world.stale() == []
    assert sorted(day for day, _ in world.built) == sorted(days)
    assert len(world.built) == 500


def test_many_dates_of_one_tick_are_one_ranged_run(world: World) -> None:
    for count in range(7):
        put_raw(world.store, days_ago(count))
    world.tick(sensor_of(world))
    ((_, _, tags),) = world.runs
    assert dates_of(tags) == {days_ago(count) for count in range(7)}


def test_a_year_of_weekly_snapshots_is_one_run(world: World) -> None:
    """A date without raw objects is an empty date, which a run passes through."""
    world.quick = True
    days = [days_ago(count) for count in range(0, 365, 7)]
    for day in days:
        put_raw(world.store, day)
    settle(world)
    assert world.stale() == []
    ((_, _, tags),) = world.runs
    assert (min(dates_of(tags)), max(dates_of(tags))) == (days[-1], days[0])
    assert len(world.built) == 53


def test_dates_up_to_date_between_stale_ones_are_run_through(world: World) -> None:
    for count in range(5):
        put_raw(world.store, days_ago(count))
    commit(world.store, days_ago(2))
    settle(world)
    assert len(world.runs) == 1
    assert days_ago(2) not in [day for day, _ in world.built]


@pytest.mark.parametrize(
    "status",
    [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING],
    ids=lambda status: status.value,
)
def test_a_date_that_a_run_in_flight_touches_waits(world: World, status: dg.DagsterRunStatus) -> None:
    put_raw(world.store, days_ago(1))
    put_raw(world.store, days_ago(3))
    world.pretend(status, **{"dagster/partition": days_ago(1).isoformat()})
    settle(world)
    assert [day for day, _ in world.built] == [days_ago(3)]
    assert "1 in flight" in world.skipped[-1]


def test_a_neighbours_run_of_the_same_date_holds_nothing_up(world: World) -> None:
    """Another code location of the same instance partitions by date, too."""
    put_raw(world.store, days_ago(1))
    world.pretend(dg.DagsterRunStatus.STARTED, location="neighbour", **{"dagster/partition": days_ago(1).isoformat()})
    settle(world)
    assert [day for day, _ in world.built] == [days_ago(1)]


def test_dates_inside_a_queued_range_wait(world: World) -> None:
    put_raw(world.store, days_ago(2))
    world.pretend(
        dg.DagsterRunStatus.QUEUED,
        **{
            "dagster/asset_partition_range_start": days_ago(4).isoformat(),
            "dagster/asset_partition_range_end": days_ago(1).isoformat(),
        },
    )
    settle(world)
    assert world.runs == []


def test_a_date_that_is_being_extracted_waits_until_the_extraction_is_over(world: World) -> None:
    put_raw(world.store, TODAY)
    world.pretend(dg.DagsterRunStatus.STARTED, "extract_playlists", **{"dagster/partition": TODAY.isoformat()})
    settle(world)
    assert world.runs == []


@pytest.mark.parametrize(
    "cause",
    [TransientError("the network is gone"), DeploymentError("the role may not write")],
    ids=["outage", "denied"],
)
def test_what_no_date_is_to_blame_for_is_tried_again_ever_more_slowly_for_as_long_as_it_lasts(
    world: World, cause: PlatformError
) -> None:
    days = [days_ago(count) for count in range(3)]
    for day in days:
        put_raw(world.store, day)
    world.before_build = raising(cause)
    settle(world, ticks=3)
    assert len(world.runs) == 1, "it rests first"
    for _ in range(10):
        later(world, hours=6)
        world.tick(sensor_of(world))
    assert len(world.runs) == 11
    assert len({tags["dagster/run_key"] for _, _, tags in world.runs}) == len(world.runs)
    assert all(dates_of(tags) == set(days) for _, _, tags in world.runs), "it parts no range"
    world.before_build = lambda day: None
    later(world, hours=6)
    world.tick(sensor_of(world))
    assert world.stale() == []


def test_new_content_is_tried_even_after_giving_up(world: World) -> None:
    put_raw(world.store, days_ago(1), content=b"bad")
    world.before_build = raising(PermanentError("the object is not gzip"))
    for _ in range(8):
        later(world, hours=6)
        world.tick(sensor_of(world))
    world.before_build = lambda day: None
    put_raw(world.store, days_ago(1), content=b"good")
    world.tick(sensor_of(world))
    assert world.stale() == []


def test_a_permanent_failure_of_one_date_is_not_tried_again(world: World) -> None:
    put_raw(world.store, TODAY)
    world.before_build = raising(PermanentError("the object is not gzip"))
    for _ in range(10):
        later(world, hours=6)
        world.tick(sensor_of(world))
    assert len(world.runs) == 1
    assert "given up" in world.skipped[-1]


def test_one_poisoned_date_ends_up_alone_and_the_others_are_built(world: World) -> None:
    days = [days_ago(count) for count in range(7)]
    for day in days:
        put_raw(world.store, day)
    poisoned = days_ago(4)

    def before(day: dt.date) -> None:
        if day == poisoned:
            raise PermanentError("the object is not gzip")

    world.before_build = before
    for _ in range(12):
        later(world, minutes=30)
        world.tick(sensor_of(world))
    assert world.stale() == [poisoned]
    assert len(world.built) == 6
    assert len(world.runs) <= 8


def test_a_cancelled_run_counts_as_a_try(world: World) -> None:
    put_raw(world.store, TODAY)
    sensor = sensor_of(world)
    (request,) = world.evaluate(sensor).run_requests or []
    world.pretend(dg.DagsterRunStatus.CANCELED, **request.tags, **{"dagster/run_key": str(request.run_key)})
    result = world.tick(sensor)
    (again,) = result.run_requests or []
    assert again.run_key != request.run_key
    assert str(again.run_key).endswith("-2")
    assert world.stale() == []


def test_a_run_that_succeeded_without_helping_is_never_repeated(world: World) -> None:
    put_raw(world.store, TODAY)
    sensor = sensor_of(world)
    (request,) = world.evaluate(sensor).run_requests or []
    world.pretend(dg.DagsterRunStatus.SUCCESS, **request.tags)
    settle(world)
    assert world.runs == []
    assert "unchanged by a run that succeeded" in world.skipped[-1]


def test_two_evaluations_of_the_same_state_ask_for_the_same_run(world: World) -> None:
    """Two daemons, or a tick that is evaluated again because its cursor was not kept."""
    for count in (0, 1, 9):
        put_raw(world.store, days_ago(count))
    sensor = sensor_of(world)
    one, other = world.evaluate(sensor), world.evaluate(sensor)
    world.launch(sensor, one)
    world.launch(sensor, other)
    assert len(world.runs) == 1
    assert len(world.built) == 3


def test_a_damaged_commit_is_reported_and_hides_no_other_date(world: World) -> None:
    for count in (1, 2):
        put_raw(world.store, days_ago(count))
    world.store.put(layout.commit_key(days_ago(2)), b"{")
    settle(world)
    assert [day for day, _ in world.built] == [days_ago(1)]
    assert "not a commit record" in world.skipped[-1]
    assert world.skipped[-1].endswith("every other date is up to date")


def test_dates_before_the_first_partition_are_not_asked_for(world: World) -> None:
    put_raw(world.store, START - dt.timedelta(days=1))
    settle(world)
    assert world.runs == []


def test_foreign_objects_among_the_raw_ones_are_passed_over(anywhere: World) -> None:
    put_raw(anywhere.store, TODAY)
    for key in ("raw/README.txt", f"raw/snapshot_date={TODAY}/notes.json", "raw/zzz/zzz", "raw/snapshot_date=soon/x"):
        anywhere.store.put(key, b"?")
    settle(anywhere)
    assert [day for day, _ in anywhere.built] == [TODAY]


def test_a_tick_asks_for_at_most_five_runs(world: World) -> None:
    for count in range(0, 30, 2):
        put_raw(world.store, days_ago(count))
    sensor = stale_dates_sensor(START, dg.DefaultSensorStatus.STOPPED, clock=world.clock)
    results = [world.tick(sensor) for _ in range(10)]
    assert max(len(result.run_requests or []) for result in results) <= 5
    assert len(world.built) == 15


def raising(error: Exception):
    def before(day: dt.date) -> None:
        raise error

    return before


def later(world: World, **elapsed: float) -> None:
    world.now += dt.timedelta(**elapsed)
