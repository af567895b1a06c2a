"""A backfill as the UI launches it: sixty dates, nine of them without snapshots, and everything after the lake."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets.lake.state import shown as shown_dates
from spotify_assets_tests.line import new_home
from spotify_assets_tests.production import graphql, pictures
from spotify_assets_tests.production.deployment import Deployment, deployment
from spotify_assets_tests.production.history import PLAYLIST, days_ago, put_snapshots

pytestmark = pytest.mark.soak

DAYS = [days_ago(number) for number in range(60, 0, -1)]
GAPS = {DAYS[number] for number in (3, 4, 5, 17, 29, 30, 44, 51, 58)}
PARTITIONED = [["lake", table] for table in LAKE_TABLES] + [["snowflake", "lake", table] for table in LAKE_TABLES]
START_TAG, END_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
OTHERS = [
    *(["snowflake", "spotify", table] for table in DIMENSIONS),
    *(["snowflake", "analytics", table] for table in MARTS),
    ["dashboard"],
]


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("dagster")
    put_snapshots(folder / "home", [day for day in DAYS if day not in GAPS])
    with deployment(folder, {"PARTITIONS_START": DAYS[0].isoformat()}) as found:
        yield found


def test_a_backfill_over_gaps_ends_well_in_one_run_and_computes_the_marts(dagster: Deployment) -> None:
    """Dates without snapshots left the backfill stalled, and what is not partitioned was never computed."""
    backfill = dagster.backfill([*PARTITIONED, *OTHERS], DAYS)
    status, runs = dagster.backfilled(backfill, 900)

    assert status == "COMPLETED_SUCCESS", dagster.logs()
    assert {run["status"] for run in runs} == {"SUCCESS"}
    ranges = [run["tags"] for run in runs if START_TAG in run["tags"]]
    assert [(tags[START_TAG], tags[END_TAG]) for tags in ranges] == [(DAYS[0].isoformat(), DAYS[-1].isoformat())]
    shown = dagster.ask(graphql.MATERIALIZED, keys=[{"path": path} for path in [*PARTITIONED, *OTHERS]])["assetNodes"]
    assert len(shown) == len(PARTITIONED) + len(OTHERS)
    for node in shown:
        if node["assetKey"]["path"] in PARTITIONED:
            assert node["partitionStats"]["numMaterialized"] == len(DAYS), node
        assert node["assetMaterializations"], node
    if folder := os.environ.get("PICTURES"):
        pictures.draw(f"http://127.0.0.1:{dagster.port}", backfill, runs[0]["runId"], Path(folder))


def test_the_gaps_are_warned_of_by_their_dates(dagster: Deployment) -> None:
    checks = dagster.ask(graphql.CHECKS, key={"path": ["lake", "playlists"]})
    (warned,) = [
        check["executionForLatestMaterialization"]["evaluation"]
        for check in checks["assetNodeOrError"]["assetChecksOrError"]["checks"]
        if check["name"] == "has_snapshots"
    ]
    assert warned["severity"] == "WARN"
    assert not warned["success"]
    assert f"broken by {len(GAPS)} empty dates" in warned["description"]
    assert shown_dates(sorted(GAPS)[:3]) in warned["description"]


def test_the_marts_are_of_the_dates_that_are_there(dagster: Deployment) -> None:
    with new_home(dagster.home).warehouse.session() as session:
        changes = session.execute(
            f"select distinct snapshot_date from ANALYTICS.PLAYLIST_CHANGES where playlist_id = '{PLAYLIST}'"
        )
        changed = {row[0] for row in changes}
    assert changed == set(DAYS) - GAPS - {DAYS[0]}


def test_two_backfills_at_once_end_well(dagster: Deployment) -> None:
    """They take turns in the warehouse's pool, and neither disturbs the other's dates."""
    started = [dagster.backfill(PARTITIONED, DAYS[:10]), dagster.backfill(PARTITIONED, DAYS[30:40])]
    for backfill in started:
        status, runs = dagster.backfilled(backfill, 600)
        assert status == "COMPLETED_SUCCESS", dagster.logs()
        assert [run["status"] for run in runs] == ["SUCCESS"]


def test_no_log_speaks_of_an_error(dagster: Deployment) -> None:
    assert dagster.errors() == []


def test_the_days_are_what_they_are_said_to_be() -> None:
    assert len(DAYS) == 60
    assert len(GAPS) == 9
    assert DAYS[-1] - DAYS[0] == dt.timedelta(days=59)
