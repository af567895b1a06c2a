"""The Glue job's own part: its arguments, what Dagster is told, and what the log shows. Spark is another's business:
`engines/test_glue_engine.py` runs the script as Glue does, `commands/test_glue.py` by hand."""

from __future__ import annotations

import datetime as dt
import io
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from glue_scripts import spark_tables
from glue_scripts.commit import BuiltDay, TableFiles, UnreadDays
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.playlist_tables import PIPES_ARGUMENT, main, parse_arguments
from spotify_assets.engines.engine import DaySources
from spotify_assets.engines.spark_runs import make_manifest
from spotify_assets.storage.object_store import ObjectStore

DAYS = [dt.date(2026, 1, 1), dt.date(2026, 1, 2)]
KEY = "staging/manifest.json"

Building = Callable[[Iterator[BuiltDay]], None]


@pytest.fixture
def arguments(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of a run over two dates, in a process whose Spark is none."""
    store.put(KEY, make_manifest("r1", "glue", [DaySources(day, ()) for day in DAYS]).to_json())
    spark = SimpleNamespace(builder=SimpleNamespace(appName=lambda _: SimpleNamespace(getOrCreate=lambda: None)))
    monkeypatch.setitem(sys.modules, "pyspark", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "pyspark.sql", SimpleNamespace(SparkSession=spark))
    return ["--lake", store.url().rstrip("/"), "--manifest", KEY]


@pytest.fixture
def building(monkeypatch: pytest.MonkeyPatch) -> Callable[[Iterator[BuiltDay]], None]:
    """Says what is built."""
    return lambda built: monkeypatch.setattr(spark_tables, "build", lambda *_: built)


def empty(day: dt.date) -> BuiltDay:
    tables = dict.fromkeys(LAKE_TABLES, TableFiles(()))
    return BuiltDay(day=day, run_id="r1-0", entries=0, quarantined=0, quarantine_key=None, tables=tables)


def test_arguments_of_others_are_left_alone_and_none_is_taken_for_ours() -> None:
    given = ["--JOB_NAME", "j", "--lake", "s3://bucket/lake", "--man", "theirs", "--manifest", "ours", "--lake-m", "x"]

    options = parse_arguments(given)

    assert vars(options) == {"lake": "s3://bucket/lake", "manifest": "ours", "lake_mirror": None}


@pytest.mark.parametrize("left_out", ["--lake", "--manifest"])
def test_a_run_without_its_lake_or_its_manifest_says_which(left_out: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"--lake": "s3://bucket/lake", "--manifest": "key"}
    del given[left_out]

    with pytest.raises(SystemExit):
        parse_arguments([part for pair in given.items() for part in pair])

    assert f"the following arguments are required: {left_out}" in capsys.readouterr().err


def test_dagster_is_told_of_each_date_and_then_of_those_that_could_not_be_read(
    arguments: list[str], building: Building, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built() -> Iterator[BuiltDay]:
        yield empty(DAYS[0])
        raise UnreadDays({DAYS[1]: "raw/a can't be read (refused)"})

    @contextmanager
    def opened(**_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(report_custom_message=told.append)

    told: list[Mapping[str, object]] = []
    monkeypatch.setattr("dagster_pipes.open_dagster_pipes", opened)
    monkeypatch.setattr("glue_scripts.playlist_tables.s3_client", lambda: None)
    building(built())

    main([*arguments, PIPES_ARGUMENT, "context"])

    assert told == [
        {"built_day": empty(DAYS[0]).to_record()},
        {"unread_days": {"2026-01-02": "raw/a can't be read (refused)"}},
    ]


def test_by_hand_what_is_done_is_in_the_log_before_anything_else_is_begun(
    arguments: list[str], building: Building, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is lost takes with it what its process had yet to write."""

    def built() -> Iterator[BuiltDay]:
        for day in DAYS:
            shown.append(log.getvalue().decode())
            yield empty(day)

    shown: list[str] = []
    log = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(log))
    building(built())

    main(arguments)

    begun = "run r1: 2 dates from 0 raw objects\n"
    assert shown == [begun, f"{begun}2026-01-01: 0 entries, 0 quarantined, committed\n"]
    assert [found.key for found in store.list("tables/_commits/")] == [
        f"tables/_commits/day={day}.json" for day in DAYS
    ]
