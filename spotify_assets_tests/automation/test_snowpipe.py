"""Snowpipe's sensor: what it reports of Snowflake's answers, once each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import dagster as dg
import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.assets.warehouse import table_key
from spotify_assets.automation import snowpipe as automation
from spotify_assets.automation.snowpipe import FILES_CHECK, PIPE_CHECK, Cursor, Pipe, plan
from spotify_assets.definitions import build_defs
from spotify_assets.failures import PermanentError
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse import INTERACTIVE
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import snowpipe
from spotify_assets.warehouse.session import QueryTag, Row, Session, Value
from spotify_assets.warehouse.snowpipe import LoadedFile, Overdue, PipeStatus, Shown
from spotify_assets_tests.warehouse.lake_files import commit_day, day, tables_of
from spotify_assets_tests.warehouse.test_landing import deliver, make_landing

NOW = dt.datetime.fromisoformat("2026-01-10T12:00:00")
RUNNING = PipeStatus("RUNNING", 0, None, None)
QUIET = Pipe(RUNNING, (), ())
_Result = TypeVar("_Result")


def test_an_arrived_date_is_reported_once_with_its_rows() -> None:
    shown = {"songs": {day(0): Shown("run-1", 7)}}

    first = plan(Cursor(), shown, {}, NOW)
    second = plan(Cursor.parse(first.cursor.dump()), shown, {}, NOW)

    (event,) = first.materializations
    assert (event.asset_key, event.partition) == (table_key("lake", "songs"), "2026-01-01")
    assert event.metadata["dagster/partition_row_count"].value == 7
    assert second.materializations == []


def test_a_new_run_of_a_date_is_reported_again() -> None:
    first = plan(Cursor(), {"songs": {day(0): Shown("run-1", 7)}}, {}, NOW)

    second = plan(first.cursor, {"songs": {day(0): Shown("run-2", 5)}}, {}, NOW)

    assert [event.metadata["lake_run"].value for event in second.materializations] == ["run-2"]


def test_a_long_history_is_reported_over_several_ticks() -> None:
    shown = {"songs": {day(n): Shown("run", 1) for n in range(automation.MAX_EVENTS + 3)}}

    first = plan(Cursor(), shown, {}, NOW)
    second = plan(first.cursor, shown, {}, NOW)

    assert (len(first.materializations), first.left) == (automation.MAX_EVENTS, 3)
    assert (len(second.materializations), second.left) == (3, 0)


def evaluations(pipe: Pipe) -> dict[str, dg.AssetCheckEvaluation]:
    return {found.check_name: found for found in plan(Cursor(), {}, {"songs": pipe}, NOW).evaluations}


def test_a_rejected_file_fails_its_check_with_snowflakes_message() -> None:
    history = [LoadedFile("tables/songs/a.parquet", "Load failed", 0, "Error parsing the parquet file")]

    found = evaluations(Pipe(RUNNING, history, ()))[FILES_CHECK]

    assert not found.passed
    assert found.description == "tables/songs/a.parquet: Load failed, Error parsing the parquet file"


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
    assert str(found.description).startswith("Stale: ")
    assert words in str(found.description)


def test_a_commit_of_a_minute_ago_may_still_be_on_its_way() -> None:
    waiting = [Overdue(day(3), "run", NOW - dt.timedelta(minutes=1))]

    assert evaluations(Pipe(RUNNING, (), waiting))[PIPE_CHECK].passed


def test_check_results_are_reported_when_they_change_and_not_on_every_tick() -> None:
    first = plan(Cursor(), {}, {"songs": QUIET}, NOW)
    second = plan(first.cursor, {}, {"songs": QUIET}, NOW)
    third = plan(second.cursor, {}, {"songs": Pipe(PipeStatus("PAUSED", 0, None, None), (), ())}, NOW)

    assert [len(found.evaluations) for found in (first, second, third)] == [2, 0, 1]


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
    """The embedded warehouse with the two answers that only Snowflake can give."""

    def run(self, work: Callable[[Session], _Result], tag: QueryTag = INTERACTIVE) -> _Result:
        def answered(session: Session) -> _Result:
            real = session.execute

            def execute(sql: str, params: Sequence[Value] = ()) -> list[Row]:
                if "SYSTEM$PIPE_STATUS" in sql:
                    return [(json.dumps({"executionState": "RUNNING", "pendingFileCount": 0}),)]
                if "COPY_HISTORY" in sql:
                    return [("tables/songs/a.parquet", "Loaded", 1, None, None)]
                return real(sql, params)

            session.execute = execute
            return work(session)

        return super().run(answered, tag)


def test_a_tick_records_commits_reports_arrivals_and_requests_one_run(store: ObjectStore, tmp_path: Path) -> None:
    warehouse = Piped(folder=str(tmp_path / "warehouse"), database="SPOTIFY_ASSETS")
    make_landing(warehouse)
    commit = commit_day(store, day(0), "run", tables_of({"P": ["a"]}))
    sensor = automation.snowpipe_sensor("after", dg.DefaultSensorStatus.STOPPED)
    resources = {"lake": LakeResource(url=store.url()), "warehouse": warehouse}
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> dg.SensorResult:
            context = dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources)
            result = sensor(context)
            assert isinstance(result, dg.SensorResult)
            return result

        before = tick(None)

        def arrive(session: Session) -> None:
            with session.stage(store, [key for table in LAKE_TABLES for key in commit.file_keys(table)]):
                for table in LAKE_TABLES:
                    for key in commit.file_keys(table):
                        deliver(session, store, table, key)

        warehouse.run(arrive)
        arrived = tick(before.cursor)
        after = tick(arrived.cursor)

    assert [type(event) for event in before.asset_events].count(dg.AssetMaterialization) == 0
    events = [event for event in arrived.asset_events if isinstance(event, dg.AssetMaterialization)]
    assert {event.asset_key for event in events} == {table_key("lake", table) for table in LAKE_TABLES}
    assert len(arrived.run_requests or []) == 1
    assert not after.run_requests
    assert not after.asset_events


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
    assert not any(graph.get(table_key("lake", table)).is_executable for table in LAKE_TABLES)
    assert graph.get(table_key("spotify", "songs")).is_executable
    checks = {key.name for key in graph.asset_check_keys if key.asset_key == table_key("lake", "songs")}
    assert checks == {FILES_CHECK, PIPE_CHECK}
