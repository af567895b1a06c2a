"""`spotify-assets login`: the one-time Spotify consent."""

from __future__ import annotations

import datetime as dt

import click

from spotify_assets.commands.terminal import say, write
from spotify_assets.failures import PermanentError
from spotify_assets.settings import load_settings
from spotify_assets.spotify.auth import REDIRECT_URI, Account, consent_ends


@click.command("login")
@click.option("--redirect-uri", default=REDIRECT_URI, show_default=True, help="As entered on the app's page.")
@click.option("--paste", is_flag=True, help="No browser here: open the address elsewhere, paste where it ends up.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait for the browser.")
def command(redirect_uri: str, paste: bool, timeout: float) -> None:
    """Give a one-time Spotify consent; print the refresh token and its expiry.

    Needs SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET, and the redirect address entered on the app's page on
    developer.spotify.com. The token is printed, not stored: put it into the deployment's environment.
    """
    from spotify_assets.spotify import login

    settings = load_settings(overrides={"SPOTIFY_PLAYLISTS": "mine"})  # none is needed yet
    if not settings.spotify_client_id or settings.spotify_client_secret is None:
        raise PermanentError(
            "The consent is given to an app: set SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET to those on its page on "
            "developer.spotify.com."
        )
    account = Account(settings.spotify_client_id, settings.spotify_client_secret)
    consent = login.begin(account, redirect_uri=redirect_uri, token_url=settings.spotify_token_url)
    say("Open this address, sign in to Spotify and agree:\n", err=True)
    write(f"{consent.url}\n")
    if paste:
        address = click.prompt("\nThe address the browser ends up at (it may show an error page)", hide_input=True)
    else:
        address = login.wait_for_redirect(
            consent, timeout=timeout, ready=lambda: say(f"\nWaiting at {redirect_uri} …", err=True)
        )
    token = login.exchange(consent, login.code_in(consent, address))
    today = dt.datetime.now(dt.UTC).date()
    say("\nPut these into the environment of the deployment (the first one is a secret):\n", err=True)
    write(f"SPOTIFY_REFRESH_TOKEN={token}\n")
    write(f"SPOTIFY_CONSENTED_ON={today.isoformat()}\n")
    say(f"\nThe token dies on {consent_ends(today)}; the checks warn from 30 days before.", err=True)
