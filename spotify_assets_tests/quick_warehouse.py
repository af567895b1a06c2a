"""What fakesnow makes in memory for each connection of the embedded warehouse, and tests of ours prove nothing by: used
again by the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.warehouse.session import Session

if TYPE_CHECKING:
    import duckdb


@contextmanager
def quick_warehouse() -> Iterator[None]:
    """In this process: a connection in a third of its time. A DuckDB in memory takes twenty milliseconds to start, and
    fakesnow's own views another twenty; what a connection attached is detached, and what it noted is deleted."""
    connected, free = EmbeddedWarehouse._connected, list["duckdb.DuckDBPyConnection"]()
    with pytest.MonkeyPatch.context() as patch:
        lend = cache(lambda: _lend(patch, free))  # fakesnow is imported by whoever connects

        def connecting(warehouse: EmbeddedWarehouse, folder: Path) -> AbstractContextManager[Session]:
            lend()
            return connected(warehouse, folder)

        patch.setattr(EmbeddedWarehouse, "_connected", connecting)
        yield
    for database in free:
        database.close()


def _lend(patch: pytest.MonkeyPatch, free: list[duckdb.DuckDBPyConnection]) -> None:
    from fakesnow.instance import FakeSnow

    make = FakeSnow.__init__

    @wraps(make)
    def making(instance: FakeSnow, **named: Any) -> None:
        if named.keys() != {"db_path"}:
            make(instance, **named)
            return
        if not free:
            made = object.__new__(FakeSnow)
            make(made)
            free.append(made.duck_conn)
        lent: Any = _Lent(free.pop(), free)
        vars(instance).update(
            create_database_on_connect=True,
            create_schema_on_connect=True,
            db_path=named["db_path"],
            nop_regexes=None,
            results_cache={},
            duck_conn=lent,
        )

    patch.setattr(FakeSnow, "__init__", making)


class _Lent:
    """A database in memory that goes back among the free ones when it is closed."""

    def __init__(self, database: duckdb.DuckDBPyConnection, free: list[duckdb.DuckDBPyConnection]) -> None:
        self._database, self._free = database, free

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def close(self) -> None:
        import duckdb

        try:
            for (name,) in self._database.execute(_ATTACHED).fetchall():
                self._database.execute(f'DETACH "{name}"')
            for (name,) in self._database.execute(_NOTES).fetchall():
                self._database.execute(f"DELETE FROM {name}")
            self._database.execute("RESET memory_limit; RESET temp_directory")
        except duckdb.Error:  # somebody still uses it, or it has written to its folder, which is gone
            self._database.close()
        else:
            self._free.append(self._database)


_ATTACHED = "SELECT database_name FROM duckdb_databases() WHERE NOT internal AND path IS NOT NULL"
_NOTES = """SELECT database_name || '.' || schema_name || '.' || table_name FROM duckdb_tables()
WHERE database_name = '_fs_global' AND estimated_size > 0"""
