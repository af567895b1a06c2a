"""The sensor that has commits loaded which the warehouse does not hold: those written by a Glue trigger, by another
machine, or by a run whose load failed. What to compare is `loaded_watch`'s business."""

import datetime as dt

import dagster as dg

from glue_scripts.contract import LAKE_TABLES
from glue_scripts.spans import days_between
from spotify_assets.automation import planning, runs
from spotify_assets.automation.clock import TICK_SECONDS, Clock, utc_now
from spotify_assets.automation.cursors import LoadedCursor
from spotify_assets.automation.jobs import OWNERS
from spotify_assets.automation.planning import Plan
from spotify_assets.automation.runs import OurRuns
from spotify_assets.lake import state
from spotify_assets.names import LOAD, PLAIN, Names
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.warehouse import loaded_watch
from spotify_assets.warehouse.loaded_watch import Month

LOADED_FILES = "loaded_files"


def loaded_files_sensor(
    start: dt.date, status: dg.DefaultSensorStatus, *, clock: Clock = utc_now, names: Names = PLAIN
) -> dg.SensorDefinition:
    """Requests `load_warehouse` for dates from `start` on whose commit some table of the warehouse does not hold."""

    @dg.sensor(
        name=names.called(LOADED_FILES),
        job_name=names.called(LOAD),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=status,
        description=(
            "Has commits loaded that the warehouse does not hold, whoever wrote them. Lists the commits of this month "
            "and the last every time and sweeps through older ones; asks the warehouse only when commits changed."
        ),
        owners=OWNERS,
    )
    @names.bound
    def loaded_files(
        context: dg.SensorEvaluationContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> dg.SensorResult:
        now = clock()
        cursor = LoadedCursor.parse(context.cursor)
        looked = _look(lake, cursor, start, now.date())
        known = {first: cursor.months.get(first, Month(first)) for first in {*cursor.months, *looked}}
        tick = _Tick(runs.ours(context, names), lake, warehouse, start, now)
        known, asked, waiting = tick.ask(known, looked)
        planned = tick.plan(known, waiting)
        requests = [
            runs.run_request(names.called(LOADED_FILES), names.called(LOAD), request) for request in planned.requests
        ]
        said = (
            f"{cursor.note}Looked at the commits of {_months(looked)}"
            f"{f'; asked the warehouse about {_months(asked)}' if asked else ''}"
            f"{f'; {_months(waiting)} wait for runs in flight' if waiting else ''}"
            f"; {planned.describe() or 'the warehouse holds every commit'}"
        )
        context.log.info(said)
        swept = loaded_watch.swept_month(start, cursor.sweep, now.date())
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else dg.SkipReason(said),
            cursor=LoadedCursor(
                {first: month for first, month in known.items() if month.fingerprint},
                loaded_watch.next_month(swept) if swept else None,
            ).dump(),
        )

    return loaded_files


def _look(lake: LakeResource, cursor: LoadedCursor, start: dt.date, today: dt.date) -> dict[dt.date, str]:
    """The fingerprints of the recent months and of the one whose turn it is: two listings."""
    recent = loaded_watch.recent_months(today, start)
    if not recent:
        return {}
    swept = loaded_watch.swept_month(start, cursor.sweep, today)
    old = loaded_watch.fingerprints(lake.store, swept, swept) if swept else {}
    return {**old, **loaded_watch.fingerprints(lake.store, recent[0], recent[-1])}


class _Tick:
    """What one evaluation asks of the warehouse and of Dagster's runs."""

    def __init__(
        self,
        ours: OurRuns,
        lake: LakeResource,
        warehouse: WarehouseResource,
        start: dt.date,
        now: dt.datetime,
    ) -> None:
        self._ours = ours
        self._lake = lake
        self._warehouse = warehouse
        self._start = start
        self._now = now
        self._busy: set[dt.date] | None = None
        self._attempts: list[planning.Attempt] | None = None

    def ask(
        self, known: dict[dt.date, Month], looked: dict[dt.date, str]
    ) -> tuple[dict[dt.date, Month], list[dt.date], list[dt.date]]:
        """(the months brought up to date, those the warehouse was asked about, those that wait for runs in flight).

        Asked about are months whose commits changed, and those of which a date would be requested or should have been
        loaded by now.
        """
        changed = {first for first, fingerprint in looked.items() if fingerprint != known[first].fingerprint}
        doubtful = {first for first, month in known.items() if set(month.unloaded) - month.stuck}
        if not changed | doubtful:
            return known, [], []
        busy = {loaded_watch.month_of(day) for day in self.busy}
        waiting = sorted((changed | doubtful) & busy)
        attempts = self.attempts
        succeeded = {day for attempt in attempts if attempt.outcome == "succeeded" for day in attempt.contents}
        planned = self.plan(known, waiting)
        wanted = planned.requested | planned.postponed | planned.succeeded
        to_ask = sorted((changed | ({loaded_watch.month_of(day) for day in wanted} & doubtful)) - set(waiting))
        if not to_ask:
            return known, [], waiting
        loaded = self._warehouse.impatient().all_loaded_runs(list(LAKE_TABLES))
        result = dict(known)
        for first in to_ask:
            committed = loaded_watch.committed_runs(self._lake.store, first)
            lacking = loaded_watch.unloaded(committed, loaded.values(), self._start)
            done = {day for day in lacking if planning.digest(lacking[day]) in _contents(attempts, day)} & succeeded
            fingerprint = looked.get(first, known[first].fingerprint)
            result[first] = loaded_watch.asked(known[first], fingerprint, lacking, done)
        return result, to_ask, waiting

    def plan(self, known: dict[dt.date, Month], waiting: list[dt.date]) -> Plan:
        """The loads to request; none of a month that waits."""
        needs = {
            day: planning.digest(run)
            for first, month in known.items()
            if first not in waiting
            for day, run in month.unloaded.items()
        }
        if not needs:
            return Plan()
        # A load passes through dates that are committed or empty; one with raw objects and no commit would fail it.
        unbuilt = set(state.raw_days(self._lake.store)) - set(state.committed_days(self._lake.store))
        months = (loaded_watch.next_month(first) - dt.timedelta(days=1) for first in waiting)
        held = {day for last in months for day in days_between(last.replace(day=1), last)}
        through = set(days_between(min(needs), max(needs))) - unbuilt - held
        return planning.plan(needs, self.attempts, busy=self.busy, through=through, now=self._now)

    @property
    def busy(self) -> set[dt.date]:
        """The dates that runs in flight touch."""
        if self._busy is None:
            self._busy = runs.busy_dates(self._ours)
        return self._busy

    @property
    def attempts(self) -> list[planning.Attempt]:
        """What became of the loads requested before."""
        if self._attempts is None:
            self._attempts = runs.attempts(self._ours, self._ours.names.called(LOADED_FILES))
        return self._attempts


def _contents(attempts: list[planning.Attempt], day: dt.date) -> set[str]:
    return {attempt.contents[day] for attempt in attempts if attempt.outcome == "succeeded" and day in attempt.contents}


def _months(months: "dict[dt.date, str] | list[dt.date]") -> str:
    return ", ".join(f"{first:%Y-%m}" for first in sorted(months)) or "no month"
