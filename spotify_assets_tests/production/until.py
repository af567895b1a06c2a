"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

PAUSE = 0.2
PATIENCE = 300.0
"""Seconds, on a machine that does other things too: what comes at all comes sooner."""


def until(ask: Callable[[], Answer], seconds: float, what: str | Callable[[], str]) -> Answer:
    """The first answer that is true, within `seconds`; else an AssertionError that says `what` did not come."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"Not within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(PAUSE)
