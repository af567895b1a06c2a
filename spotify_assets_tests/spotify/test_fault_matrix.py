"""The fault matrix: one line a fault. What Spotify sends, what becomes of the playlist, and what is said about it.

A playlist of three entries is read with spotipy on real sockets; without a fault that takes three calls: the playlist,
its page, and its version again. What one wrong answer would end is asked again, ten and then sixty seconds later.
"""

from __future__ import annotations

import email.utils
from dataclasses import dataclass

import pytest

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.spotify.budget import STATE_KEY, CallState
from spotify_assets.spotify.errors import AccountRefusedError, CoolingDownError
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.conftest import START, Extract, TestClock
from spotify_assets_tests.spotify.spotify_server import Answer, SpotifyServer, error

PAGE, PLAYLIST = "/items", "/Playlist00000000000000"
PREMIUM = (
    "Active premium subscription required for the owner of the app. When the subscription status changes, it can take "
    "a few hours before requests are allowed again."
)
JSON_PAGE = b'{"items": [], "total": 3, "off'


@dataclass(frozen=True)
class Fault:
    """`sent` to the next requests of `to` (`always` to all); then `done`, after `calls`, having `waited` at least so
    many seconds, and having `said` this."""

    name: str
    sent: tuple[Answer, ...]
    done: str
    calls: int
    said: str = ""
    waited: float = 0.0
    to: str = PAGE
    always: bool = False
    refreshes: int = 1


def sent(*answers: Answer) -> tuple[Answer, ...]:
    return answers


IN_TEN_SECONDS = email.utils.format_datetime(START.replace(second=40), usegmt=True)

PASSING = [
    Fault("500 once", sent(error(500, "Oops")), "read", 4),
    Fault("502 with HTML", sent(Answer(502, "<html>Bad gateway</html>")), "read", 4),
    Fault("503 once", sent(error(503, "Unavailable")), "read", 4),
    Fault("503 with Retry-After 2", sent(error(503, "Unavailable", Retry_After="2")), "read", 4, waited=3),
    Fault("503 with Retry-After 9999", sent(error(503, "Unavailable", Retry_After="9999")), "read", 4),
    Fault("504 with empty body", sent(Answer(504)), "read", 4),
    Fault("three 500 in a row", sent(*[error(500, "Oops")] * 3), "read", 6, waited=2),
    Fault("no answer in time", sent(Answer(delay=1.7, body={"items": []})), "read", 4),
    Fault("connection closed before the answer", sent(Answer(cut="before")), "read", 4),
    Fault("connection closed in mid-body", sent(Answer(body=b'{"items": [', cut="middle")), "read", 4),
    Fault("damaged compression", sent(Answer(body=b"not gzip", headers={"Content-Encoding": "gzip"})), "read", 4),
    Fault("200 with empty body", sent(Answer()), "read", 4),
    Fault("200 with blanks", sent(Answer(body=b"  \n")), "read", 4),
    Fault("200 with HTML", sent(Answer(body="<html>Sign in to the hotel's network</html>")), "read", 4),
    Fault("200 with half a JSON", sent(Answer(body=JSON_PAGE)), "read", 4),
    Fault("200 with invalid UTF-8", sent(Answer(body=b'{"items": ["\xff\xfe"]}')), "read", 4),
    Fault("200 with a list", sent(Answer(body=[])), "read", 4),
    Fault("200 with a string", sent(Answer(body='"ok"')), "read", 4),
    Fault("200 with a number", sent(Answer(body="7")), "read", 4),
    Fault("200 with an error inside", sent(Answer(body={"error": {"status": 500}})), "read", 4),
    Fault("200 whose items are no list", sent(Answer(body={"items": {"href": "x", "total": 3}})), "read", 4),
    Fault("200 nested too deep to parse", sent(Answer(body=b"[" * 100_000)), "read", 4),
    Fault("an object that is no playlist", sent(Answer(body={})), "read", 4, to=PLAYLIST),
    Fault("204", sent(Answer(204)), "read", 4),
    Fault("304", sent(Answer(304)), "read", 4),
    Fault("408", sent(error(408, "Request timeout")), "read", 4),
    Fault("spurious 401", sent(error(401, "Access token missing")), "read", 4),
    Fault("401: token expired", sent(error(401, "The access token expired")), "read", 4, refreshes=2),
    Fault("401 twice", sent(*[error(401, "Access token missing")] * 2), "read", 5, refreshes=2),
    Fault("429 with Retry-After 2", sent(error(429, "API rate limit exceeded", Retry_After="2")), "read", 4, waited=3),
    Fault("429 with Retry-After 0", sent(error(429, "API rate limit exceeded", Retry_After="0")), "read", 4, waited=1),
    Fault(
        "429 with Retry-After -5", sent(error(429, "API rate limit exceeded", Retry_After="-5")), "read", 4, waited=1
    ),
    Fault("429 with Retry-After as a date", sent(error(429, "x", Retry_After=IN_TEN_SECONDS)), "read", 4, waited=10),
    Fault("429 with Retry-After nonsense", sent(error(429, "x", Retry_After="soon")), "read", 4, waited=3),
    Fault("429 with Retry-After nan", sent(error(429, "x", Retry_After="nan")), "read", 4, waited=3),
    Fault("429 without Retry-After", sent(error(429, "API rate limit exceeded")), "read", 4, waited=3),
    Fault("429 with a text body", sent(Answer(429, "Too many requests", {"Retry-After": "1"})), "read", 4, waited=2),
    Fault("429 with {'error': text}", sent(Answer(429, {"error": "slow down"}, {"Retry-After": "1"})), "read", 4),
    Fault("429 with a list body", sent(Answer(429, [1, 2], {"Retry-After": "1"})), "read", 4, waited=2),
    Fault("302 to itself", sent(Answer(302, b"", {"Location": f"/v1/playlists{PLAYLIST}/items?limit=50"})), "read", 4),
    Fault("404 once", sent(error(404, "Resource not found")), "read", 4, waited=10, to=PLAYLIST),
    Fault("404 of the page once", sent(error(404, "Resource not found")), "read", 5, waited=10),
    Fault("410 twice", sent(*[error(410, "Gone")] * 2), "read", 7, waited=70),
    Fault("403 once", sent(error(403, "Forbidden")), "read", 5, waited=10),
    Fault("null once", sent(Answer(body="null")), "read", 4, waited=10, to=PLAYLIST),
    Fault("400 once", sent(error(400, "Invalid base62 id")), "read", 4, waited=10, to=PLAYLIST),
    Fault("403: Premium, as text, once", sent(Answer(403, PREMIUM)), "read", 4, waited=5),
]

LASTING = [
    Fault("500 forever", sent(error(500, "Oops")), "failed", 6, "no usable answer", 6, always=True),
    Fault("empty bodies forever", sent(Answer()), "failed", 6, "last: HTTP 200 with an empty body", 6, always=True),
    Fault("429 forever", sent(error(429, "x", Retry_After="20")), "failed", 0, "HTTP 429", 60, always=True),
    Fault(
        "404", sent(error(404, "Resource not found")), "unreadable", 3, "editorial lists", 70, to=PLAYLIST, always=True
    ),
    Fault(
        "404 of the page",
        sent(error(404, "Resource not found")),
        "unreadable",
        6,
        "(Resource not found)",
        70,
        always=True,
    ),
    Fault("410", sent(error(410, "Gone")), "unreadable", 6, "HTTP 410 (Gone)", 70, always=True),
    Fault("403", sent(error(403, "Forbidden")), "unreadable", 6, "neither owned by nor shared", 70, always=True),
    Fault("403 with HTML", sent(Answer(403, "<html><b>No&nbsp;way")), "unreadable", 6, "(No way):", 70, always=True),
    Fault("403 with {'error': text}", sent(Answer(403, {"error": "no"})), "unreadable", 6, "(no):", 70, always=True),
    Fault("403 with a list", sent(Answer(403, ["no"])), "unreadable", 6, "HTTP 403:", 70, always=True),
    Fault(
        "403 with {'error': null}", sent(Answer(403, {"error": None})), "unreadable", 6, "HTTP 403:", 70, always=True
    ),
    Fault("null playlist", sent(Answer(body="null")), "unreadable", 3, "HTTP 200 (null)", 70, to=PLAYLIST, always=True),
    Fault("400", sent(error(400, "Invalid id")), "unreadable", 3, "Invalid id", 70, to=PLAYLIST, always=True),
    Fault("405", sent(error(405, "Not allowed")), "unreadable", 6, "the request itself was refused", 70, always=True),
]


@pytest.mark.parametrize("fault", [*PASSING, *LASTING], ids=lambda fault: fault.name)
def test_fault(fault: Fault, server: SpotifyServer, run: Extract, clock: TestClock) -> None:
    [playlist_id] = server.add(1)
    if fault.always:
        server.forever[fault.to] = fault.sent[0]
    else:
        server.fail(fault.to, *fault.sent)

    report = run(playlist_id)

    [outcome] = report.outcomes
    assert (outcome.status, fault.said in outcome.detail) == (fault.done, True), outcome.detail
    assert outcome.entries == (3 if fault.done == "read" else 0)
    assert fault.calls in (0, sum(report.stats.calls.values()))
    assert report.spent == sum(report.stats.calls.values())
    assert sum(clock.slept) >= fault.waited
    assert sum(clock.slept) <= max(fault.waited * 2, 121)
    assert len(server.token_requests) == fault.refreshes
    assert report.stopped_by is None


STOPPING = [
    Fault("401 forever", sent(error(401, "Access token missing")), "refused", 4, "consent again", always=True),
    Fault("403: scope", sent(error(403, "Insufficient client scope")), "refused", 3, "consent again", always=True),
    Fault(
        "403: allow-list",
        sent(error(403, "User not registered in the Developer Dashboard")),
        "refused",
        3,
        "User Management",
        always=True,
    ),
    Fault(
        "403: allow-list, text",
        sent(Answer(403, "User not approved for app")),
        "refused",
        3,
        "not approved for app",
        always=True,
    ),
    Fault(
        "403: dashboard, text",
        sent(Answer(403, "Check settings on developer.spotify.com/dashboard, the user may not be registered.")),
        "refused",
        3,
        "the user may not be registered",
        always=True,
    ),
    Fault("403: Premium, text", sent(Answer(403, PREMIUM)), "refused", 3, "Active premium subscription", always=True),
    Fault("403: quota, text", sent(Answer(403, "Your application has exceeded its quota")), "transient", 2, "07:00:30"),
    Fault("429, 13 hours", sent(error(429, "x", Retry_After="46800")), "transient", 2, "until 2026-11-21 19:00:30 UTC"),
    Fault("429, 61 s", sent(error(429, "x", Retry_After="61")), "transient", 2, "until 2026-11-21 06:01:31 UTC"),
    Fault(
        "429: quota, 14 h", sent(error(429, "x", "QUOTA_EXCEEDED", Retry_After="49861")), "transient", 2, "19:51:31 UTC"
    ),
    Fault("429: quota, 5 s", sent(error(429, "x", "QUOTA_EXCEEDED", Retry_After="5")), "transient", 2, "06:00:35 UTC"),
    Fault("429: quota, nothing said", sent(error(429, "x", "QUOTA_EXCEEDED")), "transient", 2, "07:00:30 UTC"),
    Fault("429, a year", sent(error(429, "x", Retry_After="31536000")), "transient", 2, "until 2026-11-28"),
]


@pytest.mark.parametrize("fault", STOPPING, ids=lambda fault: fault.name)
def test_fault_that_stops_everyone(fault: Fault, server: SpotifyServer, run: Extract, store: ObjectStore) -> None:
    [playlist_id] = server.add(1)
    if fault.always:
        server.forever[fault.to] = fault.sent[0]
    else:
        server.fail(fault.to, *fault.sent)

    report = run(playlist_id)

    kind = AccountRefusedError if fault.done == "refused" else CoolingDownError
    assert isinstance(report.stopped_by, kind)
    assert fault.said in str(report.stopped_by)
    assert [outcome.status for outcome in report.outcomes] == ["not reached"]
    assert sum(report.stats.calls.values()) == fault.calls
    state = CallState.from_json(store.get_or_none(STATE_KEY))
    assert (state.cool_down is not None) == (fault.done == "transient")


TOKENS = [
    Fault("token 500 once", sent(error(500, "Oops")), "read", 3, refreshes=2),
    Fault("token 503 with HTML", sent(Answer(503, "<html>")), "read", 3, refreshes=2),
    Fault("token 429 with Retry-After 1", sent(Answer(429, "", {"Retry-After": "1"})), "read", 3, refreshes=2),
    Fault("token 200 with HTML", sent(Answer(body="<html>")), "read", 3, refreshes=2),
    Fault("token 200 with empty body", sent(Answer()), "read", 3, refreshes=2),
    Fault("token 200 with a list", sent(Answer(body=[])), "read", 3, refreshes=2),
    Fault("token connection closed", sent(Answer(cut="before")), "read", 3, refreshes=2),
    Fault("token no answer in time", sent(Answer(delay=1.7)), "read", 3, refreshes=2),
    Fault("token without expires_in", sent(Answer(body={"access_token": "a"})), "read", 3),
    Fault("token 503 forever", sent(error(503, "x")), "transient", 0, "answer (4 tries", always=True, refreshes=4),
    Fault("token without a token", sent(Answer(body={"expires_in": 1})), "transient", 0, "without an access token"),
    Fault("invalid_grant once", sent(Answer(400, {"error": "invalid_grant"})), "read", 3, refreshes=2),
    Fault("invalid_grant", sent(Answer(400, {"error": "invalid_grant"})), "permanent", 0, "spotify-assets login",
          always=True, refreshes=2),
    Fault("invalid_client", sent(Answer(400, {"error": "invalid_client"})), "permanent", 0, "SPOTIFY_CLIENT_SECRET",
          always=True, refreshes=2),
    Fault("token 403", sent(Answer(403, "<html>")), "permanent", 0, "refused the refresh token (HTTP 403)",
          always=True, refreshes=2),
    Fault("token 403: Premium", sent(Answer(403, PREMIUM)), "transient", 0, "active Premium subscription",
          always=True, refreshes=2),
    Fault("token NaN", sent(Answer(body=b'{"access_token": "a", "expires_in": NaN}')), "read", 3, refreshes=2),
    Fault("scope missing", sent(Answer(body={"access_token": "a", "expires_in": 3600, "scope": "user-read-email"})),
          "permanent", 0, "lacks the scope playlist-read-private"),
    Fault("token 429, 13 hours", sent(Answer(429, "", {"Retry-After": "46800"})), "transient", 0, "19:00:30 UTC"),
]  # fmt: skip


@pytest.mark.parametrize("fault", TOKENS, ids=lambda fault: fault.name)
def test_fault_of_the_token_endpoint(fault: Fault, server: SpotifyServer, run: Extract) -> None:
    [playlist_id] = server.add(1)
    if fault.always:
        server.token_always = fault.sent[0]
    else:
        server.tokens.extend(fault.sent)

    report = run(playlist_id)

    [outcome] = report.outcomes
    if fault.done == "read":
        assert outcome.status == "read"
        assert sum(report.stats.calls.values()) == fault.calls
    else:
        assert isinstance(report.stopped_by, PermanentError if fault.done == "permanent" else TransientError)
        assert fault.said in str(report.stopped_by)
        assert report.stats.calls.total() == 0
    assert len(server.token_requests) == fault.refreshes
