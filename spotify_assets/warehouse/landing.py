"""Snowpipe mode: landing tables that hold every generation of every file, and views that show the current one.

Pure SQL building. A pipe appends whatever arrives: twice, late, in any order, long superseded. What is current is
decided when reading, by `LANDING.COMMITS`: of each table and date, the newest commit whose rows have all arrived.

Commits are recorded by the sensor, not by a pipe: Snowpipe never loads a file name a second time within 14 days (even
when the content changed), and a date's commit record is the one object of the lake that is replaced under its name.
"""

from __future__ import annotations

from glue_scripts.contract import LAKE_TABLES, Column, Table, Type
from spotify_assets.lake import layout
from spotify_assets.warehouse import schema
from spotify_assets.warehouse.sql import FILE_FORMAT, STAGE, column_list, identifier, literal, qualified

COMMITS = Table(
    "commits",
    "One row per commit record of the lake and table: the run, and how many rows it has.",
    ("table_name", "snapshot_date", "run_id"),
    (
        Column("table_name", Type.STRING, "Table of the schema LAKE, lower case"),
        Column("snapshot_date", Type.DATE, "UTC day of the snapshot"),
        Column("run_id", Type.STRING, "Run that built the rows"),
        Column("row_count", Type.INTEGER, "Rows of the date"),
        Column("committed_at", Type.TIMESTAMP, "When the lake made the run current, UTC; of a date's, the last counts"),
        Column("recorded_at", Type.TIMESTAMP, "When it was recorded here, UTC"),
    ),
)


def pipe(table: Table) -> str:
    """`CREATE PIPE` of a landing table; S3's notifications about new files start it.

    The target is not qualified: a clone's pipe would otherwise load into the original (Snowflake: Cloning and
    Snowpipe). To be created with LANDING as the current schema.
    """
    return (
        f"CREATE PIPE IF NOT EXISTS {identifier(table.name)}\n  AUTO_INGEST = TRUE\n"
        f"  COMMENT = {literal(f'Every generation of every file of {table.name}; LAKE shows the current one.')}\n"
        f"AS\n{pipe_body(table)}"
    )


def pipe_body(table: Table) -> str:
    """The pipe's COPY. Columns by name, so that the contract may grow without a new pipe and its lost history."""
    return (
        f"COPY INTO {identifier(table.name)}\n"
        f"FROM @{STAGE}/{layout.TABLES_PREFIX}{table.name}/\n"
        f"FILE_FORMAT = (FORMAT_NAME = '{FILE_FORMAT}')\n"
        "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    )


def current_view(table: Table) -> str:
    """The view of the same name and columns as copy mode's table: each date's current run, every row once."""
    columns = ",\n".join(f"  {column.name} COMMENT {literal(column.description)}" for column in table.columns)
    return (
        f"CREATE OR REPLACE VIEW {qualified('lake', table.name)} (\n{columns}\n)\n"
        f"COPY GRANTS\nCOMMENT = {literal(table.description)}\nAS\n"
        f"WITH current_runs AS (\n{_indented(_current_runs(table))}\n)\n"
        f"SELECT {', '.join(_shown(column) for column in table.columns)}\n"
        f"FROM {qualified('landing', table.name)} AS l\n"
        "INNER JOIN current_runs AS c ON c.snapshot_date = l.snapshot_date AND c.run_id = l.run_id\n"
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY l.run_id, {column_list(table.key, 'l')} ORDER BY l.run_id) = 1"
    )


def _shown(column: Column) -> str:
    former = f"COALESCE(l.{column.name}, {column.former}) AS {column.name}" if column.former else None
    return former or f"l.{column.name}"


def loads_view() -> str:
    """`LAKE.LOADS` as a view: which run each table and date shows, in copy mode's columns."""
    loads = schema.LOADS
    columns = ",\n".join(f"  {column.name} COMMENT {literal(column.description)}" for column in loads.columns)
    tables = "\nUNION ALL\n".join(
        f"SELECT {column_list(loads.column_names)} FROM (\n{_indented(_current_runs(table))}\n) AS {table.name}"
        for table in LAKE_TABLES.values()
    )
    return (
        f"CREATE OR REPLACE VIEW {qualified('lake', loads.name)} (\n{columns}\n)\n"
        f"COPY GRANTS\nCOMMENT = {literal(loads.description)}\nAS\n{tables}"
    )


def _current_runs(table: Table) -> str:
    """Of each date, the newest commit whose rows are all there; older ones stay current while a newer one arrives."""
    key = column_list(table.key)
    return (
        "SELECT m.table_name, m.snapshot_date, m.run_id, m.row_count, m.recorded_at AS loaded_at\n"
        f"FROM {qualified('landing', COMMITS.name)} AS m\n"
        "LEFT JOIN (\n"
        "  SELECT snapshot_date, run_id, COUNT(*) AS row_count\n"
        f"  FROM (SELECT DISTINCT run_id, {key} FROM {qualified('landing', table.name)}) AS rows_once\n"
        "  GROUP BY snapshot_date, run_id\n"
        ") AS arrived ON arrived.snapshot_date = m.snapshot_date AND arrived.run_id = m.run_id\n"
        f"WHERE m.table_name = {literal(table.name)} AND COALESCE(arrived.row_count, 0) = m.row_count\n"
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY m.snapshot_date ORDER BY m.committed_at DESC, m.run_id DESC) = 1"
    )


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
