"""The whole line end to end, on the sandbox: snapshots, lake, warehouse, marts, dashboard, through Dagster."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from glue_scripts.contract import LAKE_TABLES
from glue_scripts.spans import days_between
from spotify_assets.assets.lake import HAS_SNAPSHOTS
from spotify_assets.lake import layout, state, watch
from spotify_assets.local.runs import RunFailed
from spotify_assets.local.updating import behind
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.line import Home, new_home, small_playlists
from spotify_assets_tests.reference_tables import Raw

pytestmark = pytest.mark.slow

FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 1, 4)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Four days of the sandbox, built once; tests of this module only read it or add to it."""
    home = new_home(tmp_path_factory.mktemp("a home"), SPOTIFY_PLAYLISTS=small_playlists())
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
        assert commit.entries > 300


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
        assert rows > 250


def test_a_late_snapshot_that_waits_in_the_landing_folder_is_adopted_first_and_rebuilds_its_old_day_alone(
    home: Home,
) -> None:
    before = state.read_commits(home.store, state.committed_days(home.store))
    day = dt.date(2026, 1, 2)
    page = {
        "href": f"https://api.spotify.com/v1/playlists/{e.spotify_id('late')}/tracks?offset=0&limit=100",
        "limit": 100,
        "offset": 0,
        "total": 1,
        "next": None,
        "items": [e.entry(e.track("Late one"))],
    }
    home.store.put(f"{layout.LANDING_INBOX_PREFIX}spotify_raw_{day} 06:00:00.json", json.dumps(page).encode())

    ranges = home.build()

    after = state.read_commits(home.store, state.committed_days(home.store))
    assert ranges == [(day, day)]
    assert {changed for changed in after if after[changed] != before[changed]} == {day}
    songs = {row[0]: row for row in home.tables()["spotify.songs"]}
    late = songs[e.spotify_id("trackLate one")]
    assert (late[1], late[-2:]) == ("spotify:track:" + e.spotify_id("trackLate one"), (day, day))
    assert not list(home.store.list(layout.LANDING_INBOX_PREFIX))
    assert len(list(home.store.list(layout.LANDING_PROCESSED_PREFIX))) == 1


def test_where_it_is_to_fail_a_date_without_snapshots_fails_alone_and_names_itself(tmp_path: Path) -> None:
    home = new_home(tmp_path, DATES_WITHOUT_SNAPSHOTS="fail")
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
class WithGaps:
    """A run over FIRST to LAST, of which `present` alone have raw snapshots."""

    home: Home
    result: dg.ExecuteInProcessResult
    present: frozenset[str]

    def materialized(self, *key: str) -> set[str]:
        with self.home.line() as line:
            return set(line.instance.get_materialized_partitions(dg.AssetKey(key)))

    def check(self, name: str) -> dg.AssetCheckEvaluation:
        (found,) = [each for each in self.result.get_asset_check_evaluations() if each.check_name == name]
        return found


def run_with_gaps(folder: Path, present: list[dt.date]) -> WithGaps:
    """A run over FIRST to LAST where `present` have raw snapshots."""
    home = new_home(folder)
    for day in present:
        put_raw(home.store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=day))
    with home.line() as line:
        result = line.run("build_history", (FIRST, LAST))
    return WithGaps(home, result, frozenset(day.isoformat() for day in present))


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> WithGaps:
    return run_with_gaps(tmp_path_factory.mktemp("gaps"), [FIRST, dt.date(2026, 1, 3)])


def test_a_run_over_gaps_builds_loads_and_computes_the_other_dates(gaps: WithGaps) -> None:
    tables = gaps.home.tables()

    assert gaps.result.success
    assert [row[0].isoformat() for row in tables["lake.songs"]] == sorted(gaps.present)
    runs = tables["analytics.song_runs"]
    assert [(*row[2:5], row[7]) for row in runs] == [(FIRST, dt.date(2026, 1, 3), 2, 0)], "no return after a gap"
    assert gaps.home.store.head(layout.report_key("dashboard"))


def test_an_empty_date_is_materialized_with_no_rows_and_without_a_commit(gaps: WithGaps) -> None:
    days = {day.isoformat() for day in days_between(FIRST, LAST)}
    assert state.committed_days(gaps.home.store) == [dt.date.fromisoformat(day) for day in sorted(gaps.present)]
    for key in [("lake", "songs"), ("snowflake", "lake", "songs")]:
        assert gaps.materialized(*key) == days
        with gaps.home.line() as line:
            records = line.instance.fetch_materializations(dg.AssetKey(key), limit=10).records
        shown = {record.partition_key: record.asset_materialization for record in records}
        rows = {day: event.metadata["dagster/partition_row_count"].value for day, event in shown.items() if event}
        assert rows == {day: int(day in gaps.present) for day in days}
        assert "preview" in getattr(shown["2026-01-03"], "metadata", {}), key


def test_every_check_runs_beside_an_empty_date_and_one_warns_of_it(gaps: WithGaps) -> None:
    evaluations = gaps.result.get_asset_check_evaluations()

    assert [check.check_name for check in evaluations if not check.passed] == [HAS_SNAPSHOTS]
    warning = gaps.check(HAS_SNAPSHOTS)
    assert warning.severity == dg.AssetCheckSeverity.WARN
    assert "dates have snapshots: broken by 2 empty dates, such as 2026-01-02, 2026-01-04" in str(warning.description)
    assert "import" in str(warning.description)
    checked = {check.asset_key for check in evaluations}
    for table in LAKE_TABLES:
        assert {dg.AssetKey(["lake", table]), dg.AssetKey(["snowflake", "lake", table])} <= checked


def test_an_empty_date_is_not_asked_for_again(gaps: WithGaps) -> None:
    assert watch.observe_range(gaps.home.store, FIRST, LAST).stale == []
    assert gaps.home.build() == []


def test_a_run_whose_dates_are_all_empty_succeeds(tmp_path: Path) -> None:
    nothing = run_with_gaps(tmp_path, [])

    assert nothing.result.success
    assert len(nothing.materialized("lake", "songs")) == len(nothing.materialized("snowflake", "lake", "songs")) == 4
    assert "2026-01-01 to 2026-01-04" in str(nothing.check(HAS_SNAPSHOTS).description)
    assert state.committed_days(nothing.home.store) == []


def test_a_date_that_has_snapshots_but_was_not_built_is_not_empty(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    put_raw(home.store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=FIRST))

    with home.line() as line, pytest.raises(RunFailed) as caught:
        line.run("load_warehouse", (FIRST, LAST))

    assert "No commit in the lake for 2026-01-01: materialize lake/songs" in str(caught.value)
    assert "2026-01-02" not in str(caught.value)


def test_a_commit_whose_raw_objects_have_vanished_keeps_its_rows_and_is_warned_of(
    gaps: WithGaps, tmp_path: Path
) -> None:
    shutil.copytree(gaps.home.settings.home, tmp_path / "home")
    home = new_home(tmp_path / "home")
    before, commits = home.tables(), state.read_commits(home.store, [FIRST])
    home.store.delete(found.key for found in home.store.list(layout.raw_day_prefix(FIRST)))

    with home.line() as line:
        result = line.run("build_history", (FIRST, LAST))

    (warning,) = [each for each in result.get_asset_check_evaluations() if each.check_name == HAS_SNAPSHOTS]
    assert not warning.passed
    assert "raw snapshots outlive the tables built from them, which are kept: broken by 1 dates: 2026-01-01" in str(
        warning.description
    )
    assert state.read_commits(home.store, [FIRST]) == commits
    assert home.tables() == before


def test_dates_with_a_gap_between_them_are_asked_for_in_one_run(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    for day in (FIRST, dt.date(2026, 1, 3)):
        put_raw(home.store, Raw(e.spotify_id("p"), {"name": "P"}, [(0, [e.entry(e.track("A"))])], day=day))

    lag = behind(home.store, home.warehouse)

    assert lag.ranges(lag.stale) == [(FIRST, dt.date(2026, 1, 3))]
