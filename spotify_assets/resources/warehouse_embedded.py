"""The embedded warehouse: the same Snowflake SQL on DuckDB through fakesnow, in this process, for laptops and tests.

One DuckDB file per database, one process at a time behind a file lock that is held only while connected. What DuckDB
does differently and would hide a mistake is kept out here: the stage is a folder of links whose path has no `name=`
in it, and files are always named, never listed.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from spotify_assets.failures import PermanentError, PlatformError, TransientError
from spotify_assets.resources.warehouse import INTERACTIVE, WarehouseResource
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse.session import QueryTag, Session, headline
from spotify_assets.warehouse.sql import FILE_FORMAT, STAGE, identifier, literal

if TYPE_CHECKING:
    from fakesnow.instance import FakeSnow

_IMPATIENCE_SECONDS = 10.0


class EmbeddedWarehouse(WarehouseResource):
    """A folder with one DuckDB file per database. Several processes may use it; one is connected at a time."""

    folder: str = Field(description="Folder of the database files")
    lock_timeout_seconds: float = Field(default=900, description="How long to wait for another process to finish")

    @property
    def location(self) -> str:
        return str(Path(self.folder) / f"{identifier(self.database)}.db")

    def impatient(self) -> EmbeddedWarehouse:
        return EmbeddedWarehouse(folder=self.folder, database=self.database, lock_timeout_seconds=_IMPATIENCE_SECONDS)

    def query_url(self, query_id: str) -> str | None:
        return None

    @contextmanager
    def session(self, tag: QueryTag = INTERACTIVE) -> Iterator[Session]:
        """A connection, with the lock held until it is closed. Raises TransientError when others hold it too long."""
        from filelock import FileLock, Timeout

        folder = Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder / f"{identifier(self.database)}.lock"
        try:
            with FileLock(lock, timeout=self.lock_timeout_seconds), self._connected(folder) as session:
                yield session
        except Timeout:
            raise TransientError(
                f"Another process has held the embedded warehouse for {self.lock_timeout_seconds:g} seconds "
                f"({lock}): wait for it, or stop it."
            ) from None

    @contextmanager
    def _connected(self, folder: Path) -> Iterator[Session]:
        from fakesnow.instance import FakeSnow

        # fakesnow converts every result in a way that DuckDB 2 warns about, and sqlglot logs each property that DuckDB
        # has no word for (comments on columns).
        warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)
        logging.getLogger("sqlglot").setLevel(logging.ERROR)
        instance = FakeSnow(db_path=folder)
        try:
            connection = _connect(instance, identifier(self.database), folder)
            try:
                yield Session(connection, translate=_failure, stage=_stage)
            finally:
                connection.close()
        finally:
            instance.duck_conn.close()


def _connect(instance: FakeSnow, database: str, folder: Path) -> Any:
    """A fakesnow connection that can run MERGE inside a transaction.

    fakesnow 0.12.1 files the comment of a new table in another attached database, without escaping it, and does so
    (for no comment) for the temporary table it runs a MERGE through; DuckDB refuses that in a transaction that writes.
    So comments are left out, as those of columns are anyway. Drop this when `MERGE` between `BEGIN` and `COMMIT` and
    `COMMENT = 'it''s'` run on a plain `FakeSnow.connect`.
    """
    from fakesnow.conn import FakeSnowflakeConnection
    from fakesnow.cursor import FakeSnowflakeCursor

    class WithoutComments(FakeSnowflakeCursor):
        def _execute(self, transformed: Any, params: Any = None) -> None:
            transformed.args.pop("table_comment", None)
            super()._execute(transformed, params)

    class MergingConnection(FakeSnowflakeConnection):
        def cursor(self, cursor_class: Any = None) -> FakeSnowflakeCursor:
            return WithoutComments(conn=self, duck_conn=self._duck_conn)

    return MergingConnection(
        instance.duck_conn.cursor(), instance.results_cache, database, "LAKE", db_path=folder, paramstyle="qmark"
    )


@contextmanager
def _stage(session: Session, store: ObjectStore, keys: Sequence[str]) -> Iterator[str]:
    """A folder of links to the files, named by their keys: the same statement then loads from here and from S3.

    A path with a glob character or with `name=` in it would be read differently by DuckDB, so the lake's own path is
    never used. Stages live in memory here and are made for every load.
    """
    folder = Path(tempfile.mkdtemp(prefix="spotify_assets_stage_")).resolve()
    try:
        with store.local_files(keys) as files:
            for key, path in files.items():
                link = folder / key
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
            session.execute(f"CREATE FILE FORMAT IF NOT EXISTS {FILE_FORMAT} TYPE = PARQUET USE_LOGICAL_TYPE = TRUE")
            session.execute(f"CREATE OR REPLACE STAGE {STAGE} URL = {literal(f'file://{folder}/')}")
            yield STAGE
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _failure(error: Exception, sql: str) -> PlatformError:
    """DuckDB's and fakesnow's errors. What DuckDB says of a file or a full disk may pass; a wrong statement won't."""
    import duckdb

    if isinstance(error, duckdb.IOException) and "lock" in str(error).lower():
        return TransientError(f"The embedded warehouse is in use by a process that does not take its lock: {error}")
    return PermanentError(f"The embedded warehouse could not run '{headline(sql)}': {error}")
