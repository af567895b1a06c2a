"""The Glue Data Catalog as a Dagster resource: reading it, and making it what the commits say.

What a table or partition must look like belongs in `spotify_assets.lake.catalog_tables`; when to publish belongs in the
assets. Readers of the catalog (Athena, Spark, EMR) see a date's old run or its new one: a partition is switched by one
update, and the files of the superseded run stay until `vacuum`.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr
from tenacity import RetryError, retry_if_result, wait_fixed

from glue_scripts.commit import Commit
from glue_scripts.contract import Table
from glue_scripts.spans import slices
from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.lake import catalog_tables
from spotify_assets.lake.catalog_tables import GlueShape, PartitionPlan
from spotify_assets.settings import Settings
from spotify_assets.storage.aws import AwsConflict, AwsNotFound, aws_failures, client, failure
from spotify_assets.waiting import SYSTEM_CLOCK, Clock, again

_WRITE_CHUNK = 100
_READ_CHUNK = 1000
_ALREADY_EXISTS = "AlreadyExistsException"


class CatalogResource(dg.ConfigurableResource):
    """One database of the Data Catalog, holding the lake's seven tables."""

    database: str = Field(description="Name of the database; made when it is missing")
    lake_url: str = Field(description="Where the lake is: s3://bucket/prefix")
    endpoint_url: str | None = Field(default=None, description="Instead of AWS's endpoint, for a test server")

    _clock: Clock = PrivateAttr(default_factory=lambda: SYSTEM_CLOCK)

    def examine(self) -> str:
        """What the database is, in a few words; it is made by the first date that is published."""
        what = f"Data Catalog database {self.database}"
        try:
            with aws_failures(what):
                self._glue.get_database(Name=self.database)
        except AwsNotFound:
            return f"{self.database} is not there yet: the first date that is published makes it"
        return f"{self.database} answers"

    def publish_table(self, table: Table) -> list[str]:
        """Make the table's definition the contract's, database included; what was wrong with it before."""
        wanted = catalog_tables.table_input(table, self.lake_url)
        drift = catalog_tables.table_drift(wanted, self.find_table(table.name))
        if drift:
            self._create_or_update(table.name, wanted)
        return drift

    def publish_partitions(self, table: Table, commits: Mapping[dt.date, Commit]) -> PartitionPlan:
        """Make the partition of every date of `commits` that of its run: 100 dates a call, each switched at once.

        Returns what was done. Running it again changes nothing.
        """
        existing = self.find_partitions(table.name, commits)
        plan = catalog_tables.plan_partitions(table, commits, existing, self.lake_url)
        for chunk in slices(plan.create.items(), _WRITE_CHUNK):
            raced = self._create_partitions(table.name, dict(chunk))
            self._switch_partitions(table.name, raced)
        for chunk in slices(plan.switch.items(), _WRITE_CHUNK):
            self._switch_partitions(table.name, dict(chunk))
        return plan

    def remove_partitions(self, table: str, days: Iterable[dt.date]) -> int:
        """Remove the partitions of dates that have no commit; how many there were."""
        known = sorted(self.find_partitions(table, days))
        for chunk in slices(known, _WRITE_CHUNK):
            wanted = [{"Values": [day.isoformat()]} for day in chunk]
            self._raise_errors(table, self._call("batch_delete_partition", table, PartitionsToDelete=wanted))
        return len(known)

    def find_table(self, table: str) -> GlueShape | None:
        """The table's definition as it is, or None when it or the database is missing."""
        what = f"Data Catalog table {self.database}.{table}"
        try:
            with aws_failures(what):
                return self._glue.get_table(DatabaseName=self.database, Name=table)["Table"]
        except AwsNotFound:
            return None

    def find_partitions(self, table: str, days: Iterable[dt.date]) -> dict[dt.date, GlueShape]:
        """The partitions of the given dates that exist. The table must exist."""
        partitions = (
            partition
            for chunk in slices(sorted(set(days)), _READ_CHUNK)
            for partition in self._batch_get(table, [{"Values": [day.isoformat()]} for day in chunk])
        )
        return _by_day(partitions)

    def every_partition(self, table: str) -> dict[dt.date, GlueShape]:
        """Every partition of the table that is a date; empty when the table is missing."""
        pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=self.database, TableName=table)
        try:
            with aws_failures(f"Data Catalog partitions of {self.database}.{table}"):
                return _by_day(partition for page in pages for partition in page["Partitions"])
        except AwsNotFound:
            return {}

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
        registered = self.every_partition(table.name) if whole_table else self.find_partitions(table.name, commits)
        for day, commit in sorted(commits.items()):
            wanted = catalog_tables.partition_input(table, commit, self.lake_url)
            if wrong := catalog_tables.partition_drift(wanted, registered.get(day)):
                differs[day.isoformat()] = wrong
        for day in sorted(registered.keys() - commits.keys()):
            differs[day.isoformat()] = ["the partition has no commit"]
        return differs

    def crawl(self, name: str, *, timeout: float = 3600.0, poll: float = 15.0) -> dict[str, Any]:
        """Start the crawler `name` (or join its running crawl) and wait for its end; its last crawl.

        `timeout` and `poll` in seconds. Raises PermanentError when it fails or is cancelled, TransientError on timeout.
        """
        with suppress(AwsConflict), aws_failures(f"Glue crawler {name}"):  # a crawl under way is as good
            self._glue.start_crawler(Name=name)
        patient = again(
            retry_if_result(lambda crawler: crawler["State"] != "READY"),
            wait=wait_fixed(poll),
            seconds=timeout,
            clock=self._clock,
        )
        try:
            crawler = patient(self._crawler, name)
        except RetryError as error:
            state = error.last_attempt.result()["State"]
            raise TransientError(f"Glue crawler {name} is {state} after {timeout:.0f} s", remedy="try again") from None
        last = crawler.get("LastCrawl", {})
        if last.get("Status") != "SUCCEEDED":
            reason = last.get("ErrorMessage", "no reason given")
            raise PermanentError(f"Glue crawler {name} ended {last.get('Status', 'without a crawl')}: {reason}.")
        return last

    def _crawler(self, name: str) -> dict[str, Any]:
        with aws_failures(f"Glue crawler {name}"):
            return self._glue.get_crawler(Name=name)["Crawler"]

    @property
    def _glue(self) -> Any:
        return client("glue", self.endpoint_url)

    def _call(self, operation: str, table: str, **request: object) -> Mapping[str, Any]:
        """One call about the partitions of a table. Raises the failures of `storage.aws`."""
        with aws_failures(f"Data Catalog partitions of {self.database}.{table}"):
            return getattr(self._glue, operation)(DatabaseName=self.database, TableName=table, **request)

    def _create_or_update(self, table: str, wanted: GlueShape) -> None:
        what, place = f"Data Catalog table {self.database}.{table}", {"DatabaseName": self.database}
        with suppress(AwsNotFound), aws_failures(what):
            self._glue.update_table(**place, TableInput=wanted)
            return
        self._create_database()
        with suppress(AwsConflict), aws_failures(what):
            self._glue.create_table(**place, TableInput=wanted)
            return
        with aws_failures(what):  # another run was faster
            self._glue.update_table(**place, TableInput=wanted)

    def _create_database(self) -> None:
        with suppress(AwsNotFound), aws_failures(f"Data Catalog database {self.database}"):
            self._glue.get_database(Name=self.database)
            return
        with suppress(AwsConflict), aws_failures(f"Data Catalog database {self.database}"):  # another run was faster
            description = "The lake tables of spotify-assets, one partition per snapshot date"
            self._glue.create_database(DatabaseInput={"Name": self.database, "Description": description})

    def _create_partitions(self, table: str, wanted: Mapping[dt.date, GlueShape]) -> dict[dt.date, GlueShape]:
        """Create partitions; those that were there already come back, to be switched."""
        answer = self._call("batch_create_partition", table, PartitionInputList=list(wanted.values()))
        there = {
            dt.date.fromisoformat(error["PartitionValues"][0])
            for error in answer.get("Errors", ())
            if error["ErrorDetail"]["ErrorCode"] == _ALREADY_EXISTS
        }
        self._raise_errors(table, answer, ignored=_ALREADY_EXISTS)
        return {day: wanted[day] for day in sorted(there)}

    def _switch_partitions(self, table: str, wanted: Mapping[dt.date, GlueShape]) -> None:
        if wanted:
            entries = [{"PartitionValueList": one["Values"], "PartitionInput": one} for one in wanted.values()]
            self._raise_errors(table, self._call("batch_update_partition", table, Entries=entries))

    def _batch_get(self, table: str, wanted: Sequence[GlueShape]) -> Iterator[GlueShape]:
        """The partitions among `wanted` that there are.

        `UnprocessedKeys` are, by the API reference, partitions that were not returned: MiniStack names missing ones
        there, moto leaves them out, and one that could not be read may be among them. So what is named is asked for
        once more, and what is left then counts as absent; creating it finds out if it is not.
        """
        left = list(wanted)
        for _ in range(2):
            answer = self._call("batch_get_partition", table, PartitionsToGet=left)
            yield from answer.get("Partitions", ())
            left = answer.get("UnprocessedKeys", [])
            if not left:
                return

    def _raise_errors(self, table: str, answer: Mapping[str, Any], *, ignored: str = "") -> None:
        """Raise the failure that the first of a batch's errors is, naming the partitions of all."""
        details = [(error, error.get("ErrorDetail", {})) for error in answer.get("Errors", ())]
        errors = [(error, detail) for error, detail in details if detail.get("ErrorCode") != ignored]
        if errors:
            values = ", ".join(_values_of(error) for error, _ in errors[:5])
            what = f"The Data Catalog refused {len(errors)} partitions of {self.database}.{table} ({values})"
            first = errors[0][1]
            raise failure(what, first.get("ErrorCode", ""), first.get("ErrorMessage", "no reason given"))


def catalog_resource(settings: Settings) -> CatalogResource:
    """The Data Catalog the settings name."""
    return CatalogResource(
        database=settings.catalog_database or "", lake_url=settings.lake, endpoint_url=settings.aws_endpoint_url
    )


def _by_day(partitions: Iterable[GlueShape]) -> dict[dt.date, GlueShape]:
    """Partitions by their date; one that somebody added and that is no date is left out."""
    return {day: partition for partition in partitions if (day := catalog_tables.partition_day(partition))}


def _values_of(error: Mapping[str, Any]) -> str:
    return "/".join(error.get("PartitionValues") or error.get("PartitionValueList") or ["?"])
