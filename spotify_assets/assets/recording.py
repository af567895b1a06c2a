"""What the partitioned assets share about a run's dates: which of them are empty, and recording some of them alone.

A date without raw snapshots and without a commit is an empty date: looked, and nothing is there. It costs a run
nothing, counts as materialized with no rows, and deletes nothing. Dagster records every date of a run's range as
materialized once an output of the asset arrives; a step that fails for some dates records the others one by one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

import dagster as dg

from spotify_assets.assets.metadata import lineage_shown
from spotify_assets.private import add_metadata_by_partition
from spotify_assets.resources.lake import LakeResource
from spotify_assets.settings import WithoutSnapshots

ByDate = Mapping[dt.date, Mapping[str, dg.MetadataValue]]

EMPTY: Mapping[str, dg.MetadataValue] = {"dagster/partition_row_count": dg.MetadataValue.int(0)}
"""What an empty date shows."""


def report_alone(context: dg.AssetExecutionContext, key: dg.AssetKey, by_date: ByDate) -> None:
    """Record the dates of `by_date` of one asset one by one, before its step fails for the others."""
    for day, metadata in by_date.items():
        context.log_event(dg.AssetMaterialization(key, partition=day.isoformat(), metadata=dict(metadata)))


def recorded(
    context: dg.AssetExecutionContext, key: dg.AssetKey, by_date: ByDate, shared: Mapping[str, dg.RawMetadataValue]
) -> dg.MaterializeResult:
    """The output of one asset, each date of `by_date` with its own metadata and all of them with `shared`.

    The last date, whose event is the asset's newest, carries the column lineage.
    """
    by_partition = {day.isoformat(): metadata for day, metadata in by_date.items()}
    if by_partition:
        last = max(by_partition)
        by_partition[last] = {**by_partition[last], **lineage_shown(context, key)}
    add_metadata_by_partition(context, key, by_partition)
    return dg.MaterializeResult(asset_key=key, metadata=shared)


def without_commit(
    lake: LakeResource, days: Iterable[dt.date], commits: Collection[dt.date], without_snapshots: WithoutSnapshots
) -> tuple[list[dt.date], list[dt.date]]:
    """(the empty dates, the dates that lack a commit and shouldn't) of those of `days` that are not in `commits`.

    Lists raw objects only when there is something to decide. With `without_snapshots` as `fail` no date is empty.
    """
    days = [day for day in days if day not in commits]
    if not days or without_snapshots == "fail":
        return [], days
    sources = lake.sources(days)
    return [day for day in days if not sources[day]], [day for day in days if sources[day]]


def listing(days: Iterable[dt.date]) -> str:
    """Every one of the dates, for a message."""
    return ", ".join(day.isoformat() for day in days)
