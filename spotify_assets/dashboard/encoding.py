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


def encode_history(lists: Iterable[Sequence[int]], header: Mapping[str, object]) -> bytes:
    """The lists of song numbers, oldest first, behind a JSON header: header, operations, new songs, each with its
    length in four bytes (little-endian)."""
    operations, news = _encode(lists)
    head = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return b"".join(len(part).to_bytes(4, "little") + part for part in (head, bytes(operations), bytes(news)))


def steps(numbers: Iterable[int]) -> list[int]:
    """The first number, then the difference of each to the one before."""
    before, result = 0, []
    for number in numbers:
        result.append(number - before)
        before = number
    return result


def _encode(lists: Iterable[Sequence[int]]) -> tuple[bytearray, bytearray]:
    operations, news = bytearray(), bytearray()
    before: list[int] = []
    expected = 0
    for songs in lists:
        now = list(songs)
        if now == before and operations:
            operations.append(0)
            continue
        stays, gone = _split(before, now)
        _varint(operations, 1 + len(gone))
        for step in steps(gone):
            _varint(operations, step)
        _varint(operations, len(now))
        left = Counter(stays)
        head = 0
        for song in now:
            if not left[song]:
                operations.append(1)
                _varint(news, _zigzag(song - expected))
                expected = song + 1
                continue
            left[song] -= 1
            if stays[head] == song:
                operations.append(0)
                head += 1
            else:
                place = stays.index(song, head)
                _varint(operations, place - head + 1)
                del stays[place]
        before = now
    return operations, news


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
