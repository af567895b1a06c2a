"""Spotify, one reliable call at a time: spotipy on a session of ours, with our retries, budget and cool-down.

Every status, header and body is judged by `responses`; this module acts on the judgement. Which calls make up a
playlist belongs in `extract`.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock, local
from typing import TYPE_CHECKING

from spotify_assets.failures import PlatformError, TransientError
from spotify_assets.spotify import auth
from spotify_assets.spotify.auth import Account, TokenSource, TokenVault
from spotify_assets.spotify.budget import Ledger
from spotify_assets.spotify.errors import AccountError, CoolingDownError, SpotifyUnavailableError
from spotify_assets.spotify.gate import Gate
from spotify_assets.spotify.responses import Meaning, Reply, Verdict, judge
from spotify_assets.spotify.snapshot import JsonObject
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.waiting import Clock, SystemClock

if TYPE_CHECKING:
    import requests
    import spotipy
    from requests.adapters import BaseAdapter

PAGE_LIMIT = 50
"""Entries a page; Spotify's documented maximum for playlist items."""

_TYPES = ("track", "episode")
_TOKEN_TRIES = 3


class ResourceError(PlatformError):
    """Spotify will not give this one resource; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.said)
        self.verdict = verdict


@dataclass(frozen=True)
class RetryRules:
    """Seconds: `timeout` for one attempt to connect and for each read, the others for all attempts together."""

    timeout: float = 10.0
    per_request: float = 120.0
    per_run: float = 600.0


@dataclass
class CallStats:
    """What the calls of a run came to. Waits are in seconds, bytes are of response bodies."""

    calls: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    retries: int = 0
    waits: int = 0
    waited: float = 0.0


class SpotifyClient:
    """The calls extraction needs, safe to use from many threads at once.

    Raises AccountError, CoolingDownError and BudgetSpentError (each stops every thread), SpotifyUnavailableError (this
    call only) and ResourceError (this resource only).
    """

    def __init__(
        self,
        account: Account,
        store: ObjectStore,
        *,
        api_url: str,
        token_url: str,
        budget: int | None,
        concurrency: int,
        adapter: BaseAdapter | None = None,
        clock: Clock | None = None,
        rules: RetryRules | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.rules = rules or RetryRules()
        self.concurrency = concurrency
        self.ledger = Ledger(store, budget, self.clock)
        self.stats = CallStats()
        self.stopped = Event()
        self.stopped_by: PlatformError | None = None
        self.gate = Gate(concurrency, self.clock, self.stopped)
        self._lock = Lock()
        self._local = local()
        self._adapter = adapter
        self.tokens = TokenSource(
            account,
            token_url=token_url,
            session=self._session(1),
            clock=self.clock,
            timeout=self.rules.timeout,
            vault=TokenVault(store, account) if account.refresh_token else None,
        )
        self._spotify = self._build(api_url)

    def _session(self, size: int) -> requests.Session:
        import requests
        from requests.adapters import HTTPAdapter

        session = requests.Session()
        session.auth = _as_it_is  # else a .netrc entry for the host would replace the token
        adapter = self._adapter or HTTPAdapter(pool_connections=2, pool_maxsize=size, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _build(self, api_url: str) -> spotipy.Spotify:
        import spotipy

        auth.quiet_spotipy()
        session = self._session(self.concurrency)
        session.hooks["response"] = [self._keep]
        client = spotipy.Spotify(
            auth_manager=self.tokens,
            requests_session=session,  # pyright: ignore[reportArgumentType] - a session is allowed
            requests_timeout=self.rules.timeout,  # pyright: ignore[reportArgumentType] - so are fractions
        )
        client.prefix = f"{api_url.rstrip('/')}/"
        return client

    def _keep(self, response: requests.Response, **_: object) -> None:
        self._local.response = response

    def playlist(self, playlist_id: str) -> JsonObject:
        """The playlist object with its first page; the contents are absent where they are not ours to read."""
        return self._call(
            "playlists/{id}", lambda: self._spotify.playlist(playlist_id, additional_types=_TYPES), _is_playlist
        )

    def snapshot_id(self, playlist_id: str) -> str | None:
        """Spotify's version id of the playlist, in an answer of a few bytes."""
        answer = self._call(
            "playlists/{id}",
            lambda: self._spotify.playlist(playlist_id, fields="id,snapshot_id", additional_types=_TYPES),
            _is_playlist,
        )
        value = answer.get("snapshot_id")
        return value if isinstance(value, str) else None

    def items(self, playlist_id: str, offset: int) -> JsonObject:
        """A page of up to 50 entries from `offset`."""
        return self._call(
            "playlists/{id}/items",
            lambda: self._spotify.playlist_items(playlist_id, limit=PAGE_LIMIT, offset=offset, additional_types=_TYPES),
            _is_page,
        )

    def my_playlists(self, offset: int) -> JsonObject:
        """A page of up to 50 of the account's playlists from `offset`, holes (null) included."""
        return self._call(
            "me/playlists", lambda: self._spotify.current_user_playlists(limit=PAGE_LIMIT, offset=offset), _is_page
        )

    def me(self) -> JsonObject:
        """The account's user."""
        return self._call("me", self._spotify.current_user, lambda body: "id" in body)

    def stop(self, error: PlatformError) -> None:
        """Let no thread make another call; the first reason given is the one that counts."""
        with self._lock:
            self.stopped_by = self.stopped_by or error
        self.stopped.set()

    def _call(self, endpoint: str, send: Callable[[], object], usable: Callable[[JsonObject], bool]) -> JsonObject:
        started = self.clock.monotonic()
        refused = 0
        for attempt in range(1, 1000):
            reply, token = self._attempt(endpoint, send)
            verdict = judge(reply, self.clock.now())
            if verdict.meaning is Meaning.GOOD and verdict.value is not None:
                body: JsonObject = verdict.value  # pyright: ignore[reportAssignmentType] - parsed from JSON
                if usable(body):
                    return body
                verdict = Verdict(Meaning.RETRY, "HTTP 200 with an object that is not what was asked for")
            refused += verdict.meaning is Meaning.TOKEN
            self._give_up_if_hopeless(verdict, refused, token)
            self._wait(verdict, attempt, started)
        raise SpotifyUnavailableError(f"Spotify gave no usable answer to {endpoint}; try again later.")

    def _attempt(self, endpoint: str, send: Callable[[], object]) -> tuple[Reply, str]:
        """One request: the reply, and the token it was sent with."""
        with self.gate.call():
            self._raise_if_stopped()
            try:
                token = self._token()
                self.ledger.spend()
            except SpotifyUnavailableError:
                raise
            except PlatformError as error:
                self.stop(error)
                raise
            reply = self._send(send)
        with self._lock:
            self.stats.calls[endpoint] += 1
            self.stats.bytes += len(reply.body)
        return reply, token

    def _token(self) -> str:
        try:
            return self.tokens.get_access_token()
        except SpotifyUnavailableError as error:
            self.stop(error)  # without a token nobody gets anywhere, and every thread would try as long
            raise
        except CoolingDownError as error:
            raise self.ledger.cool_down(error.retry_at or self.clock.now(), str(error)) from None

    def _send(self, send: Callable[[], object]) -> Reply:
        import requests
        from spotipy.exceptions import SpotifyException

        self._local.response = None
        try:
            send()
        except requests.RequestException as error:
            return Reply(error=auth.transport_error(error))
        except (SpotifyException, AttributeError, TypeError, ValueError, RecursionError):
            if self._local.response is None:
                raise
        response: requests.Response | None = self._local.response
        if response is None:
            return Reply(error="there was no response")
        return Reply(response.status_code, response.headers, response.content)

    def _raise_if_stopped(self) -> None:
        if self.stopped.is_set() and self.stopped_by:
            error = self.stopped_by
            if isinstance(error, TransientError):
                raise type(error)(str(error), retry_at=error.retry_at)
            raise type(error)(str(error))

    def _give_up_if_hopeless(self, verdict: Verdict, refused: int, token: str) -> None:
        error: PlatformError | None = None
        match verdict.meaning:
            case Meaning.GONE | Meaning.FORBIDDEN | Meaning.REFUSED:
                raise ResourceError(verdict)
            case Meaning.COOL_DOWN:
                until = self.clock.now() + dt.timedelta(seconds=verdict.seconds or 0)
                error = self.ledger.cool_down(until, f"it answered {verdict.said}")
            case Meaning.SCOPE:
                error = AccountError(
                    f"Spotify answered {verdict.said}: consent again with `spotify-assets login`, check that the app "
                    "lists this user and that its owner has Premium."
                )
            case Meaning.TOKEN:
                if refused >= 2 or "expired" in verdict.said:
                    renewable = self.tokens.invalidate(token)
                    if refused >= _TOKEN_TRIES or not renewable:
                        error = AccountError(
                            f"Spotify refuses the access token ({verdict.said}): consent again with "
                            "`spotify-assets login`."
                        )
            case _:
                pass
        if error:
            self.stop(error)
            raise error

    def _wait(self, verdict: Verdict, attempt: int, started: float) -> None:
        """Let the time pass that this verdict asks for. Raises SpotifyUnavailableError when there is none left."""
        limited = verdict.meaning is Meaning.WAIT
        if verdict.seconds is not None:
            seconds = verdict.seconds + 1.0
        else:
            seconds = min(2.0 ** (attempt - 1) * (4.0 if limited else 0.5), 30.0) * random.uniform(0.8, 1.2)
        spent = self.clock.monotonic() - started
        with self._lock:
            over_run = self.stats.waited >= self.rules.per_run
            if spent + seconds > self.rules.per_request or over_run:
                scope = f"this run's {self.rules.per_run:.0f}" if over_run else f"{self.rules.per_request:.0f}"
                raise SpotifyUnavailableError(
                    f"Spotify gave no usable answer within {scope} s of retries ({attempt} tries, last: "
                    f"{verdict.said}); try again later."
                )
            self.stats.retries += 1
        added = self.gate.pause(seconds) if limited else seconds
        with self._lock:
            self.stats.waits += 1
            self.stats.waited += added
        if not limited:
            self.clock.sleep(seconds, self.stopped)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _is_playlist(body: JsonObject) -> bool:
    return "id" in body


def _is_page(body: JsonObject) -> bool:
    return isinstance(body.get("items"), list)
