"""The daily partitions every partitioned asset shares."""

from __future__ import annotations

import datetime as dt

import dagster as dg


def snapshot_dates(start: dt.date) -> dg.DailyPartitionsDefinition:
    """One partition per snapshot date in UTC, from `start` up to and including today."""
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), timezone="UTC", end_offset=1)
