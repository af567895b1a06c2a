"""What Dagster's run storage says about dates: the thin shell between a sensor's plan and its instance.

Which dates runs in flight touch, what became of the runs a sensor requested, and how a planned request becomes a
RunRequest that can be recognised later. Deciding belongs to `planning`.
"""

import datetime as dt
from collections.abc import Mapping

import dagster as dg

from glue_scripts.spans import days_between, iso_date
from spotify_assets.assets.lake import POISONED_TAG
from spotify_assets.automation import planning
from spotify_assets.automation.planning import Attempt, Outcome, Request
from spotify_assets.retries import FAILURE_TAG, RETRY_AT_TAG

PLANNER_TAG = "spotify_assets/planned_by"
CONTENTS_TAG = ".dagster/spotify_assets/contents"
"""Hidden in the UI, like Dagster's own bookkeeping: a digest for each date the run was requested for."""

CONTENT_TAG = "spotify_assets/content"
"""A digest of what a run without dates was requested for."""

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"

IN_FLIGHT = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_OUTCOMES: Mapping[dg.DagsterRunStatus, Outcome] = {
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "cancelled",
}
_REMEMBERED = 300
"""Runs of a sensor that are looked back at; older failures are forgotten, and their dates tried anew."""


def busy_dates(instance: dg.DagsterInstance) -> set[dt.date]:
    """Every date that a queued, starting or running run touches, whoever launched it and whatever it does."""
    days: set[dt.date] = set()
    for run in instance.get_runs(dg.RunsFilter(statuses=list(IN_FLIGHT))):
        days |= dates_of(run.tags)
    return days


def attempts(instance: dg.DagsterInstance, planner: str) -> list[Attempt]:
    """What became of the runs that `planner` requested, newest first."""
    return with_tags(instance, {PLANNER_TAG: planner})


def with_tags(instance: dg.DagsterInstance, tags: Mapping[str, str], job: str | None = None) -> list[Attempt]:
    """The runs (of `job`) that carry `tags`, in flight or ended, newest first."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job, tags=dict(tags)), limit=_REMEMBERED)
    return [
        Attempt(
            run_id=record.dagster_run.run_id,
            contents=planning.decode_contents(record.dagster_run.tags.get(CONTENTS_TAG, "")),
            outcome=_OUTCOMES.get(record.dagster_run.status, "running"),
            ended_at=dt.datetime.fromtimestamp(record.end_time, dt.UTC) if record.end_time else None,
            permanent=record.dagster_run.tags.get(FAILURE_TAG) == "permanent",
            transient=record.dagster_run.tags.get(FAILURE_TAG) == "transient",
            poisoned=frozenset(planning.decode_dates(record.dagster_run.tags.get(POISONED_TAG, ""))),
            retry_at=_time(record.dagster_run.tags.get(RETRY_AT_TAG)),
        )
        for record in records
    ]


def run_request(planner: str, job: str, request: Request) -> dg.RunRequest:
    """The request as Dagster takes it: one partition, or a range in one run."""
    tags = {PLANNER_TAG: planner, CONTENTS_TAG: planning.encode_contents(request.contents)}
    if request.first == request.last:
        return dg.RunRequest(run_key=request.key, job_name=job, partition_key=request.first.isoformat(), tags=tags)
    tags |= {RANGE_START_TAG: request.first.isoformat(), RANGE_END_TAG: request.last.isoformat()}
    return dg.RunRequest(run_key=request.key, job_name=job, tags=tags)


def dates_of(tags: Mapping[str, str]) -> set[dt.date]:
    """The snapshot dates a run's tags name; empty for a run without partitions."""
    first = iso_date(tags.get(RANGE_START_TAG) or tags.get(PARTITION_TAG))
    last = iso_date(tags.get(RANGE_END_TAG) or tags.get(PARTITION_TAG))
    if first is None or last is None:
        return set()
    return set(days_between(first, last))


def _time(text: str | None) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
