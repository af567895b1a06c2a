"""The asset and its check, materialized on a lake and an embedded warehouse."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from spotify_assets.assets.dashboard import DASHBOARD_REPORT, dashboard_assets, page_link
from spotify_assets.checks.dashboard import dashboard_checks
from spotify_assets.dashboard import page, report
from spotify_assets.dashboard.data import READS
from spotify_assets.dashboard.page import render_page
from spotify_assets.names import PLAIN
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.warehouse.schema import APPLIED, LOADS
from spotify_assets_tests.dashboard.world import read_data


@pytest.fixture
def lake(tmp_path: Path) -> LakeResource:
    return LakeResource(url=(tmp_path / "a lake").as_uri())


def _materialize(lake: LakeResource, warehouse: EmbeddedWarehouse) -> dg.ExecuteInProcessResult:
    return dg.materialize([*dashboard_assets(), *dashboard_checks()], resources={"lake": lake, "warehouse": warehouse})


def _check(lake: LakeResource) -> dg.AssetCheckEvaluation:
    """The check on its own, as the UI runs it."""
    job = dg.define_asset_job("check", dg.AssetSelection.checks_for_assets(PLAIN.dashboard))
    definitions = dg.Definitions(
        assets=dashboard_assets(),
        asset_checks=dashboard_checks(),
        jobs=[job],
        resources={"lake": lake, "warehouse": EmbeddedWarehouse(folder="unused", database="UNUSED")},
    )
    (evaluation,) = definitions.resolve_job_def("check").execute_in_process().get_asset_check_evaluations()
    return evaluation


def test_materializing_stores_the_page_and_shows_where(lake: LakeResource, warehouse: EmbeddedWarehouse) -> None:
    result = _materialize(lake, warehouse)

    (event,) = result.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert metadata["dashboard"].value == lake.store.url("reports/dashboard.html")
    assert metadata["as_of"].value == "2026-11-21"
    assert metadata["bytes"].value == len(lake.store.get(DASHBOARD_REPORT))
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]


def test_materializing_twice_stores_the_same_bytes(lake: LakeResource, warehouse: EmbeddedWarehouse) -> None:
    _materialize(lake, warehouse)
    first = lake.store.get(DASHBOARD_REPORT)

    _materialize(lake, warehouse)

    assert lake.store.get(DASHBOARD_REPORT) == first


def test_materializing_again_reads_no_date_again(lake: LakeResource, warehouse: EmbeddedWarehouse) -> None:
    read = [
        event.materialization.metadata["dates_read"].value
        for _ in range(2)
        for event in _materialize(lake, warehouse).get_asset_materialization_events()
    ]

    assert read == [14, 0]


def test_others_get_at_the_warehouse_while_the_page_is_drawn(
    lake: LakeResource, warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = EmbeddedWarehouse(folder=warehouse.folder, database=warehouse.database, lock_timeout_seconds=0)
    answers = []

    def drawn(*arguments: Any) -> bytes:
        answers.append(other.execute("SELECT 1"))
        return render_page(*arguments)

    monkeypatch.setattr(page, "render_page", drawn)
    _materialize(lake, warehouse)

    assert answers == [[(1,)]]


def test_a_page_that_must_be_thinned_is_made_of_what_the_warehouse_holds(
    lake: LakeResource, warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    little = partial(report.build_report, budget=9_500)
    monkeypatch.setattr(report, "build_report", little)

    pages = [_materialize(lake, warehouse) and lake.store.get(DASHBOARD_REPORT) for _ in range(2)]

    expected = little(read_data(warehouse, by_pack=False))
    assert expected.thinning != report.Thinning()
    assert pages == [render_page(expected)] * 2


def test_the_check_names_what_is_wrong_with_a_stored_page(lake: LakeResource) -> None:
    lake.store.put(DASHBOARD_REPORT, b"<!doctype html><p>half a page")

    evaluation = _check(lake)

    assert not evaluation.passed
    assert "it is cut off" in (evaluation.description or "")


def test_the_check_fails_without_a_page(lake: LakeResource) -> None:
    evaluation = _check(lake)

    assert not evaluation.passed
    assert "Materialize `dashboard`" in (evaluation.description or "")


def test_the_asset_depends_on_every_table_its_queries_read() -> None:
    (asset,) = dashboard_assets()

    expected = {
        dg.AssetKey(["snowflake", layer, table.name]) for layer, table in READS if table not in (LOADS, APPLIED)
    }

    assert set(asset.dependency_keys) == expected


def test_the_asset_says_where_it_belongs() -> None:
    (asset,) = dashboard_assets()
    spec = asset.specs_by_key[PLAIN.dashboard]

    assert spec.group_name == "analytics"
    assert spec.kinds == {"html", "plotly"}
    assert list(spec.owners) == ["team:analytics"]


def test_a_page_on_s3_links_to_the_console() -> None:
    assert page_link("s3://bucket/some lake/reports/dashboard.html", None) == (
        "https://s3.console.aws.amazon.com/s3/object/bucket?prefix=some%20lake/reports/dashboard.html"
    )
