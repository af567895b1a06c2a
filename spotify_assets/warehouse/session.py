"""One connection's worth of work: statements, a transaction, the stage. The same class for every warehouse.

What differs between warehouses (how to connect, where the stage points, which errors may be tried again) is passed in
by the resources; nothing here imports a driver.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from spotify_assets.failures import PermanentError, PlatformError
from spotify_assets.storage.object_store import ObjectStore

if TYPE_CHECKING:
    import pandas as pd

_Result = TypeVar("_Result")

Value = str | int | float | bool | dt.date | dt.datetime | None
Row = tuple[Value, ...]


Params = Sequence[Value] | Mapping[str, Value]


class Cursor(Protocol):
    """The part of a Snowflake cursor used here; the connector's and fakesnow's both have it."""

    @property
    def description(self) -> Sequence[object]: ...

    @property
    def sfqid(self) -> str | None: ...

    def execute(self, command: str, params: Sequence[Value] | None = None, /) -> object: ...

    def fetchall(self) -> Sequence[object]: ...

    def fetchmany(self, size: int, /) -> Sequence[object]: ...

    def close(self) -> object: ...


class Connection(Protocol):
    """The part of a Snowflake connection used here."""

    def cursor(self) -> Cursor: ...


@dataclass(frozen=True)
class QueryTag:
    """Who sent a statement, as Snowflake's query history shows it. `partition` is a date, a range, or empty."""

    asset_key: str
    partition: str = ""
    run_id: str = ""

    def to_json(self) -> str:
        """The QUERY_TAG session parameter (Snowflake allows 2,000 characters)."""
        return json.dumps({"app": "spotify_assets", **asdict(self)}, sort_keys=True)[:2000]


Translate = Callable[[Exception, str], PlatformError]
"""Turns a driver's error on a statement into a failure of the taxonomy."""

Stage = Callable[["Session", ObjectStore, Sequence[str]], AbstractContextManager[str]]
"""Makes the lake's files readable for COPY; see `Session.stage`."""


def positional(sql: str, params: Params) -> tuple[str, list[Value]]:
    """`sql` with `?` placeholders only, and their values: `%(name)s` is replaced when `params` is a mapping."""
    if not isinstance(params, Mapping):
        return sql, list(params)
    values: list[Value] = []

    def bind(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        values.append(params[match[1]])
        return "?"

    return re.sub(r"%%|%\((\w+)\)s", bind, sql), values


def integer(value: object) -> int:
    """A whole number of a result: drivers answer with int, Decimal or text. Raises ValueError for anything else."""
    return int(str(value))


def headline(sql: str) -> str:
    """The beginning of a statement on one line, without its comments, for messages."""
    lines = (line for line in sql.splitlines() if not line.lstrip().startswith("--"))
    return " ".join(" ".join(lines).split())[:120]


def _rows(sql: str, cursor: Cursor, limit: int | None = None) -> list[Row]:
    """The cursor's rows, or the first `limit` of them.

    Raises PermanentError for one that is no tuple, as from a cursor of dictionaries.
    """
    rows: list[Row] = []
    for row in cursor.fetchall() if limit is None else cursor.fetchmany(limit):
        if not isinstance(row, tuple):
            raise PermanentError(
                f"The driver answered '{headline(sql)}' with a row that is a {type(row).__name__}, not a tuple",
                remedy="use a plain cursor",
            )
        rows.append(row)
    return rows


class Session:
    """Statements on one open connection.

    Every driver error surfaces as PermanentError or TransientError. `query_ids` are those of the statements that ran,
    in order; `statements` is how many were sent.
    """

    def __init__(self, connection: Connection, *, translate: Translate, stage: Stage) -> None:
        self._connection = connection
        self._translate = translate
        self._stage = stage
        self.query_ids: list[str] = []
        self.statements = 0
        self._remembered: dict[object, object] = {}

    def remember(self, read: Callable[[Session], _Result]) -> _Result:
        """What `read` says of the database, asked once a connection: only for what nobody else changes meanwhile."""
        if read not in self._remembered:
            self._remembered[read] = read(self)
        return cast("_Result", self._remembered[read])

    def forget(self, read: Callable[[Session], object]) -> None:
        """Ask again next time."""
        self._remembered.pop(read, None)

    def execute(self, sql: str, params: Sequence[Value] = ()) -> list[Row]:
        """Send one statement with `?` placeholders; its result rows (status rows for DDL and DML)."""
        return self._send(sql, params, lambda cursor: _rows(sql, cursor))

    def count(self, sql: str, params: Sequence[Value] = ()) -> int:
        """The one number that a query answers."""
        return integer(self.execute(sql, params)[0][0])

    def select(self, sql: str, params: Params = ()) -> tuple[list[str], list[Row]]:
        """One query's column names in lower case and its rows. Takes `?` with a sequence, `%(name)s` with a mapping."""
        names, rows = self.ask(*positional(sql, params))
        return [name.lower() for name in names], rows

    def ask(self, sql: str, params: Sequence[Value] = (), *, limit: int | None = None) -> tuple[list[str], list[Row]]:
        """One query's column names as the warehouse has them, and its rows: the first `limit` of them, or all."""
        return self._send(
            sql,
            params,
            lambda cursor: (
                [str(getattr(column, "name", "")) for column in cursor.description],
                _rows(sql, cursor, limit),
            ),
        )

    def frame(self, sql: str, params: Params = ()) -> pd.DataFrame:
        """`select` as a frame. A column with NULLs keeps Python's values (None, int, date): no integer turns float."""
        import pandas as pd

        names, rows = self.select(sql, params)
        columns = [pd.Series([row[place] for row in rows], dtype=object) for place in range(len(names))]
        typed = [column if column.isna().any() else column.infer_objects() for column in columns]
        return pd.concat(typed, axis=1, keys=names)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside becomes visible at once, or nothing does. Send no DDL inside: it would commit."""
        self.execute("BEGIN")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def stage(self, store: ObjectStore, keys: Sequence[str]) -> AbstractContextManager[str]:
        """The stage to COPY from while the context lasts; files in it are named by their keys in the lake."""
        return self._stage(self, store, keys)

    def _roll_back(self) -> None:
        """Roll back; a connection that is gone has rolled back already, and must not hide the first error."""
        try:
            self.execute("ROLLBACK")
        except PlatformError:
            return

    def _send(self, sql: str, params: Sequence[Value], read: Callable[[Cursor], _Result]) -> _Result:
        cursor = self._connection.cursor()
        self.statements += 1
        try:
            cursor.execute(sql, list(params) or None)
            return read(cursor)
        except PlatformError:
            raise
        except Exception as error:
            raise self._translate(error, sql) from error
        finally:
            if cursor.sfqid:
                self.query_ids.append(cursor.sfqid)
            cursor.close()
