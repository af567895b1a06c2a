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
from typing import TYPE_CHECKING, Protocol

from tenacity import RetryCallState, retry_if_exception

from spotify_assets.failures import PlatformError
from spotify_assets.spotify import auth
from spotify_assets.spotify.auth import Account, TokenSource, TokenVault
from spotify_assets.spotify.budget import Ledger
from spotify_assets.spotify.errors import (
    AccountRefusedError,
    CoolingDownError,
    PlaylistUnreadableError,
    SpotifyUnavailableError,
)
from spotify_assets.spotify.gate import Gate
from spotify_assets.spotify.responses import Meaning, Reply, Verdict, judge
from spotify_assets.spotify.snapshot import JsonObject
from spotify_assets.spotify.transport import BodyError, session, trouble
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.waiting import Clock, SystemClock, again

if TYPE_CHECKING:
    import requests
    import spotipy
    from requests.adapters import BaseAdapter

PAGE_LIMIT = 50
"""Entries a page; Spotify's documented maximum for playlist items."""

REFUSED_WAIT = dt.timedelta(minutes=55)
"""After a refusal of the whole account: no hour of the day goes by without a try."""

OUTAGE_WAIT = dt.timedelta(minutes=10)

_TYPES = ("track", "episode")
_TOKEN_TRIES = 3
_ACCOUNT_TRIES = 2
_ACCOUNT_PAUSE = 5.0
_OUTAGE_CALLS = 12
_OUTAGE_PLAYLISTS = 3
_DIAGNOSED = 4096


class ResourceError(PlatformError):
    """Spotify will not give this one resource; `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.said)
        self.verdict = verdict


class Meter(Protocol):
    """Who pays for a call beside the shared budget: see `allowance`."""

    def spend(self) -> None: ...


@dataclass(frozen=True)
class RetryRules:
    """How long Spotify is asked. Seconds: `timeout` for one attempt, body included, the others for all together.

    `tries` of a call in all, waits that Spotify asks for aside.
    """

    timeout: float = 20.0
    tries: int = 5
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

    Raises AccountError, AccountRefusedError, CoolingDownError and BudgetSpentError (each stops every thread),
    SpotifyUnavailableError (this call only) and ResourceError (this resource only).
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
        self._bad: list[Meter | None] = []
        self.tokens = TokenSource(
            account,
            token_url=token_url,
            session=session(1, self.rules.timeout, adapter),
            clock=self.clock,
            vault=TokenVault(store, account) if account.refresh_token else None,
        )
        self._spotify = self._build(api_url, session(concurrency, self.rules.timeout, adapter))

    def _build(self, api_url: str, session: requests.Session) -> spotipy.Spotify:
        import spotipy

        auth.quiet_spotipy()
        session.hooks["response"] = [self._keep]
        client = spotipy.Spotify(
            auth_manager=self.tokens,
            requests_session=session,  # pyright: ignore[reportArgumentType] - a session is allowed
        )
        client.prefix = f"{api_url.rstrip('/')}/"
        return client

    def _keep(self, response: requests.Response, **_: object) -> None:
        self._local.response = response

    def playlist(self, playlist_id: str, meter: Meter | None = None) -> JsonObject:
        """The playlist object with its first page; the contents are absent where they are not ours to read."""
        return self._call(
            "playlists/{id}",
            lambda: self._spotify.playlist(playlist_id, additional_types=_TYPES),
            lambda body: body.get("id") == playlist_id,
            meter,
        )

    def snapshot_id(self, playlist_id: str, meter: Meter | None = None) -> str | None:
        """Spotify's version id of the playlist, in an answer of a few bytes."""
        answer = self._call(
            "playlists/{id}",
            lambda: self._spotify.playlist(playlist_id, fields="id,snapshot_id", additional_types=_TYPES),
            lambda body: body.get("id") == playlist_id,
            meter,
        )
        value = answer.get("snapshot_id")
        return value if isinstance(value, str) else None

    def items(self, playlist_id: str, offset: int, meter: Meter | None = None) -> JsonObject:
        """A page of up to 50 entries from `offset`."""
        return self._call(
            "playlists/{id}/items",
            lambda: self._spotify.playlist_items(playlist_id, limit=PAGE_LIMIT, offset=offset, additional_types=_TYPES),
            _is_page,
            meter,
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

    def _call(
        self,
        endpoint: str,
        send: Callable[[], object],
        usable: Callable[[JsonObject], bool],
        meter: Meter | None = None,
    ) -> JsonObject:
        tally = _Tally()

        def once() -> JsonObject:
            reply, token = self._attempt(endpoint, send, meter)
            verdict = judge(reply, self.clock.now(), self.tokens.redacted)
            if verdict.meaning is Meaning.GOOD and verdict.value is not None:
                body: JsonObject = verdict.value  # pyright: ignore[reportAssignmentType] - parsed from JSON
                if usable(body):
                    self._answered()
                    return body
                verdict = Verdict(Meaning.RETRY, "HTTP 200 with an object that is not what was asked for")
            self._give_up_if_hopeless(verdict, tally, token)
            self._mark_bad(verdict, meter)
            raise _UnusableError(verdict, reply)

        retrying = again(
            retry_if_exception(lambda error: isinstance(error, _UnusableError) and self._is_worth_it(error, tally)),
            wait=lambda state: _pause(_unusable(state), state.attempt_number),
            seconds=self.rules.per_request,
            clock=self.clock,
            until=self.stopped,
            before_sleep=self._before_sleep,
        )
        try:
            return retrying(once)
        except _UnusableError as error:
            over_run = self.stats.waited >= self.rules.per_run
            within = f" and {self.rules.per_run:.0f} s of waiting in this run" if over_run else ""
            raise SpotifyUnavailableError(
                f"Spotify gave no usable answer to {endpoint} in {tally.tries} tries{within} (last: "
                f"{error.verdict.said})",
                remedy="try again later",
                body=self._start_of(error.reply),
            ) from None

    def _start_of(self, reply: Reply) -> str:
        """The start of a body for diagnosis, where the answer was no refusal."""
        if reply.status >= 400:
            return ""
        text = reply.body[: 2 * _DIAGNOSED].decode("utf-8", "replace")
        return self.tokens.redacted(text)[:_DIAGNOSED]  # cut off afterwards, or half a secret would stay

    def _attempt(self, endpoint: str, send: Callable[[], object], meter: Meter | None) -> tuple[Reply, str]:
        """One request: the reply, and the token it was sent with."""
        with self.gate.call():
            self._raise_if_stopped()
            try:
                token = self._token()
                if meter:
                    meter.spend()
                self.ledger.spend()
            except (SpotifyUnavailableError, PlaylistUnreadableError):
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
            return Reply(error=trouble(error), body=error.start if isinstance(error, BodyError) else b"")
        except (SpotifyException, AttributeError, TypeError, ValueError, RecursionError):
            if self._local.response is None:
                raise
        response: requests.Response | None = self._local.response
        if response is None:
            return Reply(error="there was no response")
        return Reply(response.status_code, response.headers, response.content)

    def _raise_if_stopped(self) -> None:
        if self.stopped.is_set() and self.stopped_by:
            raise self.stopped_by

    def _give_up_if_hopeless(self, verdict: Verdict, tally: _Tally, token: str) -> None:
        """Raise what ends this call, or everything. One refusal of the account alone is not believed: see `_pause`."""
        error: PlatformError | None = None
        match verdict.meaning:
            case Meaning.GONE | Meaning.FORBIDDEN | Meaning.REFUSED:
                self._answered()
                raise ResourceError(verdict)
            case Meaning.COOL_DOWN:
                until = self.clock.now() + dt.timedelta(seconds=verdict.seconds or 0)
                error = self.ledger.cool_down(until, f"it answered {verdict.said}")
            case Meaning.ACCOUNT:
                tally.account += 1
                if tally.account >= _ACCOUNT_TRIES:
                    error = AccountRefusedError(
                        f"Spotify refuses everything to this account: {verdict.said}",
                        remedy=verdict.remedy,
                        code="account",
                        retry_at=self.clock.now() + REFUSED_WAIT,
                    )
            case Meaning.TOKEN:
                tally.token += 1
                if tally.token >= 2 or "expired" in verdict.said:
                    renewable = self.tokens.invalidate(token)
                    if tally.token >= _TOKEN_TRIES or not renewable:
                        error = AccountRefusedError(
                            f"Spotify refuses the access token ({verdict.said})",
                            remedy="it is tried again through the day; if that does not help, consent again with "
                            "`spotify-assets login`",
                            code="token",
                            retry_at=self.clock.now() + REFUSED_WAIT,
                        )
            case _:
                pass
        if error:
            self.stop(error)
            raise error

    def _answered(self) -> None:
        """Spotify is there."""
        self.gate.open()
        if self._bad:
            with self._lock:
                self._bad.clear()

    def _mark_bad(self, verdict: Verdict, meter: Meter | None) -> None:
        """Stop everyone when no call at all gets a usable answer any more: an outage costs few calls so."""
        if verdict.meaning is not Meaning.RETRY:
            return
        with self._lock:
            self._bad.append(meter)
            over = len(self._bad) >= _OUTAGE_CALLS and len({id(one) for one in self._bad}) >= _OUTAGE_PLAYLISTS
        if over:
            error = SpotifyUnavailableError(
                f"Spotify gave no usable answer to the last {len(self._bad)} calls (last: {verdict.said})",
                remedy="extraction goes on by itself later",
                code="outage",
                retry_at=self.clock.now() + OUTAGE_WAIT,
            )
            self.stop(error)
            raise error

    def _is_worth_it(self, error: _UnusableError, tally: _Tally) -> bool:
        """Whether a call is made once more."""
        if error.verdict.meaning is not Meaning.WAIT:
            tally.tries += 1
        else:
            tally.waits += 1
        return tally.tries < self.rules.tries and self.stats.waited < self.rules.per_run

    def _before_sleep(self, state: RetryCallState) -> None:
        seconds = state.upcoming_sleep
        together = _unusable(state).verdict.meaning in (Meaning.WAIT, Meaning.ACCOUNT)
        added = self.gate.pause(seconds) if together else seconds
        with self._lock:
            self.stats.retries += 1
            self.stats.waits += 1
            self.stats.waited += added


class _UnusableError(Exception):
    """An answer after which the same call is made again."""

    def __init__(self, verdict: Verdict, reply: Reply) -> None:
        super().__init__(verdict.said)
        self.verdict = verdict
        self.reply = reply


@dataclass
class _Tally:
    """What one call has been answered so far."""

    tries: int = 0
    waits: int = 0
    token: int = 0
    account: int = 0


def _unusable(state: RetryCallState) -> _UnusableError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, _UnusableError)
    return error


def _pause(error: _UnusableError, attempt: int) -> float:
    """Seconds until the same call is made again."""
    verdict = error.verdict
    if verdict.meaning is Meaning.ACCOUNT:
        return _ACCOUNT_PAUSE
    if verdict.seconds is not None:
        return verdict.seconds + 1.0
    first = 4.0 if verdict.meaning is Meaning.WAIT else 0.5
    return min(2.0 ** (attempt - 1) * first, 30.0) * random.uniform(0.8, 1.2)


def _is_page(body: JsonObject) -> bool:
    return isinstance(body.get("items"), list)
