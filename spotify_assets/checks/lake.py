"""Checks of the lake's tables. Those that block are one per table, so that one bad table stops only its downstream.

What must hold is `spotify_assets.lake.quality`'s business; here it is reported to Dagster.
"""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from glue_scripts.contract import LAKE_TABLES, Table
from spotify_assets.assets.verdicts import Broken, verdict
from spotify_assets.checks.by_date import evaluated
from spotify_assets.lake import quality, state
from spotify_assets.names import PLAIN, Names
from spotify_assets.partitions import run_dates_or_none
from spotify_assets.resources.lake import LakeResource
from spotify_assets.retries import retried

_SHOWN = 20
_EXAMPLES = 3


def lake_checks(partitions: dg.DailyPartitionsDefinition, names: Names = PLAIN) -> list[dg.AssetChecksDefinition]:
    """`contract_holds` for each of the seven tables, `entries_reconcile`, `snapshots_are_complete` and
    `leaves_readable`."""
    return [
        *(_contract_check(table, partitions, names) for table in LAKE_TABLES.values()),
        _entries_check(partitions, names),
        _complete_check(partitions, names),
        _leaves_check(partitions, names),
    ]


def _contract_check(table: Table, partitions: dg.DailyPartitionsDefinition, names: Names) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=names.lake(table.name),
        name="contract_holds",
        blocking=True,
        partitions_def=partitions,
        description="Keys are unique, required columns are filled, references resolve, rows equal the commit's.",
    )
    @names.bound
    @retried
    def contract_holds(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        def judge(days: Sequence[dt.date]) -> dg.AssetCheckResult:
            commits = lake.commits(days)
            broken = quality.faults(lake.store, table, commits)
            rows = sum(commit.rows(table.name) for commit in commits.values())
            return verdict(
                [Broken(fault.rule, fault.rows, fault.examples) for fault in broken],
                fine=f"{len(commits)} dates, {rows} rows",
                remedy="nothing of this table goes on meanwhile. Look for the rows in the date's raw objects: replace "
                f"or remove what is damaged there and run {_build(days)}. Where they are right, the code that reads "
                "them is wrong.",
                metadata={"dates": len(commits), "rows": rows, "broken_rules": len(broken)},
            )

        return evaluated(context, _days(context, lake), judge)

    return contract_holds


def _entries_check(partitions: dg.DailyPartitionsDefinition, names: Names) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=names.lake("playlist_items"),
        name="entries_reconcile",
        blocking=True,
        partitions_def=partitions,
        description="Entries in the raw objects = rows of playlist_items + quarantined entries, on every date.",
    )
    @names.bound
    @retried
    def entries_reconcile(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        def judge(days: Sequence[dt.date]) -> dg.AssetCheckResult:
            commits = lake.commits(days)
            wrong = quality.unreconciled(commits)
            quarantined = sum(commit.quarantined for commit in commits.values())
            return verdict(
                [Broken("entries in = playlist_items + quarantined", len(wrong), wrong, "dates")] if wrong else [],
                fine=f"{len(commits)} dates reconcile, {quarantined} quarantined",
                remedy=f"entries were lost or made up while the date was built: run {_build(days)} with `--verify`; "
                "where it stays, the code that reads raw objects is wrong. Nothing of the table goes on meanwhile.",
                metadata={
                    "entries": sum(commit.entries for commit in commits.values()),
                    "quarantined": quarantined,
                    "quarantine_files": [commit.quarantine_key for commit in commits.values() if commit.quarantine_key],
                },
            )

        return evaluated(context, _days(context, lake), judge)

    return entries_reconcile


def _complete_check(partitions: dg.DailyPartitionsDefinition, names: Names) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=names.lake("playlists"),
        name="snapshots_are_complete",
        partitions_def=partitions,
        description="Every snapshot holds the whole playlist. One that does not is kept, and left out of comparisons.",
    )
    @names.bound
    @retried
    def snapshots_are_complete(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        def judge(days: Sequence[dt.date]) -> dg.AssetCheckResult:
            commits = lake.commits(days)
            snapshots = quality.incomplete(lake.store, commits)
            return verdict(
                [Broken("snapshots hold the whole playlist", len(snapshots), [*map(str, snapshots)], "snapshots")]
                if snapshots
                else [],
                fine=f"{len(commits)} dates of whole snapshots",
                remedy="Where the day is over they stay, marked and left out of comparisons; today's are read again "
                "through the day. `spotify-assets import` brings in a whole one that somebody has.",
                severity=dg.AssetCheckSeverity.WARN,
                shown=_SHOWN,
                metadata={"dates": len(commits), "incomplete_snapshots": len(snapshots)},
            )

        return evaluated(context, _days(context, lake), judge)

    return snapshots_are_complete


def _leaves_check(partitions: dg.DailyPartitionsDefinition, names: Names) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=names.lake("playlist_items"),
        name="leaves_readable",
        partitions_def=partitions,
        description="Every value could be read. One that could not is null, and its entry is kept.",
    )
    @names.bound
    @retried
    def leaves_readable(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> dg.AssetCheckResult:
        def judge(days: Sequence[dt.date]) -> dg.AssetCheckResult:
            commits = lake.commits(days)
            unread = sum(commit.unread_leaves for commit in commits.values())
            examples = quality.unread_leaves(lake.store, commits, _EXAMPLES)
            return verdict(
                [Broken("every value can be read", unread, examples, "values")] if unread else [],
                fine=f"{len(commits)} dates, every value read",
                remedy="they are null and listed under `quarantine/`, and their entries are kept. Where Spotify has "
                "begun to send something new, the reader must learn it; `spotify-assets build --outdated` then reads "
                "the stored pages again.",
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"unread_leaves": unread, "dates": len(commits)},
            )

        return evaluated(context, _days(context, lake), judge)

    return leaves_readable


def _days(context: dg.AssetCheckExecutionContext, lake: LakeResource) -> list[dt.date]:
    """The run's dates; every committed date when the check is executed by itself."""
    days = run_dates_or_none(context)
    return state.committed_days(lake.store) if days is None else days


def _build(days: Sequence[dt.date]) -> str:
    """The command that brings `days` up to date."""
    return f"`spotify-assets build --from {min(days)} --to {max(days)}`" if days else "`spotify-assets build`"
