"""The daily partitions every partitioned asset shares, and the dates of a run."""

from __future__ import annotations

import datetime as dt

import dagster as dg

_Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


def snapshot_dates(start: dt.date) -> dg.DailyPartitionsDefinition:
    """One partition per snapshot date in UTC, from `start` up to and including today."""
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), timezone="UTC", end_offset=1)


def run_dates(context: _Context) -> list[dt.date]:
    """The snapshot dates of a run, ascending. Raises Dagster's own error in a run without dates."""
    return [dt.date.fromisoformat(key) for key in context.partition_keys]


def run_dates_or_none(context: _Context) -> list[dt.date] | None:
    """The snapshot dates of a run, ascending; None in a run without dates, such as a check executed by itself."""
    return run_dates(context) if context.has_partition_key or context.has_partition_key_range else None
