"""The seven lake tables in the Glue Data Catalog: published from the contract and the commits, without a crawler.

What a catalog table must look like is `spotify_assets.lake.catalog_tables`' business, talking to Glue is
`resources/catalog.py`'s. Included only where GLUE_DATABASE names a catalog.
"""

import datetime as dt
from collections.abc import Iterator, Mapping

import dagster as dg

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES, Table
from glue_scripts.fingerprint import fingerprint
from spotify_assets.assets.metadata import OWNERS, column_schema
from spotify_assets.assets.recording import EMPTY, listing, recorded, report_alone, without_commit
from spotify_assets.failures import PermanentError
from spotify_assets.lake import catalog_tables, layout
from spotify_assets.lake.catalog_tables import PartitionPlan
from spotify_assets.names import PLAIN, Names
from spotify_assets.partitions import run_dates
from spotify_assets.resources.athena import AthenaResource, named_queries
from spotify_assets.resources.catalog import CatalogResource
from spotify_assets.resources.lake import LakeResource
from spotify_assets.retries import retried
from spotify_assets.settings import WithoutSnapshots

GROUP = "catalog"


def catalog_assets(
    partitions: dg.DailyPartitionsDefinition,
    crawler: str | None = None,
    without_snapshots: WithoutSnapshots = "empty",
    *,
    athena: bool = True,
    names: Names = PLAIN,
) -> list[dg.AssetsDefinition]:
    """One asset per table of the lake, any set of dates in one run; the saved queries, where there is Athena; the
    crawler, if one is named.

    A date without a commit fails, unless it has no raw snapshots either: an empty date, if `without_snapshots` allows.
    """
    tables = [_catalog_asset(table, partitions, without_snapshots, names) for table in LAKE_TABLES.values()]
    saved = [named_queries_asset(names)] if athena else []
    return [*tables, *saved, *([crawler_asset(crawler, names)] if crawler else [])]


def _catalog_asset(
    table: Table, partitions: dg.DailyPartitionsDefinition, without_snapshots: WithoutSnapshots, names: Names
) -> dg.AssetsDefinition:
    @dg.asset(
        key=names.catalog(table.name),
        deps=[names.lake(table.name)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=names.called(GROUP),
        code_version=fingerprint("spotify_assets", ["lake/catalog_tables.py"], [table]),
        kinds={"aws", "parquet"},
        owners=OWNERS,
        description=(
            f"{table.description}\n\nThe Data Catalog's table, for Athena, Spark and EMR. One partition per `day`, "
            "pointing at the files of the run that is current for the date; a new commit switches it in one call. "
            "Filter by `day` to read only a date's files."
        ),
        metadata={"dagster/column_schema": column_schema(table)},
    )
    @names.bound
    @retried
    def catalog_table(
        context: dg.AssetExecutionContext, lake: LakeResource, catalog: CatalogResource
    ) -> dg.MaterializeResult:
        return _publish(context, table, run_dates(context), lake, catalog, without_snapshots, names)

    return catalog_table


def _publish(
    context: dg.AssetExecutionContext,
    table: Table,
    days: list[dt.date],
    lake: LakeResource,
    catalog: CatalogResource,
    without_snapshots: WithoutSnapshots,
    names: Names,
) -> dg.MaterializeResult:
    commits = lake.commits(days)
    mended = catalog.publish_table(table)
    plan = catalog.publish_partitions(table, commits)
    uncommitted = sorted(set(days) - commits.keys())
    removed = catalog.remove_partitions(table.name, uncommitted)
    context.log.info(
        f"{catalog.database}.{table.name}: {len(plan.create)} dates added, {len(plan.switch)} switched, "
        f"{len(plan.unchanged)} as they were, {removed} without a commit removed; "
        f"table: {', '.join(mended) or 'as it was'}"
    )
    by_date = dict(_partition_metadata(table, commits, plan, catalog))
    empty, missing = without_commit(lake, uncommitted, (), without_snapshots)
    if missing:
        report_alone(context, names.catalog(table.name), by_date)
        raise PermanentError(
            f"No commit for {listing(missing)}, so the Data Catalog has no partition of {table.name} for them: "
            f"materialize {names.lake(table.name).to_user_string()} for these dates first. The other dates are "
            "published."
        )
    metadata = {
        "dagster/table_name": f"{catalog.database}.{table.name}",
        "dagster/uri": lake.store.url(f"{layout.TABLES_PREFIX}{table.name}/"),
        "dates": len(commits),
        "added": len(plan.create),
        "switched": len(plan.switch),
        "table_was_mended": ", ".join(mended) or "no",
    }
    return recorded(context, names.catalog(table.name), {**by_date, **dict.fromkeys(empty, EMPTY)}, metadata)


def _partition_metadata(
    table: Table, commits: Mapping[dt.date, Commit], plan: PartitionPlan, catalog: CatalogResource
) -> Iterator[tuple[dt.date, dict[str, dg.MetadataValue]]]:
    for day, commit in sorted(commits.items()):
        change = "added" if day in plan.create else "switched" if day in plan.switch else "as it was"
        location = catalog_tables.partition_location(table.name, commit.run_id, day, catalog.lake_url)
        yield (
            day,
            {
                "dagster/partition_row_count": dg.MetadataValue.int(commit.rows(table.name)),
                "location": dg.MetadataValue.text(location),
                "built_by_run": dg.MetadataValue.text(commit.run_id),
                "partition": dg.MetadataValue.text(change),
            },
        )


def named_queries_asset(names: Names = PLAIN) -> dg.AssetsDefinition:
    """Publishes the workgroup's saved queries after the tables they ask."""

    @dg.asset(
        key=names.named_queries,
        deps=[names.catalog(name) for name in LAKE_TABLES],
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=names.called(GROUP),
        kinds={"aws", "sql"},
        owners=OWNERS,
        description=(
            "The Athena workgroup's saved queries, one of each file of `spotify_assets/sql/athena`: what entered and "
            "left, the longest stays, a playlist's profile, popularity over time, release years, songs with their "
            "albums, top artists and songs. Materializing creates those that are missing and updates those that differ."
        ),
    )
    @names.bound
    @retried
    def athena_named_queries(context: dg.AssetExecutionContext, athena: AthenaResource) -> dg.MaterializeResult:
        queries = named_queries()
        changed = athena.publish(queries)
        shown = "\n".join(f"- **{query.name}**: {query.description}" for query in queries)
        return dg.MaterializeResult(
            metadata={"queries": len(queries), "changed": len(changed), "names": dg.MetadataValue.md(shown)}
        )

    return athena_named_queries


def crawler_asset(crawler: str, names: Names = PLAIN) -> dg.AssetsDefinition:
    """Start the external crawler of that name after the tables were published, and wait for its end."""

    @dg.asset(
        key=names.crawler,
        deps=[names.catalog(name) for name in LAKE_TABLES],
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=names.called(GROUP),
        kinds={"aws"},
        owners=OWNERS,
        description=(
            f"Runs the crawler `{crawler}`, which is set up outside this project and costs by the minute. The seven "
            "tables need none: their schema is the contract's and their partitions are the commits'."
        ),
    )
    @names.bound
    @retried
    def external_crawler(context: dg.AssetExecutionContext, catalog: CatalogResource) -> dg.MaterializeResult:
        last = catalog.crawl(crawler)
        return dg.MaterializeResult(
            metadata={"status": last["Status"], "log_group": last.get("LogGroup", ""), "crawler": crawler}
        )

    return external_crawler
