"""What the dashboard reads, on Snowflake SQL run by the embedded warehouse: windows, and nothing twice."""

from __future__ import annotations

import datetime as dt
import gzip
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
import sqlglot
from sqlglot.expressions import Query

from spotify_assets.dashboard.data import DashboardData
from spotify_assets.dashboard.rows import FactChange, Loaded, shown_dates, typed
from spotify_assets.lake.layout import report_part_key
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse.session import positional
from spotify_assets.warehouse.sql import render
from spotify_assets_tests.dashboard.world import World, day, fill_warehouse, read_data, warehouse_rows

FOLDER = files("spotify_assets").joinpath("sql", "dashboard")
STATEMENTS = sorted(path.name.removesuffix(".sql") for path in FOLDER.iterdir())


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_is_one_query_of_snowflakes_dialect(name: str) -> None:
    params = {"first_on": day(0), "last_on": day(1), "day": day(0), "since": day(0)}
    sql, values = positional(
        render(f"dashboard/{name}", loaded=shown_dates(), agreed=shown_dates(), dates="'2026-01-01'"), params
    )

    (parsed,) = sqlglot.parse(sql, read="snowflake")

    assert isinstance(parsed, Query)
    assert sql.count("?") == len(values)


def unpacked(warehouse: EmbeddedWarehouse, store: ObjectStore | None = None) -> DashboardData:
    return read_data(warehouse, store, by_pack=False)


def test_every_snapshot_is_read_as_it_stood(world: World, warehouse: EmbeddedWarehouse) -> None:
    data = unpacked(warehouse)
    read = {
        (playlist_id, one.day): [data.keys[song] for song in one.songs]
        for playlist_id, snapshots in data.snapshots.items()
        for one in snapshots
    }

    assert read == {
        (playlist_id, date): [song or "" for song in entries]
        for playlist_id, history in world.snapshots.items()
        for date, entries in history.items()
    }


def test_a_date_is_read_once(warehouse: EmbeddedWarehouse, tmp_path: Path) -> None:
    store = ObjectStore.open(tmp_path.as_uri())

    first = read_data(warehouse, store)
    again = read_data(warehouse, store)

    assert [len(window) for window in first.windows] == [7, 7]
    assert again.windows == []
    assert (again.snapshots, again.keys, again.popularity) == (first.snapshots, first.keys, first.popularity)


def test_a_date_loaded_by_another_run_is_read_again_and_no_other(tmp_path: Path) -> None:
    world = World()
    a, b = world.song("A", "X"), world.song("B", "X")
    world.playlist("p", "List", {day(0): [a], day(1): [a], day(9): [b]})
    store = ObjectStore.open((tmp_path / "lake").as_uri())
    warehouse = fill_warehouse(tmp_path, warehouse_rows(world))
    unpacked(warehouse, store)

    with warehouse.session() as session:
        session.execute("UPDATE LAKE.LOADS SET run_id = 'corrected' WHERE snapshot_date = ?", [day(1)])
        session.execute("UPDATE LAKE.PLAYLIST_ITEMS SET song_id = ? WHERE snapshot_date = ?", [b, day(1)])
    data = unpacked(warehouse, store)

    assert data.windows == [[day(1)]]
    assert [[data.keys[song] for song in one.songs] for one in data.snapshots["p"]] == [[a], [b], [b]]


@pytest.mark.parametrize("stored", [b"", b"\x1f\x8b", b"no part", b"{}", gzip.compress(b"{}")[:10] + b"\xff" * 20])
def test_a_part_that_cannot_be_read_is_read_anew(warehouse: EmbeddedWarehouse, tmp_path: Path, stored: bytes) -> None:
    store = ObjectStore.open(tmp_path.as_uri())
    store.put(report_part_key("2026-11-01"), stored)

    data = read_data(warehouse, store)

    assert [len(window) for window in data.windows] == [7, 7]


def test_a_date_loaded_by_half_is_left_out(tmp_path: Path) -> None:
    world = World()
    song = world.song("One", "Artist")
    world.playlist("p", "List", {day(0): [song], day(1): [song]})
    rows = warehouse_rows(world)
    rows["lake.loads"] = [row for row in rows["lake.loads"] if row[:2] != ("playlist_items", day(1))]

    data = read_data(fill_warehouse(tmp_path, rows))

    assert data.dates == [day(0)]
    assert [one.day for one in data.snapshots["p"]] == [day(0)]


def test_places_that_were_not_read_stay_places(tmp_path: Path) -> None:
    world = World()
    a, b, c = (world.song(name, "X") for name in "ABC")
    world.playlist("p", "List", {day(0): [a, b, c]})
    world.partial["p", day(0)] = 3
    rows = warehouse_rows(world)
    rows["lake.playlist_items"] = [row for row in rows["lake.playlist_items"] if b not in row]

    data = read_data(fill_warehouse(tmp_path, rows))

    (snapshot,) = data.snapshots["p"]
    assert [data.keys[song] for song in snapshot.songs] == [a, "?", c]
    assert (snapshot.is_complete, snapshot.item_count) == (False, 3)


def test_tables_that_do_not_exist_yet_are_read_as_empty(tmp_path: Path) -> None:
    warehouse = EmbeddedWarehouse(folder=str(tmp_path), database="SPOTIFY_ASSETS")

    assert read_data(warehouse) == DashboardData()


def test_a_drivers_decimals_become_the_annotated_numbers() -> None:
    names = ["playlist_id", "change", "from_position", "to_position", "song_name", "artist_name", "total"]
    (row,) = typed(FactChange, names, [("p", "moved", Decimal(3), None, "A", None, Decimal(2))])

    assert row == ("p", "moved", 3, None, "A", None, 2)
    assert [type(row.from_position), type(row.total)] == [int, int]


def test_a_date_stays_a_date() -> None:
    (row,) = typed(Loaded, Loaded._fields, [(dt.date(2026, 1, 2), "run")])

    assert row.snapshot_date == dt.date(2026, 1, 2)
