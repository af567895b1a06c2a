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
from glue_scripts.fingerprint import transformation
from glue_scripts.spans import iso_date
from spotify_assets.assets.building import POISONED_TAG, Building
from spotify_assets.assets.metadata import COLUMN_LINEAGE, OWNERS, ColumnSource, column_lineage, column_schema, preview
from spotify_assets.assets.recording import EMPTY, listing, recorded, report_alone
from spotify_assets.assets.verdicts import Broken, verdict
from spotify_assets.engines.engine import DaySources, TransformEngine
from spotify_assets.lake import layout, quality, state
from spotify_assets.names import PLAIN, Names
from spotify_assets.partitions import run_dates
from spotify_assets.resources.lake import LakeResource
from spotify_assets.retries import retried
from spotify_assets.settings import WithoutSnapshots

GROUP = "lake"
HAS_SNAPSHOTS = "has_snapshots"
BUILT_BY_THIS_CODE = "built_by_this_code"

__all__ = ["BUILT_BY_THIS_CODE", "HAS_SNAPSHOTS", "POISONED_TAG", "BuildConfig", "lake_assets"]


class BuildConfig(dg.Config):
    """How to treat dates that are up to date."""

    rebuild: bool = Field(
        default=False,
        description="Build every date of the run again, whatever its commit says.",
    )
    outdated: bool | None = Field(
        default=None,
        description="Build dates again that were built by other code than this; REBUILD_OUTDATED's when not given.",
    )
    rebuild_dates: list[str] = Field(default=[], description="Build these dates (YYYY-MM-DD) again, whatever they are.")


def lake_assets(
    partitions: dg.DailyPartitionsDefinition,
    engine_kind: str,
    without_snapshots: WithoutSnapshots = "empty",
    *,
    rebuild_outdated: bool = False,
    names: Names = PLAIN,
) -> list[dg.AssetsDefinition]:
    """The seven tables as one multi-asset. `engine_kind` is the engine's name as Dagster shows it.

    `without_snapshots` says what dates without raw snapshots are: `empty`, which the check HAS_SNAPSHOTS warns of, or
    `fail`, for a run that fails after it has built the others. With `rebuild_outdated` a run builds dates again that
    other code built; else the check BUILT_BY_THIS_CODE warns of them.
    """

    @dg.multi_asset(
        name=names.called("lake_tables"),
        specs=[_spec(table, engine_kind, names) for table in LAKE_TABLES.values()],
        check_specs=_check_specs(names),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=names.called(engine_kind) if engine_kind == "glue" else None,
    )
    @names.bound
    @retried
    def lake_tables(
        context: dg.AssetExecutionContext, config: BuildConfig, lake: LakeResource, engine: TransformEngine
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        outdated = rebuild_outdated if config.outdated is None else config.outdated
        yield from _build(context, lake, engine, config, without_snapshots, names, outdated=outdated)

    return [lake_tables]


def _build(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    engine: TransformEngine,
    config: BuildConfig,
    without_snapshots: WithoutSnapshots,
    names: Names,
    *,
    outdated: bool,
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    days = run_dates(context)
    commits = lake.commits(days)
    sources = state.recognised(lake.store, lake.sources(days), commits)
    lost = state.lost_files(lake.store, commits)
    again = {*lost, *(day for text in config.rebuild_dates if (day := iso_date(text)))}
    if outdated:
        again |= set(state.outdated_days(commits, transformation()))
    work = [
        DaySources(day, sources[day])
        for day in days
        if sources[day] and (config.rebuild or day in again or state.is_stale(sources[day], commits.get(day)))
    ]
    started = time.monotonic()
    building = Building(context, lake.store, engine, commits)
    for day, sentence in lost.items():
        if sources[day]:
            context.log.warning(f"{day} is built again: {sentence}.")
        else:
            building.poisoned[day] = f"{sentence}, and its raw snapshots are gone too: restore either"
    for commit in building.commits(work):
        commits[dt.date.fromisoformat(commit.day)] = commit
    seconds = time.monotonic() - started
    missing = [day for day in days if not sources[day]]
    context.log.info(
        f"{len(work) - len(building.failed)} dates built in {seconds:.1f} s, "
        f"{len(days) - len(work) - len(missing)} were up to date, {len(missing)} have no raw snapshots"
    )
    current = {day: commits[day] for day in days if day in commits and day not in building.failed}
    strict = missing if without_snapshots == "fail" else []
    if building.failed or strict:
        for table in LAKE_TABLES:
            done = {day: commit for day, commit in current.items() if day not in strict}
            report_alone(context, names.lake(table), _by_date(done, table))
        building.fail(f"No raw snapshots for {listing(strict)}" if strict else "")
    yield from _results(context, lake, days, current, names, {"dates_built": len(work), "seconds": round(seconds, 3)})
    yield _has_snapshots(missing, current, names)
    yield _built_by_this_code(current, names)


def _check_specs(names: Names) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            HAS_SNAPSHOTS,
            asset=names.lake("playlists"),
            description="Every date of the run has raw snapshots; one without is empty, or keeps the tables it has.",
        ),
        dg.AssetCheckSpec(
            BUILT_BY_THIS_CODE,
            asset=names.lake("playlists"),
            description="Every date of the run was built by the contract, SELECTs and reader that are installed now.",
        ),
    ]


def _built_by_this_code(current: Mapping[dt.date, Commit], names: Names) -> dg.AssetCheckResult:
    """A warning for dates that other code built; building them again may cost a Glue run, so nobody does it unasked."""
    outdated = state.outdated_days(current, transformation())
    return verdict(
        [Broken("dates are built by this code", len(outdated), [state.shown(outdated)], "dates")] if outdated else [],
        fine=f"Built by code {transformation()}.",
        remedy="build them again with `spotify-assets build --outdated`, or set REBUILD_OUTDATED=on.",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"outdated_dates": len(outdated), "code": transformation()},
        asset=names.lake("playlists"),
        name=BUILT_BY_THIS_CODE,
    )


def _has_snapshots(missing: Sequence[dt.date], current: Mapping[dt.date, Commit], names: Names) -> dg.AssetCheckResult:
    """A warning for dates without raw snapshots: those that are empty, and those whose commit outlived its objects."""
    kept = [day for day in missing if day in current]
    empty = [day for day in missing if day not in current]
    broken, remedy = [], []
    if empty:
        broken.append(Broken("dates have snapshots", len(empty), [state.shown(empty)], "empty dates"))
        remedy.append(
            "Spotify serves only the present, so empty dates stay empty unless `spotify-assets import` or the landing "
            "folder fills them."
        )
    if kept:
        rule = "raw snapshots outlive the tables built from them, which are kept"
        broken.append(Broken(rule, len(kept), [state.shown(kept)], "dates"))
        remedy.append("Restore the raw objects that are gone, or these dates can't be built again.")
    return verdict(
        broken,
        fine="Every date has snapshots.",
        remedy=" ".join(remedy),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"empty_dates": len(empty), "dates_without_their_snapshots": len(kept)},
        asset=names.lake("playlists"),
        name=HAS_SNAPSHOTS,
    )


def _results(
    context: dg.AssetExecutionContext,
    lake: LakeResource,
    days: Sequence[dt.date],
    commits: Mapping[dt.date, Commit],
    names: Names,
    metadata: Mapping[str, float],
) -> Iterator[dg.MaterializeResult]:
    for name in LAKE_TABLES:
        by_date = {day: dict(EMPTY) for day in days} | _by_date(commits, name)
        if commits:
            newest = max(commits)  # a preview on every date of a range would only make its events heavy
            by_date[newest]["preview"] = preview(*quality.sample(lake.store, LAKE_TABLES[name], commits[newest]))
        shared = {**metadata, "dagster/uri": lake.store.url(f"{layout.TABLES_PREFIX}{name}/")}
        yield recorded(context, names.lake(name), by_date, shared)


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
        "code": dg.MetadataValue.text(commit.code or "unknown"),
        "built_by_run": dg.MetadataValue.text(commit.run_id),
    }


def _spec(table: Table, engine_kind: str, names: Names) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=names.lake(table.name),
        deps=[names.snapshots],
        group_name=names.called(GROUP),
        code_version=transformation(),
        kinds={engine_kind if engine_kind in ("duckdb", "spark") else "spark", "parquet", "s3"},
        owners=OWNERS,
        description=(
            f"{table.description}\n\nKey: {', '.join(table.key)}. Parquet under `tables/{table.name}/`, read through "
            "the date's commit record. Built with the six other tables from the date's raw snapshots; entries that "
            "can't be read are under `quarantine/`."
        ),
        metadata={
            "dagster/column_schema": column_schema(table, types="duckdb"),
            COLUMN_LINEAGE: column_lineage(_lineage(table, names)),
            "dagster/table_name": f"lake.{table.name}",
        },
    )


_FROM_THE_LINE: Mapping[str, Sequence[str]] = {
    "snapshot_date": ("snapshot_date",),
    "extracted_at": ("extracted_at",),
    "playlist_id": ("playlist",),
    "position": ("offset", "page"),
    "item_count": ("total",),
    "entry_count": ("page",),
    "is_complete": ("complete", "total", "page"),
    "run_id": (),
}
"""Which fields of a raw line a column is made of, where not the table's own."""


def _lineage(table: Table, names: Names) -> dict[str, list[ColumnSource]]:
    own = ("playlist",) if table.name == "playlists" else ("page",)
    return {name: [(names.snapshots, field) for field in _FROM_THE_LINE.get(name, own)] for name in table.column_names}
