"""Spotify as a Dagster resource: who answers, as whom, within which limits. The work is `spotify_assets.spotify`'s."""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field, PrivateAttr, SecretStr

from spotify_assets.settings import Settings, SpotifySource
from spotify_assets.spotify.playlists import parse_playlists
from spotify_assets.storage.object_store import ObjectStore

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

    from spotify_assets.spotify.auth import Account
    from spotify_assets.spotify.client import SpotifyClient
    from spotify_assets.spotify.extract import ExtractionReport
    from spotify_assets.spotify.playlists import PlaylistSelection
    from spotify_assets.waiting import Clock

SANDBOX_HOUR = 6
"""UTC hour at which the sandbox's snapshots of any date are said to be read: that of the daily schedule."""


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

    _secrets: tuple[str, SecretStr | None, SecretStr | None] = PrivateAttr(default=("", None, None))
    _clock: "Clock | None" = PrivateAttr(default=None)
    _adapter: "Callable[[dt.date], BaseAdapter] | None" = PrivateAttr(default=None)

    @property
    def is_sandbox(self) -> bool:
        return self.source == "sandbox"

    @property
    def account(self) -> "Account":
        """Who asks; its repr shows no secret."""
        from spotify_assets.spotify.auth import Account

        if self.is_sandbox:
            return Account(access_token=SecretStr("sandbox"))
        client_id, client_secret, refresh_token = self._secrets
        return Account(client_id, client_secret, refresh_token)

    @property
    def clock(self) -> "Clock":
        """The time extraction goes by."""
        from spotify_assets.waiting import SystemClock

        return self._clock or SystemClock()

    def today(self) -> dt.date:
        """Today, UTC: the one date Spotify answers for."""
        return self.clock.now().date()

    def selection(self, day: dt.date) -> "PlaylistSelection":
        """The playlists to track: the configured ones, or all that the sandbox has."""
        from spotify_assets.spotify.playlists import PlaylistSelection
        from spotify_assets.spotify.sandbox.server import Sandbox

        if self.playlists or not self.is_sandbox:
            return parse_playlists(self.playlists)
        return PlaylistSelection(tuple(Sandbox(day, seed=self.sandbox_seed).playlists))

    def client(self, store: ObjectStore, day: dt.date) -> "SpotifyClient":
        """A client for one extraction of `day`; `store` keeps the shared budget, cool-down and rotated token."""
        from spotify_assets.spotify.client import SpotifyClient
        from spotify_assets.spotify.sandbox.server import API, Sandbox, SandboxAdapter

        adapter = self._adapter(day) if self._adapter else None
        if adapter is None and self.is_sandbox:
            adapter = SandboxAdapter(Sandbox(day, seed=self.sandbox_seed))
        return SpotifyClient(
            self.account,
            store,
            api_url=API if self.is_sandbox else self.api_url,
            token_url=self.token_url,
            budget=None if self.is_sandbox else self.daily_call_budget,  # nobody's quota is spent
            concurrency=self.concurrency,
            adapter=adapter,
            clock=self._clock,
        )

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
        from spotify_assets.spotify.extract import extract

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
    account = (settings.spotify_client_id or "", settings.spotify_client_secret, settings.spotify_refresh_token)

    class ConfiguredSpotify(SpotifyResource):
        """Spotify, as configured."""

        _secrets: tuple[str, SecretStr | None, SecretStr | None] = PrivateAttr(default_factory=lambda: account)
        _clock: "Clock | None" = PrivateAttr(default_factory=lambda: clock)
        _adapter: "Callable[[dt.date], BaseAdapter] | None" = PrivateAttr(default_factory=lambda: adapter)

    parse_playlists(settings.spotify_playlists)
    source: SpotifySource = settings.source
    return ConfiguredSpotify(
        source=source,
        playlists=list(settings.spotify_playlists),
        daily_call_budget=settings.spotify_daily_call_budget,
        concurrency=settings.spotify_concurrency,
        api_url=settings.spotify_api_url,
        token_url=settings.spotify_token_url,
    )
