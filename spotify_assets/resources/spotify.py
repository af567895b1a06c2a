"""Spotify as a Dagster resource: what Dagster shows of `spotify_assets.spotify.access`, which does the work."""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field, PrivateAttr

from spotify_assets.settings import Settings
from spotify_assets.spotify.playlists import parse_playlists
from spotify_assets.storage.object_store import ObjectStore

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

    from spotify_assets.spotify.access import SpotifyAccess
    from spotify_assets.spotify.auth import Account
    from spotify_assets.spotify.report import ExtractionReport
    from spotify_assets.waiting import Clock


class SpotifyResource(dg.ConfigurableResource):
    """Who answers as Spotify. The account's secrets are no fields, so that Dagster can't show or store them.

    Build one with `spotify_resource`.
    """

    source: str = Field(default="sandbox", description="`api` for Spotify, `sandbox` for the fictional one")
    playlists: list[str] = Field(default=[], description="Ids, URIs or links, or `mine`; empty: all of the sandbox's")
    daily_call_budget: int = Field(default=900, description="Calls in any rolling 24 hours")
    concurrency: int = Field(default=12, description="Calls in flight at most")
    api_url: str = Field(default="https://api.spotify.com/v1")
    token_url: str = Field(default="https://accounts.spotify.com/api/token")
    sandbox_seed: int = Field(default=7, description="Another seed is another fictional Spotify")

    _account: "Account | None" = PrivateAttr(default=None)
    _clock: "Clock | None" = PrivateAttr(default=None)
    _adapter: "Callable[[dt.date], BaseAdapter] | None" = PrivateAttr(default=None)

    @property
    def is_sandbox(self) -> bool:
        return self.source == "sandbox"

    @property
    def access(self) -> "SpotifyAccess":
        """Spotify as these fields say."""
        from spotify_assets.spotify.access import SpotifyAccess
        from spotify_assets.spotify.auth import Account
        from spotify_assets.spotify.sandbox.access import sandboxed
        from spotify_assets.waiting import SYSTEM_CLOCK

        access = SpotifyAccess(
            account=self._account or Account(),
            playlists=self.playlists,
            api_url=self.api_url,
            token_url=self.token_url,
            budget=self.daily_call_budget,
            concurrency=self.concurrency,
            clock=self._clock or SYSTEM_CLOCK,
            adapter=self._adapter,
        )
        return sandboxed(access, self.sandbox_seed) if self.is_sandbox else access

    def today(self) -> dt.date:
        """Today, UTC: the one date Spotify answers for."""
        return self.access.today()

    def extract(
        self,
        store: ObjectStore,
        day: dt.date,
        *,
        run_id: str,
        refresh: bool = False,
        on_progress: Callable[[str], None],
    ) -> "ExtractionReport":
        """Take the snapshots of `day` that are missing (all of them with `refresh`)."""
        return self.access.extract(store, day, run_id=run_id, refresh=refresh, on_progress=on_progress)


def spotify_resource(
    settings: Settings,
    *,
    clock: "Clock | None" = None,
    adapter: "Callable[[dt.date], BaseAdapter] | None" = None,
) -> SpotifyResource:
    """The Spotify the settings name. Tests replace the `clock`, and the transport by date (`adapter`).

    Dagster makes a resource anew from its fields when a run starts, which would lose what is kept out of them; so the
    account lives in the defaults of a class made for these settings. Raises PermanentError for a bad playlist entry.
    """

    def account() -> "Account":
        from spotify_assets.spotify.access import account_of

        return account_of(settings)

    class ConfiguredSpotify(SpotifyResource):
        """Spotify, as configured."""

        _account: "Account | None" = PrivateAttr(default_factory=account)
        _clock: "Clock | None" = PrivateAttr(default_factory=lambda: clock)
        _adapter: "Callable[[dt.date], BaseAdapter] | None" = PrivateAttr(default_factory=lambda: adapter)

    parse_playlists(settings.spotify_playlists)
    return ConfiguredSpotify(
        source=settings.source,
        playlists=list(settings.spotify_playlists),
        daily_call_budget=settings.spotify_daily_call_budget,
        concurrency=settings.spotify_concurrency,
        api_url=settings.spotify_api_url,
        token_url=settings.spotify_token_url,
    )
