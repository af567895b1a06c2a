"""An empty embedded warehouse for each test that asks for one; every test's fixtures (conftest.py)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from spotify_assets.resources.warehouse import INTERACTIVE
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.warehouse import schema
from spotify_assets.warehouse.session import QueryTag, Session


@pytest.fixture(scope="session")
def prepared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse whose tables exist and are empty, made once."""
    folder = tmp_path_factory.mktemp("prepared")
    tables = [(layer, table) for layer, found in schema.TABLES.items() for table in found.values()]
    prepared = EmbeddedWarehouse(folder=str(folder), database="SPOTIFY_ASSETS")
    prepared.run(lambda session: schema.prepare(session, tables))
    return folder


@pytest.fixture
def new_warehouse(tmp_path: Path) -> EmbeddedWarehouse:
    """An embedded warehouse in which nothing exists yet, in a folder with a space in its name."""
    return EmbeddedWarehouse(folder=str(tmp_path / "a warehouse"), database="SPOTIFY_ASSETS", lock_timeout_seconds=60)


class KeptWarehouse(EmbeddedWarehouse):
    """Keeps its connection until a piece of work fails, as a run of Dagster does: opening one costs as much as a
    hundred statements. Whoever opens the file otherwise meanwhile waits for its lock."""

    @contextmanager
    def session(self, tag: QueryTag = INTERACTIVE) -> Iterator[Session]:
        if self.folder not in _OPEN:
            stack = ExitStack()
            _OPEN[self.folder] = stack, stack.enter_context(super().session(tag))
        session = _OPEN[self.folder][1]
        session.query_ids.clear()
        try:
            yield session
        except BaseException:
            let_go(self.folder)
            raise


_OPEN: dict[str, tuple[ExitStack, Session]] = {}
"""By folder: Dagster makes a resource of its own of the one it is given."""


def let_go(folder: str) -> None:
    """Close what is kept open there."""
    if folder in _OPEN:
        _OPEN.pop(folder)[0].close()


@contextmanager
def kept_warehouse(prepared: Path, folder: Path) -> Iterator[KeptWarehouse]:
    """A warehouse in `folder` (a new one) with all tables, empty."""
    shutil.copytree(prepared, folder)
    try:
        yield KeptWarehouse(folder=str(folder), database="SPOTIFY_ASSETS", lock_timeout_seconds=60)
    finally:
        let_go(str(folder))


@pytest.fixture
def warehouse(new_warehouse: EmbeddedWarehouse, prepared_folder: Path) -> Iterator[EmbeddedWarehouse]:
    """The same with all tables, empty."""
    with kept_warehouse(prepared_folder, Path(new_warehouse.folder)) as kept:
        yield kept
