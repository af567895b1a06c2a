"""What an answer of Spotify means: pure judgement of status, headers and body, no call is made here.

spotipy flattens much of this (a 503 becomes a 429, headers and reasons are lost, an empty body becomes None, an error
body that is text or a list becomes an AttributeError), so what is judged is the HTTP response itself.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from spotify_assets.redaction import printable, without_markup

SHORT_WAIT = 60.0
"""Seconds: a Retry-After up to this is waited for, a longer one starts a cool-down."""

QUOTA_WAIT = 3600.0
"""Seconds to stay away when the quota is exceeded and Spotify does not say for how long."""

_MAX_WAIT = 7 * 86400.0


@dataclass(frozen=True)
class Reply:
    """An HTTP response, or (`error`) why there is none."""

    status: int = 0
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    error: str = ""


class Meaning(Enum):
    """What to do about a reply."""

    GOOD = "use it"
    RETRY = "try again briefly"
    WAIT = "wait as long as Spotify says, then try again"
    COOL_DOWN = "stop everyone until the time Spotify says"
    TOKEN = "the access token was refused: try again, then with a fresh one"
    ACCOUNT = "everything is refused to this account or app"
    GONE = "this resource does not exist, or not for us"
    FORBIDDEN = "this resource is not ours to read"
    REFUSED = "the request is wrong and will stay so"


@dataclass(frozen=True)
class Verdict:
    """`said` is the cause in plain words; `seconds` how long to wait where Spotify says so; `value` the JSON object.

    `remedy` is what helps against a refusal of the whole account.
    """

    meaning: Meaning
    said: str
    seconds: float | None = None
    value: dict[str, object] | None = None
    remedy: str = ""


ACCOUNT_WORDINGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"premium"),
        "give the app's owner an active Premium subscription; Spotify says that it takes a few hours to count",
    ),
    (
        re.compile(
            r"not (?:be )?(?:registered|approved|allow-?listed|white-?listed)|developer dashboard|"
            r"developer\.spotify\.com/dashboard|development mode"
        ),
        "add this user to the app's users on developer.spotify.com/dashboard (User Management), and check that the "
        "owner has Premium",
    ),
    (re.compile(r"\bscopes?\b"), "consent again with `spotify-assets login`, which asks for the scopes needed"),
    (
        re.compile(r"(?:app|application|client) .*(?:disabled|blocked|suspended|deleted)"),
        "look at the app's page on developer.spotify.com/dashboard",
    ),
)
"""What a 403 says when it is meant for everything the account asks, seen from 2021 to 2026, and what helps.

As JSON and as plain text: zmb3/spotify#301, spotipy#688, #689 and #1233, web-api-node#484, your_spotify#207,
spotify_to_ytmusic#122, spotify-dart#160.
"""

_QUOTA = re.compile(r"quota|rate limit")


def judge(reply: Reply, now: dt.datetime, clean: Callable[[str], str] = str) -> Verdict:
    """What `reply` means. `clean` takes secrets out of what Spotify says."""
    if reply.error:
        return Verdict(Meaning.RETRY, reply.error)
    message, reason = (fit_to_show(part, clean) for part in _error_text(reply))
    said = f"HTTP {reply.status}" + (f" ({message})" if message else "") + (f" [{reason}]" if reason else "")
    seconds = retry_after(reply.headers, now)
    if reply.status == 429:
        return _limited(said, reason, seconds)
    if 500 <= reply.status <= 599:
        return Verdict(Meaning.RETRY, said, seconds if seconds is not None and seconds <= SHORT_WAIT else None)
    if 200 <= reply.status <= 299 or reply.status == 304:
        return _content(reply)
    if 300 <= reply.status <= 399:
        return Verdict(Meaning.RETRY, f"HTTP {reply.status}, a redirect, which is not followed")
    if reply.status == 403:
        return _forbidden(said, message.lower())
    meanings = {401: Meaning.TOKEN, 404: Meaning.GONE, 410: Meaning.GONE, 408: Meaning.RETRY, 425: Meaning.RETRY}
    return Verdict(meanings.get(reply.status, Meaning.REFUSED), said)


def _forbidden(said: str, message: str) -> Verdict:
    remedy = account_remedy(message)
    if remedy:
        return Verdict(Meaning.ACCOUNT, said, remedy=remedy)
    if _QUOTA.search(message):
        return Verdict(Meaning.COOL_DOWN, said, QUOTA_WAIT)
    return Verdict(Meaning.FORBIDDEN, said)


def account_remedy(message: str) -> str:
    """What helps where `message` refuses the whole account; empty where it is about one thing."""
    return next((remedy for wording, remedy in ACCOUNT_WORDINGS if wording.search(message.lower())), "")


def _limited(said: str, reason: str, seconds: float | None) -> Verdict:
    if reason == "QUOTA_EXCEEDED":
        return Verdict(Meaning.COOL_DOWN, said, seconds if seconds is not None else QUOTA_WAIT)
    if seconds is not None and seconds > SHORT_WAIT:
        return Verdict(Meaning.COOL_DOWN, f"{said}, Retry-After {seconds:.0f} s", seconds)
    return Verdict(Meaning.WAIT, said, seconds)


def _content(reply: Reply) -> Verdict:
    text = reply.body.strip()
    if reply.status != 200 or not text:
        return Verdict(Meaning.RETRY, f"HTTP {reply.status} with an empty body")
    if text == b"null":
        return Verdict(Meaning.GONE, "HTTP 200 (null)")
    try:
        value = strict_json(text)
    except (ValueError, RecursionError):
        return Verdict(Meaning.RETRY, f"HTTP {reply.status} with a body that is not JSON")
    if not isinstance(value, dict):
        return Verdict(Meaning.RETRY, f"HTTP {reply.status} with a JSON {type(value).__name__} instead of an object")
    return Verdict(Meaning.GOOD, "HTTP 200", value=value)


def retry_after(headers: Mapping[str, str] | None, now: dt.datetime) -> float | None:
    """Seconds to wait by the Retry-After header (seconds or an HTTP date, RFC 9110); None where it says nothing usable.

    Never negative and never more than a week.
    """
    text = (headers or {}).get("Retry-After", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            time = email.utils.parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        seconds = (time.replace(tzinfo=time.tzinfo or dt.UTC) - now).total_seconds()
    return min(max(seconds, 0.0), _MAX_WAIT) if seconds == seconds else None


def strict_json(text: bytes | str) -> object:
    """The JSON value of `text`. Raises ValueError for what Python accepts beyond it: NaN, Infinity, 1e999."""
    return json.loads(text, parse_constant=_no_number, parse_float=_finite)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is larger than a number can be")
    return value


def _error_text(reply: Reply) -> tuple[str, str]:
    """(message, reason) of a refusal's body in any of the forms seen: an object, a text, a list, HTML, plain words."""
    if reply.status < 400:
        return "", ""
    try:
        error = json.loads(reply.body)
    except (ValueError, RecursionError):
        words = without_markup(reply.body.decode("utf-8", "replace"))
        return ("" if words.lstrip()[:1] in ("{", "[") else words), ""
    if isinstance(error, dict):
        error = error.get("error", error)
    if isinstance(error, dict):
        return _text(error.get("message")), _text(error.get("reason"))
    return _text(error), ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def fit_to_show(text: str, clean: Callable[[str], str] = str) -> str:
    """What Spotify says, on one line of at most 200 characters, without secrets and control characters."""
    return printable(clean(text))[:200]
