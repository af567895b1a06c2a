"""Code is an input: what other code made is computed again, and a warehouse of an earlier version is taken over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from glue_scripts.contract import LAKE_TABLES, MARTS, Table
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import dimensions, marts, quality, schema, sql, state
from spotify_assets.warehouse.fingerprint import fingerprint
from spotify_assets_tests.warehouse.fixtures import kept_warehouse, let_go
from spotify_assets_tests.warehouse.lake_files import commit_day, day, open_lake, tables_of
from spotify_assets_tests.warehouse.use import build_all, computed, load, merge_all


@pytest.fixture(scope="module")
def loaded_folder(prepared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with two dates, merged and computed; made once."""
    folder = tmp_path_factory.mktemp("loaded")
    store = open_lake(folder / "lake")
    with kept_warehouse(prepared_folder, folder / "warehouse") as warehouse:
        for on, entries in enumerate(("abc", "bca")):
            load(warehouse, store, {day(on): commit_day(store, day(on), f"run-{on}", tables_of({"P": [*entries]}))})
        merge_all(warehouse)
        build_all(warehouse)
    return folder / "warehouse"


@pytest.fixture
def loaded(loaded_folder: Path, tmp_path: Path) -> Iterator[EmbeddedWarehouse]:
    with kept_warehouse(loaded_folder, tmp_path / "loaded") as kept:
        yield kept


def edit(monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str) -> None:
    """Change the text of `sql/<name>.sql` as if the file had been changed."""
    original = sql.statement

    def edited(which: str) -> str:
        text = original(which)
        if which == name:
            assert old in text
            return text.replace(old, new)
        return text

    for module in (sql, marts, schema, state):
        monkeypatch.setattr(module, "statement", edited)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("marts/artist_share", "COUNT(*) AS slots,", "COUNT(*) * 1000 AS slots,"),
        ("marts/song_stays", "MIN(best_position)", "MAX(best_position) + 7"),
        ("views/song_runs", "COUNT(*) - 1", "COUNT(*)"),
    ],
)
def test_corrected_code_corrects_what_is_stored(
    loaded: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str
) -> None:
    """The wrong rows of a mart once stayed for ever: every tool said that all was well."""
    before = computed(loaded)
    edit(monkeypatch, file, old, new)
    merge_all(loaded)
    build_all(loaded)
    wrong = computed(loaded)
    monkeypatch.undo()

    merge_all(loaded)
    build_all(loaded)

    assert wrong != before
    assert computed(loaded) == before


@pytest.mark.parametrize(
    "harm",
    ["UPDATE SPOTIFY.APPLIED_LOADS SET code = 'other' WHERE table_name = 'songs'", "DROP TABLE SPOTIFY.SONGS"],
    ids=["made by other code", "gone"],
)
def test_a_dimension_that_other_code_made_or_that_is_gone_is_computed_anew(
    loaded: EmbeddedWarehouse, harm: str
) -> None:
    """A key that only the other code made belongs to no date; a merge of the dates would leave it."""
    before = computed(loaded)["spotify.songs"]
    loaded.execute("UPDATE SPOTIFY.SONGS SET song_id = 'nobody' WHERE song_id = 'a'")
    loaded.execute(harm)

    merged = loaded.run(lambda session: dimensions.merge(session, "songs"))

    assert computed(loaded)["spotify.songs"] == before
    assert (merged.pending.new, merged.pending.outdated, merged.rows) == ((day(0), day(1)), True, 3)


def test_what_reads_a_mart_is_computed_again_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stays, weeks, runs = (marts.code(name) for name in ("song_stays", "playlist_week", "song_runs"))
    edit(monkeypatch, "marts/song_stays", "MIN(best_position)", "MAX(best_position)")

    assert marts.code("song_stays") != stays
    assert marts.code("playlist_week") != weeks
    assert marts.code("song_runs") != runs


def test_how_snapshots_are_compared_is_code_of_the_marts_that_compare_them(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: marts.code(name) for name in marts.DEFINITIONS}
    edit(monkeypatch, "state/pending_snapshots", "WITHIN GROUP (ORDER BY position)", "WITHIN GROUP (ORDER BY song_id)")

    changed = {name for name in before if marts.code(name) != before[name]}

    assert changed == {"playlist_changes", "song_stays", "song_runs", "playlist_week"}


def test_a_comment_changes_no_fingerprint() -> None:
    table = LAKE_TABLES["songs"]

    assert fingerprint(table, "-- why\nSELECT 1\n  FROM t") == fingerprint(table, "SELECT 1 FROM t")
    assert fingerprint(table, "SELECT 1") != fingerprint(table, "SELECT 2")


def test_every_dimension_and_load_has_a_fingerprint_of_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    songs, albums = dimensions.code("songs"), dimensions.code("albums")
    edit(monkeypatch, "dimension_merge", "LEAST", "GREATEST")

    assert songs != albums
    assert dimensions.code("songs") != songs


def test_a_warehouse_of_an_earlier_version_is_taken_over(new_warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    """Its state has no `code`, and its marts with names are tables where there are views now."""
    older_loads = _without_code(schema.LOADS)
    older_applied = _without_code(schema.APPLIED)
    with new_warehouse.session() as session:
        for layer in ("lake", "spotify", "analytics"):
            session.execute(schema.create_schema(layer))
        session.execute(schema.create_table("lake", older_loads))
        for layer in ("spotify", "analytics"):
            session.execute(schema.create_table(layer, older_applied))
        for name in ("playlist_changes", "song_runs", "artist_share", "song_popularity"):
            session.execute(schema.create_table("analytics", MARTS[name]))
        session.execute("INSERT INTO ANALYTICS.SONG_RUNS (song_id) VALUES ('wrong')")
        session.execute(
            "INSERT INTO ANALYTICS.APPLIED_LOADS (table_name, snapshot_date) VALUES ('artist_share', ?)", [day(0)]
        )

    load(new_warehouse, store, {day(0): commit_day(store, day(0), "run-0", tables_of({"P": ["a", "b"]}))})
    merge_all(new_warehouse)
    build_all(new_warehouse)

    assert new_warehouse.execute("SELECT song_id FROM ANALYTICS.SONG_RUNS ORDER BY 1") == [("a",), ("b",)]
    assert new_warehouse.execute("SELECT artist_id FROM ANALYTICS.ARTIST_SHARE ORDER BY 1") == [("art_a",), ("art_b",)]
    assert new_warehouse.execute("SELECT DISTINCT code IS NULL AS unknown FROM ANALYTICS.APPLIED_LOADS") == [(False,)]


def test_a_mart_of_an_earlier_warehouse_is_computed_from_the_columns_that_there_are_now(
    loaded: EmbeddedWarehouse,
) -> None:
    """Nothing was loaded since the contract has one more, and what was loaded before counts as complete."""
    before = computed(loaded)["analytics.playlist_changes"]
    loaded.execute("ALTER TABLE LAKE.PLAYLISTS DROP COLUMN is_complete")
    let_go(loaded.folder)

    loaded.run(lambda session: marts.rebuild(session, "playlist_changes"))

    assert computed(loaded)["analytics.playlist_changes"] == before
    assert loaded.execute("SELECT DISTINCT is_complete FROM LAKE.PLAYLISTS") == [(True,)]


def test_rows_that_break_a_rule_never_become_visible(loaded: EmbeddedWarehouse, store: ObjectStore) -> None:
    before = computed(loaded)
    load(loaded, store, {day(2): commit_day(store, day(2), "run-2", tables_of({"P": ["a"]}))})
    loaded.execute("UPDATE LAKE.SONGS SET name = NULL WHERE snapshot_date = ?", [day(2)])

    with pytest.raises(quality.RulesBroken, match="name is not null: broken 1 times"):
        loaded.run(lambda session: dimensions.merge(session, "songs"))

    assert computed(loaded)["spotify.songs"] == before["spotify.songs"]


def _without_code(table: Table) -> Table:
    return Table(table.name, table.description, table.key, table.columns[:-1])
