"""The Glue Data Catalog as a Dagster resource: reading it, and making it what the commits say.

What a table or partition must look like belongs in `spotify_assets.lake.catalog_tables`; when to publish belongs in the
assets. Readers of the catalog (Athena, Spark, EMR) see a date's old run or its new one: a partition is switched by one
update, and the files of the superseded run stay until `vacuum`.
"""

import datetime as dt
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import dagster as dg
from pydantic import Field

from glue_scripts.commit import Commit
from glue_scripts.contract import Table
from glue_scripts.spans import slices
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.lake import catalog_tables
from spotify_assets.lake.catalog_tables import GlueShape, PartitionPlan
from spotify_assets.settings import Settings
from spotify_assets.storage.aws import aws_failures, client

_WRITE_CHUNK = 100
_READ_CHUNK = 1000
_READ_ATTEMPTS = 5


class CatalogResource(dg.ConfigurableResource):
    """One database of the Data Catalog, holding the lake's seven tables."""

    database: str = Field(description="Name of the database; made when it is missing")
    lake_url: str = Field(description="Where the lake is: s3://bucket/prefix")
    endpoint_url: str | None = Field(default=None, description="Instead of AWS's endpoint, for a test server")

    def publish_table(self, table: Table) -> list[str]:
        """Make the table's definition the contract's, database included; what was wrong with it before."""
        wanted = catalog_tables.table_input(table, self.lake_url)
        drift = catalog_tables.table_drift(wanted, self.find_table(table.name))
        if not drift:
            return []
        with aws_failures(f"Data Catalog table {self.database}.{table.name}"):
            self._create_or_update(wanted)
        return drift

    def publish_partitions(self, table: Table, commits: Mapping[dt.date, Commit]) -> PartitionPlan:
        """Make the partition of every date of `commits` that of its run: 100 dates a call, each switched at once.

        Returns what was done. Running it again changes nothing.
        """
        found = self.find_partitions(table.name, commits)
        plan = catalog_tables.plan_partitions(table, commits, found, self.lake_url)
        with aws_failures(f"Data Catalog partitions of {self.database}.{table.name}"):
            for chunk in slices(plan.create.items(), _WRITE_CHUNK):
                raced = self._create_partitions(table.name, dict(chunk))
                self._switch_partitions(table.name, raced)
            for chunk in slices(plan.switch.items(), _WRITE_CHUNK):
                self._switch_partitions(table.name, dict(chunk))
        return plan

    def remove_partitions(self, table: str, days: Iterable[dt.date]) -> int:
        """Remove the partitions of dates that have no commit; how many there were."""
        known = sorted(self.find_partitions(table, days))
        with aws_failures(f"Data Catalog partitions of {self.database}.{table}"):
            for chunk in slices(known, _WRITE_CHUNK):
                answer = self._glue.batch_delete_partition(
                    DatabaseName=self.database,
                    TableName=table,
                    PartitionsToDelete=[{"Values": [day.isoformat()]} for day in chunk],
                )
                self._raise_errors(table, answer)
        return len(known)

    def find_table(self, table: str) -> GlueShape | None:
        """The table's definition as it is, or None when it or the database is missing."""
        with aws_failures(f"Data Catalog table {self.database}.{table}"):
            try:
                return self._glue.get_table(DatabaseName=self.database, Name=table)["Table"]
            except self._glue.exceptions.EntityNotFoundException:
                return None

    def find_partitions(self, table: str, days: Iterable[dt.date]) -> dict[dt.date, GlueShape]:
        """The partitions of the given dates that exist. The table must exist."""
        found: dict[dt.date, GlueShape] = {}
        with aws_failures(f"Data Catalog partitions of {self.database}.{table}"):
            for chunk in slices(sorted(set(days)), _READ_CHUNK):
                wanted = [{"Values": [day.isoformat()]} for day in chunk]
                for partition in self._batch_get(table, wanted):
                    day = catalog_tables.partition_day(partition)
                    if day:
                        found[day] = partition
        return found

    def every_partition(self, table: str) -> dict[dt.date, GlueShape]:
        """Every partition of the table that is a date; empty when the table is missing."""
        found: dict[dt.date, GlueShape] = {}
        with aws_failures(f"Data Catalog partitions of {self.database}.{table}"):
            pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=self.database, TableName=table)
            try:
                for page in pages:
                    for partition in page["Partitions"]:
                        day = catalog_tables.partition_day(partition)
                        if day:
                            found[day] = partition
            except self._glue.exceptions.EntityNotFoundException:
                return {}
        return found

    def drift(self, table: Table, commits: Mapping[dt.date, Commit], *, whole_table: bool) -> dict[str, list[str]]:
        """What differs from the contract and the commits, by `table` or ISO date; empty when nothing does.

        With `whole_table`, `commits` are all there are, and a partition of any other date is a difference too.
        """
        differs: dict[str, list[str]] = {}
        existing = self.find_table(table.name)
        wrong = catalog_tables.table_drift(catalog_tables.table_input(table, self.lake_url), existing)
        if wrong:
            differs["table"] = wrong
        if existing is None:
            return differs
        found = self.every_partition(table.name) if whole_table else self.find_partitions(table.name, commits)
        for day, commit in sorted(commits.items()):
            wanted = catalog_tables.partition_input(table, commit, self.lake_url)
            if wrong := catalog_tables.partition_drift(wanted, found.get(day)):
                differs[day.isoformat()] = wrong
        for day in sorted(found.keys() - commits.keys()):
            differs[day.isoformat()] = ["the partition has no commit"]
        return differs

    def crawl(self, name: str, *, timeout: float = 3600.0, poll: float = 15.0) -> dict[str, Any]:
        """Start the crawler `name` (or join its running crawl) and wait for its end; its last crawl.

        `timeout` and `poll` in seconds. Raises PermanentError when it fails or is cancelled, TransientError on timeout.
        """
        deadline = time.monotonic() + timeout
        with aws_failures(f"Glue crawler {name}"):
            with suppress(self._glue.exceptions.CrawlerRunningException):  # a crawl under way is as good
                self._glue.start_crawler(Name=name)
            while (crawler := self._glue.get_crawler(Name=name)["Crawler"])["State"] != "READY":
                if time.monotonic() > deadline:
                    raise TransientError(f"Glue crawler {name} is {crawler['State']} after {timeout:.0f} s; try again.")
                time.sleep(poll)
        last = crawler.get("LastCrawl", {})
        if last.get("Status") != "SUCCEEDED":
            reason = last.get("ErrorMessage", "no reason given")
            raise PermanentError(f"Glue crawler {name} ended {last.get('Status', 'without a crawl')}: {reason}.")
        return last

    @property
    def _glue(self) -> Any:
        return client("glue", self.endpoint_url)

    def _create_or_update(self, wanted: GlueShape) -> None:
        try:
            self._glue.update_table(DatabaseName=self.database, TableInput=wanted)
        except self._glue.exceptions.EntityNotFoundException:
            self._create_database()
            try:
                self._glue.create_table(DatabaseName=self.database, TableInput=wanted)
            except self._glue.exceptions.AlreadyExistsException:
                self._glue.update_table(DatabaseName=self.database, TableInput=wanted)  # another run was faster

    def _create_database(self) -> None:
        try:
            self._glue.get_database(Name=self.database)
        except self._glue.exceptions.EntityNotFoundException:
            try:
                description = "The lake tables of spotify-assets, one partition per snapshot date"
                self._glue.create_database(DatabaseInput={"Name": self.database, "Description": description})
            except self._glue.exceptions.AlreadyExistsException:
                return  # another run was faster

    def _create_partitions(self, table: str, wanted: Mapping[dt.date, GlueShape]) -> dict[dt.date, GlueShape]:
        """Create partitions; those that another run created first come back, to be switched."""
        answer = self._glue.batch_create_partition(
            DatabaseName=self.database, TableName=table, PartitionInputList=list(wanted.values())
        )
        raced = {
            dt.date.fromisoformat(error["PartitionValues"][0])
            for error in answer.get("Errors", ())
            if error["ErrorDetail"]["ErrorCode"] == "AlreadyExistsException"
        }
        self._raise_errors(table, answer, ignored="AlreadyExistsException")
        return {day: wanted[day] for day in sorted(raced)}

    def _switch_partitions(self, table: str, wanted: Mapping[dt.date, GlueShape]) -> None:
        if not wanted:
            return
        answer = self._glue.batch_update_partition(
            DatabaseName=self.database,
            TableName=table,
            Entries=[
                {"PartitionValueList": partition["Values"], "PartitionInput": partition}
                for partition in wanted.values()
            ],
        )
        self._raise_errors(table, answer)

    def _batch_get(self, table: str, wanted: Sequence[GlueShape]) -> Iterator[GlueShape]:
        left = list(wanted)
        for attempt in range(_READ_ATTEMPTS):
            answer = self._glue.batch_get_partition(DatabaseName=self.database, TableName=table, PartitionsToGet=left)
            yield from answer.get("Partitions", ())
            left = answer.get("UnprocessedKeys", [])
            if not left:
                return
            time.sleep(0.2 * 2**attempt)
        raise TransientError(f"The Data Catalog left {len(left)} partitions of {table} unread; try again.")

    def _raise_errors(self, table: str, answer: Mapping[str, Any], *, ignored: str = "") -> None:
        errors = [error for error in answer.get("Errors", ()) if error_of(error)[0] != ignored]
        if errors:
            values = ", ".join(map(_values_of, errors[:5]))
            code, message = error_of(errors[0])
            raise TransientError(
                f"The Data Catalog refused {len(errors)} partitions of {self.database}.{table} ({values}): "
                f"{message} ({code}); materialize them again."
            )


def catalog_resource(settings: Settings) -> CatalogResource:
    """The Data Catalog the settings name."""
    return CatalogResource(
        database=settings.catalog_database, lake_url=settings.lake, endpoint_url=settings.aws_endpoint_url
    )


def error_of(error: Mapping[str, Any]) -> tuple[str, str]:
    """(code, message) of one entry of a batch call's errors."""
    detail = error.get("ErrorDetail", {})
    return detail.get("ErrorCode", ""), detail.get("ErrorMessage", "no reason given")


def _values_of(error: Mapping[str, Any]) -> str:
    return "/".join(error.get("PartitionValues") or error.get("PartitionValueList") or ["?"])
