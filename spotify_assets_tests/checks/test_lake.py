"""The lake's checks: each rule is broken on purpose, and one bad table stops only its own downstream."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from glue_scripts.commit import Commit, DataFile, TableFiles
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.fingerprint import transformation
from spotify_assets.engines.duckdb_engine import build_day
from spotify_assets.lake import layout, quality, state
from spotify_assets.local.runs import Line, RunFailed
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import day_sources, put_raw
from spotify_assets_tests.line import new_home
from spotify_assets_tests.reference_tables import Raw

DAY = dt.date(2026, 1, 1)


def committed(store: ObjectStore) -> Commit:
    """A small lake of one date with every kind of row, and its commit."""
    put_raw(
        store,
        Raw(
            e.spotify_id("p"),
            {"name": "P"},
            [
                (
                    0,
                    [
                        e.entry(e.track("A", "Ana")),
                        e.entry(e.track("B", "Bo")),
                        e.local_file(),
                        e.episode(),
                        e.entry(None),
                    ],
                ),
            ],
        ),
    )
    work = day_sources(store, DAY)
    built = build_day(store, "run-1", work)
    commit = built.commit(
        engine="duckdb",
        code=transformation(),
        sources=work.sources,
        committed_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    )
    store.put(layout.commit_key(DAY), commit.to_json())
    return commit


def damage(store: ObjectStore, commit: Commit, table: str, select: str, scratch: Path) -> Commit:
    """Replace a table's file by `select` over it (as `t`), and let the commit count what is there."""
    (file,) = commit.tables[table].files
    path = scratch / "damaged.parquet"
    with store.local_files([file.key]) as paths, duckdb.connect() as connection:
        connection.execute(f"create view t as select * from read_parquet('{paths[file.key]}', hive_partitioning=false)")
        ((rows,),) = connection.execute(f"copy ({select}) to '{path}' (format parquet)").fetchall()
    store.upload(path, file.key)
    tables = {**commit.tables, table: TableFiles((DataFile(file.key, rows, path.stat().st_size),))}
    changed = replace(commit, tables=tables)
    store.put(layout.commit_key(DAY), changed.to_json())
    return changed


def test_a_sound_lake_breaks_no_rule(store: ObjectStore) -> None:
    commit = committed(store)

    for table in LAKE_TABLES.values():
        assert quality.faults(store, table, {DAY: commit}) == []
    assert quality.unreconciled({DAY: commit}) == []


DAMAGES = {
    "a key twice": ("songs", "select * from t union all select * from t", "song_id is unique"),
    "a hole in a required column": ("songs", "select * replace (null as name) from t", "required columns are filled"),
    "a reference to nothing": ("song_artists", "select * replace ('nobody' as artist_id) from t", "found in artists"),
    "an item of no playlist": ("playlist_items", "select * replace ('x' as playlist_id) from t", "found in playlists"),
}


@pytest.mark.parametrize(("table", "select", "rule"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_broken_rule_is_named_with_an_example(
    store: ObjectStore, tmp_path: Path, table: str, select: str, rule: str
) -> None:
    commit = damage(store, committed(store), table, select, tmp_path)

    faults = quality.faults(store, LAKE_TABLES[table], {DAY: commit})

    assert any(rule in fault.rule and fault.rows and fault.example for fault in faults), faults


def test_files_of_a_version_before_a_column_are_checked_as_that_version_meant_them(
    store: ObjectStore, tmp_path: Path
) -> None:
    commit = damage(
        store, committed(store), "playlists", "select * exclude (entry_count, is_complete) from t", tmp_path
    )

    assert quality.faults(store, LAKE_TABLES["playlists"], {DAY: commit}) == []
    assert quality.incomplete(store, {DAY: commit}) == []
    columns, (row,) = quality.sample(store, LAKE_TABLES["playlists"], commit)
    assert dict(zip(columns, row, strict=True)) | {"entry_count": 5, "is_complete": True} == dict(
        zip(columns, row, strict=True)
    )


def evaluation(line: Line, table: str, check: str) -> dg.AssetCheckEvaluation:
    """The latest result of a check of a lake table."""
    key = dg.AssetCheckKey(dg.AssetKey(["lake", table]), check)
    record = line.instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    assert record.event.dagster_event is not None
    return record.event.dagster_event.asset_check_evaluation_data


def test_files_that_do_not_hold_what_the_commit_says_are_found(store: ObjectStore, tmp_path: Path) -> None:
    commit = committed(store)
    damage(store, commit, "albums", "select * from t limit 1", tmp_path)

    (fault,) = quality.faults(store, LAKE_TABLES["albums"], {DAY: commit})

    assert fault.rule == "rows equal the commit's"
    assert fault.example == "2026-01-01: 1 rows in the files, 2 in the commit"


def test_entries_that_went_missing_are_found(store: ObjectStore) -> None:
    commit = replace(committed(store), entries=7)

    assert quality.unreconciled({DAY: commit}) == ["2026-01-01: 7 entries in, 5 in playlist_items, 0 quarantined"]


def test_one_bad_table_stops_only_its_own_downstream_and_what_is_missing_is_a_warning_that_names_it(
    tmp_path: Path,
) -> None:
    home = new_home(tmp_path / "home")
    part, lost = e.spotify_id("part"), e.spotify_id("zlost")
    put_raw(home.store, Raw(part, {"name": "A part"}, [(0, [e.entry(e.track("A", duration_ms=1.5))])], total=50))
    home.store.put(put_raw(home.store, Raw(lost, {"name": "Lost"}, [(0, [])])), b"damaged")
    damage(home.store, committed(home.store), "albums", "select * from t union all select * from t", tmp_path)

    with home.line() as line:
        with pytest.raises(RunFailed) as caught:
            line.run("build_history", (DAY, DAY))
        missing = evaluation(line, "playlists", "snapshots_are_complete")
        leaves = evaluation(line, "playlist_items", "leaves_readable")
        loaded = {
            table
            for table in LAKE_TABLES
            if line.instance.get_latest_materialization_event(dg.AssetKey(["snowflake", "lake", table]))
        }

    assert "lake/albums: check contract_holds failed" in str(caught.value)
    assert "album_id is unique: broken by 2 rows" in str(caught.value)
    assert loaded == set(LAKE_TABLES) - {"albums"}
    assert state.committed_days(home.store) == [DAY]
    assert (missing.passed, missing.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert str(missing.description).startswith(
        f"snapshots hold the whole playlist: broken by 2 snapshots: 2026-01-01 {part} (A part): 1 of 50 entries; "
        f"2026-01-01 {lost}: nothing readable. Where the day is over they stay, marked"
    )
    assert (leaves.passed, leaves.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert str(leaves.description).startswith(
        f"every value can be read: broken by 1 values: 2026-01-01 {part} duration\\_ms = '1.5' (line 1, entry 0). They"
    )
