"""Time as the extraction sees it, so that tests can control it. Nothing else here."""

from __future__ import annotations

import datetime as dt
import time
from threading import Event
from typing import Protocol


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
