"""What every asset shows alike, on each kind of deployment."""

from __future__ import annotations

import dagster as dg
import pytest

from spotify_assets.definitions import build_defs
from spotify_assets.settings import load_settings
from spotify_assets_tests.test_settings_deployments import FULL, WHOLE_BRANCH

GIT = {"DAGSTER_CLOUD_GIT_SHA": "abc123", "DAGSTER_CLOUD_GIT_REPO": "me/mine"}


def links(environment: dict[str, str]) -> dict[str, list[str]]:
    """Asset to the addresses of its code."""
    found: dict[str, list[str]] = {}
    for spec in build_defs(load_settings(environment)).resolve_all_asset_specs():
        value = spec.metadata.get("dagster/code_references")
        references = value.code_references if isinstance(value, dg.CodeReferencesMetadataValue) else []
        found[spec.key.to_user_string()] = [reference.source for reference in references]
    return found


@pytest.mark.parametrize(
    "url",
    ["", "https://github.com/me/mine", "https://github.com/me/mine/tree/abc123", "https://github.com/me/mine.git"],
)
def test_on_dagster_plus_code_is_linked_at_the_deployed_commit(url: str) -> None:
    found = links({**FULL, **GIT, "DAGSTER_CLOUD_GIT_URL": url})

    code, sql = found["snowflake/analytics/song_stays"]
    assert code.startswith("https://github.com/me/mine/tree/abc123/spotify_assets/assets/marts.py#L")
    assert sql == "https://github.com/me/mine/tree/abc123/spotify_assets/sql/marts/song_stays.sql#L1"


def test_a_repository_on_gitlab_is_linked_its_way() -> None:
    found = links({**WHOLE_BRANCH, **GIT, "DAGSTER_CLOUD_GIT_URL": "https://gitlab.com/me/mine/-/commit/abc123"})
    assert found["dashboard"][0].startswith("https://gitlab.com/me/mine/-/tree/abc123/spotify_assets/assets/dashboard")


def test_without_a_known_repository_nothing_points_into_a_container() -> None:
    assert not any(links(FULL).values())


def test_kinds_on_s3_and_snowflake_say_so() -> None:
    specs = build_defs(load_settings(FULL)).resolve_all_asset_specs()
    kinds = {spec.key.to_user_string(): spec.kinds for spec in specs}
    assert kinds["snowflake/spotify/songs"] == {"snowflake", "sql"}
    assert kinds["raw/playlist_snapshots"] >= {"s3", "json"}
    assert kinds["lake/songs"] == {"duckdb", "parquet", "s3"}
