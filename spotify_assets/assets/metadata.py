"""What assets show in the UI, generated from the contract: column schemas, column lineage, preview tables.

Helpers for every layer; what one asset alone shows belongs beside that asset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources.abc import Traversable
from typing import Literal

import dagster as dg

from glue_scripts.contract import Table
from spotify_assets.markdown import escaped

OWNERS = ["team:data-platform"]
"""Who answers for every job, schedule and sensor, and for every asset but those that analysts look at."""

ANALYSTS = ["team:analytics"]
"""Who answers for the marts and for what is drawn from them."""

System = Literal["duckdb", "spark", "snowflake", "glue"]

ColumnSource = tuple[dg.AssetKey, str]
"""An upstream asset and its column."""

COLUMN_LINEAGE = "dagster/column_lineage"

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
            column: [dg.TableColumnDep(asset_key=key, column_name=name) for key, name in origins]
            for column, origins in sources.items()
        }
    )


def lineage_shown(context: dg.AssetExecutionContext, key: dg.AssetKey) -> dict[str, dg.RawMetadataValue]:
    """The column lineage that the definition of `key` carries, for a materialization: the UI reads it from there only.

    Taken from the definition as it was put together at the root, so that it names assets as the graph does.
    """
    declared = context.assets_def.get_asset_spec(key).metadata.get(COLUMN_LINEAGE)
    return {} if declared is None else {COLUMN_LINEAGE: declared}


def show_lineage(context: dg.AssetExecutionContext) -> None:
    """`lineage_shown` of the step's one asset, which has no partitions: in its materialization only, while the metadata
    of a result stands in what Dagster records of the step's output too."""
    context.add_asset_metadata(lineage_shown(context, context.asset_key), asset_key=context.asset_key)


def code_reference(file: Traversable, label: str) -> dict[str, dg.RawMetadataValue]:
    """Metadata of a definition: a file of ours besides its function; nothing where there is none."""
    if not file.is_file():
        return {}
    reference = dg.LocalFileCodeReference(file_path=str(file), line_number=1, label=label)
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}


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
