"""Bytes of unknown origin into JSON, safely. What the JSON means is `payloads`' business.

Files come from other people's pipelines and from whoever can write to the landing folder, so everything is bounded:
size after decompression, nesting, numbers, and keys that stand twice in one object.
"""

from __future__ import annotations

import json
import math
import re
import zlib

from spotify_assets.failures import PermanentError
from spotify_assets.spotify.snapshot import Json

MAX_BYTES = 256 * 1024 * 1024
MAX_DEPTH = 40
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1024 * 1024
# A string (possessive, and whole even when it never ends, so that no input makes this slow) or a bracket.
_STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[{]|[\]}]', re.DOTALL)
_STRING = re.compile(rb'"[^"]*+"?')
_NO_STRUCTURE = bytes(code for code in range(256) if code not in b'"[]{}')


class PayloadError(PermanentError):
    """A file that holds no playlist that could be taken in; the message says why."""


def decode(data: bytes, name: str, *, max_bytes: int = MAX_BYTES) -> Json:
    """The JSON in `data`, gzip or plain. Raises PayloadError naming `name` and what is wrong."""
    return parsed(inflated(data, name, max_bytes=max_bytes), name)


def inflated(data: bytes, name: str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes that `data` is, gzip or plain. Raises PayloadError when they are none, too many or damaged."""
    try:
        return _inflated(data, max_bytes)
    except ValueError as error:
        raise PayloadError(f"{name} is not usable JSON: {error}.") from None


def parsed(text: bytes, name: str) -> Json:
    """The JSON that `text` is. Raises PayloadError naming `name` and what is wrong."""
    try:
        _check_depth(text)
        return json.loads(
            text.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise PayloadError(f"{name} is not UTF-8 text (byte {error.start}): save it as UTF-8 JSON.") from None
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"{name} is not usable JSON: {error}.") from None


def _inflated(data: bytes, max_bytes: int) -> bytes:
    if not data.strip():
        raise ValueError("it is empty")
    if not data.startswith(_GZIP_MAGIC):
        if len(data) > max_bytes:
            raise ValueError(f"it has {len(data)} bytes, more than the {max_bytes} read")
        return data
    parts: list[bytes] = []
    size = 0
    rest = data
    while rest:  # a gzip file may be several, one after the other
        inflater = zlib.decompressobj(wbits=31)
        try:
            while not inflater.eof:
                part = inflater.decompress(rest, _CHUNK)
                rest = inflater.unconsumed_tail
                if not part and not rest and not inflater.eof:
                    raise ValueError("its gzip data end too early")
                size += len(part)
                if size > max_bytes:
                    raise ValueError(f"it unpacks to more than the {max_bytes} bytes read")
                parts.append(part)
        except zlib.error as error:
            raise ValueError(f"its gzip data are damaged ({error})") from None
        rest = inflater.unused_data.lstrip(b"\0")
    return b"".join(parts)


def _check_depth(text: bytes) -> None:
    if b'\\"' in text or b"\\\\" in text:
        marks = (text[match.start()] for match in _STRUCTURE.finditer(text))
    else:  # a quote always begins or ends a string: far quicker, and nearly every file is so
        marks = iter(_STRING.sub(b"", text.translate(None, _NO_STRUCTURE)))
    depth = 0
    for mark in marks:
        if mark in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        elif mark in b"]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"the key {twice[:80]!r} stands twice in one object")
    return value


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value
