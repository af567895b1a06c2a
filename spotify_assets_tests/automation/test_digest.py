"""The job that sends the weekly digest: what it sends of a week that is known, and of one that nothing is known of."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from spotify_assets.automation.digest import DigestMessage, digest_job
from spotify_assets.engines.duckdb_engine import build_day
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse.marts import monday
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import day_sources, put_raw
from spotify_assets_tests.reference_tables import Raw
from spotify_assets_tests.warehouse.use import build_all, load, merge_all

OVER = monday(dt.datetime.now(dt.UTC).date()) - dt.timedelta(days=7)


def send(warehouse: EmbeddedWarehouse) -> list[DigestMessage]:
    sent: list[DigestMessage] = []
    job = digest_job(load_settings({}, {}), sent.append)
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(resources={"warehouse": warehouse}, instance=instance).success
    return sent


@pytest.mark.parametrize("day", [None, OVER - dt.timedelta(days=1)], ids=["nothing at all", "the week before"])
def test_a_week_without_snapshots_is_said_and_no_failure(
    store: ObjectStore, warehouse: EmbeddedWarehouse, day: dt.date | None
) -> None:
    if day is not None:
        know(store, warehouse, day)

    (message,) = send(warehouse)

    assert message.title == f"No snapshots in the week of {OVER}"
    assert "whole snapshot" in message.text


def test_the_week_that_is_over_is_sent(store: ObjectStore, warehouse: EmbeddedWarehouse) -> None:
    know(store, warehouse, OVER + dt.timedelta(days=6))

    (message,) = send(warehouse)

    assert str(OVER) in message.title
    assert "Mine" in message.text


def know(store: ObjectStore, warehouse: EmbeddedWarehouse, day: dt.date) -> None:
    """A snapshot of `day`, in the marts."""
    put_raw(store, Raw(e.spotify_id("p"), {"name": "Mine"}, [(0, [e.entry(e.track("A"))])], day, f"{day}T06:00:00Z"))
    sources = day_sources(store, day)
    built = build_day(store, "run", sources)
    at = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    load(warehouse, store, {day: built.commit(engine="duckdb", code="tests", sources=sources.sources, committed_at=at)})
    merge_all(warehouse)
    build_all(warehouse)
