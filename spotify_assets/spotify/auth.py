"""Access tokens: one refresh however many threads need one, never interactive, and the life of a consent.

Sign-in is spotipy's; this module decides when to ask, what a refusal means, and keeps a refresh token that Spotify
rotated. The one-time consent itself is `login`.
"""

from __future__ import annotations

import calendar
import datetime as dt
import json
import logging
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import SecretStr
from tenacity import retry_if_exception_type, wait_exponential

from spotify_assets import redaction
from spotify_assets.failures import PermanentError, PlatformError
from spotify_assets.lake.layout import state_key
from spotify_assets.spotify.errors import (
    AccountError,
    AccountRefusedError,
    CoolingDownError,
    SpotifyUnavailableError,
)
from spotify_assets.spotify.responses import SHORT_WAIT, Reply, account_remedy, fit_to_show, retry_after, strict_json
from spotify_assets.spotify.transport import trouble
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.waiting import Clock, again

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)

SCOPES = ("playlist-read-private", "playlist-read-collaborative")
CONSENT_MONTHS = 6
"""Refresh tokens die six months after the consent (Spotify, 2026-06-18); refreshing does not extend them."""

CONSENT_WARN_DAYS = 30
CONSENT_UNKNOWN = "SPOTIFY_CONSENTED_ON is not set, so nobody knows when the refresh token dies"
CONSENT_REMEDY = "consent again with `spotify-assets login` and set SPOTIFY_REFRESH_TOKEN and SPOTIFY_CONSENTED_ON"

TOKEN_KEY = state_key("spotify_refresh_token")
REDIRECT_URI = "http://127.0.0.1:8888/callback"
_ATTEMPTS = 4
_REFUSALS = 2
_EARLY = 60.0
_AGAIN = f"{CONSENT_REMEDY} to what it prints"


@dataclass(frozen=True)
class Account:
    """Who asks. With a refresh token the Authorization Code grant is used, without one client credentials.

    `access_token` is a ready-made token instead of both (the sandbox, tests). Secrets don't show in its repr.
    """

    client_id: str = ""
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    access_token: SecretStr | None = None

    @property
    def grant(self) -> str:
        """How the account signs in, in words."""
        if self.access_token:
            return "static token"
        return "refresh token" if self.refresh_token else "client credentials"


@dataclass(frozen=True)
class ConsentAge:
    """How long the consent behind a refresh token lives: until `ends`, for `days_left` (negative once dead)."""

    ends: dt.date
    days_left: int

    @property
    def is_ending(self) -> bool:
        """Whether it is time to consent again."""
        return self.days_left <= CONSENT_WARN_DAYS

    def __str__(self) -> str:
        if self.days_left < 0:
            return f"the Spotify refresh token died on {self.ends}"
        return f"the Spotify refresh token dies on {self.ends}, in {self.days_left} days"


def consent_age(consented_on: dt.date, today: dt.date) -> ConsentAge:
    """The consent given on a day (UTC), as it stands `today`."""
    ends = consent_ends(consented_on)
    return ConsentAge(ends, (ends - today).days)


def consent_ends(consented_on: dt.date) -> dt.date:
    """The day the refresh token of a consent dies: the same day six months on, or that month's last."""
    month = consented_on.month - 1 + CONSENT_MONTHS
    year, month = consented_on.year + month // 12, month % 12 + 1
    return dt.date(year, month, min(consented_on.day, calendar.monthrange(year, month)[1]))


class TokenVault:
    """Keeps a rotated refresh token beside the lake, encrypted under the client secret.

    Whoever can read the lake but has no client secret can't read it. It counts only as long as the configured token is
    the one it was rotated from, so that a new consent always wins.
    """

    def __init__(self, store: ObjectStore, account: Account) -> None:
        self._store = store
        self._account = account

    def load(self) -> str | None:
        """The newest token rotated from the configured one, or None."""
        from cryptography.fernet import InvalidToken

        data = self._store.get_or_none(TOKEN_KEY)
        if data is None:
            return None
        try:
            record = json.loads(data)
            if record["rotated_from"] != self._fingerprint():
                return None
            return self._cipher().decrypt(record["token"].encode()).decode()
        except (ValueError, KeyError, TypeError, AttributeError, InvalidToken):
            log.warning("%s can't be read with this client secret: using SPOTIFY_REFRESH_TOKEN.", TOKEN_KEY)
            return None

    def save(self, token: str) -> None:
        """Keep `token` as what the configured one was rotated to."""
        record = {"rotated_from": self._fingerprint(), "token": self._cipher().encrypt(token.encode()).decode()}
        self._store.put(TOKEN_KEY, json.dumps(record).encode())

    def _fingerprint(self) -> str:
        return sha256(_plain(self._account.refresh_token).encode()).hexdigest()

    def _cipher(self):
        from cryptography.fernet import Fernet

        secret = _plain(self._account.client_secret)
        return Fernet(urlsafe_b64encode(sha256(f"spotify-assets refresh token\0{secret}".encode()).digest()))


class TokenSource:
    """Hands out access tokens to any number of threads; spotipy's `auth_manager`.

    Raises AccountError (credentials, consent, scope), SpotifyUnavailableError, or CoolingDownError with `retry_at`.
    """

    def __init__(
        self,
        account: Account,
        *,
        token_url: str,
        session: requests.Session,
        clock: Clock,
        vault: TokenVault | None = None,
    ) -> None:
        self._account = account
        self._token_url = token_url
        self._session = session
        self._clock = clock
        self._vault = vault
        self._lock = Lock()
        self._token = _plain(account.access_token)
        self._expires = float("inf") if account.access_token else 0.0
        self._rotated: str | None = None
        self._retired: list[str] = []
        self._loaded = False
        self._failure: PlatformError | None = None
        self.refreshes = 0

    def get_access_token(self, as_dict: bool = False) -> str:  # noqa: FBT001, FBT002 - spotipy calls it
        """A token that is good for at least a minute. `as_dict` is spotipy's and must be False."""
        if as_dict:
            raise PermanentError("TokenSource hands out the token itself", remedy="call it with as_dict=False")
        with self._lock:
            if self._failure:
                raise self._failure
            if self._clock.monotonic() >= self._expires:
                try:
                    self._renew()
                except PlatformError as error:
                    self._failure = error  # the threads that wait for this token need not fail one by one
                    raise
            return self._token

    def invalidate(self, token: str) -> bool:
        """Spotify refused `token`: fetch another next time, unless that happened already. False if there is none."""
        with self._lock:
            if self._account.access_token:
                return False
            if token == self._token:
                self._expires = 0.0
            return True

    def redacted(self, text: str) -> str:
        """`text` without any secret of this account, in whatever form it was sent."""
        account = self._account
        plain = [account.client_secret, account.refresh_token, account.access_token]
        secrets = [*map(_plain, plain), self._token, self._rotated or "", *self._retired]
        secrets.append(b64encode(f"{account.client_id}:{_plain(account.client_secret)}".encode()).decode())
        forms = {form for one in secrets for form in (one, quote(one, safe=""), one.replace("/", "\\/"))}
        return redaction.redacted(text, forms)

    def _renew(self) -> None:
        body = self._grant()
        token, lifetime = body.get("access_token"), body.get("expires_in", 3600)
        if not isinstance(token, str) or not token:
            raise SpotifyUnavailableError(
                "Spotify's token endpoint answered without an access token", remedy="try again later"
            )
        self.refreshes += 1
        self._retired = [*self._retired[-4:], self._token]
        self._token = token
        seconds = float(lifetime) if isinstance(lifetime, int | float) else 3600.0
        self._expires = self._clock.monotonic() + max(seconds - _EARLY, 1.0)

    def _grant(self) -> dict[str, object]:
        if not self._account.refresh_token:
            return self._ask(self._client_credentials)
        if not self._loaded and self._vault:
            self._rotated, self._loaded = self._vault.load(), True
        if self._rotated:
            try:
                return self._refresh(self._rotated)
            except AccountError:
                log.warning("The rotated refresh token was refused: trying SPOTIFY_REFRESH_TOKEN itself.")
                self._rotated = None
        return self._refresh(_plain(self._account.refresh_token))

    def _refresh(self, token: str) -> dict[str, object]:
        body = self._ask(lambda: self._authorization_code(token))
        granted = body.get("scope")
        missing = [scope for scope in SCOPES if isinstance(granted, str) and scope not in granted.split()]
        if missing:
            raise AccountError(
                f"The Spotify consent lacks the scope {' and '.join(missing)}", remedy=_AGAIN, code="scope"
            )
        rotated = body.get("refresh_token")
        if isinstance(rotated, str) and rotated.strip() and rotated != token:
            self._rotated = rotated
            if self._vault:
                self._vault.save(rotated)
        return body

    def _authorization_code(self, token: str) -> object:
        from spotipy import SpotifyOAuth
        from spotipy.cache_handler import MemoryCacheHandler

        manager = SpotifyOAuth(
            client_id=self._account.client_id,
            client_secret=_plain(self._account.client_secret),
            redirect_uri=REDIRECT_URI,
            scope=" ".join(SCOPES),
            cache_handler=MemoryCacheHandler(),
            requests_session=self._session,  # pyright: ignore[reportArgumentType] - a session is allowed
            open_browser=False,  # pyright: ignore[reportArgumentType]
        )
        setattr(manager, "OAUTH_TOKEN_URL", self._token_url)  # noqa: B010 - a class constant to type checkers
        return manager.refresh_access_token(token)

    def _client_credentials(self) -> object:
        from spotipy import SpotifyClientCredentials
        from spotipy.cache_handler import MemoryCacheHandler

        manager = SpotifyClientCredentials(
            client_id=self._account.client_id,
            client_secret=_plain(self._account.client_secret),
            cache_handler=MemoryCacheHandler(),
            requests_session=self._session,  # pyright: ignore[reportArgumentType] - a session is allowed
        )
        setattr(manager, "OAUTH_TOKEN_URL", self._token_url)  # noqa: B010 - as above
        return manager.get_access_token(as_dict=False, check_cache=False)

    def _ask(self, ask: Callable[[], object]) -> dict[str, object]:
        """The JSON object the token endpoint answers; a passing failure is tried again a few times, a refusal once."""
        refusals = 0

        def once() -> dict[str, object]:
            nonlocal refusals
            reply = _captured(self._session, ask)
            body = _object(reply.body)
            if reply.status == 200 and body is not None:
                return body
            said = reply.error or f"HTTP {reply.status}"
            wait = retry_after(reply.headers, self._clock.now())
            if reply.status == 429 and wait is not None and wait > SHORT_WAIT:
                until = self._clock.now() + dt.timedelta(seconds=wait)
                raise CoolingDownError(
                    f"Spotify's token endpoint answered {said}, Retry-After {wait:.0f} s", retry_at=until
                )
            if 400 <= reply.status <= 499 and reply.status not in (408, 425, 429):
                refusals += 1
                if refusals >= _REFUSALS:
                    raise self._refused(reply, body or {})
            raise _NoTokenError(said)

        try:
            return again(
                retry_if_exception_type(_NoTokenError),
                wait=wait_exponential(multiplier=1.0),
                tries=_ATTEMPTS,
                clock=self._clock,
            )(once)
        except _NoTokenError as error:
            raise SpotifyUnavailableError(
                f"Spotify's token endpoint gave no usable answer ({_ATTEMPTS} tries, last: {error})",
                remedy="try again later",
            ) from None

    def _refused(self, reply: Reply, body: dict[str, object]) -> PlatformError:
        words = fit_to_show(reply.body.decode("utf-8", "replace"), self.redacted)
        remedy = account_remedy(words) if "premium" in words.lower() else ""
        if remedy:
            return AccountRefusedError(
                f"Spotify refuses everything to this account: HTTP {reply.status} ({words})",
                remedy=remedy,
                code="account",
                retry_at=self._clock.now() + dt.timedelta(minutes=55),
            )
        error = body.get("error")
        if error == "invalid_grant":
            return AccountError(
                f"Spotify no longer accepts the refresh token (invalid_grant; it lives {CONSENT_MONTHS} months)",
                remedy=_AGAIN,
                code="invalid_grant",
            )
        if error == "invalid_client":
            return AccountError(
                "Spotify does not accept the client (invalid_client)",
                remedy="check SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET against the app's page on "
                "developer.spotify.com",
                code="invalid_client",
            )
        code = error if isinstance(error, str) and error.isidentifier() else f"HTTP {reply.status}"
        return AccountError(
            f"Spotify's token endpoint refused the {self._account.grant} ({code})", remedy=_AGAIN, code=code
        )


class _NoTokenError(Exception):
    """An answer of the token endpoint after which it is asked again."""


def quiet_spotipy() -> None:
    """Silence spotipy's loggers: at DEBUG they print tokens, the client secret and the refresh token.

    What they say at ERROR about each refused request is reported by us, with its cause and remedy.
    """
    for name in ("spotipy", "spotipy.client", "spotipy.oauth2", "spotipy.cache_handler"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _captured(session: requests.Session, ask: Callable[[], object]) -> Reply:
    """The HTTP response behind a call of spotipy's sign-in, whatever spotipy makes of it."""
    import requests
    from spotipy.oauth2 import SpotifyOauthError

    seen: list[requests.Response] = []

    def keep(response: requests.Response, **_: object) -> None:
        seen.append(response)

    session.hooks["response"] = [keep]
    try:
        ask()
    except requests.exceptions.JSONDecodeError:
        pass  # judged by the response below
    except requests.RequestException as error:
        return Reply(error=trouble(error))
    except (SpotifyOauthError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if not seen:
            raise AccountError(
                f"spotipy could not ask for a token ({type(error).__name__})", remedy="check the SPOTIFY_… settings"
            ) from None
    response = seen[-1]
    return Reply(response.status_code, response.headers, response.content)


def _object(data: bytes) -> dict[str, object] | None:
    try:
        value = strict_json(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
