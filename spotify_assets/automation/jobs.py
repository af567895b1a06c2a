"""The jobs: which assets run together, and what guards such a run.

When a job runs belongs to `schedules` and `sensors`; jobs without assets (adopting landing objects, the vacuum) are in
`maintenance`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import dagster as dg

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.metadata import OWNERS
from spotify_assets.names import BUILD, EXTRACT, LOAD, PLAIN, REFRESH, Names

Job: TypeAlias = "dg.JobDefinition | dg.UnresolvedAssetJobDefinition"

CRASH_RETRIES: Mapping[str, str] = {"dagster/max_retries": "2", "dagster/retry_on_asset_or_op_failure": "false"}
"""The daemon repeats a run whose process died; what failed inside a run is for the step's retries and the sensors."""

_SECONDS_AN_HOUR = 3600


def build_jobs(
    names: Names = PLAIN,
    assets: Iterable[dg.AssetKey] | None = None,
    executor: dg.ExecutorDefinition | None = None,
) -> list[dg.UnresolvedAssetJobDefinition]:
    """Every job made of assets; each carries the checks of its assets.

    `assets` are all there are of this instance: what somebody else has downstream of them is no part of any job.
    """
    every = dg.AssetSelection.all() if assets is None else dg.AssetSelection.assets(*assets)
    lake = dg.AssetSelection.assets(*[names.lake(table) for table in LAKE_TABLES])
    loads = dg.AssetSelection.assets(*[names.warehouse("lake", table) for table in LAKE_TABLES])
    return [
        dg.define_asset_job(
            names.called(EXTRACT),
            selection=dg.AssetSelection.assets(names.snapshots),
            description="Take today's snapshot of every tracked playlist. Spotify can't be asked for another date.",
            owners=OWNERS,
            executor_def=executor,
            run_tags=_guarded(hours=3),
        ),
        dg.define_asset_job(
            names.called(BUILD),
            selection=(lake.downstream() & every).materializable(),
            description=(
                "Bring any range of snapshot dates up to date: the lake's tables, then everything after them. Dates "
                "that are up to date cost nothing. Run it without a date and it fails; pick dates or let the "
                "sensors pick them."
            ),
            owners=OWNERS,
            executor_def=executor,
            run_tags=_guarded(hours=6),
        ),
        dg.define_asset_job(
            names.called(LOAD),
            selection=(loads.downstream() & every).materializable(),
            description="Load what the lake's commits say into the warehouse, then everything after it.",
            owners=OWNERS,
            executor_def=executor,
            run_tags=_guarded(hours=3),
        ),
        dg.define_asset_job(
            names.called(REFRESH),
            selection=((loads.downstream() & every) - loads).materializable(),
            description="Merge the dimensions and compute the marts and the dashboard from what is loaded.",
            owners=OWNERS,
            executor_def=executor,
            run_tags=_guarded(hours=3),
        ),
    ]


def _guarded(*, hours: int) -> dict[str, str]:
    """Run tags: repeat a crashed run, and end one that hangs for `hours`."""
    return {**CRASH_RETRIES, "dagster/max_runtime": str(hours * _SECONDS_AN_HOUR)}
