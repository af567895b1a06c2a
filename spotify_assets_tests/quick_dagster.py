"""What Dagster does anew for each instance and each run, and tests of ours prove nothing by: once, or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import cache, wraps
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def quick_dagster() -> Iterator[None]:
    """In this process: an instance in a fraction of its time, a run without four processes beside it."""
    from alembic.script import ScriptDirectory
    from dagster._core.execution import compute_logs

    with pytest.MonkeyPatch.context() as patch:
        # Stamping a database executes every migration file there is; three databases of an instance, one of each run.
        patch.setattr(ScriptDirectory, "from_config", cache(ScriptDirectory.from_config))
        # What a step prints is kept in its log file; `tail` and a watcher would show it on the console, too.
        patch.setattr(compute_logs, "tail_to_stream", lambda path, stream: nullcontext((None, None)))
        compile_once_for_all_databases(patch)
        copy_new_databases(patch)
        yield


def compile_once_for_all_databases(patch: pytest.MonkeyPatch) -> None:
    """Each instance has engines of its own, Dagster's SQLite storage one for each question, and each compiles every
    statement anew; but one SQLite's dialect is as good as another's."""
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
    from sqlalchemy.engine import Engine
    from sqlalchemy.util import LRUCache

    compiled: LRUCache[Any, Any] = LRUCache(1_000)
    make = Engine.__init__

    @wraps(make)
    def making(engine: Engine, *arguments: Any, **named: Any) -> None:
        make(engine, *arguments, **named)
        if type(engine.dialect) is SQLiteDialect_pysqlite:
            engine._compiled_cache = compiled

    patch.setattr(Engine, "__init__", making)
    patch.setattr(SQLiteDialect_pysqlite, "__eq__", lambda dialect, other: type(dialect) is type(other), raising=False)
    patch.setattr(SQLiteDialect_pysqlite, "__hash__", lambda dialect: hash(type(dialect)), raising=False)


def copy_new_databases(patch: pytest.MonkeyPatch) -> None:
    """The first new database of each kind is Dagster's work; the others are copies of it."""
    from dagster._core.storage.event_log import SqliteEventLogStorage
    from dagster._core.storage.runs import SqliteRunStorage
    from dagster._core.storage.schedules import SqliteScheduleStorage
    from sqlalchemy.engine import Engine

    made: dict[str, bytes] = {}

    @contextmanager
    def copied(kind: str, path: Path) -> Iterator[None]:
        new = not path.exists()
        if new and kind in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made[kind])
        yield
        if new and kind not in made:
            with closing(sqlite3.connect(path)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            made[kind] = path.read_bytes()

    def of_class(storage: type, kind: str) -> None:
        make: Callable[..., Any] = storage.__dict__["from_local"].__func__

        def from_local(cls: type, base_dir: str, inst_data: Any = None) -> Any:
            with copied(kind, Path(base_dir) / f"{kind}.db"):
                return make(cls, base_dir, inst_data)

        patch.setattr(storage, "from_local", classmethod(from_local))

    of_class(SqliteRunStorage, "runs")
    of_class(SqliteScheduleStorage, "schedules")
    make_events, make_run = SqliteEventLogStorage.__init__, SqliteEventLogStorage._initdb

    def events(storage: SqliteEventLogStorage, base_dir: str, inst_data: Any = None) -> None:
        with copied("index", Path(base_dir) / "index.db"):
            make_events(storage, base_dir, inst_data)

    def events_of_run(storage: SqliteEventLogStorage, engine: Engine, for_index_shard: bool = False) -> None:
        with nullcontext() if for_index_shard else copied("run", Path(str(engine.url.database))):
            make_run(storage, engine, for_index_shard)

    patch.setattr(SqliteEventLogStorage, "__init__", events)
    patch.setattr(SqliteEventLogStorage, "_initdb", events_of_run)
