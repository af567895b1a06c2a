"""Drills of `build`: what is lost is made again, what is the same is left alone, what is poisoned fails alone."""

from __future__ import annotations

import datetime as dt
import errno
import gzip
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from glue_scripts import fingerprint
from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.spans import days_between
from spotify_assets.assets.lake import BUILT_BY_THIS_CODE
from spotify_assets.lake import layout, state
from spotify_assets.local.updating import Updated, bring_up_to_date
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.line import Home, new_home
from spotify_assets_tests.reference_tables import Raw

pytestmark = pytest.mark.slow

FIRST = dt.date(2026, 1, 1)
DAYS = days_between(FIRST, FIRST + dt.timedelta(days=2))


def put_day(store: ObjectStore, day: dt.date, *names: str, twice: bool = False) -> str:
    """A raw object of one playlist; `twice` gives it two pages of offset 0, which no table can hold."""
    page = (0, [e.entry(e.track(name)) for name in names or ("A",)])
    return put_raw(store, Raw(e.spotify_id("p"), {"name": "P"}, [page, page] if twice else [page], day=day))


def three_days(folder: Path) -> Home:
    home = new_home(folder)
    for day in DAYS:
        put_day(home.store, day)
    home.build()
    return home


def commits(home: Home) -> dict[dt.date, Commit]:
    return state.read_commits(home.store, state.committed_days(home.store))


def update(home: Home, *, outdated: bool = False, verify: bool = False) -> Updated:
    with home.line() as line:
        return bring_up_to_date(line, home.settings, outdated=outdated, verify=verify)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Three days, built; tests copy it."""
    return three_days(tmp_path_factory.mktemp("built"))


@pytest.fixture
def home(built: Home, tmp_path: Path) -> Home:
    """A copy of the three days that a test may damage."""
    shutil.copytree(built.settings.home, tmp_path / "home")
    return new_home(tmp_path / "home")


def test_a_copied_home_is_up_to_date(built: Home, home: Home) -> None:
    before = commits(home)
    found = update(home)
    assert (found.built, found.loaded, found.failures) == ([], [], [])
    assert commits(home) == before == commits(built)


def test_an_object_that_was_replaced_by_another_of_its_size_is_built_again(home: Home) -> None:
    (raw,) = home.store.list(layout.raw_day_prefix(DAYS[1]))
    text = gzip.decompress(home.store.get(raw.key)).replace(b"A", b"B")
    home.store.put(raw.key, gzip.compress(text, mtime=0))
    assert update(home).built == [(DAYS[1], DAYS[1])]


def _file(home: Home, day: dt.date, table: str = "songs") -> Path:
    (file,) = commits(home)[day].files(table)
    return home.settings.home / "lake" / file.key


def test_lost_and_truncated_files_are_said_and_built_again(home: Home) -> None:
    tables, before = home.tables(without_runs=True), commits(home)
    _file(home, DAYS[0]).unlink()
    cut = _file(home, DAYS[1])
    cut.write_bytes(cut.read_bytes()[:100])

    found = update(home)

    assert found.built == [(DAYS[0], DAYS[1])]
    lost, truncated = sorted(found.healed)
    assert str(DAYS[0]) in lost
    assert "is gone" in lost
    assert str(DAYS[1]) in truncated
    assert "has 100 bytes instead of" in truncated
    after = commits(home)
    assert {day for day in DAYS if after[day] != before[day]} == {DAYS[0], DAYS[1]}
    assert state.lost_files(home.store, after) == {}
    assert home.tables(without_runs=True) == tables
    assert update(home).built == []


def test_a_deleted_table_folder_and_a_lost_warehouse_come_back(home: Home) -> None:
    tables = home.tables(without_runs=True)
    shutil.rmtree(home.settings.home / "lake" / "tables" / "albums")
    for path in home.settings.home.iterdir():
        if "warehouse" in path.name:
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    found = update(home)

    assert found.built == [(DAYS[0], DAYS[-1])]
    assert found.failures == []
    assert home.tables(without_runs=True) == tables


def test_a_home_without_dagsters_history_is_up_to_date_all_the_same(home: Home) -> None:
    tables = home.tables()
    shutil.rmtree(home.settings.home / "dagster_home")

    again = update(home)

    assert (again.built, again.loaded, again.computed, again.failures) == ([], [], [], [])
    assert home.tables() == tables
    with home.line() as line:
        assert line.instance.get_runs_count() == 0


@pytest.mark.parametrize(
    ("gone", "made"),
    [
        ("TABLE LAKE.SONGS", []),
        ("TABLE SPOTIFY.ALBUMS", ["snowflake/spotify/albums", "dashboard"]),
        ("TABLE FACTS.SONG_STAYS", ["snowflake/analytics/song_stays"]),
        ("VIEW ANALYTICS.SONG_RUNS", ["snowflake/analytics/song_runs", "dashboard"]),
    ],
)
def test_a_table_that_is_gone_from_the_warehouse_comes_back(home: Home, gone: str, made: list[str]) -> None:
    tables = home.tables(without_runs=True)
    with home.warehouse.session() as session:
        session.execute(f"DROP {gone}")

    again = update(home)

    assert again.failures == []
    assert (again.built, again.computed) == ([] if made else [(DAYS[0], DAYS[-1])], made)
    assert home.tables(without_runs=True) == tables


def test_what_a_failure_left_behind_is_computed_by_the_next_build_and_nothing_else_is(home: Home) -> None:
    tables = home.tables()
    with home.warehouse.session() as session:
        session.execute("DELETE FROM ANALYTICS.APPLIED_LOADS WHERE table_name = 'release_profile'")
        session.execute("DELETE FROM ANALYTICS.RELEASE_PROFILE")

    again = update(home)

    assert again.computed == ["snowflake/analytics/release_profile"]
    assert (again.built, again.loaded, again.failures) == ([], [], [])
    assert home.tables() == tables
    assert not update(home).did_something


def test_what_only_reading_finds_is_found_by_verify(home: Home) -> None:
    path = _file(home, DAYS[0])
    path.write_bytes(bytes(len(path.read_bytes())))
    assert update(home).built == []

    found = update(home, verify=True)

    assert found.built == [(DAYS[0], DAYS[0])]
    assert "can't be read" in found.healed[0]
    assert update(home, verify=True).built == []


def test_files_lost_with_their_raw_objects_fail_alone_and_say_so(home: Home) -> None:
    _file(home, DAYS[0]).unlink()
    home.store.delete(found.key for found in home.store.list(layout.raw_day_prefix(DAYS[0])))
    put_day(home.store, DAYS[2], "New")

    found = update(home)

    assert any("its raw snapshots are gone too" in failure for failure in found.failures)
    assert {row[-1] for row in home.tables()["spotify.songs"] if row[1].endswith(e.spotify_id("trackNew"))} == {DAYS[2]}


def test_other_code_is_counted_and_rebuilt_only_when_asked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = commits(home)
    assert {commit.code for commit in before.values()} == {fingerprint.transformation()}
    for module in ("assets.building", "assets.lake", "local.updating"):
        monkeypatch.setattr(f"spotify_assets.{module}.transformation", lambda: "other")

    found = update(home)
    assert (found.built, found.outdated) == ([], tuple(DAYS))
    assert commits(home) == before
    with home.line() as line:
        result = line.run("build_history", (DAYS[0], DAYS[-1]))
    (warning,) = [each for each in result.get_asset_check_evaluations() if each.check_name == BUILT_BY_THIS_CODE]
    assert not warning.passed
    assert "build --outdated" in str(warning.description)

    found = update(home, outdated=True)
    assert (found.built, found.outdated) == ([(DAYS[0], DAYS[-1])], ())
    assert {commit.code for commit in commits(home).values()} == {"other"}

    monkeypatch.undo()
    assert update(home).outdated == tuple(DAYS), "the code was restored: again it is another's"


def test_a_poisoned_date_fails_alone_and_the_end_says_which_and_why(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    for day, twice in zip(DAYS, (True, False, False), strict=True):
        put_day(home.store, day, twice=twice)

    assert_poisoned(home, {DAYS[0]}, DAYS)

    put_day(home.store, DAYS[0] + dt.timedelta(days=3))
    assert update(home).built == []


def test_a_date_whose_raw_object_cant_be_read_waits_alone_and_is_built_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no damage, and nobody else's trouble: the others are built and loaded, and nothing is given up."""
    home = new_home(tmp_path)
    keys = {day: put_day(home.store, day) for day in DAYS}
    closed = home.settings.home / "lake" / keys[DAYS[1]]
    read_bytes = Path.read_bytes

    def refusing(path: Path) -> bytes:
        if path == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read_bytes(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refusing)
        first = run_build(home)

    assert first.exit_code == 1
    said = " ".join(first.output.split())
    assert f"{DAYS[1]}: {closed} can't be read (Permission denied)" in said
    assert "make those readable" in said
    assert f"{DAYS[1]} waits, and is left as it was" in said
    assert said.count("Trying again in") == 3
    others = {DAYS[0], DAYS[2]}
    assert set(commits(home)) == others
    for table in LAKE_TABLES:
        assert {row[0] for row in home.tables()[f"lake.{table}"]} == others

    second = run_build(home)

    assert second.exit_code == 0, second.output
    assert set(commits(home)) == set(DAYS)
    assert (commits(home)[DAYS[1]].entries, commits(home)[DAYS[1]].quarantined) == (1, 0)
    assert {row[0] for row in home.tables()["lake.songs"]} == set(DAYS)


@pytest.mark.soak
def test_five_poisoned_dates_among_fifty(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    days = [FIRST + dt.timedelta(days=2 * number) for number in range(50)]
    poisoned = {days[number] for number in (0, 7, 8, 30, 49)}
    for day in days:
        put_day(home.store, day, twice=day in poisoned)

    assert_poisoned(home, poisoned, days)


def run_build(home: Home) -> Result:
    """The command, as a shell runs it."""
    from spotify_assets.cli import main

    environment = {"SPOTIFY_ASSETS_HOME": str(home.settings.home), "PARTITIONS_START": FIRST.isoformat()}
    return CliRunner().invoke(main, ["build"], env=environment)


def assert_poisoned(home: Home, poisoned: set[dt.date], days: list[dt.date]) -> None:
    result = run_build(home)

    assert result.exit_code == 1
    said = " ".join(result.output.split())
    for day in poisoned:
        assert f"{day}: playlist_items: playlist_id, position is unique" in said.replace("snapshot_date, ", "")
    assert set(commits(home)) == set(days) - poisoned
    for table in LAKE_TABLES:
        assert {row[0] for row in home.tables()[f"lake.{table}"]} == set(days) - poisoned
    named = {key for commit in commits(home).values() for table in LAKE_TABLES for key in commit.file_keys(table)}
    assert {found.key for found in home.store.list("tables/") if found.key.endswith(".parquet")} == named


def test_a_json_of_what_is_remembered_that_is_damaged_only_costs_reading(home: Home) -> None:
    update(home)
    (first, *_) = home.store.list(f"{layout.STATE_PREFIX}contents/")
    assert json.loads(home.store.get(first.key))["content"] == commits(home)[DAYS[0]].content
    home.store.put(first.key, b"{")
    assert update(home).built == []
