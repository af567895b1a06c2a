"""fakesnow's connection as the embedded warehouse uses it: what it must do otherwise, and what it need not do twice.

Translating a statement from Snowflake's dialect into DuckDB's costs some sixty passes over its syntax tree, more than
most of ours take to run, and depends on its text alone. So what fakesnow made of a statement is kept, and taken for the
same statement about another number of dates: for the process, and for a run of Dagster in a file beside the database,
by fakesnow's version.
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
"""Statements kept in the file; with more it starts anew."""

_REPEATED = re.compile(r"\bIN \((\?)(?:, \?)*\)|\bVALUES (\((?:\?, )*\?\))(?:, \2)*")
"""What a statement has as many of as there are values: the parameters of an IN, and the rows of an INSERT."""

_REPEATABLE = re.compile(
    r"(?:\s*--[^\n]*\n)*\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|BEGIN|COMMIT|ROLLBACK|CREATE\s+OR\s+REPLACE\s+VIEW)\b",
    re.IGNORECASE,
)
"""Statements whose answer is DuckDB's own, and of which fakesnow notes nothing."""

_QUERY = re.compile(r"(?:\s*--[^\n]*\n)*\s*(?:SELECT|WITH)\b", re.IGNORECASE)
"""Those of them that fakesnow does nothing for but translate: it would hold the whole answer once more."""

_SPECIAL = {"seed", "result_scan_sfqid"}
"""What fakesnow notes of a query that is more than its text: RANDOM's seed, and the id of RESULT_SCAN's statement."""

_MOVES = re.compile(r"\s*CREATE\s+SCHEMA\b", re.IGNORECASE)
"""Statements that change the current schema, as they do on Snowflake: nothing of ours depends on it, but translations
are kept by it."""

_SCHEMA = "LAKE"
"""The current schema of a connection."""

Parts = list[tuple[str, bool]]
"""DuckDB's statements that one of Snowflake's is made into, and whether each takes the parameters."""


class Translations:
    """What statements were made into, by a digest of the current database and schema and the text.

    Where the parameters of an IN, or the rows of an INSERT, stand in the translation as they do in the statement, what
    is kept has one of each, and serves any number of them.
    """

    def __init__(self) -> None:
        self._parts: dict[str, Parts] = {}
        self._read: set[Path] = set()
        self._new = False

    def find(self, place: str, statement: str) -> Parts | None:
        counts, alike = _counts(statement), _with_counts(statement, None)
        parts = self._parts.get(_digest(f"{place} of any number", alike))
        if parts is None:
            return self._parts.get(_digest(place, statement))
        return [(_with_counts(sql, counts), binds) if binds else (sql, binds) for sql, binds in parts]

    def add(self, place: str, statement: str, parts: Parts) -> None:
        counts = _counts(statement)
        if all(_counts(sql) == (counts if binds else []) for sql, binds in parts):
            place, statement = f"{place} of any number", _with_counts(statement, None)
            parts = [(_with_counts(sql, None), binds) for sql, binds in parts]
        self._parts[_digest(place, statement)] = parts
        self._new = True

    def read(self, folder: Path) -> None:
        """Take over, once, what the file in `folder` holds; nothing when there is none that can be read."""
        if folder in self._read:
            return
        self._read.add(folder)
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            stored = json.loads(_file(folder).read_text(encoding="utf-8"))
            self._parts |= {key: [(str(sql), bool(binds)) for sql, binds in parts] for key, parts in stored.items()}

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


def _counts(sql: str) -> list[int]:
    """How many parameters or rows each of `_REPEATED` has."""
    return [len(match[0].split(match[1] or match[2])) - 1 for match in _REPEATED.finditer(sql)]


def _with_counts(sql: str, counts: Sequence[int] | None) -> str:
    """The statement with so many parameters or rows in each of `_REPEATED`; with None, one of each."""
    remaining = iter(counts or ())

    def repeated(match: re.Match[str]) -> str:
        count = next(remaining) if counts is not None else 1
        return f"IN ({', '.join('?' * count)})" if match[1] else f"VALUES {', '.join([match[2]] * count)}"

    return _REPEATED.sub(repeated, sql)


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

    def fetchmany(self, size: int) -> Sequence[object]:
        return self._duck.fetchmany(size)


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
            self._is_query = False
            self._is_special = False

        def execute(self, command: str, params: Any = None, *args: Any, **kwargs: Any) -> FakeSnowflakeCursor:
            place = f"{self._conn.database}.{self._conn.schema}"
            parts = TRANSLATIONS.find(place, command)
            if parts is not None:
                self._known = _Known(self._duck_conn, parts)
                self._known.execute(params)
                return self
            self._known, self._made = None, []
            self._is_query, self._is_special = bool(_QUERY.match(command)), False
            super().execute(command, params, *args, **kwargs)
            if _REPEATABLE.match(command) and not self._is_special:
                TRANSLATIONS.add(place, command, self._made)
            if _MOVES.match(command):
                super().execute(f"USE SCHEMA {_SCHEMA}")
            return self

        def _execute(self, transformed: Any, params: Any = None) -> None:
            transformed.args.pop("table_comment", None)
            self._is_special |= not _SPECIAL.isdisjoint(transformed.args)
            made = transformed.sql(dialect="duckdb"), params is not None
            if self._is_query and not self._is_special:
                self._known = _Known(self._duck_conn, [made])
                self._known.execute(params)
            else:
                super()._execute(transformed, params)
            self._made.append(made)

        @property
        def description(self) -> Any:
            return self._known.description if self._known else super().description

        @property
        def sfqid(self) -> str | None:
            return self._known.sfqid if self._known else super().sfqid

        def fetchall(self) -> Any:
            return self._known.fetchall() if self._known else super().fetchall()

        def fetchmany(self, size: int | None = None) -> Any:
            return self._known.fetchmany(size or self.arraysize) if self._known else super().fetchmany(size)

    class Connection(FakeSnowflakeConnection):
        def cursor(self, cursor_class: Any = None) -> FakeSnowflakeCursor:
            return Cursor(conn=self, duck_conn=self._duck_conn)

    return Connection(instance.duck_conn.cursor(), _Forgetful(), database, _SCHEMA, db_path=folder, paramstyle="qmark")
