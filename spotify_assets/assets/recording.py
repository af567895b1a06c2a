"""Telling Dagster which of a run's dates were done, when that is not all of them.

Dagster records every date of a run's range as materialized once an output of the asset arrives. A step that did only
some dates records those one by one, and then either fails for the others or hands over an output that records nothing.
What was done, and why the rest was not, belongs beside the assets.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from spotify_assets.resources.lake import LakeResource
from spotify_assets.settings import WithoutSnapshots

ByDate = Mapping[dt.date, Mapping[str, dg.MetadataValue]]


def report_alone(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    by_date: ByDate,
    shared: Mapping[str, dg.RawMetadataValue] | None = None,
) -> None:
    """Record the dates of `by_date` of one asset one by one; each shows its own metadata and `shared`."""
    for day, metadata in by_date.items():
        context.log_event(
            dg.AssetMaterialization(key, partition=day.isoformat(), metadata={**(shared or {}), **metadata})
        )


def recorded(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    by_date: ByDate,
    shared: Mapping[str, dg.RawMetadataValue],
    *,
    whole: bool,
) -> dg.MaterializeResult:
    """The output of one asset: checks and assets after it run, and the dates of `by_date` count as materialized.

    They are the `whole` of the run's dates, or else are recorded alone, because no other date may count. Dagster 1.13
    has no public way to do the latter and go on: an output that is not yielded (`skippable`) skips whatever follows. It
    leaves an output that carries this key unrecorded, for assets that record themselves. To be replaced when a
    MaterializeResult can name its partitions; a test of the whole line notices when the key stops working.
    """
    if not whole:
        report_alone(context, key, by_date, shared)
        return dg.MaterializeResult(asset_key=key, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})
    for day, metadata in by_date.items():
        context.add_asset_metadata(metadata, asset_key=key, partition_key=day.isoformat())
    return dg.MaterializeResult(asset_key=key, metadata=shared)


def skipped_dates(lake: LakeResource, days: Iterable[dt.date], without_snapshots: WithoutSnapshots) -> list[dt.date]:
    """Those of `days` that a run leaves out, as DATES_WITHOUT_SNAPSHOTS says: the ones without raw snapshots, or none.

    Lists the raw objects of `days` only when there is something to decide.
    """
    days = list(days)
    if without_snapshots == "fail" or not days:
        return []
    sources = lake.sources(days)
    return [day for day in days if not sources[day]]


def names(days: Iterable[dt.date]) -> str:
    """Every one of the dates, for a message."""
    return ", ".join(day.isoformat() for day in days)
