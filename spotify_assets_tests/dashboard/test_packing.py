"""What is packed a stretch of time after the other is what the page says of everything at once."""

from __future__ import annotations

import datetime as dt
import random
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from spotify_assets.dashboard.data import DashboardData
from spotify_assets.dashboard.encoding import joined
from spotify_assets.dashboard.packing import Names, Pack, Packed, Points, Snapshot, Stretch
from spotify_assets.dashboard.parts import Parts
from spotify_assets.dashboard.report import build_report
from spotify_assets.lake.layout import report_pack_key
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.dashboard.script import run_script
from spotify_assets_tests.dashboard.world import World, day, fill_warehouse, read_data, warehouse_rows

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
"""A date every six days, and the thirty latest, which end on the fifth of a month."""

PAST = ["2026-11", "2026-12", "2027-01", "2027-02", "2027-03"]


def said(data: DashboardData) -> object:
    """Everything the page's own script reads from the blocks."""
    return run_script(build_report(data).blocks, _TOLD)


def drifting() -> World:
    """Three lists of which songs leave and come back after months; some are one recording, and places are empty. One of
    the lists was not there for a month."""
    dice = random.Random(5)
    world = World()
    songs = [world.song(f"Song {n}", f"Artist {n % 7}", year=1990 + n, isrc=f"QZ{n % 35:03d}") for n in range(40)]
    for name in ("p", "q", "r"):
        entries = dice.sample(songs, 12)
        history: dict[dt.date, list[str | None]] = {}
        for number in DATES:
            entries = entries.copy()
            entries[dice.randrange(12)] = dice.choice(songs)
            if name != "r" or day(number).month != 1:
                history[day(number)] = [*entries, None] if number % 4 else [*entries]
        world.playlist(name, name.upper(), history)
    world.popularity = popularity(world, dice)
    return world


def popularity(world: World, dice: random.Random) -> dict[dt.date, dict[str, int]]:
    """A popularity of every song that is somewhere, for each of the dates."""
    dates = sorted({date for history in world.snapshots.values() for date in history})
    return {
        date: {
            song: dice.randrange(100)
            for song in dict.fromkeys(song for history in world.snapshots.values() for song in history.get(date, ()))
            if song
        }
        for date in dates
    }


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
    """The stretches that are kept packed."""
    return [
        one.key[len("reports/parts/") : -len(".pack")] for one in store.list("reports/parts/") if one.key[-1] == "k"
    ]


def read(warehouse: EmbeddedWarehouse, store: ObjectStore | None = None) -> DashboardData:
    return read_data(warehouse, store)


def test_months_past_are_packed_and_say_the_same(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    expected = said(read(warehouse))

    first, again = read(warehouse, store), read(warehouse, store)

    assert said(first) == said(again) == expected
    assert packs(store) == PAST
    assert {one.day.month for snapshots in again.snapshots.values() for one in snapshots} == {4}
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


def test_an_album_dated_anew_dates_its_songs_anew_that_were_not_seen_since(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    read(warehouse, store)
    unseen = f"album_id IN (SELECT album_id FROM SPOTIFY.SONGS WHERE last_seen_on < '{day(144)}')"
    dated = f"release_date = '1970-01-08', last_seen_on = '{day(149)}'"
    with warehouse.session() as session:
        session.execute(f"UPDATE SPOTIFY.ALBUMS SET {dated} WHERE {unseen}")

    told = read(warehouse, store)

    assert {song.release_date for song in told.songs.values()} > {dt.date(1970, 1, 8)}
    assert said(told) == said(read(warehouse))


@pytest.mark.parametrize("number", [6, 60, 143, 144, 149])
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


def test_a_month_is_packed_on_the_first_date_of_the_next(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    """The page has each of the 28 latest dates' popularity, also of a month that is over, and of each week before."""
    made = {}
    for latest in (143, 144, 149, 145):
        loaded_until(warehouse, day(latest))
        made[latest] = read(warehouse, store)
        expected = read(warehouse)
        assert (made[latest].popularity, made[latest].keys) == (expected.popularity, expected.keys), latest
        assert made[latest].popularity.keys() > set(made[latest].dates[-28:])
        if latest == 144:
            assert said(made[latest]) == said(expected)
            assert packs(store) == PAST

    assert day(144) == dt.date(2027, 4, 1)
    assert [len(data.packed.blocks) for data in made.values()] == [7, 5, 5, 5]


def test_of_the_latest_month_each_week_is_packed_until_the_month_is(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    weeks = ["2027-03-01", "2027-03-08", "2027-03-15"]
    assert [day(number).day for number in (133, 134, 143, 144)] == [21, 22, 31, 1]
    for latest, march in {133: 2, 134: 3, 143: 3}.items():
        loaded_until(warehouse, day(latest))
        read(warehouse, store)
        assert packs(store) == [*PAST[:-1], *weeks[:march]], day(latest)
        again = read(warehouse, store)
        assert again.windows == []
        assert again.snapshots["p"][0].day.day == (15, 22)[march - 2], "only the latest week is not packed"
    assert said(read(warehouse, store)) == said(read(warehouse))

    loaded_until(warehouse, day(144))
    assert read(warehouse, store).windows == [[day(144)]], "of the month that is over nothing is read again"
    assert packs(store) == PAST


def loaded_until(warehouse: EmbeddedWarehouse, latest: dt.date) -> None:
    """Later dates are not there, earlier ones are."""
    with warehouse.session() as session:
        session.execute("UPDATE LAKE.LOADS SET table_name = REPLACE(table_name, 'later ', '')")
        session.execute("UPDATE LAKE.LOADS SET table_name = 'later ' || table_name WHERE snapshot_date > ?", [latest])


def test_a_date_a_month_is_shown_for_years(tmp_path: Path, store: ObjectStore) -> None:
    """The 28 latest dates are of 28 months, all but one of them packed."""
    dice = random.Random(7)
    world = World()
    songs = [world.song(f"Song {n}", "Artist") for n in range(9)]
    days = [dt.date(2024 + number // 12, number % 12 + 1, 15) for number in range(32)]
    world.playlist("p", "P", {date: list(dice.sample(songs, 4)) for date in days})
    world.popularity = popularity(world, dice)
    warehouse = fill_warehouse(tmp_path, warehouse_rows(world))
    expected = read(warehouse)

    first, again = read(warehouse, store), read(warehouse, store)

    assert len(again.packed.blocks) == 31
    assert sorted(expected.popularity) == days
    assert first.popularity == again.popularity == expected.popularity
    assert said(again) == said(expected)


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
    unreadable = dict(zip(PAST, (b"", b"\x1f\x8b", b"no pack", b"{}", bytes(12)), strict=True))
    for month, stored in unreadable.items():
        store.put(report_pack_key(month), stored)

    assert said(read(warehouse, store)) == expected
    assert packs(store) == PAST
    for month, stored in unreadable.items():
        assert store.get(report_pack_key(month)) != stored


def test_a_page_that_must_be_thinned_is_made_of_everything(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    read(warehouse, store)

    def thinned(where: ObjectStore | None) -> object:
        unpacked = partial(read_data, warehouse, where, by_pack=False)
        return build_report(read_data(warehouse, where), budget=1_500, unpacked=unpacked).blocks

    assert thinned(store) == thinned(None)


STATES = {"2026-11-30": "then", "2026-12-01": "now"}


def a_pack(song: str = "a") -> Pack:
    """November: one playlist of one song, which is popular on two dates, only lately on the first."""
    return Packed().pack(
        Stretch(
            snapshots={"p": [Snapshot(dt.date(2026, 11, 30), 1, True, [0] * 8, [0])]},
            keys=[song],
            popularity={"2026-11-29": Points.of({0: 50})},
            lately={"2026-11-30": Points.of({0: 51})},
        ),
        Names({}, {}, {}),
    )


def kept(store: ObjectStore, months: Sequence[str] = ("2026-11",)) -> list[Pack]:
    packs = Parts(store, "code").packs(months, STATES)
    return [Pack.from_bytes(content, lately=True) for _, content in packs]


def test_a_pack_is_read_as_it_was_kept(store: ObjectStore) -> None:
    Parts(store, "code").put_pack("2026-11", a_pack(), STATES)

    assert kept(store) == [a_pack()]
    assert [*Parts(store, "other code").packs(["2026-11"], STATES)] == []
    assert [*Parts(store, "code").packs(["2026-11"], STATES | {"2026-12-01": "corrected"})] == []


def test_what_is_shown_of_a_month_just_past_is_not_read_of_one_long_past() -> None:
    assert Pack.from_bytes(a_pack().to_bytes(), lately=False) == replace(a_pack(), lately={})


def test_a_pack_that_is_damaged_anywhere_is_not_there(store: ObjectStore) -> None:
    Parts(store, "code").put_pack("2026-11", a_pack(), STATES)
    whole = store.get(report_pack_key("2026-11"))

    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]):
            store.put(report_pack_key("2026-11"), damaged)
            assert kept(store) == [], place


def test_a_pack_is_there_only_behind_the_one_it_was_made_behind(store: ObjectStore) -> None:
    """Its numbers follow those of that one: a month packed anew may have other keys by the same runs."""
    months = ("2026-11", "2026-12")
    parts = Parts(store, "code")
    for month in months:
        parts.put_pack(month, a_pack(), STATES)
    assert len(kept(store, months)) == 2

    Parts(store, "code").put_pack("2026-11", a_pack("b"), STATES)

    assert kept(store, months) == [a_pack("b")]


def test_months_of_a_chart_in_which_everything_moves_are_one_stream() -> None:
    """Each is longer than what the next one is compressed with."""
    dice = random.Random(9)
    packed = Packed()
    for month in range(3):
        days = [Snapshot(day(31 * month + n), 300, True, [n] * 8, dice.sample(range(300), 300)) for n in range(28)]
        packed.append(packed.pack(Stretch(snapshots={"p": days}), Names({}, {}, {})))

    stretches = packed.tracks["p"].stretches

    assert min(one.size for one in stretches) > 8_000
    assert len(zlib.decompress(joined(stretches))) == sum(one.size for one in stretches)
