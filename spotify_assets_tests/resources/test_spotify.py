"""The Spotify resource: what the settings name, and nothing secret in what Dagster sees."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys

from spotify_assets.resources.spotify import spotify_resource
from spotify_assets.settings import load_settings
from spotify_assets.spotify.playlists import PlaylistSelection

ACCOUNT = {
    "SPOTIFY_CLIENT_ID": "client-id",
    "SPOTIFY_CLIENT_SECRET": "client-secret-1",
    "SPOTIFY_REFRESH_TOKEN": "refresh-token-1",
    "SPOTIFY_PLAYLISTS": "mine,37i9dQZF1DWSDoVybeQisg",
    "SPOTIFY_DAILY_CALL_BUDGET": "77",
}
DAY = dt.date(2026, 11, 21)


def test_without_settings_it_is_the_sandbox_with_all_of_its_playlists() -> None:
    spotify = spotify_resource(load_settings({}))

    assert spotify.is_sandbox
    assert len(spotify.access.selection(DAY).ids) == 10


def test_an_account_makes_it_the_web_api() -> None:
    spotify = spotify_resource(load_settings(ACCOUNT))

    assert not spotify.is_sandbox
    assert (spotify.daily_call_budget, spotify.api_url) == (77, "https://api.spotify.com/v1")
    assert spotify.access.selection(DAY) == PlaylistSelection(("37i9dQZF1DWSDoVybeQisg",), mine=True)
    assert spotify.access.account.grant == "refresh token"


def test_the_account_survives_dagster_making_the_resource_anew() -> None:
    spotify = spotify_resource(load_settings(ACCOUNT))

    with spotify.process_config_and_initialize_cm() as made:
        assert made.access.account == spotify.access.account
        assert made.access.account.refresh_token is not None


def test_two_accounts_in_one_process_are_not_mixed_up() -> None:
    one, other = (spotify_resource(load_settings(ACCOUNT | {"SPOTIFY_CLIENT_ID": name})) for name in ("a", "b"))

    assert (one.access.account.client_id, other.access.account.client_id) == ("a", "b")


def test_nothing_secret_is_in_what_dagster_sees() -> None:
    spotify = spotify_resource(load_settings(ACCOUNT))

    seen = f"{spotify!r} {spotify.model_dump()} {spotify._resolved_config_dict} {spotify.access!r}"
    assert "client-secret-1" not in seen
    assert "refresh-token-1" not in seen


def test_the_client_and_the_sandbox_are_not_imported_while_definitions_load() -> None:
    modules = "spotify_assets.resources.spotify, spotify_assets.assets.raw, spotify_assets.checks.raw"
    heavy = ("spotipy", "redis", "cryptography.fernet")
    code = f"import {modules}, sys; print([name for name in {heavy} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
