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
from spotify_assets.spotify.extract import extract
from spotify_assets.spotify.playlists import PlaylistSelection, parse_playlists
from spotify_assets.spotify.report import ExtractionReport
from spotify_assets.spotify.snapshot import SourceName
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.waiting import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

log = logging.getLogger(__name__)


class Configured(Protocol):
    """The settings that matter here."""

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
    """Spotify, or what answers in its place.

    `budget` is calls in any rolling 24 hours, None where nobody's quota is spent. `clock` and `adapter` (the transport
    of a date) are replaced by tests; the sandbox also says `all_playlists` of a date and when its snapshots are said to
    be read (`read_at`).
    """

    account: Account
    playlists: Sequence[str]
    api_url: str
    token_url: str
    budget: int | None
    concurrency: int
    source: SourceName = "api"
    clock: Clock = SYSTEM_CLOCK
    adapter: Callable[[dt.date], BaseAdapter] | None = None
    all_playlists: Callable[[dt.date], Sequence[str]] | None = None
    read_at: Callable[[dt.date], dt.datetime] | None = None

    @classmethod
    def of(cls, settings: Configured) -> SpotifyAccess:
        """The Web API, as the settings say."""
        return cls(
            account=account_of(settings),
            playlists=settings.spotify_playlists,
            api_url=settings.spotify_api_url,
            token_url=settings.spotify_token_url,
            budget=settings.spotify_daily_call_budget,
            concurrency=settings.spotify_concurrency,
        )

    def today(self) -> dt.date:
        """Today, UTC: the one date Spotify answers for."""
        return self.clock.now().date()

    def selection(self, day: dt.date) -> PlaylistSelection:
        """The playlists to track: the configured ones, or all there are."""
        if self.playlists or self.all_playlists is None:
            return parse_playlists(self.playlists)
        return PlaylistSelection(tuple(self.all_playlists(day)))

    def client(self, store: ObjectStore, day: dt.date) -> SpotifyClient:
        """A client for one extraction of `day`; `store` keeps the shared budget, cool-down and rotated token."""
        return SpotifyClient(
            self.account,
            store,
            api_url=self.api_url,
            token_url=self.token_url,
            budget=self.budget,
            concurrency=self.concurrency,
            adapter=self.adapter(day) if self.adapter else None,
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
            source=self.source,
            extracted_at=self.read_at(day) if self.read_at else None,
            refresh=refresh,
            on_progress=on_progress,
        )
