"""The whole definitions graph: nothing about it changes unnoticed, and loading it is light."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from spotify_assets.definitions import build_defs
from spotify_assets.settings import load_settings
from spotify_assets_tests.described import describe, differences

SNAPSHOT = Path(__file__).parent / "fixtures" / "definitions.json"
FORBIDDEN = ("pyspark", "pandas", "snowflake.connector", "dagster_snowflake", "fakesnow")

SNOWFLAKE = {
    "LAKE_URL": "s3://bucket/lake",
    **{f"SNOWFLAKE_{name}": "x" for name in ("ACCOUNT", "USER", "ROLE", "WAREHOUSE", "PRIVATE_KEY")},
}
CATALOG = {"GLUE_DATABASE": "spotify_assets", "ATHENA_WORKGROUP": "primary"}
POWERBI = {
    f"POWERBI_{name}": "x" for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "WORKSPACE_ID", "SEMANTIC_MODEL_ID")
}
PROD = {
    "DAGSTER_CLOUD_DEPLOYMENT_NAME": "prod",
    "AWS_REGION": "eu-west-1",
    "SPOTIFY_CLIENT_ID": "x",
    "SPOTIFY_CLIENT_SECRET": "x",
    "SPOTIFY_PLAYLISTS": "mine",
    "SPOTIFY_ASSETS_AUTOMATION": "on",
}
BRANCH = {
    "DAGSTER_CLOUD_DEPLOYMENT_NAME": "pr",
    "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1",
    "DAGSTER_CLOUD_PULL_REQUEST_ID": "12",
    "AWS_REGION": "eu-west-1",
}
DEPLOYMENTS = {
    "spark": {"TRANSFORM_ENGINE": "spark"},
    "glue on S3, loaded by copy": {**SNOWFLAKE, **CATALOG, "TRANSFORM_ENGINE": "glue"},
    "snowpipe": {**SNOWFLAKE, "SNOWFLAKE_LOAD": "snowpipe"},
    "power bi": {**SNOWFLAKE, **POWERBI},
    "full": {**SNOWFLAKE, **CATALOG, **POWERBI, **PROD, "TRANSFORM_ENGINE": "glue"},
    "branch of full": {**SNOWFLAKE, **CATALOG, **POWERBI, **PROD, **BRANCH, "TRANSFORM_ENGINE": "glue"},
    "branch without a warehouse": {**BRANCH, "LAKE_URL": "s3://bucket/lake", "EPHEMERAL_STORAGE": "allow"},
}


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_defs(load_settings({}))


def test_the_graph_is_the_one_on_record(defs: dg.Definitions) -> None:
    """To accept a deliberate change: `UPDATE_SNAPSHOT=1 pytest …/test_definitions.py`, and read the diff."""
    holds("demo", describe(defs))


def test_every_definition_is_loadable(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_asset_says_what_it_is_and_whose(defs: dg.Definitions) -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.group_name in {"raw", "lake", "catalog", "warehouse", "analytics"}, spec.key


@pytest.mark.parametrize("deployment", ["snowpipe", "full"])
def test_every_check_job_schedule_and_sensor_says_in_a_sentence_what_it_does(deployment: str) -> None:
    defs = build_defs(load_settings(DEPLOYMENTS[deployment]))
    graph, repository = defs.resolve_asset_graph(), defs.get_repository_def()
    said = {
        **{key.to_user_string(): graph.get(key).description for key in graph.asset_check_keys},
        **{job.name: job.description for job in repository.get_all_jobs() if not job.name.startswith("__")},
        **{schedule.name: schedule.description for schedule in repository.schedule_defs},
        **{sensor.name: sensor.description for sensor in repository.sensor_defs},
    }

    assert len(said) > 60
    short = {name for name, text in said.items() if not text or len(text.split()) < 6 or not text.endswith(".")}
    assert not short


def test_every_table_shows_its_columns_with_descriptions(defs: dg.Definitions) -> None:
    for spec in defs.resolve_all_asset_specs():
        if spec.key.path[0] in ("lake", "snowflake"):
            schema = spec.metadata["dagster/column_schema"]
            columns = schema.schema.columns if hasattr(schema, "schema") else schema.columns
            assert all(column.description for column in columns), spec.key


def test_every_table_of_the_lake_is_guarded_by_a_blocking_check_of_its_own(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for spec in defs.resolve_all_asset_specs():
        if spec.key.path[0] == "lake":
            assert any(graph.get(key).blocking for key in graph.get(spec.key).check_keys), spec.key


def test_loading_needs_no_environment_and_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys, spotify_assets.definitions as d; d.defs().get_repository_def(); "
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}

    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=bare,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert loaded.stdout.strip() == "[]"
    assert not list(tmp_path.iterdir()), "loading definitions wrote something"


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_every_deployment_is_the_one_on_record(name: str, defs: dg.Definitions) -> None:
    """What it has beside the demo's; and it loads."""
    found = build_defs(load_settings(DEPLOYMENTS[name]))

    dg.Definitions.validate_loadable(found)

    holds(name, differences(describe(defs), describe(found)))


def holds(name: str, found: dict[str, object]) -> None:
    """`found` is what is on record under `name`; with UPDATE_SNAPSHOT it will be."""
    recorded = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    if os.environ.get("UPDATE_SNAPSHOT"):
        recorded = {each: found if each == name else recorded.get(each) for each in ("demo", *DEPLOYMENTS)}
        SNAPSHOT.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    assert json.loads(json.dumps(found)) == recorded.get(name)
