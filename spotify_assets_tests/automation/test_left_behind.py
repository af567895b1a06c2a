"""What a failed run left behind is asked for: by the order of events, once nothing runs, and not for ever at once."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pytest

from spotify_assets.automation import runs
from spotify_assets.automation.jobs import BUILD, REFRESH
from spotify_assets.automation.left_behind import LEFT_BEHIND, computed, left_behind_sensor, loaded
from spotify_assets.definitions import build_defs
from spotify_assets.names import PLAIN
from spotify_assets.retries import FAILURE_TAG, owned
from spotify_assets.settings import load_settings
from spotify_assets_tests.automation.world import World, origin, world_on
from spotify_assets_tests.line import new_home

LOADS, COMPUTED = loaded(PLAIN), computed(PLAIN)
SENSOR = left_behind_sensor(dg.DefaultSensorStatus.STOPPED)
DEFINITIONS = build_defs(load_settings({}))


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """Everything loaded and computed once."""
    from spotify_assets.resources.lake import LakeResource

    with world_on(LakeResource(url=new_home(tmp_path).settings.lake)) as world:
        materialize(world, *LOADS, *COMPUTED)
        yield world


def materialize(world: World, *keys: dg.AssetKey) -> None:
    for key in keys:
        partition = "2026-01-01" if key in LOADS else None
        world.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition))


def tick(world: World, now: dt.datetime | None = None) -> dg.SensorResult | dg.SkipReason:
    sensor = left_behind_sensor(dg.DefaultSensorStatus.STOPPED, clock=lambda: now) if now else SENSOR
    context = dg.build_sensor_context(
        instance=world.instance,
        definitions=DEFINITIONS,
        repository_name="__repository__",
        sensor_name=LEFT_BEHIND,
    )
    context._code_location_origin = origin(REFRESH).repository_origin.code_location_origin
    found = sensor(context)
    assert isinstance(found, dg.SensorResult | dg.SkipReason)
    return found


def requested(found: dg.SensorResult | dg.SkipReason) -> dg.RunRequest:
    assert isinstance(found, dg.SensorResult), found
    (request,) = list(found.run_requests or ())
    return request


def test_nothing_is_asked_for_while_everything_is_computed_from_what_is_loaded(world: World) -> None:
    assert isinstance(tick(world), dg.SkipReason)


def test_a_load_without_what_follows_is_asked_for_once_nothing_runs(world: World) -> None:
    materialize(world, *LOADS)
    run = world.pretend(dg.DagsterRunStatus.STARTED, BUILD)
    waiting = tick(world)
    assert isinstance(waiting, dg.SkipReason)
    assert "in flight" in str(waiting.skip_message)
    world.instance.report_run_failed(world.instance.get_run_by_id(run))  # pyright: ignore[reportArgumentType]

    assert requested(tick(world)).job_name == REFRESH

    materialize(world, *COMPUTED)
    assert isinstance(tick(world), dg.SkipReason)


def test_a_dashboard_alone_that_failed_is_asked_for(world: World) -> None:
    materialize(world, *LOADS, *COMPUTED[:-1])
    assert requested(tick(world)).job_name == REFRESH


def test_an_outage_is_asked_for_again_after_a_pause_and_a_permanent_failure_never(world: World) -> None:
    materialize(world, *LOADS)
    request = requested(tick(world))
    world.pretend(dg.DagsterRunStatus.FAILURE, REFRESH, **request.tags)
    (attempt,) = runs.with_tags(
        runs.OurRuns(world.instance, "__repository__@spotify_assets"), {runs.PLANNER_TAG: LEFT_BEHIND}
    )
    again = requested(tick(world, (attempt.ended_at or world.now) + dt.timedelta(minutes=6)))
    assert again.run_key != request.run_key

    failed = world.pretend(dg.DagsterRunStatus.FAILURE, REFRESH, **again.tags)
    world.instance.add_run_tags(failed, {FAILURE_TAG: owned("permanent", failed)})
    given_up = tick(world, world.now + dt.timedelta(days=9))
    assert isinstance(given_up, dg.SkipReason)
    assert "given up" in str(given_up.skip_message)


def test_what_a_check_of_the_load_refused_is_not_computed_from(world: World) -> None:
    materialize(world, *LOADS)
    world.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=LOADS[0], check_name="matches_commits", passed=False, metadata={})
    )
    refused = tick(world)
    assert isinstance(refused, dg.SkipReason)
    assert "matches_commits" in str(refused.skip_message)
