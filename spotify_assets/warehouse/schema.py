"""Tables in the warehouse: creating them, and following the contract when it changes.

Everything is additive: nothing here replaces or drops what holds data. Pure planning (`changes`) and a thin shell
(`prepare`) that is run before every transaction, since any DDL would commit one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS, Column, Table, Type
from spotify_assets.failures import PermanentError
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import SCHEMAS, literal, placeholders, qualified

LOADS = Table(
    "loads",
    "One row per lake table and snapshot date: the run whose rows the table holds, even when they are none.",
    ("table_name", "snapshot_date"),
    (
        Column("table_name", Type.STRING, "Table of the schema LAKE, lower case"),
        Column("snapshot_date", Type.DATE, "UTC day of the snapshot"),
        Column("run_id", Type.STRING, "Run that built the rows"),
        Column("row_count", Type.INTEGER, "Rows of the date"),
        Column("loaded_at", Type.TIMESTAMP, "When it was loaded, UTC"),
    ),
)
"""Schema LAKE. Written in the transaction of the load it describes."""

APPLIED = Table(
    "applied_loads",
    "One row per table and snapshot date: the loads that a table of this schema was last computed from.",
    ("table_name", "snapshot_date"),
    (
        Column("table_name", Type.STRING, "Table of this schema, lower case"),
        Column("snapshot_date", Type.DATE, "UTC day of the snapshot"),
        Column("run_id", Type.STRING, "Run that built the lake rows it read"),
        Column("applied_at", Type.TIMESTAMP, "When it was computed, UTC"),
    ),
)
"""Schemas SPOTIFY and ANALYTICS. Written in the transaction of the merge it describes."""

TABLES: dict[str, dict[str, Table]] = {
    "lake": {**LAKE_TABLES, LOADS.name: LOADS},
    "spotify": {**DIMENSIONS, APPLIED.name: APPLIED},
    "analytics": {**MARTS, APPLIED.name: APPLIED},
}
"""Every table of the warehouse by layer; the contract's, and the two that remember what was done."""

_REPORTED = {
    Type.STRING: "TEXT",
    Type.INTEGER: "NUMBER",
    Type.FLOAT: "FLOAT",
    Type.BOOLEAN: "BOOLEAN",
    Type.DATE: "DATE",
    Type.TIMESTAMP: "TIMESTAMP_NTZ",
}
"""How INFORMATION_SCHEMA.COLUMNS names each type."""

_COLUMNS = f"""
SELECT s.schema_name, c.table_name, c.column_name, c.data_type
FROM information_schema.schemata AS s
LEFT JOIN information_schema.columns AS c ON c.table_schema = s.schema_name
WHERE s.schema_name IN ({placeholders(len(SCHEMAS))})
""".strip()


def create_schema(layer: str) -> str:
    """DDL of a schema."""
    return f"CREATE SCHEMA IF NOT EXISTS {SCHEMAS[layer]}"


def create_table(layer: str, table: Table, *, extra: Sequence[Column] = ()) -> str:
    """DDL of a table with column comments. No constraint: Snowflake would not enforce it, so checks do."""
    columns = ",\n".join(f"  {_column(column)}" for column in (*table.columns, *extra))
    kind = (
        "TRANSIENT TABLE" if layer == "analytics" else "TABLE"
    )  # marts can be computed again: no Fail-safe to pay for
    return (
        f"CREATE {kind} IF NOT EXISTS {qualified(layer, table.name)} (\n{columns}\n)\n"
        f"COMMENT = {literal(table.description)}"
    )


def changes(layer: str, table: Table, existing: Mapping[str, str] | None) -> list[str]:
    """The DDL that brings a table to the contract; `existing` is its columns as INFORMATION_SCHEMA names the types.

    A new column is added at the end, and filled as it says for older rows. Raises PermanentError for a changed type and
    for a column that the contract no longer has: both need a decision about the stored rows.
    """
    if existing is None:
        return [create_table(layer, table)]
    target = qualified(layer, table.name)
    known = {column.name.upper(): column for column in table.columns}
    gone = [name for name in existing if name not in known]
    if gone:
        raise PermanentError(
            f"{target} has {'a column' if len(gone) == 1 else 'columns'} that the contract has not: "
            f"{', '.join(gone)}. If it was dropped on purpose, keep a copy where it is needed and run "
            f"'ALTER TABLE {target} DROP COLUMN {', '.join(gone)}'; else put it back into the contract."
        )
    for name, column in known.items():
        found, wanted = existing.get(name), _REPORTED[column.type]
        if found is not None and found != wanted:
            raise PermanentError(
                f"{target}.{name} is {found} in the warehouse and {wanted} in the contract. Give the column of the "
                f"new type a new name; or rename the table ('ALTER TABLE {target} RENAME TO {target}_OLD') and "
                "materialize all its partitions again."
            )
    added = [column for name, column in known.items() if name not in existing]
    ddl = [f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {_column(column)}" for column in added]
    return [*ddl, *fill_former(layer, table, added)]


def fill_former(layer: str, table: Table, columns: Iterable[Column] | None = None) -> list[str]:
    """The UPDATE, if any, of rows that were written, here or as files, before the contract had `columns` (all)."""
    formers = [column for column in (table.columns if columns is None else columns) if column.former is not None]
    if not formers:
        return []
    values = ", ".join(f"{column.name} = COALESCE({column.name}, {column.former})" for column in formers)
    missing = " OR ".join(f"{column.name} IS NULL" for column in formers)
    return [f"UPDATE {qualified(layer, table.name)} SET {values} WHERE {missing}"]


def prepare(session: Session, tables: Iterable[tuple[str, Table]]) -> list[str]:
    """Create or extend the given (layer, table) pairs; the DDL that was needed, none in the usual case.

    One query a connection when nothing has changed. Call it outside any transaction.
    """
    wanted = list(tables)
    layers = sorted({layer for layer, _ in wanted})
    existing = session.remember(existing_tables)
    ddl = [create_schema(layer) for layer in layers if SCHEMAS[layer] not in existing]
    for layer, table in wanted:
        ddl += changes(layer, table, existing.get(SCHEMAS[layer], {}).get(table.name.upper()))
    for sql in ddl:
        session.execute(sql)
    if ddl:
        session.forget(existing_tables)
    return ddl


def existing_tables(session: Session) -> dict[str, dict[str, dict[str, str]]]:
    """Schema to table to column to type, as INFORMATION_SCHEMA names them."""
    existing: dict[str, dict[str, dict[str, str]]] = {}
    for schema, table, column, data_type in session.execute(_COLUMNS, list(SCHEMAS.values())):
        tables = existing.setdefault(str(schema), {})
        if table is not None:
            tables.setdefault(str(table), {})[str(column)] = str(data_type)
    return existing


def _column(column: Column) -> str:
    return f"{column.name} {column.type.snowflake} COMMENT {literal(column.description)}"
