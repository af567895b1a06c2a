"""The sandbox in the place of Spotify: the same client, with another transport, and a clock of its own."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from pydantic import SecretStr

from spotify_assets.spotify.access import SpotifyAccess
from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.sandbox.server import API, DEFAULT_SEED, Sandbox, SandboxAdapter

READ_HOUR = 6
"""UTC hour at which the sandbox's snapshots of any date are said to be read: that of the daily schedule."""


def sandboxed(access: SpotifyAccess, seed: int = DEFAULT_SEED) -> SpotifyAccess:
    """`access` with the sandbox answering: nobody signs in, nobody's quota is spent, any date can be read."""
    return replace(
        access,
        account=Account(access_token=SecretStr("sandbox")),
        api_url=API,
        budget=None,
        source="sandbox",
        adapter=access.adapter or (lambda day: SandboxAdapter(Sandbox(day, seed=seed))),
        all_playlists=lambda day: tuple(Sandbox(day, seed=seed).playlists),
        read_at=lambda day: dt.datetime.combine(day, dt.time(READ_HOUR), dt.UTC),
    )
