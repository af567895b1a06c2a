"""Dagster's SQLite event log with its connections kept, events written as batches, and assets' records remembered.

Dagster's storage opens a new engine and connection for everything it asks or says, some 800 in a run of fifty steps;
closing the last one of a WAL database rewrites its file. A run over many dates records two events per asset and date,
which Dagster hands over in batches, and its storage writes each on its own; and one per check and date, which it hands
over one by one. Each step asks for the records of all its inputs anew, and with each event of an asset its storage asks
which columns a table has. Together that took half of a day's `build` and most of a long backfill. The databases, their
schema and every event stay exactly Dagster's, so a home can go back to the stock class any day. Named in the
dagster.yaml of `instance`; Dagster+ has a storage of its own. Drop this when the stock class keeps its connections and
stores a batch of asset events in one transaction: `test_borrowed.py` fails on that day.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from dagster import DagsterEventType, DagsterInvariantViolationError, EventLogRecord, StringSource
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import (
    SqlEventLogStorageMetadata,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, AssetKeyTable
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.sql import get_alembic_config
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster_shared.record import copy
from sqlalchemy import Engine, bindparam, create_engine, select, text, tuple_
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.event import listens_for
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from spotify_assets.settings import export_event_batch_size

if TYPE_CHECKING:
    from dagster import AssetKey, EventLogEntry
    from dagster._core.storage.event_log.base import AssetRecord
    from dagster._serdes import ConfigurableClassData
    from sqlalchemy import Connection

BATCH_SIZE = 1_000
"""Events of a batch."""

_INSERT = SqlEventLogStorageTable.insert()
_IN_THE_INDEX = ASSET_EVENTS | ASSET_CHECK_EVENTS | EVENT_TYPE_TO_PIPELINE_RUN_STATUS.keys()
"""The types of events that stand in the index too; others in their run's database only."""

_KEPT = 8
"""Databases that stay open: the index and the runs of late. A webserver reads any number of them."""


def open_database(address: str) -> Engine:
    """The engine of one SQLite file, with one connection, for one thread at a time.

    A transaction is not waited for until it is on the disk (`synchronous = NORMAL`): in WAL mode a crash of the process
    loses nothing, and one of the machine at most the last events, never the file.
    """
    engine = create_engine(
        address, poolclass=StaticPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
    )

    @listens_for(engine, "connect")
    def _opened(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine


@cache
def _migrations() -> ScriptDirectory:
    return ScriptDirectory.from_config(get_alembic_config(sqlite_event_log.__file__))


class BatchingSqliteEventLogStorage(SqliteEventLogStorage):
    """`SqliteEventLogStorage` under a DAGSTER_HOME, which keeps its connections, and writes a batch in one transaction
    per database.

    The evaluations of checks wait until `BATCH_SIZE` of a run are there, or anything else is written or asked for.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        self._waiting: list[EventLogEntry] = []
        self._waiting_lock = threading.Lock()
        self._records: dict[AssetKey, AssetRecord | None] = {}
        self._records_of: tuple[int, int] | None = None
        self._touched: set[AssetKey] = set()
        self._asset_columns = False
        self._records_lock = threading.RLock()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        self._write_waiting()
        with self._db_lock:
            engine = self._engines.pop(shard, None) or open_database(self.conn_string_for_shard(shard))
            self._engines[shard] = engine
            while len(self._engines) > _KEPT:
                self._engines.popitem(last=False)[1].dispose()
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:  # noqa: FBT001, FBT002 - its signature
        """Make the tables of a database that has none: the stock class reads all its migrations whenever it opens one,
        and twice more for a new one, to learn the name of the last."""
        try:
            with engine.begin() as connection:
                migrations = MigrationContext.configure(connection)
                if migrations.get_current_revision() is not None:
                    return
                if not for_index_shard:
                    connection.execute(text("PRAGMA journal_mode = WAL"))
                    SqlEventLogStorageMetadata.create_all(connection)
                    migrations.stamp(_migrations(), "head")
                    return
        except DatabaseError:
            pass  # another process makes it: the stock class knows what to do then
        super()._initdb(engine, for_index_shard)

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table; asked with every event of an asset or a check, and no table ever goes."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        """Whether assets have their newest columns; asked with every event of an asset, and no column ever goes."""
        self._asset_columns = self._asset_columns or super()._has_asset_key_index_cols_on_connection(conn)
        return self._asset_columns

    def _store_asset_event(self, conn: Connection, event: EventLogEntry, event_id: int) -> None:
        """What an asset's row says of an event: the stock class lets an INSERT fail first."""
        key = event.get_dagster_event().asset_key
        values = self._get_asset_entry_values(event, event_id, self._has_asset_key_index_cols_on_connection(conn))
        if key and values:
            row = {"asset_key": key.to_string(), **values}
            conn.execute(insert(AssetKeyTable).on_conflict_do_update(index_elements=["asset_key"], set_=values), row)

    def _index_state(self) -> tuple[int, int]:
        """Two numbers: the first differs when another connection has written to the index since, the second when this
        one has (https://sqlite.org/pragma.html#pragma_data_version)."""
        with self.index_connection() as connection:
            driver: Any = connection.connection.driver_connection
            return driver.execute("PRAGMA data_version").fetchone()[0], driver.total_changes

    def get_asset_records(self, asset_keys: Sequence[AssetKey] | None = None) -> Sequence[AssetRecord]:
        """The records of all assets, or of those asked for: as they were read last, or written here since, where nobody
        else has written."""
        if asset_keys is None:
            return super().get_asset_records()
        with self._records_lock:
            state = self._index_state()
            if state != self._records_of:
                self._records.clear()
            if unknown := [key for key in asset_keys if key not in self._records]:
                # A run asks for what it writes, sooner or later: all of it is read at once.
                unknown += [key for key in self._touched if key not in self._records and key not in unknown]
                self._touched.clear()
                self._records |= dict.fromkeys(unknown)
                self._records |= {one.asset_entry.asset_key: one for one in super().get_asset_records(unknown)}
            self._records_of = state
            return [record for key in asset_keys if (record := self._records[key])]

    @contextmanager
    def _written(self, stored: Sequence[tuple[EventLogEntry, int]]) -> Iterator[None]:
        """Around what writes to the index `stored`, events with their ids there, of which the list may be made within.

        What is remembered of assets stays true.
        """
        with self._records_lock:
            before = self._index_state()
            yield
            after = self._index_state()
            for event, id_ in stored:
                if key := event.get_dagster_event().asset_key:
                    self._touched.add(key)
                    if record := self._records.pop(key, None):
                        self._records[key] = _said(record, event, id_)
            if before == self._records_of and before[0] == after[0]:
                self._records_of = after

    def store_event(self, event: EventLogEntry) -> None:
        """Store one event."""
        if event.run_id and event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            with self._waiting_lock:
                self._waiting.append(event)
            if len(self._waiting) >= BATCH_SIZE:
                self._write_waiting()
            return None
        if event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS:
            return self._store_together(event.run_id, [event])
        if event.is_dagster_event and event.dagster_event_type in _IN_THE_INDEX:
            with self._written([]):
                return super().store_event(event)
        with self.run_connection(event.run_id) as connection:
            connection.execute(_INSERT, self._event_to_row(event))
        return None

    def _write_waiting(self) -> None:
        if not self._waiting:
            return
        with self._waiting_lock:
            events, self._waiting = self._waiting, []
        self.store_event_batch(events)

    def wipe(self) -> None:
        """Remove every event; the files go."""
        self._waiting = []
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Write what waits and close what is open."""
        self._write_waiting()
        super().dispose()
        self._close()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"dagster_home": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> BatchingSqliteEventLogStorage:
        export_event_batch_size(BATCH_SIZE)  # Dagster collects batches only when it is told to
        return cls(str(Path(config_value["dagster_home"]) / "history" / "runs"), inst_data)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store `events`: those of assets and checks together, others one by one."""

        def kind(event: EventLogEntry) -> tuple[str, bool]:
            return (
                event.run_id,
                event.is_dagster_event and event.dagster_event_type in ASSET_EVENTS | ASSET_CHECK_EVENTS,
            )

        for (run_id, of_assets), part in itertools.groupby(events, key=kind):
            if of_assets:
                self._store_together(run_id, list(part))
            else:
                for event in part:
                    self.store_event(event)

    def _store_together(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        """Store events of assets and checks, all of one run."""
        rows = [self._event_to_row(event) for event in events]
        with self.run_connection(run_id) as connection:
            connection.execute(_INSERT, rows)
        stored: list[tuple[EventLogEntry, int]] = []
        with self._written(stored):
            with self.index_transaction() as connection:
                connection.execute(_INSERT, rows)  # nobody else writes until this ends: theirs are the last ids
                last = select(column := SqlEventLogStorageTable.c.id).order_by(column.desc()).limit(len(rows))
                stored += zip(events, connection.execute(last).scalars().all()[::-1], strict=True)
                of_assets = {id_: event for event, id_ in stored if event.dagster_event_type in ASSET_EVENTS}
                self._store_asset_event_tags(connection, [*of_assets.values()], [*of_assets])
                # An asset's row says what its newest event of each type says.
                newest = {
                    (event.get_dagster_event().asset_key, event.dagster_event_type): (event, id_)
                    for id_, event in of_assets.items()
                }
                for event, id_ in newest.values():
                    self._store_asset_event(connection, event, id_)
            planned, evaluated = [], []
            for (event, id_), row in zip(stored, rows, strict=True):
                if event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
                    evaluated.append(self._evaluated(event, id_, row["event"]))
                elif event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
                    planned += self._planned(event, id_, row["event"])
            if planned:
                with self.index_connection() as connection:
                    connection.execute(AssetCheckExecutionsTable.insert(), planned)
            if evaluated:
                self._store_evaluations(run_id, evaluated)

    def _planned(self, event: EventLogEntry, event_id: int, serialized: str) -> list[dict[str, object]]:
        """The rows of a planned evaluation, as the stock class makes them: one for each partition."""
        plan: Any = event.get_dagster_event().event_specific_data
        return [
            {
                "asset_key": plan.asset_key.to_string(),
                "check_name": plan.check_name,
                "partition": partition,
                "run_id": event.run_id,
                "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
                "evaluation_event": serialized,
                "evaluation_event_timestamp": self._event_insert_timestamp(event),
                "evaluation_event_storage_id": event_id,
            }
            for partition in (plan.partitions_subset.get_partition_keys() if plan.partitions_subset else [None])
        ]

    def _evaluated(self, event: EventLogEntry, event_id: int, serialized: str) -> dict[str, object]:
        """The row of an evaluation, as the stock class makes it."""
        evaluation = event.get_dagster_event().asset_check_evaluation_data
        status = (
            AssetCheckExecutionRecordStatus.SUCCEEDED if evaluation.passed else AssetCheckExecutionRecordStatus.FAILED
        )
        target = evaluation.target_materialization_data
        return {
            "asset_key": evaluation.asset_key.to_string(),
            "check_name": evaluation.check_name,
            "partition": evaluation.partition,
            "execution_status": status.value,
            "evaluation_event": serialized,
            "evaluation_event_timestamp": self._event_insert_timestamp(event),
            "evaluation_event_storage_id": event_id,
            "materialization_event_storage_id": target.storage_id if target else None,
        }

    def _store_evaluations(self, run_id: str, rows: Sequence[dict[str, object]]) -> None:
        """Each takes the place of what the run planned, or evaluated before; else it is a row of its own."""
        columns = AssetCheckExecutionsTable.c
        place = (columns.asset_key, columns.check_name, columns.partition)
        newest = {tuple(row[column.name] for column in place): row for row in rows}
        there = select(*place).where(columns.run_id == run_id, tuple_(*place[:2]).in_({key[:2] for key in newest}))
        update = AssetCheckExecutionsTable.update().where(
            columns.run_id == run_id, *(column.is_not_distinct_from(bindparam(f"at_{column.name}")) for column in place)
        )
        with self.index_connection() as connection:
            known = {tuple(row) for row in connection.execute(there)}
            again = [
                {**row, **{f"at_{column.name}": row[column.name] for column in place}}
                for key, row in newest.items()
                if key in known
            ]
            if again and connection.execute(update, again).rowcount > len(again):
                raise DagsterInvariantViolationError(f"Run {run_id} planned a check of one partition twice")
            if new := [{**row, "run_id": run_id} for key, row in newest.items() if key not in known]:
                connection.execute(AssetCheckExecutionsTable.insert(), new)


def _said(record: AssetRecord, event: EventLogEntry, event_id: int) -> AssetRecord:
    """The record of an asset after an event of it."""
    entry = record.asset_entry
    if event.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION:
        newest = EventLogRecord(storage_id=event_id, event_log_entry=event)
        entry = copy(entry, last_materialization_record=newest, last_run_id=event.run_id)
    elif event.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED:
        entry = copy(entry, last_run_id=event.run_id)
    return copy(record, asset_entry=entry)
