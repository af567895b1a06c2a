"""Tables in the warehouse: creating them, and following the contract when it changes.

Everything is additive: nothing here replaces or drops what holds data. Pure planning (`changes`) and a thin shell
(`prepare`) that is run before every transaction, since any DDL would commit one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS, Column, Table, Type
from spotify_assets.failures import PermanentError
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import SCHEMAS, column_list, literal, placeholders, qualified, render, statement

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
        Column("code", Type.STRING, "Fingerprint of the code that loaded it; null for a pipe or older code", True),
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
        Column("code", Type.STRING, "Fingerprint of the statements that made the rows; null for older ones", True),
    ),
)
"""Schemas SPOTIFY and ANALYTICS. Written in the transaction of the work it describes."""

_SNAPSHOT_KEY = ("table_name", "snapshot_date", "playlist_id")

APPLIED_SNAPSHOTS = Table(
    "applied_snapshots",
    "One row per mart that compares snapshots, and whole playlist snapshot that it is computed from.",
    _SNAPSHOT_KEY,
    (
        Column("table_name", Type.STRING, "Table of the schema ANALYTICS, lower case"),
        Column("snapshot_date", Type.DATE, "UTC day of the snapshot"),
        Column("playlist_id", Type.STRING, "Spotify id of the playlist"),
        Column("digest", Type.STRING, "MD5 of the snapshot's songs and their positions"),
    ),
)
"""Schema FACTS. The snapshots that can be compared, each mart's own: what a mart's SELECT reads its dates from."""

PENDING_SNAPSHOTS = Table(
    "pending_snapshots",
    "While a mart is brought up to date: the snapshots that differ from those it was computed from. Empty otherwise.",
    _SNAPSHOT_KEY,
    (
        *APPLIED_SNAPSHOTS.columns[:3],
        Column("digest", Type.STRING, "As in applied_snapshots; null when there is no whole snapshot any more", True),
        Column("was_applied", Type.BOOLEAN, "Whether the mart was computed from another one of this date"),
    ),
)
"""Schema FACTS. Written and emptied within one transaction."""

_NAMES = ("song_name", "artist_name", "is_debut")
"""Columns of marts that are joined from the dimensions by a view, and not stored."""

VIEWS = tuple(name for name, table in MARTS.items() if {*_NAMES} & {*table.column_names})
"""Marts that people see through a view, which joins the names."""

_FACTS = {
    name: Table(
        name,
        f"What the view ANALYTICS.{name.upper()} shows, without the names that it joins.",
        MARTS[name].key,
        tuple(column for column in MARTS[name].columns if column.name not in _NAMES),
    )
    for name in VIEWS
    if name != "song_runs"  # nothing but a view over song_stays
}

TABLES: dict[str, dict[str, Table]] = {
    "lake": {**LAKE_TABLES, LOADS.name: LOADS},
    "spotify": {**DIMENSIONS, APPLIED.name: APPLIED},
    "facts": {**_FACTS, APPLIED_SNAPSHOTS.name: APPLIED_SNAPSHOTS, PENDING_SNAPSHOTS.name: PENDING_SNAPSHOTS},
    "analytics": {**MARTS, APPLIED.name: APPLIED},
}
"""Every table of the warehouse by layer, views included: the contract's, and those that remember what was done."""


def stored(mart: str) -> tuple[str, Table]:
    """The layer and table that hold a mart's rows; of a view, the table behind it."""
    return ("facts", _FACTS[mart]) if mart in _FACTS else ("analytics", MARTS[mart])


def is_view(layer: str, table: str) -> bool:
    """Whether a table of a layer is a view that this module makes."""
    return layer == "analytics" and table in VIEWS


def view_select(mart: str) -> str:
    """The SELECT of a mart's view: its own file of `sql/views`, or the stored rows with the songs' names."""
    if mart in ("song_runs", "artist_share", "artist_momentum"):
        return statement(f"views/{mart}")
    columns = [column for column in MARTS[mart].column_names if column not in _NAMES]
    return render("views/song_names", columns=column_list(columns, "f"), facts=qualified("facts", mart))


def create_view(mart: str) -> str:
    """DDL of a mart's view, with the contract's comments."""
    table = MARTS[mart]
    columns = ",\n".join(f"  {column.name} COMMENT {literal(column.description)}" for column in table.columns)
    return (
        f"CREATE OR REPLACE VIEW {qualified('analytics', mart)} (\n{columns}\n)\nCOPY GRANTS\n"
        f"COMMENT = {literal(table.description)}\nAS\n{view_select(mart)}"
    )


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
SELECT s.schema_name, c.table_name, c.column_name, c.data_type, t.table_type
FROM information_schema.schemata AS s
LEFT JOIN information_schema.columns AS c ON c.table_schema = s.schema_name
LEFT JOIN information_schema.tables AS t
  ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE'
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


_TABLE = ""
"""In place of a column's name: marks what exists as a table, where a view may stand."""


def changes(layer: str, table: Table, existing: Mapping[str, str] | None) -> list[str]:
    """The DDL that brings a table to the contract; `existing` is its columns as INFORMATION_SCHEMA names the types.

    A new column is added at the end, and filled as it says for older rows. Raises PermanentError for a changed type and
    for a column that the contract no longer has: both need a decision about the stored rows.
    """
    if is_view(layer, table.name):
        return _view_changes(layer, table, existing)
    if existing is None:
        return [create_table(layer, table)]
    existing = {name: kind for name, kind in existing.items() if name != _TABLE}
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
        reported, wanted = existing.get(name), _REPORTED[column.type]
        if reported is not None and reported != wanted:
            raise PermanentError(
                f"{target}.{name} is {reported} in the warehouse and {wanted} in the contract. Give the column of the "
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


def _view_changes(layer: str, table: Table, existing: Mapping[str, str] | None) -> list[str]:
    """A view is replaced when its columns differ. A table in its place was a mart of an earlier version: it is computed
    again, under another name, so it goes."""
    existing = existing or {}
    if _TABLE in existing:
        return [f"DROP TABLE {qualified(layer, table.name)}", create_view(table.name)]
    if {*existing} == {name.upper() for name in table.column_names}:
        return []
    return [create_view(table.name)]


def _behind(layer: str, table: Table) -> list[tuple[str, Table]]:
    """What must exist before a view can be made: its stored rows, and the dimensions with the names."""
    if not is_view(layer, table.name):
        return []
    facts = "song_stays" if table.name == "song_runs" else table.name
    return [("facts", _FACTS[facts]), *(("spotify", DIMENSIONS[name]) for name in ("songs", "artists"))]


def prepare(session: Session, tables: Iterable[tuple[str, Table]]) -> list[str]:
    """Create or extend the given (layer, table) pairs; the DDL that was needed, none in the usual case.

    One query a connection when nothing has changed. Call it outside any transaction.
    """
    wanted = list(dict.fromkeys(pair for layer, table in tables for pair in (*_behind(layer, table), (layer, table))))
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


def exists(session: Session, layer: str, table: str) -> bool:
    """Whether a table (or a view) is there."""
    return table.upper() in session.remember(existing_tables).get(SCHEMAS[layer], {})


def existing_tables(session: Session) -> dict[str, dict[str, dict[str, str]]]:
    """Schema to table to column to type, as INFORMATION_SCHEMA names them."""
    existing: dict[str, dict[str, dict[str, str]]] = {}
    for schema, table, column, data_type, kind in session.execute(_COLUMNS, list(SCHEMAS.values())):
        tables = existing.setdefault(str(schema), {})
        if table is not None:
            columns = tables.setdefault(str(table), {})
            columns[str(column)] = str(data_type)
            if kind is not None:
                columns[_TABLE] = str(kind)
    return existing


def _column(column: Column) -> str:
    return f"{column.name} {column.type.snowflake} COMMENT {literal(column.description)}"
