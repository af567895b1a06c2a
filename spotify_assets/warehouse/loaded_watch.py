"""Which commits the warehouse has not loaded, found without asking the warehouse more than necessary. Free of Dagster.

A query wakes a Snowflake warehouse up and costs a minute of it, so commits are listed month by month, and the warehouse
is asked only about months whose commits changed since it was last found to hold them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from glue_scripts.commit import Commit
from spotify_assets.lake import layout
from spotify_assets.storage.object_store import ObjectStore


@dataclass(frozen=True)
class Month:
    """What is known of a month (its first day).

    `fingerprint` is of the commits as they were when the warehouse was last asked; `unloaded` the run of each date that
    it did not hold then; `stuck` those of them that a load had been reported successful for.
    """

    first: dt.date
    fingerprint: str = ""
    unloaded: Mapping[dt.date, str] = field(default_factory=dict)
    stuck: frozenset[dt.date] = frozenset()


def month_of(day: dt.date) -> dt.date:
    """The first day of a date's month."""
    return day.replace(day=1)


def next_month(first: dt.date) -> dt.date:
    """The first day of the month after."""
    return month_of(first + dt.timedelta(days=31))


def recent_months(today: dt.date, start: dt.date) -> list[dt.date]:
    """This month and the one before, not before the first partition's."""
    this = month_of(today)
    return [first for first in (month_of(this - dt.timedelta(days=1)), this) if first >= month_of(start)]


def swept_month(start: dt.date, at: dt.date | None, today: dt.date) -> dt.date | None:
    """The older month whose turn it is: `at`, or the first one; None when there is none."""
    months = recent_months(today, start)
    first = month_of(start)
    if not months or first >= months[0]:
        return None
    return at if at is not None and first <= at < months[0] else first


def fingerprints(store: ObjectStore, first: dt.date, last: dt.date) -> dict[dt.date, str]:
    """The fingerprint of each month from `first` to `last` (first days, inclusive); one listing from `first` on."""
    beyond = layout.commit_key(next_month(last))
    before = layout.commit_key(first - dt.timedelta(days=1))
    lines: dict[dt.date, list[str]] = {}
    for stored in store.list(layout.COMMITS_PREFIX, after=before):
        if stored.key >= beyond:
            break
        day = layout.parse_commit_key(stored.key)
        if day is not None:
            lines.setdefault(month_of(day), []).append(f"{stored.key} {stored.etag}")
    month, result = first, {}
    while month <= last:
        text = "\n".join(sorted(lines.get(month, ())))
        result[month] = hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""
        month = next_month(month)
    return result


def unloaded(
    commits: Mapping[dt.date, Commit], loaded: Iterable[Mapping[dt.date, str]], start: dt.date
) -> dict[dt.date, str]:
    """The run of each commit, from `start` on, that some table does not hold; `loaded` has the runs of each table."""
    tables = list(loaded)
    return {
        day: commit.run_id
        for day, commit in commits.items()
        if day >= start and any(runs.get(day) != commit.run_id for runs in tables)
    }


def asked(month: Month, fingerprint: str, lacking: Mapping[dt.date, str], succeeded: Collection[dt.date]) -> Month:
    """The month after asking the warehouse: `found` is what it lacks, `succeeded` what it should have held."""
    return replace(month, fingerprint=fingerprint, unloaded=lacking, stuck=frozenset(succeeded) & frozenset(lacking))
