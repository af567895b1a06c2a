"""In somebody's own project: what `create-dagster` makes, with the component twice and an asset of theirs after ours.

The package is installed as its wheel has it, so that `dg` finds the component by its entry point and by nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

from spotify_assets_tests.infra.template import ROOT
from spotify_assets_tests.line import small_playlists

pytestmark = pytest.mark.slow

RUN = """
import json
import dagster as dg
from my_project.definitions import defs

silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
theirs = dg.AssetKey("songs_that_entered")
location = defs()
repository = location.get_repository_def()
with dg.DagsterInstance.ephemeral() as instance:

    def run(job, first, last, keys=None):
        dates = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        done = repository.get_job(job).execute_in_process(
            instance=instance, tags=dates, run_config=silent, asset_selection=keys
        )
        return {event.asset_key.to_user_string() for event in done.get_asset_materialization_events()}

    def take_and_build(first, last, *prefix):
        # of the warehouse only what the one mart needs
        changes = dg.AssetSelection.assets(dg.AssetKey([*prefix, "snowflake", "analytics", "playlist_changes"]))
        lake = dg.AssetSelection.key_prefixes([*prefix, "lake"])
        raw = dg.AssetSelection.key_prefixes([*prefix, "raw"])
        keys = ((changes.upstream() | lake) - raw).resolve(repository.asset_graph)
        named = "__".join([*prefix, ""])
        return run(f"{named}extract_playlists", first, last) | run(f"{named}build_history", first, last, sorted(keys))

    before = dg.evaluate_automation_conditions(location, instance)
    ours = take_and_build("2026-01-01", "2026-01-02")
    after = dg.evaluate_automation_conditions(location, instance, cursor=before.cursor)
    job = repository.get_implicit_global_asset_job_def()
    done = job.execute_in_process(instance=instance, asset_selection=[theirs], run_config=silent)
    (event,) = done.get_asset_materialization_events()
    rock = take_and_build("2026-01-01", "2026-01-01", "rock")
    print(json.dumps({
        "requested": [before.get_num_requested(theirs), after.get_num_requested(theirs)],
        "entered": event.step_materialization_data.materialization.metadata["entered"].value,
        "ours": sorted(ours),
        "rock": sorted(rock),
    }))
"""


NOT_ASKED_FOR = {"TRANSFORM_ENGINE": "glue", "WAREHOUSE": "snowflake", "SPOTIFY_ASSETS_HOME": "/nowhere"}
"""Settings in the environment that no attribute names: nothing may ask for them, neither loading nor a run."""


def documented(language: str) -> str:
    """The first block of that language in docs/embedding.md."""
    page = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    return page.split(f"```{language}\n", 1)[1].split("```", 1)[0]


def register_no_other(site: Path) -> None:
    """Other packages, installed here too, register no components: importing Snowflake's takes each process four
    seconds."""
    for other in distributions():
        if other.name != "spotify-assets" and any(point.group.startswith("dagster_dg") for point in other.entry_points):
            shadow = site / f"{other.name.replace('-', '_')}-{other.version}.dist-info"
            shadow.mkdir(exist_ok=True)
            (shadow / "METADATA").write_text(str(other.read_text("METADATA")), encoding="utf-8")


class Project:
    """A folder that `create-dagster` made, in an environment that has the package's wheel."""

    def __init__(self, folder: Path) -> None:
        (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "site")
        register_no_other(folder / "site")
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(map(str, (folder / "site", folder / "my-project" / "src"))),
            "PYTHONWARNINGS": "ignore",
            "DAGSTER_DG_UPDATE_CHECK_ENABLED": "0",
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "SPOTIFY_PLAYLISTS": small_playlists(),
            "ROCK_SPOTIFY_PLAYLISTS": small_playlists(),
            **NOT_ASKED_FOR,
        }
        self.root = folder
        self.call("create-dagster", "project", "my-project", "--no-uv-sync")
        self.root = folder / "my-project"
        self.defs = self.root / "src" / "my_project" / "defs"

    def call(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False, timeout=900
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """With one instance as `dg scaffold defs` writes it, another with a prefix, and an asset of the user's own."""
    made = Project(tmp_path_factory.mktemp("theirs"))
    made.call("dg", "scaffold", "defs", "spotify_assets.PlaylistHistory", "playlists")
    made.call("dg", "scaffold", "defs", "spotify_assets.PlaylistHistory", "rock", "--key-prefix", "rock")
    (made.defs / "songs_that_entered.py").write_text(documented("python"))
    return made


def test_dg_lists_the_component(project: Project) -> None:
    listed = json.loads(project.call("dg", "list", "components", "--json"))["items"]

    (ours,) = [one for one in listed if one["key"] == "spotify_assets.PlaylistHistory"]
    assert ours["summary"].startswith("Daily snapshots of Spotify playlists")


def test_what_dg_scaffolds_loads_as_it_is_with_both_instances(project: Project) -> None:
    assert yaml.safe_load((project.defs / "playlists" / "defs.yaml").read_text()) == yaml.safe_load(documented("yaml"))
    rock = (project.defs / "rock" / "defs.yaml").read_text()
    assert "key_prefix: rock" in rock
    assert "env.ROCK_SPOTIFY_CLIENT_SECRET" in rock

    assert "All definitions loaded successfully" in project.call("dg", "check", "defs")


def test_an_asset_of_theirs_follows_ours_and_two_instances_do_not_touch(project: Project) -> None:
    found = json.loads(project.call(sys.executable, "-c", RUN).splitlines()[-1])

    assert found["requested"] == [0, 1]
    assert found["entered"] > 0
    assert "songs_that_entered" not in found["ours"]
    assert {"raw/playlist_snapshots", "lake/songs", "snowflake/analytics/playlist_changes"} <= set(found["ours"])
    assert found["rock"] == [f"rock/{key}" for key in found["ours"]]
    homes = project.root / ".spotify_assets"
    days = [{path.name for path in (home / "lake" / "raw").iterdir()} for home in (homes, homes / "rock")]
    assert days == [{"snapshot_date=2026-01-01", "snapshot_date=2026-01-02"}, {"snapshot_date=2026-01-01"}]
