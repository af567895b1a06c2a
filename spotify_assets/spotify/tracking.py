"""What became of every tracked playlist, today and before: open, stored or refused, in one small object of the lake.

Lambda, Dagster and the command line share it. When a playlist is asked again, and when its day is over, is decided here
by pure functions; `Tracking` is the shell. How a playlist is asked belongs in `extract`.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from spotify_assets.lake.layout import state_key
from spotify_assets.spotify.snapshot import format_time, parse_time
from spotify_assets.storage.object_store import ObjectStore

log = logging.getLogger(__name__)

STATE_KEY = state_key("spotify_playlists")

Standing = Literal["open", "stored", "refused"]

HOURS_APART = dt.timedelta(hours=3)
"""Between the first and the last verdict that together end a playlist's day."""

LONG_REFUSED_DAYS = 3
"""A playlist refused on so many days in a row before today is asked once a day."""

UNLISTED_DAYS = 3
"""A playlist that the account's list no longer has is read for so many days more."""

EMPTY_LIST_DAYS = 30
"""A list that is empty all at once is not believed for so long."""

FIRST_PAUSE = dt.timedelta(minutes=10)
LONGEST_PAUSE = dt.timedelta(minutes=55)
"""No hour of the day goes by without a try while something is open."""

LONGEST_RUN = dt.timedelta(minutes=15)
"""A run (of Lambda) that said nothing for so long is over."""

LAST_CALL = dt.timedelta(minutes=15)
"""Before the UTC day ends what is open is tried once more."""

_MOST_PLAYLISTS = 10_000
_FORGOTTEN_AFTER = dt.timedelta(days=60)
_SAID = 300


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """One playlist. Times are UTC, days UTC dates.

    `standing`, `begun_at` (the last run that set out to read it), `tries` (runs that asked), `tried_at` and the first
    and last verdict are of `day` alone. `size` is its entries when last stored. `refused_since` and `refused_days`
    count the verdicts in a row since it last was readable; `where` is the call that was refused, `said` why.
    `listed_on` is the last day the account's list had it.
    """

    name: str = ""
    day: dt.date | None = None
    standing: Standing = "open"
    begun_at: dt.datetime | None = None
    tries: int = 0
    tried_at: dt.datetime | None = None
    first_verdict: dt.datetime | None = None
    last_verdict: dt.datetime | None = None
    said: str = ""
    where: str = "playlist"
    read_on: dt.date | None = None
    size: int | None = None
    refused_since: dt.datetime | None = None
    refused_days: int = 0
    listed_on: dt.date | None = None

    @property
    def is_long_refused(self) -> bool:
        """Whether it was refused for days, so that one call a day is enough."""
        before_today = self.refused_days - (self.first_verdict is not None)
        return self.refused_since is not None and before_today >= LONG_REFUSED_DAYS

    @property
    def is_confirmed(self) -> bool:
        """Whether today's verdict was given twice, hours apart (or once, after days of it)."""
        if self.first_verdict is None or self.last_verdict is None:
            return False
        return self.is_long_refused or self.last_verdict - self.first_verdict >= HOURS_APART


@dataclass(frozen=True)
class Playlists:
    """Every playlist tracked in the last weeks, by id."""

    tracked: Mapping[str, Tracked] = field(default_factory=dict)

    def of(self, playlist_id: str, day: dt.date) -> Tracked:
        """The playlist as it stands on `day`: open where that day has not begun for it."""
        known = self.tracked.get(playlist_id, Tracked())
        if known.day == day:
            return known
        return replace(
            known,
            day=day,
            standing="open",
            begun_at=None,
            tries=0,
            tried_at=None,
            first_verdict=None,
            last_verdict=None,
            said="",
        )

    def on(self, day: dt.date) -> dict[str, Tracked]:
        """The playlists whose `day` has begun."""
        return {playlist_id: one for playlist_id, one in self.tracked.items() if one.day == day}

    def listed_before(self, day: dt.date) -> dict[str, Tracked]:
        """The playlists that the account's list had when it was last read before `day`, or within UNLISTED_DAYS."""
        days = [one.listed_on for one in self.tracked.values() if one.listed_on and one.listed_on < day]
        if not days:
            return {}
        since = max(min(max(days), day - dt.timedelta(days=UNLISTED_DAYS)), day - dt.timedelta(days=EMPTY_LIST_DAYS))
        return {
            playlist_id: one
            for playlist_id, one in self.tracked.items()
            if one.listed_on and since <= one.listed_on < day
        }

    def to_json(self) -> bytes:
        """The stored form."""
        kept = sorted(self.tracked.items(), key=lambda item: item[1].day or dt.date.min, reverse=True)[:_MOST_PLAYLISTS]
        return json.dumps(
            {"version": 1, "playlists": {known: _record(one) for known, one in sorted(kept)}}, indent=1
        ).encode()

    @classmethod
    def from_json(cls, data: bytes | None) -> Playlists:
        """Read the stored form. A damaged one counts as none: a day matters more than what was known of the last."""
        if data is None:
            return cls()
        try:
            stored = json.loads(data)["playlists"]
            return cls({known: _tracked(record) for known, record in stored.items()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s in the lake can't be read (%r): starting anew.", STATE_KEY, error)
            return cls()


def stored(one: Tracked, *, entries: int | None, name: str, now: dt.datetime, complete: bool) -> Tracked:
    """The playlist after a snapshot of its day was stored. An incomplete one leaves the day open until confirmed."""
    one = replace(
        one,
        name=name or one.name,
        read_on=one.day,
        size=one.size if entries is None else entries,
        refused_since=None,
        refused_days=0,
        tried_at=now,
        tries=one.tries + 1,
        said="",
    )
    if complete:
        return replace(one, standing="stored")
    one = replace(one, first_verdict=one.first_verdict or now, last_verdict=now, said="it is not whole")
    return replace(one, standing="stored" if one.is_confirmed else "open")


def refused(one: Tracked, *, said: str, where: str, name: str, now: dt.datetime) -> Tracked:
    """The playlist after a verdict against it."""
    one = replace(
        one,
        name=name or one.name,
        said=said[:_SAID],
        where=where,
        tries=one.tries + 1,
        tried_at=now,
        refused_since=one.refused_since or now,
        refused_days=one.refused_days + (one.first_verdict is None),
        first_verdict=one.first_verdict or now,
        last_verdict=now,
    )
    return replace(one, standing="refused" if one.is_confirmed else "open")


def failed(one: Tracked, *, said: str, now: dt.datetime, asked: bool) -> Tracked:
    """The playlist after a run that got no answer about it; `asked` is False where the run did not reach it."""
    return replace(one, said=said[:_SAID], tries=one.tries + asked, tried_at=now)


def pause_after(tries: int) -> dt.timedelta:
    """How long something open rests after its `tries`th try of the day."""
    return min(FIRST_PAUSE * 2 ** min(max(tries, 1) - 1, 10), LONGEST_PAUSE)


def next_try(playlists: Playlists, day: dt.date) -> dt.datetime | None:
    """When the playlists of `day` that are open are asked again (UTC); None when none is, or none more that day."""
    times = [_ready_at(one, day) for one in playlists.on(day).values() if one.standing == "open"]
    return min((time for time in times if time.date() == day), default=None)


def _ready_at(one: Tracked, day: dt.date) -> dt.datetime:
    if one.tried_at and (one.begun_at is None or one.tried_at >= one.begun_at):
        return next_at(one.tried_at, one.tries, day)
    begun = one.begun_at or dt.datetime.combine(day, dt.time(), dt.UTC)
    return begun + LONGEST_RUN


def next_at(tried_at: dt.datetime, tries: int, day: dt.date) -> dt.datetime:
    """When to try again what was last tried at `tried_at`: after a growing pause, and once more before the day ends."""
    last_call = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1) - LAST_CALL
    ready = tried_at + pause_after(tries)
    return last_call if tried_at < last_call < ready else ready


class Tracking:
    """The shell: reads and updates the shared object. With `store` None (the sandbox) nothing is kept."""

    def __init__(self, store: ObjectStore | None) -> None:
        self._store = store

    def read(self) -> Playlists:
        """What is known now."""
        return Playlists.from_json(self._store.get_or_none(STATE_KEY)) if self._store else Playlists()

    def update(self, day: dt.date, change: Callable[[Playlists], Mapping[str, Tracked]]) -> Playlists:
        """Put the playlists that `change` gives in place of the known ones, with no other writer in between."""
        if self._store is None:
            return Playlists(change(Playlists()))

        def changed(data: bytes | None) -> bytes:
            known = Playlists.from_json(data)
            return Playlists(_remembered({**known.tracked, **change(known)}, day)).to_json()

        return Playlists.from_json(self._store.update(STATE_KEY, changed))

    def begin(self, day: dt.date, now: dt.datetime, ids: Iterable[str], listed: Iterable[str]) -> Playlists:
        """Note that a run sets out to read `ids`; `listed` are those the account's list has."""
        on_list = set(listed)

        def change(known: Playlists) -> dict[str, Tracked]:
            begun = {playlist_id: replace(known.of(playlist_id, day), begun_at=now) for playlist_id in ids}
            return {
                playlist_id: replace(one, listed_on=day) if playlist_id in on_list else one
                for playlist_id, one in begun.items()
            }

        return self.update(day, change)


def _remembered(tracked: Mapping[str, Tracked], day: dt.date) -> dict[str, Tracked]:
    oldest = day - _FORGOTTEN_AFTER
    return {known: one for known, one in tracked.items() if one.day and one.day >= oldest}


_DAYS = ("day", "read_on", "listed_on")
_TIMES = ("begun_at", "tried_at", "first_verdict", "last_verdict", "refused_since")


def _record(one: Tracked) -> dict[str, object]:
    values = {name: value for name, value in asdict(one).items() if value not in (None, "")}
    return {
        name: format_time(value) if isinstance(value, dt.datetime) else str(value) if name in _DAYS else value
        for name, value in values.items()
    }


def _tracked(record: Mapping[str, object]) -> Tracked:
    values = {name: record[name] for name in Tracked.__dataclass_fields__ if name in record}
    read = {
        name: dt.date.fromisoformat(str(value))
        if name in _DAYS
        else parse_time(str(value))
        if name in _TIMES
        else value
        for name, value in values.items()
    }
    return Tracked(**read)  # pyright: ignore[reportArgumentType] - as `_record` wrote them
