"""A stream that is put together is the stream of all its parts."""

from __future__ import annotations

import random
import zlib

import pytest

from spotify_assets.dashboard.encoding import Deflated, framed, joined, unframed


@pytest.mark.parametrize("lengths", [[], [0], [1], [5, 0, 70_000, 1], [300_000, 300_000], [40] * 60])
def test_parts_deflated_apart_are_one_zlib_stream(lengths: list[int]) -> None:
    dice = random.Random(2)
    parts = [dice.randbytes(length) if length % 2 else b"\xff" * length for length in lengths]

    assert zlib.decompress(joined(map(Deflated.of, parts))) == b"".join(parts)


@pytest.mark.parametrize("known", [100, 4096, 100_000])
def test_a_part_is_smaller_by_what_it_has_of_the_bytes_before_it(known: int) -> None:
    first = random.Random(3).randbytes(5_000)
    second = first[-90:] * 20

    parts = [Deflated.of(first), Deflated.of(second, first[-known:])]

    assert zlib.decompress(joined(parts)) == first + second
    assert len(parts[1].blocks) < len(Deflated.of(second).blocks) - 80


@pytest.mark.parametrize("parts", [[], [b""], [b"", b"a", b"bc" * 300]])
def test_framed_parts_are_told_apart(parts: list[bytes]) -> None:
    assert unframed(framed(*parts)) == parts


def test_what_is_cut_off_is_no_frame() -> None:
    whole = framed(b"abc", b"de")

    for length in {*range(len(whole))} - {0, len(framed(b"abc"))}:
        with pytest.raises(ValueError, match=f"{length} bytes"):
            unframed(whole[:length])
