"""The marts as assets: what changed, who dominates, what overlaps. One asset and one SELECT of `sql/marts` each.

How a mart is replaced belongs in `spotify_assets.warehouse.marts`; what a column means belongs in the contract.
"""

from collections.abc import Iterator, Sequence
from importlib.resources import files

import dagster as dg

from glue_scripts.contract import MARTS, Table
from spotify_assets.assets.metadata import (
    ANALYSTS,
    ColumnSource,
    code_reference,
    column_lineage,
    column_schema,
    show_lineage,
)
from spotify_assets.assets.warehouse import (
    KINDS,
    POOL,
    Result,
    applied_metadata,
    checked,
    keys_held,
    keys_hold_spec,
    sample,
    send,
)
from spotify_assets.names import PLAIN, Names
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.retries import retried
from spotify_assets.warehouse import lineage, marts, schema
from spotify_assets.warehouse.marts import Built, Incomplete
from spotify_assets.warehouse.session import Session
from spotify_assets.warehouse.sql import qualified

GROUP = "analytics"
_SHOWN = 20


def mart_assets(names: Names = PLAIN) -> list[dg.AssetsDefinition]:
    """The marts of schema ANALYTICS."""
    return [_mart(table, names) for table in MARTS.values()]


def _mart(table: Table, names: Names) -> dg.AssetsDefinition:
    mart = marts.DEFINITIONS[table.name]
    key = names.warehouse("analytics", table.name)

    @dg.asset(
        key=key,
        deps=[_dependency(path, names) for path in marts.reads(table.name)],
        check_specs=[keys_hold_spec(key, table)],
        code_version=marts.code(table.name),
        pool=names.called(POOL),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=names.called(GROUP),
        kinds=KINDS,
        owners=ANALYSTS,
        description=(
            f"{table.description}\n\nGrain: {', '.join(table.key)}. {_HOW[mart.how]} Reads "
            f"{', '.join(_sql_name(path) for path in marts.reads(table.name))}"
            + ("; a date is left out while the lake tables hold different runs of it" if mart.lake else "")
            + f". {'View' if schema.is_view('analytics', table.name) else 'Table'} "
            f"`{qualified('analytics', table.name)}`."
        ),
        metadata={
            "dagster/column_schema": column_schema(table),
            "dagster/column_lineage": column_lineage(_lineage(table, names)),
            **code_reference(
                files("spotify_assets") / "sql" / ("views" if mart.how == "view" else "marts") / f"{table.name}.sql",
                "SQL",
            ),
        },
    )
    @names.bound
    @retried
    def build(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[Result]:
        yield from checked(lambda: _build(context, warehouse, table))

    return build


_HOW: dict[marts.How, str] = {
    "days": "Dates whose lake rows changed are computed again, the others are kept.",
    "snapshots": "Snapshots that differ are compared again with the playlist's one before and after; incomplete ones "
    "are left out.",
    "weeks": "The weeks of changed dates and the ones after them are computed again.",
    "popularity": "Dates whose lake rows changed are computed again, and what stands beside them on later ones.",
    "view": "A view: nothing is computed, and its rows are not counted, which would read all history every day.",
}


def _build(context: dg.AssetExecutionContext, warehouse: WarehouseResource, table: Table) -> dg.MaterializeResult:
    column = next(name for name in ("week_start", "snapshot_date", "last_on") if name in table.column_names)

    def work(session: Session) -> tuple[Built, dg.MetadataValue, list[Incomplete]]:
        built = marts.build(session, table.name)
        newest = max(built.pending.present, default=None)
        since = marts.monday(newest) if newest and column == "week_start" else newest
        playlist_id = None if built.rows is not None else marts.any_playlist(session)
        shown = sample(session, "analytics", table, newest_first=column, since=since, playlist_id=playlist_id)
        return built, shown, marts.left_out(session, table.name, built.pending)

    sent = send(context, warehouse, work)
    built, shown, left_out = sent.result
    if built.left:
        context.log.warning(built.left)
    show_lineage(context)
    return dg.MaterializeResult(
        metadata={
            **sent.metadata,
            **applied_metadata(built.pending),
            **left_out_metadata(left_out),
            **({"left_for_later": dg.MetadataValue.text(built.left)} if built.left else {}),
            **({} if built.rows is None else {"dagster/row_count": built.rows}),
            "dagster/table_name": warehouse.table_name("analytics", table.name),
            "preview": shown,
        },
        check_results=[keys_held(built.checked)],
    )


def left_out_metadata(left_out: Sequence[Incomplete]) -> dict[str, dg.MetadataValue]:
    """Which of the new snapshots could not be compared."""
    if not left_out:
        return {}
    shown = "; ".join(f"{day} {playlist}" for day, playlist in left_out[:_SHOWN])
    return {
        "incomplete_snapshots": dg.MetadataValue.int(len(left_out)),
        "left_out": dg.MetadataValue.text(shown),
    }


def _dependency(path: str, names: Names) -> dg.AssetDep:
    layer, table = path.split("/")
    if layer == "lake":
        return dg.AssetDep(names.warehouse(layer, table), partition_mapping=dg.AllPartitionMapping())
    return dg.AssetDep(names.warehouse(layer, table))


def _lineage(table: Table, names: Names) -> dict[str, list[ColumnSource]]:
    return {
        column: [(names.warehouse(*path.split("/")), name) for path, name in sources]
        for column, sources in lineage.recorded()[table.name].items()
    }


def _sql_name(path: str) -> str:
    layer, table = path.split("/")
    return f"`{qualified(layer, table)}`"
