"""Which code made rows: a fingerprint of the statements and columns behind them.

What goes into one belongs beside the statements; comments and line breaks don't count.
"""

from __future__ import annotations

import hashlib

from glue_scripts.contract import Table

_LENGTH = 16


def fingerprint(table: Table, *statements: str) -> str:
    """16 hexadecimal digits that change when a statement does, or a column's name or type, or the key."""
    columns = [f"{column.name} {column.type.name}" for column in table.columns]
    parts = [", ".join(table.key), ", ".join(columns), *map(_plain, statements)]
    return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()[:_LENGTH]


def _plain(statement: str) -> str:
    lines = (line for line in statement.splitlines() if not line.lstrip().startswith("--"))
    return " ".join(" ".join(lines).split())
