"""`spotify-assets sql`: ask the configured warehouse, or Athena, and print the rows as a table, JSON or CSV."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import io
import json
from collections.abc import Callable, Sequence

import click

from spotify_assets.commands.terminal import say, show_table, write
from spotify_assets.redaction import ACTED_ON
from spotify_assets.settings import load_settings
from spotify_assets.warehouse.questions import snowflake_names
from spotify_assets.warehouse.read_only import check_reads_only
from spotify_assets.warehouse.session import QueryTag

_TAG = QueryTag("command-line")

Row = Sequence[object]


@click.command("sql", context_settings={"ignore_unknown_options": True})  # a statement may begin with a comment
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
@click.option("--limit", metavar="N", type=click.IntRange(1), help="Print the first N rows only.")
def command(statement: str, style: str, engine: str, limit: int | None) -> None:
    """Ask the configured warehouse and print the rows.

    STATEMENT is one query in Snowflake SQL (with --on athena, in Athena's). The schemas are LAKE (snapshots as
    loaded), SPOTIFY (one row per song, album, artist, playlist) and ANALYTICS (what changed). It reads only: data is
    changed by materializing assets.

    Columns are named as Snowflake names them. A table is folded to the terminal's width and never cut; CSV and JSON are
    the values exactly, whatever characters they have.

    \b
    spotify-assets sql "select * from analytics.song_runs order by longest_run desc limit 10"
    spotify-assets sql "select count(*) from lake.playlist_items" --format json
    spotify-assets sql --on athena "select day, count(*) from playlist_items group by day"
    """
    columns, rows = (_ask_athena if engine == "athena" else _ask_warehouse)(statement, limit)
    _PRINTERS[style](columns, rows)
    if style == "table":
        more = ", as --limit says" if limit == len(rows) else ""
        say(f"{len(rows):,} row{'' if len(rows) == 1 else 's'}{more}", err=True)


def _ask_warehouse(statement: str, limit: int | None) -> tuple[Sequence[str], Sequence[Row]]:
    from spotify_assets.resources.root import warehouse_resource

    check_reads_only(statement)
    settings = load_settings()
    warehouse = warehouse_resource(settings)
    columns, rows = warehouse.run(lambda session: session.ask(statement, limit=limit), _TAG)
    return columns if settings.warehouse_name == "snowflake" else snowflake_names(statement, columns), rows


def _ask_athena(statement: str, limit: int | None) -> tuple[Sequence[str], Sequence[Row]]:
    from spotify_assets.resources.athena import run_query

    check_reads_only(statement, "athena")
    result = run_query(load_settings(), statement)
    say(
        f"Athena scanned {result.bytes_scanned:,} bytes in {result.seconds:.1f} s, about ${result.cost_usd:.4f}",
        err=True,
    )
    return result.columns, result.rows[:limit]


def _print_json(columns: Sequence[str], rows: Sequence[Row]) -> None:
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    text = json.dumps(records, indent=1, ensure_ascii=False, default=_plain)
    # What a terminal acts on is written as JSON writes it, which is the same value.
    write(ACTED_ON.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n")


def _print_csv(columns: Sequence[str], rows: Sequence[Row]) -> None:
    for row in [columns, *rows]:
        line = io.StringIO()
        # Python quotes a value for the line ends it is told of: for both of them, then the line ends in one.
        csv.writer(line, lineterminator="\r\n").writerow([_csv_value(value) for value in row])
        write(line.getvalue().removesuffix("\r\n") + "\n")


def _csv_value(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _plain(value: object) -> object:
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


_PRINTERS: dict[str, Callable[[Sequence[str], Sequence[Row]], None]] = {
    "table": show_table,
    "json": _print_json,
    "csv": _print_csv,
}
