"""Where each column of each mart comes from, derived from its SQL with sqlglot, and recorded in `sql/lineage.json`.

Loading definitions reads the record; `python -m spotify_assets.warehouse.lineage` writes it, and a test holds it to the
SQL.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from spotify_assets.warehouse import marts, schema

if TYPE_CHECKING:
    from sqlglot.lineage import Node

Sources = list[tuple[str, ...]]
"""Pairs of a table, as `layer/table`, and its column."""

_SNAPSHOTS = {"snapshot_date": "snapshot_date", "playlist_id": "playlist_id"}
"""What the marts' own record of snapshots takes from LAKE.PLAYLISTS."""


@cache
def recorded() -> dict[str, dict[str, Sources]]:
    """Mart to column to sources, as recorded."""
    text = resources.files("spotify_assets").joinpath("sql", "lineage.json").read_text(encoding="utf-8")
    return {
        mart: {column: [tuple(source.split(".")) for source in sources.split()] for column, sources in columns.items()}
        for mart, columns in json.loads(text).items()
    }


def derived() -> dict[str, dict[str, Sources]]:
    """The same from the SQL."""
    stored: dict[str, dict[str, Sources]] = {}
    shown: dict[str, dict[str, Sources]] = {}
    for name, mart in marts.DEFINITIONS.items():
        if mart.how != "view":
            stored[name] = _columns(marts.select_statement(name), name, stored)
        shown[name] = _columns(schema.view_select(name), name, stored) if name in schema.VIEWS else stored[name]
    return shown


def _columns(sql: str, mart: str, stored: dict[str, dict[str, Sources]]) -> dict[str, Sources]:
    from sqlglot.lineage import lineage

    columns = {}
    for name, node in lineage(None, sql, schema=_schema(), dialect="snowflake").items():
        sources = {source for leaf in node.walk() for source in _sources(leaf, mart, stored)}
        columns[str(name).lower()] = sorted(sources)
    return columns


def _sources(node: Node, mart: str, stored: dict[str, dict[str, Sources]]) -> Sources:
    """What a leaf of the lineage stands for: a column of a table; of a mart's stored rows, where they come from."""
    from sqlglot import exp

    table = node.source
    if node.downstream or not isinstance(table, exp.Table):
        return []
    layer = {name: layer for layer, name in schema.SCHEMAS.items()}[table.db.upper()]
    name, column = table.name.lower(), node.name.rsplit(".", 1)[-1].strip('"').lower()
    if layer != "facts":
        return [(f"{layer}/{name}", column)]
    if name in stored and name != mart:
        return [(f"analytics/{name}", column)]
    if name in stored:
        return stored[name][column]
    return [("lake/playlists", _SNAPSHOTS[column])] if column in _SNAPSHOTS else []


@cache
def _schema() -> dict[str, dict[str, dict[str, str]]]:
    return {
        schema.SCHEMAS[layer]: {
            table.name.upper(): {column.name.upper(): column.type.snowflake for column in table.columns}
            for table in tables.values()
        }
        for layer, tables in schema.TABLES.items()
    }


def write(path: Path = Path(__file__).parents[1] / "sql" / "lineage.json") -> None:
    """Write the record."""
    record = {
        mart: {column: " ".join(map(".".join, sources)) for column, sources in columns.items()}
        for mart, columns in derived().items()
    }
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
