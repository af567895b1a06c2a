"""The lake's seven tables: one multi-asset, one engine run for any set of dates, one commit record per date.

Which engine transforms is the `engine` resource's business; what a row holds is `glue_scripts.tables`'. Here: which
dates need building, the commit written last, and what Dagster shows of it.
"""

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from pydantic import Field

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES, Table
from spotify_assets.assets.metadata import column_schema, preview
from spotify_assets.assets.raw import PLAYLIST_SNAPSHOTS
from spotify_assets.assets.recording import names, recorded, report_alone
from spotify_assets.engines.engine import DaySources, TransformEngine
from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout, quality, state
from spotify_assets.resources.lake import LakeResource
from spotify_assets.retries import RETRY_POLICY, speak_to_dagster
from spotify_assets.settings import WithoutSnapshots

GROUP = "lake"
OWNERS = ["team:data-platform"]


def lake_key(table: str) -> dg.AssetKey:
    """The asset key of a lake table."""
    return dg.AssetKey(["lake", table])


class BuildConfig(dg.Config):
    """How to treat dates that are up to date."""

    rebuild: bool = Field(
        default=False,
        description="Build dates again whose commit matches their raw objects, for example after the SELECTs changed.",
    )


def lake_assets(
    partitions: dg.DailyPartitionsDefinition, engine_kind: str, without_snapshots: WithoutSnapshots = "fail"
) -> list[dg.AssetsDefinition]:
    """The seven tables as one multi-asset. `engine_kind` is the engine's name as Dagster shows it.

    `without_snapshots` says what a run does about dates without raw snapshots, after it has built the others: fail, or
    skip them with a warning.
    """

    @dg.multi_asset(
        name="lake_tables",
        specs=[_spec(table, engine_kind) for table in LAKE_TABLES.values()],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRY_POLICY,
        pool=engine_kind if engine_kind == "glue" else None,
    )
    def lake_tables(
        context: dg.AssetExecutionContext, config: BuildConfig, lake: LakeResource, engine: TransformEngine
    ) -> Iterator[dg.MaterializeResult]:
        with speak_to_dagster(context):
            days = [dt.date.fromisoformat(key) for key in context.partition_keys]
            yield from _build(context, lake, engine, days, rebuild=config.rebuild, without_snapshots=without_snapshots)

    return [lake_tables]


def _build(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    engine: TransformEngine,
    days: Sequence[dt.date],
    *,
    rebuild: bool,
    without_snapshots: WithoutSnapshots,
) -> Iterator[dg.MaterializeResult]:
    sources = lake.sources(days)
    commits = lake.commits(days)
    missing = [day for day in days if not sources[day]]
    work = [
        DaySources(day, sources[day])
        for day in days
        if sources[day] and (rebuild or state.is_stale(sources[day], commits.get(day)))
    ]
    started = time.monotonic()
    for built in engine.build(context, lake.store, context.run_id, work):
        commit = built.commit(
            engine=engine.engine_name, sources=sources[built.day], committed_at=dt.datetime.now(dt.UTC)
        )
        lake.store.put(layout.commit_key(built.day), commit.to_json())
        commits[built.day] = commit
    seconds = time.monotonic() - started
    context.log.info(
        f"{len(work)} dates built in {seconds:.1f} s, "
        f"{len(days) - len(work) - len(missing)} were up to date, {len(missing)} have no raw snapshots"
    )
    current = {day: commits[day] for day in days if day not in missing}
    if missing:
        sentence = (
            f"No raw snapshots for {names(missing)}: Spotify serves only the present, so these dates can only be "
            "filled by `spotify-assets import` or the landing folder."
        )
        if without_snapshots == "fail":
            for name in LAKE_TABLES:
                report_alone(context, lake_key(name), _by_date(current, name))
            raise PermanentError(f"{sentence} The other dates are built.")
        context.log.warning(f"{sentence} They are skipped, as DATES_WITHOUT_SNAPSHOTS says.")
    yield from _results(
        context, lake, current, {"dates_built": len(work), "seconds": round(seconds, 3)}, whole=not missing
    )


def _results(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    commits: Mapping[dt.date, Commit],
    metadata: Mapping[str, float],
    *,
    whole: bool,
) -> Iterator[dg.MaterializeResult]:
    """The seven results; unless `commits` are the `whole` of the run's dates, only theirs count as materialized."""
    for name in LAKE_TABLES:
        by_date = _by_date(commits, name)
        if commits:
            newest = max(commits)  # a preview on every date of a range would only make its events heavy
            by_date[newest]["preview"] = preview(*quality.sample(lake.store, LAKE_TABLES[name], commits[newest]))
        shared = {**metadata, "dagster/uri": lake.store.url(f"{layout.TABLES_PREFIX}{name}/")}
        yield recorded(context, lake_key(name), by_date, shared, whole=whole)


def _by_date(commits: Mapping[dt.date, Commit], table: str) -> dict[dt.date, dict[str, dg.MetadataValue]]:
    return {day: _partition_metadata(commit, table) for day, commit in commits.items()}


def _partition_metadata(commit: Commit, table: str) -> dict[str, dg.MetadataValue]:
    files = commit.tables[table].files
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(commit.rows(table)),
        "bytes": dg.MetadataValue.int(sum(file.size for file in files)),
        "files": dg.MetadataValue.int(len(files)),
        "raw_objects": dg.MetadataValue.int(len(commit.sources)),
        "entries": dg.MetadataValue.int(commit.entries),
        "quarantined": dg.MetadataValue.int(commit.quarantined),
        "engine": dg.MetadataValue.text(commit.engine),
        "built_by_run": dg.MetadataValue.text(commit.run_id),
    }


def _spec(table: Table, engine_kind: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=lake_key(table.name),
        deps=[PLAYLIST_SNAPSHOTS],
        group_name=GROUP,
        kinds={engine_kind if engine_kind in ("duckdb", "spark") else "spark", "parquet"},
        owners=OWNERS,
        description=(
            f"{table.description}\n\nKey: {', '.join(table.key)}. Parquet under `tables/{table.name}/`, read through "
            "the date's commit record. Built with the six other tables from the date's raw snapshots; entries that "
            "can't be read are under `quarantine/`."
        ),
        metadata={
            "dagster/column_schema": column_schema(table, types="duckdb"),
            "dagster/table_name": f"lake.{table.name}",
        },
    )
