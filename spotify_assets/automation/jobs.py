"""The jobs: which assets run together, and what guards such a run.

When a job runs belongs to `schedules` and `sensors`; jobs without assets (adopting landing objects, the vacuum) are in
`maintenance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import dagster as dg

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.lake import lake_key
from spotify_assets.assets.metadata import OWNERS
from spotify_assets.assets.raw import PLAYLIST_SNAPSHOTS
from spotify_assets.assets.warehouse import table_key

EXTRACT = "extract_playlists"
BUILD = "build_history"
LOAD = "load_warehouse"
REFRESH = "refresh_analytics"

Job: TypeAlias = "dg.JobDefinition | dg.UnresolvedAssetJobDefinition"

CRASH_RETRIES: Mapping[str, str] = {"dagster/max_retries": "2", "dagster/retry_on_asset_or_op_failure": "false"}
"""The daemon repeats a run whose process died; what failed inside a run is for the step's retries and the sensors."""

_SECONDS_AN_HOUR = 3600


def build_jobs() -> list[dg.UnresolvedAssetJobDefinition]:
    """Every job made of assets; each carries the checks of its assets."""
    lake = dg.AssetSelection.assets(*[lake_key(table) for table in LAKE_TABLES])
    loads = dg.AssetSelection.assets(*[table_key("lake", table) for table in LAKE_TABLES])
    return [
        dg.define_asset_job(
            EXTRACT,
            selection=dg.AssetSelection.assets(PLAYLIST_SNAPSHOTS),
            description="Take today's snapshot of every tracked playlist. Spotify can't be asked for another date.",
            owners=OWNERS,
            run_tags=_guarded(hours=3),
        ),
        dg.define_asset_job(
            BUILD,
            selection=lake.downstream().materializable(),
            description=(
                "Bring any range of snapshot dates up to date: the lake's tables, then everything after them. Dates "
                "that are up to date cost nothing. Run it without a date and it fails; pick dates or let the "
                "sensors pick them."
            ),
            owners=OWNERS,
            run_tags=_guarded(hours=6),
        ),
        dg.define_asset_job(
            LOAD,
            selection=loads.downstream().materializable(),
            description="Load what the lake's commits say into the warehouse, then everything after it.",
            owners=OWNERS,
            run_tags=_guarded(hours=3),
        ),
        dg.define_asset_job(
            REFRESH,
            selection=(loads.downstream() - loads).materializable(),
            description="Merge the dimensions and compute the marts and the dashboard from what is loaded.",
            owners=OWNERS,
            run_tags=_guarded(hours=3),
        ),
    ]


def _guarded(*, hours: int) -> dict[str, str]:
    """Run tags: repeat a crashed run, and end one that hangs for `hours`."""
    return {**CRASH_RETRIES, "dagster/max_runtime": str(hours * _SECONDS_AN_HOUR)}
