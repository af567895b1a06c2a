"""What a leaf of Spotify's JSON is worth: whole numbers and flags, as SQL that DuckDB and Spark share.

A leaf arrives as text (`tables.ENTRY`). A value that can't be read is NULL and is listed in the quarantine; its entry
stays. Spotify has sent whole numbers as floats (`200001.0`) and durations as `{"totalMilliseconds": 188000}`. Standard
library only.
"""

from __future__ import annotations

NUMBERS = ("duration_ms", "popularity", "disc_number", "track_number", "album.total_tracks")
"""The leaves of an item that are whole numbers from 0."""

FLAGS = ("explicit", "is_local")
"""The leaves of an item that are true or false."""


def _is(value: str, pattern: str) -> str:
    # Compared with the whole text, because Java's `$` also matches before a final line break.
    return f"({value} <> '' and regexp_extract({value}, '^{pattern}', 0) = {value})"


def _digits(value: str) -> str:
    return _is(value, "[0-9]{1,18}")


def _float(value: str) -> str:
    return (
        f"case when {_is(value, '[0-9]{1,15}([.][0-9]+)?([eE][+]?[0-9]{1,2})?')} then try_cast({value} as double) end"
    )


def _milliseconds(value: str) -> str:
    return f"""regexp_extract({value}, '^[{{] *"totalMilliseconds": *([0-9]{{1,15}})([.]0+)? *[}}]', 1)"""


def whole_number(value: str) -> str:
    """The text of the whole number from 0 that the leaf `value` is, or NULL."""
    number = _float(value)
    return (
        f"case when {value} is null or {_digits(value)} then {value} "
        f"when {value} like '{{%' then nullif({_milliseconds(value)}, '') "
        f"when ({number}) < 1e15 and ({number}) = floor({number}) "
        f"then cast(cast(({number}) as bigint) as string) end"
    )


def is_no_number(value: str) -> str:
    """Whether the leaf `value` is there and no whole number from 0."""
    return f"({value} is not null and not {_digits(value)} and ({whole_number(value)}) is null)"


def flag(value: str) -> str:
    """The leaf `value` as true or false, or NULL."""
    return f"case {value} when 'true' then true when 'false' then false end"


def is_no_flag(value: str) -> str:
    """Whether the leaf `value` is there and neither true nor false."""
    return f"coalesce({value} not in ('true', 'false'), false)"
