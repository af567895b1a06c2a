"""What the webserver shows of runs of the command line: on the timeline, on their job's page, in the instance of
DAGSTER_HOME, with the columns' lineage, links to the code, and kinds that are true.

Fails when a new Dagster breaks `local/execution.py`, and says so when that can go.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from glue_scripts.contract import LAKE_TABLES, all_tables
from spotify_assets.assets.raw import RAW_LINE
from spotify_assets.cli import main
from spotify_assets.local.instance import dagster_home
from spotify_assets.settings import load_settings
from spotify_assets_tests import entries as e
from spotify_assets_tests.commands.test_import import put
from spotify_assets_tests.line import furnish
from spotify_assets_tests.webserver import Ask, webserver

RUNS = """query Runs($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs { results {
    runId status pipelineName hasReExecutePermission repositoryOrigin { repositoryName repositoryLocationName }
} } } }"""

JOB = """query Job($job: PipelineSelector!) { pipelineOrError(params: $job) { ... on Pipeline { runs(limit: 5) {
    runId } } } }"""

RAW = """query Raw($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
    assetMaterializations(limit: 5) { partition description } } } }"""


LINEAGE = """query Lineage($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset {
    assetMaterializations(limit: 1) { partition metadataEntries { label ... on TableColumnLineageMetadataEntry {
    lineage { columnName columnDeps { assetKey { path } columnName } } } } } } } }"""

NODES = """query Nodes { assetNodes { assetKey { path } isMaterializable kinds owners { ... on TeamAssetOwner { team } }
    tags { key value } metadataEntries { label ... on CodeReferencesMetadataEntry { codeReferences {
    ... on LocalFileCodeReference { filePath lineNumber label } } } } } }"""

DAYS = ("2026-03-01", "2026-03-02")


@dataclass(frozen=True)
class Ui:
    """A home whose two dates were imported and built into somebody's own instance, and what the webserver says."""

    home: Path
    ask: Ask

    def lineage(self, key: list[str]) -> dict[str, list[tuple[str, str]]]:
        """Column to (asset, column) of the asset's newest materialization, which is the one that the UI reads."""
        (newest,) = self.ask(LINEAGE, key={"path": key})["assetOrError"]["assetMaterializations"]
        (found,) = [each["lineage"] for each in newest["metadataEntries"] if each["label"] == "dagster/column_lineage"]
        return {
            column["columnName"]: [
                ("/".join(dep["assetKey"]["path"]), dep["columnName"]) for dep in column["columnDeps"]
            ]
            for column in found
        }


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    folder = tmp_path_factory.mktemp("ui")
    instance_home = instance_in(folder)
    furnish(folder / "home", "warehouse")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(instance_home))
        patch.setenv("SPOTIFY_ASSETS_HOME", str(folder / "home"))
        for day in DAYS:
            playlist = {"id": e.spotify_id("p"), "type": "playlist", "name": "P", "tracks": [e.entry(e.track("A"))]}
            assert run("import", str(put(folder, f"{day}.json", playlist))).exit_code == 0
        assert run("build").exit_code == 0
        with dg.DagsterInstance.from_config(str(instance_home)) as instance, webserver(instance) as ask:
            yield Ui(folder / "home", ask)


def instance_in(folder: Path) -> Path:
    """The home of a configured instance of somebody's own."""
    home = folder / "an instance"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return home


@pytest.fixture
def instance_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = instance_in(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(tmp_path / "home"))
    return home


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_import_and_build_show_in_the_ui_of_the_configured_instance(ui: Ui) -> None:
    (shown,) = ui.ask(RUNS, filter={"pipelineName": "build_history"})["runsOrError"]["results"]
    location = {"repositoryName": "__repository__", "repositoryLocationName": "spotify_assets"}
    assert shown["repositoryOrigin"] == location
    assert (shown["status"], shown["hasReExecutePermission"]) == ("SUCCESS", True)
    # What the timeline and the job's page filter by.
    labelled = {"tags": [{"key": ".dagster/repository", "value": "__repository__@spotify_assets"}]}
    assert shown in ui.ask(RUNS, filter=labelled)["runsOrError"]["results"]
    job = ui.ask(JOB, job={**location, "pipelineName": "build_history"})["pipelineOrError"]
    assert job["runs"] == [{"runId": shown["runId"]}]
    raw = ui.ask(RAW, key={"path": ["raw", "playlist_snapshots"]})["assetOrError"]["assetMaterializations"]
    said = "Brought in by `spotify-assets import`."
    assert raw == [{"partition": day, "description": said} for day in reversed(DAYS)]
    assert not (ui.home / "dagster_home").exists()


def test_every_table_shows_its_column_lineage_from_its_newest_materialization(ui: Ui) -> None:
    """It stood on the definitions only, where the UI does not look."""
    for layer, table in all_tables():
        found = ui.lineage(["snowflake", layer, table.name])
        assert found.keys() == {*table.column_names}, table.name
    for table in LAKE_TABLES.values():
        found = ui.lineage(["lake", table.name])
        assert {key for sources in found.values() for key, _ in sources} == {"raw/playlist_snapshots"}
        fields = {column for sources in found.values() for _, column in sources}
        assert fields <= {column.name for column in RAW_LINE.columns}
    assert ui.lineage(["snowflake", "spotify", "songs"])["first_seen_on"] == [("snowflake/lake/songs", "snapshot_date")]


def test_every_asset_links_to_its_own_function_and_a_mart_to_its_sql(ui: Ui) -> None:
    for node in ui.ask(NODES)["assetNodes"]:
        links = [
            reference
            for entry in node["metadataEntries"]
            if entry["label"] == "dagster/code_references"
            for reference in entry["codeReferences"]
        ]
        assert bool(links) == node["isMaterializable"], node["assetKey"]
        for link in links:
            line = Path(link["filePath"]).read_text().splitlines()[link["lineNumber"] - 1]
            assert link["label"] == "SQL" or line.lstrip().startswith("@dg."), link


def test_kinds_are_those_of_this_deployment(ui: Ui) -> None:
    """The embedded warehouse was shown as Snowflake, and a folder as S3."""
    nodes = ui.ask(NODES)["assetNodes"]
    assert not [node["assetKey"] for node in nodes if {"snowflake", "s3"} & {*node["kinds"]}]
    tags = {tag["key"] for node in nodes for tag in node["tags"]}
    assert {"domain", "layer", "personal_data"} <= tags
    owners = {owner["team"] for node in nodes for owner in node["owners"]}
    assert owners == {"data-platform", "analytics"}


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
