"""Observing a bounded part of the raw history at a time, so that the cost does not grow with history.

An observation lists the raw objects of a stretch of dates with one offset listing and reads those dates' commits. The
recent window is looked at every time; `sweep` rotates through everything older. Free of Dagster.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from types import MappingProxyType

from glue_scripts.commit import Commit, Source
from glue_scripts.fingerprint import transformation
from glue_scripts.spans import days_between
from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout, state
from spotify_assets.storage.object_store import ObjectStore, StoredObject

WINDOW_DAYS = 3
"""Today and the two days before: looked at every time."""

SWEEP_DAYS = 3
"""Older dates looked at each time: at a look every 30 seconds, 23 years of dates in 24 hours."""


MARK_LENGTH = 8
_NOTHING_KNOWN: Mapping[dt.date, str] = MappingProxyType({})

SWEEP_MORE = 61
"""Dates looked at in addition, as long as stale ones turn up."""

SWEEP_MOST = 750
SWEEP_SECONDS = 20.0
"""No sweep goes beyond either: a sensor's evaluation ends after 60 seconds."""

FILES_SECONDS = 10.0
"""For how long lost files are looked for, as long as some turn up."""


@dataclass(frozen=True)
class Observation:
    """What was seen of `days`: the current raw objects and the commit of each, and how many raw objects there were.

    `unreadable` holds, for a date whose commit record is damaged, the sentence that says so; such a date is not stale,
    because building it can't help before somebody removes the record. `lost` says of a date which file of its commit is
    gone. `outdated` dates are up to date but for the code that built them. `spans` are the inclusive ranges that were
    listed without a hole: a date in one of them that is not among `days` has no raw objects. `marks` has what to
    remember of each date that is up to date: while it is the same, nothing of the date needs to be read again.
    """

    days: tuple[dt.date, ...] = ()
    sources: Mapping[dt.date, tuple[Source, ...]] = field(default_factory=dict)
    commits: Mapping[dt.date, Commit] = field(default_factory=dict)
    unreadable: Mapping[dt.date, str] = field(default_factory=dict)
    objects: int = 0
    spans: tuple[tuple[dt.date, dt.date], ...] = ()
    outdated: frozenset[dt.date] = frozenset()
    lost: Mapping[dt.date, str] = field(default_factory=dict)
    marks: Mapping[dt.date, str] = field(default_factory=dict)

    @property
    def stale(self) -> list[dt.date]:
        """The dates that need building."""
        doubtful = {
            day: sources
            for day, sources in self.sources.items()
            if day not in self.unreadable and (day not in self.marks or day in self.lost)
        }
        lost = {day for day, sources in doubtful.items() if day in self.lost and sources}
        return sorted({*state.stale_days(doubtful, self.commits), *lost})

    @property
    def passable(self) -> list[dt.date]:
        """The dates that a run may pass through at no cost: they are up to date, or have no snapshots."""
        behind = {*self.stale, *self.unreadable, *self.lost}
        return sorted({day for first, last in self.spans for day in days_between(first, last)} - behind)

    def joined(self, other: Observation) -> Observation:
        """Both as one."""
        return Observation(
            days=tuple(sorted({*self.days, *other.days})),
            sources={**self.sources, **other.sources},
            commits={**self.commits, **other.commits},
            unreadable={**self.unreadable, **other.unreadable},
            objects=self.objects + other.objects,
            spans=(*self.spans, *other.spans),
            outdated=self.outdated | other.outdated,
            lost={**self.lost, **other.lost},
            marks={**self.marks, **other.marks},
        )


NOTHING = Observation()


@dataclass(frozen=True)
class SweepStep:
    """A slice of older dates as observed, and the date at which the next slice begins."""

    observation: Observation
    next: dt.date


def observe_range(
    store: ObjectStore, first: dt.date, last: dt.date, known: Mapping[dt.date, str] = _NOTHING_KNOWN
) -> Observation:
    """Every date from `first` to `last`, inclusive: two listings, and a read of each commit that is not as `known`."""
    days = days_between(first, last)
    if not days:
        return NOTHING
    return replace(_observe(store, days, raw_from(store, first, last), known), spans=((first, last),))


def observe_dates(store: ObjectStore, days: Iterable[dt.date]) -> Observation:
    """The given dates, each listed by itself."""
    days = sorted(set(days))
    if not days:
        return NOTHING
    commits, unreadable = readable_commits(store, days)
    sources = state.recognised(store, state.read_current_sources(store, days), commits)
    return Observation(
        days=tuple(days),
        sources=sources,
        commits=commits,
        unreadable=unreadable,
        objects=sum(len(of_day) for of_day in sources.values()),
        spans=tuple((day, day) for day in days),
        outdated=frozenset(state.outdated_days(commits, transformation())),
    )


def sweep(
    store: ObjectStore,
    start: dt.date,
    at: dt.date | None,
    before: dt.date,
    known: Mapping[dt.date, str] = _NOTHING_KNOWN,
    *,
    days: int = SWEEP_DAYS,
    seconds: float = SWEEP_SECONDS,
) -> SweepStep:
    """The next dates that have raw objects, from `at` on, of those from `start` up to (not including) `before`.

    It looks at `days` of them, and goes on as long as it finds stale ones (up to `SWEEP_MOST` dates and for `seconds`),
    so that a backlog becomes one range. Dates without raw objects cost nothing. At the end the sweep begins again at
    `start`; an `at` outside the range counts as `start`.
    """
    at = at if at is not None and start <= at < before else start
    ends = time.monotonic() + seconds
    by_day = groupby(raw_from(store, at, before - dt.timedelta(days=1)), key=lambda each: each[0])
    groups = ((day, [raw for _, raw in of_day]) for day, of_day in by_day)
    seen, following = NOTHING, start
    wanted = days
    for day, raws in groups:
        if len(seen.days) >= wanted:
            following = day
            break
        # A slice is read as one; only its last group decides whether there is another.
        slice_ = [(day, raws), *islice(groups, wanted - len(seen.days) - 1)]
        newest = _observe(
            store, [each for each, _ in slice_], ((each, one) for each, of in slice_ for one in of), known
        )
        seen = seen.joined(newest)
        if newest.stale and len(seen.days) < SWEEP_MOST and time.monotonic() < ends:
            wanted = min(len(seen.days) + SWEEP_MORE, SWEEP_MOST)
    last = before - dt.timedelta(days=1) if following == start else seen.days[-1]
    seen = replace(seen, spans=((at, last),))
    return SweepStep(seen, following)


def raw_from(store: ObjectStore, first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, StoredObject]]:
    """Every raw object from `first` to `last` with its date, by date; one listing that begins at `first`."""
    before = layout.raw_day_prefix(first).rstrip("/")
    beyond = layout.raw_day_prefix(last + dt.timedelta(days=1))
    for raw in store.list(layout.RAW_PREFIX, after=before):
        if raw.key >= beyond:
            return
        key = layout.parse_raw_key(raw.key)
        if key is not None:
            yield key.day, raw


def sweep_files(
    store: ObjectStore,
    start: dt.date,
    at: dt.date | None,
    last: dt.date,
    again: Iterable[dt.date] = (),
    *,
    seconds: float = FILES_SECONDS,
) -> SweepStep:
    """What is lost of the files that the next date's commit names, and those of the dates to look at `again`.

    The next date is the first one with a commit from `at` on, of those from `start` to `last`, inclusive; an `at`
    outside of them counts as `start`. The observation holds the dates of which something is lost. As long as dates turn
    up that do, it goes on, for `seconds`, so that a lost folder is not found one date at a time. On S3 a date costs a
    listing of commits, one GET, and a listing for each table.
    """
    at = at if at is not None and start <= at <= last else start
    ends = time.monotonic() + seconds
    lost = _lost_files(store, again)
    while True:
        day = next((day for day, _ in _commits_from(store, at, last)), None)
        if day is None:
            at = start
            break
        at = day + dt.timedelta(days=1)
        found = _lost_files(store, [day]) if day not in lost else {}
        lost |= found
        if not found or len(lost) >= SWEEP_MOST or time.monotonic() >= ends:
            break
    return SweepStep(replace(observe_dates(store, lost), lost=lost), at)


def _lost_files(store: ObjectStore, days: Iterable[dt.date]) -> dict[dt.date, str]:
    commits, _ = readable_commits(store, sorted(days))
    return state.lost_files(store, commits)


def _observe(
    store: ObjectStore,
    days: list[dt.date],
    objects: Iterator[tuple[dt.date, StoredObject]],
    known: Mapping[dt.date, str],
) -> Observation:
    by_day: dict[dt.date, list[StoredObject]] = {day: [] for day in days}
    count = 0
    for day, raw in objects:
        by_day[day].append(raw)
        count += 1
    current = {day: state.current_sources(raws) for day, raws in by_day.items()}
    etags = _commit_etags(store, days[0], days[-1])
    marks = {day: _marks(current[day], etags[day]) for day in days if day in etags}
    same = {day: known[day] for day in marks if known.get(day) in marks[day]}
    commits, unreadable = readable_commits(store, [day for day in days if day in etags and day not in same])
    current |= state.recognised(store, {day: current[day] for day in days if day not in same}, commits)
    outdated = {day for day, mark in same.items() if mark == marks[day][1]}
    outdated |= set(state.outdated_days(commits, transformation()))
    for day, commit in commits.items():
        if current[day] and not state.is_stale(current[day], commit):
            same[day] = marks[day][day in outdated]
    return Observation(
        days=tuple(days),
        sources=current,
        commits=commits,
        unreadable=unreadable,
        objects=count,
        outdated=frozenset(outdated),
        marks=same,
    )


def _commit_etags(store: ObjectStore, first: dt.date, last: dt.date) -> dict[dt.date, str]:
    """The etag of each commit record from `first` to `last`; one listing that begins at `first`."""
    return {day: record.etag for day, record in _commits_from(store, first, last)}


def _commits_from(store: ObjectStore, first: dt.date, last: dt.date) -> Iterator[tuple[dt.date, StoredObject]]:
    """Every commit record from `first` to `last` with its date, by date; one listing that begins at `first`."""
    for record in store.list(layout.COMMITS_PREFIX, after=layout.commit_key(first - dt.timedelta(days=1))):
        if record.key > layout.commit_key(last):
            return
        day = layout.parse_commit_key(record.key)
        if day is not None:
            yield day, record


def _marks(sources: tuple[Source, ...], etag: str) -> tuple[str, str]:
    """What stands for a date that is up to date with these objects and this commit, built by this code or by other."""
    text = "\0".join([*(f"{source.key} {source.etag}" for source in sources), etag, transformation()])
    return tuple(hashlib.sha256(f"{text}\0{by}".encode()).hexdigest()[:MARK_LENGTH] for by in ("this", "other"))  # pyright: ignore[reportReturnType]


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
