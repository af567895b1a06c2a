"""The daily partitions every partitioned asset shares, and the dates of a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import dagster as dg

from glue_scripts.spans import days_between

_Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


class SnapshotDates(dg.DailyPartitionsDefinition):
    """Dagster's daily partitions, whose keys are counted.

    Dagster asks its cron for one day after the other, and does so at every step below a partitioned asset: after four
    years that was a tenth of a day's build.
    """

    def get_partition_keys(
        self, current_time: dt.datetime | None = None, dynamic_partitions_store: Any = None
    ) -> Sequence[str]:
        with dg.partition_loading_context(current_time, dynamic_partitions_store):
            first, last = self.get_first_partition_key(), self.get_last_partition_key()
        if first is None or last is None:
            return []
        return [day.isoformat() for day in days_between(dt.date.fromisoformat(first), dt.date.fromisoformat(last))]


def snapshot_dates(start: dt.date) -> SnapshotDates:
    """One partition per snapshot date in UTC, from `start` up to and including today."""
    return SnapshotDates(start_date=start.isoformat(), timezone="UTC", end_offset=1)


def run_dates(context: _Context) -> list[dt.date]:
    """The snapshot dates of a run, ascending. Raises Dagster's own error in a run without dates."""
    return [dt.date.fromisoformat(key) for key in context.partition_keys]


def run_dates_or_none(context: _Context) -> list[dt.date] | None:
    """The snapshot dates of a run, ascending; None in a run without dates, such as a check executed by itself."""
    return run_dates(context) if context.has_partition_key or context.has_partition_key_range else None
