"""Snowpipe's sensor: what it reports of Snowflake's answers, once each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

import dagster as dg
import pytest

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.automation import snowpipe as automation
from spotify_assets.automation.snowpipe import FILES_CHECK, PIPE_CHECK, Answer, Cursor, Pipe, Report, report
from spotify_assets.definitions import build_defs
from spotify_assets.failures import PermanentError
from spotify_assets.names import PLAIN
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse import INTERACTIVE
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import snowpipe
from spotify_assets.warehouse.session import QueryTag, Row, Session, Value
from spotify_assets.warehouse.snowpipe import Arrival, LoadedFile, Overdue, PipeStatus
from spotify_assets_tests.warehouse.lake_files import commit_day, day, tables_of
from spotify_assets_tests.warehouse.test_landing import deliver, make_landing

NOW = dt.datetime.fromisoformat("2026-01-10T12:00:00")
RUNNING = PipeStatus("RUNNING", 0, None, None)
STATEMENTS_OF_A_DAY = (47, 50)
"""Sent when a date's commit is recorded, and when its rows are taken in."""

_Result = TypeVar("_Result")


def arrival(number: int, run: str = "run-1", rows: int = 7, *, at: dt.datetime = NOW) -> Arrival:
    return Arrival(at, "songs", day(number), run, rows)


def told(cursor: Cursor, *arrivals: Arrival, **pipes: Pipe) -> Report:
    return report(cursor, cursor.months, Answer(arrivals, pipes), NOW)


def test_an_arrived_date_is_reported_with_its_rows() -> None:
    (event,) = told(Cursor(), arrival(0)).materializations

    assert (event.asset_key, event.partition) == (PLAIN.warehouse("lake", "songs"), "2026-01-01")
    assert event.metadata["dagster/partition_row_count"].value == 7
    assert event.metadata["lake_run"].value == "run-1"


def test_a_long_history_is_reported_over_several_ticks() -> None:
    arrivals = [arrival(number) for number in range(automation.MAX_EVENTS + 3)]

    first = told(Cursor(), *arrivals)
    second = told(Cursor.parse(first.cursor.dump()), *[one for one in arrivals if one.mark > (first.cursor.mark or ())])

    assert (len(first.materializations), first.cursor.left) == (automation.MAX_EVENTS, 3)
    assert (len(second.materializations), second.cursor.left) == (3, 0)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "7", '{"recorded": {"2026-01-01": "etag"}}', '{"mark": 3}', '{"ask_at": "soon"}', '{"months": []}'],
)
def test_a_cursor_that_is_none_of_ours_starts_anew(text: str) -> None:
    assert Cursor.parse(text) == Cursor()


def test_the_cursor_of_ten_years_is_small() -> None:
    etags = {dt.date(2020, 1, 1) + dt.timedelta(days=number): f"etag-{number}" for number in range(3650)}

    cursor = Cursor(months=automation.fingerprints(etags), mark=arrival(0).mark)

    assert len(cursor.dump()) < 5_000
    assert Cursor.parse(cursor.dump()) == cursor


def test_what_does_not_arrive_is_asked_for_ever_more_slowly() -> None:
    waiting = Pipe(RUNNING, (), [Overdue(day(3), "run", NOW)])
    cursor, pauses = Cursor(), []
    for _ in range(8):
        cursor = told(cursor, songs=waiting).cursor
        pauses.append(cursor.pause)

    assert pauses[0] == automation.FIRST_PAUSE * 2
    assert pauses[-1] == automation.LONGEST_PAUSE
    assert cursor.ask_at == NOW + automation.LONGEST_PAUSE


def evaluations(pipe: Pipe) -> dict[str, dg.AssetCheckEvaluation]:
    return {result.check_name: result for result in automation.evaluations("songs", pipe, NOW)}


def test_a_rejected_file_fails_its_check_with_snowflakes_message() -> None:
    history = [LoadedFile("tables/songs/a.parquet", "Load failed", 0, "Error parsing the parquet file")]

    found = evaluations(Pipe(RUNNING, history, ()))[FILES_CHECK]

    assert not found.passed
    assert str(found.description).startswith(
        "Snowpipe takes every file: broken by 1 files: tables/songs/a.parquet: Load failed, Error parsing"
    )


def test_a_rejected_file_that_was_loaded_later_passes() -> None:
    history = [LoadedFile("a.parquet", "Load failed", 0, "busy"), LoadedFile("a.parquet", "Loaded", 5, None)]

    assert evaluations(Pipe(RUNNING, history, ()))[FILES_CHECK].passed


@pytest.mark.parametrize(
    ("pipe", "words"),
    [
        (Pipe(PipeStatus("PAUSED", 0, None, None), (), ()), "The pipe is PAUSED"),
        (Pipe(PipeStatus("STALLED_EXECUTION_ERROR", 0, None, "no access"), (), ()), "no access"),
        (Pipe(RUNNING, (), [Overdue(day(3), "run", NOW - dt.timedelta(hours=1))]), "snowflake refresh"),
        (Pipe(PipeStatus("RUNNING", 4, NOW - dt.timedelta(hours=2), None), (), ()), "4 files wait"),
    ],
)
def test_a_pipe_that_stands_still_is_reported_as_stale(pipe: Pipe, words: str) -> None:
    found = evaluations(pipe)[PIPE_CHECK]

    assert not found.passed
    assert str(found.description).startswith("the pipe delivers every commit: broken by ")
    assert words in str(found.description)


def test_a_commit_of_a_minute_ago_may_still_be_on_its_way() -> None:
    waiting = [Overdue(day(3), "run", NOW - dt.timedelta(minutes=1))]

    assert evaluations(Pipe(RUNNING, (), waiting))[PIPE_CHECK].passed


def test_check_results_are_reported_when_they_change_and_with_every_delivery() -> None:
    paused = Pipe(PipeStatus("PAUSED", 0, None, None), (), [Overdue(day(3), "run", NOW)])
    delivered = Pipe(None, (), ())

    first = told(Cursor(), songs=paused)
    second = told(first.cursor, songs=paused)
    third = told(second.cursor, arrival(3), songs=delivered)

    assert [(one.check_name, one.passed) for one in first.evaluations] == [(PIPE_CHECK, False)]
    assert second.evaluations == []
    assert {(one.check_name, one.passed) for one in third.evaluations} == {(PIPE_CHECK, True), (FILES_CHECK, True)}
    assert all("Snowflake was not asked" in str(one.description) for one in third.evaluations)
    assert all(not one.metadata for one in third.evaluations), "nothing is claimed that nobody said"


def test_pipe_status_is_read_as_snowflake_documents_it() -> None:
    text = json.dumps(
        {
            "executionState": "RUNNING",
            "pendingFileCount": 2,
            "oldestFileTimestamp": "2026-01-10T10:00:00.000Z",
            "notificationChannelName": "arn:aws:sqs:eu-west-1:1:q",
            "numOutstandingMessagesOnChannel": 1,
        }
    )

    assert snowpipe.parse_status(text) == PipeStatus("RUNNING", 2, dt.datetime.fromisoformat("2026-01-10T10:00"), None)

    with pytest.raises(PermanentError, match="no pipe status"):
        snowpipe.parse_status("null")


class Piped(EmbeddedWarehouse):
    """The embedded warehouse with the two answers that only Snowflake can give; it remembers what it was sent."""

    sent: ClassVar[list[str]] = []  # Dagster hands a copy of the resource to the sensor

    def run(self, work: Callable[[Session], _Result], tag: QueryTag = INTERACTIVE) -> _Result:
        def answered(session: Session) -> _Result:
            real = session.execute

            def execute(sql: str, params: Sequence[Value] = ()) -> list[Row]:
                self.sent.append(sql)
                if "SYSTEM$PIPE_STATUS" in sql:
                    return [(json.dumps({"executionState": "RUNNING", "pendingFileCount": 0}),)]
                if "COPY_HISTORY" in sql:
                    return [("tables/songs/a.parquet", "Loaded", 1, None, None)]
                return real(sql, params)

            session.execute = execute
            return work(session)

        return super().run(answered, tag)


class Watched:
    """A lake, its piped warehouse and the sensor over them, on a clock that the test sets."""

    def __init__(self, store: ObjectStore, folder: Path, instance: dg.DagsterInstance) -> None:
        self.store, self.instance = store, instance
        self.now = dt.datetime(2026, 1, 10, 12, tzinfo=dt.UTC)
        self.warehouse = Piped(folder=str(folder), database="SPOTIFY_ASSETS")
        make_landing(self.warehouse)
        self.cursor: str | None = None
        self.sensor = automation.snowpipe_sensor("after", dg.DefaultSensorStatus.STOPPED, clock=lambda: self.now)

    def tick(self, minutes: float = 2) -> dg.SensorResult | dg.SkipReason:
        """Two minutes later: what the sensor says; its cursor is kept as the daemon keeps it."""
        self.now += dt.timedelta(minutes=minutes)
        self.warehouse.sent.clear()
        resources = {"lake": LakeResource(url=self.store.url()), "warehouse": self.warehouse}
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor, resources=resources) as context:
            result = self.sensor(context)
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        if isinstance(result, dg.SensorResult):
            self.cursor = result.cursor
        return result

    def deliver(self, commit: Commit) -> None:
        """Snowpipe loads every file of the commit."""

        def arrive(session: Session) -> None:
            with session.stage(self.store, [key for table in LAKE_TABLES for key in commit.file_keys(table)]):
                for table in LAKE_TABLES:
                    for key in commit.file_keys(table):
                        deliver(session, table, key)

        self.warehouse.run(arrive)


@pytest.fixture
def watched(store: ObjectStore, tmp_path: Path) -> Iterator[Watched]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watched(store, tmp_path / "warehouse", instance)


def test_a_tick_records_commits_reports_arrivals_and_requests_one_run(watched: Watched, store: ObjectStore) -> None:
    commit = commit_day(store, day(0), "run", tables_of({"P": ["a"]}))

    before = watched.tick()
    watched.deliver(commit)
    after = watched.tick()
    again = watched.tick()

    assert isinstance(before, dg.SensorResult)
    assert isinstance(after, dg.SensorResult)
    assert before.run_requests == []
    events = [event for event in after.asset_events if isinstance(event, dg.AssetMaterialization)]
    assert {event.asset_key for event in events} == {PLAIN.warehouse("lake", table) for table in LAKE_TABLES}
    assert len(after.run_requests or ()) == 1
    assert isinstance(again, dg.SkipReason)


def test_a_quiet_hour_sends_nothing_that_could_wake_the_warehouse(watched: Watched, store: ObjectStore) -> None:
    commit = commit_day(store, day(0), "run", tables_of({"P": ["a"]}))
    watched.tick()
    watched.deliver(commit)
    watched.tick()

    sent = []
    for _ in range(30):
        watched.tick()
        sent += watched.warehouse.sent

    assert sent == []


HOURS = 8
"""After one it is the same every hour."""


def test_a_commit_that_never_arrives_wakes_the_warehouse_a_few_times_and_then_hourly(
    watched: Watched, store: ObjectStore
) -> None:
    commit_day(store, day(0), "run", tables_of({"P": ["a"]}))

    awake = []
    for _ in range(HOURS * 30):
        watched.tick()
        awake.append(bool(watched.warehouse.sent))

    assert sum(awake[:30]) <= 6
    assert sum(awake) <= 6 + HOURS


@pytest.mark.parametrize("playlists", [1, 40])
def test_a_day_costs_the_same_statements_however_many_playlists(
    watched: Watched, store: ObjectStore, playlists: int
) -> None:
    commit = commit_day(store, day(0), "run", tables_of({f"P{number}": ["a", "b"] for number in range(playlists)}))

    watched.tick()
    recorded = len(watched.warehouse.sent)
    watched.deliver(commit)
    watched.tick()
    taken_in = len(watched.warehouse.sent)

    assert (recorded, taken_in) == STATEMENTS_OF_A_DAY


def test_a_lost_cursor_reports_again_and_changes_nothing(watched: Watched, store: ObjectStore) -> None:
    commit = commit_day(store, day(0), "run", tables_of({"P": ["a"]}))
    watched.tick()
    watched.deliver(commit)
    first = watched.tick()
    held = watched.warehouse.all_loaded_runs(list(LAKE_TABLES))
    watched.cursor = "not a cursor"

    again = watched.tick()

    assert isinstance(first, dg.SensorResult)
    assert isinstance(again, dg.SensorResult)
    assert len(again.asset_events) == len(first.asset_events)
    assert [one.run_key for one in again.run_requests or ()] == [one.run_key for one in first.run_requests or ()]
    assert watched.warehouse.all_loaded_runs(list(LAKE_TABLES)) == held


def test_the_whole_graph_loads_in_snowpipe_mode_with_nobody_loading_the_lake_tables() -> None:
    settings = load_settings(
        {
            "SNOWFLAKE_ACCOUNT": "org-account",
            "SNOWFLAKE_USER": "U",
            "SNOWFLAKE_ROLE": "R",
            "SNOWFLAKE_WAREHOUSE": "W",
            "SNOWFLAKE_PRIVATE_KEY": "k",
            "LAKE_URL": "s3://bucket/lake",
            "SNOWFLAKE_LOAD": "snowpipe",
        }
    )

    defs = build_defs(settings)

    dg.Definitions.validate_loadable(defs)
    graph = defs.resolve_asset_graph()
    assert not any(graph.get(PLAIN.warehouse("lake", table)).is_executable for table in LAKE_TABLES)
    assert graph.get(PLAIN.warehouse("spotify", "songs")).is_executable
    checks = {key.name for key in graph.asset_check_keys if key.asset_key == PLAIN.warehouse("lake", "songs")}
    assert checks == {FILES_CHECK, PIPE_CHECK}
