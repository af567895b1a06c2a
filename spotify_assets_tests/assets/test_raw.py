"""`raw/playlist_snapshots` in Dagster: metadata, the warning check, and which failures are retried."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from spotify_assets.assets.raw import LISTED_CHECK, READABLE_CHECK, raw_assets
from spotify_assets.insights import SPOTIFY_CALLS, SPOTIFY_ENTRIES
from spotify_assets.lake.layout import RAW_PREFIX
from spotify_assets.markdown import plain
from spotify_assets.names import PLAIN
from spotify_assets.partitions import snapshot_dates
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.spotify import spotify_resource
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.line import small_playlists
from spotify_assets_tests.spotify.conftest import TestClock
from spotify_assets_tests.spotify.spotify_server import SpotifyServer, error, spotify_server

TODAY = "2026-11-21"
PARTITIONS = snapshot_dates(dt.date(2026, 1, 1))
FIRST, LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture
def server() -> Iterator[SpotifyServer]:
    with spotify_server() as running:
        yield running


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as running:
        yield running


@pytest.fixture
def clock() -> TestClock:
    return TestClock(dt.datetime.now(dt.UTC).replace(year=2026, month=11, day=21, hour=6, minute=0))


class Run:
    """Materializes the asset against the sandbox or the server and keeps what came of it."""

    def __init__(self, store: ObjectStore, instance: dg.DagsterInstance, clock: TestClock) -> None:
        self.store, self.instance, self.clock = store, instance, clock
        self.environment: dict[str, str] = {}

    def on_small_playlists(self) -> Run:
        """The sandbox's seven that are read in a moment."""
        self.environment = {"SPOTIFY_PLAYLISTS": small_playlists()}
        return self

    def on(self, server: SpotifyServer, *ids: str, **environment: str) -> Run:
        account = {"SPOTIFY_CLIENT_ID": "id", "SPOTIFY_CLIENT_SECRET": "s", "SPOTIFY_REFRESH_TOKEN": "r"}
        urls = {"SPOTIFY_API_URL": server.api, "SPOTIFY_TOKEN_URL": server.token_url}
        self.environment = {**account, **urls, "SPOTIFY_PLAYLISTS": ",".join(ids), **environment}
        return self

    def __call__(
        self, first: str = TODAY, last: str | None = None, config: Mapping[str, Any] | None = None
    ) -> dg.ExecuteInProcessResult:
        where: dict[str, Any] = {"tags": {FIRST: first, LAST: last}} if last else {"partition_key": first}
        resources = {
            "spotify": spotify_resource(load_settings(self.environment), clock=self.clock),
            "lake": LakeResource(url=self.store.url().rstrip("/")),
        }
        return dg.materialize(
            raw_assets(PARTITIONS), instance=self.instance, resources=resources, raise_on_error=False,
            run_config={"ops": {"raw__playlist_snapshots": {"config": dict(config)}}} if config else None, **where,
        )  # fmt: skip


@pytest.fixture
def run(store: ObjectStore, instance: dg.DagsterInstance, clock: TestClock) -> Run:
    return Run(store, instance, clock)


def metadata(result: dg.ExecuteInProcessResult, day: str) -> dict[str, Any]:
    found = [one.materialization for one in result.get_asset_materialization_events() if one.partition == day]
    return {name: value.value for name, value in found[0].metadata.items()}


def check(result: dg.ExecuteInProcessResult, name: str = READABLE_CHECK) -> dg.AssetCheckEvaluation:
    [evaluation] = [one for one in result.get_asset_check_evaluations() if one.check_name == name]
    return evaluation


def failure(result: dg.ExecuteInProcessResult) -> dg.Failure:
    data = result.get_step_failure_events()[0].step_failure_data.user_failure_data
    assert data
    return dg.Failure(data.description, metadata=dict(data.metadata))


def test_a_range_of_sandbox_dates_is_one_run_with_metadata_per_partition(run: Run) -> None:
    result = run("2026-11-12", "2026-11-14")

    assert result.success
    first, second = metadata(result, "2026-11-12"), metadata(result, "2026-11-13")
    assert (first["dagster/partition_row_count"], first["playlists"], first["carried"]) == (2652, 8, 0)
    assert second["carried"] > 0
    assert first["calls"] == first["calls: playlists/{id}"] + first["calls: playlists/{id}/items"]
    assert "Northern Lights 100" in first["by_playlist"]
    assert first["dagster/uri"].endswith("raw/snapshot_date=2026-11-12/")
    assert {"bytes_stored", "bytes_received", "seconds", "waits", "seconds_waited", "retries", "failed"} <= first.keys()


def test_materializing_a_date_again_changes_no_object(run: Run) -> None:
    run.on_small_playlists()("2026-11-12")
    before = sorted(run.store.list(RAW_PREFIX))

    again = run("2026-11-12")

    assert again.success
    assert sorted(run.store.list(RAW_PREFIX)) == before
    assert metadata(again, "2026-11-12")["kept"] == 7


def test_refresh_reads_a_date_again(run: Run) -> None:
    run.on_small_playlists()("2026-11-12")

    again = run("2026-11-12", config={"refresh": True})

    assert metadata(again, "2026-11-12")["kept"] == 0
    numbers = metadata(again, "2026-11-12")
    assert (numbers[SPOTIFY_CALLS], numbers[SPOTIFY_ENTRIES]) == (numbers["calls"], numbers["entries"])
    assert len(list(run.store.list(RAW_PREFIX))) == 14


def test_unreadable_playlists_warn_with_cause_and_remedy_and_block_nothing(run: Run) -> None:
    evaluation = check(run.on_small_playlists()("2026-11-12"))

    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert evaluation.blocking is False
    assert "HTTP 404" in str(evaluation.description)
    assert "track a playlist the account owns" in str(evaluation.description)


def test_all_readable_playlists_pass_the_check(run: Run, server: SpotifyServer) -> None:
    evaluation = check(run.on(server, *server.add(2))())

    assert evaluation.passed
    assert evaluation.description == "All 2 tracked playlists could be read."


def test_a_playlist_refused_in_a_green_run_is_named_with_the_day_it_last_could_be_read(
    run: Run, server: SpotifyServer
) -> None:
    ids = server.add(2)
    run.on(server, *ids)()
    run.clock.advance(dt.timedelta(days=1))
    server.forever[ids[0]] = error(404, "Resource not found")

    result = run("2026-11-22")

    assert result.success
    evaluation = check(result)
    assert not evaluation.passed
    assert "last read on 2026-11-21, refused since 2026-11-22" in plain(str(evaluation.description))
    assert "it is asked again today" in str(evaluation.description)


def test_a_run_that_stores_nothing_fails_and_is_left_to_the_sensor(run: Run, server: SpotifyServer) -> None:
    run.clock.advance(dt.datetime.now(dt.UTC) - run.clock.now())
    ids = server.add(2)
    for playlist_id in ids:
        server.forever[playlist_id] = error(404, "Resource not found")

    result = run.on(server, *ids)(run.clock.now().date().isoformat())

    assert not result.success
    assert "Not one of 2 tracked playlists could be read" in str(failure(result).description)
    assert retried(result) == 0


def test_a_list_that_lost_playlists_fails_its_check_and_they_are_still_read(run: Run, server: SpotifyServer) -> None:
    server.mine = [*server.add(3)]
    run.on(server, "mine")()
    run.clock.advance(dt.timedelta(days=1))
    names = list(server.mine)
    server.mine = []

    result = run("2026-11-22")

    evaluation = check(result, LISTED_CHECK)
    assert (result.success, evaluation.passed) == (True, False)
    assert all(str(name) in str(evaluation.description) for name in names)
    assert metadata(result, "2026-11-22")["playlists"] == 3


def test_the_budget_is_metadata(run: Run, server: SpotifyServer) -> None:
    result = run.on(server, *server.add(2), SPOTIFY_DAILY_CALL_BUDGET="100")()

    assert (metadata(result, TODAY)["budget_spent"], metadata(result, TODAY)["budget_left"]) == (6, 94)


def test_another_date_than_today_is_a_permanent_failure_that_calls_nobody(run: Run, server: SpotifyServer) -> None:
    run.on_small_playlists()("2026-11-12")

    result = run.on(server, *server.add(1))("2026-11-12")

    assert "it serves only today (2026-11-21, UTC)" in str(failure(result).description)
    assert "raw/snapshot_date=2026-11-12/" in str(failure(result).description)
    assert (server.requests, len(result.get_step_failure_events())) == ([], 1)
    assert retried(result) == 0
    assert run.instance.get_run_by_id(result.run_id).tags["dagster/retry_on_asset_or_op_failure"] == "false"  # type: ignore[union-attr]


def test_a_transient_failure_is_retried_and_the_retry_reads_only_what_is_missing(
    run: Run, server: SpotifyServer
) -> None:
    ids = server.add(3)
    server.fail(f"{ids[1]}/items", *[error(500, "Oops")] * 6)

    result = run.on(server, *ids)()

    assert result.success
    assert retried(result) == 1
    assert len([request for request in server.items_requests() if ids[0] in request]) == 1
    assert metadata(result, TODAY)["kept"] == 2


def test_a_cool_down_is_not_retried_within_the_step_and_says_when_it_may_resume(
    run: Run, server: SpotifyServer
) -> None:
    server.forever["/items"] = error(429, "x", "QUOTA_EXCEEDED", Retry_After="46800")
    run.clock.advance(dt.datetime.now(dt.UTC) - run.clock.now())

    result = run.on(server, *server.add(1))(run.clock.now().date().isoformat())

    assert not result.success
    assert retried(result) == 0
    assert "stay away until" in str(failure(result).description)
    assert {"retry_at", "calls", "failed"} <= failure(result).metadata.keys()


def test_a_dead_consent_is_permanent(run: Run, server: SpotifyServer) -> None:
    from spotify_assets_tests.spotify.spotify_server import Answer

    server.token_always = Answer(400, {"error": "invalid_grant"})

    result = run.on(server, *server.add(1))()

    assert "consent again with `spotify-assets login`" in str(failure(result).description)
    assert retried(result) == 0


def retried(result: dg.ExecuteInProcessResult) -> int:
    return sum(event.event_type_value == "STEP_UP_FOR_RETRY" for event in result.all_events)


def test_the_asset_is_described_for_the_ui(tmp_path: Path) -> None:
    [asset] = raw_assets(PARTITIONS)
    spec = asset.get_asset_spec(PLAIN.snapshots)

    assert (spec.group_name, spec.owners) == ("raw", ["team:data-platform"])
    assert spec.kinds == {"api", "json", "s3"}
    assert "Spotify serves only the present" in str(spec.description)
    assert asset.backfill_policy == dg.BackfillPolicy.single_run()
    assert asset.op.pool == "spotify_api"
