"""Dates and slices."""

from __future__ import annotations

import datetime as dt

import pytest

from glue_scripts.spans import days_between, iso_date, slices


def test_a_span_has_both_its_ends_and_none_when_it_ends_before_it_begins() -> None:
    first = dt.date(2026, 2, 27)

    assert days_between(first, dt.date(2026, 3, 1)) == [first, dt.date(2026, 2, 28), dt.date(2026, 3, 1)]
    assert days_between(first, first) == [first]
    assert days_between(first, dt.date(2026, 2, 26)) == []


@pytest.mark.parametrize("text", [None, "", "2026-02-30", "yesterday"])
def test_what_is_no_date_is_none(text: str | None) -> None:
    assert iso_date(text) is None
    assert iso_date("2026-02-28") == dt.date(2026, 2, 28)


def test_slices_keep_the_order_and_the_last_has_what_is_left() -> None:
    assert list(slices("abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(slices([], 2)) == []
