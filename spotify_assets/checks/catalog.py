"""Checks of the Data Catalog: that it says what the contract and the commits say, and that Athena reads the same rows.

They report and do not block: nothing in the line reads the catalog, people do. A drifted table is mended by
materializing it.
"""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from glue_scripts.contract import LAKE_TABLES, Table
from spotify_assets.assets.verdicts import Broken, verdict
from spotify_assets.checks.by_date import evaluated
from spotify_assets.lake import state
from spotify_assets.lake.catalog_tables import PARTITION_COLUMN
from spotify_assets.names import PLAIN, Names
from spotify_assets.partitions import run_dates_or_none
from spotify_assets.resources.athena import AthenaResource
from spotify_assets.resources.catalog import CatalogResource
from spotify_assets.resources.lake import LakeResource
from spotify_assets.retries import retried

_SHOWN = 20


def catalog_checks(
    partitions: dg.DailyPartitionsDefinition, *, athena: bool = True, names: Names = PLAIN
) -> list[dg.AssetChecksDefinition]:
    """`in_sync` for each of the seven tables; `athena_row_counts` where there is Athena."""
    kinds = (_in_sync_check, _row_count_check) if athena else (_in_sync_check,)
    return [check(table, partitions, names) for table in LAKE_TABLES.values() for check in kinds]


def _in_sync_check(table: Table, partitions: dg.DailyPartitionsDefinition, names: Names) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=names.catalog(table.name),
        name="in_sync",
        partitions_def=partitions,
        description="The table's definition is the contract's, and each date's partition points at its commit's run.",
    )
    @names.bound
    @retried
    def in_sync(
        context: dg.AssetCheckExecutionContext, lake: LakeResource, catalog: CatalogResource
    ) -> dg.AssetCheckResult:
        chosen = run_dates_or_none(context)

        def judge(days: Sequence[dt.date]) -> dg.AssetCheckResult:
            commits = lake.commits(days)
            drift = catalog.drift(table, commits, whole_table=chosen is None and len(days) != 1)
            shown = [f"{what}: {', '.join(why)}" for what, why in drift.items()]
            return verdict(
                [Broken("the Data Catalog says what contract and commits say", len(drift), shown, "differences")]
                if drift
                else [],
                fine=f"{len(commits)} dates as committed",
                remedy=_remedy(table, names),
                shown=_SHOWN,
                metadata={"dates": len(commits), "differences": len(drift), "drifted": list(drift)},
            )

        return evaluated(context, state.committed_days(lake.store) if chosen is None else chosen, judge)

    return in_sync


def _row_count_check(table: Table, partitions: dg.DailyPartitionsDefinition, names: Names) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=names.catalog(table.name),
        name="athena_row_counts",
        partitions_def=partitions,
        description="Athena counts as many rows on each date as the date's commit.",
    )
    @names.bound
    @retried
    def athena_row_counts(
        context: dg.AssetCheckExecutionContext, lake: LakeResource, athena: AthenaResource
    ) -> dg.AssetCheckResult:
        def judge(days: Sequence[dt.date]) -> dg.AssetCheckResult:
            commits = lake.commits(days)
            wanted = {day: commit.rows(table.name) for day, commit in commits.items()}
            if not wanted:
                return verdict([], fine="no committed dates to count", remedy=_remedy(table, names))
            result = athena.query(
                f'select {PARTITION_COLUMN}, count(*) from "{table.name}" '
                f"where {PARTITION_COLUMN} between date '{min(wanted)}' and date '{max(wanted)}' group by 1"
            )
            counted = {row[0]: row[1] for row in result.rows}
            wrong = [
                f"{day}: {counted.get(day, 0)} rows in Athena, {rows} in the commit"
                for day, rows in sorted(wanted.items())
                if counted.get(day, 0) != rows
            ]
            return verdict(
                [Broken("Athena counts the commit's rows", len(wrong), wrong, "dates")] if wrong else [],
                fine=f"{sum(wanted.values())} rows on {len(wanted)} dates",
                remedy=_remedy(table, names),
                shown=_SHOWN,
                metadata={"dates": len(wanted), "wrong_dates": len(wrong), **result.metadata()},
            )

        return evaluated(context, run_dates_or_none(context) or state.committed_days(lake.store), judge)

    return athena_row_counts


def _remedy(table: Table, names: Names) -> str:
    return f"materialize `{names.catalog(table.name).to_user_string()}` for what is named."
