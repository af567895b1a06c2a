"""Executing a job in this process as a run of the code location, so that the UI shows it where it shows the others.

`JobDefinition.execute_in_process` records no repository: such a run is missing on the timeline and on its job's page,
can't be run again from there, and no sensor knows it as one of its location's. Dagster 1.13 has no public way to give
one; to be replaced when `execute_in_process` takes an origin. `spotify_assets_tests/local/test_execution.py` tells when
a new Dagster breaks this.
"""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

from spotify_assets.executors import IN_PROCESS

LOCATION = "spotify_assets"
"""The code location's name in `workspace.yaml` and pyproject.toml."""

REPOSITORY = "__repository__"
"""What Dagster calls the repository made of a module's `Definitions`."""


def execute(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    *,
    run_config: Mapping[str, object] | None = None,
    tags: Mapping[str, str] | None = None,
    location: str = LOCATION,
) -> dg.ExecuteInProcessResult:
    """Run `job` here, one step after the other, recorded under `location`. Nothing is raised for what fails in it."""
    job = job.with_executor_def(IN_PROCESS)  # other processes could not load a job that is only here
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), REPOSITORY)
    run = instance.create_run_for_job(
        job_def=job,
        run_config=run_config,
        tags={**job.run_tags, **(tags or {})},
        remote_job_origin=repository.get_job_origin(job.name),
    )
    events = list(execute_run_iterator(InMemoryJob(job), run, instance))
    ended = instance.get_run_by_id(run.run_id)
    return dg.ExecuteInProcessResult(event_list=events, job_def=job, dagster_run=ended or run, output_capture=None)
