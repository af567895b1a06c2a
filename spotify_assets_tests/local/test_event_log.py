"""The batching event log against Dagster's own: the same run leaves the same events, in fewer transactions."""

import datetime as dt
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.base import AssetRecord
from sqlalchemy import Engine, event

from spotify_assets.checks.by_date import evaluated
from spotify_assets.local.event_log import BATCH_SIZE, BatchingSqliteEventLogStorage
from spotify_assets.local.instance import dagster_home, local_instance
from spotify_assets.settings import load_settings

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-02-10")
FIRST_LAST = {"dagster/asset_partition_range_start": "2026-01-01", "dagster/asset_partition_range_end": "2026-02-09"}
KEYS = [dg.AssetKey("songs"), dg.AssetKey("albums")]


@dg.multi_asset(
    specs=[
        dg.AssetSpec(key, metadata={"dagster/column_schema": dg.TableSchema([dg.TableColumn("id")])}, tags={"a": "b"})
        for key in KEYS
    ],
    check_specs=[dg.AssetCheckSpec("complete", asset=KEYS[0])],
    partitions_def=DAYS,
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def tables(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    for key in KEYS:
        for day in context.partition_keys:
            context.add_asset_metadata({"rows": int(day[-2:])}, asset_key=key, partition_key=day)
        checks = [dg.AssetCheckResult(passed=True, check_name="complete")] if key == KEYS[0] else []
        yield dg.MaterializeResult(asset_key=key, check_results=checks, data_version=dg.DataVersion("7"))


@contextmanager
def stock_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@contextmanager
def counted_transactions() -> Iterator[Counter[str]]:
    """How many transactions SQLAlchemy commits."""
    counts: Counter[str] = Counter()

    def count(_connection: object) -> None:
        counts["commits"] += 1

    event.listen(Engine, "commit", count)
    try:
        yield counts
    finally:
        event.remove(Engine, "commit", count)


@contextmanager
def reads_of_records() -> Iterator[Counter[str]]:
    """How often the records of assets are read from the index."""
    counts: Counter[str] = Counter()

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        counts["reads"] += "last_materialization" in statement and statement.startswith("SELECT asset_keys.")

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield counts
    finally:
        event.remove(Engine, "before_cursor_execute", count)


def run(instance: dg.DagsterInstance) -> tuple[str, int]:
    """(id, transactions) of one run over forty dates."""
    with counted_transactions() as counts:
        result = dg.materialize([tables], instance=instance, tags=FIRST_LAST)
    assert result.success
    return result.run_id, counts["commits"]


def told(instance: dg.DagsterInstance, run_id: str) -> dict[str, object]:
    """Everything the instance tells of the run and its assets, without ids and times."""
    records = instance.get_records_for_run(run_id, limit=5_000).records
    by_asset = {
        (key.to_user_string(), kind.value): [
            (
                record.partition_key,
                record.asset_materialization and dict(record.asset_materialization.metadata),
                record.asset_materialization and _tags(record.asset_materialization),
            )
            for record in instance.event_log_storage.get_event_records(
                dg.EventRecordsFilter(kind, asset_key=key), ascending=True
            )
        ]
        for key in KEYS
        for kind in (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    }
    newest = {}
    for record in instance.get_asset_records(KEYS):
        entry = record.asset_entry
        assert entry.last_run_id == run_id
        assert entry.last_materialization is not None
        newest[entry.asset_key] = entry.last_materialization.get_dagster_event().partition
        (last,) = instance.fetch_materializations(entry.asset_key, limit=1).records
        assert (entry.last_materialization_storage_id, newest[entry.asset_key]) == (last.storage_id, last.partition_key)
    return {
        "log": Counter(_line(record.event_log_entry) for record in records),
        "by_asset": by_asset,
        "newest": newest,
        "partitions": {key: sorted(instance.get_materialized_partitions(key)) for key in KEYS},
        "checks": [
            check.status.value
            for check in instance.event_log_storage.get_asset_check_execution_history(
                dg.AssetCheckKey(KEYS[0], "complete"), limit=10
            )
        ],
    }


def schema(instance: dg.DagsterInstance, run_id: str) -> list[tuple[object, ...]]:
    """The tables of a run's database, its migrations' number and how it is written."""
    assert isinstance(instance.event_log_storage, SqliteEventLogStorage)
    with sqlite3.connect(instance.event_log_storage.path_for_shard(run_id)) as database:
        return [
            *database.execute("SELECT name, sql FROM sqlite_master ORDER BY name"),
            *database.execute("SELECT version_num FROM alembic_version"),
            *database.execute("PRAGMA journal_mode"),
        ]


def _tags(materialization: dg.AssetMaterialization) -> dict[str, str]:
    own = {"dagster/code_version"}  # the run's id where nothing else is set
    return {name: value for name, value in (materialization.tags or {}).items() if name not in own}


def _line(entry: dg.EventLogEntry) -> tuple[str | None, str | None, str | None]:
    found = entry.dagster_event
    if found is None:
        return None, None, entry.user_message
    return found.event_type_value, found.asset_key and found.asset_key.to_user_string(), found.partition


def test_a_run_leaves_the_events_of_the_stock_storage_in_a_fraction_of_the_transactions(tmp_path: Path) -> None:
    settings = load_settings({"SPOTIFY_ASSETS_HOME": str(tmp_path / "ours")})
    with stock_instance(tmp_path / "stock") as instance:
        run_id, stock_transactions = run(instance)
        expected, tables = told(instance, run_id), schema(instance, run_id)
    with local_instance(settings) as instance:
        assert isinstance(instance.event_log_storage, BatchingSqliteEventLogStorage)
        run_id, transactions = run(instance)
        assert told(instance, run_id) == expected
        assert schema(instance, run_id) == tables
    assert transactions < stock_transactions / 4

    # The same files, read by the stock class.
    storage = SqliteEventLogStorage(str(dagster_home(settings) / "history" / "runs"))
    assert storage.get_materialized_partitions(KEYS[0]) == set(DAYS.get_partition_keys()[:40])


@dg.asset_check(asset=KEYS[1], partitions_def=DAYS)
def even(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    def judge(days: Sequence[dt.date]) -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=all(day.day % 2 == 0 for day in days))

    return evaluated(context, [dt.date.fromisoformat(day) for day in context.partition_keys], judge)


def evaluations(home: Path) -> list[tuple[object, ...]]:
    """The evaluations that the index of a DAGSTER_HOME holds, as another process reads it; the last three are 1."""
    with sqlite3.connect(home / "history" / "runs" / "index.db") as database:
        return database.execute(
            """
            SELECT checks.check_name, checks.partition, checks.execution_status, made.partition,
                checks.evaluation_event = told.event, checks.run_id = told.run_id,
                checks.evaluation_event_timestamp = told.timestamp
            FROM asset_check_executions checks
            JOIN event_logs told ON told.id = checks.evaluation_event_storage_id
            LEFT JOIN event_logs made ON made.id = checks.materialization_event_storage_id
            ORDER BY checks.check_name, checks.partition, checks.id
            """
        ).fetchall()


def test_evaluations_date_by_date_are_what_the_stock_storage_records(tmp_path: Path) -> None:
    settings = load_settings({"SPOTIFY_ASSETS_HOME": str(tmp_path / "ours")})
    lines = []
    for opened in (stock_instance(tmp_path / "stock"), local_instance(settings)):
        with opened as instance, counted_transactions() as counts:
            result = dg.materialize([tables, even], instance=instance, tags=FIRST_LAST)
            lines.append([_line(entry) for entry in instance.all_logs(result.run_id)])
        lines.append(counts["commits"])
    stock_lines, stock_transactions, our_lines, our_transactions = lines
    expected = evaluations(tmp_path / "stock")

    assert evaluations(dagster_home(settings)) == expected
    days = DAYS.get_partition_keys()[:40]
    by_date = [(day, "FAILED" if int(day[-2:]) % 2 else "SUCCEEDED", day) for day in days]
    assert [row[1:4] for row in expected if row[0] == "even"] == by_date
    assert {row[4:] for row in expected} == {(1, 1, 1)}
    assert [line for line in our_lines if line[0]] == [line for line in stock_lines if line[0]]
    assert our_transactions < stock_transactions / 4


def test_checks_that_a_run_planned_and_never_came_to_are_what_the_stock_storage_records(tmp_path: Path) -> None:
    """The UI tells from them that a check is due, or that its run failed before it."""

    @dg.asset(name="songs", check_specs=[dg.AssetCheckSpec("complete", asset="songs")], partitions_def=DAYS)
    def songs() -> dg.MaterializeResult:
        raise ValueError("before the check")

    @dg.asset(name="albums", deps=[songs], partitions_def=DAYS)
    def albums() -> None: ...

    settings = load_settings({"SPOTIFY_ASSETS_HOME": str(tmp_path / "ours")})
    for opened in (stock_instance(tmp_path / "stock"), local_instance(settings)):
        with opened as instance:
            where = {"partition_key": "2026-01-03", "raise_on_error": False}
            assert not dg.materialize([songs, albums, even], instance=instance, **where).success  # pyright: ignore[reportArgumentType]
    expected = evaluations(tmp_path / "stock")

    assert evaluations(dagster_home(settings)) == expected
    assert [row[:3] for row in expected] == [("complete", "2026-01-03", "PLANNED"), ("even", "2026-01-03", "PLANNED")]


def test_an_evaluation_is_there_for_whoever_asks_or_writes_and_the_last_one_counts(tmp_path: Path) -> None:
    settings = load_settings({"SPOTIFY_ASSETS_HOME": str(tmp_path)})

    def evaluation(partition: str | None, *, passed: bool) -> dg.EventLogEntry:
        made = dg.AssetCheckEvaluation(
            asset_key=KEYS[1], check_name="even", passed=passed, metadata={}, partition=partition
        )
        told = dg.DagsterEvent("ASSET_CHECK_EVALUATION", "a job", event_specific_data=made)
        return dg.EventLogEntry(None, "info", "", run_id, 1.0, job_name="a job", dagster_event=told)

    def statuses() -> list[tuple[object, ...]]:
        return [row[1:3] for row in evaluations(dagster_home(settings))]

    with local_instance(settings) as instance:
        run_id, storage = run(instance)[0], instance.event_log_storage
        before = statuses()
        for partition, passed in (("x", False), (None, False), ("x", True), (None, True)):
            storage.store_event(evaluation(partition, passed=passed))
        history = storage.get_asset_check_execution_history(dg.AssetCheckKey(KEYS[1], "even"), limit=9)
        assert [record.status.value for record in history] == ["SUCCEEDED"] * 2
        assert sorted(map(str, statuses())) == sorted(map(str, [*before, ("x", "SUCCEEDED"), (None, "SUCCEEDED")]))
        storage.store_event(evaluation("x", passed=False))
    assert ("x", "FAILED") in statuses(), "written when the instance closes"
    assert len(statuses()) == len(before) + 2


def test_what_is_remembered_of_assets_is_what_the_stock_storage_reads(tmp_path: Path) -> None:
    """A run asks for records between what it writes; others write meanwhile, and assets are wiped."""
    settings = load_settings({"SPOTIFY_ASSETS_HOME": str(tmp_path)})
    with local_instance(settings) as instance:
        storage, stock = instance.event_log_storage, SqliteEventLogStorage(f"{dagster_home(settings)}/history/runs")

        def remembered() -> dict[dg.AssetKey, AssetRecord]:
            found = {record.asset_entry.asset_key: record for record in storage.get_asset_records(KEYS)}
            assert found == {record.asset_entry.asset_key: record for record in stock.get_asset_records(KEYS)}
            return found

        assert remembered() == {}
        first, _ = run(instance)
        with reads_of_records() as reads:
            assert {record.asset_entry.last_run_id for record in remembered().values()} == {first}
        assert reads["reads"] == 1, "the other class's: here the run has asked already"
        with reads_of_records() as reads:
            second, _ = run(instance)
            entries = [record.asset_entry for record in storage.get_asset_records(KEYS)]
        assert {entry.last_run_id for entry in entries} == {second}
        assert reads["reads"] == 0, "what is written here is not read back"
        remembered()
        instance.report_runless_asset_event(dg.AssetObservation(KEYS[0], metadata={"seen": 1}))
        instance.report_runless_asset_event(dg.AssetMaterialization(KEYS[1], metadata={"by": "hand"}))
        assert remembered()[KEYS[1]].asset_entry.last_run_id == ""
        with dg.DagsterInstance.from_config(str(dagster_home(settings))) as other:
            third, _ = run(other)
        assert {record.asset_entry.last_run_id for record in remembered().values()} == {third}
        instance.wipe_assets([KEYS[0]])
        assert {*remembered()} == {KEYS[1]}
        run(instance)
        assert {*remembered()} == {*KEYS}


def test_a_batch_of_many_runs_and_kinds_is_stored_whole(tmp_path: Path) -> None:
    settings = load_settings({"SPOTIFY_ASSETS_HOME": str(tmp_path)})
    with local_instance(settings) as instance:
        runs = [run(instance)[0] for _ in range(2)]
        entries = [
            record.event_log_entry
            for run_id in runs
            for record in instance.get_records_for_run(run_id, limit=5_000).records
        ]
        before = told(instance, runs[1])
        assert len({entry.run_id for entry in entries}) == 2
        instance.wipe()
        instance.event_log_storage.store_event_batch(entries)
        after = told(instance, runs[1])
        assert {name: after[name] for name in ("log", "checks")} == {name: before[name] for name in ("log", "checks")}
        assert len(instance.get_records_for_run(runs[0], limit=5_000).records) == len(entries) // 2


def test_a_batch_of_the_largest_size_fits_one_statement(tmp_path: Path) -> None:
    settings = load_settings({"SPOTIFY_ASSETS_HOME": str(tmp_path)})
    with local_instance(settings) as instance:
        run_id, _ = run(instance)
        one = next(
            record.event_log_entry
            for record in instance.get_records_for_run(run_id, limit=5_000).records
            if record.event_log_entry.dagster_event_type == dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        before = len(instance.get_records_for_run(run_id, limit=5_000).records)
        instance.event_log_storage.store_event_batch([one] * BATCH_SIZE)
        assert len(instance.get_records_for_run(run_id, limit=5_000).records) == before + BATCH_SIZE


def test_dagster_home_is_set_meanwhile_and_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = load_settings({"SPOTIFY_ASSETS_HOME": str(tmp_path / "ours")})
    with local_instance(settings):
        assert os.environ["DAGSTER_HOME"] == str(dagster_home(settings, apart=True))
    assert "DAGSTER_HOME" not in os.environ


def test_a_home_made_by_version_0_1_opens_and_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its dagster.yaml names the event log where it lay before the layers got folders of their own."""
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(tmp_path))
    settings = load_settings()
    config = dagster_home(settings) / "dagster.yaml"
    text = config.read_text()
    assert "spotify_assets.local.event_log" in text
    config.write_text(text.replace("spotify_assets.local.event_log", "spotify_assets.local_event_log"))

    with local_instance(settings) as instance:
        run_id, _commits = run(instance)

        assert isinstance(instance.event_log_storage, BatchingSqliteEventLogStorage)
        assert instance.get_run_by_id(run_id) is not None
