"""Checks of the warehouse's tables. What must hold is `warehouse.quality`'s and `warehouse.reconcile`'s business.

Blocking checks are one per table, so that one bad table stops only its own downstream. The reconciliation of many dates
hangs on `warehouse_loads`, which no run materializes, so that it runs on its own schedule only.
"""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS, Table
from spotify_assets.assets.metadata import column_schema
from spotify_assets.assets.verdicts import Broken, verdict
from spotify_assets.assets.warehouse import GROUP, KINDS, OWNERS, POOL
from spotify_assets.checks.by_date import evaluated
from spotify_assets.lake import state
from spotify_assets.names import PLAIN, Names
from spotify_assets.partitions import run_dates_or_none
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.retries import retried
from spotify_assets.warehouse import quality, reconcile, schema
from spotify_assets.warehouse.reconcile import Difference
from spotify_assets.warehouse.session import QueryTag, Session
from spotify_assets.warehouse.sql import qualified

RECENT_CHECK = "recent_dates_reconcile"
ALL_CHECK = "all_dates_reconcile"
KEYS_CHECK = "all_keys_hold"
RECENT_DAYS = 14

_SHOWN = 20


def warehouse_checks(
    partitions: dg.DailyPartitionsDefinition, *, by_pipe: bool = False, names: Names = PLAIN
) -> list[dg.AssetChecksDefinition]:
    """`matches_commits` of each lake table, the two reconciliations, and `all_keys_hold`.

    With `by_pipe` nothing is loaded by a run, so no run can check what it loaded: reconciliation remains.
    """
    return [
        *(() if by_pipe else (_matches_commits(table, partitions, names) for table in LAKE_TABLES.values())),
        _reconciliation(RECENT_CHECK, RECENT_DAYS, names),
        _reconciliation(ALL_CHECK, None, names),
        _all_keys_hold(names),
    ]


def loads_asset(names: Names = PLAIN) -> dg.AssetSpec:
    """The table that records which run each lake table and date holds, written by the loads themselves."""
    return dg.AssetSpec(
        key=names.loads,
        group_name=names.called(GROUP),
        kinds=KINDS,
        owners=OWNERS,
        description=(
            f"{schema.LOADS.description} Written in the transaction of the load it describes. Table "
            f"`{qualified('lake', schema.LOADS.name)}`; its checks reconcile the warehouse with the lake."
        ),
        metadata={"dagster/column_schema": column_schema(schema.LOADS)},
    )


def _matches_commits(table: Table, partitions: dg.DailyPartitionsDefinition, names: Names) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=names.warehouse("lake", table.name),
        pool=names.called(POOL),
        name="matches_commits",
        blocking=True,
        partitions_def=partitions,
        description="Each date holds the rows of the run that its commit in the lake names, as many as it says.",
    )
    @names.bound
    @retried
    def check(
        context: dg.AssetCheckExecutionContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        days = run_dates_or_none(context)
        committed = state.committed_days(lake.store) if days is None else days
        return evaluated(context, committed, lambda dates: _result(lake, warehouse, [table.name], dates))

    return check


def _reconciliation(name: str, last_days: int | None, names: Names) -> dg.AssetChecksDefinition:
    period = f"the last {last_days} committed dates" if last_days else "all committed dates"

    @dg.asset_check(
        asset=names.loads,
        pool=names.called(POOL),
        name=name,
        description=f"For {period}: every date and table is in the warehouse, with the run and rows of its commit.",
    )
    @names.bound
    @retried
    def check(lake: LakeResource, warehouse: WarehouseResource) -> dg.AssetCheckResult:
        days = state.committed_days(lake.store)
        return _result(lake, warehouse, list(LAKE_TABLES), days[-last_days:] if last_days else days, whole=True)

    return check


def _all_keys_hold(names: Names) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=names.loads,
        pool=names.called(POOL),
        name=KEYS_CHECK,
        description=(
            "In every row of every dimension and mart the key is unique and every required column is filled. The runs "
            "check what they bring in; this looks at everything."
        ),
    )
    @names.bound
    @retried
    def check(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        tables = [("spotify", table) for table in DIMENSIONS.values()] + [("analytics", t) for t in MARTS.values()]

        def look(session: Session) -> tuple[int, list[Broken]]:
            schema.prepare(session, tables)
            rows, broken = 0, []
            for layer, table in tables:
                count, faults = quality.faults(session, layer, table)
                rows += count
                broken += [
                    Broken(f"{layer}.{table.name}: {fault.rule}", fault.count, fault.examples) for fault in faults
                ]
            return rows, broken

        rows, broken = warehouse.run(look, QueryTag(KEYS_CHECK))
        return verdict(
            broken,
            fine=f"{rows} rows of {len(tables)} tables",
            remedy="somebody else wrote to these tables: the job `rebuild_warehouse` computes them again from `LAKE`.",
            metadata={"rows": rows, "tables": len(tables), "broken_rules": len(broken)},
        )

    return check


def _result(
    lake: LakeResource, warehouse: WarehouseResource, tables: list[str], days: Sequence[dt.date], *, whole: bool = False
) -> dg.AssetCheckResult:
    """Compare the given dates; with `whole`, the days between them too, which then must be empty."""
    if not days:
        return verdict([], fine="No committed dates.", remedy="")
    commits = lake.commits(days)
    tag = QueryTag("reconciliation", f"{days[0]}…{days[-1]}")
    content = warehouse.run(lambda session: reconcile.read_all(session, tables, min(days), max(days)), tag)
    wanted = set(days)
    differences = [
        difference
        for table, rows in content.items()
        for difference in reconcile.differences(table, commits, rows if whole else [r for r in rows if r.day in wanted])
    ]
    rows = [_sentence(difference) for difference in differences]
    return verdict(
        [Broken("the warehouse holds what the commits say", len(rows), rows, "dates of tables")] if rows else [],
        fine=f"{len(days)} dates, {len(tables)} tables",
        remedy="materialize the tables named (those that hold `LAKE`) for their dates, or run `spotify-assets build`, "
        "which loads whatever differs. Rows of a date without a commit are deleted by hand.",
        shown=_SHOWN,
        metadata={"dates": len(days), "differences": len(differences), "tables": len(tables)},
    )


def _sentence(difference: Difference) -> str:
    return f"{difference.table} {difference.day}: {difference.what}"
