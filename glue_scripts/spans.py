"""Dates and slices: the small arithmetic that every layer needs, once. Standard library only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")


def days_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Every date from `first` to `last`, inclusive; none when `last` is before `first`."""
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]


def iso_date(text: str | None) -> dt.date | None:
    """The date that `text` writes as YYYY-MM-DD, or None when it is none."""
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        return None


def slices(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """`items` in lists of at most `size`, in order."""
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part
