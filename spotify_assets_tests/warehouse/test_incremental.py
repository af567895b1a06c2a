"""A day costs a day, and gives what computing everything gives: held over random orders, gaps, holes and deletions."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glue_scripts.contract import LAKE_TABLES, MARTS
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import dimensions, marts, state
from spotify_assets_tests.warehouse import oracle
from spotify_assets_tests.warehouse.fixtures import kept_warehouse
from spotify_assets_tests.warehouse.lake_files import Tables, commit_day, day, open_lake, tables_of
from spotify_assets_tests.warehouse.rows_read import counted
from spotify_assets_tests.warehouse.test_marts import as_rows
from spotify_assets_tests.warehouse.use import build_all, computed, load, merge_all, rebuild_all

pytestmark = pytest.mark.slow

PLAYLISTS = ("P", "Q")


@dataclass(frozen=True)
class Step:
    """A date is loaded with these snapshots (an incomplete one marked by a `?`), or taken out (None); then perhaps
    everything after it is computed."""

    on: int
    snapshots: Mapping[str, str] | None
    build: bool


_SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

_SNAPSHOT = st.builds(
    lambda entries, mark: "".join(entries) + mark, st.lists(st.sampled_from("abc."), max_size=4), st.sampled_from(" ?")
)
_STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from([0, 1, 2, 3, 4, 8, 60]),
        st.one_of(st.none(), *[st.dictionaries(st.sampled_from(PLAYLISTS), _SNAPSHOT)] * 5),
        st.booleans(),
    ),
    min_size=2,
    max_size=9,
)


def take(warehouse: EmbeddedWarehouse, store: ObjectStore, history: dict[dt.date, Tables], step: Step, n: int) -> None:
    on = day(step.on)
    if step.snapshots is None:
        history.pop(on, None)
        for table in (*LAKE_TABLES, "loads"):
            warehouse.execute(f"DELETE FROM LAKE.{table} WHERE snapshot_date = ?", [on])
        return
    entries = {name: [None if s == "." else s for s in text.strip(" ?")] for name, text in step.snapshots.items()}
    holes = [name for name, text in step.snapshots.items() if text.endswith("?")]
    history[on] = tables_of(entries, incomplete=holes, on=step.on, name_suffix=f" {n}")
    load(warehouse, store, {on: commit_day(store, on, f"run-{n}", history[on])})


def play(prepared: Path, steps: list[Step]) -> None:
    """Take the steps; then what was computed on the way equals plain Python's answer, and that of a rebuild."""
    with (
        tempfile.TemporaryDirectory() as folder,
        kept_warehouse(prepared, Path(folder) / "warehouse") as warehouse,
    ):
        store, history = open_lake(Path(folder) / "lake"), dict[dt.date, Tables]()
        for number, step in enumerate(steps):
            take(warehouse, store, history, step, number)
            if step.build:
                merge_all(warehouse)
                build_all(warehouse)
        merge_all(warehouse)
        build_all(warehouse)
        for name, table in MARTS.items():
            rows = warehouse.execute(f"SELECT {', '.join(table.column_names)} FROM ANALYTICS.{name}")
            shown = as_rows(table, [dict(zip(table.column_names, row, strict=True)) for row in rows])
            assert shown == as_rows(table, oracle.MARTS[name](history)), name
        merged = computed(warehouse)
        rebuild_all(warehouse)
        assert computed(warehouse) == merged


@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_STEPS)
def test_any_order_of_loads_gives_what_a_rebuild_gives(prepared_folder: Path, steps: list[Step]) -> None:
    play(prepared_folder, steps)


@pytest.mark.soak
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=_STEPS)
def test_very_many_orders_of_loads_give_what_a_rebuild_gives(prepared_folder: Path, steps: list[Step]) -> None:
    play(prepared_folder, steps)


def test_a_reloaded_date_touches_only_the_playlists_that_differ(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    """A date built again because one playlist came late leaves the stays of the others alone."""
    for on in range(3):
        load(warehouse, store, {day(on): commit_day(store, day(on), f"run-{on}", tables_of({"P": "ab", "Q": "ab"}))})
    merge_all(warehouse)
    build_all(warehouse)
    warehouse.execute("UPDATE FACTS.SONG_STAYS SET best_position = 99")  # a mark on rows that are not computed again

    load(warehouse, store, {day(2): commit_day(store, day(2), "again", tables_of({"P": "ab", "Q": "ba"}))})
    warehouse.run(lambda session: marts.build(session, "song_stays"))

    stays = warehouse.execute("SELECT playlist_id, song_id, best_position FROM ANALYTICS.SONG_STAYS ORDER BY 1, 2")
    assert stays == [("P", "a", 99), ("P", "b", 99), ("Q", "a", 0), ("Q", "b", 0)]


def test_a_reloaded_date_compares_itself_and_the_next_one_again(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    """Marked rows show which comparisons were not made again."""
    for on in range(6):
        snapshots = {"P": "ab"[:: (-1) ** on], "Q": "ab"[:: (-1) ** on]}
        load(warehouse, store, {day(on): commit_day(store, day(on), f"run-{on}", tables_of(snapshots))})
    merge_all(warehouse)
    warehouse.run(lambda session: marts.build(session, "playlist_changes"))
    warehouse.execute("UPDATE FACTS.PLAYLIST_CHANGES SET from_position = 99")

    load(warehouse, store, {day(3): commit_day(store, day(3), "again", tables_of({"P": "a", "Q": "ba"}))})
    warehouse.run(lambda session: marts.build(session, "playlist_changes"))

    again = warehouse.execute(
        "SELECT DISTINCT playlist_id, snapshot_date FROM ANALYTICS.PLAYLIST_CHANGES "
        "WHERE from_position IS DISTINCT FROM 99 ORDER BY 2"
    )
    assert again == [("P", day(3)), ("P", day(4))]


def test_of_artists_shares_only_the_weeks_asked_for_are_read(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    crowd, one = {"P": [f"a{number}" for number in range(50)]}, {"P": ["a"]}
    for on, snapshots in ((10, crowd), (11, one), (31, one), (32, crowd)):
        tables = tables_of(snapshots)
        commits = {day(on): commit_day(store, day(on), "run", tables)}
        load(warehouse, store, commits, ["playlist_items", "song_artists", "artists"])
    warehouse.run(lambda session: dimensions.merge(session, "artists"))
    warehouse.run(lambda session: marts.build(session, "artist_share"))

    with warehouse.session() as session, counted(session) as reads:
        session.execute(marts.insert_statement("artist_momentum", 2), [day(11), day(32), day(18), day(25)])

    assert 2 <= reads.rows < 50


def test_a_mart_that_is_ahead_of_others_reads_no_record_of_theirs(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    """Marts are computed one after another: each compares with the snapshots that it was computed from itself."""
    history = {
        day(on): tables_of({"P": songs, "Q": ["c"]}) for on, songs in ((2, "ab"), (3, "ba"), (5, "ab"), (9, "b"))
    }
    incomplete = tables_of({"P": "b", "Q": ["c"]}, incomplete=["P"])
    rounds = (
        (history, ["playlist_changes", "song_stays", "playlist_week"]),
        ({day(3): incomplete}, ["playlist_changes", "song_stays", "playlist_week"]),
        ({day(9): incomplete}, ["song_stays", "playlist_week", "playlist_changes"]),
    )
    for number, (loaded, names) in enumerate(rounds):
        history = {**history, **loaded}
        load(warehouse, store, {on: commit_day(store, on, f"run-{number}", loaded[on]) for on in loaded})
        merge_all(warehouse)
        for name in names:
            warehouse.run(lambda session, name=name: marts.build(session, name))

            rows = warehouse.execute(f"SELECT {', '.join(MARTS[name].column_names)} FROM ANALYTICS.{name}")
            shown = as_rows(MARTS[name], [dict(zip(MARTS[name].column_names, row, strict=True)) for row in rows])
            assert shown == as_rows(MARTS[name], oracle.MARTS[name](history)), (number, name)


def test_new_days_extend_the_stays_they_find(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    """Marked rows show that the days before are not read again."""
    for on in range(3):
        load(warehouse, store, {day(on): commit_day(store, day(on), f"run-{on}", tables_of({"P": ["a", "b"]}))})
    merge_all(warehouse)
    build_all(warehouse)
    warehouse.execute("UPDATE FACTS.SONG_STAYS SET days_present = 100")

    for on in (3, 4):
        load(warehouse, store, {day(on): commit_day(store, day(on), f"run-{on}", tables_of({"P": ["a"]}))})
    computed_now = []
    with warehouse.session() as session, suppress(Undone), session.transaction():
        state.compare_snapshots(session, "song_stays", marts.pending(session, "song_stays", marts.code("song_stays")))
        computed_now = session.execute(marts.select_statement("song_stays"))
        raise Undone
    warehouse.run(lambda session: marts.build(session, "song_stays"))

    load(warehouse, store, {day(5): commit_day(store, day(5), "run-5", tables_of({"P": ["a"]}))})
    warehouse.run(lambda session: marts.build(session, "song_stays"))

    assert len(computed_now) == 2, "a MERGE takes each key once"
    stays = warehouse.execute("SELECT song_id, days_present, last_on, is_open FROM FACTS.SONG_STAYS ORDER BY 1")
    assert stays == [("a", 103, day(5), True), ("b", 100, day(2), False)]


class Undone(Exception):
    """Ends a transaction without a trace."""
