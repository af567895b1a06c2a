"""A clock on which waiting takes no time."""

import datetime as dt
from threading import Event


class QuickClock:
    """`waiting.Clock` that notes what was waited for, in `slept` (seconds)."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float, until: Event | None = None) -> None:
        self.slept.append(seconds)
