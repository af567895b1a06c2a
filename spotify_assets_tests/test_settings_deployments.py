"""What the settings make of each kind of deployment: local, branch and full."""

from __future__ import annotations

from typing import Any, cast

import pytest

from spotify_assets.settings import Settings, SettingsError, load_settings
from spotify_assets.settings.model import DEPLOYMENTS, MUST

BRANCH = {
    "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1",
    "DAGSTER_CLOUD_PULL_REQUEST_ID": "42",
    "DAGSTER_CLOUD_DEPLOYMENT_NAME": "3f2a9c",
    "LAKE_URL": "s3://bucket/lake",
    "AWS_REGION": "eu-west-1",
    "EPHEMERAL_STORAGE": "allow",
}
POWERBI = {
    "POWERBI_TENANT_ID": "tenant",
    "POWERBI_CLIENT_ID": "client",
    "POWERBI_CLIENT_SECRET": "hush",
    "POWERBI_WORKSPACE_ID": "workspace",
    "POWERBI_SEMANTIC_MODEL_ID": "model",
}
SNOWFLAKE = {
    "LAKE_URL": "s3://bucket/lake",
    "SNOWFLAKE_ACCOUNT": "org-account",
    "SNOWFLAKE_USER": "loader",
    "SNOWFLAKE_ROLE": "LOADER",
    "SNOWFLAKE_WAREHOUSE": "LOADING",
    "SNOWFLAKE_PRIVATE_KEY": "key",
}
FULL = {
    **SNOWFLAKE,
    "DAGSTER_CLOUD_DEPLOYMENT_NAME": "prod",
    "AWS_REGION": "eu-west-1",
    "SPOTIFY_CLIENT_ID": "id",
    "SPOTIFY_CLIENT_SECRET": "hush",
    "SPOTIFY_PLAYLISTS": "mine",
    "SPOTIFY_ASSETS_AUTOMATION": "on",
}
WHOLE_BRANCH = {**FULL, **BRANCH, "EPHEMERAL_STORAGE": "refuse"}


def columns() -> dict[str, dict[str, str]]:
    """What the docs say of each deployment: variable to cell, as the settings carry it."""
    return {
        deployment: {
            name.upper(): cast("dict[str, Any]", field.json_schema_extra)["deployments"][place]
            for name, field in Settings.model_fields.items()
        }
        for place, deployment in enumerate(DEPLOYMENTS)
    }


REQUIRED = [
    (whole, name)
    for deployment, whole in (("full", FULL), ("branch", WHOLE_BRANCH))
    for name, cell in columns()[deployment].items()
    if cell.startswith(MUST)
]


@pytest.mark.parametrize(("whole", "name"), REQUIRED)
def test_what_the_docs_say_must_be_set_is_refused_when_it_is_not(whole: dict[str, str], name: str) -> None:
    """A day that can't be had again died with a container whose deployment had no lake; the docs had said it must."""
    assert load_settings(whole).dagster_plus
    with pytest.raises(SettingsError, match=name):
        load_settings({**whole, name: ""})


@pytest.mark.parametrize("lake", ["", "file:///tmp/lake"])
@pytest.mark.parametrize("whole", [FULL, WHOLE_BRANCH], ids=["full", "branch"])
def test_a_lake_on_the_containers_own_disk_needs_leave(whole: dict[str, str], lake: str) -> None:
    environment = {**whole, "LAKE_URL": lake, "SNOWFLAKE_ACCOUNT": "", "WAREHOUSE": "embedded"}
    with pytest.raises(SettingsError, match=r"LAKE_URL is .* set LAKE_URL to s3://bucket/prefix, or EPHEMERAL_STORAGE"):
        load_settings(environment)
    assert load_settings({**environment, "EPHEMERAL_STORAGE": "allow"}).warehouse_name == "embedded"


@pytest.mark.parametrize("whole", [FULL, WHOLE_BRANCH], ids=["full", "branch"])
def test_an_embedded_warehouse_on_dagster_plus_needs_leave(whole: dict[str, str]) -> None:
    environment = {**whole, "WAREHOUSE": "embedded"}
    with pytest.raises(SettingsError, match="WAREHOUSE is 'embedded'; load into a Snowflake") as stopped:
        load_settings(environment)
    assert len(stopped.value.parts) == 1
    assert load_settings({**environment, "EPHEMERAL_STORAGE": "allow"}).lake_is_on_s3


WEBHOOK = {"ALERT_WEBHOOK_URL": "https://hooks.example/x"}


def test_the_links_of_alerts_lead_to_the_deployments_own_ui() -> None:
    known = load_settings({**FULL, **WEBHOOK, "DAGSTER_CLOUD_ORGANIZATION": "acme"})
    assert known.dagster_ui_url == "https://acme.dagster.cloud/prod"
    given = {"DAGSTER_CLOUD_ORGANIZATION": "acme", "DAGSTER_UI_URL": "https://dagster.acme.example"}
    assert load_settings({**FULL, **WEBHOOK, **given}).dagster_ui_url == "https://dagster.acme.example"


def test_alerts_whose_links_would_lead_nowhere_are_refused() -> None:
    with pytest.raises(SettingsError, match="set DAGSTER_CLOUD_ORGANIZATION, or DAGSTER_UI_URL"):
        load_settings({**FULL, **WEBHOOK})


def test_a_branch_deployment_writes_below_its_own_prefix_and_into_its_own_catalog_database() -> None:
    settings = load_settings({**BRANCH, "GLUE_DATABASE": "spotify_assets"})
    assert settings.lake == "s3://bucket/lake/branch/42"
    assert settings.catalog_database == "spotify_assets_branch_42"


def test_a_full_deployment_writes_to_the_lake_itself() -> None:
    environment = {"LAKE_URL": "s3://bucket/lake", "GLUE_DATABASE": "spotify_assets"}
    settings = load_settings({**environment, "DAGSTER_CLOUD_PULL_REQUEST_ID": "42"})
    assert (settings.lake, settings.catalog_database) == ("s3://bucket/lake", "spotify_assets")


def test_a_branch_without_a_pull_request_is_called_by_its_deployment() -> None:
    environment = {name: value for name, value in BRANCH.items() if "PULL_REQUEST" not in name}
    assert load_settings(environment).lake == "s3://bucket/lake/branch/3f2a9c"


def test_a_branch_name_cannot_leave_its_prefix() -> None:
    settings = load_settings({**BRANCH, "DAGSTER_CLOUD_PULL_REQUEST_ID": "../../Prod-7"})
    assert settings.lake == "s3://bucket/lake/branch/prod7"


def test_a_branch_without_any_name_does_not_load() -> None:
    with pytest.raises(SettingsError, match="DAGSTER_CLOUD_PULL_REQUEST_ID"):
        load_settings({"DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1"})


def test_a_branch_deployment_does_not_take_the_full_deployments_messages() -> None:
    with pytest.raises(SettingsError, match="LAKE_EVENTS_QUEUE_URL is set in a branch deployment"):
        load_settings({**BRANCH, "LAKE_EVENTS_QUEUE_URL": "https://sqs/queue"})


def test_automation_is_off_in_a_branch_deployment_even_when_it_is_switched_on() -> None:
    on = {"SPOTIFY_ASSETS_AUTOMATION": "on"}
    assert load_settings(on).automation_on
    assert not load_settings({**BRANCH, **on}).automation_on


@pytest.mark.parametrize("left_out", POWERBI)
def test_a_half_set_power_bi_stops_with_the_variable_it_misses(left_out: str) -> None:
    half = {name: value for name, value in POWERBI.items() if name != left_out}
    with pytest.raises(SettingsError, match=f"{left_out} is not set") as stopped:
        load_settings({**SNOWFLAKE, **half})
    assert "hush" not in str(stopped.value)


def test_power_bi_is_refreshed_by_the_full_deployment_only() -> None:
    assert load_settings({**SNOWFLAKE, **POWERBI}).powerbi_is_on
    assert not load_settings({**SNOWFLAKE, **POWERBI, **BRANCH}).powerbi_is_on
    assert not load_settings(SNOWFLAKE).powerbi_is_on


def test_power_bi_needs_a_warehouse_it_can_reach() -> None:
    with pytest.raises(SettingsError, match="which Power BI can't reach"):
        load_settings(POWERBI)


def test_overrides_win_over_the_environment() -> None:
    settings = load_settings({"SPOTIFY_PLAYLISTS": "mine"}, {"SPOTIFY_PLAYLISTS": "3cEYpjA9oz9GiPac4AsH4n"})
    assert settings.spotify_playlists == ("3cEYpjA9oz9GiPac4AsH4n",)
