"""Parts of other libraries that we replace or subclass though they are private: each test fails when that can end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    GRPC_INFO_TAG,
    HIDDEN_TAG_PREFIX,
    PARTITION_NAME_TAG,
    REPOSITORY_LABEL_TAG,
)

import spotify_assets
from spotify_assets import private, run_launcher
from spotify_assets.automation import runs


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Any]:
    """A cursor of fakesnow as it is."""
    from fakesnow.instance import FakeSnow

    instance = FakeSnow(db_path=tmp_path)
    connection = instance.connect("SPOTIFY_ASSETS", "LAKE")
    yield connection.cursor()
    connection.close()
    instance.duck_conn.close()


def test_dagster_still_stores_the_events_of_a_batch_one_by_one_on_sqlite() -> None:
    """When its SQLite storage writes batches itself: drop local/event_log.py, and ADR 5 is superseded."""
    stores = {cls for cls in SqliteEventLogStorage.__mro__ if "store_event_batch" in vars(cls)}
    assert stores <= {EventLogStorage, SqlEventLogStorage}, f"stored in batches by {stores}"


@pytest.mark.parametrize(
    "method",
    [
        "prepare_insert_event_batch",
        "prepare_insert_event",
        "_store_asset_event_tags",
        "_store_asset_event",
        "_connect",
        "_initdb",
        "conn_string_for_shard",
    ],
)
def test_dagsters_sqlite_storage_still_has_the_parts_that_ours_is_made_of(method: str) -> None:
    """When a part is gone: read the new class before local/event_log.py is mended."""
    assert callable(getattr(SqliteEventLogStorage, method))


def test_fakesnow_still_cannot_merge_in_a_transaction_that_writes(plain: Any) -> None:
    """When it can: drop the cursor of resources/warehouse_embedded.py together with the next test's reason."""
    plain.execute("CREATE TABLE LAKE.T (id INT, n INT)")
    plain.execute("BEGIN")
    plain.execute("INSERT INTO LAKE.T VALUES (1, 1)")
    with pytest.raises(Exception, match=r"(?i)transaction"):
        plain.execute(
            "MERGE INTO LAKE.T AS t USING (SELECT 1 AS id, 2 AS n) AS s ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, s.n)"
        )


def test_fakesnow_still_cannot_take_a_comment_with_an_apostrophe(plain: Any) -> None:
    with pytest.raises(Exception, match=r"(?i)syntax|parser"):
        plain.execute("CREATE TABLE LAKE.T (id INT) COMMENT = 'the list''s'")


def test_fakesnow_still_cannot_open_a_folder_with_an_apostrophe(tmp_path: Path) -> None:
    """When it can: `_attach` of resources/warehouse_embedded.py can go."""
    from fakesnow.instance import FakeSnow

    folder = tmp_path / "Ann's"
    folder.mkdir()
    instance = FakeSnow(db_path=folder)
    with pytest.raises(Exception, match=r"(?i)syntax|parser"):
        instance.connect("SPOTIFY_ASSETS", "LAKE")
    instance.duck_conn.close()


PRIVATE: dict[str, str] = {
    "private.py": "here",
    "local/execution.py": "local/test_execution.py",
    "local/event_log.py": "here, and local/test_event_log.py",
    "local/instance.py": "commands/test_homes.py",
    "local/runs.py": "assets/test_verdicts.py",
    "run_launcher.py": "here, and production/test_postgres.py",
}
"""Every module that uses what Dagster does not promise, and the tests that tell when a new Dagster breaks it."""


def test_what_is_private_of_dagster_is_used_in_these_places_alone() -> None:
    package = Path(spotify_assets.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        imports = re.search(r"^ *(?:from|import) dagster(?:\._|_shared)", text, re.MULTILINE)
        if imports or re.search(r"\.event_log_storage\b|\.run_storage\b|[\"']\.dagster/|SYSTEM_METADATA", text):
            found.add(path.relative_to(package).as_posix())
    assert found == PRIVATE.keys()


def test_dagsters_tags_are_called_what_we_call_them() -> None:
    assert (private.HIDDEN_TAG, private.REPOSITORY_TAG) == (HIDDEN_TAG_PREFIX, REPOSITORY_LABEL_TAG)
    assert run_launcher.GRPC_INFO_TAG == GRPC_INFO_TAG
    assert (runs.RANGE_START_TAG, runs.RANGE_END_TAG) == (
        ASSET_PARTITION_RANGE_START_TAG,
        ASSET_PARTITION_RANGE_END_TAG,
    )
    assert runs.PARTITION_TAG == PARTITION_NAME_TAG


def test_the_history_of_a_check_is_newest_first_and_knows_its_runs() -> None:
    """Dagster's storage gives it; no public method does."""
    outcomes = iter((True, False))

    @dg.asset
    def table() -> None: ...

    @dg.asset_check(asset=table)
    def holds() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=next(outcomes))

    with dg.DagsterInstance.ephemeral() as instance:
        first, second = (dg.materialize([table, holds], instance=instance, raise_on_error=False) for _ in range(2))
        history = private.evaluation_history(instance, holds.check_key, 10)
        (latest,) = private.latest_evaluations(instance, [holds.check_key])

    assert [(each.run_id, each.evaluation.passed) for each in history] == [
        (second.run_id, False),
        (first.run_id, True),
    ]
    assert latest == history[0]


def test_a_job_has_the_assets_it_selects_and_not_what_they_read() -> None:
    """`JobDefinition.asset_selection` is None of a whole job."""

    @dg.asset
    def read() -> None: ...

    @dg.asset(deps=[read])
    def made() -> None: ...

    job = dg.Definitions([read, made], jobs=[dg.define_asset_job("only", dg.AssetSelection.assets(made))])

    assert private.job_assets(job.resolve_job_def("only")) == {dg.AssetKey("made")}


def test_metadata_of_many_partitions_is_what_dagster_adds_one_by_one() -> None:
    partitions = dg.StaticPartitionsDefinition(["a", "b", "c"])
    by_partition = {"a": {"rows": 1, "bytes": 2}, "c": {"rows": 3}}

    def materialized(add: Callable[[dg.AssetExecutionContext], None]) -> dict[str | None, dict[str, Any]]:
        @dg.asset(partitions_def=partitions, backfill_policy=dg.BackfillPolicy.single_run())
        def table(context) -> None:
            context.add_asset_metadata({"rows": 0, "files": 1}, partition_key="a")
            add(context)
            context.add_asset_metadata({"owner": "x"}, partition_key="c")

        tags = {"dagster/asset_partition_range_start": "a", "dagster/asset_partition_range_end": "c"}
        events = dg.materialize([table], tags=tags).asset_materializations_for_node("table")
        return {one.partition: {name: value.value for name, value in one.metadata.items()} for one in events}

    def one_by_one(context: dg.AssetExecutionContext) -> None:
        for partition, metadata in by_partition.items():
            context.add_asset_metadata(metadata, partition_key=partition)

    together = materialized(
        lambda context: private.add_metadata_by_partition(context, dg.AssetKey("table"), by_partition)
    )

    assert together == materialized(one_by_one)
    assert together["a"]["rows"] == 1
    assert together["a"]["files"] == 1
