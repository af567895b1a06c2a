"""The one-time Spotify consent: the address to open, the redirect to catch, the code to exchange.

Run by a person through `spotify-assets login`, never inside a run. What becomes of the token belongs to the command.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.redaction import printable
from spotify_assets.spotify.auth import SCOPES, Account, quiet_spotipy
from spotify_assets.spotify.transport import session

if TYPE_CHECKING:
    from spotipy import SpotifyOAuth

_SECONDS = 20.0
AUTHORIZE_URL = "https://accounts.spotify.com/authorize"
_PAGE = (
    b"<!doctype html><title>Spotify consent</title><p>Thank you. You can close this page and go back to the terminal."
)


@dataclass(frozen=True)
class Consent:
    """A consent in progress: `url` is where to give it, `state` what the redirect must bring back."""

    manager: SpotifyOAuth
    url: str
    state: str
    redirect_uri: str


def begin(account: Account, *, redirect_uri: str, token_url: str) -> Consent:
    """Prepare a consent. Raises PermanentError for a redirect address Spotify no longer accepts."""
    from spotipy import SpotifyOAuth
    from spotipy.cache_handler import MemoryCacheHandler

    parts = urlsplit(redirect_uri)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "::1"):
        raise PermanentError(
            f"The redirect address {redirect_uri!r} is refused by Spotify since November 2025",
            remedy="use https://… or http://127.0.0.1:PORT/callback, and enter the same address on the app's page",
        )
    quiet_spotipy()
    state = secrets.token_urlsafe(24)
    manager = SpotifyOAuth(
        client_id=account.client_id,
        client_secret=account.client_secret.get_secret_value() if account.client_secret else None,
        redirect_uri=redirect_uri,
        scope=" ".join(SCOPES),
        state=state,
        show_dialog=True,
        open_browser=False,
        requests_session=session(1, _SECONDS),  # pyright: ignore[reportArgumentType] - a session is allowed
        cache_handler=MemoryCacheHandler(),
    )
    setattr(manager, "OAUTH_TOKEN_URL", token_url)  # noqa: B010 - a class constant to type checkers
    setattr(manager, "OAUTH_AUTHORIZE_URL", _authorize_url(token_url))  # noqa: B010 - as above
    return Consent(manager, manager.get_authorize_url(), state, redirect_uri)


def _authorize_url(token_url: str) -> str:
    """Where the consent is given: Spotify's address, or beside the token endpoint of a proxy or test server."""
    parts = urlsplit(token_url)
    return AUTHORIZE_URL if parts.hostname == "accounts.spotify.com" else f"{parts.scheme}://{parts.netloc}/authorize"


def code_in(consent: Consent, address: str) -> str:
    """The code in the address Spotify redirected to. Raises PermanentError when it is another's, or a refusal."""
    query = parse_qs(urlsplit(address.strip()).query)
    if "error" in query:
        said = printable(query["error"][0])[:80]
        raise PermanentError(f"The consent was not given ({said})", remedy="run `spotify-assets login` again")
    if not secrets.compare_digest(query.get("state", [""])[0], consent.state):
        raise PermanentError(
            "The address does not belong to this consent (its state differs)",
            remedy="run `spotify-assets login` again and paste the whole address the browser ends up at",
        )
    if not query.get("code"):
        raise PermanentError("The address carries no code", remedy="paste the whole address the browser ends up at")
    return query["code"][0]


def wait_for_redirect(consent: Consent, *, timeout: float, ready: Callable[[], None]) -> str:
    """Listen on the redirect address of this machine until the browser arrives; the address it came with.

    `ready` is called once listening. Raises PermanentError when the port can't be used, TransientError after `timeout`
    seconds without a visitor.
    """
    parts = urlsplit(consent.redirect_uri)
    arrived: list[str] = []

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ours = urlsplit(self.path).path == (parts.path or "/")
            self.send_response(200 if ours else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            if ours:
                self.wfile.write(_PAGE)
                arrived.append(self.path)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the address holds the code."""

    class Server(HTTPServer):
        address_family = socket.AF_INET6 if parts.hostname == "::1" else socket.AF_INET

    try:
        server = Server((parts.hostname or "127.0.0.1", parts.port or 80), Redirect)
    except OSError as error:
        raise PermanentError(
            f"Can't listen on {consent.redirect_uri} ({error.strerror})",
            remedy="free the port, choose another with --redirect-uri, or use --paste",
        ) from error
    with server:
        server.timeout = timeout
        ready()
        for _ in range(20):  # a browser also asks for icons
            server.handle_request()
            if arrived:
                return arrived[0]
    raise TransientError(
        f"Nobody came to {consent.redirect_uri} within {timeout:.0f} s", remedy="run `spotify-assets login` again"
    )


def exchange(consent: Consent, code: str) -> str:
    """The refresh token for the code. Raises PermanentError when Spotify refuses, or a scope is missing."""
    import requests
    from spotipy.oauth2 import SpotifyOauthError

    try:
        consent.manager.get_access_token(code, as_dict=False, check_cache=False)
    except SpotifyOauthError as error:
        known = error.error if isinstance(error.error, str) and error.error.isidentifier() else "no reason given"
        raise PermanentError(
            f"Spotify refused the code ({known})",
            remedy="check SPOTIFY_CLIENT_ID, SPOTIFY_CLIENT_SECRET and that the app lists "
            f"{consent.redirect_uri}, then run `spotify-assets login` again",
            code=known,
        ) from None
    except (requests.RequestException, KeyError, ValueError, TypeError, AttributeError) as error:
        raise TransientError(
            f"Spotify's token endpoint gave no usable answer ({type(error).__name__})", remedy="try again"
        ) from None
    token = (consent.manager.cache_handler.get_cached_token() or {}).get("refresh_token")
    if not isinstance(token, str) or not token:
        raise PermanentError("Spotify gave no refresh token", remedy="run `spotify-assets login` again")
    return token
