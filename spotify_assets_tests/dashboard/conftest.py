"""Fixtures of the dashboard's tests: two invented weeks in an embedded warehouse, read once."""

from __future__ import annotations

import pytest

from spotify_assets.dashboard.data import DashboardData
from spotify_assets.dashboard.page import render_page
from spotify_assets.dashboard.report import build_report
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets_tests.dashboard.world import World, fill_warehouse, invented_world, read_data, warehouse_rows


@pytest.fixture(scope="package")
def world() -> World:
    return invented_world(days=14, charts=3, archive=300)


@pytest.fixture(scope="package")
def warehouse(world: World, tmp_path_factory: pytest.TempPathFactory) -> EmbeddedWarehouse:
    return fill_warehouse(tmp_path_factory.mktemp("dashboard"), warehouse_rows(world))


@pytest.fixture(scope="package")
def data(warehouse: EmbeddedWarehouse) -> DashboardData:
    return read_data(warehouse)


@pytest.fixture(scope="package")
def page(data: DashboardData) -> bytes:
    return render_page(build_report(data))
