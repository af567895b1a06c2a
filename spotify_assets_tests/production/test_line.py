"""The line as a platform team runs it, on Postgres: the clock starts it, and nobody touches it."""

from __future__ import annotations

from pathlib import Path

import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets_tests.production import graphql
from spotify_assets_tests.production.deployment import deployment
from spotify_assets_tests.production.history import TODAY
from spotify_assets_tests.production.until import PATIENCE, until

pytestmark = pytest.mark.soak


def test_the_clock_brings_todays_snapshot_through_sensors_and_checks_to_the_dashboard(tmp_path: Path) -> None:
    settings = {
        "PARTITIONS_START": TODAY.isoformat(),
        "SPOTIFY_ASSETS_AUTOMATION": "on",
        "EXTRACT_CRON": "* * * * *",
    }
    with deployment(tmp_path, settings, changed={}) as dagster:
        assert all(dagster.command("healthy", part).returncode == 0 for part in ("code", "webserver", "daemon"))
        until(
            lambda: any(run["jobName"] == "build_history" and run["status"] == "SUCCESS" for run in dagster.runs()),
            PATIENCE,
            lambda: f"the day is built\n{dagster.runs()}\n{dagster.logs()}",
        )
        extracted = [run for run in dagster.runs() if run["jobName"] == "extract_playlists"]
        assert "dagster/schedule_name" in extracted[-1]["tags"]
        (built,) = [run for run in dagster.runs() if run["jobName"] == "build_history"]
        assert built["tags"]["dagster/sensor_name"] == "stale_dates"
        for path in [["lake", table] for table in LAKE_TABLES] + [
            ["snowflake", "lake", table] for table in LAKE_TABLES
        ]:
            checks = dagster.ask(graphql.CHECKS, key={"path": path})["assetNodeOrError"]["assetChecksOrError"]["checks"]
            judged = [check for check in checks if check["executionForLatestMaterialization"]]
            assert judged
            for check in judged:
                told = check["executionForLatestMaterialization"]
                assert told["evaluation"]["success"] or told["evaluation"]["severity"] == "WARN", (path, check)
        assert dagster.errors() == []
