"""What Dagster's run storage says about dates: the thin shell between a sensor's plan and its instance.

One instance serves many code locations, so everything is asked of `OurRuns`: those of this location alone. Which
dates runs in flight touch, what became of the runs a sensor requested, and how a planned request becomes a
RunRequest that can be recognised later. Deciding belongs to `planning`.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from glue_scripts.spans import days_between, iso_date
from spotify_assets.assets.lake import POISONED_TAG
from spotify_assets.automation import planning
from spotify_assets.automation.planning import Attempt, Outcome, Request
from spotify_assets.names import PLAIN, Names
from spotify_assets.private import REPOSITORY_TAG, hidden_tag
from spotify_assets.retries import RETRY_AT_TAG, failure_kind, own_tag

PLANNER_TAG = "spotify_assets/planned_by"
CONTENTS_TAG = hidden_tag("contents")
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


@dataclass(frozen=True)
class OurRuns:
    """The runs of one code location's repository, among those of all the locations that share an instance.

    `repository` is its label as Dagster tags runs with it; None where there is no location (a sensor called directly in
    a test), which sees the runs that have none either, as Dagster's own run status sensors do.
    """

    instance: dg.DagsterInstance
    repository: str | None
    names: Names = PLAIN
    definitions: dg.RepositoryDefinition | None = None

    def records(
        self,
        job: str | None = None,
        *,
        statuses: Sequence[dg.DagsterRunStatus] = (),
        tags: Mapping[str, str] | None = None,
        limit: int | None = None,
    ) -> Sequence[dg.RunRecord]:
        """Our runs (of `job`, in one of `statuses`, with all of `tags`), newest first."""
        labelled = {**(tags or {}), **({REPOSITORY_TAG: self.repository} if self.repository else {})}
        wanted = dg.RunsFilter(job_name=job, statuses=list(statuses), tags=labelled)
        if self.repository:
            return self.instance.get_run_records(wanted, limit=limit)
        everybodys = self.instance.get_run_records(wanted)
        return [record for record in everybodys if repository_of(record.dagster_run) is None][:limit]

    def in_flight(self, job: str | None = None) -> list[dg.DagsterRun]:
        """Our queued, starting and running runs (of `job`)."""
        return [each.dagster_run for each in self.records(job, statuses=IN_FLIGHT)]


def ours(context: dg.SensorEvaluationContext, names: Names = PLAIN) -> OurRuns:
    """The runs of the code location that the sensor belongs to, for the instance of `names`."""
    origin = context.code_location_origin
    label = f"{context.repository_name}@{origin.location_name}" if origin and context.repository_name else None
    return OurRuns(context.instance, label, names, context.repository_def)


def repository_of(run: dg.DagsterRun) -> str | None:
    """The label of the repository that a run was launched from; None for one without (another program's in-process)."""
    origin = run.remote_job_origin
    return origin.repository_origin.get_label() if origin else None


def busy_dates(ours: OurRuns) -> set[dt.date]:
    """Every date that a queued, starting or running run of ours touches, whoever launched it and whatever it does."""
    days: set[dt.date] = set()
    for run in ours.in_flight():
        dates = dates_of(run.tags)
        if dates and ours.names.owns(run, ours.definitions):
            days |= dates
    return days


def attempts(ours: OurRuns, planner: str) -> list[Attempt]:
    """What became of the runs that `planner` requested, newest first."""
    return with_tags(ours, {PLANNER_TAG: planner})


def with_tags(ours: OurRuns, tags: Mapping[str, str], job: str | None = None) -> list[Attempt]:
    """Our runs (of `job`) that carry `tags`, in flight or ended, newest first."""
    records = ours.records(job, tags=tags, limit=_REMEMBERED)
    return [
        Attempt(
            run_id=record.dagster_run.run_id,
            contents=planning.decode_contents(record.dagster_run.tags.get(CONTENTS_TAG, "")),
            outcome=_OUTCOMES.get(record.dagster_run.status, "running"),
            ended_at=dt.datetime.fromtimestamp(record.end_time, dt.UTC) if record.end_time else None,
            permanent=failure_kind(record.dagster_run) == "permanent",
            transient=failure_kind(record.dagster_run) in ("transient", "deployment"),
            poisoned=frozenset(planning.decode_dates(own_tag(record.dagster_run, POISONED_TAG) or "")),
            retry_at=_time(own_tag(record.dagster_run, RETRY_AT_TAG)),
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
