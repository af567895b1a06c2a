"""When data is late: three hours after the extraction's schedule, whatever cron and time zone that has. Pure."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import dagster as dg

GRACE_HOURS = 3
"""An extraction, its retries and the build are done within these."""

_EARLY = dt.timedelta(hours=1)
_DAYS = 15


def freshness(cron: str, timezone: str) -> dg.FreshnessPolicy:
    """Every tick of `cron` is followed by a materialization within `GRACE_HOURS`.

    For a cron whose hours can't simply be moved, the next tick is the deadline of the one before.
    """
    moved = deadline(cron)
    interval = shortest_interval(cron)
    bound = min(interval, dt.timedelta(hours=GRACE_HOURS) + _EARLY) if moved else interval
    return dg.FreshnessPolicy.cron(deadline_cron=moved or cron, lower_bound_delta=bound, timezone=timezone)


def deadline(cron: str) -> str | None:
    """`cron` moved by `GRACE_HOURS`; None where that is not simply other hours of the same days."""
    fields = cron.split()
    if len(fields) != 5 or fields[2:] != ["*", "*", "*"]:
        return None
    hours = fields[1].split(",")
    if not all(hour.isdecimal() for hour in hours):
        return None
    later = sorted((int(hour) + GRACE_HOURS) % 24 for hour in hours)
    return " ".join([fields[0], ",".join(map(str, later)), "*", "*", "*"])


def shortest_interval(cron: str) -> dt.timedelta:
    """The shortest time between two ticks, seen over two weeks or two ticks."""
    from croniter import croniter

    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    ticks = croniter(cron, start)
    seen: list[dt.datetime] = [ticks.get_next(dt.datetime), ticks.get_next(dt.datetime)]
    while seen[-1] - start < dt.timedelta(days=_DAYS) and len(seen) < 400:
        seen.append(ticks.get_next(dt.datetime))
    return min(later - earlier for earlier, later in pairwise(seen))
