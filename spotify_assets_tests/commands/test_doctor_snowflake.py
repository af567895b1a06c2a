"""What the doctor asks of Snowflake, by answers that it gives."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from spotify_assets.commands import doctor_command
from spotify_assets.findings import Finding
from spotify_assets.settings import load_settings
from spotify_assets_tests.test_definitions import SNOWFLAKE


@pytest.mark.parametrize(("roles", "ok"), [('["LOADER", "PUBLIC"]', True), ('["ACCOUNTADMIN", "LOADER"]', False)])
def test_an_admin_role_that_was_to_be_taken_away_again_is_named_with_the_statement(
    roles: str, ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/operations.md says to take it away after the set-up; nobody looked."""
    answers = {"select current_database()": [("SPOTIFY_ASSETS",)], "select current_available_roles()": [(roles,)]}
    warehouse = SimpleNamespace(location="Snowflake account x", execute=answers.__getitem__)
    monkeypatch.setattr("spotify_assets.resources.root.warehouse_resource", lambda settings: warehouse)

    found: list[Finding] = [*doctor_command._warehouse(load_settings(SNOWFLAKE))]

    assert all(finding.ok for finding in found) == ok
    if not ok:
        assert found[-1].remedy == "say in Snowflake: REVOKE ROLE ACCOUNTADMIN FROM USER x"
