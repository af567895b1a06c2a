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


def _file(home: Home, day: dt.date, table: str = "songs") -> Path:
    (file,) = commits(home)[day].files(table)
    return home.settings.home / "lake" / file.key


def test_lost_and_truncated_files_are_said_and_built_again_and_verify_finds_what_only_reading_does(home: Home) -> None:
    tables, before = home.tables(without_runs=True), commits(home)
    lost_file, cut, zeroed = (_file(home, day) for day in DAYS)
    lost_file.unlink()
    cut.write_bytes(cut.read_bytes()[:100])
    zeroed.write_bytes(bytes(len(zeroed.read_bytes())))

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

    found = update(home, verify=True)

    assert found.built == [(DAYS[2], DAYS[2])]
    (damaged,) = found.healed
    assert "can't be read" in damaged
    assert update(home, verify=True).built == []


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


def test_a_lake_table_that_is_gone_from_the_warehouse_is_loaded_again(home: Home) -> None:
    tables = home.tables(without_runs=True)
    with home.warehouse.session() as session:
        session.execute("DROP TABLE LAKE.SONGS")

    again = update(home)

    assert (again.built, again.computed, again.failures) == ([(DAYS[0], DAYS[-1])], [], [])
    assert home.tables(without_runs=True) == tables


def test_what_is_gone_or_was_left_behind_by_a_failure_is_computed_by_the_next_build_and_nothing_else_is(
    home: Home,
) -> None:
    tables = home.tables()
    with home.warehouse.session() as session:
        session.execute("DROP TABLE SPOTIFY.ALBUMS")
        session.execute("DROP TABLE FACTS.SONG_STAYS")
        session.execute("DROP VIEW ANALYTICS.SONG_RUNS")
        session.execute("DELETE FROM ANALYTICS.APPLIED_LOADS WHERE table_name = 'release_profile'")
        session.execute("DELETE FROM ANALYTICS.RELEASE_PROFILE")

    again = update(home)

    made = ["spotify/albums", "analytics/song_stays", "analytics/song_runs", "analytics/release_profile"]
    assert sorted(again.computed) == sorted([*(f"snowflake/{table}" for table in made), "dashboard"])
    assert (again.built, again.loaded, again.failures) == ([], [], [])
    assert home.tables() == tables
    assert not update(home).did_something


def test_files_lost_with_their_raw_objects_fail_alone_and_what_was_replaced_is_built_again(home: Home) -> None:
    """One object is replaced by another of its size."""
    before = commits(home)
    _file(home, DAYS[0]).unlink()
    home.store.delete(found.key for found in home.store.list(layout.raw_day_prefix(DAYS[0])))
    (raw,) = home.store.list(layout.raw_day_prefix(DAYS[1]))
    text = gzip.decompress(home.store.get(raw.key))
    others = {name: gzip.compress(text.replace(b"A", name.encode()), mtime=0) for name in "BCDEFGHIJKLMNOPQRSTUVWXYZ"}
    name = next(name for name, other in others.items() if len(other) == raw.size)
    home.store.put(raw.key, others[name])
    put_day(home.store, DAYS[2], "New")

    found = update(home)

    assert any("its raw snapshots are gone too" in failure for failure in found.failures)
    after = commits(home)
    assert {day for day in DAYS if after[day] != before[day]} == {DAYS[1], DAYS[2]}
    named = {e.spotify_id(f"track{name}"): DAYS[1], e.spotify_id("trackNew"): DAYS[2]}
    songs = home.tables()["spotify.songs"]
    assert {song: {row[-1] for row in songs if row[1].endswith(song)} for song in named} == {
        song: {day} for song, day in named.items()
    }


def test_a_raw_object_damaged_after_it_was_built_takes_nothing_away_and_fails_its_date_alone(home: Home) -> None:
    """The other object of its date waits with it, until it is restored."""
    before, songs = commits(home), home.tables()["lake.songs"]
    (raw,) = home.store.list(layout.raw_day_prefix(DAYS[1]))
    whole = home.store.get(raw.key)
    home.store.put(raw.key, whole[: len(whole) // 2])
    put_day(home.store, DAYS[2], "New")
    put_raw(home.store, Raw(e.spotify_id("q"), {"name": "Q"}, [(0, [e.entry(e.track("Q"))])], day=DAYS[1]))

    found = update(home)

    (failure,) = found.failures
    assert f"{DAYS[1]}: {raw.key} could be read when the date was built, and can't be now: object is not" in failure
    assert "restore, repair, replace or remove their raw objects" in failure
    assert commits(home)[DAYS[1]] == before[DAYS[1]]
    assert found.loaded == [(DAYS[2], DAYS[2])]
    assert {row[0] for row in home.tables()["lake.songs"]} >= {row[0] for row in songs}
    assert not [each for each in home.store.list("quarantine/") if str(DAYS[1]) in each.key]

    home.store.put(raw.key, whole)
    assert update(home).built == [(DAYS[1], DAYS[1])]
    assert commits(home)[DAYS[1]].entries == 2


def test_other_code_is_counted_and_rebuilt_only_when_asked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = commits(home)
    assert {commit.code for commit in before.values()} == {fingerprint.transformation()}
    for module in ("assets.building", "assets.lake", "local.updating"):
        monkeypatch.setattr(f"spotify_assets.{module}.transformation", lambda: "other")

    found = update(home)
    assert (found.built, found.outdated) == ([], tuple(DAYS))
    assert commits(home) == before
    with home.line() as line:
        result = line.run("build_history", (DAYS[0], DAYS[0]))
    (warning,) = [each for each in result.get_asset_check_evaluations() if each.check_name == BUILT_BY_THIS_CODE]
    assert not warning.passed
    assert "build --outdated" in str(warning.description)

    found = update(home, outdated=True)
    assert (found.built, found.outdated) == ([(DAYS[0], DAYS[-1])], ())
    assert {commit.code for commit in commits(home).values()} == {"other"}

    monkeypatch.undo()
    assert update(home).outdated == tuple(DAYS), "the code was restored: again it is another's"


def test_a_date_that_cant_be_read_waits_alone_and_a_poisoned_one_fails_alone_and_the_end_says_which_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be read is no damage, and nobody else's trouble: it is tried again, waits, is built when it can."""
    home = new_home(tmp_path)
    poisoned, unread, sound = DAYS
    closed = home.settings.home / "lake" / put_day(home.store, unread)
    put_day(home.store, sound)
    read_bytes = Path.read_bytes

    def refusing(path: Path) -> bytes:
        if path == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read_bytes(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refusing)
        said = assert_fails_for_the_others(home, {sound})
    assert f"{unread}: {closed} can't be read (Permission denied)" in said
    assert "make those readable" in said
    assert f"{unread} waits, and is left as it was" in said
    assert said.count("Trying again in") == 3

    put_day(home.store, poisoned, twice=True)
    said = assert_fails_for_the_others(home, {unread, sound})
    assert_named_as_poisoned(poisoned, said)
    assert (commits(home)[unread].entries, commits(home)[unread].quarantined) == (1, 0)
    assert update(home).built == []


@pytest.mark.soak
def test_five_poisoned_dates_among_fifty(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    days = [FIRST + dt.timedelta(days=2 * number) for number in range(50)]
    poisoned = {days[number] for number in (0, 7, 8, 30, 49)}
    for day in days:
        put_day(home.store, day, twice=day in poisoned)

    said = assert_fails_for_the_others(home, set(days) - poisoned)
    for day in poisoned:
        assert_named_as_poisoned(day, said)


def run_build(home: Home) -> Result:
    """The command, as a shell runs it."""
    from spotify_assets.cli import main

    environment = {"SPOTIFY_ASSETS_HOME": str(home.settings.home), "PARTITIONS_START": FIRST.isoformat()}
    return CliRunner().invoke(main, ["build"], env=environment)


def assert_named_as_poisoned(day: dt.date, said: str) -> None:
    assert f"{day}: playlist_items: playlist_id, position is unique" in said.replace("snapshot_date, ", "")


def assert_fails_for_the_others(home: Home, built: set[dt.date]) -> str:
    """The command fails, these dates and no others are built and loaded, and nothing else lies there; what it said."""
    result = run_build(home)

    assert result.exit_code == 1
    assert set(commits(home)) == built
    for table in LAKE_TABLES:
        assert {row[0] for row in home.tables()[f"lake.{table}"]} == built
    named = {key for commit in commits(home).values() for table in LAKE_TABLES for key in commit.file_keys(table)}
    assert {found.key for found in home.store.list("tables/") if found.key.endswith(".parquet")} == named
    return " ".join(result.output.split())


def test_a_json_of_what_is_remembered_that_is_damaged_only_costs_reading(home: Home) -> None:
    update(home)
    (first, *_) = home.store.list(f"{layout.STATE_PREFIX}contents/")
    assert json.loads(home.store.get(first.key))["content"] == commits(home)[DAYS[0]].content
    home.store.put(first.key, b"{")
    assert update(home).built == []
