"""The warehouse's assets and checks in Dagster: one bad table or date stops only what depends on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import dagster as dg
import pytest

from glue_scripts.contract import DIMENSIONS, LAKE_TABLES, MARTS
from spotify_assets.assets.marts import mart_assets
from spotify_assets.assets.warehouse import dimension_assets, lake_load_assets
from spotify_assets.automation.warehouse_jobs import warehouse_jobs
from spotify_assets.checks.warehouse import (
    ALL_CHECK,
    KEYS_CHECK,
    RECENT_CHECK,
    loads_asset,
    warehouse_checks,
)
from spotify_assets.insights import SNOWFLAKE_CREDITS
from spotify_assets.names import PLAIN
from spotify_assets.partitions import snapshot_dates
from spotify_assets.resources.lake import LakeResource
from spotify_assets.resources.root import warehouse_resource
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import lineage, marts
from spotify_assets_tests.automation.world import put_raw
from spotify_assets_tests.test_definitions import SNOWFLAKE
from spotify_assets_tests.warehouse.lake_files import commit_day, day, tables_of
from spotify_assets_tests.warehouse.use import build_all, load, merge_all

pytestmark = pytest.mark.slow

PARTITIONS = snapshot_dates(day(0))
ARTIST_LINE = [
    *(PLAIN.warehouse("lake", name) for name in ("playlist_items", "song_artists", "artists")),
    PLAIN.warehouse("spotify", "artists"),
    PLAIN.warehouse("analytics", "artist_share"),
    PLAIN.warehouse("analytics", "playlist_overlap"),
]
ALBUM_LINE = [
    *(PLAIN.warehouse("lake", name) for name in ("playlist_items", "songs", "albums")),
    PLAIN.warehouse("spotify", "albums"),
    PLAIN.warehouse("spotify", "songs"),
    PLAIN.warehouse("analytics", "release_profile"),
    PLAIN.warehouse("analytics", "playlist_overlap"),
]
PLAYLISTS = {"P": ["a", "b"], "Q": ["a+c"]}


def definitions(store: ObjectStore, warehouse: EmbeddedWarehouse) -> dg.Definitions:
    return dg.Definitions(
        assets=[*lake_load_assets(PARTITIONS), *dimension_assets(), *mart_assets(), loads_asset()],
        asset_checks=[*warehouse_checks(PARTITIONS)],
        jobs=[
            dg.define_asset_job(
                "everything", selection=dg.AssetSelection.all() - dg.AssetSelection.assets(PLAIN.loads)
            ),
            *warehouse_jobs(load_settings({})),
        ],
        resources={"lake": LakeResource(url=store.url()), "warehouse": warehouse},
        executor=dg.in_process_executor,
    )


def run(
    defs: dg.Definitions,
    days: Sequence[dt.date],
    *,
    job: str = "everything",
    only: Sequence[dg.AssetKey] | None = None,
    instance: dg.DagsterInstance | None = None,
) -> dg.ExecuteInProcessResult:
    tags = (
        {
            "dagster/asset_partition_range_start": days[0].isoformat(),
            "dagster/asset_partition_range_end": days[-1].isoformat(),
        }
        if days
        else {}
    )
    return defs.get_job_def(job).execute_in_process(
        tags=tags, raise_on_error=False, asset_selection=only, instance=instance
    )


def test_one_run_loads_a_range_of_dates_and_everything_after_it(
    store: ObjectStore, warehouse: EmbeddedWarehouse
) -> None:
    for n in range(3):
        commit_day(store, day(n), f"run-{n}", tables_of(PLAYLISTS, on=n))

    result = run(definitions(store, warehouse), [day(n) for n in range(3)])

    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    assert {check.asset_key for check in result.get_asset_check_evaluations()} == {
        *(PLAIN.warehouse("lake", name) for name in LAKE_TABLES),
        *(PLAIN.warehouse("spotify", name) for name in DIMENSIONS),
        *(PLAIN.warehouse("analytics", name) for name in MARTS),
    }
    songs = list(result.asset_materializations_for_node("snowflake__lake__songs"))
    assert [event.partition for event in songs] == [day(n).isoformat() for n in range(3)]
    assert songs[0].metadata["dagster/partition_row_count"].value == 3
    (runs,) = result.asset_materializations_for_node("snowflake__analytics__song_runs")
    assert "dagster/row_count" not in runs.metadata, "a view is not read whole every day"
    assert len(str(runs.metadata["preview"].value).splitlines()) == 2 + 1, "but shown, of one playlist"
    assert runs.metadata["dagster/table_name"].value == "SPOTIFY_ASSETS.ANALYTICS.SONG_RUNS"
    (stays,) = result.asset_materializations_for_node("snowflake__analytics__song_stays")
    assert stays.metadata["dagster/row_count"].value == 3


def test_a_date_without_a_commit_fails_alone_and_is_named(store: ObjectStore, warehouse: EmbeddedWarehouse) -> None:
    for n in (0, 2):
        commit_day(store, day(n), f"run-{n}", tables_of(PLAYLISTS))
    put_raw(store, day(1))

    songs = PLAIN.warehouse("lake", "songs")
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(definitions(store, warehouse), [day(n) for n in range(3)], only=[songs], instance=instance)
        materialized = instance.get_materialized_partitions(songs)

    failure = result.failure_data_for_node("snowflake__lake__songs")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert f"No commit in the lake for {day(1)}" in str(failure.user_failure_data.description)
    assert not any(event.is_step_up_for_retry for event in result.all_events)
    assert warehouse.loaded_runs("songs") == {day(0): "run-0", day(2): "run-2"}
    assert materialized == {day(0).isoformat(), day(2).isoformat()}


def test_one_table_that_cannot_be_loaded_stops_only_its_own_downstream(
    store: ObjectStore, warehouse: EmbeddedWarehouse
) -> None:
    commit = commit_day(store, day(0), "run", tables_of(PLAYLISTS))
    store.delete(commit.file_keys("albums"))

    result = run(definitions(store, warehouse), [day(0)], only=ALBUM_LINE)

    done = {event.asset_key for event in result.all_events if event.is_step_materialization}
    assert not result.success
    assert PLAIN.warehouse("lake", "albums") not in done
    assert PLAIN.warehouse("spotify", "albums") not in done
    assert PLAIN.warehouse("analytics", "release_profile") not in done
    assert {PLAIN.warehouse("spotify", "songs"), PLAIN.warehouse("analytics", "playlist_overlap")} <= done


def test_rows_that_break_a_rule_of_a_dimension_stop_only_what_reads_it(
    store: ObjectStore, warehouse: EmbeddedWarehouse
) -> None:
    tables = tables_of(PLAYLISTS)
    nameless = {**tables, "artists": [{**row, "name": None} for row in tables["artists"]]}
    commit_day(store, day(0), "run", nameless)

    result = run(definitions(store, warehouse), [day(0)], only=ARTIST_LINE)

    (failed,) = (check for check in result.get_asset_check_evaluations() if not check.passed)
    done = {event.asset_key for event in result.all_events if event.is_step_materialization}
    assert failed.asset_key == PLAIN.warehouse("spotify", "artists")
    assert str(failed.description).startswith("name is not null: broken by 3 rows: ")
    assert str(failed.description).count(";") == 2
    assert "The table was left as it was" in str(failed.description)
    assert PLAIN.warehouse("analytics", "artist_share") not in done
    assert PLAIN.warehouse("analytics", "playlist_overlap") in done
    assert warehouse.execute("SELECT * FROM SPOTIFY.ARTISTS") == []
    assert not any(event.is_step_up_for_retry for event in result.all_events)


def test_reconciliation_finds_a_date_that_is_missing_and_one_that_is_too_many(
    store: ObjectStore, warehouse: EmbeddedWarehouse
) -> None:
    commits = {day(n): commit_day(store, day(n), f"run-{n}", tables_of(PLAYLISTS)) for n in range(3)}
    load(warehouse, store, commits)
    defs = definitions(store, warehouse)
    agreeing = run(defs, [], job="reconcile_recent_dates").get_asset_check_evaluations()
    warehouse.execute("DELETE FROM LAKE.SONGS WHERE snapshot_date = ?", [day(0)])
    store.delete([f"tables/_commits/day={day(1)}.json"])

    recent = run(defs, [], job="reconcile_recent_dates").get_asset_check_evaluations()
    everything = run(defs, [], job="reconcile_all_dates").get_asset_check_evaluations()

    assert [(check.check_name, check.passed) for check in agreeing] == [(RECENT_CHECK, True)]
    assert {(check.check_name, check.passed) for check in everything} == {(ALL_CHECK, False), (KEYS_CHECK, True)}
    assert "songs 2026-01-01: 0 rows in the warehouse, 3 in the commit of run run-0" in str(recent[0].description)
    assert "songs 2026-01-02: 3 rows in the warehouse, no commit in the lake" in str(recent[0].description)


def test_the_weekly_check_looks_at_every_row(store: ObjectStore, warehouse: EmbeddedWarehouse) -> None:
    load(warehouse, store, {day(0): commit_day(store, day(0), "run", tables_of(PLAYLISTS))})
    merge_all(warehouse)
    warehouse.execute("INSERT INTO SPOTIFY.ARTISTS SELECT * FROM SPOTIFY.ARTISTS")

    evaluations = run(definitions(store, warehouse), [], job="reconcile_all_dates").get_asset_check_evaluations()

    (failed,) = (check for check in evaluations if not check.passed)
    assert failed.check_name == KEYS_CHECK
    assert str(failed.description).startswith("spotify.artists: artist\\_id is unique: broken by 3 rows: ")
    assert "the job `rebuild_warehouse` computes them again" in str(failed.description)


def test_the_rebuild_job_gives_back_what_was_damaged(store: ObjectStore, warehouse: EmbeddedWarehouse) -> None:
    load(warehouse, store, {day(0): commit_day(store, day(0), "run", tables_of(PLAYLISTS))})
    merge_all(warehouse)
    build_all(warehouse)
    warehouse.execute("DELETE FROM SPOTIFY.SONGS")
    warehouse.execute("DELETE FROM FACTS.SONG_STAYS")

    assert run(definitions(store, warehouse), [], job="rebuild_warehouse").success

    assert warehouse.execute("SELECT COUNT(*) AS n FROM SPOTIFY.SONGS") == [(3,)]
    assert warehouse.execute("SELECT COUNT(*) AS n FROM ANALYTICS.SONG_RUNS") == [(3,)]


def test_every_column_says_where_it_comes_from() -> None:
    """The record that definitions load is what the SQL says: `python -m spotify_assets.warehouse.lineage` writes it."""
    recorded = lineage.recorded()

    assert recorded == lineage.derived()
    assert {name: tuple(columns) for name, columns in recorded.items()} == {
        name: table.column_names for name, table in MARTS.items()
    }
    for name, columns in recorded.items():
        assert {path for sources in columns.values() for path, _ in sources} <= set(marts.reads(name)), name


def test_what_statements_cost_stands_once_on_each_asset_however_many_dates(
    store: ObjectStore, warehouse: EmbeddedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Insights adds up: on every date of a range, a load would count as often as it has dates."""
    monkeypatch.setattr(EmbeddedWarehouse, "credits", lambda self, seconds: 0.25)
    for n in range(3):
        commit_day(store, day(n), f"run-{n}", tables_of(PLAYLISTS))

    result = run(definitions(store, warehouse), [day(n) for n in range(3)], only=ARTIST_LINE)

    spent: dict[str, list[object]] = {}
    for event in result.get_asset_materialization_events():
        shown = event.materialization.metadata.get(SNOWFLAKE_CREDITS)
        spent.setdefault(event.materialization.asset_key.to_user_string(), []).extend([shown.value] if shown else [])
    assert set(map(tuple, spent.values())) == {(0.25,)}


def test_credits_are_the_seconds_by_the_size_of_the_warehouse() -> None:
    small = {**SNOWFLAKE, "SNOWFLAKE_CREDITS_PER_HOUR": "2"}
    assert warehouse_resource(load_settings(small)).credits(1800) == 1.0
    assert warehouse_resource(load_settings({})).credits(1800) is None
