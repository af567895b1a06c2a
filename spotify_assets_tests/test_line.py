"""The whole line end to end, on the sandbox: snapshots, lake, warehouse, marts, dashboard, through Dagster."""

from __future__ import annotations

import datetime as dt
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.lake import layout, state, watch
from spotify_assets.local.runs import RunFailed
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.line import Home, new_home
from spotify_assets_tests.reference_tables import Raw

FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 1, 4)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Four days of the sandbox, built once; tests of this module only read it or add to it."""
    home = new_home(tmp_path_factory.mktemp("a home"))
    with home.line() as line:
        line.run("extract_playlists", (FIRST, LAST))
    home.build()
    return home


def test_every_commit_is_in_the_warehouse_row_for_row(home: Home) -> None:
    days = state.committed_days(home.store)
    commits = state.read_commits(home.store, days)
    tables = home.tables()

    assert days == [FIRST + dt.timedelta(days=number) for number in range(4)]
    for table in LAKE_TABLES:
        per_day = [sum(row[0] == day for row in tables[f"lake.{table}"]) for day in days]
        assert per_day == [commits[day].rows(table) for day in days], table


def test_entries_in_equal_items_and_quarantined(home: Home) -> None:
    for commit in state.read_commits(home.store, state.committed_days(home.store)).values():
        assert commit.entries == commit.rows("playlist_items") + commit.quarantined
        assert commit.entries > 2_500


def test_building_again_runs_no_date_and_changes_no_table(home: Home) -> None:
    before = home.tables()
    page = home.store.get(layout.report_key("dashboard"))

    assert home.build() == []
    assert home.tables() == before
    assert home.store.get(layout.report_key("dashboard")) == page


def test_every_partition_and_check_is_recorded_in_dagster(home: Home) -> None:
    days = {day.isoformat() for day in state.committed_days(home.store)}
    with home.line() as line:
        for table in LAKE_TABLES:
            assert line.instance.get_materialized_partitions(dg.AssetKey(["lake", table])) >= days
            assert line.instance.get_materialized_partitions(dg.AssetKey(["snowflake", "lake", table])) >= days
        event = line.instance.get_latest_materialization_event(dg.AssetKey(["lake", "songs"]))
        assert event is not None
        assert event.asset_materialization is not None
        rows = event.asset_materialization.metadata["dagster/partition_row_count"].value
        assert isinstance(rows, int)
        assert rows > 2_000


def test_a_late_snapshot_of_an_old_day_rebuilds_that_day_alone(home: Home, tmp_path: Path) -> None:
    before = state.read_commits(home.store, state.committed_days(home.store))
    day = dt.date(2026, 1, 2)
    put_raw(home.store, Raw(e.spotify_id("late"), {"name": "Late"}, [(0, [e.entry(e.track("Late one"))])], day=day))

    ranges = home.build()

    after = state.read_commits(home.store, state.committed_days(home.store))
    assert ranges == [(day, day)]
    assert {changed for changed in after if after[changed] != before[changed]} == {day}
    songs = {row[0]: row for row in home.tables()["spotify.songs"]}
    assert songs[e.spotify_id("trackLate one")][-2:] == (day, day)


def test_a_date_without_snapshots_fails_alone_and_names_itself(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    for day in (FIRST, dt.date(2026, 1, 3)):
        put_raw(home.store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=day))

    with home.line() as line, pytest.raises(RunFailed) as caught:
        line.run("build_history", (FIRST, dt.date(2026, 1, 3)))

    assert "No raw snapshots for 2026-01-02" in str(caught.value)
    assert "import" in str(caught.value)
    assert state.committed_days(home.store) == [FIRST, dt.date(2026, 1, 3)]
    with home.line() as line:
        assert line.instance.get_materialized_partitions(dg.AssetKey(["lake", "songs"])) == {"2026-01-01", "2026-01-03"}


@dataclass(frozen=True)
class Skipped:
    """A run with DATES_WITHOUT_SNAPSHOTS=skip over dates of which `present` alone have raw snapshots."""

    home: Home
    result: dg.ExecuteInProcessResult
    present: frozenset[str]

    def materialized(self, *key: str) -> set[str]:
        with self.home.line() as line:
            return set(line.instance.get_materialized_partitions(dg.AssetKey(key)))

    def warnings(self) -> list[str]:
        with self.home.line() as line:
            entries = line.instance.all_logs(self.result.run_id)
        return [entry.user_message for entry in entries if entry.level == logging.WARNING]


def skipping_run(folder: Path, present: list[dt.date]) -> Skipped:
    """A run over FIRST to LAST where `present` have raw snapshots."""
    home = new_home(folder, DATES_WITHOUT_SNAPSHOTS="skip")
    for day in present:
        put_raw(home.store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=day))
    with home.line() as line:
        result = line.run("build_history", (FIRST, LAST))
    return Skipped(home, result, frozenset(day.isoformat() for day in present))


@pytest.fixture(scope="module")
def skipped(tmp_path_factory: pytest.TempPathFactory) -> Skipped:
    return skipping_run(tmp_path_factory.mktemp("gaps"), [FIRST, dt.date(2026, 1, 3)])


def test_a_run_told_to_skip_gaps_builds_loads_and_computes_the_other_dates(skipped: Skipped) -> None:
    tables = skipped.home.tables()

    assert skipped.result.success
    assert [row[0].isoformat() for row in tables["lake.songs"]] == sorted(skipped.present)
    assert [row[2:5] for row in tables["analytics.song_runs"]] == [(FIRST, dt.date(2026, 1, 3), 2)]
    assert skipped.home.store.head(layout.report_key("dashboard"))


def test_a_skipped_date_is_not_materialized_in_dagster(skipped: Skipped) -> None:
    for table in LAKE_TABLES:
        assert skipped.materialized("lake", table) == skipped.present, table
        assert skipped.materialized("snowflake", "lake", table) == skipped.present, table


def test_the_dates_beside_a_skipped_one_show_what_they_always_show(skipped: Skipped) -> None:
    with skipped.home.line() as line:
        for key, also in {("lake", "songs"): "dagster/uri", ("snowflake", "lake", "songs"): "lake_run"}.items():
            records = line.instance.fetch_materializations(dg.AssetKey(key), limit=10).records
            shown = {record.partition_key: record.asset_materialization for record in records}
            for event in shown.values():
                assert event
                assert event.metadata["dagster/partition_row_count"].value == 1
                assert also in event.metadata
            assert "preview" in getattr(shown["2026-01-03"], "metadata", {}), key


def test_every_check_runs_beside_a_skipped_date(skipped: Skipped) -> None:
    evaluations = skipped.result.get_asset_check_evaluations()

    assert all(check.passed for check in evaluations)
    checked = {check.asset_key for check in evaluations}
    for table in LAKE_TABLES:
        assert {dg.AssetKey(["lake", table]), dg.AssetKey(["snowflake", "lake", table])} <= checked


def test_one_warning_names_every_skipped_date(skipped: Skipped) -> None:
    (warning,) = [text for text in skipped.warnings() if "raw snapshots" in text]

    assert "2026-01-02, 2026-01-04" in warning
    assert "import" in warning
    assert "DATES_WITHOUT_SNAPSHOTS" in warning


def test_a_skipped_date_is_not_asked_for_again(skipped: Skipped) -> None:
    assert watch.look(skipped.home.store, FIRST, LAST).stale == []
    assert skipped.home.build() == []


def test_a_run_whose_dates_are_all_skipped_succeeds_and_materializes_none(tmp_path: Path) -> None:
    nothing = skipping_run(tmp_path, [])

    assert nothing.result.success
    assert nothing.materialized("lake", "songs") == nothing.materialized("snowflake", "lake", "songs") == set()
    assert any("2026-01-01, 2026-01-02, 2026-01-03, 2026-01-04" in text for text in nothing.warnings())


def test_a_date_that_has_snapshots_but_was_not_built_is_not_skipped(tmp_path: Path) -> None:
    home = new_home(tmp_path, DATES_WITHOUT_SNAPSHOTS="skip")
    put_raw(home.store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=FIRST))

    with home.line() as line, pytest.raises(RunFailed) as caught:
        line.run("load_warehouse", (FIRST, LAST))

    assert "No commit in the lake for 2026-01-01: materialize lake/songs" in str(caught.value)
    assert "2026-01-02" not in str(caught.value)


def test_a_run_keeps_what_it_has_when_a_gap_is_built_later(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    for day in (FIRST, dt.date(2026, 1, 3)):
        put_raw(home.store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=day))

    assert home.build() == [(FIRST, FIRST), (dt.date(2026, 1, 3), dt.date(2026, 1, 3))]
    runs = home.tables()["analytics.song_runs"]
    assert [(row[2], row[3], row[4], row[7]) for row in runs] == [(FIRST, dt.date(2026, 1, 3), 2, 0)]


def test_building_adopts_what_waits_in_the_landing_folder_first(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    page = {
        "href": f"https://api.spotify.com/v1/playlists/{e.spotify_id('landed')}/tracks?offset=0&limit=100",
        "limit": 100,
        "offset": 0,
        "total": 1,
        "next": None,
        "items": [e.entry(e.track("Landed"))],
    }
    home.store.put(f"{layout.LANDING_INBOX_PREFIX}spotify_raw_2026-01-02 06:00:00.json", json.dumps(page).encode())

    home.build()

    assert [row[1] for row in home.tables()["spotify.songs"]] == ["spotify:track:" + e.spotify_id("trackLanded")]
    assert not list(home.store.list(layout.LANDING_INBOX_PREFIX))
    assert len(list(home.store.list(layout.LANDING_PROCESSED_PREFIX))) == 1
