"""How many calls are in flight, and when all of them wait. Politeness to Spotify's rolling 30-second window.

Spotify publishes no numbers for that window, so the gate learns: a 429 pauses everyone and halves what may be in
flight; every twenty calls that pass give one place back. Until a first answer is good one call goes alone: where
everything is refused, a run costs a call or two and not as many as there are threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Event

from spotify_assets.waiting import Clock

_RECOVERS_AFTER = 20


class Gate:
    """At most `limit` calls in flight, shared by all threads of an extraction."""

    def __init__(self, limit: int, clock: Clock, stopped: Event) -> None:
        self._limit = limit
        self._allowed = limit
        self._clock = clock
        self._stopped = stopped
        self._condition = Condition()
        self._opened = False
        self._in_flight = 0
        self._passed = 0
        self._paused_until = 0.0
        self.most_in_flight = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Hold a place for one call, once there is one and no pause is on."""
        with self._condition:
            while self._in_flight >= (self._allowed if self._opened or self._stopped.is_set() else 1):
                self._condition.wait()
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            self._sit_out_pause()
            yield
        finally:
            with self._condition:
                self._in_flight -= 1
                self._passed += 1
                if self._passed >= _RECOVERS_AFTER and self._allowed < self._limit:
                    self._allowed, self._passed = self._allowed + 1, 0
                self._condition.notify_all()

    def open(self) -> None:
        """A first answer was good: all places may be taken."""
        if not self._opened:
            with self._condition:
                self._opened = True
                self._condition.notify_all()

    def _sit_out_pause(self) -> None:
        while not self._stopped.is_set():
            with self._condition:
                left = self._paused_until - self._clock.monotonic()
            if left < 0.001:  # finer than any clock sleeps
                return
            self._clock.sleep(left, self._stopped)

    def pause(self, seconds: float) -> float:
        """Let no call start for `seconds`, and fewer be in flight afterwards; the seconds that adds for everyone."""
        with self._condition:
            now = self._clock.monotonic()
            added = now + seconds - max(self._paused_until, now)
            if added <= 0:
                return 0.0
            if self._paused_until <= now:  # the first of those that were refused together
                self._allowed, self._passed = max(1, self._allowed // 2), 0
            self._paused_until = now + seconds
            return added
