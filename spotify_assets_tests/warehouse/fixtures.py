"""An empty embedded warehouse for each test that asks for one; every test's fixtures (conftest.py)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.warehouse import schema


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


@pytest.fixture
def warehouse(new_warehouse: EmbeddedWarehouse, prepared_folder: Path) -> EmbeddedWarehouse:
    """The same with all tables, empty."""
    shutil.copytree(prepared_folder, new_warehouse.folder)
    return new_warehouse
