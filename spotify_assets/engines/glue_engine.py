"""The `glue` transform engine: the same transformation as `spark`, as one run of the Glue job for any set of dates.

What a Glue run is and how it fails is `glue`'s business; here: the manifest, the script's version, the reports.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from glue_scripts.commit import BuiltDay, UnreadDays, attempt_name
from glue_scripts.spans import iso_date
from spotify_assets.engines.engine import DaySources, TransformEngine
from spotify_assets.engines.glue import GlueJobResource, GlueOutcome, GlueTimedOut
from spotify_assets.engines.glue_runs import JobRun
from spotify_assets.engines.glue_script import is_shipped, script_arguments, script_version
from spotify_assets.engines.spark_runs import built_days, make_manifest
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.insights import GLUE_DPU_SECONDS
from spotify_assets.lake import layout
from spotify_assets.settings import Settings

if TYPE_CHECKING:
    from spotify_assets.storage.object_store import ObjectStore


class GlueEngine(TransformEngine):
    """Builds tables on AWS Glue, all dates in one run."""

    job: GlueJobResource

    @property
    def engine_name(self) -> str:
        return "glue"

    @property
    def builds_dates_apart(self) -> bool:
        return False  # each half would be a run that is paid for: the planner asks for smaller ranges, after a pause

    def examine(self) -> str:
        return self.job.examine()

    def build(
        self, context: dg.AssetExecutionContext, store: ObjectStore, run_id: str, days: Sequence[DaySources]
    ) -> Iterator[BuiltDay]:
        if not days:
            return
        if not is_shipped(store):
            raise PermanentError(
                f"Version {script_version()} of the Glue script, which belongs to this code, is not at "
                f"{store.url(layout.GLUE_PREFIX)}",
                remedy="run `spotify-assets glue deploy`",
            )
        yield from self._build(context, store, run_id, days, [])

    def _build(
        self,
        context: dg.AssetExecutionContext,
        store: ObjectStore,
        run_id: str,
        days: Sequence[DaySources],
        ended: list[JobRun],
    ) -> Iterator[BuiltDay]:
        """Build `days` in one run; where that takes too long, in two. `ended` has the runs so far, which all cost."""
        attempt = attempt_name(run_id)
        manifest_key = layout.manifest_key(attempt)
        store.put(manifest_key, make_manifest(attempt, self.engine_name, days).to_json())
        arguments = {**script_arguments(store), **lake_arguments(store, manifest_key)}
        try:
            outcome = self.job.run(context, store, work_key(store, days), arguments)
        except GlueTimedOut as error:
            store.delete([manifest_key])
            ended.append(error.run)
            if len(days) == 1:
                raise PermanentError(f"{error.what}\nOne date alone takes too long", remedy=error.remedy) from error
            middle = len(days) // 2
            context.log.warning(
                f"{error.what}\n{len(days)} dates take too long in one run: building {middle} and {len(days) - middle}"
            )
            yield from self._build(context, store, run_id, days[:middle], ended)
            yield from self._build(context, store, run_id, days[middle:], ended)
            return
        ended.append(outcome.run)
        for asset_key in context.selected_asset_keys:
            context.add_asset_metadata({**outcome.metadata, **self.job.costs(ended)}, asset_key=asset_key)
        once = [key for key in context.selected_asset_keys if key.path[-1] == "playlists"]
        for asset_key in once:
            context.add_asset_metadata(
                {GLUE_DPU_SECONDS: dg.MetadataValue.float(sum(run.dpu_seconds for run in ended))},
                asset_key=asset_key,
                partition_key=max(context.partition_keys),
            )
        unread = _unread(outcome)
        yield from built_days(_reports(outcome), [work for work in days if work.day not in unread], "The Glue run")
        store.delete({manifest_key, outcome.arguments["--manifest"]})
        if unread:
            raise UnreadDays(unread)


def glue_engine(settings: Settings) -> GlueEngine:
    """The engine for the job the settings name."""
    return GlueEngine(
        job=GlueJobResource(
            job_name=settings.glue_job_name,
            endpoint_url=settings.aws_endpoint_url,
            worker_type=settings.glue_worker_type,
            workers=settings.glue_workers,
            timeout_minutes=settings.glue_timeout_minutes,
            usd_per_dpu_hour=settings.glue_usd_per_dpu_hour,
        )
    )


def work_key(store: ObjectStore, days: Sequence[DaySources]) -> str:
    """What makes two attempts at the same work the same: the lake, the dates, their sources, and the script.

    Not who attempts it: the repeat of a crashed Dagster run has another run id, and finds the Glue run it left.
    """
    work = [(each.day.isoformat(), [(source.key, source.etag) for source in each.sources]) for each in days]
    digest = hashlib.sha256(json.dumps([store.url(), script_version(), sorted(work)]).encode()).hexdigest()
    return f"{min(each.day for each in days)}-{max(each.day for each in days)}-{digest[:16]}"


def lake_arguments(store: ObjectStore, manifest_key: str) -> dict[str, str]:
    """The script's own arguments."""
    return {"--lake": store.url().rstrip("/"), "--manifest": manifest_key}


def _unread(outcome: GlueOutcome) -> dict[dt.date, str]:
    """The dates that the run left out, each with why."""
    reasons: dict[dt.date, str] = {}
    for message in outcome.messages:
        record = message.get("unread_days")
        if isinstance(record, dict):
            reasons |= {day: str(why) for text, why in record.items() if (day := iso_date(str(text)))}
    return reasons


def _reports(outcome: GlueOutcome) -> Iterator[BuiltDay]:
    for message in outcome.messages:
        record = message.get("built_day")
        if not isinstance(record, dict):
            continue
        try:
            yield BuiltDay.from_record(record)
        except ValueError as error:
            raise TransientError(f"The Glue run sent {error}; nothing of it is used; build the dates again.") from error
