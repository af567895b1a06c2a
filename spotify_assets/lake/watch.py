"""Looking at a bounded part of the raw history at a time, so that the cost of a look does not grow with history.

A look lists the raw objects of a stretch of dates with one offset listing and reads those dates' commits. The recent
window is looked at every time; `Sweep` rotates through everything older. Free of Dagster.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice

from glue_scripts.commit import Commit, Source
from glue_scripts.spans import days_between
from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout, state
from spotify_assets.storage.object_store import ObjectStore, StoredObject

WINDOW_DAYS = 3
"""Today and the two days before: looked at every time."""

SWEEP_DAYS = 3
"""Older dates looked at each time: at a look every 30 seconds, 23 years of dates in 24 hours."""


SWEEP_MORE = 61
"""Dates looked at in addition, as long as stale ones turn up."""

SWEEP_MOST = 750
SWEEP_SECONDS = 20.0
"""No sweep goes beyond either: a sensor's evaluation ends after 60 seconds."""


@dataclass(frozen=True)
class Look:
    """What was seen of `days`: the current raw objects and the commit of each, and how many raw objects there were.

    `unreadable` holds, for a date whose commit record is damaged, the sentence that says so; such a date is not stale,
    because building it can't help before somebody removes the record.
    """

    days: tuple[dt.date, ...] = ()
    sources: Mapping[dt.date, tuple[Source, ...]] = field(default_factory=dict)
    commits: Mapping[dt.date, Commit] = field(default_factory=dict)
    unreadable: Mapping[dt.date, str] = field(default_factory=dict)
    objects: int = 0

    @property
    def stale(self) -> list[dt.date]:
        """The dates that need building."""
        readable = {day: found for day, found in self.sources.items() if day not in self.unreadable}
        return state.stale_days(readable, self.commits)

    @property
    def up_to_date(self) -> list[dt.date]:
        """The dates that have raw objects and a commit built from them."""
        behind = {*self.stale, *self.unreadable}
        return sorted(day for day, found in self.sources.items() if found and day not in behind)

    def joined(self, other: Look) -> Look:
        """Both looks as one."""
        return Look(
            days=tuple(sorted({*self.days, *other.days})),
            sources={**self.sources, **other.sources},
            commits={**self.commits, **other.commits},
            unreadable={**self.unreadable, **other.unreadable},
            objects=self.objects + other.objects,
        )


NOTHING = Look()


@dataclass(frozen=True)
class Swept:
    """A slice of older dates, and the date at which the next slice begins."""

    look: Look
    next: dt.date


def look(store: ObjectStore, first: dt.date, last: dt.date) -> Look:
    """Look at every date from `first` to `last`, inclusive; one listing, and one read per date."""
    days = days_between(first, last)
    if not days:
        return NOTHING
    return _look(store, days, raw_from(store, first, last))


def look_at(store: ObjectStore, days: Iterable[dt.date]) -> Look:
    """Look at the given dates, each listed by itself."""
    days = sorted(set(days))
    if not days:
        return NOTHING
    sources = state.read_current_sources(store, days)
    commits, unreadable = readable_commits(store, days)
    return Look(tuple(days), sources, commits, unreadable, sum(len(of_day) for of_day in sources.values()))


def sweep(
    store: ObjectStore,
    start: dt.date,
    at: dt.date | None,
    before: dt.date,
    *,
    days: int = SWEEP_DAYS,
    seconds: float = SWEEP_SECONDS,
) -> Swept:
    """The next dates that have raw objects, from `at` on, of those from `start` up to (not including) `before`.

    It looks at `days` of them, and goes on as long as it finds stale ones (up to `SWEEP_MOST` dates and for `seconds`),
    so that a backlog becomes one range. Dates without raw objects cost nothing. At the end the sweep begins again at
    `start`; an `at` outside the range counts as `start`.
    """
    at = at if at is not None and start <= at < before else start
    ends = time.monotonic() + seconds
    by_day = groupby(raw_from(store, at, before - dt.timedelta(days=1)), key=lambda each: each[0])
    groups = ((day, [found for _, found in of_day]) for day, of_day in by_day)
    seen, following = NOTHING, start
    wanted = days
    for day, found in groups:
        if len(seen.days) >= wanted:
            following = day
            break
        # A slice is read as one; only its last group decides whether there is another.
        slice_ = [(day, found), *islice(groups, wanted - len(seen.days) - 1)]
        newest = _look(store, [each for each, _ in slice_], ((each, one) for each, of in slice_ for one in of))
        seen = seen.joined(newest)
        if newest.stale and len(seen.days) < SWEEP_MOST and time.monotonic() < ends:
            wanted = min(len(seen.days) + SWEEP_MORE, SWEEP_MOST)
    return Swept(seen, following)


def raw_from(store: ObjectStore, first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, StoredObject]]:
    """Every raw object from `first` to `last` with its date, by date; one listing that begins at `first`."""
    before = layout.raw_day_prefix(first).rstrip("/")
    beyond = layout.raw_day_prefix(last + dt.timedelta(days=1))
    for found in store.list(layout.RAW_PREFIX, after=before):
        if found.key >= beyond:
            return
        key = layout.parse_raw_key(found.key)
        if key is not None:
            yield key.day, found


def _look(store: ObjectStore, days: list[dt.date], objects: Iterator[tuple[dt.date, StoredObject]]) -> Look:
    by_day: dict[dt.date, list[StoredObject]] = {day: [] for day in days}
    count = 0
    for day, found in objects:
        by_day[day].append(found)
        count += 1
    sources = {day: state.current_sources(found) for day, found in by_day.items()}
    return Look(tuple(days), sources, *readable_commits(store, days), count)


def readable_commits(store: ObjectStore, days: list[dt.date]) -> tuple[dict[dt.date, Commit], dict[dt.date, str]]:
    """The commits that can be read, and what is wrong with the others."""
    try:
        return state.read_commits(store, days), {}
    except PermanentError:
        pass  # some record is damaged: read them one by one, so that it hides no other date
    commits: dict[dt.date, Commit] = {}
    unreadable: dict[dt.date, str] = {}
    for day in days:
        try:
            commits |= state.read_commits(store, [day])
        except PermanentError as error:
            unreadable[day] = str(error)
    return commits, unreadable


def window(today: dt.date, start: dt.date, days: int = WINDOW_DAYS) -> dt.date:
    """The first date of the recent window of `days` dates; tomorrow for a window of none."""
    return max(start, today - dt.timedelta(days=days - 1))
