"""`spotify-assets sql`: ask the configured warehouse, or Athena.

Reading only; how results look on a terminal belongs here.
"""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import json
import sys
from collections.abc import Callable, Sequence

import click

from spotify_assets.settings import load_settings
from spotify_assets.warehouse.read_only import check_reads_only
from spotify_assets.warehouse.session import QueryTag

_TAG = QueryTag("command-line")

Row = Sequence[object]


@click.command("sql")
@click.argument("statement")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How to print the rows.",
)
@click.option(
    "--on",
    "engine",
    type=click.Choice(["warehouse", "athena"]),
    default="warehouse",
    show_default=True,
    help="Who answers; athena reads the lake's tables through the Data Catalog.",
)
def command(statement: str, style: str, engine: str) -> None:
    """Ask the configured warehouse and print the rows.

    STATEMENT is one query in Snowflake SQL (with --on athena, in Athena's). The schemas are LAKE (snapshots as
    loaded), SPOTIFY (one row per song, album, artist, playlist) and ANALYTICS (what changed). It reads only: data is
    changed by materializing assets.

    \b
    spotify-assets sql "select * from analytics.song_runs order by longest_run desc limit 10"
    spotify-assets sql "select count(*) from lake.playlist_items" --format json
    spotify-assets sql --on athena "select day, count(*) from playlist_items group by day"
    """
    if engine == "athena":
        check_reads_only(statement, "athena")
        _PRINTERS[style](*_ask_athena(statement))
        return
    from spotify_assets.resources.root import warehouse_resource

    check_reads_only(statement)
    warehouse = warehouse_resource(load_settings())
    columns, rows = warehouse.run(lambda session: session.select(statement), _TAG)
    _PRINTERS[style](columns, rows)


def _ask_athena(statement: str) -> tuple[Sequence[str], Sequence[Row]]:
    from spotify_assets.resources.athena import run_query

    result = run_query(load_settings(), statement)
    click.echo(
        f"Athena scanned {result.bytes_scanned:,} bytes in {result.seconds:.1f} s, about ${result.cost_usd:.4f}",
        err=True,
    )
    return result.columns, result.rows


def _print_table(columns: Sequence[str], rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, header_style="bold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console().print(table)
    click.echo(f"{len(rows)} row{'' if len(rows) == 1 else 's'}", err=True)


def _print_json(columns: Sequence[str], rows: Sequence[Row]) -> None:
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    click.echo(json.dumps(records, indent=1, ensure_ascii=False, default=_plain))


def _print_csv(columns: Sequence[str], rows: Sequence[Row]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _plain(value: object) -> object:
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


_PRINTERS: dict[str, Callable[[Sequence[str], Sequence[Row]], None]] = {
    "table": _print_table,
    "json": _print_json,
    "csv": _print_csv,
}
