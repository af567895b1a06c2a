"""Dagster's SQLite event log with batches written as batches.

A run over many dates records two events per asset and date. Dagster hands them over in batches, but its SQLite storage
writes each on its own, with two new connections and transactions, which takes most of the time of a long backfill on
a laptop. The databases, their schema and every event stay exactly Dagster's, so a home can go back to the stock class
any day. Named in the dagster.yaml of `instance`; Dagster+ has a storage of its own. Drop this when the stock class
stores a batch of asset events in one transaction: `test_borrowed.py` fails on that day.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import StringSource
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from spotify_assets.settings import export_event_batch_size

if TYPE_CHECKING:
    from dagster import EventLogEntry
    from dagster._serdes import ConfigurableClassData

BATCH_SIZE = 1_000
"""Events of a batch: an insert of that many stays far below SQLite's 32,766 variables a statement."""


@lru_cache(maxsize=16)
def _engine(url: str) -> Engine:
    """The engine of one database file: it keeps compiled statements and no connection."""
    return create_engine(url, poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})


class BatchingSqliteEventLogStorage(SqliteEventLogStorage):
    """`SqliteEventLogStorage` under a DAGSTER_HOME, which writes a batch in one transaction per database."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"dagster_home": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> BatchingSqliteEventLogStorage:
        export_event_batch_size(BATCH_SIZE)  # Dagster collects batches only when it is told to
        return cls(str(Path(config_value["dagster_home"]) / "history" / "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        """A transaction in `shard`'s database. The stock class makes an engine for each, and compiles every statement
        anew: ten milliseconds an event, a third of a small run."""
        with self._db_lock:
            engine = _engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store `events`: those of assets together, the others (planned checks) one by one."""

        def kind(event: EventLogEntry) -> tuple[str, bool]:
            return event.run_id, event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS

        for (run_id, of_assets), part in itertools.groupby(events, key=kind):
            if of_assets:
                self._store_asset_events(run_id, list(part))
            else:
                for event in part:
                    self.store_event(event)

    def _store_asset_events(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        with self.run_connection(run_id) as connection:
            connection.execute(self.prepare_insert_event_batch(events))
        with self.index_transaction() as connection:
            ids = [connection.execute(self.prepare_insert_event(event)).lastrowid for event in events]
            self._store_asset_event_tags(connection, events, ids)
            # An asset's row says what its newest event of each type says.
            newest = {
                (event.get_dagster_event().asset_key, event.dagster_event_type): (event, event_id)
                for event, event_id in zip(events, ids, strict=True)
            }
            for event, event_id in newest.values():
                self._store_asset_event(connection, event, event_id)
