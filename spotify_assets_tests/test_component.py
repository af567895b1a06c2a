"""The `dg` component: its attributes are the settings, by the same rules, and no secret of them is ever seen."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import dagster as dg
import pytest
from pydantic import ValidationError

from spotify_assets import PlaylistHistory
from spotify_assets.definitions import build_defs
from spotify_assets.failures import PermanentError
from spotify_assets.resources.lake import LakeResource
from spotify_assets.settings import Settings, SettingsError, load_settings, settings_from
from spotify_assets_tests.test_definitions import FORBIDDEN, describe

ACCOUNT = {"spotify_client_id": "id", "spotify_client_secret": "hush-hush", "spotify_playlists": ["mine"]}


def component(**attributes: object) -> PlaylistHistory:
    return PlaylistHistory.from_attributes_dict(attributes=attributes)


def test_every_setting_is_an_attribute_and_nothing_else_but_the_prefix() -> None:
    schema = PlaylistHistory.model().model_json_schema()

    assert set(schema["properties"]) == {*Settings.model_fields, "key_prefix"}
    assert all(one["description"] for one in schema["properties"].values())
    assert schema["additionalProperties"] is False


def test_attributes_come_to_the_settings_that_the_same_variables_come_to() -> None:
    in_the_environment = load_settings(
        {
            "SPOTIFY_CLIENT_ID": "id",
            "SPOTIFY_CLIENT_SECRET": "hush-hush",
            "SPOTIFY_PLAYLISTS": "mine",
            "SPOTIFY_DAILY_CALL_BUDGET": "500",
            "PARTITIONS_START": "2026-02-01",
            "SPOTIFY_ASSETS_AUTOMATION": "on",
        }
    )

    as_yaml_has_them = component(
        **ACCOUNT, spotify_daily_call_budget=500, partitions_start="2026-02-01", spotify_assets_automation=True
    )

    assert as_yaml_has_them.settings == in_the_environment


def test_templates_take_values_from_the_environment_just_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's templates would make a number of 12e45, and of 007 or 1_000 another text."""
    for name, value in {"A_SECRET": "12e45", "AN_ID": "1_000", "BUDGET": "70", "BUCKET": "music"}.items():
        monkeypatch.setenv(name, value)

    found = component(
        spotify_client_id="{{ env.AN_ID }}",
        spotify_client_secret="{{ env.A_SECRET }}",
        spotify_playlists="mine",
        spotify_daily_call_budget="{{ env.BUDGET }}",
        lake_url="s3://{{ env.BUCKET }}/spotify",
        spotify_refresh_token="{{ env.NOT_SET }}",
        athena_workgroup="",
    ).settings

    assert found.spotify_client_secret is not None
    assert found.spotify_client_secret.get_secret_value() == "12e45"
    assert found.spotify_client_id == "1_000"
    assert found.spotify_daily_call_budget == 70
    assert found.lake_url == "s3://music/spotify"
    assert found.spotify_refresh_token is None
    assert found.athena_workgroup is None


def test_a_variable_that_no_attribute_names_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_URL", "s3://somebody/elses")
    monkeypatch.setenv("SPOTIFY_CLIENT_ID", "half an account")

    assert component().settings == settings_from({})


def test_a_branch_deployment_is_known_without_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a pull request's deployment would write into production's lake."""
    monkeypatch.setenv("DAGSTER_CLOUD_DEPLOYMENT_NAME", "3f2a9c")
    monkeypatch.setenv("DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT", "1")
    monkeypatch.setenv("DAGSTER_CLOUD_PULL_REQUEST_ID", "42")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    found = component(lake_url="s3://bucket/lake", ephemeral_storage="allow", warehouse="embedded").settings

    assert found.lake == "s3://bucket/lake/branch/42"


def test_no_secret_is_in_anything_that_is_dumped() -> None:
    made = component(**ACCOUNT)
    attributes = PlaylistHistory.model().model_validate(ACCOUNT)

    for shown in (repr(made), str(dataclasses.asdict(made)), repr(attributes), attributes.model_dump_json()):
        assert "hush" not in shown


def test_an_attribute_that_is_no_setting_is_named() -> None:
    with pytest.raises(ValidationError, match="lake_ur\n  Extra inputs are not permitted") as refused:
        component(lake_ur="hush-hush")

    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"warehouse": "snow"}, "WAREHOUSE is 'snow'; use 'snowflake' or 'embedded'"),
        ({"spotify_daily_call_budget": 0}, "SPOTIFY_DAILY_CALL_BUDGET is 0; use 1 or more"),
        ({"spotify_client_id": "id"}, "SPOTIFY_CLIENT_SECRET is not"),
        ({"partitions_start": "yesterday"}, "use a date such as 2026-01-31"),
        ({"key_prefix": "my-music"}, "key_prefix is 'my-music'; use parts of letters"),
    ],
)
def test_the_rules_are_those_of_the_environment(attributes: dict[str, object], said: str) -> None:
    with pytest.raises(PermanentError, match=said):
        component(**attributes)


def test_values_in_code_go_by_the_same_rules() -> None:
    with pytest.raises(SettingsError, match="lake_ur is no setting; did you mean lake_url"):
        settings_from({"lake_ur": "s3://bucket"})
    with pytest.raises(SettingsError, match="WAREHOUSE is 'snow'"):
        settings_from({"warehouse": "snow"})


def test_it_makes_what_build_defs_makes_under_the_projects_folder() -> None:
    tree = dg.ComponentTree.for_test()
    made = component(key_prefix="rock").build_defs(tree.load_context)

    assert describe(made) == describe(build_defs(settings_from({}), key_prefix="rock"))
    lake = made.resources["rock__lake"] if made.resources else None
    assert isinstance(lake, LakeResource)
    assert lake.url == (tree.load_context.project_root / ".spotify_assets" / "lake").as_uri()


def test_finding_it_is_light() -> None:
    """`dg` looks for components in every package that registers any."""
    code = (
        "import sys, spotify_assets; assert 'dagster' not in sys.modules; "
        "assert 'PlaylistHistory' in dir(spotify_assets); "
        f"spotify_assets.PlaylistHistory; print([name for name in {(*FORBIDDEN, 'duckdb')!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
