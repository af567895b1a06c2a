"""A day's extraction that failed in a way that can pass is finished the same day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from spotify_assets.assets.raw import raw_assets
from spotify_assets.automation.extraction import MOST_TRIES, next_run, unfinished_extraction_sensor
from spotify_assets.automation.jobs import EXTRACT
from spotify_assets.automation.planning import Attempt, Outcome
from spotify_assets.lake.layout import RAW_PREFIX
from spotify_assets.partitions import snapshot_dates
from spotify_assets.resources.spotify import spotify_resource
from spotify_assets.retries import FAILURE_TAG, RETRY_AT_TAG, owned
from spotify_assets.settings import load_settings
from spotify_assets.spotify.budget import STATE_KEY, CallState, CoolDown
from spotify_assets.spotify.tracking import Playlists, Standing, Tracked, Tracking
from spotify_assets_tests.automation.world import TODAY, World, days_ago
from spotify_assets_tests.spotify.conftest import TestClock
from spotify_assets_tests.spotify.spotify_server import error, spotify_server

SPOTIFY = spotify_resource(
    load_settings({"SPOTIFY_CLIENT_ID": "i", "SPOTIFY_CLIENT_SECRET": "s", "SPOTIFY_PLAYLISTS": "mine"})
)


def asked(world: World, **elapsed: float) -> list[dg.RunRequest]:
    """What the sensor asks for after some time."""
    world.now += dt.timedelta(**elapsed)
    sensor = unfinished_extraction_sensor(dg.DefaultSensorStatus.STOPPED, clock=lambda: min(world.now, end_of_today()))
    result = world.tick(sensor, launch=False, spotify=SPOTIFY)
    return list(result.run_requests or ())


def end_of_today() -> dt.datetime:
    return dt.datetime.combine(TODAY, dt.time(23, 59, 59), dt.UTC)


def ran(world: World, status: dg.DagsterRunStatus, tags: Mapping[str, str] = {}, day: dt.date = TODAY) -> str:
    return world.pretend(status, EXTRACT, **{"dagster/partition": day.isoformat(), **tags})


def said(world: World, run_id: str, tag: str, value: str) -> None:
    """What a run says of itself while it fails."""
    world.instance.add_run_tags(run_id, {tag: owned(value, run_id)})


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


def test_a_neighbours_extraction_is_not_ours(world: World) -> None:
    """Another code location of the same instance succeeded with a job of the same name: ours still has to."""
    today = {"dagster/partition": TODAY.isoformat()}
    ran(world, dg.DagsterRunStatus.FAILURE)
    world.pretend(dg.DagsterRunStatus.SUCCESS, EXTRACT, location="neighbour", **today)
    world.pretend(dg.DagsterRunStatus.STARTED, EXTRACT, location="neighbour", **today)
    assert len(asked(world)) == 1


def test_a_permanent_failure_is_left_to_people(world: World) -> None:
    said(world, ran(world, dg.DagsterRunStatus.FAILURE), FAILURE_TAG, "permanent")
    assert asked(world) == []
    assert "given up" in world.skipped[-1]


def test_a_cool_down_is_waited_for(world: World) -> None:
    world.now = dt.datetime.combine(TODAY, dt.time(6), dt.UTC)
    failed = ran(world, dg.DagsterRunStatus.FAILURE)
    said(world, failed, RETRY_AT_TAG, (world.now + dt.timedelta(hours=8)).isoformat())
    assert asked(world, hours=7) == []
    assert len(asked(world, hours=2)) == 1


def test_it_ends_some_day(world: World) -> None:
    for _ in range(MOST_TRIES):
        ran(world, dg.DagsterRunStatus.FAILURE)
    assert asked(world) == []
    assert "given up" in world.skipped[-1]


NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
DAY = NOON.date()


def playlists(**standings: Tracked) -> Playlists:
    return Playlists({name: replace(one, day=DAY) for name, one in standings.items()})


def attempt(outcome: Outcome, ended: dt.datetime = NOON, **options: Any) -> Attempt:
    return Attempt(run_id="r", contents={}, outcome=outcome, ended_at=ended, **options)


def refused(tries: int, at: dt.datetime = NOON) -> Tracked:
    return Tracked(standing="open", tries=tries, begun_at=at, tried_at=at, first_verdict=at, last_verdict=at)


class TestOpenPlaylists:
    """A day is extracted when every playlist is stored or refused for good; until then it is tried again."""

    @pytest.mark.parametrize(("tries", "minutes"), [(1, 10), (2, 20), (3, 40), (4, 55), (9, 55)])
    def test_an_open_playlist_is_asked_again_after_a_growing_pause(self, tries: int, minutes: int) -> None:
        due, _ = next_run([attempt("succeeded")], playlists(a=refused(tries), b=Tracked(standing="stored")), DAY)

        assert due == NOON + dt.timedelta(minutes=minutes)

    @pytest.mark.parametrize("standing", ["stored", "refused"])
    def test_a_day_without_open_playlists_is_extracted(self, standing: Standing) -> None:
        due, why = next_run([attempt("failed")], playlists(a=Tracked(standing=standing)), DAY)

        assert (due, why) == (None, f"{DAY} is extracted")

    def test_what_lambda_left_open_is_finished_by_dagster(self) -> None:
        due, _ = next_run([], playlists(a=refused(1)), DAY)

        assert due == NOON + dt.timedelta(minutes=10)

    def test_what_a_killed_lambda_began_is_finished_after_its_longest_run(self) -> None:
        due, _ = next_run([], playlists(a=Tracked(standing="open", begun_at=NOON)), DAY)

        assert due == NOON + dt.timedelta(minutes=15)

    def test_there_is_a_last_call_before_the_day_ends(self) -> None:
        late = NOON.replace(hour=23, minute=10)
        due, _ = next_run([attempt("succeeded", late)], playlists(a=refused(9, late)), DAY)

        assert due == NOON.replace(hour=23, minute=45)

    def test_a_failed_run_waits_for_the_time_it_named(self) -> None:
        named = NOON + dt.timedelta(hours=5)
        due, _ = next_run([attempt("failed", retry_at=named)], playlists(a=refused(1)), DAY)

        assert due == named

    def test_yesterdays_open_playlists_are_over(self) -> None:
        due, why = next_run([], playlists(a=refused(1)), DAY + dt.timedelta(days=1))

        assert due is None
        assert "No extraction of 2026-11-22 has been started" in why


def test_the_sensor_reads_what_is_open_from_the_lake(world: World) -> None:
    world.now = dt.datetime.combine(TODAY, dt.time(6), dt.UTC)
    Tracking(world.store).begin(TODAY, world.now, ["Playlist00000000000000"], [])

    assert asked(world, minutes=14) == []
    assert len(asked(world, minutes=2)) == 1


def test_the_sensor_makes_no_run_during_a_cool_down(world: World) -> None:
    world.now = dt.datetime.combine(TODAY, dt.time(6), dt.UTC)
    Tracking(world.store).begin(TODAY, world.now, ["Playlist00000000000000"], [])
    world.store.put(STATE_KEY, CallState({}, CoolDown(world.now + dt.timedelta(hours=3), "quota")).to_json())

    assert asked(world, hours=2) == []
    assert len(asked(world, hours=2)) == 1


def test_a_day_that_one_wrong_answer_would_have_lost_is_finished_by_the_sensor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job, the sensor and the job again, on a Spotify that answers 404 for some minutes."""
    monkeypatch.setattr("spotify_assets.spotify.extract.PATIENCE", ())
    with spotify_server() as server:
        ids = server.add(2)
        account = {"SPOTIFY_CLIENT_ID": "i", "SPOTIFY_CLIENT_SECRET": "s", "SPOTIFY_PLAYLISTS": ",".join(ids)}
        addresses = {"SPOTIFY_API_URL": server.api, "SPOTIFY_TOKEN_URL": server.token_url}
        clock = TestClock(NOON)
        spotify = spotify_resource(load_settings({**account, **addresses}), clock=clock)
        extraction = dg.Definitions(
            assets=raw_assets(snapshot_dates(dt.date(2026, 1, 1))),
            jobs=[dg.define_asset_job(EXTRACT, selection="raw/playlist_snapshots")],
            resources={"spotify": spotify, "lake": world.lake},
        ).resolve_job_def(EXTRACT)
        server.forever[ids[0]] = error(404, "Resource not found")

        def extract() -> bool:
            with freeze_time(clock.now()):
                return extraction.execute_in_process(instance=world.instance, partition_key=f"{DAY}").success

        def wanted() -> list[str | None]:
            world.now = clock.now()
            requests = world.tick(sensor, launch=False, spotify=spotify).run_requests or ()
            return [request.partition_key for request in requests]

        sensor = unfinished_extraction_sensor(dg.DefaultSensorStatus.STOPPED, clock=world.clock)
        assert extract()
        assert wanted() == []
        clock.advance(dt.timedelta(minutes=11))
        assert wanted() == [f"{DAY}"]
        server.forever.clear()
        assert extract()
        clock.advance(dt.timedelta(minutes=30))
        assert wanted() == []

    assert "is extracted" in world.skipped[-1]
    assert len(list(world.store.list(RAW_PREFIX))) == 2
