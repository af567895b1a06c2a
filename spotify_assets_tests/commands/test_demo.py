"""The demo stays on this machine, whatever is configured."""

from __future__ import annotations

from pathlib import Path

import pytest

from spotify_assets.commands.demo_command import demo_settings
from spotify_assets.settings import load_settings

HOME = "/somewhere/home"
PRODUCTION = {
    "SPOTIFY_ASSETS_HOME": HOME,
    "LAKE_URL": "s3://bucket/lake",
    "TRANSFORM_ENGINE": "glue",
    "SPOTIFY_CLIENT_ID": "client",
    "SPOTIFY_CLIENT_SECRET": "secret",
    "SPOTIFY_PLAYLISTS": "mine",
    "SNOWFLAKE_ACCOUNT": "acme-eu",
    "SNOWFLAKE_USER": "loader",
    "SNOWFLAKE_PRIVATE_KEY": "key",
    "SNOWFLAKE_ROLE": "LOADER",
    "SNOWFLAKE_WAREHOUSE": "LOADING",
}


def test_a_configured_deployment_is_left_alone() -> None:
    found = demo_settings(load_settings(PRODUCTION))

    assert (found.source, found.transform_engine, found.warehouse_name) == ("sandbox", "duckdb", "embedded")
    assert found.home == Path(HOME) / "demo"
    assert found.lake == Path(HOME, "demo", "lake").as_uri()


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_an_engine_that_runs_here_stays(engine: str) -> None:
    found = demo_settings(load_settings({"SPOTIFY_ASSETS_HOME": HOME, "TRANSFORM_ENGINE": engine}))

    assert (found.transform_engine, found.home) == (engine, Path(HOME))
