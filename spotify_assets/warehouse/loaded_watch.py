"""Which commits the warehouse has not loaded, found without asking the warehouse more than necessary. Free of Dagster.

A query wakes a Snowflake warehouse up and costs a minute of it, so commits are listed month by month, and the warehouse
is asked only about months whose commits changed since it was last found to hold them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from spotify_assets.lake import layout, watch
from spotify_assets.storage.object_store import ObjectStore, StoredObject


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
    lines: dict[dt.date, list[str]] = {}
    for day, stored in _stored(store, first, last):
        lines.setdefault(month_of(day), []).append(f"{stored.key} {stored.etag}")
    month, result = first, {}
    while month <= last:
        text = "\n".join(sorted(lines.get(month, ())))
        result[month] = hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""
        month = next_month(month)
    return result


def _stored(store: ObjectStore, first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, StoredObject]]:
    """The commits of the months `first` to `last` (first days, inclusive)."""
    beyond = layout.commit_key(next_month(last))
    for stored in store.list(layout.COMMITS_PREFIX, after=layout.commit_key(first - dt.timedelta(days=1))):
        if stored.key >= beyond:
            return
        day = layout.parse_commit_key(stored.key)
        if day is not None:
            yield day, stored


_RUNS: OrderedDict[tuple[str, str | None], str] = OrderedDict()
"""Which run a commit names, by its address and etag: a commit has up to 2 MB, and of a month's one changes a day."""

_MOST_RUNS = 4_000


def committed_runs(store: ObjectStore, first: dt.date) -> dict[dt.date, str]:
    """The run of each commit of a month that can be read. Reads those that this process has not read as they are."""
    seen = {day: (store.url(stored.key), stored.etag) for day, stored in _stored(store, first, first)}
    commits, _ = watch.readable_commits(store, [day for day, version in seen.items() if version not in _RUNS])
    _RUNS.update({seen[day]: commit.run_id for day, commit in commits.items()})
    runs = {day: _RUNS[version] for day, version in seen.items() if version in _RUNS}
    while len(_RUNS) > _MOST_RUNS:
        _RUNS.popitem(last=False)
    return runs


def unloaded(
    committed: Mapping[dt.date, str], loaded: Iterable[Mapping[dt.date, str]], start: dt.date
) -> dict[dt.date, str]:
    """The run of each commit, from `start` on, that some table does not hold; `loaded` has the runs of each table."""
    tables = list(loaded)
    return {day: run for day, run in committed.items() if day >= start and any(runs.get(day) != run for runs in tables)}


def asked(month: Month, fingerprint: str, lacking: Mapping[dt.date, str], succeeded: Collection[dt.date]) -> Month:
    """The month after asking the warehouse: `found` is what it lacks, `succeeded` what it should have held."""
    return replace(month, fingerprint=fingerprint, unloaded=lacking, stuck=frozenset(succeeded) & frozenset(lacking))
