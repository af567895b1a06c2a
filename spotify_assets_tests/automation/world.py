"""A lake, a Dagster instance and a clock for sensor tests, with jobs that commit dates without transforming anything.

The jobs carry the real names, partitions and run tags; a run writes commits as a build would, loads "tables" as a load
would, and fails when a test says so. `World.tick` does to a sensor what the daemon does: it keeps the cursor, skips run
keys that exist, and launches.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test

from glue_scripts.commit import Commit, TableFiles
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.automation import jobs, maintenance
from spotify_assets.automation.runs import dates_of
from spotify_assets.executors import IN_PROCESS
from spotify_assets.failures import PlatformError
from spotify_assets.lake import layout, state
from spotify_assets.lake.layout import RawKey
from spotify_assets.local.execution import execute
from spotify_assets.resources.lake import LakeResource
from spotify_assets.retries import retried
from spotify_assets.storage.object_store import ObjectStore

START = dt.date(2024, 1, 1)
NOW = dt.datetime.now(dt.UTC)
"""Runs end at the real time, which the world's clock must not be ahead of; tests move it on from here."""
TODAY = NOW.date()
LOCATION = "spotify_assets"
"""The code location of the sensors; others may share the instance."""

Before = Callable[[dt.date], None]


def days_ago(count: int) -> dt.date:
    return TODAY - dt.timedelta(days=count)


def put_raw(
    store: ObjectStore,
    day: dt.date,
    playlist: str = "p1",
    *,
    at: dt.time = dt.time(6),
    run: str = "r1",
    content: bytes = b"x",
) -> str:
    """Write a raw object; its key. The content is nobody's business here."""
    key = str(RawKey(day, playlist, dt.datetime.combine(day, at, dt.UTC), run))
    store.put(key, content)
    return key


def commit(
    store: ObjectStore,
    day: dt.date,
    run_id: str = "run-0",
    *,
    sources: bool = True,
    tables: Mapping[str, TableFiles] | None = None,
) -> Commit:
    """Commit a date, built from its current raw objects (or from nothing)."""
    found = state.read_current_sources(store, [day])[day] if sources else ()
    record = Commit(
        day=day.isoformat(),
        run_id=run_id,
        engine="duckdb",
        committed_at="2026-11-21T12:00:00Z",
        sources=found,
        entries=0,
        quarantined=0,
        quarantine_key=None,
        tables=tables or {},
    )
    store.put(layout.commit_key(day), record.to_json())
    return record


@dataclass
class World:
    """Everything a sensor sees, and what its runs did: `built` has (date, sources) of every commit, in order.

    `idle` has the builds that found nothing to do.
    """

    lake: LakeResource
    instance: dg.DagsterInstance
    now: dt.datetime = NOW
    before_build: Before = lambda day: None
    cursors: dict[str, str] = field(default_factory=dict)
    built: list[tuple[dt.date, tuple[str, ...]]] = field(default_factory=list)
    runs: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    idle: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    quick: bool = False
    loaded: dict[str, dict[dt.date, str]] = field(default_factory=lambda: {table: {} for table in LAKE_TABLES})

    @property
    def store(self) -> ObjectStore:
        return self.lake.store

    def clock(self) -> dt.datetime:
        return self.now

    def evaluate(self, sensor: dg.SensorDefinition, **resources: object) -> dg.SensorResult:
        """One evaluation, of which nothing is kept."""
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(sensor.name),
            sensor_name=sensor.name,
            repository_name="__repository__",
            resources={"lake": self.lake, **resources},
        )
        context._code_location_origin = RegisteredCodeLocationOrigin(LOCATION)  # as the code server builds it
        found = sensor(context)
        assert isinstance(found, dg.SensorResult)
        return found

    def tick(self, sensor: dg.SensorDefinition, *, launch: bool = True, **resources: object) -> dg.SensorResult:
        """One evaluation as the daemon does it: runs are launched, then the cursor is kept."""
        result = self.evaluate(sensor, **resources)
        if launch:
            self.launch(sensor, result)
        self.keep(sensor, result)
        return result

    def keep(self, sensor: dg.SensorDefinition, result: dg.SensorResult) -> None:
        if result.cursor is not None:
            self.cursors[sensor.name] = result.cursor
        if result.skip_reason is not None:
            self.skipped.append(str(result.skip_reason.skip_message))

    def launch(self, sensor: dg.SensorDefinition, result: dg.SensorResult) -> None:
        for request in result.run_requests or ():
            known = self.instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": str(request.run_key)}))
            if any(run.tags.get("dagster/sensor_name") == sensor.name for run in known):
                continue
            (self.run_quickly if self.quick else self.run)(request, sensor.name)

    def run(self, request: dg.RunRequest, sensor_name: str) -> None:
        """Execute a request for real, with the tags the daemon gives it."""
        assert request.job_name
        partition = {"dagster/partition": request.partition_key} if request.partition_key else {}
        tags = {
            **request.tags,
            **partition,
            "dagster/run_key": str(request.run_key),
            "dagster/sensor_name": sensor_name,
        }
        job = self.definitions().resolve_job_def(request.job_name)
        result = execute(job, self.instance, tags=tags, run_config=request.run_config, location=LOCATION)
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        self.runs.append((request.job_name, result.run_id, dict(run.tags)))

    def run_quickly(self, request: dg.RunRequest, sensor_name: str) -> None:
        """What `run` does, without Dagster's executor: for simulations of hundreds of runs."""
        assert request.job_name
        partition = {"dagster/partition": request.partition_key} if request.partition_key else {}
        tags = {
            **request.tags,
            **partition,
            "dagster/run_key": str(request.run_key),
            "dagster/sensor_name": sensor_name,
        }
        run = create_run_for_test(
            self.instance,
            job_name=request.job_name,
            status=dg.DagsterRunStatus.STARTED,
            tags=tags,
            remote_job_origin=origin(request.job_name),
        )
        days = sorted(dates_of(tags))
        try:
            if request.job_name == jobs.BUILD:
                self.build(days, run.run_id)
            else:
                self.load(days)
        except PlatformError as error:
            self.instance.report_run_failed(run, str(error))
        else:
            self.instance.report_dagster_event(
                dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, request.job_name), run.run_id
            )
        self.runs.append((request.job_name, run.run_id, tags))

    def pretend(
        self, status: dg.DagsterRunStatus, job: str = jobs.BUILD, *, location: str = LOCATION, **tags: str
    ) -> str:
        """A run in a given state, of this location or of another one that shares the instance; its id."""
        return create_run_for_test(
            self.instance, job_name=job, status=status, tags=tags, remote_job_origin=origin(job, location)
        ).run_id

    def definitions(self) -> dg.Definitions:
        world = self
        partitions = dg.DailyPartitionsDefinition(START.isoformat(), timezone="UTC", end_offset=400)

        @dg.asset(name="built", partitions_def=partitions, backfill_policy=dg.BackfillPolicy.single_run())
        @retried
        def built(context: dg.AssetExecutionContext) -> None:
            world.build([dt.date.fromisoformat(key) for key in context.partition_keys], context.run_id)

        @dg.asset(name="loaded", partitions_def=partitions, backfill_policy=dg.BackfillPolicy.single_run())
        @retried
        def loaded(context: dg.AssetExecutionContext) -> None:
            world.load([dt.date.fromisoformat(key) for key in context.partition_keys])

        tags = {"dagster/max_retries": "0"}
        return dg.Definitions(
            assets=[built, loaded],
            jobs=[
                dg.define_asset_job(jobs.BUILD, [built], run_tags=tags),
                dg.define_asset_job(jobs.LOAD, [loaded], run_tags=tags),
                *maintenance.maintenance_jobs(),
            ],
            resources={"lake": self.lake},
            executor=IN_PROCESS,
            loggers={"console": dg.colored_console_logger.configured({"log_level": "CRITICAL"})},
        )

    def build(self, days: list[dt.date], run_id: str) -> None:
        """What a build does: every date that is stale, or of which a file is lost, is committed, one after the other,
        unless a test stops it."""
        sources = state.read_current_sources(self.store, days)
        commits = state.read_commits(self.store, days)
        lost = [day for day in state.lost_files(self.store, commits) if sources[day]]
        stale = sorted({*state.stale_days(sources, commits), *lost})
        if not stale:
            self.idle.append(run_id)
        for day in stale:
            self.before_build(day)
            record = Commit(
                day=day.isoformat(),
                run_id=run_id,
                engine="duckdb",
                committed_at="2026-11-21T12:00:00Z",
                sources=sources[day],
                entries=0,
                quarantined=0,
                quarantine_key=None,
                tables={},
            )
            self.store.put(layout.commit_key(day), record.to_json())
            self.built.append((day, tuple(f"{each.key} {each.etag}" for each in sources[day])))

    def load(self, days: list[dt.date]) -> None:
        """What a load does: every table holds the run of the commit."""
        for day, record in state.read_commits(self.store, days).items():
            self.before_build(day)
            for runs in self.loaded.values():
                runs[day] = record.run_id

    def stale(self, first: dt.date = START, last: dt.date = TODAY) -> list[dt.date]:
        """What is stale, by comparing everything with everything."""
        days = [day for day in state.raw_days(self.store) if first <= day <= last]
        return state.stale_days(state.read_current_sources(self.store, days), state.read_commits(self.store, days))


def origin(job: str, location: str = LOCATION) -> RemoteJobOrigin:
    """Where a run of `job` comes from when the daemon launches it."""
    return RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__"), job)


@contextmanager
def world_on(lake: LakeResource) -> Iterator[World]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield World(lake, instance)
