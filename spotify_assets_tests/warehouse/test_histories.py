"""The marts on twenty little playlists whose facts are known by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.warehouse import marts
from spotify_assets_tests.warehouse.fixtures import kept_warehouse
from spotify_assets_tests.warehouse.histories import EXAMPLES, Example
from spotify_assets_tests.warehouse.lake_files import DAY, Tables, commit_day, day, open_lake, tables_of
from spotify_assets_tests.warehouse.use import build_all, load, merge_all


def example_tables() -> dict[dt.date, Tables]:
    """All the playlists' snapshots, by date."""
    dates = sorted({on for example in EXAMPLES.values() for on in example.snapshots})
    tables = {}
    for on in dates:
        there = {name: example.snapshots[on] for name, example in EXAMPLES.items() if on in example.snapshots}
        entries = {name: [None if song == "." else song for song in text.strip("?")] for name, text in there.items()}
        tables[day(on)] = tables_of(entries, incomplete=[name for name, text in there.items() if text.endswith("?")])
    return tables


@pytest.fixture(scope="module")
def built(prepared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedWarehouse]:
    """The examples' dates loaded one by one, each merged and computed, as the days pass."""
    folder = tmp_path_factory.mktemp("examples")
    store = open_lake(folder / "lake")
    with kept_warehouse(prepared_folder, folder / "warehouse") as warehouse:
        for on, tables in example_tables().items():
            load(warehouse, store, {on: commit_day(store, on, f"run-{on}", tables)})
            merge_all(warehouse)
            build_all(warehouse)
        yield warehouse


def number(on: object) -> int:
    assert isinstance(on, dt.date)
    return (on - DAY).days


def place(position: object) -> str:
    return "-" if position is None else str(position)


@pytest.mark.parametrize(("name", "example"), EXAMPLES.items(), ids=EXAMPLES)
def test_the_marts_show_what_happened(built: EmbeddedWarehouse, name: str, example: Example) -> None:
    changes = built.execute(
        "SELECT snapshot_date, song_id, change, from_position, to_position FROM ANALYTICS.PLAYLIST_CHANGES "
        "WHERE playlist_id = ?",
        [name],
    )
    runs = built.execute(
        "SELECT song_id, first_on, last_on, days_present, longest_run, re_entries, is_present FROM ANALYTICS.SONG_RUNS "
        "WHERE playlist_id = ?",
        [name],
    )
    week = built.execute(
        "SELECT song_id, change, from_position, to_position, in_since FROM ANALYTICS.PLAYLIST_WEEK "
        "WHERE playlist_id = ? AND week_start = ? AND change <> 'stayed'",
        [name, dt.date(2026, 1, 5)],
    )

    shown = [f"{number(on)} {song} {what} {_step(was, to)}" for on, song, what, was, to in changes]
    assert sorted(shown) == sorted(example.changes)
    assert sorted(
        f"{song} {number(first)}-{number(last)} {days} {longest} {again}{'+' if there else ''}"
        for song, first, last, days, longest, again, there in runs
    ) == sorted(example.runs)
    assert sorted(f"{song} {what} {_step(was, to)} {number(since)}" for song, what, was, to, since in week) == sorted(
        example.week
    )


def _step(was: object, to: object) -> str:
    return f"{place(was)}>{place(to)}"


def test_an_incomplete_snapshot_is_named_and_not_compared(built: EmbeddedWarehouse) -> None:
    health = built.execute(
        "SELECT playlist_id, snapshot_date FROM ANALYTICS.PLAYLIST_HEALTH WHERE NOT is_complete ORDER BY 1, 2"
    )

    assert health == [("incomplete", day(4)), ("incomplete at the end", day(6))]


def test_a_song_that_stands_twice_and_one_under_another_id_are_duplicates(built: EmbeddedWarehouse) -> None:
    rows = built.execute(
        "SELECT kind, duplicate_of, entries, songs, first_position, last_position FROM ANALYTICS.SONG_DUPLICATES "
        "WHERE playlist_id = 'duplicated' ORDER BY kind"
    )

    assert rows == [("song", "a", 2, 1, 0, 2)]


def test_two_songs_of_one_recording_are_near_duplicates_of_each_other(
    warehouse: EmbeddedWarehouse, tmp_path: Path
) -> None:
    store = open_lake(tmp_path / "lake")
    tables = tables_of({"P": ["a", "b", "a+x", "c", "c", "a"]})  # the letters' songs share an ISRC with their duets
    load(warehouse, store, {day(0): commit_day(store, day(0), "run", tables)})
    merge_all(warehouse)
    build_all(warehouse)

    rows = warehouse.execute(
        "SELECT kind, duplicate_of, song_id, entries, songs, first_position, last_position "
        "FROM ANALYTICS.SONG_DUPLICATES ORDER BY kind, song_id"
    )

    assert rows == [
        ("isrc", "A", "a", 3, 2, 0, 5),
        ("song", "a", "a", 2, 1, 0, 5),
        ("song", "c", "c", 2, 1, 3, 4),
    ]


def test_an_entry_is_young_until_its_30th_90th_and_365th_day(warehouse: EmbeddedWarehouse, tmp_path: Path) -> None:
    store, ages = open_lake(tmp_path / "lake"), {"a": 29, "b": 30, "c": 89, "d": 90, "e": 364, "f": 365}
    tables = tables_of({"P": [*ages, None], "Q": ["x"]})
    midnight = dt.datetime.combine(DAY, dt.time())
    added = [{**row, "added_at": _before(midnight, ages.get(str(row["song_id"])))} for row in tables["playlist_items"]]
    albums = [{**row, "release_date": _before(DAY, ages.get(str(row["album_id"])[-1]))} for row in tables["albums"]]
    commit = commit_day(store, day(0), "run", {**tables, "playlist_items": added, "albums": albums})
    load(warehouse, store, {day(0): commit})
    warehouse.run(lambda session: marts.build(session, "playlist_freshness"))

    columns = ", ".join(f"{kind}_known, {kind}_30_share, {kind}_90_share, {kind}_365_share" for kind in KINDS)
    rows = warehouse.execute(f"SELECT playlist_id, entries, {columns} FROM ANALYTICS.PLAYLIST_FRESHNESS ORDER BY 1")

    shares = (6, 1 / 6, 3 / 6, 5 / 6)
    assert rows == [("P", 6, *shares, *shares), ("Q", 1, 0, None, None, None, 0, None, None, None)]


KINDS = ("added", "released")


def _before(moment: dt.date, days: int | None) -> dt.date | None:
    return None if days is None else moment - dt.timedelta(days=days)


def test_what_the_entries_of_a_playlist_are_is_counted(warehouse: EmbeddedWarehouse, tmp_path: Path) -> None:
    store = open_lake(tmp_path / "lake")
    tables = tables_of({"P": ["a", "a", "b", "c", None, None, None], "Q": []})
    kinds = ["track", "track", "track", "local", "episode", "missing", "missing"]
    items = [{**row, "item_type": kind} for row, kind in zip(tables["playlist_items"], kinds, strict=True)]
    songs = [{**row, "name": "" if row["song_id"] in ("a", "c") else "A"} for row in tables["songs"]]
    commit = commit_day(store, day(0), "run", {**tables, "playlist_items": items, "songs": songs})
    load(warehouse, store, {day(0): commit})
    warehouse.run(lambda session: marts.build(session, "playlist_health"))

    rows = warehouse.execute(
        "SELECT playlist_id, entry_count, tracks, local_files, episodes, missing, withdrawn, repeated "
        "FROM ANALYTICS.PLAYLIST_HEALTH ORDER BY 1"
    )

    assert rows == [("P", 7, 3, 1, 1, 2, 2, 1), ("Q", 0, 0, 0, 0, 0, 0, 0)]
