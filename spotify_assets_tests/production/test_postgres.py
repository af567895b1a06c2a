"""Dagster's storage on a real Postgres, by infra/oss/dagster.yaml: what the extra [postgres] pins works together."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import event
from sqlalchemy.engine.url import make_url
from sqlalchemy.pool import Pool

from spotify_assets.automation.check_alerts import latest
from spotify_assets.automation.runs import OurRuns, busy_dates
from spotify_assets.run_launcher import WatchedRunLauncher
from spotify_assets_tests.production.deployment import ROOT
from spotify_assets_tests.production.postgres import Postgres, running_postgres

KEY = dg.AssetKey(["lake", "songs"])
MAKES_TABLES = ("should_autocreate_tables: false", "should_autocreate_tables: true")
"""What `run prepare` changes in the file."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as found:
        yield found


@pytest.fixture
def instance(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    for name, value in postgres.environment.items():
        monkeypatch.setenv(name, value)
    text = (ROOT / "infra" / "oss" / "dagster.yaml").read_text()
    (tmp_path / "dagster.yaml").write_text(text.replace(*MAKES_TABLES))
    with dg.DagsterInstance.from_config(str(tmp_path)):
        pass
    (tmp_path / "dagster.yaml").write_text(text)
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


def test_opening_the_instance_asks_postgres_nothing(instance: dg.DagsterInstance) -> None:
    """Every tick opens it anew in the code server: looking for the tables took six connections, most of its time."""
    opened: list[object] = []

    def count(connection: object, _: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", count)
    try:
        with dg.DagsterInstance.from_ref(instance.get_ref()) as anew:
            assert opened == []
            anew.get_run_records(limit=1)
            assert opened != []
    finally:
        event.remove(Pool, "connect", count)


@pytest.fixture(scope="module")
def untouched(postgres: Postgres) -> dict[str, str]:
    """The environment of a deployment on a database without tables."""
    postgres.ask("create database untouched")
    return {**postgres.environment, "DAGSTER_POSTGRES_DB": "untouched"}


@pytest.mark.parametrize("part", ["code", "daemon", "webserver"])
def test_a_part_that_starts_before_prepare_says_so(part: str, untouched: dict[str, str], tmp_path: Path) -> None:
    told = subprocess.run(
        [ROOT / "infra" / "oss" / "run", part],
        env={"DAGSTER_HOME": str(tmp_path), "PYTHON": sys.executable, **untouched},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    where = f"untouched on 127.0.0.1:{untouched['DAGSTER_POSTGRES_PORT']}"
    assert told.stderr == f"The database {where} has none of the tables of Dagster: run `run prepare` first.\n"
