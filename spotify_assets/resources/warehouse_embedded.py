"""The embedded warehouse: the same Snowflake SQL on DuckDB through fakesnow, in this process, for laptops and tests.

One DuckDB file per database, one process at a time behind a file lock that is held only while connected: for a piece
of work, or, in a run of Dagster, from the first statement of the run to its end. What DuckDB does differently and would
hide a mistake is kept out here: the stage is a folder of links whose path has no `name=` in it, and files are always
named, never listed.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import dagster as dg
from pydantic import Field, PrivateAttr

from spotify_assets.failures import PermanentError, PlatformError, TransientError
from spotify_assets.resources.embedded_connection import TRANSLATIONS, connect
from spotify_assets.resources.warehouse import INTERACTIVE, WarehouseResource
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.scratch import scratch_folder
from spotify_assets.warehouse.session import QueryTag, Session, headline
from spotify_assets.warehouse.sql import FILE_FORMAT, STAGE, identifier, literal

if TYPE_CHECKING:
    from fakesnow.instance import FakeSnow

_Result = TypeVar("_Result")

_IMPATIENCE_SECONDS = 10.0

_MEMORY_LIMIT = "800MB"
"""What DuckDB takes at most, before it goes on on the disk. Work that needs more gets what DuckDB gives itself (four
fifths of the machine)."""


class _OutOfMemory(PermanentError):
    """A statement that needs more memory than the connection may take."""


class EmbeddedWarehouse(WarehouseResource):
    """A folder with one DuckDB file per database. Several processes may use it; one is connected at a time."""

    folder: str = Field(description="Folder of the database files")
    lock_timeout_seconds: float = Field(default=900, description="How long to wait for another process to finish")

    _memory_limit: str | None = PrivateAttr(default=_MEMORY_LIMIT)
    _in_run: bool = PrivateAttr(default=False)
    _kept: tuple[ExitStack, Session] | None = PrivateAttr(default=None)

    @property
    def location(self) -> str:
        return str(Path(self.folder) / f"{identifier(self.database)}.db")

    def impatient(self) -> EmbeddedWarehouse:
        return EmbeddedWarehouse(folder=self.folder, database=self.database, lock_timeout_seconds=_IMPATIENCE_SECONDS)

    def query_url(self, query_id: str) -> str | None:
        return None

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Keep the first connection of a run until the run ends: opening one costs as much as a step's statements."""
        self._in_run = context.run is not None

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Let others in."""
        self._in_run = False
        self.release()

    def run(self, work: Callable[[Session], _Result], tag: QueryTag = INTERACTIVE) -> _Result:
        """Do `work` on a connection; in a run of Dagster on the run's, which a failure closes: a retry may wait.

        Work that needs more memory is done again on a connection that has it, as are all others of this run then.
        """
        try:
            return self._run_in_run(work, tag) if self._in_run else super().run(work, tag)
        except _OutOfMemory:
            if self._memory_limit is None:
                raise
            self._memory_limit = None
            return self.run(work, tag)

    def _run_in_run(self, work: Callable[[Session], _Result], tag: QueryTag) -> _Result:
        if self._kept is None:
            stack = ExitStack()
            self._kept = stack, stack.enter_context(self.session(tag))
            stack.callback(TRANSLATIONS.write, Path(self.folder))
        session = self._kept[1]
        session.query_ids.clear()
        try:
            return work(session)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Close the run's connection, which lets others in; what comes after opens another."""
        if self._kept is not None:
            stack, self._kept = self._kept[0], None
            stack.close()

    @contextmanager
    def session(self, tag: QueryTag = INTERACTIVE) -> Iterator[Session]:
        """A connection, with the lock held until it is closed.

        Raises TransientError when others hold it too long, PermanentError when the files can't be opened.
        """
        from filelock import FileLock, Timeout

        folder = Path(self.folder)
        if "?" in str(folder.resolve()):
            raise PermanentError(
                f"The embedded warehouse can't be in {folder}: DuckDB reads on from a '?' in a path as options",
                remedy="set SPOTIFY_ASSETS_HOME to a folder without a '?' in its path, or rename it",
            )
        lock = folder / f"{identifier(self.database)}.lock"
        with ExitStack() as stack:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(lock, timeout=self.lock_timeout_seconds))
            except Timeout:
                raise TransientError(
                    f"Another process has held the embedded warehouse for {self.lock_timeout_seconds:g} seconds "
                    f"({lock})",
                    remedy="wait for it, or stop it",
                ) from None
            except OSError as error:
                raise PermanentError(
                    f"The embedded warehouse's folder {folder} can't be used: {error.strerror or error}",
                    remedy="make it a folder that this user may write to, or set SPOTIFY_ASSETS_HOME to another one",
                ) from error
            yield stack.enter_context(self._connected(folder))

    @contextmanager
    def _connected(self, folder: Path) -> Iterator[Session]:
        from fakesnow.instance import FakeSnow

        # fakesnow converts every result in a way that DuckDB 2 warns about, and sqlglot logs each property that DuckDB
        # has no word for (comments on columns).
        warnings.filterwarnings("ignore", message="Arrow output on a DB-API result", category=UserWarning)
        logging.getLogger("sqlglot").setLevel(logging.ERROR)
        with ExitStack() as stack:
            instance = FakeSnow(db_path=folder)
            stack.callback(instance.duck_conn.close)
            database = identifier(self.database)
            if self._memory_limit:
                instance.duck_conn.execute(f"SET memory_limit = '{self._memory_limit}'")
            instance.duck_conn.execute("SET temp_directory = ?", [str(folder / f"{database}.tmp")])
            _attach(instance, database, folder / f"{database}.db")
            connection = connect(instance, database, folder)
            TRANSLATIONS.read(folder)
            stack.callback(connection.close)
            yield Session(connection, translate=_failure, stage=_Staging(stack))


def _attach(instance: FakeSnow, database: str, file: Path) -> None:
    """Open the database's file, or make it. fakesnow would do it with a path that it doesn't quote.

    Raises PermanentError for a file that is no database or that can't be read.
    """
    import duckdb
    from fakesnow import info_schema, macros

    quoted = str(file).replace("'", "''")
    try:
        instance.duck_conn.execute(f"ATTACH DATABASE '{quoted}' AS {database}")
        instance.duck_conn.execute(info_schema.per_db_creation_sql(database))
        instance.duck_conn.execute(macros.creation_sql(database))
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            raise _failure(error, "ATTACH") from error
        raise PermanentError(
            f"The embedded warehouse's file {file} can't be opened: {str(error).splitlines()[0]}",
            remedy="if its disk is full, free some space; if it is damaged, move it and the .wal file beside it away "
            "and run 'spotify-assets build': everything in it is computed again from the lake",
        ) from error


class _Staging:
    """A connection's stage: a folder of links to the files of one load after the other, named by their keys: the same
    statement then loads from here and from S3.

    A path with a glob character or with `name=` in it would be read differently by DuckDB, so the lake's own path is
    never used. Stages and file formats live in memory here: both are made for a connection, by its first load.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._folder: Path | None = None

    @contextmanager
    def __call__(self, session: Session, store: ObjectStore, keys: Sequence[str]) -> Iterator[str]:
        if self._folder is None:
            folder = self._stack.enter_context(scratch_folder("stage"))
            session.execute(f"CREATE FILE FORMAT IF NOT EXISTS {FILE_FORMAT} TYPE = PARQUET USE_LOGICAL_TYPE = TRUE")
            session.execute(f"CREATE OR REPLACE STAGE {STAGE} URL = {literal(f'file://{folder}/')}")
            self._folder = folder
        with store.local_files(keys) as files:
            links = {self._folder / key: path for key, path in files.items()}
            try:
                for link, path in links.items():
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to(path)
                yield STAGE
            finally:
                for link in links:
                    link.unlink(missing_ok=True)


def _failure(error: Exception, sql: str) -> PlatformError:
    """DuckDB's and fakesnow's errors. What DuckDB says of a file or a full disk may pass; a wrong statement won't."""
    import duckdb

    if isinstance(error, duckdb.OutOfMemoryException):
        return _OutOfMemory(
            f"The embedded warehouse has too little memory for '{headline(sql)}': {str(error).splitlines()[0]}",
            remedy="load fewer dates at once (spotify-assets build --from … --to …), or use a machine with more memory",
        )
    if isinstance(error, duckdb.IOException) and "lock" in str(error).lower():
        return TransientError(f"The embedded warehouse is in use by a process that does not take its lock: {error}")
    reason = " ".join(str(error).split("\n\nLINE ", 1)[0].split())  # without DuckDB's drawing of the statement
    return PermanentError(f"The embedded warehouse could not run '{headline(sql)}': {reason}")
