"""What `spotify-assets import` leaves in Dagster: a materialization of the raw layer for every date it brought in.

Only where there is an instance already: an import by itself needs no Dagster, and `build` makes one.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING

from spotify_assets.lake.layout import raw_day_prefix
from spotify_assets.local.instance import has_instance, local_instance
from spotify_assets.storage.object_store import open_lake

if TYPE_CHECKING:
    from spotify_assets.settings import Settings
    from spotify_assets.spotify.adoption import Adopted
    from spotify_assets.spotify.importing import ImportReport


def record_import(settings: Settings, report: ImportReport) -> None:
    """Tell the instance, if there is one, of the dates that the import wrote snapshots of."""
    if not report.new or not has_instance(settings):
        return
    import dagster as dg

    from spotify_assets.names import PLAIN

    by_date: defaultdict[dt.date, list[Adopted]] = defaultdict(list)
    for each in report.new:
        by_date[each.day].append(each)
    store = open_lake(settings)
    with local_instance(settings) as instance:
        for day, snapshots in sorted(by_date.items()):
            instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    PLAIN.snapshots,
                    partition=day.isoformat(),
                    description="Brought in by `spotify-assets import`.",
                    metadata={
                        "playlists": len(snapshots),
                        "entries": sum(each.entries for each in snapshots),
                        "dagster/uri": store.url(raw_day_prefix(day)),
                    },
                )
            )
