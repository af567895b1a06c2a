"""Runs of the command line, as the webserver shows them: on the timeline, on their job's page, in the instance of
DAGSTER_HOME. Fails when a new Dagster breaks `local/execution.py`, and says so when that can go."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from spotify_assets.cli import main
from spotify_assets.local.instance import dagster_home
from spotify_assets.settings import load_settings
from spotify_assets_tests import entries as e
from spotify_assets_tests.commands.test_import import put
from spotify_assets_tests.webserver import webserver

RUNS = """query Runs($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results {
    runId status pipelineName hasReExecutePermission repositoryOrigin { repositoryName repositoryLocationName }
} } } }"""

JOB = """query Job($job: PipelineSelector!) { pipelineOrError(params: $job) { ... on Pipeline { runs(limit: 5) {
    runId } } } }"""

RAW = """query Raw($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
    assetMaterializations(limit: 5) { partition description } } } }"""

DAY = "2026-03-01"


@pytest.fixture
def instance_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configured instance of somebody's own, and a home beside it."""
    folder = tmp_path / "an instance"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(tmp_path / "home"))
    return folder


@pytest.fixture
def instance(instance_home: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(instance_home)) as instance:
        yield instance


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_import_and_build_show_in_the_ui_of_the_configured_instance(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    playlist = {"id": e.spotify_id("p"), "type": "playlist", "name": "P", "tracks": [e.entry(e.track("A"))]}
    assert run("import", str(put(tmp_path, f"{DAY}.json", playlist))).exit_code == 0
    assert run("build").exit_code == 0

    with webserver(instance) as ask:
        (shown,) = ask(RUNS, filter={"pipelineName": "build_history"})["runsOrError"]["results"]
        location = {"repositoryName": "__repository__", "repositoryLocationName": "spotify_assets"}
        assert shown["repositoryOrigin"] == location
        assert (shown["status"], shown["hasReExecutePermission"]) == ("SUCCESS", True)
        # What the timeline and the job's page filter by.
        labelled = {"tags": [{"key": ".dagster/repository", "value": "__repository__@spotify_assets"}]}
        assert shown in ask(RUNS, filter=labelled)["runsOrError"]["results"]
        job = ask(JOB, job={**location, "pipelineName": "build_history"})["pipelineOrError"]
        assert job["runs"] == [{"runId": shown["runId"]}]
        raw = ask(RAW, key={"path": ["raw", "playlist_snapshots"]})["assetOrError"]["assetMaterializations"]
        assert raw == [{"partition": DAY, "description": "Brought in by `spotify-assets import`."}]
    assert not (tmp_path / "home" / "dagster_home").exists()


def test_home_names_the_configured_instance_and_writes_nothing_into_it(instance_home: Path) -> None:
    before = sorted(instance_home.iterdir())
    assert run("home").output == f"{instance_home}\n"
    assert sorted(instance_home.iterdir()) == before


def test_a_dagster_home_that_is_not_there_is_told_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "nowhere"))
    told = run("home")
    assert told.exit_code == 1
    assert f"DAGSTER_HOME is {tmp_path}/nowhere, which is not a folder" in told.output
    assert "unset it to record under SPOTIFY_ASSETS_HOME" in told.output


def test_a_demo_beside_configured_ends_keeps_its_runs_to_itself(instance_home: Path, tmp_path: Path) -> None:
    """A sandbox's runs in the instance of real ends would say that dates were materialized which are not."""
    settings = load_settings({"SPOTIFY_ASSETS_HOME": str(tmp_path / "demo")})
    assert dagster_home(settings, apart=True) == tmp_path / "demo" / "dagster_home"
    assert dagster_home(settings) == instance_home


def test_dagster_still_cannot_be_told_where_an_in_process_run_comes_from() -> None:
    """When it can: drop `execute` of local/execution.py for `execute_in_process`."""
    parameters = inspect.signature(dg.JobDefinition.execute_in_process).parameters
    assert not [name for name in parameters if "origin" in name or "repository" in name]
