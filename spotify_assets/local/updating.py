"""Bringing a deployment up to date from where it stands: what the sensors do, in this process.

Derived from state alone: raw objects and code against commits, what commits name against what lies there, commits
against what the warehouse has loaded. What fails, fails alone: the rest is built and loaded, and the end says what
failed and why.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from glue_scripts.contract import LAKE_TABLES, all_tables
from glue_scripts.fingerprint import transformation
from glue_scripts.spans import days_between, slices
from spotify_assets.lake import known_dates, state, watch

if TYPE_CHECKING:
    from glue_scripts.commit import Commit
    from spotify_assets.lake.known_dates import KnownDate
    from spotify_assets.local.runs import Line
    from spotify_assets.resources.warehouse import WarehouseResource
    from spotify_assets.settings import Settings
    from spotify_assets.storage.object_store import ObjectStore

_LOOKED_AT_TOGETHER = 128
"""Dates whose raw objects and commits are held at once."""

_ALWAYS_LOOKED_AT = 30
"""The latest dates, at which every look looks."""

Stretch = tuple[dt.date, dt.date]

OnDates = Callable[[Stretch, int, int], None]
"""Hears the range of dates that is at work, and how many dates are done and left."""


@dataclass(frozen=True)
class Behind:
    """The dates that need work, ascending, and why; a date may need several kinds.

    `stale`: its commit is not built from its current raw objects. `lost`: files that its commit names are gone or cut
    off (the sentence that says so). `unloaded`: a table of the warehouse does not hold the commit's run. `outdated`:
    its commit was made by other code. `unreadable`: its commit record is damaged. `passable` dates cost a run nothing.
    """

    stale: tuple[dt.date, ...] = ()
    lost: Mapping[dt.date, str] = field(default_factory=dict)
    unloaded: tuple[dt.date, ...] = ()
    outdated: tuple[dt.date, ...] = ()
    unreadable: Mapping[dt.date, str] = field(default_factory=dict)
    passable: tuple[dt.date, ...] = ()

    def ranges(self, days: Collection[dt.date], *, around: Collection[dt.date] = ()) -> list[Stretch]:
        """`days` as few ranges, through dates that cost nothing, never through those of `around`."""
        return state.stretches(set(days) - {*around}, through=set(self.passable) - {*around})


@dataclass
class Updated:
    """What was brought up to date: the ranges built and loaded, those only loaded, and what failed (sentences).

    `computed` are the tables, and the dashboard, that were behind what was loaded. `healed` says which files were lost
    and built again; `outdated` are the dates left as other code made them.
    """

    built: list[Stretch] = field(default_factory=list)
    loaded: list[Stretch] = field(default_factory=list)
    computed: list[str] = field(default_factory=list)
    healed: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    outdated: tuple[dt.date, ...] = ()

    @property
    def did_something(self) -> bool:
        return bool(self.built or self.loaded or self.computed or self.failures)

    def raise_failures(self) -> None:
        """Raise RunFailed with everything that failed, if anything did."""
        from spotify_assets.local.runs import RunFailed

        if self.failures:
            raise RunFailed("\n".join(self.failures))


def behind(
    store: ObjectStore,
    warehouse: WarehouseResource,
    first: dt.date | None = None,
    last: dt.date | None = None,
    *,
    verify: bool = False,
    now: dt.datetime | None = None,
) -> Behind:
    """What needs work from `first` to `last` inclusive.

    Dates that an earlier look left up to date are not looked at again where `known_dates` tells that they still are.
    With `verify` every date is looked at and every file read.
    """

    def asked(day: dt.date) -> bool:
        return (not first or day >= first) and (not last or day <= last)

    lag, runs = _behind_in_lake(store, asked, verify=verify, now=now or dt.datetime.now(dt.UTC))
    loaded = warehouse.agreed_runs(list(LAKE_TABLES))
    return replace(lag, unloaded=tuple(sorted(day for day, run in runs.items() if loaded.get(day) != run)))


def _behind_in_lake(
    store: ObjectStore, asked: Callable[[dt.date], bool], *, verify: bool, now: dt.datetime
) -> tuple[Behind, dict[dt.date, str]]:
    """What needs work in the lake, and the run of each date's commit."""
    days = {day for day in state.raw_days(store) if asked(day)}
    every = sorted({*days, *(day for day in state.committed_days(store) if asked(day))})
    older = every[:-_ALWAYS_LOOKED_AT]
    kept = known_dates.read(store)
    known = {} if verify else known_dates.unchanged(store, kept, older, now)
    outdated = [day for day, one in known.items() if one.code != transformation()]
    stale: list[dt.date] = []
    commits: dict[dt.date, Commit] = {}
    unreadable: dict[dt.date, str] = {}
    proven: dict[dt.date, KnownDate] = {}
    for some in slices([day for day in every if day not in known], _LOOKED_AT_TOGETHER):
        read, damaged = watch.readable_commits(store, some)
        candidates = known_dates.candidates(store, {day: read[day] for day in read.keys() & older}, now)
        sources = state.recognised(store, state.read_current_sources(store, days.intersection(some)), read)
        stale += (day for day in state.stale_days(sources, read) if day not in damaged)
        outdated += (day for day in state.outdated_days(read, transformation()) if sources.get(day))
        proven |= {day: one for day, one in candidates.items() if sources.get(day)}
        commits |= {day: replace(commit, sources=()) for day, commit in read.items()}
        unreadable |= damaged
    lost = state.lost_files(store, commits)
    if verify:
        lost = {**state.broken_files(store, {day: each for day, each in commits.items() if day not in lost}), **lost}
    known |= {day: one for day, one in proven.items() if day not in {*stale, *lost}}
    if (keep := known | {day: one for day, one in kept.items() if not asked(day)}) != kept:
        known_dates.write(store, keep)
    between = days_between(every[0], every[-1]) if every else []
    lag = Behind(
        stale=tuple(stale),
        lost=lost,
        outdated=tuple(sorted(outdated)),
        unreadable=unreadable,
        passable=tuple(day for day in between if day not in {*stale, *lost, *unreadable}),
    )
    return lag, {day: one.run_id for day, one in (known | commits).items()}


def bring_up_to_date(
    line: Line,
    settings: Settings,
    first: dt.date | None = None,
    last: dt.date | None = None,
    *,
    outdated: bool = False,
    verify: bool = False,
    on_dates: OnDates | None = None,
) -> Updated:
    """Adopt, build, load and compute everything that is behind, through Dagster.

    Dates made by other code are built again with `outdated`, or when REBUILD_OUTDATED says so. `on_dates` hears, before
    each range and after the last, how many dates are done and how many are left.
    """
    from spotify_assets.resources.root import warehouse_resource
    from spotify_assets.storage.object_store import open_lake

    store = open_lake(settings)
    warehouse = warehouse_resource(settings)
    update = Updated()
    _adopt(line, store, update)
    line = line.following_the_archive()
    first = max(first or line.start, line.start)
    lag = behind(store, warehouse, first, last, verify=verify)
    update.failures += lag.unreadable.values()
    update.healed += [f"{day}: {sentence}" for day, sentence in sorted(lag.lost.items())]
    outdated = outdated or settings.rebuild_outdated == "on"
    wanted = {*lag.stale, *lag.unloaded, *lag.lost, *(lag.outdated if outdated else ())}
    build = {"outdated": outdated, "rebuild_dates": [day.isoformat() for day in sorted(lag.lost)]}
    stretches = lag.ranges(wanted, around=lag.unreadable)
    for stretch in stretches:
        if on_dates:
            done = sum(day < stretch[0] for day in wanted)
            on_dates(stretch, done, len(wanted) - done)
        if _run(line, "build_history", stretch, update, {"lake_tables": {"config": build}}):
            update.built.append(stretch)
    if stretches and on_dates:
        on_dates(stretches[-1], len(wanted), 0)
    if update.failures:
        left = behind(store, warehouse, first, last)
        for stretch in left.ranges(left.unloaded, around={*left.stale, *left.lost, *left.unreadable}):
            if _run(line, "load_warehouse", stretch, update):
                update.loaded.append(stretch)
    if not update.built and not update.loaded:
        _compute(line, warehouse, update)
    update.outdated = () if outdated else lag.outdated
    return update


def _compute(line: Line, warehouse: WarehouseResource, update: Updated) -> None:
    """Compute what an earlier run, or other code, left behind what is loaded; the `left_behind` sensor's words."""
    from spotify_assets.automation.left_behind import behind_assets, refused_loads

    graph = line.defs.resolve_asset_graph()
    late = [key.to_user_string() for key in behind_assets(line.instance, graph, warehouse)]
    if not late:
        return
    if refused := refused_loads(line.instance, graph):
        update.failures.append(
            f"Behind what is loaded: {', '.join(late)}; not computed, because a load's check failed: {refused}"
        )
    elif _run(line, "refresh_analytics", None, update):
        update.computed += late


def _adopt(line: Line, store: ObjectStore, update: Updated) -> None:
    from spotify_assets.spotify.landing import waiting

    left = waiting(store)
    while left and _run(line, "adopt_landing", None, update):
        left, before = waiting(store), left
        if left == before:
            break


def _run(
    line: Line, job: str, stretch: Stretch | None, update: Updated, config: Mapping[str, object] | None = None
) -> bool:
    """Whether a run of `job` succeeded; why not is noted, and what does not depend on it goes on."""
    from spotify_assets.local.runs import RunFailed

    try:
        line.run(job, stretch, config=config)
    except RunFailed as failure:
        update.failures.append(str(failure))
        return False
    return True


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
