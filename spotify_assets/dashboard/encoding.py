"""How a playlist's whole history fits into the page: each snapshot as what it changed of the one before.

Pure, and the mirror of `web/blocks.js`, which reads it. Numbers are varints (7 bits a byte, lowest first); what may be
negative is zigzagged. A snapshot is `0` when it equals the one before, else: 1 + how many entries went, the index of
each in the list before (as steps), how many entries there are now, and one symbol for each of them: 0 is the next of
those that stayed, 1 a new one, n + 1 the n-th after the next. New ones are in a second stream, as steps from the number
after the last new one.

A history is written in stretches, one behind the other. Each is deflated in blocks of its own, knowing the end of the
one before, so a stream is put together from stretches deflated long ago.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_ADLER = 65521


@dataclass(slots=True)
class Encoder:
    """Encodes a playlist's lists as they come, behind what the two streams hold; `before` is the last list, None when
    there was none yet."""

    before: list[int] | None = None
    expected: int = 0
    operations: bytearray = field(default_factory=bytearray)
    news: bytearray = field(default_factory=bytearray)

    def add(self, songs: Sequence[int]) -> None:
        """Encode the next list of song numbers."""
        now = list(songs)
        if now == self.before:
            self.operations.append(0)
            return
        stays, gone = _split(self.before or [], now)
        self.before = now
        _varint(self.operations, 1 + len(gone))
        for step in steps(gone):
            _varint(self.operations, step)
        _varint(self.operations, len(now))
        left = Counter(stays)
        head = 0
        for song in now:
            if not left[song]:
                self.operations.append(1)
                _varint(self.news, _zigzag(song - self.expected))
                self.expected = song + 1
                continue
            left[song] -= 1
            if stays[head] == song:
                self.operations.append(0)
                head += 1
            else:
                place = stays.index(song, head)
                _varint(self.operations, place - head + 1)
                del stays[place]


class Deflated(NamedTuple):
    """A part of a zlib stream: whole blocks, none of them the last. `size` is how many bytes they hold, `check` the
    Adler-32 of those. The blocks may refer to what stands before them in the stream."""

    blocks: bytes
    size: int
    check: int

    @classmethod
    def of(cls, content: bytes, before: bytes = b"") -> Deflated:
        """`before` are the bytes in front of the content."""
        deflate = zlib.compressobj(7, wbits=-zlib.MAX_WBITS, zdict=before)
        blocks = deflate.compress(content) + deflate.flush(zlib.Z_SYNC_FLUSH)
        return cls(blocks, len(content), zlib.adler32(content))


def joined(parts: Iterable[Deflated]) -> bytes:
    """The zlib stream (RFC 1950) of the parts' content: their blocks, an empty last one, and the Adler-32 of all, which
    follows from theirs (RFC 1950, 8.2: a sum of the bytes, and the sum of that sum after each byte)."""
    blocks = [b"\x78\xda"]
    low, high = 1, 0
    for part in parts:
        blocks.append(part.blocks)
        high = (high + (part.check >> 16) + part.size * (low - 1)) % _ADLER
        low = (low + (part.check & 0xFFFF) - 1) % _ADLER
    return b"".join((*blocks, b"\x03\x00", (high << 16 | low).to_bytes(4, "big")))


def encoded(header: object, operations: bytes | bytearray, news: bytes | bytearray) -> bytes:
    """A stretch: the two streams behind a JSON header."""
    return framed(json.dumps(header, separators=(",", ":")).encode("ascii"), operations, news)


def framed(*parts: bytes | bytearray) -> bytes:
    """The parts, each behind its length in four bytes (little-endian)."""
    return b"".join(piece for part in parts for piece in (len(part).to_bytes(4, "little"), part))


def unframed(data: bytes) -> list[bytes]:
    """What `framed` was given. Raises ValueError when the lengths do not add up."""
    parts, at = [], 0
    while at < len(data):
        start = at + 4
        at = start + int.from_bytes(data[at:start], "little")
        parts.append(data[start:at])
    if at != len(data):
        raise ValueError(f"{len(data)} bytes where there should be {at}")
    return parts


def steps(numbers: Iterable[int]) -> list[int]:
    """The first number, then the difference of each to the one before."""
    numbers = [*numbers]
    return [now - before for before, now in zip((0, *numbers), numbers, strict=False)]


def _split(before: list[int], now: list[int]) -> tuple[list[int], list[int]]:
    """The entries of `before` that are in `now` too (a song as often as in both), and the indexes of the others."""
    wanted = Counter(now)
    stays, gone = [], []
    for index, song in enumerate(before):
        if wanted[song] > 0:
            wanted[song] -= 1
            stays.append(song)
        else:
            gone.append(index)
    return stays, gone


def _zigzag(number: int) -> int:
    return number * 2 if number >= 0 else -number * 2 - 1


def _varint(out: bytearray, number: int) -> None:
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
