"""The shared memory of all processes on one lake: calls spent in the last 24 hours, and the cool-down.

Spotify publishes neither the size of the quota nor what is left of it; it behaves like a rolling 24-hour window per
developer account, and calling on while limited is reported to lengthen the wait. So calls are counted here, before
they are made, in one small object under `state/`. The rules on the state are pure functions; `Ledger` is the shell.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Lock

from spotify_assets.failures import PermanentError
from spotify_assets.lake.layout import state_key
from spotify_assets.spotify.errors import BudgetSpentError, CoolingDownError, SpotifyUnavailableError, in_utc
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.waiting import Clock

STATE_KEY = state_key("spotify_calls")
WINDOW = dt.timedelta(hours=24)
_MINUTE = dt.timedelta(minutes=1)
_BATCH = 25


@dataclass(frozen=True)
class CoolDown:
    """Nobody calls Spotify before `until` (UTC)."""

    until: dt.datetime
    reason: str


@dataclass(frozen=True)
class CallState:
    """`calls` counts calls by the minute (UTC) in which they were reserved."""

    calls: Mapping[dt.datetime, int] = field(default_factory=dict)
    cool_down: CoolDown | None = None

    def to_json(self) -> bytes:
        """The stored form."""
        cool_down = self.cool_down
        return json.dumps(
            {
                "version": 1,
                "calls": {minute.isoformat(): count for minute, count in sorted(self.calls.items())},
                "cool_down": cool_down and {"until": cool_down.until.isoformat(), "reason": cool_down.reason},
            },
            indent=1,
        ).encode()

    @classmethod
    def from_json(cls, data: bytes | None) -> CallState:
        """Read the stored form; an empty state when there is none. Raises PermanentError when it is damaged."""
        if data is None:
            return cls()
        try:
            record = json.loads(data)
            stored = record["cool_down"]
            return cls(
                {dt.datetime.fromisoformat(minute): int(count) for minute, count in record["calls"].items()},
                stored and CoolDown(dt.datetime.fromisoformat(stored["until"]), str(stored["reason"])),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PermanentError(
                f"{STATE_KEY} in the lake is not a record of Spotify calls ({error!r})",
                remedy="delete it to start counting anew",
            ) from error


def minute_of(now: dt.datetime) -> dt.datetime:
    """The minute `now` lies in."""
    return now.replace(second=0, microsecond=0)


def pruned(state: CallState, now: dt.datetime) -> CallState:
    """Without what no longer counts: minutes wholly more than 24 hours ago, and a cool-down that is over."""
    calls = {minute: count for minute, count in state.calls.items() if count > 0 and minute + _MINUTE + WINDOW > now}
    over = state.cool_down is None or state.cool_down.until <= now
    return CallState(calls, None if over else state.cool_down)


def spent(state: CallState, now: dt.datetime) -> int:
    """Calls of the last 24 hours, those still reserved included."""
    return sum(pruned(state, now).calls.values())


def frees_at(state: CallState, now: dt.datetime, limit: int) -> dt.datetime | None:
    """When the next call is free under `limit`; None when one is free now."""
    calls = pruned(state, now).calls
    remaining = sum(calls.values())
    if remaining < limit:
        return None
    for minute, count in sorted(calls.items()):
        remaining -= count
        if remaining < limit:
            return minute + _MINUTE + WINDOW
    return now


def reserved(state: CallState, now: dt.datetime, wanted: int, limit: int) -> tuple[CallState, int]:
    """The state with up to `wanted` calls reserved, and how many were: 0 when the budget is spent."""
    state = pruned(state, now)
    granted = max(0, min(wanted, limit - sum(state.calls.values())))
    return _added(state, minute_of(now), granted), granted


def given_back(state: CallState, minute: dt.datetime, unspent: int) -> CallState:
    """The state without `unspent` of the calls reserved in `minute`."""
    return _added(state, minute, -unspent)


def cooled_down(state: CallState, cool_down: CoolDown) -> CallState:
    """The state with a cool-down; a longer one that is known already stays."""
    known = state.cool_down
    return state if known and known.until >= cool_down.until else replace(state, cool_down=cool_down)


def _added(state: CallState, minute: dt.datetime, count: int) -> CallState:
    return replace(state, calls={**state.calls, minute: state.calls.get(minute, 0) + count})


class Ledger:
    """Counts this process's calls against the shared budget and keeps everybody out during a cool-down.

    Calls are reserved in batches before they are made, so that the budget is never exceeded however many processes
    share the lake, with one small write per batch; `settle` returns what was not needed. A process that dies keeps
    its last batch reserved for 24 hours. Without a `limit` (the sandbox) nothing is stored.
    """

    def __init__(self, store: ObjectStore, limit: int | None, clock: Clock, *, batch: int = _BATCH) -> None:
        self._store = store
        self._limit = limit
        self._clock = clock
        self._batch = batch
        self._lock = Lock()
        self._unspent = 0
        self._settled = False
        self._minute = minute_of(clock.now())
        self.calls = 0

    @property
    def limit(self) -> int | None:
        """Calls allowed in any rolling 24 hours; None when they are not counted."""
        return self._limit

    def spend(self) -> None:
        """Count one call that is about to be made.

        Raises CoolingDownError or BudgetSpentError with the time at which calling may go on, and
        SpotifyUnavailableError once settled (a thread that outlived its extraction).
        """
        if self._limit is None:
            with self._lock:
                self.calls += 1
            return
        with self._lock:
            if self._settled:
                raise SpotifyUnavailableError("The extraction this call belongs to has ended.")
            if self._unspent == 0 or self._minute != minute_of(self._clock.now()):
                self._reserve(self._limit)
            self._unspent -= 1
            self.calls += 1

    def _reserve(self, limit: int) -> None:
        now = self._clock.now()
        granted = 0  # by the last call of `change`

        def change(data: bytes | None) -> bytes:
            nonlocal granted
            state = given_back(CallState.from_json(data), self._minute, self._unspent)
            granted = 0
            if pruned(state, now).cool_down is None:
                left = limit - spent(state, now)
                state, granted = reserved(state, now, max(1, min(self._batch, left // 4)), limit)
            return pruned(state, now).to_json()

        state = CallState.from_json(self._store.update(STATE_KEY, change))
        self._unspent, self._minute = granted, minute_of(now)
        if granted == 0:
            raise self._refusal(state, now, limit)

    def _refusal(self, state: CallState, now: dt.datetime, limit: int) -> CoolingDownError | BudgetSpentError:
        if state.cool_down:
            return cooling_down(state.cool_down)
        until = frees_at(state, now, limit) or now
        return BudgetSpentError(
            f"The budget of {limit} Spotify calls in 24 hours is spent: extraction can go on at {in_utc(until)}",
            remedy="raise SPOTIFY_DAILY_CALL_BUDGET if the account's quota allows more",
            code="budget",
            retry_at=until,
        )

    def cool_down(self, until: dt.datetime, reason: str) -> CoolingDownError:
        """Keep everybody on this lake from calling before `until` (UTC); the error to raise."""
        cool_down = CoolDown(until, reason)
        if self._limit is None:
            return cooling_down(cool_down)
        data = self._store.update(STATE_KEY, lambda old: cooled_down(CallState.from_json(old), cool_down).to_json())
        return cooling_down(CallState.from_json(data).cool_down or cool_down)

    def settle(self) -> None:
        """Return the calls that were reserved and not made; none can be made afterwards."""
        with self._lock:
            self._settled = True
            unspent, self._unspent = self._unspent, 0
            if unspent:
                minute = self._minute
                self._store.update(
                    STATE_KEY, lambda old: given_back(CallState.from_json(old), minute, unspent).to_json()
                )

    def state(self) -> CallState:
        """What counts now, for everybody on this lake."""
        return pruned(CallState.from_json(self._store.get_or_none(STATE_KEY)), self._clock.now())


def cooling_down(cool_down: CoolDown) -> CoolingDownError:
    """The error for calling during a cool-down."""
    return CoolingDownError(
        f"Spotify asked us to stay away until {in_utc(cool_down.until)} ({cool_down.reason}): no call is made before",
        remedy="run the partition again after that time",
        code="cool_down",
        retry_at=cool_down.until,
    )
