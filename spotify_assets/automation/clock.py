"""The time as sensors see it, and how often they look. Waiting inside a step belongs to `spotify_assets.retries`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

TICK_SECONDS = 30
"""Between two ticks of a sensor that watches the lake."""

Clock = Callable[[], dt.datetime]


def utc_now() -> dt.datetime:
    """The time in UTC; tests put another in its place."""
    return dt.datetime.now(dt.UTC)
