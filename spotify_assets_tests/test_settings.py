"""Settings: what the environment may say, and how a mistake reads."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from spotify_assets.settings import SettingsError, load_settings
from spotify_assets.settings.reading import near_misses

SPOTIFY = {"SPOTIFY_CLIENT_ID": "client", "SPOTIFY_CLIENT_SECRET": "s3cret-of-spotify", "SPOTIFY_PLAYLISTS": "mine"}
S3 = {"LAKE_URL": "s3://bucket/lake"}


def snowflake(key: Path) -> dict[str, str]:
    return {
        "SNOWFLAKE_ACCOUNT": "acme-eu",
        "SNOWFLAKE_USER": "loader",
        "SNOWFLAKE_ROLE": "LOADER",
        "SNOWFLAKE_WAREHOUSE": "LOADING",
        "SNOWFLAKE_PRIVATE_KEY_PATH": str(key),
        **S3,
    }


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.p8"
    path.write_text("-----BEGIN PRIVATE KEY-----")
    return path


def test_nothing_set_runs_everything_on_this_machine() -> None:
    settings = load_settings({})

    assert (settings.source, settings.transform_engine, settings.warehouse_name) == ("sandbox", "duckdb", "embedded")
    assert settings.lake == (Path.cwd() / ".spotify_assets" / "lake").as_uri()
    assert settings.partitions_start == dt.date(2026, 1, 1)
    assert not settings.automation_on


def test_dates_without_snapshots_are_empty_unless_they_are_to_fail() -> None:
    assert load_settings({}).dates_without_snapshots == "empty"
    assert load_settings({"DATES_WITHOUT_SNAPSHOTS": "skip"}).dates_without_snapshots == "empty", "its older name"
    assert load_settings({"DATES_WITHOUT_SNAPSHOTS": "fail"}).dates_without_snapshots == "fail"


def test_each_end_switches_on_alone(key: Path) -> None:
    assert load_settings(SPOTIFY).source == "api"
    assert load_settings(S3).lake == "s3://bucket/lake"
    assert load_settings(snowflake(key)).warehouse_name == "snowflake"
    assert load_settings({**SPOTIFY, "SPOTIFY_SOURCE": "sandbox"}).source == "sandbox"


def test_empty_variables_count_as_not_set() -> None:
    assert load_settings({"SPOTIFY_CLIENT_ID": "", "SNOWFLAKE_ACCOUNT": "  ", "LAKE_URL": ""}) == load_settings({})


def test_a_trailing_slash_changes_nothing() -> None:
    with_slash = load_settings({"SPOTIFY_API_URL": "http://127.0.0.1:1/v1/", "LAKE_URL": "s3://bucket/lake/"})

    assert with_slash == load_settings({"SPOTIFY_API_URL": "http://127.0.0.1:1/v1", "LAKE_URL": "s3://bucket/lake"})


def test_playlists_are_split_at_commas_and_trimmed() -> None:
    one, two = "0" * 22, "1" * 22

    assert load_settings({"SPOTIFY_PLAYLISTS": f" {one} , {two},,"}).spotify_playlists == (one, two)


MISTAKES = {
    "unknown engine": ({"TRANSFORM_ENGINE": "sparkk"}, ["TRANSFORM_ENGINE", "'sparkk'", "'spark'"]),
    "unknown source": ({"SPOTIFY_SOURCE": "live"}, ["SPOTIFY_SOURCE", "'live'", "'sandbox'"]),
    "unknown warehouse": ({"WAREHOUSE": "bigquery"}, ["WAREHOUSE", "'bigquery'", "'embedded'"]),
    "no secret": ({"SPOTIFY_CLIENT_ID": "x", "SPOTIFY_PLAYLISTS": "mine"}, ["SPOTIFY_CLIENT_SECRET", "set both"]),
    "no client": ({"SPOTIFY_SOURCE": "api", "SPOTIFY_PLAYLISTS": "mine"}, ["SPOTIFY_CLIENT_ID", "sandbox"]),
    "no playlists": ({**SPOTIFY, "SPOTIFY_PLAYLISTS": ""}, ["SPOTIFY_PLAYLISTS", "'mine'"]),
    "half a Snowflake account": ({"SNOWFLAKE_ACCOUNT": "a", **S3}, ["SNOWFLAKE_USER", "SNOWFLAKE_ROLE", "embedded"]),
    "lake out of Snowflake's reach": ({"WAREHOUSE": "snowflake"}, ["LAKE_URL", "s3://bucket/prefix"]),
    "lake out of the local Spark's reach": ({"TRANSFORM_ENGINE": "spark", **S3}, ["TRANSFORM_ENGINE", "s3://", "glue"]),
    "lake out of Glue's reach": ({"TRANSFORM_ENGINE": "glue"}, ["TRANSFORM_ENGINE", "LAKE_URL", "duckdb"]),
    "another kind of lake": ({"LAKE_URL": "gs://bucket"}, ["LAKE_URL", "'gs://bucket'", "s3://bucket/prefix"]),
    "unknown way with gaps": (
        {"DATES_WITHOUT_SNAPSHOTS": "ignore"},
        ["DATES_WITHOUT_SNAPSHOTS", "'ignore'", "'empty'", "'fail'"],
    ),
    "not a date": ({"PARTITIONS_START": "yesterday"}, ["PARTITIONS_START", "'yesterday'"]),
    "not a number": ({"SPOTIFY_DAILY_CALL_BUDGET": "many"}, ["SPOTIFY_DAILY_CALL_BUDGET", "'many'"]),
    "not an address": ({"SPOTIFY_API_URL": "api.spotify.com"}, ["SPOTIFY_API_URL", "https://"]),
    "fiction in production": ({"DAGSTER_CLOUD_DEPLOYMENT_NAME": "prod"}, ["prod", "SPOTIFY_CLIENT_ID"]),
}


@pytest.mark.parametrize(("environment", "words"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_with_variable_value_and_remedy(environment: dict[str, str], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)

    for word in words:
        assert word in str(caught.value)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"WAREHOUSE": "snowflake", "SPOTIFY_SOURCE": "api"})

    assert {"SPOTIFY_CLIENT_ID", "SNOWFLAKE_ACCOUNT", "LAKE_URL"} <= set(str(caught.value).replace(",", " ").split())


def test_secrets_show_nowhere(key: Path) -> None:
    secrets = {
        "SPOTIFY_CLIENT_SECRET": "s3cret-one",
        "SPOTIFY_REFRESH_TOKEN": "s3cret-two",
        "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": "s3cret-three",
    }
    settings = load_settings({**SPOTIFY, **snowflake(key), **secrets})

    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(settings.model_dump())
    with pytest.raises(SettingsError) as caught:
        load_settings({**secrets, "SPOTIFY_CLIENT_ID": "client", "TRANSFORM_ENGINE": "none"})
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_sandbox_is_welcome_in_a_branch_deployment() -> None:
    branch = {
        "DAGSTER_CLOUD_DEPLOYMENT_NAME": "pr",
        "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1",
        "DAGSTER_CLOUD_PULL_REQUEST_ID": "7",
        "EPHEMERAL_STORAGE": "allow",
        "SPOTIFY_ASSETS_AUTOMATION": "on",
    }

    assert not load_settings(branch).automation_on


NEARLY = {
    "TRANSFORM_ENGIN": "TRANSFORM_ENGINE",
    "SPOTIPY_CLIENT_ID": "SPOTIFY_CLIENT_ID",
    "LAKE_URI": "LAKE_URL",
    "SPOTIFY_PLAYLIST": "SPOTIFY_PLAYLISTS",
    "warehouse": "WAREHOUSE",
}


@pytest.mark.parametrize("name", NEARLY)
def test_a_name_that_is_nearly_a_setting_is_warned_of(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("os.environ", {name: "x"})

    load_settings()

    (warning,) = caplog.messages
    assert warning == f"{name} is set but is no setting: did you mean {NEARLY[name]}?"


def test_other_peoples_variables_are_not_warned_of() -> None:
    others = "PATH HOME USER LANG SHELL JAVA_HOME SPARK_HOME DAGSTER_HOME DATABASE_URL AWS_ENDPOINT_URL_S3 AWS_PROFILE"
    plus = "DAGSTER_CLOUD_PULL_REQUEST_URL DAGSTER_CLOUD_GIT_SHA SNOWFLAKE_HOST SNOWFLAKE_PASSWORD"

    assert near_misses(dict.fromkeys([*others.split(), *plus.split()], "x")) == {}


def test_a_name_beside_the_setting_it_is_like_is_somebody_elses() -> None:
    assert near_misses({"SPOTIPY_CLIENT_ID": "x", "SPOTIFY_CLIENT_ID": "x"}) == {}


def test_digits_are_a_date_and_never_a_count_of_seconds() -> None:
    assert load_settings({"PARTITIONS_START": "20260301"}).partitions_start == dt.date(2026, 3, 1)
    with pytest.raises(SettingsError, match="PARTITIONS_START is '1767225600'; use a date such as 2026-01-31"):
        load_settings({"PARTITIONS_START": "1767225600"})


def test_a_home_of_nobody_is_a_mistake() -> None:
    with pytest.raises(SettingsError, match=r"SPOTIFY_ASSETS_HOME is '~nobody-at-all/x'; use a path without '~'"):
        load_settings({"SPOTIFY_ASSETS_HOME": "~nobody-at-all/x"})


def test_each_mistake_is_told_with_its_remedy_apart() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"TRANSFORM_ENGINE": "flink", "SPOTIFY_CONCURRENCY": "99"})

    assert {(part.what, part.remedy) for part in caught.value.parts} == {
        ("SPOTIFY_CONCURRENCY is '99'", "use 32 or less"),
        ("TRANSFORM_ENGINE is 'flink'", "use 'duckdb', 'spark' or 'glue'"),
    }
