"""Which runs to request for the dates that need work: pure functions, the same for every sensor and the command line.

In go the dates with a digest of what each needs, and what became of the runs that tried before; out come the runs to
request and, for every other date, why none. Reading either belongs to the sensors and to `runs`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal

from glue_scripts.spans import days_between, iso_date, slices
from spotify_assets.lake.state import shown, stretches

Outcome = Literal["running", "failed", "cancelled", "succeeded"]

DIGEST_LENGTH = 8
_NOT_ASKED = "." * DIGEST_LENGTH


@dataclass(frozen=True)
class Attempt:
    """A run that was requested for dates. `contents` holds the digest of what each date needed at that time.

    `permanent` says that it failed in a way that trying again can't change, `transient` that the cause passes by
    itself, or lies in the deployment (a refused permission, a Spark that is not there) and in no date; neither, that
    nobody knows (a process that died). `poisoned` are the dates it named as the ones it failed for. `retry_at` (UTC) is
    when trying again can help, where that is known.
    """

    run_id: str
    contents: Mapping[dt.date, str]
    outcome: Outcome
    ended_at: dt.datetime | None = None
    permanent: bool = False
    retry_at: dt.datetime | None = None
    transient: bool = False
    poisoned: frozenset[dt.date] = frozenset()


@dataclass(frozen=True)
class Limits:
    """How much one tick asks for, and how long a date rests.

    `sizes[n]` is how many dates a run may span that failed n times before for no passing cause: the sizes shrink so
    that one poisoned date ends up alone and the others pass. An outage shrinks nothing: what it stopped is asked for as
    it was, after pauses that grow up to `longest_pause`, for as long as it lasts.
    """

    sizes: tuple[int, ...] = (366, 366, 31, 1)
    runs_per_tick: int = 5
    first_pause: dt.timedelta = dt.timedelta(minutes=5)
    pause_growth: int = 4
    longest_pause: dt.timedelta = dt.timedelta(hours=6)

    def pause(self, tries: int) -> dt.timedelta:
        """How long a date rests after its `tries`th failure."""
        return min(self.longest_pause, self.first_pause * self.pause_growth ** min(tries - 1, 10))


@dataclass(frozen=True)
class Request:
    """A run to request: the inclusive range `first` to `last`, for the sake of the dates in `contents`.

    `after` is the run that tried the same last, if one did.
    """

    first: dt.date
    last: dt.date
    contents: Mapping[dt.date, str]
    tries: int
    after: str = ""

    @property
    def key(self) -> str:
        """The run key: the same for the same dates, contents and earlier tries, whoever computes it."""
        text = f"{self.first} {self.last} {encode_contents(self.contents)} {self.after}"
        return f"{hashlib.sha256(text.encode()).hexdigest()[:16]}-{self.tries + 1}"


@dataclass(frozen=True)
class Plan:
    """What to do about every date that needs work. The sets are disjoint and together are all of them."""

    requests: tuple[Request, ...] = ()
    in_flight: frozenset[dt.date] = frozenset()
    resting: frozenset[dt.date] = frozenset()
    given_up: frozenset[dt.date] = frozenset()
    succeeded: frozenset[dt.date] = frozenset()
    postponed: frozenset[dt.date] = frozenset()

    @property
    def requested(self) -> frozenset[dt.date]:
        return frozenset(day for request in self.requests for day in request.contents)

    def describe(self) -> str:
        """What becomes of the dates, for a tick's skip reason; empty when no date needs work."""
        parts = [
            ("requested", self.requested),
            ("in flight", self.in_flight),
            ("resting after a failure", self.resting),
            ("left for the next tick", self.postponed),
            ("given up after a permanent failure (fix the cause, then run them from the UI)", self.given_up),
            ("unchanged by a run that succeeded (run them from the UI if they should be)", self.succeeded),
        ]
        return "; ".join(f"{len(days)} {what}: {shown(days)}" for what, days in parts if days)


@dataclass(frozen=True)
class _Ready:
    """How often a date was tried, which of `Limits.sizes` its next range may have, and which run tried it last."""

    tries: int
    level: int
    last_run: str = ""


@dataclass
class _Sorted:
    """The dates by what becomes of them, while planning."""

    ready: dict[dt.date, _Ready] = field(default_factory=dict)
    in_flight: set[dt.date] = field(default_factory=set)
    resting: set[dt.date] = field(default_factory=set)
    given_up: set[dt.date] = field(default_factory=set)
    succeeded: set[dt.date] = field(default_factory=set)


def plan(
    needs: Mapping[dt.date, str],
    attempts: Sequence[Attempt],
    *,
    busy: AbstractSet[dt.date],
    through: Iterable[dt.date],
    now: dt.datetime,
    limits: Limits | None = None,
) -> Plan:
    """The runs to request for `needs` (date to digest of what it needs).

    A date of `busy` waits: some run in flight touches it. A date that a run of the same digest failed on rests, then
    is tried again: after an outage as it was, else in a smaller range. One that failed for good is given up, and one
    whose run succeeded is left alone. A range may run through dates of `through` that need nothing. `now` is in UTC.
    """
    limits = limits or Limits()
    order = _sort(needs, attempts, busy, now, limits)
    free = set(through) - set(needs) - busy
    requests: list[Request] = []
    for level, size in enumerate(limits.sizes):
        days = {day: ready for day, ready in order.ready.items() if ready.level == level}
        for first, last in ranges(days, free, size):
            contents = {day: needs[day] for day in days if first <= day <= last}
            most = max((days[day] for day in contents), key=lambda ready: ready.tries)
            requests.append(Request(first, last, contents, most.tries, most.last_run))
    requests.sort(key=lambda request: (request.tries, -request.last.toordinal()))
    taken, left = requests[: limits.runs_per_tick], requests[limits.runs_per_tick :]
    return Plan(
        requests=tuple(taken),
        in_flight=frozenset(order.in_flight),
        resting=frozenset(order.resting),
        given_up=frozenset(order.given_up),
        succeeded=frozenset(order.succeeded),
        postponed=frozenset(day for request in left for day in request.contents),
    )


def _sort(
    needs: Mapping[dt.date, str],
    attempts: Sequence[Attempt],
    busy: AbstractSet[dt.date],
    now: dt.datetime,
    limits: Limits,
) -> _Sorted:
    tried: dict[dt.date, list[Attempt]] = {}
    for attempt in attempts:
        for day, content in attempt.contents.items():
            if needs.get(day) == content:
                tried.setdefault(day, []).append(attempt)
    order = _Sorted()
    for day in sorted(needs):
        mine = tried.get(day, [])
        outcomes = {attempt.outcome for attempt in mine}
        if day in busy or "running" in outcomes:
            order.in_flight.add(day)
        elif "succeeded" in outcomes:
            order.succeeded.add(day)
        elif not mine:
            order.ready[day] = _Ready(0, 0)
        else:
            _sort_failed(order, day, mine, now, limits)
    return order


def _sort_failed(order: _Sorted, day: dt.date, mine: Sequence[Attempt], now: dt.datetime, limits: Limits) -> None:
    tries = len(mine)
    for_good = any(day in attempt.poisoned or (attempt.permanent and len(attempt.contents) == 1) for attempt in mine)
    ended = [attempt.ended_at for attempt in mine if attempt.ended_at]
    ready_at = [max(ended) + limits.pause(tries)] if ended else []
    ready_at += [attempt.retry_at for attempt in mine if attempt.retry_at]
    if for_good:
        order.given_up.add(day)
    elif ready_at and now < max(ready_at):
        order.resting.add(day)
    else:
        # The cause may be a neighbour, whom the date parts from; from a named one at once, and for an outage never.
        parting = sum(not attempt.transient and not attempt.poisoned for attempt in mine)
        together = any(attempt.permanent and not attempt.poisoned for attempt in mine)
        level = min(parting + together, len(limits.sizes) - 1)
        order.ready[day] = _Ready(tries, level, max(mine, key=lambda attempt: attempt.ended_at or now).run_id)


def ranges(days: Iterable[dt.date], through: Iterable[dt.date], size: int) -> list[tuple[dt.date, dt.date]]:
    """`days` as few inclusive ranges of at most `size` dates, which may run through dates of `through`."""
    days = sorted(days)
    planned: list[tuple[dt.date, dt.date]] = []
    for first, last in stretches(days, through=through):
        start = end = first
        for day in days:
            if not first <= day <= last:
                continue
            if (day - start).days >= size:
                planned.append((start, end))
                start = day
            end = day
        planned.append((start, end))
    return planned


def digest(*parts: str) -> str:
    """A short digest of `parts`, in order; equal for equal parts."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:DIGEST_LENGTH]


def encode_contents(contents: Mapping[dt.date, str]) -> str:
    """Digests by date as one compact text: the first date, then a digest or dots for every day from there."""
    if not contents:
        return ""
    first, last = min(contents), max(contents)
    days = days_between(first, last)
    return f"{first}:{''.join(contents.get(day, _NOT_ASKED) for day in days)}"


def decode_contents(text: str) -> dict[dt.date, str]:
    """What `encode_contents` was given; empty for a text that it did not write."""
    start, _, digests = text.partition(":")
    first = iso_date(start)
    if first is None:
        return {}
    parts = ["".join(part) for part in slices(digests, DIGEST_LENGTH)]
    return {first + dt.timedelta(days=number): part for number, part in enumerate(parts) if part != _NOT_ASKED}


def decode_dates(text: str) -> list[dt.date]:
    """Dates from a text that lists them with commas; parts that are no dates are left out."""
    return [day for part in text.split(",") if (day := iso_date(part))]
