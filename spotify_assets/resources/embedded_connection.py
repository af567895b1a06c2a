"""fakesnow's connection as the embedded warehouse uses it: what it must do otherwise, and what it need not do twice.

Translating a statement from Snowflake's dialect into DuckDB's costs some sixty passes over its syntax tree, more than
most of ours take to run, and depends on its text alone. So what fakesnow made of a statement is kept: for the process,
and for a run of Dagster in a file beside the database, by fakesnow's version.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fakesnow.instance import FakeSnow

_MOST = 1_000
"""Statements kept in the file; with more it starts anew (each number of dates is a statement of its own)."""

_REPEATABLE = re.compile(
    r"(?:\s*--[^\n]*\n)*\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|BEGIN|COMMIT|ROLLBACK|CREATE\s+OR\s+REPLACE\s+VIEW)\b",
    re.IGNORECASE,
)
"""Statements whose answer is DuckDB's own, and of which fakesnow notes nothing."""

Parts = list[tuple[str, bool]]
"""DuckDB's statements that one of Snowflake's is made into, and whether each takes the parameters."""


class Translations:
    """What statements were made into, by a digest of the current database and schema and the text."""

    def __init__(self) -> None:
        self._parts: dict[str, Parts] = {}
        self._new = False

    def find(self, place: str, statement: str) -> Parts | None:
        return self._parts.get(_digest(place, statement))

    def add(self, place: str, statement: str, parts: Parts) -> None:
        self._parts[_digest(place, statement)] = parts
        self._new = True

    def read(self, folder: Path) -> None:
        """Take over what the file in `folder` holds; nothing when there is none that can be read."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            stored = json.loads(_file(folder).read_text(encoding="utf-8"))
            self._parts |= {key: [(str(sql), bool(binds)) for sql, binds in parts] for key, parts in stored.items()}
            self._new = False

    def write(self, folder: Path) -> None:
        """Keep what is new in the file; not being able to costs the next run some time, and nothing else."""
        if not self._new or len(self._parts) > _MOST:
            return
        target = _file(folder)
        with contextlib.suppress(OSError):
            beside = target.with_suffix(f".{os.getpid()}.tmp")
            beside.write_text(json.dumps(self._parts), encoding="utf-8")
            beside.replace(target)
            self._new = False


TRANSLATIONS = Translations()
"""Of this process."""


def _digest(place: str, statement: str) -> str:
    return hashlib.sha256(f"{place}\n{statement}".encode()).hexdigest()[:32]


def _file(folder: Path) -> Path:
    from importlib.metadata import version

    return folder / f"translated-{version('fakesnow')}-{version('sqlglot')}.json"


class _Forgetful(dict[str, tuple[Any, ...]]):
    """In place of fakesnow's cache of every result, for RESULT_SCAN: a connection is kept for a whole run."""

    def __setitem__(self, key: str, value: tuple[Any, ...]) -> None:
        return


class _Column:
    def __init__(self, name: str) -> None:
        self.name = name


class _Known:
    """A cursor that runs what a statement was made into before."""

    def __init__(self, duck: Any, parts: Parts) -> None:
        self._duck = duck
        self._parts = parts
        self.sfqid = "known"

    @property
    def description(self) -> Sequence[_Column]:
        return [_Column(str(column[0])) for column in self._duck.description or ()]

    def execute(self, params: Sequence[Any] | None) -> None:
        for sql, binds in self._parts:
            self._duck.execute(sql, list(params or ()) if binds else None)

    def fetchall(self) -> Sequence[object]:
        return self._duck.fetchall()


def connect(instance: FakeSnow, database: str, folder: Path) -> Any:
    """A fakesnow connection that can run MERGE inside a transaction, and translates a statement once.

    fakesnow 0.12.1 files the comment of a new table in another attached database, without escaping it, and does so
    (for no comment) for the temporary table it runs a MERGE through; DuckDB refuses that in a transaction that writes.
    So comments are left out, as those of columns are anyway. Drop this when `MERGE` between `BEGIN` and `COMMIT` and
    `COMMENT = 'it''s'` run on a plain `FakeSnow.connect`; drop the translations when its own takes less than a few
    milliseconds a statement.
    """
    from fakesnow.conn import FakeSnowflakeConnection
    from fakesnow.cursor import FakeSnowflakeCursor

    class Cursor(FakeSnowflakeCursor):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self._known: _Known | None = None
            self._made: Parts = []

        def execute(self, command: str, params: Any = None, *args: Any, **kwargs: Any) -> FakeSnowflakeCursor:
            place = f"{self._conn.database}.{self._conn.schema}"
            parts = TRANSLATIONS.find(place, command)
            if parts is not None:
                self._known = _Known(self._duck_conn, parts)
                self._known.execute(params)
                return self
            self._made = []
            super().execute(command, params, *args, **kwargs)
            if _REPEATABLE.match(command):
                TRANSLATIONS.add(place, command, self._made)
            return self

        def _execute(self, transformed: Any, params: Any = None) -> None:
            transformed.args.pop("table_comment", None)
            super()._execute(transformed, params)
            self._made.append((transformed.sql(dialect="duckdb"), params is not None))

        @property
        def description(self) -> Any:
            return self._known.description if self._known else super().description

        @property
        def sfqid(self) -> str | None:
            return self._known.sfqid if self._known else super().sfqid

        def fetchall(self) -> Any:
            return self._known.fetchall() if self._known else super().fetchall()

    class Connection(FakeSnowflakeConnection):
        def cursor(self, cursor_class: Any = None) -> FakeSnowflakeCursor:
            return Cursor(conn=self, duck_conn=self._duck_conn)

    return Connection(instance.duck_conn.cursor(), _Forgetful(), database, "LAKE", db_path=folder, paramstyle="qmark")
