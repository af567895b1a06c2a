"""The Glue path from one end to the other: the real script on real Spark, AWS's interfaces by moto's server."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.lake import lake_assets
from spotify_assets.commands.glue_command import deploy_job
from spotify_assets.engines import glue
from spotify_assets.engines.duckdb_engine import build_days
from spotify_assets.engines.glue import GlueJobResource
from spotify_assets.engines.glue_engine import GlueEngine
from spotify_assets.engines.glue_runs import GlueRuns
from spotify_assets.engines.glue_script import ship
from spotify_assets.failures import TransientError
from spotify_assets.lake import layout
from spotify_assets.names import PLAIN
from spotify_assets.partitions import snapshot_dates
from spotify_assets.resources.lake import LakeResource
from spotify_assets.storage.aws import client
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.clock import FakeClock
from spotify_assets_tests.engine_parity import quarantine, work
from spotify_assets_tests.engines.test_spark_engine import DAYS, odd_lake
from spotify_assets_tests.glue_harness import GlueHarness
from spotify_assets_tests.lakes import rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOB = "spotify-assets-end-to-end"


@pytest.fixture
def harness(s3_lake: LakeResource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GlueHarness:
    """A deployed job whose runs are executed here; the step's waiting is what executes them."""
    endpoint = s3_lake.endpoint_url
    assert endpoint
    found = GlueHarness(endpoint, s3_lake.store, tmp_path / "glue")
    monkeypatch.setattr(
        glue.GlueJobResource,
        "runs",
        lambda self: GlueRuns(
            self.job_name,
            client("glue", endpoint),
            client("glue", endpoint, attempts=1),
            client("logs", endpoint),
            FakeClock(meanwhile=found.sleep),
        ),
    )
    return found


def deploy(lake: LakeResource) -> None:
    with suppress(client("glue", lake.endpoint_url).exceptions.EntityNotFoundException):
        client("glue", lake.endpoint_url).delete_job(JobName=JOB)  # the server outlives a test
    ship(lake.store)
    new = {
        "Role": "arn:aws:iam::123456789012:role/glue",
        "GlueVersion": "5.0",
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
        "Timeout": 60,
        "ExecutionProperty": {"MaxConcurrentRuns": 3},
    }
    deploy_job(client("glue", lake.endpoint_url), JOB, lake.store, new, {}, modules="index")


def materialize(lake: LakeResource, first: dt.date, last: dt.date) -> dg.ExecuteInProcessResult:
    engine = GlueEngine(job=GlueJobResource(job_name=JOB, endpoint_url=lake.endpoint_url))
    return dg.materialize(
        lake_assets(snapshot_dates(dt.date(2026, 1, 1)), "glue"),
        resources={"lake": lake, "engine": engine},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
        tags={
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        },
    )


@pytest.mark.spark
def test_a_range_of_dates_is_one_glue_run_that_agrees_with_duckdb(
    spark: SparkSession, s3_lake: LakeResource, harness: GlueHarness
) -> None:
    harness.spark = spark
    assert_one_run_agrees_with_duckdb(s3_lake, harness)


@pytest.mark.spark
@pytest.mark.soak
def test_the_script_in_a_process_of_its_own_agrees_with_duckdb(s3_lake: LakeResource, harness: GlueHarness) -> None:
    assert_one_run_agrees_with_duckdb(s3_lake, harness)


def assert_one_run_agrees_with_duckdb(s3_lake: LakeResource, harness: GlueHarness) -> None:
    odd_lake(s3_lake.store, objects=12, entries=15, seed=5)
    deploy(s3_lake)

    result = materialize(s3_lake, DAYS[0], DAYS[-1])

    assert result.success, harness.failures
    assert len(harness.executed) == 1
    commits = s3_lake.commits(DAYS)
    sources = {day.day: day.sources for day in work(s3_lake.store)}
    for expected in build_days(s3_lake.store, "by-duckdb", work(s3_lake.store)):
        commit = commits[expected.day]
        assert (commit.engine, commit.sources) == ("glue", sources[expected.day])
        assert (commit.entries, commit.quarantined) == (expected.entries, expected.quarantined)
        assert _records(s3_lake.store, commit.quarantine_key) == quarantine(s3_lake.store, expected)
        for table in LAKE_TABLES:
            assert rows(s3_lake.store, commit, table) == rows(s3_lake.store, expected, table)
    _assert_shown(result, commits)
    assert list(s3_lake.store.list(layout.PIPES_PREFIX)) == []


def _records(store: ObjectStore, key: str | None):
    from collections import Counter

    lines = store.get(key).splitlines() if key else []
    return Counter(json.dumps(json.loads(line), sort_keys=True) for line in lines)


def _assert_shown(result: dg.ExecuteInProcessResult, commits: dict) -> None:
    """Each partition of each table shows its own rows, and the run that built it with its cost."""
    found = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    shown = {(event.asset_key, event.partition): event.metadata for event in found}
    for day, commit in commits.items():
        for table in LAKE_TABLES:
            metadata = shown[PLAIN.lake(table), day.isoformat()]
            assert metadata["dagster/partition_row_count"].value == commit.rows(table)
            assert {"glue_run_url", "dpu_seconds", "estimated_cost_usd", "execution_seconds"} <= set(metadata)


@pytest.mark.spark
def test_a_script_that_fails_fails_the_step_with_its_last_words(
    s3_lake: LakeResource, harness: GlueHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd_lake(s3_lake.store, objects=1, entries=3, seed=5)
    deploy(s3_lake)
    monkeypatch.setattr(
        "spotify_assets.engines.glue_engine.lake_arguments",
        lambda store, key: {"--lake": store.url().rstrip("/"), "--manifest": "no/such/manifest.json"},
    )

    engine = GlueEngine(job=GlueJobResource(job_name=JOB, endpoint_url=s3_lake.endpoint_url))

    @dg.asset
    def build(context):
        with pytest.raises(TransientError, match="ended FAILED") as raised:
            list(engine.build(context, s3_lake.store, context.run_id, work(s3_lake.store)))
        assert "no/such/manifest.json" in str(raised.value)
        yield dg.MaterializeResult()

    dg.materialize([build], instance=dg.DagsterInstance.ephemeral())


def test_a_version_that_was_not_shipped_is_a_failure_that_names_the_command(
    s3_lake: LakeResource, harness: GlueHarness
) -> None:
    odd_lake(s3_lake.store, objects=1, entries=3, seed=5)
    (day,) = [found.day for found in work(s3_lake.store)]

    result = materialize(s3_lake, day, day)

    assert "spotify-assets glue deploy" in _failure(result)


def _failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.event_type_value in ("STEP_FAILURE", "STEP_UP_FOR_RETRY")]
    return str(event.event_specific_data)
