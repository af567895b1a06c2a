"""What must hold for a table of the warehouse: its key and its required columns, as the contract states them.

Snowflake enforces neither. What a merge or a mart brought in is asked about before it becomes visible (`require`),
everything by the weekly check. Reporting to Dagster belongs in `spotify_assets.checks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glue_scripts.contract import Table
from spotify_assets.failures import PermanentError
from spotify_assets.warehouse.session import Session, Value, integer
from spotify_assets.warehouse.sql import column_list, qualified

_EXAMPLES = 3


@dataclass(frozen=True)
class Fault:
    """A rule that does not hold, how many rows (or keys) break it, and the keys of the first."""

    rule: str
    count: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.rule}: broken {self.count} times, such as {'; '.join(self.examples)}"


class RulesBroken(PermanentError):
    """Rows that were to be made visible break rules; the table is as it was."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        super().__init__(
            f"{name} would break its rules and was left as it was: {'; '.join(map(str, faults))}",
            remedy="look for the rows in the lake's tables of these dates; 'keys_hold' says which rule",
        )
        self.faults = tuple(faults)


def rules_statement(layer: str, table: Table, where: str = "") -> str:
    """One row: the rows, the keys that stand more than once, and each required column's NULLs; binds `where` twice.

    A key column that may be NULL (`release_profile.release_year`) counts as one more value.
    """
    target = qualified(layer, table.name)
    key = column_list(table.key)
    condition = f" WHERE {where}" if where else ""
    nulls = ",\n  ".join(f"COUNT_IF({name} IS NULL) AS {name}_nulls" for name in _required(table))
    repeated = f"SELECT {key} FROM {target}{condition} GROUP BY {key} HAVING COUNT(*) > 1"
    return (
        f"SELECT\n  COUNT(*) AS row_count,\n  (SELECT COUNT(*) FROM ({repeated}) AS repeated) AS duplicates,\n"
        f"  {nulls}\nFROM {target}{condition}"
    )


def faults(
    session: Session, layer: str, table: Table, where: str = "", params: Sequence[Value] = ()
) -> tuple[int, list[Fault]]:
    """The table's rows, those of `where` alone when given, and the rules they break."""
    answer = session.execute(rules_statement(layer, table, where), [*params, *params])[0]
    rows, duplicates, *nulls = (integer(value or 0) for value in answer)  # an empty table's COUNT_IF may be NULL
    counts: dict[str | None, int] = {None: duplicates, **dict(zip(_required(table), nulls, strict=True))}
    broken = []
    for column, count in counts.items():
        if count:
            first = session.execute(examples_statement(layer, table, column, where), params)
            examples = tuple(", ".join("NULL" if value is None else str(value) for value in row) for row in first)
            rule = f"{column} is not null" if column else f"{', '.join(table.key)} is unique"
            broken.append(Fault(rule, count, examples))
    return rows, broken


def examples_statement(layer: str, table: Table, column: str | None, where: str = "") -> str:
    """The keys of the first rows whose `column` is NULL; without one, of those that stand more than once."""
    key = column_list(table.key)
    if column is None:
        condition = f" WHERE {where}" if where else ""
        some = f"{condition} GROUP BY {key} HAVING COUNT(*) > 1"
    else:
        some = f" WHERE {f'({where}) AND ' if where else ''}{column} IS NULL"
    return f"SELECT {key} FROM {qualified(layer, table.name)}{some} ORDER BY {key} LIMIT {_EXAMPLES:d}"


def require(session: Session, layer: str, table: Table, where: str = "", params: Sequence[Value] = ()) -> int:
    """The rows looked at. Raises RulesBroken when they break a rule."""
    rows, broken = faults(session, layer, table, where, params)
    if broken:
        raise RulesBroken(qualified(layer, table.name), broken)
    return rows


def _required(table: Table) -> list[str]:
    return [column.name for column in table.columns if not column.nullable]
