"""A clock for tests: time passes only when somebody sleeps, and `meanwhile` happens then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from threading import Event


class FakeClock:
    """`slept` holds the seconds of each wait, in order."""

    def __init__(self, meanwhile: Callable[[float], None] = lambda seconds: None) -> None:
        self.slept: list[float] = []
        self.meanwhile = meanwhile

    def now(self) -> dt.datetime:
        return dt.datetime(2026, 11, 21, 6, tzinfo=dt.UTC) + dt.timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float, until: Event | None = None) -> None:
        self.slept.append(seconds)
        self.meanwhile(seconds)
