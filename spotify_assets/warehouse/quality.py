"""What must hold for a table of the warehouse: its key and its required columns, as the contract states them.

Snowflake enforces neither, so the checks ask. Reporting to Dagster belongs in `spotify_assets.checks`.
"""

from __future__ import annotations

from dataclasses import dataclass

from glue_scripts.contract import Table
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import column_list, qualified


@dataclass(frozen=True)
class Fault:
    """A rule that does not hold and how many rows (or keys) break it."""

    rule: str
    count: int


def rules_statement(layer: str, table: Table) -> str:
    """One row: the rows, the keys that stand more than once, and the NULLs of each required column.

    A key column that may be NULL (`release_profile.release_year`) counts as one more value.
    """
    target = qualified(layer, table.name)
    key = column_list(table.key)
    nulls = ",\n  ".join(f"COUNT_IF({name} IS NULL) AS {name}_nulls" for name in _required(table))
    repeated = f"SELECT {key} FROM {target} GROUP BY {key} HAVING COUNT(*) > 1"
    return (
        f"SELECT\n  COUNT(*) AS row_count,\n  (SELECT COUNT(*) FROM ({repeated}) AS repeated) AS duplicates,\n"
        f"  {nulls}\nFROM {target}"
    )


def faults(session: Session, layer: str, table: Table) -> tuple[int, list[Fault]]:
    """The table's rows, and the rules it breaks."""
    found = session.execute(rules_statement(layer, table))[0]
    rows, duplicates, *nulls = (int(str(value or 0)) for value in found)  # an empty table's COUNT_IF may be NULL
    counts = {f"{', '.join(table.key)} is unique": duplicates}
    counts |= {f"{name} is not null": count for name, count in zip(_required(table), nulls, strict=True)}
    return rows, [Fault(rule, count) for rule, count in counts.items() if count]


def _required(table: Table) -> list[str]:
    return [column.name for column in table.columns if not column.nullable]
