"""The warehouse as a Dagster resource: one interface for its two implementations.

Nothing outside `resources/` knows which warehouse it talks to; `root` picks one. How to connect belongs in the
implementations, what is sent belongs in `spotify_assets.warehouse`.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeVar

import dagster as dg

from spotify_assets.warehouse import schema, state
from spotify_assets.warehouse.session import Params, QueryTag, Session, Value

if TYPE_CHECKING:
    import pandas as pd

_Result = TypeVar("_Result")

INTERACTIVE = QueryTag("interactive")


class WarehouseResource(dg.ConfigurableResource, ABC):
    """Where tables are loaded and computed. `database` is the one every statement runs in."""

    database: str

    @property
    @abstractmethod
    def location(self) -> str:
        """Where the database is, for people: an account or a file."""

    @abstractmethod
    def session(self, tag: QueryTag = INTERACTIVE) -> AbstractContextManager[Session]:
        """An open connection; always closed on leaving. Don't open a second one inside."""

    @abstractmethod
    def query_url(self, query_id: str) -> str | None:
        """A link to a statement's page, where there is one."""

    def credits(self, seconds: float) -> float | None:
        """What so many seconds of statements cost in credits, estimated; None where nothing is billed."""
        del seconds
        return None

    def run(self, work: Callable[[Session], _Result], tag: QueryTag = INTERACTIVE) -> _Result:
        """Do `work` on a connection. It must be repeatable: a warehouse may do it again on a new connection."""
        with self.session(tag) as session:
            return work(session)

    def release(self) -> None:
        """Let go of what a run keeps of it: for who needs it no more in this run, and memory for something else."""

    def impatient(self) -> WarehouseResource:
        """The same warehouse for a sensor: one that fails within seconds where another process holds it."""
        return self

    def query(self, sql: str, params: Params = ()) -> pd.DataFrame:
        """The result of a SELECT as a frame with lower-case column names; see `Session.frame`."""
        return self.run(lambda session: session.frame(sql, params))

    def execute(self, sql: str, params: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Send one statement on its own; its result rows."""
        return self.run(lambda session: session.execute(sql, params))

    def loaded_runs(self, table: str) -> dict[dt.date, str]:
        """The run that `LAKE.<table>` holds, by date; empty before the first load."""
        return self.all_loaded_runs([table])[table]

    def all_loaded_runs(self, tables: Sequence[str]) -> dict[str, dict[dt.date, str]]:
        """The run that each of the given lake tables holds, by date, in one connection; one that is gone holds none."""

        def read(session: Session) -> dict[str, dict[dt.date, str]]:
            schema.prepare(session, [("lake", schema.LOADS)])
            return {
                table: state.loaded_runs(session, table) if schema.exists(session, "lake", table) else {}
                for table in tables
            }

        return self.run(read, QueryTag("loaded_runs"))

    def agreed_runs(self, tables: Sequence[str]) -> dict[dt.date, str]:
        """The run that all the given lake tables hold, by date, without dates of which they hold different ones; none
        where one of them is gone."""

        def read(session: Session) -> dict[dt.date, str]:
            schema.prepare(session, [("lake", schema.LOADS)])
            whole = all(schema.exists(session, "lake", table) for table in tables)
            return state.agreed_runs(session, tables) if whole else {}

        return self.run(read, QueryTag("loaded_runs"))

    def table_name(self, layer: str, table: str) -> str:
        """`DATABASE.SCHEMA.TABLE`, as `dagster/table_name` shows it."""
        return f"{self.database}.{schema.qualified(layer, table)}"
