"""What others send, made fit to be kept and shown: without secrets, without what a terminal or a page would act on.

Pure. Where a text ends up is the caller's matter.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable

HIDDEN = "[hidden]"
_SHORTEST_SECRET = 6
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s]+(?=@)")
"""What stands before the host of an address: a name and a password, or a token (RFC 3986, 3.2.1)."""

_SECRET_SHAPES = (
    re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)([\w-]*(?:password|passphrase|secret|token|api_?key|private_?key))(\s*[=:]\s*)\S+"),
    re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    re.compile(r"(?i)(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s]+"),
    _IN_ADDRESS,
)
_UNSEEN = re.compile(r"(?is)<(script|style)\b.*?(</\1\s*>|\Z)|<!--.*?(-->|\Z)")
ACTED_ON = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that a terminal acts on, but for line breaks and tabs."""

_TAG = re.compile(r"<[^<>]*>")


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of `secrets` and without anything shaped like one."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    for shape in _SECRET_SHAPES:
        text = shape.sub(lambda match: f"{_kept(match)}{HIDDEN}", text)
    return text


def printable(text: str) -> str:
    """`text` on one line, without control, format (bidirectional, zero-width) and surrogate characters."""
    seen = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text)
    return " ".join(seen.split())


def visible(text: str) -> str:
    r"""`text` with its line breaks and tabs, and every other character that a terminal would act on written out.

    Those are controls (an escape is shown as `\x1b`), lone surrogates, the line separators, and the characters that
    turn the direction of what follows them (Unicode's Bidi_Control, without the marks that Arabic and Hebrew use).
    """
    return ACTED_ON.sub(lambda match: ascii(match[0])[1:-1], text)


def without_passwords(text: str) -> str:
    """`text` with what stands before the host of each address in it hidden."""
    return _IN_ADDRESS.sub(HIDDEN, text)


def without_markup(text: str) -> str:
    """The words of an HTML page; a text without tags stays as it is."""
    return html.unescape(_TAG.sub(" ", _UNSEEN.sub(" ", text))) if "<" in text else text


def _kept(match: re.Match[str]) -> str:
    """The part of a match that only says what was hidden, such as `password=`."""
    groups = [group for group in match.groups() if group and not group.startswith("-----")]
    return "" if not groups or groups[0] in ("AKIA", "ASIA") else "".join([*groups, "" if len(groups) > 1 else " "])
