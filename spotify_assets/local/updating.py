"""Bringing a deployment up to date from where it stands: what the sensors do, in this process.

Derived from state alone: raw objects against commits, commits against what the warehouse has loaded. The last step
always runs: assets after the load find for themselves what they have not seen yet.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from glue_scripts.contract import LAKE_TABLES, all_tables
from spotify_assets.lake import state

if TYPE_CHECKING:
    from spotify_assets.local.runs import Line
    from spotify_assets.resources.warehouse import WarehouseResource
    from spotify_assets.settings import Settings
    from spotify_assets.storage.object_store import ObjectStore

Stretch = tuple[dt.date, dt.date]


def behind(
    store: ObjectStore, warehouse: WarehouseResource, first: dt.date | None = None, last: dt.date | None = None
) -> tuple[list[dt.date], list[dt.date]]:
    """(dates that need work, dates that have raw snapshots), ascending, from `first` to `last` inclusive.

    A date needs work when its commit is not built from its current raw objects, or when a table of the warehouse does
    not hold the commit's run.
    """
    days = [day for day in state.raw_days(store) if (not first or day >= first) and (not last or day <= last)]
    sources = {day: found for day, found in state.read_current_sources(store, days).items() if found}
    commits = state.read_commits(store, sources)
    stale = set(state.stale_days(sources, commits))
    loaded = warehouse.all_loaded_runs(list(LAKE_TABLES))
    unloaded = {
        day for day, commit in commits.items() if any(runs.get(day) != commit.run_id for runs in loaded.values())
    }
    return sorted(stale | unloaded), sorted(sources)


def bring_up_to_date(
    line: Line, settings: Settings, first: dt.date | None = None, last: dt.date | None = None
) -> list[Stretch]:
    """Adopt, build, load and compute everything that is behind, through Dagster; the ranges of dates that were run."""
    from spotify_assets.resources.root import warehouse_resource
    from spotify_assets.spotify.landing import waiting
    from spotify_assets.storage.object_store import open_lake

    store = open_lake(settings)
    left = waiting(store)
    while left:
        line.run("adopt_landing")
        left, before = waiting(store), left
        if left == before:
            break
    line = line.following_the_archive()
    first = max(first or line.start, line.start)
    needed, present = behind(store, warehouse_resource(settings), first, last)
    stretches = state.stretches(needed, through=present)
    for stretch in stretches:
        line.run("build_history", stretch)
    if not stretches:
        line.run("refresh_analytics")
    return stretches


def why_nothing(
    store: ObjectStore, start: dt.date, first: dt.date | None = None, last: dt.date | None = None
) -> str | None:
    """What to say where dates were asked for, from `first` to `last`, that can't be built, and what to do; None when
    they can. `start` is the first partition."""
    days = state.raw_days(store)
    if not days:
        return f"The lake {store.url()} holds no snapshots: extract some, or run 'spotify-assets import FILE…'."
    before = [day for day in days if day < start and (not last or day <= last)]
    if before:
        return (
            f"{len(before)} dates before {start} were not looked at, for they have no partition: set "
            f"PARTITIONS_START={days[0]}, the lake's earliest date."
        )
    if not any((not first or day >= first) and (not last or day <= last) for day in days):
        return f"The lake holds no snapshots of these dates: its own are of {days[0]} to {days[-1]}."
    return None


def row_counts(warehouse: WarehouseResource) -> dict[str, int]:
    """Rows of every table of the warehouse, `schema.table` to rows, in the contract's order."""
    names = [f"{layer}.{table.name}" for layer, table in all_tables()]
    select = " union all ".join(f"select '{name}' as name, count(*) as row_count from {name}" for name in names)
    frame = warehouse.query(select)
    counts = dict(zip(frame["name"], frame["row_count"], strict=True))
    return {name: int(counts[name]) for name in names}
