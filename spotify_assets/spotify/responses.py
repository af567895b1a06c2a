"""What an answer of Spotify means: pure judgement of status, headers and body, no call is made here.

spotipy flattens much of this (a 503 becomes a 429, headers and reasons are lost, an empty body becomes None, an error
body that is text or a list becomes an AttributeError), so what is judged is the HTTP response itself.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

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
    SCOPE = "the account lacks a scope or a right"
    GONE = "this resource does not exist, or not for us"
    FORBIDDEN = "this resource is not ours to read"
    REFUSED = "the request is wrong and will stay so"


@dataclass(frozen=True)
class Verdict:
    """`said` is the cause in plain words; `seconds` how long to wait where Spotify says so; `value` the JSON object."""

    meaning: Meaning
    said: str
    seconds: float | None = None
    value: dict[str, object] | None = None


def judge(reply: Reply, now: dt.datetime) -> Verdict:
    """What `reply` means."""
    if reply.error:
        return Verdict(Meaning.RETRY, reply.error)
    message, reason = _error_text(reply.body)
    said = f"HTTP {reply.status}" + (f" ({message})" if message else "") + (f" [{reason}]" if reason else "")
    seconds = retry_after(reply.headers, now)
    if reply.status == 429:
        return _limited(said, reason, seconds)
    if 500 <= reply.status <= 599:
        return Verdict(Meaning.RETRY, said, seconds if seconds is not None and seconds <= SHORT_WAIT else None)
    if 200 <= reply.status <= 299 or reply.status == 304:
        return _content(reply)
    if reply.status == 403:
        hopeless = any(hint in message.lower() for hint in ("scope", "not registered", "premium"))
        return Verdict(Meaning.SCOPE if hopeless else Meaning.FORBIDDEN, said)
    meanings = {401: Meaning.TOKEN, 404: Meaning.GONE, 410: Meaning.GONE, 408: Meaning.RETRY, 425: Meaning.RETRY}
    return Verdict(meanings.get(reply.status, Meaning.REFUSED), said)


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
        value = json.loads(text)
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
        except ValueError:
            return None
        seconds = (time.replace(tzinfo=time.tzinfo or dt.UTC) - now).total_seconds()
    return min(max(seconds, 0.0), _MAX_WAIT) if seconds == seconds else None


def _error_text(body: bytes) -> tuple[str, str]:
    """(message, reason) of an error body in any of the forms seen: an object, a text, a list, or no JSON at all."""
    try:
        error = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if isinstance(error, dict):
        error = error.get("error", error)
    if isinstance(error, dict):
        return _short(error.get("message")), _short(error.get("reason"))
    return _short(error if isinstance(error, str) else None), ""


def _short(value: object) -> str:
    return " ".join(value.split())[:200] if isinstance(value, str) else ""
