"""Athena as a Dagster resource: run a query, wait, give typed rows and what it cost; and the saved queries.

What to ask belongs to the callers; the saved queries' text is under `spotify_assets/sql/athena`. A query never outlives
who asked: on any exit but success, termination of the Dagster run included, it is stopped.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr
from tenacity import RetryError, retry_if_result, wait_exponential

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.settings import Settings
from spotify_assets.storage.aws import AwsRefused, aws_failures, client
from spotify_assets.waiting import SYSTEM_CLOCK, Clock, again

if TYPE_CHECKING:
    import pandas as pd

USD_PER_TERABYTE = 5.0
"""AWS's list price in most regions; a query is charged for at least 10 MB. What is shown is an estimate."""

_CHARGED_AT_LEAST = 10 * 2**20
_TERABYTE = 2**40
_SHORTEST_WAIT = 0.2
_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
_PAGE = 1000

Value = str | int | float | bool | Decimal | dt.date | dt.datetime | None


@dataclass(frozen=True)
class AthenaResult:
    """A finished query: its columns' names, its typed rows, and what it took (bytes, seconds, US dollars)."""

    query_id: str
    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]
    bytes_scanned: int
    seconds: float
    cost_usd: float
    url: str

    def metadata(self) -> dict[str, dg.MetadataValue]:
        """What Dagster shows and plots of a query."""
        return {
            "athena_bytes_scanned": dg.MetadataValue.int(self.bytes_scanned),
            "athena_seconds": dg.MetadataValue.float(self.seconds),
            "athena_cost_usd": dg.MetadataValue.float(self.cost_usd),
            "athena_query": dg.MetadataValue.url(self.url),
        }

    def frame(self) -> pd.DataFrame:
        """The rows as a pandas frame with the columns' names."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=list(self.columns))


@dataclass(frozen=True)
class NamedQuery:
    """A saved query: the first comment of its file is what it answers."""

    name: str
    description: str
    sql: str


class AthenaResource(dg.ConfigurableResource):
    """Queries over one database of the Data Catalog, in one workgroup."""

    database: str = Field(description="Data Catalog database that unqualified tables are in")
    workgroup: str = Field(description="Workgroup; it decides where results go and how much a query may scan")
    endpoint_url: str | None = Field(default=None, description="Instead of AWS's endpoint, for a test server")
    poll_seconds: float = Field(default=5.0, gt=0, description="Longest wait between two looks at a running query")
    timeout_seconds: float = Field(default=600.0, gt=0, description="A query that runs longer is stopped")

    _clock: Clock = PrivateAttr(default_factory=lambda: SYSTEM_CLOCK)

    def query(self, sql: str, parameters: Sequence[str] = ()) -> AthenaResult:
        """Run one statement and wait for its end. `parameters` are SQL literals for its `?` placeholders.

        Raises PermanentError when the statement is wrong or would scan more than the workgroup allows, TransientError
        when Athena failed or took longer than `timeout_seconds`. Stops the query on any exit but success.
        """
        with aws_failures(f"Athena workgroup {self.workgroup}"):
            query_id = self._start(sql, parameters)
            try:
                execution = self._wait(query_id)
            except BaseException:  # Dagster's termination included: nobody would read the answer
                self._athena.stop_query_execution(QueryExecutionId=query_id)
                raise
            if execution["Status"]["State"] != "SUCCEEDED":
                raise _failure(execution, self._url(query_id))
            columns, rows = self._fetch(query_id, execution)
        statistics = execution.get("Statistics", {})
        scanned = statistics.get("DataScannedInBytes", 0)
        return AthenaResult(
            query_id=query_id,
            columns=columns,
            rows=rows,
            bytes_scanned=scanned,
            seconds=statistics.get("TotalExecutionTimeInMillis", 0) / 1000,
            cost_usd=cost_usd(scanned, execution.get("StatementType", "DML")),
            url=self._url(query_id),
        )

    def examine(self) -> str:
        """What the workgroup is, in a few words. Raises the failures of `storage.aws` when it is not there, and
        AwsRefused when it has no place for results, in which no query can end well."""
        with aws_failures(f"Athena workgroup {self.workgroup}"):
            answer = self._athena.get_work_group(WorkGroup=self.workgroup)["WorkGroup"]
        configuration = answer.get("Configuration", {})
        results = configuration.get("ResultConfiguration", {}).get("OutputLocation")
        managed = configuration.get("ManagedQueryResultsConfiguration", {}).get("Enabled")
        if not results and not managed:
            raise AwsRefused(
                f"Athena workgroup {self.workgroup} has no output location, so every query in it fails",
                remedy="give it one, or set ATHENA_WORKGROUP to the one of infra/aws.yaml (output AthenaWorkgroup)",
            )
        limit = configuration.get("BytesScannedCutoffPerQuery")
        bounded = f", a query may scan {int(limit) / 2**30:.1f} GiB" if limit else ", a query may scan anything"
        return f"workgroup {self.workgroup}, results at {results or 'AWS'}{bounded}"

    def publish(self, queries: Sequence[NamedQuery]) -> list[str]:
        """Save the queries in the workgroup under their names; the names of those that were new or differed."""
        with aws_failures(f"Athena workgroup {self.workgroup}"):
            saved = {query["Name"]: query for query in self._saved()}
            changed = []
            for query in queries:
                known = saved.get(query.name)
                if known is None:
                    self._athena.create_named_query(
                        Name=query.name,
                        Description=query.description,
                        Database=self.database,
                        QueryString=query.sql,
                        WorkGroup=self.workgroup,
                    )
                elif known["QueryString"] != query.sql or known.get("Description") != query.description:
                    self._athena.update_named_query(
                        NamedQueryId=known["NamedQueryId"],
                        Name=query.name,
                        Description=query.description,
                        QueryString=query.sql,
                    )
                else:
                    continue
                changed.append(query.name)
            return changed

    @property
    def _athena(self) -> Any:
        return client("athena", self.endpoint_url)

    def _start(self, sql: str, parameters: Sequence[str]) -> str:
        optional = {"ExecutionParameters": list(parameters)} if parameters else {}
        return self._athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            WorkGroup=self.workgroup,
            **optional,
        )["QueryExecutionId"]

    def _wait(self, query_id: str) -> dict[str, Any]:
        patient = again(
            retry_if_result(lambda execution: execution["Status"]["State"] not in _ENDED),
            wait=wait_exponential(multiplier=_SHORTEST_WAIT, exp_base=1.5, max=self.poll_seconds),
            seconds=self.timeout_seconds,
            clock=self._clock,
        )
        try:
            return patient(self._execution, query_id)
        except RetryError as error:
            state = error.last_attempt.result()["Status"]["State"]
            raise TransientError(
                f"Athena query {query_id} is {state} after {self.timeout_seconds:.0f} s and was stopped. "
                f"{self._url(query_id)}",
                remedy="filter by `day`, or try again",
            ) from None

    def _execution(self, query_id: str) -> dict[str, Any]:
        return self._athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]

    def _fetch(self, query_id: str, execution: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[Value, ...]]]:
        columns: tuple[str, ...] = ()
        readers: list[Callable[[str], Value]] = []
        rows: list[tuple[Value, ...]] = []
        pages = self._athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=query_id, PaginationConfig={"PageSize": _PAGE}
        )
        for number, page in enumerate(pages):
            if number == 0:
                described = page["ResultSet"].get("ResultSetMetadata", {}).get("ColumnInfo", [])
                columns = tuple(column["Name"] for column in described)
                readers = [_reader(column["Type"]) for column in described]
            raw = page["ResultSet"].get("Rows", [])
            # Only SELECTs repeat the names as the first row of the first page.
            skipped = 1 if number == 0 and execution.get("StatementType", "DML") == "DML" else 0
            rows += [_typed(row, readers) for row in raw[skipped:]]
        return columns, rows

    def _saved(self) -> Iterator[dict[str, Any]]:
        for page in self._athena.get_paginator("list_named_queries").paginate(WorkGroup=self.workgroup):
            for query_id in page.get("NamedQueryIds", []):
                yield self._athena.get_named_query(NamedQueryId=query_id)["NamedQuery"]

    def _url(self, query_id: str) -> str:
        region = self._athena.meta.region_name
        return f"https://{region}.console.aws.amazon.com/athena/home?region={region}#/query-editor/history/{query_id}"


def athena_resource(settings: Settings) -> AthenaResource:
    """Athena over the database the settings name."""
    return AthenaResource(
        database=settings.catalog_database or "",
        workgroup=settings.athena_workgroup or "",
        endpoint_url=settings.aws_endpoint_url,
    )


def run_query(settings: Settings, sql: str) -> AthenaResult:
    """One statement on the configured Athena, for the command line.

    Raises PermanentError when Athena is not set up, and as `AthenaResource.query` does.
    """
    if settings.athena_workgroup is None:
        raise PermanentError(
            "Athena is not set up here",
            remedy="set LAKE_URL to s3://bucket/prefix, GLUE_DATABASE and ATHENA_WORKGROUP, or ask the warehouse "
            "without --on athena",
        )
    return athena_resource(settings).query(sql)


def cost_usd(bytes_scanned: int, statement_type: str = "DML") -> float:
    """The estimated price of a query; DDL and an answer from metadata alone are free."""
    if statement_type != "DML" or bytes_scanned == 0:
        return 0.0
    return max(bytes_scanned, _CHARGED_AT_LEAST) / _TERABYTE * USD_PER_TERABYTE


def named_queries() -> list[NamedQuery]:
    """The saved queries under `spotify_assets/sql/athena`, by name."""
    folder = resources.files("spotify_assets") / "sql" / "athena"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [_named_query(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files]


def _named_query(name: str, text: str) -> NamedQuery:
    comment = re.match(r"(?:--[^\n]*\n)+", text)
    if comment is None:
        raise ValueError(f"sql/athena/{name}.sql does not start with a comment that says what it answers")
    description = " ".join(line.removeprefix("--").strip() for line in comment[0].splitlines())
    return NamedQuery(name, description, text[comment.end() :].strip())


def _failure(execution: Mapping[str, Any], url: str) -> PermanentError | TransientError:
    status = execution["Status"]
    error = status.get("AthenaError", {})
    reason = error.get("ErrorMessage") or status.get("StateChangeReason") or "no reason given"
    ended = "failed" if status["State"] == "FAILED" else "was cancelled"
    message = f"Athena query {ended}: {reason.rstrip('.')}."
    if error.get("Retryable") or error.get("ErrorCategory") == 1:  # 1 is Athena's own fault, 2 the query's
        return TransientError(f"{message} Try again. {url}")
    if "bytes scanned limit" in reason.lower():
        return PermanentError(f"{message} Filter by `day`, or raise the workgroup's AthenaScanLimitBytes. {url}")
    return PermanentError(f"{message} {url}")


def _typed(row: Mapping[str, Any], readers: Sequence[Callable[[str], Value]]) -> tuple[Value, ...]:
    cells = [cell.get("VarCharValue") for cell in row["Data"]]
    return tuple(None if cell is None else read(cell) for cell, read in zip(cells, readers, strict=True))


def _reader(athena_type: str) -> Callable[[str], Value]:
    return _READERS.get(athena_type.lower().partition("(")[0].strip(), str)


def _timestamp(text: str) -> dt.datetime:
    """`2026-11-21 06:00:00.000`, with ` UTC` behind it when it has a zone."""
    moment = dt.datetime.fromisoformat(text.removesuffix(" UTC"))
    return moment.replace(tzinfo=dt.UTC) if text.endswith(" UTC") else moment


_READERS: dict[str, Callable[[str], Value]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "int", "bigint"), int),
    **dict.fromkeys(("float", "real", "double"), float),
    "decimal": Decimal,
    "boolean": partial(str.__eq__, "true"),
    "date": dt.date.fromisoformat,
    "timestamp": _timestamp,
    "timestamp with time zone": _timestamp,
}
