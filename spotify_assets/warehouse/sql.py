"""Spelling SQL: identifiers from the contract, literals where Snowflake allows no bound parameter, files of `sql/`.

Pure functions. A statement's text belongs in `spotify_assets/sql`, unless it is one line; what is sent when belongs
in the modules beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from typing import TypeVar

from glue_scripts.contract import Table
from glue_scripts.spans import slices

SCHEMAS = {
    "lake": "LAKE",
    "spotify": "SPOTIFY",
    "facts": "FACTS",
    "analytics": "ANALYTICS",
    "landing": "LANDING",
}
"""Snowflake schema of each layer; `landing` exists in snowpipe mode only."""

FILE_FORMAT = "LAKE.PARQUET_FILES"
STAGE = "LAKE.LAKE_FILES"

MAX_FILES = 1000
"""Most files one COPY may name (Snowflake: COPY INTO <table>, FILES)."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_Item = TypeVar("_Item")


def identifier(name: str) -> str:
    """`name` as an unquoted Snowflake identifier. Raises ValueError when it would need quoting."""
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} is no plain Snowflake identifier: use letters, digits and underscores")
    return name.upper()


def qualified(layer: str, table: str) -> str:
    """`SCHEMA.TABLE`. The database is never spelled: it is the connection's, so that a clone works by itself."""
    return f"{SCHEMAS[layer]}.{identifier(table)}"


def column_list(names: Iterable[str], prefix: str = "") -> str:
    """`a, b, c`, each with `prefix.` when given."""
    return ", ".join(f"{prefix}.{name}" if prefix else name for name in names)


def literal(text: str) -> str:
    """A quoted string, for the few places that take no bound parameter."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def placeholders(count: int) -> str:
    """`?, ?, ?`."""
    return ", ".join("?" * count)


def on_key(key: Sequence[str], left: str, right: str) -> str:
    """The join condition on `key`."""
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in key)


def chunks(items: Sequence[_Item], size: int = MAX_FILES) -> Iterator[Sequence[_Item]]:
    """`items` in slices of at most `size`."""
    return slices(items, size)


@cache
def statement(name: str) -> str:
    """The text of `sql/<name>.sql`, comments included, without the closing semicolon."""
    path = resources.files("spotify_assets").joinpath("sql", *f"{name}.sql".split("/"))
    return path.read_text(encoding="utf-8").strip().removesuffix(";")


def render(name: str, **parts: str) -> str:
    """The statement `name` with its `{parts}` filled in. Parts are identifiers and placeholders, never values."""
    return statement(name).format(**parts)


def delete_dates(target: str, days: int) -> str:
    """Delete the rows of a number of snapshot dates."""
    return f"DELETE FROM {target} WHERE snapshot_date IN ({placeholders(days)})"


def insert_rows(layer: str, table: Table, rows: int) -> str:
    """Insert a number of rows of all the table's columns, as bound parameters."""
    row = f"({placeholders(len(table.columns))})"
    values = ", ".join([row] * rows)
    return f"INSERT INTO {qualified(layer, table.name)} ({column_list(table.column_names)}) VALUES {values}"
