"""Data is late three hours after the extraction was due, wherever and whenever that is."""

import datetime as dt

import dagster as dg
import pytest

from spotify_assets.automation.freshness import freshness
from spotify_assets.definitions import build_defs
from spotify_assets.settings import load_settings

HOURS = dt.timedelta(hours=1)


@pytest.mark.parametrize(
    ("cron", "deadline", "bound"),
    [
        ("0 6 * * *", "0 9 * * *", 4 * HOURS),
        ("30 22 * * *", "30 1 * * *", 4 * HOURS),
        ("15 4,16 * * *", "15 7,19 * * *", 4 * HOURS),
        ("0 6 * * 1", "0 6 * * 1", 168 * HOURS),
        ("0 */6 * * *", "0 */6 * * *", 6 * HOURS),
        ("* * * * *", "* * * * *", HOURS / 60),
    ],
)
def test_the_deadline_follows_the_extraction(cron: str, deadline: str, bound: dt.timedelta) -> None:
    """It was 09:00 UTC, whatever EXTRACT_CRON and SCHEDULE_TIMEZONE said."""
    policy = freshness(cron, "Europe/Berlin")
    assert policy == dg.FreshnessPolicy.cron(deadline, bound, "Europe/Berlin")


def test_no_asset_that_nothing_materializes_has_a_deadline() -> None:
    """`warehouse_loads` stayed UNKNOWN for ever."""
    defs = build_defs(load_settings({}))
    assets = defs.resolve_asset_graph()
    late = {key for key in assets.get_all_asset_keys() if assets.get(key).freshness_policy}
    assert late == assets.materializable_asset_keys
