"""A backfill as the UI launches it: sixty dates, nine of them without snapshots, and everything after the lake."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets_tests.line import new_home
from spotify_assets_tests.production import graphql, pictures
from spotify_assets_tests.production.deployment import deployment
from spotify_assets_tests.production.history import PLAYLIST, days_ago, put_snapshots

pytestmark = pytest.mark.soak

DAYS = [days_ago(number) for number in range(60, 0, -1)]
GAPS = {DAYS[number] for number in (3, 4, 5, 17, 29, 30, 44, 51, 58)}
PARTITIONED = [["lake", table] for table in LAKE_TABLES] + [["snowflake", "lake", table] for table in LAKE_TABLES]
OTHERS = [
    *(["snowflake", "spotify", table] for table in DIMENSIONS),
    *(["snowflake", "analytics", table] for table in MARTS),
    ["dashboard"],
]


def test_a_backfill_over_gaps_ends_well_in_one_run_and_computes_the_marts(tmp_path: Path) -> None:
    """Dates without snapshots left the backfill stalled, and what is not partitioned was never computed."""
    put_snapshots(tmp_path / "home", [day for day in DAYS if day not in GAPS])
    with deployment(tmp_path, {"PARTITIONS_START": DAYS[0].isoformat()}) as dagster:
        backfill = dagster.backfill([*PARTITIONED, *OTHERS], DAYS)
        status, runs = dagster.backfilled(backfill, 300)

        assert status == "COMPLETED_SUCCESS", dagster.logs()
        assert {run["status"] for run in runs} == {"SUCCESS"}
        ranges = [run["tags"] for run in runs if "dagster/asset_partition_range_start" in run["tags"]]
        assert [
            (tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]) for tags in ranges
        ] == [(DAYS[0].isoformat(), DAYS[-1].isoformat())]
        shown = dagster.ask(graphql.MATERIALIZED, keys=[{"path": path} for path in [*PARTITIONED, *OTHERS]])[
            "assetNodes"
        ]
        for node in shown:
            if node["partitionStats"]:
                assert node["partitionStats"]["numMaterialized"] == len(DAYS), node
            assert node["assetMaterializations"], node
        checks = dagster.ask(graphql.CHECKS, key={"path": ["lake", "playlists"]})
        (warned,) = [
            check["executionForLatestMaterialization"]["evaluation"]
            for check in checks["assetNodeOrError"]["assetChecksOrError"]["checks"]
            if check["name"] == "has_snapshots"
        ]
        assert warned["severity"] == "WARN"
        assert not warned["success"]
        assert warned["metadataEntries"]
        assert all(day.isoformat() in warned["description"] for day in (DAYS[3], DAYS[17], DAYS[58]))
        assert dagster.errors() == []
        if folder := os.environ.get("PICTURES"):
            pictures.draw(f"http://127.0.0.1:{dagster.port}", backfill, runs[0]["runId"], Path(folder))

    with new_home(tmp_path / "home").warehouse.session() as session:
        changes = session.execute(
            f"select distinct snapshot_date from ANALYTICS.PLAYLIST_CHANGES where playlist_id = '{PLAYLIST}'"
        )
        changed = {row[0] for row in changes}
    assert changed <= set(DAYS) - GAPS
    assert len(changed) == len(DAYS) - len(GAPS) - 1


def test_the_days_are_what_they_are_said_to_be() -> None:
    assert len(DAYS) == 60
    assert len(GAPS) == 9
    assert DAYS[-1] - DAYS[0] == dt.timedelta(days=59)
