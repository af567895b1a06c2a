"""Dimensions and marts: equal to plain Python, in any order of dates, after any reload."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping

import pytest

from glue_scripts.commit import Commit
from glue_scripts.contract import DIMENSIONS, MARTS, Table
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import applied, dimensions, marts
from spotify_assets.warehouse.session import Session
from spotify_assets_tests.warehouse import oracle
from spotify_assets_tests.warehouse.lake_files import Tables, commit_day, day, evolving, tables_of
from spotify_assets_tests.warehouse.use import build_all, computed, load, merge_all, rebuild_all

pytestmark = pytest.mark.slow

History = dict[dt.date, Tables]


def history_of(days: int, seed: int) -> History:
    """Snapshots of `days` consecutive dates; every third day names change, as Spotify's do."""
    playlists = evolving(days, seed=seed)
    return {day(n): tables_of(found, on=n, name_suffix=f" v{n // 3}") for n, found in enumerate(playlists) if found}


def commit_all(store: ObjectStore, history: Mapping[dt.date, Tables], run: str) -> dict[dt.date, Commit]:
    return {on: commit_day(store, on, f"{run}-{on:%d}", tables) for on, tables in history.items()}


def as_rows(table: Table, records: Iterable[Mapping[str, object]]) -> list[tuple[object, ...]]:
    rows = [tuple(_rounded(record.get(name)) for name in table.column_names) for record in records]
    return sorted(rows, key=lambda row: tuple(map(str, row)))


def test_dimensions_and_marts_equal_plain_python(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    history = history_of(12, seed=3)
    del history[day(5)]
    load(warehouse, store, commit_all(store, history, "run"))

    merge_all(warehouse)
    build_all(warehouse)

    assert_equals_oracle(warehouse, history)
    assert_no_row_needs_a_name(warehouse)


def assert_no_row_needs_a_name(warehouse: EmbeddedWarehouse) -> None:
    """The dimensions are loaded by steps of their own, which may fail: then a mart's rows have no names."""
    count = {name: warehouse.execute(f"SELECT COUNT(*) FROM ANALYTICS.{name}") for name in MARTS}
    for name in DIMENSIONS:
        warehouse.execute(f"DELETE FROM SPOTIFY.{name}")
    assert {name: warehouse.execute(f"SELECT COUNT(*) FROM ANALYTICS.{name}") for name in MARTS} == count


def assert_equals_oracle(warehouse: EmbeddedWarehouse, history: History) -> None:
    for name, table in DIMENSIONS.items():
        found = warehouse.execute(f"SELECT {', '.join(table.column_names)} FROM SPOTIFY.{name}")
        assert as_rows(table, _records(table, found)) == as_rows(table, oracle.dimension(history, name)), name
    for name, table in MARTS.items():
        found = warehouse.execute(f"SELECT {', '.join(table.column_names)} FROM ANALYTICS.{name}")
        expected = as_rows(table, oracle.MARTS[name](history))
        assert as_rows(table, _records(table, found)) == expected, name
        assert expected, f"the history exercises {name}"


def test_a_missing_day_is_no_change_and_no_re_entry(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    history = {day(0): tables_of({"P": ["a", "b"]}), day(4): tables_of({"P": ["a", "b"]})}
    load(warehouse, store, commit_all(store, history, "run"))

    merge_all(warehouse)
    build_all(warehouse)

    assert warehouse.execute("SELECT * FROM ANALYTICS.PLAYLIST_CHANGES") == []
    columns = "song_id, days_present, longest_run, re_entries, is_present"
    runs = warehouse.execute(f"SELECT {columns} FROM ANALYTICS.SONG_RUNS")
    assert sorted(runs) == [("a", 2, 2, 0, True), ("b", 2, 2, 0, True)]


def test_an_empty_playlist_is_a_snapshot_from_which_everything_left(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    playlists = [{"P": ["a"]}, {"P": []}, {"P": ["a"]}]
    load(warehouse, store, commit_all(store, {day(n): tables_of(p) for n, p in enumerate(playlists)}, "run"))

    merge_all(warehouse)
    build_all(warehouse)

    assert warehouse.execute("SELECT snapshot_date, change FROM ANALYTICS.PLAYLIST_CHANGES ORDER BY 1") == [
        (day(1), "left"),
        (day(2), "entered"),
    ]
    assert warehouse.execute("SELECT re_entries, longest_run FROM ANALYTICS.SONG_RUNS") == [(1, 1)]


def test_a_date_whose_tables_hold_different_runs_is_left_out_until_they_agree(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    """Prevents the mart that shows a whole playlist as left because only its entries failed to load."""
    commits = commit_all(store, {day(n): tables_of({"P": ["a"], "Q": ["a"]}) for n in range(2)}, "run")
    load(warehouse, store, commits)
    newer = {day(1): commit_day(store, day(1), "newer", tables_of({"P": ["b"], "Q": ["a"]}))}
    load(warehouse, store, newer, ["playlists", "songs", "artists", "albums", "song_artists", "album_artists"])
    merge_all(warehouse)
    build_all(warehouse)
    half = warehouse.execute("SELECT * FROM ANALYTICS.PLAYLIST_CHANGES")

    load(warehouse, store, newer, ["playlist_items"])
    build_all(warehouse)

    assert half == []
    assert warehouse.execute("SELECT song_id, change FROM ANALYTICS.PLAYLIST_CHANGES ORDER BY 1") == [
        ("a", "left"),
        ("b", "entered"),
    ]


def test_building_again_without_news_changes_nothing(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    load(warehouse, store, commit_all(store, history_of(4, seed=1), "run"))
    merge_all(warehouse)
    build_all(warehouse)
    before = computed(warehouse)

    merge_all(warehouse)
    build_all(warehouse)

    assert computed(warehouse) == before


def test_a_mart_of_days_computes_only_the_dates_that_changed(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    history = history_of(4, seed=1)
    load(warehouse, store, commit_all(store, history, "run"))
    merge_all(warehouse)
    build_all(warehouse)
    load(warehouse, store, commit_all(store, {day(2): history[day(2)]}, "again"))

    built = warehouse.run(lambda session: marts.build(session, "playlist_overlap"))

    assert built.pending is not None
    assert built.pending.all == (day(2),)


def test_a_song_that_returns_after_two_months_is_beside_its_last_popularity(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    for on, songs in ((0, ["a"]), (60, ["a", "c"])):
        load(warehouse, store, commit_all(store, {day(on): tables_of({"P": songs}, on=on)}, "run"))
        merge_all(warehouse)
        warehouse.run(lambda session: marts.build(session, "song_popularity"))

    rows = warehouse.execute(
        "SELECT snapshot_date, song_id, popularity, previous_popularity, change FROM ANALYTICS.SONG_POPULARITY "
        "ORDER BY 1, 2"
    )

    assert rows == [
        (day(0), "a", 97, None, None),
        (day(60), "a", 56, 97, -41),
        (day(60), "c", 58, None, None),
    ]


def test_a_later_date_leaves_what_earlier_ones_were_set_beside(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    """Of the weeks before a new date the first popularities have none before them that is read. A mark shows it."""
    for on in (0, 20, 60, 120):
        load(warehouse, store, commit_all(store, {day(on): tables_of({"P": ["a"]}, on=on)}, "run"))
        merge_all(warehouse)
        warehouse.run(lambda session: marts.build(session, "song_popularity"))
        if on == 20:
            warehouse.execute(
                "UPDATE FACTS.SONG_POPULARITY SET previous_popularity = 5 WHERE snapshot_date = ?", [day(20)]
            )

    rows = warehouse.execute(
        "SELECT popularity, previous_popularity FROM ANALYTICS.SONG_POPULARITY ORDER BY snapshot_date"
    )

    assert rows == [(97, None), (16, 5), (56, 16), (15, 56)]


def build_one(warehouse: EmbeddedWarehouse, store: ObjectStore, name: str, *dates: int) -> marts.Built:
    """Load dates of two playlists that share a song, and build one mart."""
    load(warehouse, store, commit_all(store, {day(n): tables_of({"P": ["a"], "Q": ["a"]}) for n in dates}, "run"))
    merge_all(warehouse)
    return warehouse.run(lambda session: marts.build(session, name))


def test_what_is_brought_in_is_what_is_checked(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    assert build_one(warehouse, store, "playlist_overlap", 0, 30).checked == 2
    assert build_one(warehouse, store, "playlist_overlap", 37).checked == 1
    assert build_one(warehouse, store, "playlist_overlap").checked == 0


def test_of_a_week_what_stands_under_its_monday_is_checked(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    build_one(warehouse, store, "artist_share", 10)

    assert build_one(warehouse, store, "artist_momentum", 10).checked == 1, "a Sunday's"


def test_a_view_is_made_once(warehouse: EmbeddedWarehouse, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    real = Session.execute
    monkeypatch.setattr(Session, "execute", lambda self, sql, *params: sent.append(sql) or real(self, sql, *params))
    for on in range(2):
        build_one(warehouse, store, "artist_share", on)

    assert sum("VIEW ANALYTICS.ARTIST_SHARE" in " ".join(sql.split()[:5]).upper() for sql in sent) == 1


def test_a_rebuild_of_nothing_is_empty_and_one_touches_no_other_mart(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    nothing = warehouse.run(lambda session: marts.rebuild(session, "song_stays"))
    assert (nothing.rows, nothing.checked, nothing.pending.all) == (0, 0, ())
    assert warehouse.run(marts.any_playlist) is None
    load(warehouse, store, commit_all(store, {day(n): tables_of({"P": ["a" * (n + 1)]}) for n in range(3)}, "run"))
    merge_all(warehouse)
    build_all(warehouse)
    assert warehouse.run(marts.any_playlist) == "P"
    recorded = "SELECT * FROM FACTS.APPLIED_SNAPSHOTS ORDER BY 1, 2, 3"
    before = warehouse.execute(recorded)

    again = warehouse.run(lambda session: marts.rebuild(session, "song_stays"))

    assert (again.pending.new, again.pending.outdated) == ((day(0), day(1), day(2)), True)
    assert warehouse.execute(recorded) == before
    assert warehouse.execute("SELECT COUNT(*) FROM FACTS.PENDING_SNAPSHOTS") == [(0,)]


@pytest.mark.parametrize("name", ["playlist_changes", "song_stays", "artist_share", "playlist_health"])
def test_a_mart_makes_what_it_needs_in_an_empty_warehouse(
    new_warehouse: EmbeddedWarehouse, store: ObjectStore, name: str
) -> None:
    assert new_warehouse.run(lambda session: marts.build(session, name)).rows == 0


READ_BY = {"artist_momentum": "artist_share", "playlist_week": "song_stays"}


@pytest.mark.parametrize("name", READ_BY)
def test_a_mart_is_not_computed_before_the_one_it_reads(
    warehouse: EmbeddedWarehouse, store: ObjectStore, name: str
) -> None:
    """It was asked for alone: its rows would be missing, the dates would count as computed, and nobody would look."""
    alone = build_one(warehouse, store, name, 0)
    assert (alone.pending.all, alone.rows) == ((), 0)
    assert f"analytics/{READ_BY[name]} was not computed yet from 2026-01-01" in alone.left
    assert f"analytics/{name}" in warehouse.run(applied.behind), "it is asked for again"

    build_one(warehouse, store, READ_BY[name])
    brought = build_one(warehouse, store, name)
    assert (brought.pending.new, brought.left) == ((day(0),), "")

    build_one(warehouse, store, READ_BY[name], 7)
    load(warehouse, store, commit_all(store, {day(8): tables_of({"P": ["b"]})}, "run"))
    some = warehouse.run(lambda session: marts.build(session, name))
    assert some.pending.new == (day(7),), "the others are"
    assert "from 2026-01-09" in some.left
    build_one(warehouse, store, READ_BY[name])
    assert build_one(warehouse, store, name).pending.new == (day(8),)


@pytest.mark.parametrize("name", READ_BY)
def test_a_mart_that_can_take_in_nothing_stays_as_it_was(
    warehouse: EmbeddedWarehouse, store: ObjectStore, name: str
) -> None:
    load(warehouse, store, commit_all(store, {day(0): tables_of({"P": ["a", "b"]})}, "run"))
    merge_all(warehouse)
    build_all(warehouse)
    before = computed(warehouse)[f"analytics.{name}"]
    warehouse.execute("UPDATE ANALYTICS.APPLIED_LOADS SET code = 'other' WHERE table_name = ?", [READ_BY[name]])

    anew = warehouse.run(lambda session: marts.rebuild(session, name))

    assert (anew.pending.all, anew.rows) == ((), len(before))
    assert "left for later" in anew.left
    assert computed(warehouse)[f"analytics.{name}"] == before


@pytest.mark.parametrize("name", READ_BY)
def test_a_mart_computed_anew_keeps_for_later_what_the_one_it_reads_lacks(
    warehouse: EmbeddedWarehouse, store: ObjectStore, name: str
) -> None:
    load(warehouse, store, commit_all(store, {day(n): tables_of({"P": ["a", "b"]}) for n in (0, 7)}, "run"))
    merge_all(warehouse)
    build_all(warehouse)
    load(warehouse, store, commit_all(store, {day(7): tables_of({"P": ["c"]})}, "again"))
    merge_all(warehouse)

    anew = warehouse.run(lambda session: marts.rebuild(session, name))
    assert (anew.pending.new, anew.pending.gone) == ((day(0),), (day(7),))
    assert "from 2026-01-08" in anew.left
    build_all(warehouse)
    brought = computed(warehouse)
    rebuild_all(warehouse)
    assert computed(warehouse) == brought


_COMPARED = ("playlists", "playlist_items")


def test_weeks_in_any_order_are_beside_the_week_before(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    """Mondays and Sundays, of the second to the fifth week of January 2026, the later ones first."""
    history: History = {}
    for number, dates in enumerate(([11, 24], [4], [10, 18], [17], [3, 31])):
        for on in dates:
            songs = ["a", "bcdefghijk"[number], "bcdefghijk"[on % 9]]
            history[day(on)] = tables_of({"P": songs, "Q": songs[: 1 + on % 2]})
        load(warehouse, store, commit_all(store, {day(on): history[day(on)] for on in dates}, "run"))
        merge_all(warehouse)
        for name in ("artist_share", "artist_momentum"):
            warehouse.run(lambda session, name=name: marts.build(session, name))

        table = MARTS["artist_momentum"]
        found = warehouse.execute(f"SELECT {', '.join(table.column_names)} FROM ANALYTICS.ARTIST_MOMENTUM")
        assert as_rows(table, _records(table, found)) == as_rows(table, oracle.artist_momentum(history)), dates


def test_a_new_artist_name_reaches_the_rows_of_old_dates(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    load(warehouse, store, commit_all(store, {day(0): tables_of({"P": ["a"]})}, "run"))
    merge_all(warehouse)
    build_all(warehouse)

    load(warehouse, store, commit_all(store, {day(1): tables_of({"P": ["a"]}, name_suffix=" new")}, "run"))
    merge_all(warehouse)
    build_all(warehouse)

    assert warehouse.execute("SELECT DISTINCT artist_name FROM ANALYTICS.ARTIST_SHARE") == [("artist a new",)]


def test_an_older_date_extends_first_seen_and_overwrites_nothing(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    load(warehouse, store, commit_all(store, {day(5): tables_of({"P": ["a"]}, name_suffix=" new")}, "run"))
    merge_all(warehouse)
    load(warehouse, store, commit_all(store, {day(1): tables_of({"P": ["a"]}, name_suffix=" old")}, "run"))

    merge_all(warehouse)

    assert warehouse.execute("SELECT name, first_seen_on, last_seen_on FROM SPOTIFY.SONGS") == [
        ("a new", day(1), day(5)),
    ]


def test_a_key_that_a_reloaded_date_no_longer_has_falls_back_to_the_latest_of_its_other_dates(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    history = {day(n): tables_of({"P": ["a", "only"] if n == 2 else ["a"]}, name_suffix=f" {n}") for n in range(3)}
    load(warehouse, store, commit_all(store, history, "run"))
    merge_all(warehouse)

    load(warehouse, store, {day(2): commit_day(store, day(2), "again", tables_of({"P": ["b"]}, name_suffix=" 2"))})
    merge_all(warehouse)

    assert warehouse.execute("SELECT song_id, name, first_seen_on, last_seen_on FROM SPOTIFY.SONGS ORDER BY 1") == [
        ("a", "a 1", day(0), day(1)),
        ("b", "b 2", day(2), day(2)),
    ]


def test_of_a_date_loaded_again_only_keys_that_it_no_longer_has_are_computed_anew(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    """A reload of one date must not cost what the whole history costs: marked rows show what was not touched."""
    history = {day(on): tables_of({"P": [*songs]}) for on, songs in enumerate(("ace", "cdex", "bcd"))}
    load(warehouse, store, commit_all(store, history, "run"))
    merge_all(warehouse)
    warehouse.execute("UPDATE SPOTIFY.SONGS SET name = 'as it was'")

    load(warehouse, store, {day(1): commit_day(store, day(1), "again", tables_of({"P": ["c", "d", "e"]}))})
    warehouse.run(lambda session: dimensions.merge(session, "songs"))

    assert warehouse.execute("SELECT song_id, name, first_seen_on, last_seen_on FROM SPOTIFY.SONGS ORDER BY 1") == [
        ("a", "as it was", day(0), day(0)),
        ("b", "as it was", day(2), day(2)),
        ("c", "as it was", day(0), day(2)),
        ("d", "as it was", day(1), day(2)),
        ("e", "e", day(0), day(1)),
    ]


def test_a_date_loaded_again_replaces_the_names_it_had(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    for run in ("wrong", "right"):
        tables = tables_of({"P": ["a"]}, name_suffix=f" {run}")
        load(warehouse, store, {day(0): commit_day(store, day(0), run, tables)})
        merge_all(warehouse)

    assert warehouse.execute("SELECT name, first_seen_on, last_seen_on FROM SPOTIFY.SONGS") == [
        ("a right", day(0), day(0))
    ]


def order_drill(warehouse: EmbeddedWarehouse, store: ObjectStore, days: int, seed: int) -> None:
    """Load dates in random order and in random portions, every date twice (first with other rows), merging and
    building in between; the result must be the oracle's, and `rebuild`'s."""
    rng = random.Random(seed)
    final = history_of(days, seed=seed)
    first = history_of(days, seed=seed + 1)
    rounds = [(first, "first", [on for on in first if on in final]), (final, "final", list(final))]
    for history, run, dates in rounds:
        rng.shuffle(dates)
        while dates:
            part = [dates.pop() for _ in range(min(len(dates), rng.randint(1, max(2, days // 3))))]
            load(warehouse, store, commit_all(store, {on: history[on] for on in part}, run))
            if rng.random() < 0.5:
                merge_all(warehouse)
            if rng.random() < 0.3:
                merge_all(warehouse)
                build_all(warehouse)
    merge_all(warehouse)
    build_all(warehouse)
    assert_equals_oracle(warehouse, final)
    merged = computed(warehouse)
    rebuild_all(warehouse)
    assert computed(warehouse) == merged


def test_dates_loaded_in_random_order_twice_give_what_a_rebuild_gives(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    order_drill(warehouse, store, days=5, seed=11)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 110))
def test_thirty_dates_in_random_orders_twice(warehouse: EmbeddedWarehouse, store: ObjectStore, seed: int) -> None:
    order_drill(warehouse, store, days=30, seed=seed)


def test_dates_that_are_gone_from_the_lake_tables_are_merged_away(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    load(warehouse, store, commit_all(store, {day(n): tables_of({"P": ["a" if n else "b"]}) for n in range(2)}, "run"))
    both = warehouse.run(lambda session: dimensions.merge(session, "songs"))
    for table in ("songs", "loads"):
        warehouse.execute(f"DELETE FROM LAKE.{table} WHERE snapshot_date = ?", [day(0)])

    one = warehouse.run(lambda session: dimensions.merge(session, "songs"))

    assert warehouse.execute("SELECT song_id FROM SPOTIFY.SONGS") == [("a",)]
    assert (both.pending.new, both.rows, both.checked) == ((day(0), day(1)), 2, 2)
    assert (one.pending.gone, one.rows, one.checked) == ((day(0),), 1, 0), "there is nothing new to check"


def _records(table: Table, rows: Iterable[tuple[object, ...]]) -> list[dict[str, object]]:
    return [dict(zip(table.column_names, row, strict=True)) for row in rows]


def _rounded(value: object) -> object:
    return round(value, 9) if isinstance(value, float) else value
