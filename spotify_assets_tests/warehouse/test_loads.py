"""Loads: what a table holds afterwards, and that nothing half-done is ever seen."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from glue_scripts.commit import Commit, DataFile, TableFiles
from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, Table
from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import loads, quality
from spotify_assets.warehouse.session import Row, Session, Value
from spotify_assets.warehouse.sql import chunks
from spotify_assets_tests.warehouse.lake_files import commit_day, day, tables_of, write_parquet
from spotify_assets_tests.warehouse.use import content, load, merge_all

SONGS = {"P": ["a", "b", None, "a"], "Q": ["b+c"]}


def test_a_load_makes_every_table_equal_to_the_commits_rows(
    new_warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    warehouse = new_warehouse
    commits = {day(0): commit_day(store, day(0), "run-1", tables_of(SONGS), files_per_table=2)}

    load(warehouse, store, commits)

    rows = content(warehouse, "LAKE", LAKE_TABLES)
    assert {table: len(found) for table, found in rows.items()} == {
        table: commits[day(0)].rows(table) for table in LAKE_TABLES
    }
    items = warehouse.execute("SELECT playlist_id, position, song_id, run_id FROM LAKE.PLAYLIST_ITEMS ORDER BY 1, 2")
    assert items == [
        ("P", 0, "a", "run-1"),
        ("P", 1, "b", "run-1"),
        ("P", 2, None, "run-1"),
        ("P", 3, "a", "run-1"),
        ("Q", 0, "b+c", "run-1"),
    ]


def test_loading_a_date_again_replaces_it_and_no_other_date(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    first = {day(n): commit_day(store, day(n), "run-1", tables_of(SONGS)) for n in range(2)}
    load(warehouse, store, first)
    again = {day(0): commit_day(store, day(0), "run-2", tables_of({"P": ["z"]}))}

    load(warehouse, store, again)

    counts = "SELECT snapshot_date, run_id, COUNT(*) AS n FROM LAKE.PLAYLIST_ITEMS GROUP BY 1, 2 ORDER BY 1"
    assert warehouse.execute(counts) == [(day(0), "run-2", 1), (day(1), "run-1", 5)]
    assert warehouse.loaded_runs("playlist_items") == {day(0): "run-2", day(1): "run-1"}


def test_loading_the_same_commits_twice_changes_nothing(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    commits = {day(n): commit_day(store, day(n), "run-1", tables_of(SONGS)) for n in range(2)}
    load(warehouse, store, commits)
    before = content(warehouse, "LAKE", LAKE_TABLES)

    load(warehouse, store, commits)

    assert content(warehouse, "LAKE", LAKE_TABLES) == before


def test_a_commit_without_rows_for_a_table_empties_the_date(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    load(warehouse, store, {day(0): commit_day(store, day(0), "run-1", tables_of(SONGS))})

    load(warehouse, store, {day(0): commit_day(store, day(0), "run-2", tables_of({"P": []}))})

    assert warehouse.execute("SELECT COUNT(*) FROM LAKE.SONGS") == [(0,)]
    assert warehouse.loaded_runs("songs") == {day(0): "run-2"}


def test_any_set_of_dates_is_one_transaction_with_as_many_statements_as_one_date(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    commits = {day(n): commit_day(store, day(n), f"run-{n}", tables_of(SONGS)) for n in (0, 3, 4, 9)}
    load(warehouse, store, {day(0): commits[day(0)]}, ["songs"])

    def count(dates: dict[dt.date, Commit]) -> int:
        with warehouse.session() as session:
            before = session.statements
            loads.load_table(session, store, "songs", dates)
            return session.statements - before

    assert count({day(0): commits[day(0)]}) == count(commits)


def test_more_than_a_thousand_files_are_copied_in_chunks_of_a_thousand() -> None:
    files = [f"tables/songs/run=r/day=2026-01-01/part-{number}.parquet" for number in range(2_500)]
    commit = Commit(
        "2026-01-01", "r", "e", "t", (), 0, 0, None, {"songs": TableFiles(tuple(DataFile(key, 1, 1) for key in files))}
    )
    plan = loads.load_plan("songs", {dt.date(2026, 1, 1): commit})

    sent = [loads.copy_statement("LAKE.SONGS", "LAKE.LAKE_FILES", "songs", part) for part in chunks(plan.files)]

    assert [sql.count(".parquet'") for sql in sent] == [1000, 1000, 500]


@pytest.mark.parametrize(
    "key",
    [
        "tables/albums/run=r/day=2026-01-01/part-0.parquet",
        "tables/songs/run=r/day=2026-01-02/part-0.parquet",
        "tables/songs/notes.parquet",
    ],
)
def test_a_file_of_another_table_or_date_in_a_commit_is_refused(key: str) -> None:
    commit = Commit("2026-01-01", "r", "e", "t", (), 0, 0, None, {"songs": TableFiles((DataFile(key, 1, 1),))})

    with pytest.raises(PermanentError, match="no file of songs"):
        loads.load_plan("songs", {dt.date(2026, 1, 1): commit})


def test_rows_that_are_not_the_commits_are_rolled_back(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    load(warehouse, store, {day(0): commit_day(store, day(0), "run-1", tables_of(SONGS))})
    before = content(warehouse, "LAKE", LAKE_TABLES)
    wrong = commit_day(store, day(0), "run-2", tables_of({"P": ["a", "b"]}))
    _rewrite(store, wrong, "songs", [{"song_id": "only-one", "snapshot_date": day(0), "run_id": "run-2"}])

    with pytest.raises(PermanentError, match="2026-01-01 run run-2: 1 rows, 2 in the commit"):
        load(warehouse, store, {day(0): wrong}, ["songs"])

    assert content(warehouse, "LAKE", LAKE_TABLES) == before
    assert warehouse.loaded_runs("songs") == {day(0): "run-1"}


def test_many_wrong_dates_are_named_by_the_first_five(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    commits = {day(n): commit_day(store, day(n), "run-1", tables_of({"P": ["a"]})) for n in range(6)}
    for on, commit in commits.items():
        _rewrite(store, commit, "songs", [{"song_id": "b", "snapshot_date": on, "run_id": "other"}])

    with pytest.raises(PermanentError) as refused:
        load(warehouse, store, commits, ["songs"])

    assert [part for part in str(refused.value).split("; ") if "rows" in part] == [
        "LAKE.SONGS was not loaded: 2026-01-01 run other: 1 rows, 0 in the commit",
        "2026-01-01 run run-1: 0 rows, 1 in the commit",
        "2026-01-02 run other: 1 rows, 0 in the commit",
        "2026-01-02 run run-1: 0 rows, 1 in the commit",
        "2026-01-03 run other: 1 rows, 0 in the commit. The files are not those the commits describe",
    ]


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (lambda row: ("file", "LOADED", 99, row[3], 99, 99), ""),
        (lambda row: ("file", "LOADED", "99", str(row[3])), ""),
        (lambda row: ("file", "LOADED", 1, row[3] + 1, 1, 0), "COPY loaded 2 rows"),
        (lambda _: ("Copy executed with 0 files processed.",), "COPY loaded 0 rows"),
        (lambda _: ("file", "LOADED", 1), "COPY loaded 0 rows"),
        (lambda _: ("file", "LOADED", 1, None), "COPY loaded 0 rows"),
    ],
    ids=["with other numbers", "as text", "one more", "nothing", "too few columns", "no number"],
)
def test_the_rows_that_copy_says_it_loaded_are_counted(
    warehouse: EmbeddedWarehouse,
    store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[Row], Row],
    refused: str,
) -> None:
    """`rows_loaded`, the fourth of COPY's columns: not those parsed before it, nor the limits after it."""
    real = Session.execute

    def execute(self: Session, sql: str, params: Sequence[Value] = ()) -> list[Row]:
        rows = real(self, sql, params)
        return [answer(row) for row in rows] if "COPY INTO" in sql else rows

    monkeypatch.setattr(Session, "execute", execute)
    commits = {day(0): commit_day(store, day(0), "run-1", tables_of({"P": ["a"]}))}

    with pytest.raises(PermanentError, match=refused) if refused else contextlib.nullcontext():
        load(warehouse, store, commits, ["songs"])

    assert warehouse.execute("SELECT COUNT(*) FROM LAKE.SONGS") == [(0 if refused else 1,)]


def test_no_commits_are_nothing_to_load(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    with warehouse.session() as session:
        before = session.statements
        plan = loads.load_table(session, store, "songs", {})
        assert session.statements == before

    assert (plan.days, plan.rows, plan.files) == ([], 0, ())


def test_rows_of_another_date_inside_a_file_are_noticed(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    commit = commit_day(store, day(0), "run-1", tables_of({"P": ["a"]}))
    _rewrite(
        store,
        commit,
        "songs",
        [
            {"song_id": "a", "snapshot_date": day(0), "run_id": "run-1"},
            {"song_id": "b", "snapshot_date": day(5), "run_id": "run-1"},
        ],
    )

    with pytest.raises(PermanentError, match="COPY loaded 2 rows, the commits hold 1"):
        load(warehouse, store, {day(0): commit}, ["songs"])

    assert warehouse.execute("SELECT COUNT(*) FROM LAKE.SONGS") == [(0,)]


def test_a_file_that_is_gone_fails_the_load_and_changes_nothing(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    load(warehouse, store, {day(0): commit_day(store, day(0), "run-1", tables_of(SONGS))})
    before = content(warehouse, "LAKE", LAKE_TABLES)
    commit = commit_day(store, day(0), "run-2", tables_of(SONGS))
    store.delete(commit.file_keys("songs"))

    with pytest.raises(PermanentError, match="COPY INTO"):
        load(warehouse, store, {day(0): commit}, ["songs"])

    assert content(warehouse, "LAKE", LAKE_TABLES) == before


def test_a_file_without_a_column_of_the_contract_loads_with_nulls(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    commit = commit_day(store, day(0), "run-1", tables_of({"P": ["a"]}))
    older = [column.name for column in LAKE_TABLES["songs"].columns if column.name != "isrc"]
    _rewrite(store, commit, "songs", [{"song_id": "a", "name": "A", "snapshot_date": day(0), "run_id": "run-1"}], older)

    load(warehouse, store, {day(0): commit}, ["songs"])

    assert warehouse.execute("SELECT song_id, name, isrc FROM LAKE.SONGS") == [("a", "A", None)]


def test_a_home_of_the_version_before_entry_counts_goes_on_working(
    new_warehouse: EmbeddedWarehouse, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tables lack `entry_count` and `is_complete`, and so do the files that are loaded next."""
    new = ("entry_count", "is_complete")
    with monkeypatch.context() as former:
        for tables in (LAKE_TABLES, DIMENSIONS):
            table = tables["playlists"]
            kept = tuple(column for column in table.columns if column.name not in new)
            former.setitem(tables, "playlists", replace(table, columns=kept))
        load(new_warehouse, store, {day(0): commit_day(store, day(0), "run-0", tables_of({"P": ["a"]}))})
        merge_all(new_warehouse)
        files_of_the_former_version = commit_day(store, day(1), "run-1", tables_of({"P": ["a", "b"]}))

    load(new_warehouse, store, {day(1): files_of_the_former_version})
    merge_all(new_warehouse)

    columns = "item_count, entry_count, is_complete"
    rows = new_warehouse.execute(f"SELECT {columns} FROM LAKE.PLAYLISTS ORDER BY snapshot_date")
    assert rows == [(1, 1, True), (2, 2, True)]
    assert new_warehouse.execute(f"SELECT {columns} FROM SPOTIFY.PLAYLISTS") == [(2, 2, True)]
    with new_warehouse.session() as session:
        assert quality.faults(session, "spotify", DIMENSIONS["playlists"]) == (1, [])


@pytest.mark.parametrize("name", ["a 'quoted' lake", "lake [1] * ?", "snapshot_date=2020-01-01", "näme #1 100%"])
def test_a_lake_whose_path_duckdb_would_read_differently_loads_the_same(
    warehouse: EmbeddedWarehouse, tmp_path: Path, name: str
) -> None:
    store = ObjectStore.open((tmp_path / name).as_uri())
    root = tmp_path / name
    commit = _commit_in(store, root)

    load(warehouse, store, {day(0): commit}, ["songs"])

    assert warehouse.execute("SELECT snapshot_date, song_id FROM LAKE.SONGS") == [(day(0), "a")]


def test_a_lake_on_s3_loads_the_same(warehouse: EmbeddedWarehouse, s3_lake: LakeResource, store: ObjectStore) -> None:
    commit = commit_day(store, day(0), "run-1", tables_of(SONGS), files_per_table=2)
    keys = commit.file_keys("songs")
    with store.local_files(keys) as files:
        s3_lake.store.upload_many(files)

    load(warehouse, s3_lake.store, {day(0): commit}, ["songs"])

    assert warehouse.execute("SELECT song_id FROM LAKE.SONGS ORDER BY 1") == [("a",), ("b",), ("b+c",)]
    assert warehouse.loaded_runs("songs") == {day(0): "run-1"}


class _Broken(Exception):
    pass


def test_an_error_at_any_statement_of_a_load_leaves_the_old_table_and_the_next_run_succeeds(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    """The failure drill: every statement fails once, before and after it has run."""
    load(warehouse, store, {day(0): commit_day(store, day(0), "run-1", tables_of(SONGS))})
    before = content(warehouse, "LAKE", ["songs", "loads"])
    commit = {day(0): commit_day(store, day(0), "run-2", tables_of({"P": ["x", "y"]}))}
    failed: list[str] = []
    connections = []
    for number in range(100):
        for late in (False, True):
            with pytest.MonkeyPatch.context() as patch:
                _fail_at(patch, number, late=late, failed=failed)
                try:
                    with warehouse.session() as session:
                        connections.append(session._connection)
                        loads.load_table(session, store, "songs", commit)
                except _Broken:
                    assert content(warehouse, "LAKE", ["songs", "loads"]) == before or failed[-1] == "COMMIT"
                    assert connections[-1].is_closed()
        if len(failed) < 2 * (number + 1):
            break

    assert {sql.split()[0] for sql in failed} >= {"BEGIN", "DELETE", "SELECT", "INSERT", "COMMIT"}
    assert any("COPY INTO" in sql for sql in failed)
    load(warehouse, store, commit, ["songs"])
    assert warehouse.loaded_runs("songs") == {day(0): "run-2"}
    assert warehouse.execute("SELECT song_id FROM LAKE.SONGS ORDER BY 1") == [("x",), ("y",)]


def _fail_at(patch: pytest.MonkeyPatch, number: int, *, late: bool, failed: list[str]) -> None:
    """Let the `number`-th statement of the next session fail: before it is sent, or after it has run."""
    real = Session.execute
    sent = 0

    def execute(self: Session, sql: str, params: Sequence[Value] = ()) -> list[Row]:
        nonlocal sent
        mine, sent = sent, sent + 1
        if mine == number and not late:
            failed.append(sql)
            raise _Broken
        rows = real(self, sql, params)
        if mine == number:
            failed.append(sql)
            raise _Broken
        return rows

    patch.setattr(Session, "execute", execute)


def _rewrite(
    store: ObjectStore, commit: Commit, table: str, rows: list[dict[str, object]], columns: list[str] | None = None
) -> None:
    """Replace the table's only file by other rows, without the commit knowing."""
    (key,) = commit.file_keys(table)
    with store.local_files([key]) as files:
        files[key].unlink()
        write_parquet(files[key], LAKE_TABLES[table], rows, columns=columns)


def _commit_in(store: ObjectStore, root: Path) -> Commit:
    songs: Table = LAKE_TABLES["songs"]
    key = f"{layout.table_run_prefix('songs', 'run-1', day(0))}part-0.parquet"
    write_parquet(root / key, songs, [{"song_id": "a", "snapshot_date": day(0), "run_id": "run-1"}])
    return Commit(
        "2026-01-01",
        "run-1",
        "tests",
        "2026-01-01T00:00:00Z",
        (),
        0,
        0,
        None,
        {"songs": TableFiles((DataFile(key, 1, 1),))},
    )
