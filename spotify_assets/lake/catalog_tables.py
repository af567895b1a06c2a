"""The Glue Data Catalog as the contract and the commits want it: table and partition definitions, and what differs.

Pure functions over the shapes of the Glue API; sending them is `spotify_assets.resources.catalog`'s business. Nothing
here knows Dagster or boto3.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from glue_scripts.commit import Commit
from glue_scripts.contract import Table
from glue_scripts.spans import iso_date
from spotify_assets.lake import layout

PARTITION_COLUMN = "day"
"""The catalog's partition column. `snapshot_date` is a column inside the files, so it can't be that one too."""

_INPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"

GlueShape = dict[str, Any]
"""A structure of the Glue API, as boto3 takes and gives it."""


@dataclass(frozen=True)
class PartitionPlan:
    """What makes a table's partitions those of its commits."""

    create: Mapping[dt.date, GlueShape] = field(default_factory=dict)
    switch: Mapping[dt.date, GlueShape] = field(default_factory=dict)
    unchanged: tuple[dt.date, ...] = ()

    @property
    def changes(self) -> int:
        return len(self.create) + len(self.switch)


def table_input(table: Table, lake_url: str) -> GlueShape:
    """The `TableInput` of a lake table. Its location is the folder of all runs; only partitions are ever read."""
    return {
        "Name": table.name,
        "Description": table.description,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
        "PartitionKeys": [
            {"Name": PARTITION_COLUMN, "Type": "date", "Comment": "Snapshot date; filter by it to read only its files"}
        ],
        "StorageDescriptor": _storage(table, f"{lake_url}/{layout.TABLES_PREFIX}{table.name}/"),
    }


def partition_input(table: Table, commit: Commit, lake_url: str) -> GlueShape:
    """The `PartitionInput` of a date: the files of the run that its commit names."""
    day = dt.date.fromisoformat(commit.day)
    files = commit.tables[table.name].files if table.name in commit.tables else ()
    return {
        "Values": [commit.day],
        "StorageDescriptor": _storage(table, partition_location(table.name, commit.run_id, day, lake_url)),
        "Parameters": {
            "run_id": commit.run_id,
            "numRows": str(commit.rows(table.name)),
            "numFiles": str(len(files)),
            "totalSize": str(sum(file.size for file in files)),
        },
    }


def partition_location(table: str, run_id: str, day: dt.date, lake_url: str) -> str:
    """The URL of the files of a table, run and date."""
    return f"{lake_url}/{layout.table_run_prefix(table, run_id, day)}"


def table_drift(wanted: GlueShape, existing: Mapping[str, Any] | None) -> list[str]:
    """What differs between a table as it is and as the contract wants it; empty when nothing does."""
    if existing is None:
        return ["the table is missing"]
    drift = []
    if _columns(existing.get("PartitionKeys", ())) != _columns(wanted["PartitionKeys"]):
        drift.append("its partition column is not `day date`")
    if existing.get("TableType") != wanted["TableType"] or existing.get("Description") != wanted["Description"]:
        drift.append("its type or description was changed")
    missing = wanted["Parameters"].items() - (existing.get("Parameters") or {}).items()
    drift += [f"its parameter {name} is not {value}" for name, value in sorted(missing)]
    storage = existing.get("StorageDescriptor") or {}
    if _comments(storage.get("Columns", ())) != _comments(wanted["StorageDescriptor"]["Columns"]):
        drift.append("its column comments are not the contract's")
    return drift + _storage_drift(wanted["StorageDescriptor"], storage)


def partition_drift(wanted: GlueShape, existing: Mapping[str, Any] | None) -> list[str]:
    """What differs between a date's partition as it is and as its commit wants it; empty when nothing does."""
    if existing is None:
        return ["the partition is missing"]
    return _storage_drift(wanted["StorageDescriptor"], existing.get("StorageDescriptor") or {})


def plan_partitions(
    table: Table, commits: Mapping[dt.date, Commit], existing: Mapping[dt.date, Mapping[str, Any]], lake_url: str
) -> PartitionPlan:
    """What to create and what to switch so that the partitions of `commits` are theirs. `existing` is what exists."""
    create: dict[dt.date, GlueShape] = {}
    switch: dict[dt.date, GlueShape] = {}
    unchanged: list[dt.date] = []
    for day, commit in sorted(commits.items()):
        wanted = partition_input(table, commit, lake_url)
        if day not in existing:
            create[day] = wanted
        elif partition_drift(wanted, existing[day]):
            switch[day] = wanted
        else:
            unchanged.append(day)
    return PartitionPlan(create, switch, tuple(unchanged))


def partition_day(existing: Mapping[str, Any]) -> dt.date | None:
    """The date of a partition as Glue gives it, or None when somebody added one that is no date."""
    return iso_date(next(iter(existing.get("Values", ())), None))


def _storage(table: Table, location: str) -> GlueShape:
    return {
        "Columns": [
            {"Name": column.name, "Type": column.type.glue, "Comment": column.description} for column in table.columns
        ],
        "Location": location,
        "InputFormat": _INPUT_FORMAT,
        "OutputFormat": _OUTPUT_FORMAT,
        "SerdeInfo": {"SerializationLibrary": _SERDE, "Parameters": {"serialization.format": "1"}},
    }


def _storage_drift(wanted: GlueShape, existing: Mapping[str, Any]) -> list[str]:
    drift = []
    if existing.get("Location") != wanted["Location"]:
        drift.append(f"it points at {existing.get('Location')}, not {wanted['Location']}")
    if _columns(existing.get("Columns", ())) != _columns(wanted["Columns"]):
        drift.append("its columns are not the contract's")
    formats = ("InputFormat", "OutputFormat")
    serde = (existing.get("SerdeInfo") or {}).get("SerializationLibrary")
    if any(existing.get(name) != wanted[name] for name in formats) or serde != _SERDE:
        drift.append("its file format is not Parquet")
    return drift


def _columns(columns: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(column["Name"], column.get("Type", "")) for column in columns]


def _comments(columns: Iterable[Mapping[str, Any]]) -> list[str]:
    return [column.get("Comment", "") for column in columns]
