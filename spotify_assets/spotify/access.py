"""Who answers as Spotify, as whom, within which limits: the one place where the client is made.

Dagster's resource, Lambda and the command line all ask here, so that none of them can be wired differently.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.client import SpotifyClient
from spotify_assets.spotify.extract import ExtractionReport, extract
from spotify_assets.spotify.playlists import PlaylistSelection, parse_playlists
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.waiting import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

log = logging.getLogger(__name__)

SANDBOX_HOUR = 6
"""UTC hour at which the sandbox's snapshots of any date are said to be read: that of the daily schedule."""


class Configured(Protocol):
    """The settings that matter here."""

    @property
    def source(self) -> str: ...
    @property
    def spotify_client_id(self) -> str | None: ...
    @property
    def spotify_client_secret(self) -> SecretStr | None: ...
    @property
    def spotify_refresh_token(self) -> SecretStr | None: ...
    @property
    def spotify_playlists(self) -> Sequence[str]: ...
    @property
    def spotify_daily_call_budget(self) -> int: ...
    @property
    def spotify_concurrency(self) -> int: ...
    @property
    def spotify_api_url(self) -> str: ...
    @property
    def spotify_token_url(self) -> str: ...


def account_of(settings: Configured) -> Account:
    """The account that the settings name; its repr shows no secret."""
    return Account(settings.spotify_client_id or "", settings.spotify_client_secret, settings.spotify_refresh_token)


@dataclass(frozen=True, kw_only=True)
class SpotifyAccess:
    """Spotify, or the sandbox. `clock` and `adapter` (the transport of a date) are replaced by tests."""

    account: Account
    playlists: Sequence[str]
    api_url: str
    token_url: str
    budget: int
    concurrency: int
    is_sandbox: bool = False
    sandbox_seed: int = 7
    clock: Clock = SYSTEM_CLOCK
    adapter: Callable[[dt.date], BaseAdapter] | None = None

    @classmethod
    def of(cls, settings: Configured) -> SpotifyAccess:
        """As the settings say."""
        return cls(
            account=account_of(settings),
            playlists=settings.spotify_playlists,
            api_url=settings.spotify_api_url,
            token_url=settings.spotify_token_url,
            budget=settings.spotify_daily_call_budget,
            concurrency=settings.spotify_concurrency,
            is_sandbox=settings.source == "sandbox",
        )

    @property
    def signs_in(self) -> Account:
        """Who asks: the account, or nobody in particular on the sandbox."""
        return Account(access_token=SecretStr("sandbox")) if self.is_sandbox else self.account

    def today(self) -> dt.date:
        """Today, UTC: the one date Spotify answers for."""
        return self.clock.now().date()

    def selection(self, day: dt.date) -> PlaylistSelection:
        """The playlists to track: the configured ones, or all that the sandbox has."""
        if self.playlists or not self.is_sandbox:
            return parse_playlists(self.playlists)
        from spotify_assets.spotify.sandbox.server import Sandbox

        return PlaylistSelection(tuple(Sandbox(day, seed=self.sandbox_seed).playlists))

    def client(self, store: ObjectStore, day: dt.date) -> SpotifyClient:
        """A client for one extraction of `day`; `store` keeps the shared budget, cool-down and rotated token."""
        from spotify_assets.spotify.sandbox.server import API, Sandbox, SandboxAdapter

        adapter = self.adapter(day) if self.adapter else None
        if adapter is None and self.is_sandbox:
            adapter = SandboxAdapter(Sandbox(day, seed=self.sandbox_seed))
        return SpotifyClient(
            self.signs_in,
            store,
            api_url=API if self.is_sandbox else self.api_url,
            token_url=self.token_url,
            budget=None if self.is_sandbox else self.budget,  # nobody's quota is spent
            concurrency=self.concurrency,
            adapter=adapter,
            clock=self.clock,
        )

    def extract(
        self,
        store: ObjectStore,
        day: dt.date,
        *,
        run_id: str,
        refresh: bool = False,
        on_progress: Callable[[str], None] = log.info,
    ) -> ExtractionReport:
        """Take the snapshots of `day` that are missing (all of them with `refresh`)."""
        return extract(
            self.client(store, day),
            store,
            day,
            self.selection(day),
            run_id=run_id,
            source="sandbox" if self.is_sandbox else "api",
            extracted_at=dt.datetime.combine(day, dt.time(SANDBOX_HOUR), dt.UTC) if self.is_sandbox else None,
            refresh=refresh,
            on_progress=on_progress,
        )
