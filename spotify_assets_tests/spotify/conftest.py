"""Fixtures of the extraction's tests: a Spotify on 127.0.0.1, a clock, and extraction wired to both."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.client import RetryRules, SpotifyClient
from spotify_assets.spotify.extract import extract
from spotify_assets.spotify.playlists import PlaylistSelection
from spotify_assets.spotify.report import ExtractionReport
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.spotify_server import SpotifyServer, spotify_server

CLIENT_SECRET = "client-secret-9b2e"
REFRESH_TOKEN = "refresh-token-77aa"
START = dt.datetime(2026, 11, 21, 6, 0, 30, tzinfo=dt.UTC)


class TestClock:
    """A clock that stands still until somebody sleeps or a test moves it."""

    __test__ = False

    def __init__(self, now: dt.datetime = START) -> None:
        self._now = now
        self._seconds = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> dt.datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._seconds

    def sleep(self, seconds: float, until: threading.Event | None = None) -> None:
        with self._lock:
            self.slept.append(seconds)
        self.advance(dt.timedelta(seconds=seconds))

    def advance(self, by: dt.timedelta) -> None:
        with self._lock:
            self._now += by
            self._seconds += by.total_seconds()


@pytest.fixture
def server() -> Iterator[SpotifyServer]:
    with spotify_server() as running:
        yield running


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def account() -> Account:
    return Account("client-id-1", SecretStr(CLIENT_SECRET), SecretStr(REFRESH_TOKEN))


Extract = Callable[..., ExtractionReport]
MakeClient = Callable[..., SpotifyClient]


@pytest.fixture
def make_client(server: SpotifyServer, clock: TestClock, store: ObjectStore, account: Account) -> MakeClient:
    """A client of the test's server on the test's clock, one per extraction as in a run."""

    def make(**options: Any) -> SpotifyClient:
        settings: dict[str, Any] = {
            "api_url": server.api,
            "token_url": server.token_url,
            "budget": 900,
            "concurrency": 4,
            "clock": clock,
            "rules": RetryRules(timeout=1.2),
        }
        who = options.pop("account", account)
        return SpotifyClient(who, store, **{**settings, **options})

    return make


@pytest.fixture
def run(make_client: MakeClient, clock: TestClock, store: ObjectStore) -> Extract:
    """One extraction of the clock's day with a client of its own."""

    def run_once(
        *ids: str,
        mine: bool = False,
        refresh: bool = False,
        run_id: str = "run-1",
        on_progress: Any = None,
        **options: Any,
    ) -> ExtractionReport:
        said = {"on_progress": on_progress} if on_progress else {}
        selection = PlaylistSelection(ids, mine)
        day = clock.now().date()
        return extract(make_client(**options), store, day, selection, run_id=run_id, refresh=refresh, **said)

    return run_once
