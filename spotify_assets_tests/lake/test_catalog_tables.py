"""What the Data Catalog should hold, worked out from the contract and the commits."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

import pytest
from botocore import loaders, model
from botocore.validate import ParamValidator

from glue_scripts.commit import Commit, DataFile, TableFiles
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.lake.catalog_tables import (
    partition_drift,
    partition_input,
    plan_partitions,
    table_drift,
    table_input,
)

LAKE = "s3://bucket/lake"
DAY = dt.date(2026, 11, 21)
SONGS = LAKE_TABLES["songs"]


def commit(run_id: str, day: dt.date = DAY, rows: int = 3) -> Commit:
    files = (DataFile(f"tables/songs/run={run_id}/day={day}/0.parquet", rows, 10),) if rows else ()
    return Commit(
        day=day.isoformat(),
        run_id=run_id,
        engine="duckdb",
        committed_at="2026-11-21T06:00:00Z",
        sources=(),
        entries=rows,
        quarantined=0,
        quarantine_key=None,
        tables={"songs": TableFiles(files)},
    )


@pytest.mark.parametrize("name", LAKE_TABLES)
def test_a_table_fits_glues_own_model_and_limits(name: str) -> None:
    wanted = table_input(LAKE_TABLES[name], LAKE)
    assert not problems("TableInput", wanted)
    assert len(wanted["Description"]) <= 2048
    assert all(len(column["Comment"]) <= 255 for column in wanted["StorageDescriptor"]["Columns"])


def test_a_partition_fits_glues_own_model() -> None:
    assert not problems("PartitionInput", partition_input(SONGS, commit("a"), LAKE))


def test_the_types_and_comments_are_the_contracts() -> None:
    columns = table_input(SONGS, LAKE)["StorageDescriptor"]["Columns"]
    assert [(column["Name"], column["Type"]) for column in columns] == [
        (column.name, column.type.glue) for column in SONGS.columns
    ]
    assert all(column["Comment"] for column in columns)


def test_the_partition_column_is_no_column_of_any_table() -> None:
    for table in LAKE_TABLES.values():
        (key,) = table_input(table, LAKE)["PartitionKeys"]
        assert (key["Name"], key["Type"]) == ("day", "date")
        assert key["Name"] not in table.column_names


def test_a_partition_points_at_the_files_of_the_committed_run() -> None:
    wanted = partition_input(SONGS, commit("run-2"), LAKE)
    assert wanted["StorageDescriptor"]["Location"] == "s3://bucket/lake/tables/songs/run=run-2/day=2026-11-21/"
    assert wanted["Values"] == ["2026-11-21"]
    assert (wanted["Parameters"]["run_id"], wanted["Parameters"]["numRows"]) == ("run-2", "3")


def test_a_date_without_rows_still_has_its_partition() -> None:
    wanted = partition_input(SONGS, commit("a", rows=0), LAKE)
    assert wanted["Parameters"]["numRows"] == "0"
    assert wanted["StorageDescriptor"]["Location"].endswith("/run=a/day=2026-11-21/")


def test_what_is_already_right_is_left_alone() -> None:
    found = {DAY: partition_input(SONGS, commit("a"), LAKE)}
    plan = plan_partitions(SONGS, {DAY: commit("a")}, found, LAKE)
    assert (plan.changes, plan.unchanged) == (0, (DAY,))


def test_a_new_date_is_created_and_a_new_run_is_switched_to() -> None:
    other = dt.date(2026, 11, 20)
    found = {DAY: partition_input(SONGS, commit("a"), LAKE)}
    plan = plan_partitions(SONGS, {DAY: commit("b"), other: commit("c", other)}, found, LAKE)
    assert (list(plan.create), list(plan.switch)) == ([other], [DAY])


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("Description",), "mine", "type or description"),
        (("PartitionKeys", 0, "Type"), "string", "`day date`"),
        (("Parameters", "classification"), "csv", "classification is not parquet"),
        (("StorageDescriptor", "Location"), "s3://elsewhere/", "points at s3://elsewhere/"),
        (("StorageDescriptor", "Columns", 2, "Type"), "int", "columns are not the contract's"),
        (("StorageDescriptor", "Columns", 2, "Comment"), "mine", "comments are not"),
        (("StorageDescriptor", "SerdeInfo", "SerializationLibrary"), "org.csv", "not Parquet"),
    ],
)
def test_an_edit_by_hand_is_named(path: tuple[Any, ...], value: str, said: str) -> None:
    wanted = table_input(SONGS, LAKE)
    edited: Any = copy.deepcopy(wanted)
    *parents, last = path
    target = edited
    for step in parents:
        target = target[step]
    target[last] = value
    assert any(said in sentence for sentence in table_drift(wanted, edited))
    assert table_drift(wanted, wanted) == []


def test_what_glue_adds_to_a_table_is_no_drift() -> None:
    wanted = table_input(SONGS, LAKE)
    found = {**wanted, "CreateTime": dt.datetime(2026, 11, 21, tzinfo=dt.UTC), "VersionId": "3", "Retention": 0}
    found["Parameters"] = {**wanted["Parameters"], "transient_lastDdlTime": "1"}
    assert table_drift(wanted, found) == []


def test_changed_comments_do_not_make_every_partition_of_history_drift() -> None:
    found = copy.deepcopy(partition_input(SONGS, commit("a"), LAKE))
    found["StorageDescriptor"]["Columns"][0]["Comment"] = "last year's words"
    assert partition_drift(partition_input(SONGS, commit("a"), LAKE), found) == []


def test_a_missing_table_or_partition_is_drift() -> None:
    assert table_drift(table_input(SONGS, LAKE), None) == ["the table is missing"]
    assert partition_drift(partition_input(SONGS, commit("a"), LAKE), None) == ["the partition is missing"]


def problems(shape: str, value: dict[str, Any]) -> str:
    """What botocore's model of Glue has against `value` as a `shape`; empty when nothing."""
    service = model.ServiceModel(loaders.Loader().load_service_model("glue", "service-2"))
    return ParamValidator().validate(value, service.shape_for(shape)).generate_report()
