"""kill -9 of a run while its Glue run runs: the daemon's repeat takes that one up, and Glue is started once in all.

Everything is the product's and each part a process of its own: code server, daemon, webserver, Postgres, the job
`build_history` on a lake on S3. S3 and Glue are moto's on 127.0.0.1; what the Glue run computes is DuckDB's.
"""

from __future__ import annotations

import datetime as dt
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from spotify_assets.commands.glue_command import deploy_job
from spotify_assets.engines.glue_script import ship
from spotify_assets.resources.lake import LakeResource
from spotify_assets.storage.aws import client
from spotify_assets_tests.engines.glue_service import GlueService, succeed
from spotify_assets_tests.entries import entry, spotify_id, track
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.moto_aws import REGION
from spotify_assets_tests.production.deployment import deployment
from spotify_assets_tests.production.until import until
from spotify_assets_tests.reference_tables import Raw

JOB = "spotify-assets-killed"
DAYS = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(3)]
PATIENCE = 300
"""Seconds for what takes a few on a quiet machine."""

NEW_JOB = {
    "Role": "arn:aws:iam::123456789012:role/glue",
    "GlueVersion": "5.0",
    "WorkerType": "G.1X",
    "NumberOfWorkers": 2,
    "Timeout": 60,
    "ExecutionProperty": {"MaxConcurrentRuns": 3},
}


@pytest.fixture
def lake(s3_lake: LakeResource) -> LakeResource:
    """Three dates of a playlist to be built, and a Glue job whose runs go on when the test says so."""
    from moto.moto_api import state_manager

    state_manager.set_transition("glue::job_run", {"progression": "manual", "times": 10**6})
    for day in DAYS:
        items = [entry(track(f"s{number}")) for number in range(3)]
        put_raw(s3_lake.store, Raw(spotify_id("p"), {"name": "P"}, [(0, items)], day=day))
    ship(s3_lake.store)
    glue = client("glue", s3_lake.endpoint_url)
    with suppress(glue.exceptions.EntityNotFoundException):
        glue.delete_job(JobName=JOB)
    deploy_job(glue, JOB, s3_lake.store, NEW_JOB, {}, modules="index")
    return s3_lake


def glue_runs() -> list[Any]:
    """Every run that was ever started of the job, as moto keeps it."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.glue.models import glue_backends

    return glue_backends[DEFAULT_ACCOUNT_ID][REGION].jobs[JOB].job_runs


@pytest.mark.soak
def test_a_killed_run_is_repeated_by_the_daemon_and_glue_is_started_once(lake: LakeResource, tmp_path: Path) -> None:
    settings = {
        **{name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")},
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": str(lake.endpoint_url),
        "LAKE_URL": lake.url,
        "TRANSFORM_ENGINE": "glue",
        "GLUE_JOB_NAME": JOB,
        "PARTITIONS_START": DAYS[0].isoformat(),
    }
    with deployment(tmp_path, settings) as production:
        killed = production.launch(
            "build_history",
            tags={
                "dagster/asset_partition_range_start": DAYS[0].isoformat(),
                "dagster/asset_partition_range_end": DAYS[-1].isoformat(),
            },
        )
        until(lambda: bool(glue_runs()), PATIENCE, lambda: f"a Glue run was started\n{production.logs()}")
        production.worker(killed).kill()

        assert production.ended(killed, PATIENCE)["status"] == "FAILURE"
        until(lambda: len(production.runs()) == 2, PATIENCE, lambda: f"the daemon repeats it\n{production.logs()}")
        (repeat,) = (run for run in production.runs() if run["runId"] != killed)
        assert (repeat["rootRunId"], repeat["jobName"]) == (killed, "build_history")
        says = f"Glue run {glue_runs()[0].job_run_id}, started for the same work, is"
        until(
            lambda: any(says in str(event.get("message")) for event in production.events(repeat["runId"])),
            PATIENCE,
            lambda: f"the repeat takes the Glue run up\n{production.logs()}",
        )
        (run,) = glue_runs()
        run.status = succeed(GlueService(lake.store), {"Arguments": run.arguments})

        assert production.ended(repeat["runId"], PATIENCE)["status"] == "SUCCESS"
        assert len(glue_runs()) == 1
    assert {day: commit.rows("playlist_items") for day, commit in lake.commits(DAYS).items()} == dict.fromkeys(DAYS, 3)
