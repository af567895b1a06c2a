"""What is packed a month at a time is what the page says of everything at once."""

from __future__ import annotations

import datetime as dt
import random
import shutil
from pathlib import Path

import pytest

from spotify_assets.dashboard.data import DashboardData, read_dashboard_data
from spotify_assets.dashboard.report import build_report
from spotify_assets.lake.layout import report_pack_key
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.dashboard.script import run_script
from spotify_assets_tests.dashboard.world import World, day, fill_warehouse, warehouse_rows

_TOLD = """
const lists = {};
const about = (song) => [songs.ids[song], songs.names[song], songs.released[song], songs.kinds[song] ?? 0,
  songs.credits[song].map((artist) => [songs.artistIds[artist], songs.artistNames[artist]]),
  (songs.recordings[songs.recording.get(song)] ?? []).map((same) => songs.ids[same]).sort()];
for (const { id } of index.playlists) {
  const history = await historyOf(id);
  lists[id] = history.days.map((day, at) => [iso(day), history.partial[at] ?? null,
    Object.values(history.counts).map((counts) => counts[at]), [...history.lists[at]].map(about)]);
}
const { days, songs: points } = readPopularity(await unpack(blockText("popularity")));
const popular = Object.entries(points).map(([song, values]) => [songs.ids[song], values]).sort();
return { playlists: index.playlists, counts: index.counts, lists, days, popular };
"""

DATES = [*range(0, 120, 6), *range(120, 150)]
"""A date every six days, and the thirty latest: the first months are past."""

PAST = ["2026-11", "2026-12", "2027-01", "2027-02"]


def said(data: DashboardData) -> object:
    """Everything the page's own script reads from the blocks."""
    return run_script(build_report(data).blocks, _TOLD)


def drifting() -> World:
    """Three lists of which songs leave and come back after months; some are one recording, and places are empty."""
    dice = random.Random(5)
    world = World()
    songs = [world.song(f"Song {n}", f"Artist {n % 7}", year=1990 + n, isrc=f"QZ{n % 35:03d}") for n in range(40)]
    for name in ("p", "q", "r"):
        entries = dice.sample(songs, 12)
        history: dict[dt.date, list[str | None]] = {}
        for number in DATES:
            entries = entries.copy()
            entries[dice.randrange(12)] = dice.choice(songs)
            history[day(number)] = [*entries, None] if number % 4 else [*entries]
        world.playlist(name, name.upper(), history)
    return world


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore.open((tmp_path / "lake").as_uri())


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedWarehouse:
    return fill_warehouse(tmp_path_factory.mktemp("drifting"), warehouse_rows(drifting()))


@pytest.fixture
def warehouse(filled: EmbeddedWarehouse, tmp_path: Path) -> EmbeddedWarehouse:
    """A copy that a test may change."""
    shutil.copytree(filled.folder, tmp_path / "warehouse")
    return EmbeddedWarehouse(folder=str(tmp_path / "warehouse"), database=filled.database)


def packs(store: ObjectStore) -> list[str]:
    return [
        month for month in ("2026-11", "2026-12", "2027-01", "2027-02") if store.get_or_none(report_pack_key(month))
    ]


def read(warehouse: EmbeddedWarehouse, store: ObjectStore | None = None) -> DashboardData:
    return warehouse.run(lambda session: read_dashboard_data(session, store))


def test_months_past_are_packed_and_say_the_same(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    expected = said(read(warehouse))

    first, again = read(warehouse, store), read(warehouse, store)

    assert said(first) == said(again) == expected
    assert packs(store) == PAST
    assert {one.day.month for snapshots in again.snapshots.values() for one in snapshots} == {3, 4}
    assert again.windows == []


def test_what_was_renamed_is_told_by_its_new_name_in_months_long_past(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    read(warehouse, store)
    with warehouse.session() as session:
        latest = "(SELECT MAX(last_seen_on) FROM SPOTIFY.SONGS)"
        session.execute(f"UPDATE SPOTIFY.SONGS SET name = 'New', isrc = 'QZ000' WHERE last_seen_on = {latest}")
        session.execute(f"UPDATE SPOTIFY.ARTISTS SET name = name || '!' WHERE last_seen_on = {latest}")

    assert said(read(warehouse, store)) == said(read(warehouse))


@pytest.mark.parametrize("number", [6, 60, 149])
def test_a_date_that_is_loaded_again_is_packed_again_with_the_months_after_it(
    warehouse: EmbeddedWarehouse, store: ObjectStore, number: int
) -> None:
    read(warehouse, store)
    with warehouse.session() as session:
        session.execute("UPDATE LAKE.LOADS SET run_id = 'corrected' WHERE snapshot_date = ?", [day(number)])
        session.execute("UPDATE SPOTIFY.APPLIED_LOADS SET run_id = 'corrected' WHERE snapshot_date = ?", [day(number)])
        session.execute("DELETE FROM LAKE.PLAYLIST_ITEMS WHERE snapshot_date = ? AND position > 6", [day(number)])
        session.execute("UPDATE SPOTIFY.SONGS SET name = 'As it was' WHERE name = 'Song 7'")

    corrected = read(warehouse, store)

    assert corrected.windows == [[day(number)]]
    assert said(corrected) == said(read(warehouse, store)) == said(read(warehouse))


def test_a_date_that_is_gone_is_gone(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    read(warehouse, store)
    with warehouse.session() as session:
        session.execute("DELETE FROM LAKE.LOADS WHERE snapshot_date >= ?", [day(147)])

    assert said(read(warehouse, store)) == said(read(warehouse))


def test_a_month_is_packed_only_when_its_names_are_there(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    with warehouse.session() as session:
        session.execute(
            "DELETE FROM SPOTIFY.APPLIED_LOADS WHERE snapshot_date = ? AND table_name = 'songs'", [day(149)]
        )

    read(warehouse, store)

    assert packs(store) == []


def test_packs_that_cannot_be_read_are_made_anew(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    expected = said(read(warehouse, store))
    unreadable = dict(zip(PAST, (b"", b"\x1f\x8b", b"no pack", b"{}"), strict=True))
    for month, stored in unreadable.items():
        store.put(report_pack_key(month), stored)

    assert said(read(warehouse, store)) == expected
    assert packs(store) == PAST
    for month, stored in unreadable.items():
        assert store.get(report_pack_key(month)) != stored


def test_a_page_that_must_be_thinned_is_made_of_everything(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    read(warehouse, store)

    def thinned(where: ObjectStore | None) -> object:
        return warehouse.run(lambda session: build_report(read_dashboard_data(session, where), budget=1_500).blocks)

    assert thinned(store) == thinned(None)
