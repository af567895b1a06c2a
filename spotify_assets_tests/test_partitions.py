"""The snapshot dates are Dagster's daily partitions, told faster."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from spotify_assets.partitions import snapshot_dates


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-02-28T00:00:00", ["2026-02-26", "2026-02-27", "2026-02-28"]),
        ("2026-02-27T23:59:59", ["2026-02-26", "2026-02-27"]),
        ("2026-02-26T00:00:00", ["2026-02-26"]),
        ("2024-01-01T00:00:00", []),
    ],
)
def test_the_dates_go_from_the_first_to_today_in_utc(now: str, expected: list[str]) -> None:
    with dg.partition_loading_context(at(now)):
        assert snapshot_dates(dt.date(2026, 2, 26)).get_partition_keys() == expected
    assert snapshot_dates(dt.date(2026, 2, 26)).get_partition_keys(at(now)) == expected


@pytest.mark.parametrize("now", ["2026-11-26T12:00:00", "2023-12-30T00:00:00", "2023-12-29T23:59:59", "2023-12-28"])
def test_they_are_those_of_dagsters_own_daily_partitions(now: str) -> None:
    ours = snapshot_dates(dt.date(2023, 12, 30))
    stock = dg.DailyPartitionsDefinition("2023-12-30", timezone="UTC", end_offset=1)

    assert (ours, hash(ours)) == (stock, hash(stock))
    with dg.partition_loading_context(at(now)):
        assert ours.get_partition_keys() == stock.get_partition_keys()
