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
from spotify_assets.settings import Settings, load_settings

SNAPSHOT = Path(__file__).parent / "fixtures" / "definitions.json"
FORBIDDEN = ("pyspark", "pandas", "snowflake.connector", "dagster_snowflake", "fakesnow")


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    return build_defs(load_settings({}))


def describe(defs: dg.Definitions) -> dict[str, object]:
    """Every definition with what a change of it would mean to somebody."""
    graph = defs.resolve_asset_graph()
    nodes = {}
    for spec in sorted(defs.resolve_all_asset_specs(), key=lambda spec: spec.key):
        node = graph.get(spec.key)
        nodes[spec.key.to_user_string()] = {
            "deps": sorted(key.to_user_string() for key in node.parent_keys),
            "group": spec.group_name,
            "kinds": sorted(spec.kinds),
            "owners": list(spec.owners),
            "partitioned": spec.partitions_def is not None,
            "fresh_by": getattr(spec.freshness_policy, "deadline_cron", None),
        }
    repository = defs.get_repository_def()
    return {
        "assets": nodes,
        "checks": {
            key.to_user_string(): "blocks" if graph.get(key).blocking else "reports"
            for key in sorted(graph.asset_check_keys)
        },
        "jobs": sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
        "schedules": {
            schedule.name: [str(schedule.cron_schedule), str(schedule.execution_timezone)]
            for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name)
        },
        "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
        "resources": sorted(repository.get_top_level_resources()),
    }


def test_the_graph_is_the_one_on_record(defs: dg.Definitions) -> None:
    """To accept a deliberate change: `UPDATE_SNAPSHOT=1 pytest …/test_definitions.py`, and read the diff."""
    found = json.dumps(describe(defs), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(found, encoding="utf-8")

    assert json.loads(found) == json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def test_every_definition_is_loadable(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)


def test_every_asset_says_what_it_is_and_whose(defs: dg.Definitions) -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.group_name in {"raw", "lake", "catalog", "warehouse", "analytics"}, spec.key


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
        "import sys, spotify_assets.definitions as d; d.defs.get_repository_def(); "
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


SNOWFLAKE = {
    "LAKE_URL": "s3://bucket/lake",
    **{f"SNOWFLAKE_{name}": "x" for name in ("ACCOUNT", "USER", "ROLE", "WAREHOUSE", "PRIVATE_KEY")},
}

DEPLOYMENTS = {
    "local": {},
    "branch": {
        "DAGSTER_CLOUD_DEPLOYMENT_NAME": "pr",
        "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1",
        "DAGSTER_CLOUD_PULL_REQUEST_ID": "12",
        "LAKE_URL": "s3://bucket/lake",
        "AWS_REGION": "eu-west-1",
        "EPHEMERAL_STORAGE": "allow",
    },
    "glue on S3": {"LAKE_URL": "s3://bucket/lake", "TRANSFORM_ENGINE": "glue"},
    "spark": {"TRANSFORM_ENGINE": "spark"},
    "Snowflake": SNOWFLAKE,
    "Snowpipe": {**SNOWFLAKE, "SNOWFLAKE_LOAD": "snowpipe"},
    "Power BI": {
        **SNOWFLAKE,
        **{
            f"POWERBI_{name}": "x"
            for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "WORKSPACE_ID", "SEMANTIC_MODEL_ID")
        },
    },
}


@pytest.mark.parametrize("environment", DEPLOYMENTS.values(), ids=DEPLOYMENTS.keys())
def test_every_kind_of_deployment_loads(environment: dict[str, str]) -> None:
    settings: Settings = load_settings(environment)

    dg.Definitions.validate_loadable(build_defs(settings))
