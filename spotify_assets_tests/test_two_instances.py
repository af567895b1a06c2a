"""Two instances and somebody's own definitions in one code location, each by its own settings."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from spotify_assets.definitions import build_defs
from spotify_assets.private import job_assets
from spotify_assets.settings import settings_from
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.automation.world import put_raw

TODAY = dt.datetime.now(dt.UTC).date()


class Theirs(dg.ConfigurableResource):
    pass


@pytest.fixture
def location(tmp_path: Path) -> dg.Definitions:
    """Without a prefix, as `rock`, and theirs: a resource, an executor, an asset after ours and a job of it."""

    @dg.asset(deps=[dg.AssetKey(["rock", "snowflake", "analytics", "playlist_changes"])])
    def theirs(warehouse: Theirs) -> None: ...

    def ours(home: str) -> dg.Definitions:
        return build_defs(settings_from({"spotify_assets_home": tmp_path / home}), key_prefix=home)

    return dg.Definitions.merge(
        ours("rock"),
        ours("jazz"),
        dg.Definitions(
            assets=[theirs],
            jobs=[dg.define_asset_job("their_job", dg.AssetSelection.assets(theirs))],
            resources={"warehouse": Theirs()},
            executor=dg.multiprocess_executor,
        ),
    )


def tick(location: dg.Definitions, name: str, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """What a sensor asks for, evaluated as the code server does it."""
    repository = location.get_repository_def()
    resources = dict(repository.get_top_level_resources())
    with dg.build_sensor_context(instance, repository_def=repository, sensor_name=name, resources=resources) as context:
        return list(repository.get_sensor_def(name).evaluate_tick(context).run_requests or ())


def test_a_sensor_sees_the_lake_of_its_own_instance_and_asks_for_its_own_job(
    location: dg.Definitions, tmp_path: Path
) -> None:
    put_raw(ObjectStore.open((tmp_path / "rock" / "lake").as_uri()), TODAY)

    with dg.DagsterInstance.ephemeral() as instance:
        rock = tick(location, "rock__stale_dates", instance)
        jazz = tick(location, "jazz__stale_dates", instance)

    (request,) = rock
    assert (request.job_name, request.partition_key) == ("rock__build_history", TODAY.isoformat())
    assert request.tags["spotify_assets/planned_by"] == "rock__stale_dates"
    assert jazz == []


def test_their_assets_are_in_none_of_our_jobs_and_run_as_they_say(location: dg.Definitions) -> None:
    rock, theirs = location.resolve_job_def("rock__build_history"), location.resolve_job_def("their_job")

    keys = {key.to_user_string() for key in job_assets(rock)}
    assert "rock/snowflake/analytics/playlist_changes" in keys
    assert {key.partition("/")[0] for key in keys} == {"rock"}
    assert theirs.executor_def.name == "multiprocess"
    assert rock.executor_def.name == "in_process"


def test_what_the_environment_says_afterwards_changes_nothing(
    location: dg.Definitions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SPOTIFY_ASSETS_HOME", "LAKE_URL", "TRANSFORM_ENGINE", "PARTITIONS_START"):
        monkeypatch.setenv(name, "/nowhere")
    dates = {"dagster/partition": TODAY.isoformat()}
    silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

    with dg.DagsterInstance.ephemeral() as instance:
        done = location.resolve_job_def("jazz__extract_playlists").execute_in_process(
            instance=instance, tags=dates, run_config=silent
        )

    assert done.success
    assert [path.name for path in (tmp_path / "jazz" / "lake" / "raw").iterdir()] == [f"snapshot_date={TODAY}"]
    assert not (tmp_path / "rock").exists()
