"""The dashboard's queries and their limits, on Snowflake SQL run by the embedded warehouse."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
import sqlglot
from sqlglot.expressions import Query

from spotify_assets.dashboard.data import (
    DashboardData,
    ReleaseYear,
    Totals,
    plan_limits,
    read_dashboard_data,
    typed,
)
from spotify_assets.warehouse.session import positional
from spotify_assets.warehouse.sql import render, statement
from spotify_assets_tests.dashboard.world import World, day, fill_warehouse, warehouse_rows

FOLDER = files("spotify_assets").joinpath("sql", "dashboard")
STATEMENTS = sorted(path.name.removesuffix(".sql") for path in FOLDER.iterdir())


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_is_one_query_of_snowflakes_dialect(name: str) -> None:
    limits = dataclasses.asdict(plan_limits(1))
    sql, values = positional(render(f"dashboard/{name}", loaded=statement("dashboard/loaded")), limits)

    (parsed,) = sqlglot.parse(sql, read="snowflake")

    assert isinstance(parsed, Query)
    assert sql.count("?") == len(values)


def test_the_totals_count_everything_ever_seen(world: World, data: DashboardData) -> None:
    assert data.totals == Totals(day(0), day(13), 14, len(world.playlists), len(world.songs), len(world.artists))


def test_ranks_are_the_best_position_of_each_song_on_each_day(world: World, data: DashboardData) -> None:
    expected = {
        (playlist_id, date, song_id, entries.index(song_id))
        for playlist_id, history in world.snapshots.items()
        for date, entries in history.items()
        for song_id in {song for song in entries[: data.limits.depth] if song}
    }

    found = [(row.playlist_id, row.snapshot_date, row.song_id, row.position) for row in data.ranks]

    assert len(found) == len(set(found))
    assert set(found) == expected


def test_changes_are_those_of_each_playlists_own_latest_snapshot(world: World, data: DashboardData) -> None:
    for playlist_id, history in world.snapshots.items():
        previous, latest = ([], *history.values())[-2:]
        entered = {world.songs[song].name for song in set(latest) - set(previous) if song}
        expected = entered if len(history) > 1 else set()

        found = {row.song_name for row in data.changes if row.playlist_id == playlist_id and row.change == "entered"}

        assert found == expected, playlist_id


def test_a_capped_list_says_how_many_there_were(data: DashboardData) -> None:
    moved = [row for row in data.changes if row.playlist_id == "archive" and row.change == "moved"]

    assert len(moved) == data.limits.rows
    assert {row.total for row in moved} == {298}


def test_a_playlists_artists_are_the_ones_with_the_most_entries(world: World, data: DashboardData) -> None:
    counts: dict[str, int] = {}
    for entries in world.snapshots["chart000"].values():
        for song_id in entries:
            for artist_id in world.songs[song_id or ""].artists:
                counts[artist_id] = counts.get(artist_id, 0) + 1
    leaders = sorted(counts, key=lambda artist_id: (-counts[artist_id], artist_id))[: data.limits.artists]

    found = {row.artist_id for row in data.playlist_artists if row.playlist_id == "chart000"}
    slots = sum(row.slots for row in data.playlist_artists if row.playlist_id == "chart000")

    assert found == set(leaders)
    assert slots == sum(counts[artist_id] for artist_id in leaders)


def test_a_date_loaded_by_half_is_left_out(tmp_path: Path) -> None:
    world = World()
    song = world.song("One", "Artist")
    world.playlist("p", "List", {day(0): [song], day(1): [song]})
    rows = warehouse_rows(world)
    rows["lake.loads"] = [row for row in rows["lake.loads"] if row[:2] != ("playlist_items", day(1))]

    data = fill_warehouse(tmp_path, rows).run(read_dashboard_data)

    assert data.totals.last_on == day(0)
    assert [row.snapshot_date for row in data.snapshots] == [day(0)]


def test_an_empty_warehouse_is_read_as_empty(tmp_path: Path) -> None:
    data = fill_warehouse(tmp_path, {}).run(read_dashboard_data)

    assert data.totals == Totals(None, None, 0, 0, 0, 0)
    assert not data.ranks
    assert not data.playlists


def test_tables_that_do_not_exist_yet_are_read_as_empty(tmp_path: Path) -> None:
    from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse

    warehouse = EmbeddedWarehouse(folder=str(tmp_path), database="SPOTIFY_ASSETS")

    assert warehouse.run(read_dashboard_data).totals.playlists == 0


@pytest.mark.parametrize("playlists", [0, 1, 20, 27, 100, 178, 500, 5_000])
def test_the_limits_bound_the_page_however_many_playlists_there_are(playlists: int) -> None:
    limits = plan_limits(playlists)

    assert 14 <= limits.days <= 90
    assert 10 <= limits.depth <= 100
    if playlists <= 1_000:
        assert limits.days * limits.depth * max(playlists, 1) <= 260_000


def test_a_drivers_decimals_become_the_annotated_numbers() -> None:
    (row,) = typed(
        ReleaseYear,
        ["slots", "median_age_years", "release_year", "playlist_id"],
        [(Decimal(3), Decimal("2.5"), None, "p")],
    )

    assert row == ("p", None, 3, 2.5)
    assert [type(value) for value in row] == [str, type(None), int, float]


def test_a_date_stays_a_date() -> None:
    (row,) = typed(Totals, Totals._fields, [(dt.date(2026, 1, 2), None, 1, 2, 3, 4)])

    assert row.first_on == dt.date(2026, 1, 2)
    assert row.last_on is None
