"""What assets show in the UI, generated from the contract: column schemas, column lineage, preview tables.

Helpers for every layer; what one asset alone shows belongs beside that asset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import dagster as dg

from glue_scripts.contract import Table
from spotify_assets.markdown import escaped

OWNERS = ["team:data-platform"]
"""Of every asset, job, schedule and sensor."""

System = Literal["duckdb", "spark", "snowflake", "glue"]

ColumnSource = tuple[dg.AssetKey, str]
"""An upstream asset and its column."""

_CELL_WIDTH = 80


def column_schema(table: Table, *, types: System = "snowflake") -> dg.TableSchema:
    """The table's columns with descriptions, types as `types` names them, and what the checks enforce."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=getattr(column.type, types),
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=table.key == (column.name,)),
            )
            for column in table.columns
        ],
        constraints=dg.TableConstraints(other=[f"unique ({', '.join(table.key)})"]),
    )


def column_lineage(sources: Mapping[str, Iterable[ColumnSource]]) -> dg.TableColumnLineage:
    """Column lineage from each column to the upstream columns it is computed from."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key=key, column_name=name) for key, name in found]
            for column, found in sources.items()
        }
    )


def preview(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """A few rows as a table. Long values are cut, NULL shows as empty, and no value is read as Markdown."""
    lines = [
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(_cell(value) for value in row) + " |" for row in rows),
    ]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if len(text) > _CELL_WIDTH:
        text = f"{text[: _CELL_WIDTH - 1]}…"
    return escaped(text)
