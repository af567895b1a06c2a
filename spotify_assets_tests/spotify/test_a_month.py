"""A month of a Spotify that is wrong now and then: no day is lost, and it costs little more than a faultless one.

Thirty playlists, edited now and then; two answers of a hundred are wrong; three times everything is refused for hours;
one playlist is deleted for good. Extraction and the sensor's plan run on a simulated clock, Spotify on a real socket.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from spotify_assets.automation.extraction import next_run
from spotify_assets.automation.planning import Attempt
from spotify_assets.failures import PermanentError, PlatformError, TransientError
from spotify_assets.lake.layout import raw_day_prefix
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.client import RetryRules, SpotifyClient
from spotify_assets.spotify.extract import extract
from spotify_assets.spotify.playlists import PlaylistSelection
from spotify_assets.spotify.reading import identity
from spotify_assets.spotify.tracking import Tracking
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.conftest import TestClock
from spotify_assets_tests.spotify.spotify_server import Answer, SpotifyServer, entry, error, spotify_server

FIRST = dt.datetime(2026, 10, 1, 6, tzinfo=dt.UTC)
PLAYLISTS = 30
WRONG = 0.02
MOST_CALLS = 1.3
REFUSALS = ((1, 6, 10), (2, 0, 15), (4, 6, 22), (13, 5, 15), (22, 0, 23))
"""(day of the month from 0, first hour, last hour): everything is refused, as plain text."""

PREMIUM = "Active premium subscription required for the owner of the app."


class Month:
    """A Spotify and those who ask it, for `days`."""

    def __init__(self, server: SpotifyServer, store: ObjectStore, *, days: int, seed: int, faults: bool) -> None:
        self.server, self.store, self.days, self.faults = server, store, days, faults
        self.clock = TestClock(FIRST)
        self.random = random.Random(seed)
        self.edits = random.Random(seed + 1)
        self.refusals = REFUSALS[:3] if days < 15 else REFUSALS[2:]
        self.deleted_on = days // 2
        self.ids = server.add(PLAYLISTS, entries=60)
        self.truth: dict[tuple[int, str], list[object]] = {}
        self.calls = 0
        self.runs = 0
        if faults:
            self._answer = server.answer
            server.answer = self.answer  # type: ignore[method-assign]

    def answer(self, path: str, query: dict[str, list[str]]) -> Answer:
        """The truth, but for what is wrong."""
        now = self.clock.now()
        for day, first, last in self.refusals:
            if now.date() == (FIRST + dt.timedelta(days=day)).date() and first <= now.hour < last:
                return Answer(403, PREMIUM)
        sent = self._answer(path, query)
        if self.random.random() >= WRONG:
            return sent
        moved = isinstance(sent.body, dict) and "snapshot_id" in sent.body and {**sent.body, "snapshot_id": "moved"}
        return self.random.choice(
            [
                error(404, "Resource not found"),
                Answer(403, PREMIUM),
                error(403, "Forbidden"),
                error(502, "Bad gateway"),
                Answer(503),
                Answer(body=sent.data, cut="middle"),
                Answer(body=b'{"items": [NaN], "id": NaN}'),
                Answer(body=moved) if moved else sent,
            ]
        )

    def live(self) -> None:
        """All days, one after another."""
        for day in range(self.days):
            start = FIRST + dt.timedelta(days=day)
            self.clock.advance(start - self.clock.now())
            self._edit(day)
            self._day(start.date())

    def _edit(self, day: int) -> None:
        for number, playlist_id in enumerate(self.ids):
            playlist = self.server.playlists.get(playlist_id)
            if number == 7 and day == self.deleted_on:
                self.server.playlists.pop(playlist_id, None)
                continue
            if playlist is None:
                continue
            if self.edits.random() < 0.2:
                playlist.entries[self.edits.randrange(60)] = entry(self.edits.randrange(10**6))
                playlist.snapshot_id = f"edited-{day}"
            self.truth[day, playlist_id] = [identity(item) for item in playlist.entries]

    def _day(self, day: dt.date) -> None:
        """The scheduled run, then whatever the sensor asks for."""
        attempts: list[Attempt] = []
        while True:
            attempts.insert(0, self._run(day))
            due, _ = next_run(attempts, Tracking(self.store).read(), day)
            if due is None or due.date() != day:
                return
            self.clock.advance(max(due - self.clock.now(), dt.timedelta()))
            if self.clock.now().date() != day:
                return

    def _run(self, day: dt.date) -> Attempt:
        client = SpotifyClient(
            Account(access_token=SecretStr("token-of-the-month")),
            self.store,
            api_url=self.server.api,
            token_url=self.server.token_url,
            budget=900,
            concurrency=4,
            clock=self.clock,
            rules=RetryRules(timeout=5),
        )
        self.runs += 1
        report = extract(client, self.store, day, PlaylistSelection(tuple(self.ids)), run_id=f"run-{self.runs}")
        self.calls += report.stats.calls.total()
        failure: PlatformError | None = None
        try:
            report.raise_if_unfinished()
        except PlatformError as error:
            failure = error
        return Attempt(
            run_id=f"run-{self.runs}",
            contents={},
            outcome="failed" if failure else "succeeded",
            ended_at=self.clock.now(),
            permanent=isinstance(failure, PermanentError),
            retry_at=failure.retry_at if isinstance(failure, TransientError) else None,
        )

    def lost(self) -> list[tuple[int, str]]:
        """The days and playlists that Spotify would have given and that are not stored as they were."""
        missing = []
        for (day, playlist_id), entries in self.truth.items():
            date = (FIRST + dt.timedelta(days=day)).date()
            key = raw.newest_of_day(self.store, date).get(playlist_id)
            kept = [identity(i) for page in raw.read(self.store, key).pages for i in page.items] if key else None
            if kept != entries:
                missing.append((day, playlist_id))
        return missing


@pytest.fixture
def month(tmp_path: Path) -> Callable[..., Month]:
    numbers = iter(range(100))

    def live(**options: object) -> Month:
        with spotify_server() as server:
            store = ObjectStore.open((tmp_path / f"lake-{next(numbers)}").as_uri())
            lived = Month(server, store, **options)  # type: ignore[arg-type]
            lived.live()
            return lived

    return live


def compare(month: Callable[..., Month], days: int, seed: int) -> None:
    faultless = month(days=days, seed=seed, faults=False)
    faulty = month(days=days, seed=seed, faults=True)

    ratio = faulty.calls / faultless.calls
    print(  # noqa: T201 - the figure people ask for
        f"{days} days of {PLAYLISTS} playlists, seed {seed}: {faulty.calls} calls in {faulty.runs} runs, faultless "
        f"{faultless.calls} in {faultless.runs}: {ratio:.2f} times"
    )
    assert faultless.lost() == []
    assert faulty.lost() == []
    assert ratio <= MOST_CALLS
    gone = faulty.ids[7]
    last = (FIRST + dt.timedelta(days=days - 1)).date()
    assert not [one for one in faulty.store.list(raw_day_prefix(last)) if gone in one.key]


def test_five_days_lose_nothing(month: Callable[..., Month]) -> None:
    compare(month, days=5, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_a_month_loses_nothing(month: Callable[..., Month], seed: int) -> None:
    compare(month, days=30, seed=seed)
