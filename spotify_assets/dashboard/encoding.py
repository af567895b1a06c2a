"""How a playlist's whole history fits into the page: each snapshot as what it changed of the one before.

Pure, and the mirror of `web/blocks.js`, which reads it. Numbers are varints (7 bits a byte, lowest first); what may be
negative is zigzagged. A snapshot is `0` when it equals the one before, else: 1 + how many entries went, the index of
each in the list before (as steps), how many entries there are now, and one symbol for each of them: 0 is the next of
those that stayed, 1 a new one, n + 1 the n-th after the next. New ones are in a second stream, as steps from the number
after the last new one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


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


def encoded(header: Mapping[str, object], operations: bytearray, news: bytearray) -> bytes:
    """The two streams behind a JSON header, each of the three with its length in four bytes (little-endian)."""
    head = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return b"".join(len(part).to_bytes(4, "little") + part for part in (head, operations, news))


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
