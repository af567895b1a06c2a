"""What is loaded and what was computed from it: the comparison that says what needs doing."""

from __future__ import annotations

import pytest

from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import marts, schema, state
from spotify_assets.warehouse.state import Pending
from spotify_assets_tests.warehouse.lake_files import commit_day, day, tables_of
from spotify_assets_tests.warehouse.rows_read import counted
from spotify_assets_tests.warehouse.use import load

OVERLAP, LAKE, CODE = "playlist_overlap", ("playlist_items",), "c0de"
OTHER = ["playlists", "songs"]


def load_run(warehouse: EmbeddedWarehouse, store: ObjectStore, on: int, run: str, tables: list[str]) -> None:
    load(warehouse, store, {day(on): commit_day(store, day(on), run, tables_of({"P": ["a"], "Q": ["a"]}))}, tables)


def test_a_date_is_new_then_done_then_changed_then_gone(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    for on in range(3):
        load_run(warehouse, store, on, "first", [*LAKE, *OTHER])
    with warehouse.session() as session:
        schema.prepare(session, [("analytics", schema.APPLIED)])
        todo = state.pending(session, "analytics", OVERLAP, LAKE, CODE)
        assert todo == Pending(new=(day(0), day(1), day(2)), runs={day(on): "first" for on in range(3)})
        state.record_applied(session, "analytics", OVERLAP, todo, CODE)
        assert state.pending(session, "analytics", OVERLAP, LAKE, CODE) == Pending()

    for table in (*LAKE, "loads"):
        warehouse.execute(f"DELETE FROM LAKE.{table} WHERE snapshot_date = ?", [day(0)])
    load_run(warehouse, store, 1, "again", [*LAKE])
    load_run(warehouse, store, 3, "first", [*LAKE])

    with warehouse.session() as session:
        todo = state.pending(session, "analytics", OVERLAP, LAKE, CODE)
        assert todo == Pending(
            new=(day(3),), changed=(day(1),), gone=(day(0),), runs={day(1): "again", day(3): "first"}
        )
        state.record_applied(session, "analytics", OVERLAP, todo, CODE)
        assert state.pending(session, "analytics", OVERLAP, LAKE, CODE) == Pending()
        assert state.pending(session, "analytics", "artist_share", LAKE, CODE).new == (day(1), day(2), day(3))


def test_what_other_code_made_needs_every_date(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    for on in range(2):
        load_run(warehouse, store, on, "run", [*LAKE])
    with warehouse.session() as session:
        schema.prepare(session, [("analytics", schema.APPLIED)])
        assert not state.is_applied(session, "analytics", OVERLAP)
        state.record_applied(session, "analytics", OVERLAP, Pending(new=(day(0),), runs={day(0): "run"}), CODE)

        assert state.is_applied(session, "analytics", OVERLAP)
        assert state.made_by(session, "analytics", OVERLAP, CODE)
        assert not state.made_by(session, "analytics", OVERLAP, "other")
        assert not state.made_by(session, "analytics", "artist_share", CODE)
        state.record_applied(session, "analytics", OVERLAP, Pending(new=(day(1),), runs={day(1): "run"}), CODE)
        for other in ("other", None):
            todo = state.pending(session, "analytics", OVERLAP, LAKE, other)
            assert (todo.changed, todo.outdated) == ((day(0), day(1)), True)


def test_a_date_counts_once_all_its_tables_hold_the_same_run(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    load_run(warehouse, store, 0, "first", ["playlist_items", "songs"])
    load_run(warehouse, store, 1, "first", ["playlist_items"])
    load_run(warehouse, store, 2, "first", ["playlist_items", "songs"])
    load_run(warehouse, store, 2, "again", ["songs"])
    with warehouse.session() as session:
        schema.prepare(session, [("analytics", schema.APPLIED)])

        todo = state.pending(session, "analytics", "song_duplicates", ("playlist_items", "songs"), CODE)

    assert (todo.all, todo.runs) == ((day(0),), {day(0): "first"})


def test_each_mart_has_a_record_of_its_own_of_the_snapshots_it_was_computed_from(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    def snapshots(run: str, song: str) -> None:
        tables = tables_of({"P": [song], "Q": ["a"], "R": ["c"]}, incomplete=["Q"])
        load(warehouse, store, {day(0): commit_day(store, day(0), run, tables)}, _COMPARED)

    with warehouse.session() as session:
        snapshots("first", "a")
        for mart in ("playlist_changes", "song_stays"):
            state.compare_snapshots(session, mart, Pending(new=(day(0),)))
        state.forget_pending_snapshots(session, "song_stays")
        record = "SELECT table_name, snapshot_date, playlist_id, digest FROM FACTS."
        first = session.execute(f"{record}APPLIED_SNAPSHOTS ORDER BY 1, 3")
        pending = session.execute(f"{record}PENDING_SNAPSHOTS ORDER BY 1, 3")
        snapshots("again", "b")
        state.compare_snapshots(session, "song_stays", Pending(changed=(day(0),)))
        again = session.execute(f"{record}APPLIED_SNAPSHOTS ORDER BY 1, 3")
        differ = session.execute(
            "SELECT table_name, playlist_id, was_applied FROM FACTS.PENDING_SNAPSHOTS ORDER BY 1, 2"
        )

    marts_and_playlists = [(mart, playlist) for mart in ("playlist_changes", "song_stays") for playlist in "PR"]
    assert [(mart, playlist) for mart, _, playlist, _ in first] == marts_and_playlists
    assert pending == first[:2]
    assert differ == [("playlist_changes", "P", False), ("playlist_changes", "R", False), ("song_stays", "P", True)]
    changed = again.pop(2)
    assert again == [*first[:2], first[3]]
    assert changed[:3] == first[2][:3]
    assert changed[3] not in {digest for *_, digest in first}


def test_of_other_dates_no_entries_are_read(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    reads = []
    with warehouse.session() as session:
        for on in range(3):
            tables = tables_of({"P": [f"a{number}" for number in range(50)]})
            load(warehouse, store, {day(on): commit_day(store, day(on), "run", tables)}, _COMPARED)
            with counted(session) as read:
                state.compare_snapshots(session, "song_stays", Pending(new=(day(on),)))
            state.forget_pending_snapshots(session, "song_stays")
            reads.append(read.rows)

    assert 50 < reads[0] <= reads[2] < reads[0] + 10, "beside them the mart's own record, a row for each snapshot"


_COMPARED = ["playlists", "playlist_items"]


@pytest.mark.parametrize(
    ("todo", "present", "superseded", "is_any"),
    [
        (Pending(), (), (), False),
        (Pending(new=(day(2),)), (day(2),), (), True),
        (Pending(changed=(day(2),)), (day(2),), (day(2),), True),
        (Pending(gone=(day(2),)), (), (day(2),), True),
        (Pending(outdated=True), (), (), True),
        (
            Pending(new=(day(3),), changed=(day(1),), gone=(day(0),)),
            (day(1), day(3)),
            (day(0), day(1)),
            True,
        ),
    ],
)
def test_dates_to_read_and_dates_whose_rows_no_longer_hold(
    todo: Pending, present: tuple, superseded: tuple, is_any: bool
) -> None:
    assert (todo.present, todo.superseded, bool(todo)) == (present, superseded, is_any)
    assert todo.all == tuple(sorted({*present, *superseded}))


def test_incomplete_snapshots_are_named_by_the_marts_that_compare(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    playlists = {"Q": ["a"], "R": ["a"], "P": ["a"]}
    for on, incomplete in enumerate((["P", "R"], ["Q"], ["Q"])):
        tables = tables_of(playlists, incomplete=incomplete)
        load(warehouse, store, {day(on): commit_day(store, day(on), "run", tables)}, ["playlists"])
    some = Pending(new=(day(0),), changed=(day(1),), gone=(day(2),))

    with warehouse.session() as session:
        assert marts.left_out(session, "playlist_changes", some) == [(day(0), "P"), (day(0), "R"), (day(1), "Q")]
        assert marts.left_out(session, "playlist_changes", Pending(gone=(day(2),))) == []
        assert marts.left_out(session, "playlist_health", some) == []


def test_a_week_begins_on_monday() -> None:
    assert [marts.monday(day(on)) for on in (3, 4, 10, 11)] == [day(-3), day(4), day(4), day(11)]


def test_a_view_that_nothing_is_computed_for_is_remembered_with_its_code(warehouse: EmbeddedWarehouse) -> None:
    with warehouse.session() as session:
        first = marts.build(session, "song_runs")
        assert state.made_by(session, "analytics", "song_runs", marts.code("song_runs"))
        assert (first.pending, first.rows, first.checked) == (Pending(), None, 0)
        before = session.statements
        marts.build(session, "song_runs")
        again = session.statements - before
        marts.build(session, "song_runs")

        assert session.statements - before == 2 * again, "nothing is written twice"
        rows = session.execute(
            "SELECT snapshot_date, run_id FROM ANALYTICS.APPLIED_LOADS WHERE table_name = 'song_runs'"
        )
    assert len(rows) == 1
