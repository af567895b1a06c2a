"""Snowpipe mode: landing tables that hold every generation of every file, and views that show the current one.

Pure SQL building. A pipe appends whatever arrives: twice, late, in any order, long superseded. What is current is
decided by `LANDING.COMMITS`: of each table and date, the newest commit whose rows have all arrived. The sensor finds it
once, when a commit is on its way, and writes it to `LAKE.LOADS` as a load of copy mode does; the views only join that.

Commits are recorded by the sensor, not by a pipe: Snowpipe never loads a file name a second time within 14 days (even
when the content changed), and a date's commit record is the one object of the lake that is replaced under its name.
"""

from __future__ import annotations

from glue_scripts.contract import Column, Table, Type
from spotify_assets.lake import layout
from spotify_assets.warehouse import schema
from spotify_assets.warehouse.sql import FILE_FORMAT, STAGE, column_list, identifier, literal, placeholders, qualified

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
        f"SELECT {', '.join(_shown(column) for column in table.columns)}\n"
        f"FROM {qualified('landing', table.name)} AS l\n"
        f"INNER JOIN {qualified('lake', schema.LOADS.name)} AS c\n"
        f"  ON c.table_name = {literal(table.name)} AND c.snapshot_date = l.snapshot_date AND c.run_id = l.run_id\n"
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY l.run_id, {column_list(table.key, 'l')} ORDER BY l.run_id) = 1"
    )


def _shown(column: Column) -> str:
    former = f"COALESCE(l.{column.name}, {column.former}) AS {column.name}" if column.former else None
    return former or f"l.{column.name}"


def arrived_statement(table: Table, dates: int) -> str:
    """The newest commit of each of `dates` dates whose rows are all there, as (date, run, rows).

    Parameters: the dates, twice. An older commit stays current while a newer one arrives. Only landing rows of these
    dates are read: files arrive by date, so Snowflake prunes the rest.
    """
    key, days = column_list(table.key), placeholders(dates)
    return (
        "SELECT m.snapshot_date, m.run_id, m.row_count\n"
        f"FROM {qualified('landing', COMMITS.name)} AS m\n"
        "LEFT JOIN (\n"
        "  SELECT snapshot_date, run_id, COUNT(*) AS row_count\n"
        f"  FROM (SELECT DISTINCT run_id, {key} FROM {qualified('landing', table.name)}\n"
        f"        WHERE snapshot_date IN ({days})) AS rows_once\n"
        "  GROUP BY snapshot_date, run_id\n"
        ") AS arrived ON arrived.snapshot_date = m.snapshot_date AND arrived.run_id = m.run_id\n"
        f"WHERE m.table_name = {literal(table.name)} AND m.snapshot_date IN ({days})\n"
        "  AND COALESCE(arrived.row_count, 0) = m.row_count\n"
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY m.snapshot_date ORDER BY m.committed_at DESC, m.run_id DESC) = 1"
    )
