"""How the Spark engines read a raw object: from its bytes to rows for `parsed` and `snapshots`, one pass over the JSON.

Pure functions over bytes, run on Spark's workers; where bytes come from and where rows go is `spark_tables`' business,
what a row of a table holds is `tables`'. What counts as a page, an entry's kinds and the text of a leaf are exactly
what DuckDB's JSON reader says of the same bytes, so that both engines quarantine the same lines and entries for the
same reasons. Standard library only.
"""

from __future__ import annotations

import gzip
import io
import json
import math
import zlib
from collections.abc import Callable, Iterator
from decimal import Decimal

from glue_scripts import tables

MAX_LINE_BYTES = 16 * 1024 * 1024
"""Longest line read, bytes; the same on every engine."""

Row = dict[str, object]

ROW_COLUMNS = (
    "page_offset",  # 0-based position of the page's first entry
    "entry_index",  # 0-based in the page; absent on the one row of an empty page, and on a bad line's
    "total",  # on a page's first row only, as the next two
    "extracted_at",
    "playlist",  # of tables.PLAYLIST; absent where the line has none
    "kinds",  # of tables.KIND_PATHS
    "entry",  # of tables.ENTRY
    "bad_line",  # 1-based number of a line that is no page
    "bad_reason",
)
"""What the rows of `read_object` may hold. A row is ready for JSON: what is None is left out."""


class Number(str):
    """A JSON number as it was written; a text would be a plain `str`."""

    __slots__ = ()


def read_object(data: bytes) -> Iterator[Row]:
    """The rows of one raw object (gzipped JSON lines), as `ELEMENT_COLUMNS`.

    Nothing in the object raises: a line that is no page becomes a row with its 1-based number and the reason, and so
    does the point from which a damaged object can't be decompressed.
    """
    for line, text in _lines(data):
        page = text if isinstance(text, str) else _page(text)
        if isinstance(page, str):
            yield {"bad_line": line, "bad_reason": page}
            continue
        items, offset, first = page
        if not items:
            yield {"page_offset": offset, **first}
        for index, element in enumerate(items):
            row = {
                "page_offset": offset, "entry_index": index, "kinds": _kinds(element), "entry": _read_entry(element)
            }
            yield row if index else {**row, **first}


def _lines(data: bytes) -> Iterator[tuple[int, bytes | str]]:
    """The lines that are not blank, 1-based; a `str` in place of one says why nothing can be read from there on."""
    line = 0
    try:
        with gzip.open(io.BytesIO(data)) as file:
            while text := file.readline(MAX_LINE_BYTES + 1):
                line += 1
                if len(text) > MAX_LINE_BYTES:
                    yield line, f"line is longer than {MAX_LINE_BYTES} bytes"
                    return
                if text.strip():
                    yield line, text.rstrip(b"\n")
    except (OSError, EOFError, zlib.error) as error:
        yield line + 1, f"object is not readable as gzip: {error}"


def _first_wins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object; of a name that stands twice the first counts."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else dict(reversed(pairs))


_decode = json.JSONDecoder(
    object_pairs_hook=_first_wins, parse_int=Number, parse_float=Number, parse_constant=Number
).decode


def _page(text: bytes) -> tuple[list[object], int, Row] | str:
    """(items, offset, what only the page's first row holds) of a line, or why it is no page."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        return "line is not UTF-8"
    try:
        record = _decode(decoded)
    except (ValueError, RecursionError):
        return "line is not JSON"
    if "\\u" in decoded and not _is_unicode(record):
        return "line is not JSON"
    if type(record) is not dict:
        return "line has no list page.items"
    page = record.get("page")
    items = page.get("items") if type(page) is dict else None
    if type(items) is not list:
        return "line has no list page.items"
    offset, total, extracted_at = record.get("offset"), record.get("total"), record.get("extracted_at")
    if offset is None or total is None or not (_is_count(offset) and _is_count(total)):
        return "line has no whole offset and total"
    if type(extracted_at) is not str:
        return "line has no text extracted_at"
    first: Row = {"total": int(total), "extracted_at": extracted_at}
    if record.get("playlist") is not None:
        first["playlist"] = _read_playlist(record["playlist"])
    return items, int(offset), first


def _is_unicode(value: object) -> bool:
    """False when an escape left half a surrogate pair behind, which is no text in any table."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_count(value: object) -> bool:
    return type(value) is Number and value.isdigit() and int(value) < 2**64


# --- an entry's kinds and leaves ------------------------------------------------------------------------------------

_KINDS: dict[type, str] = {dict: "object", list: "array", bool: "boolean", type(None): "null"}


def _kinds(element: object) -> dict[str, str]:
    """The JSON kinds at `tables.KIND_PATHS`."""
    if type(element) is not dict:
        return {**_NO_KINDS, "entry": _KINDS.get(type(element), "other")}
    item, track = element.get("item"), element.get("track")
    wrapper = item if type(item) is dict else track
    artists = album = album_artists = None
    if type(wrapper) is dict:
        artists, album = wrapper.get("artists"), wrapper.get("album")
        if type(album) is dict:
            album_artists = album.get("artists")
    kind = _KINDS.get
    return {
        "entry": "object",
        "item": kind(type(item), "other"),
        "track": kind(type(track), "other"),
        "artists": kind(type(artists), "other"),
        "album": kind(type(album), "other"),
        "album_artists": kind(type(album_artists), "other"),
    }


_NO_KINDS = dict.fromkeys(tables.KIND_PATHS, "null")


def _text(value: object) -> str | None:
    """A leaf as text: what DuckDB gives for any JSON value read as VARCHAR."""
    if type(value) is str or value is None:
        return value
    if type(value) is Number:
        return _number(value)
    return _render(value)


def _number(value: Number) -> str:
    """A number's text: whole numbers as written, others as the shortest text of the same double."""
    if value == "-0":
        return "0"
    if value.lstrip("-").isdigit():
        return str.__str__(value)
    number = float(value)
    return repr(number) if math.isfinite(number) else str.__str__(value)


def _plain(number: str) -> str:
    """A number's text inside a list or an object: DuckDB's JSON writer uses an exponent only outside 1e-6 to 1e21."""
    mantissa, _, exponent = number.partition("e")
    if not exponent:
        return number
    if not -7 < int(exponent) < 21:
        return f"{mantissa}e{int(exponent)}"
    digits = format(Decimal(number), "f")
    return digits if "." in digits else f"{digits}.0"


def _render(value: object) -> str:
    """A JSON value written again without spaces."""
    if type(value) is Number:
        return _plain(_number(value))
    if type(value) is dict:
        return "{" + ",".join(f"{_quoted(name)}:{_render(part)}" for name, part in value.items()) + "}"
    if type(value) is list:
        return "[" + ",".join(map(_render, value)) + "]"
    return _quoted(value)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _reader(shape: tables.Shape) -> Callable[[object], object]:
    """A function that reads a JSON value as `shape`: text, list or object.

    A value of another structure is an object without anything, or no list. None is left out of objects.
    """
    if isinstance(shape, str):
        return _text
    if isinstance(shape, list):
        element = _reader(shape[0])
        return lambda value: [element(part) for part in value] if type(value) is list else None
    names = tuple((name, _reader(part)) for name, part in shape.items())

    def read(value: object) -> dict[str, object]:
        if type(value) is not dict:
            return {}
        get = value.get
        return {
            name: part if type(part) is str and reader is _text else reader(part)
            for name, reader in names
            if (part := get(name)) is not None
        }

    return read


_read_entry = _reader(tables.ENTRY)
_read_playlist = _reader(tables.PLAYLIST)
