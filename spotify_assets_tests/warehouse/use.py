"""Short ways to use a warehouse in tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from glue_scripts.commit import Commit
from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets.resources.warehouse import WarehouseResource
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import dimensions, loads, marts
from spotify_assets.warehouse.session import Row, Session

Content = dict[str, list[Row]]


def load(
    warehouse: WarehouseResource,
    store: ObjectStore,
    commits: Mapping[dt.date, Commit],
    tables: Iterable[str] = tuple(LAKE_TABLES),
) -> None:
    """Load the commits' dates into the given lake tables, all on one connection."""

    def work(session: Session) -> None:
        for table in tables:
            loads.load_table(session, store, table, commits)

    warehouse.run(work)


def merge_all(warehouse: WarehouseResource) -> None:
    warehouse.run(lambda session: [dimensions.merge(session, name) for name in DIMENSIONS])


def build_all(warehouse: WarehouseResource) -> None:
    warehouse.run(lambda session: [marts.build(session, name) for name in marts.DEFINITIONS])


def rebuild_all(warehouse: WarehouseResource) -> None:
    def work(session: Session) -> None:
        for name in DIMENSIONS:
            dimensions.rebuild(session, name)
        for name in marts.DEFINITIONS:
            marts.rebuild(session, name)

    warehouse.run(work)


def content(warehouse: WarehouseResource, layer: str, tables: Iterable[str]) -> Content:
    """All rows of tables, sorted, by table."""

    def read(session: Session) -> Content:
        return {
            table: sorted(session.execute(f"SELECT * FROM {layer}.{table}"), key=lambda row: tuple(map(str, row)))
            for table in tables
        }

    return warehouse.run(read)


def computed(warehouse: WarehouseResource) -> Content:
    """All rows of every dimension and mart."""
    return {
        **{f"spotify.{k}": v for k, v in content(warehouse, "SPOTIFY", DIMENSIONS).items()},
        **{f"analytics.{k}": v for k, v in content(warehouse, "ANALYTICS", MARTS).items()},
    }
