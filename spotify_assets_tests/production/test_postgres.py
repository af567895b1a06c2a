"""Dagster's storage on a real Postgres, by infra/oss/dagster.yaml: what the extra [postgres] pins works together."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy.engine.url import make_url

from spotify_assets.automation.check_alerts import latest
from spotify_assets.automation.runs import OurRuns, busy_dates
from spotify_assets.run_launcher import WatchedRunLauncher
from spotify_assets_tests.production.deployment import ROOT
from spotify_assets_tests.production.postgres import Postgres, running_postgres

KEY = dg.AssetKey(["lake", "songs"])


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as found:
        yield found


@pytest.fixture
def instance(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    for name, value in postgres.environment.items():
        monkeypatch.setenv(name, value)
    shutil.copy(ROOT / "infra" / "oss" / "dagster.yaml", tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as found:
        yield found


def test_an_address_without_a_driver_means_the_driver_that_is_installed() -> None:
    """SQLAlchemy 2.1 takes it for psycopg 3: whoever writes `postgres_url` or no `scheme` got an ImportError."""
    assert make_url("postgresql://somebody@somewhere/dagster").get_dialect().driver == "psycopg2"


def test_a_run_with_checks_is_stored_and_read_back(instance: dg.DagsterInstance, postgres: Postgres) -> None:
    """Tables, events, the NOTIFY of each event, and what our sensors ask of them."""

    @dg.asset(key=KEY, partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    def songs() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"dagster/partition_row_count": 3, "said": "ä 100 % 'quoted'"})

    @dg.asset_check(asset=KEY)
    def in_sync() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, description="3 dates differ")

    ran = dg.materialize([songs, in_sync], instance=instance, partition_key="2026-01-02")

    assert ran.success
    assert instance.get_materialized_partitions(KEY) == {"2026-01-02"}
    assert [each.description for each in latest(instance, [dg.AssetCheckKey(KEY, "in_sync")])] == ["3 dates differ"]
    ours = OurRuns(instance, None)
    assert [record.dagster_run.run_id for record in ours.records(tags={"dagster/partition": "2026-01-02"})] == [
        ran.run_id
    ]
    assert busy_dates(ours) == set[dt.date]()
    assert int(postgres.ask("select count(*) from event_logs")) > 10


def test_the_instance_is_what_the_file_says(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.run_launcher, WatchedRunLauncher)
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled
    assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
