"""Time, and how to wait for something: the one clock that tests can replace, and the one way to try or ask again.

How long to wait for what is decided where the waiting is; whether a failed step of Dagster is repeated belongs in
`spotify_assets.retries`.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from threading import Event
from typing import Protocol

import tenacity


class Clock(Protocol):
    """Wall time (UTC), a monotonic count of seconds, and a way to let time pass."""

    def now(self) -> dt.datetime: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, until: Event | None = None) -> None:
        """Let `seconds` pass, or less when `until` is set meanwhile."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float, until: Event | None = None) -> None:
        if until is None:
            time.sleep(seconds)
        else:
            until.wait(seconds)


SYSTEM_CLOCK = SystemClock()


def again(
    when: tenacity.retry_base | Callable[[tenacity.RetryCallState], bool],
    *,
    wait: tenacity.wait.wait_base | Callable[[tenacity.RetryCallState], float],
    tries: int | None = None,
    seconds: float | None = None,
    clock: Clock = SYSTEM_CLOCK,
    until: Event | None = None,
    before_sleep: Callable[[tenacity.RetryCallState], None] | None = None,
) -> tenacity.Retrying:
    """Call something again for as long as `when` says so: `again(...)(function, *args)`.

    `when` is one of tenacity's `retry_if_…`; it stops after `tries` calls, or when the next one would come later than
    `seconds` after the first by `clock`; `until` ends a wait early. Then the last exception is raised as it is, or,
    where the result asked for another call, `tenacity.RetryError`.
    """
    starts = clock.monotonic()

    def over(state: tenacity.RetryCallState) -> bool:
        if tries is not None and state.attempt_number >= tries:
            return True
        return seconds is not None and clock.monotonic() - starts + state.upcoming_sleep > seconds

    return tenacity.Retrying(
        retry=when,
        stop=over,
        wait=wait,
        sleep=lambda seconds: clock.sleep(seconds, until),
        before_sleep=before_sleep,
        reraise=True,
    )
