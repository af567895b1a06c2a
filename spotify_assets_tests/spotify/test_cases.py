"""Inputs made after public bug reports, imported as a person would and built: `fixtures/cases`, each with its README.

Every case states its source and the right value; both engines must come to it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.engines.duckdb_engine import build_days
from spotify_assets.lake import layout
from spotify_assets.spotify.importing import ImportReport, Rules, import_files
from spotify_assets.spotify.landing import adopt_waiting
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.engine_parity import assert_engines_agree, work
from spotify_assets_tests.lakes import rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CASES = Path(__file__).parents[1] / "fixtures" / "cases"
TODAY = dt.date(2026, 11, 26)
PLAYLIST = "BugCase00000000000000{:02d}"
Records = list[dict[str, object]]


class Case:
    """A case imported into a lake and built: what the import said, and the rows of every date."""

    def __init__(self, store: ObjectStore, name: str, playlist_id: str | None = None) -> None:
        (folder,) = CASES.glob(f"{name}-*")
        self.report: ImportReport = import_files(store, [folder], Rules(TODAY, playlist_id))
        self.built = build_days(store, "run-1", work(store))
        self._store = store

    def table(self, table: str) -> Records:
        columns = [name for name in LAKE_TABLES[table].column_names if name not in ("snapshot_date", "run_id")]
        return [dict(zip(columns, row, strict=True)) for day in self.built for row in rows(self._store, day, table)]

    def column(self, table: str, column: str) -> list[object]:
        return [row[column] for row in self.table(table)]

    @property
    def unread(self) -> tuple[int, int]:
        return sum(day.quarantined for day in self.built), sum(day.unread_leaves for day in self.built)


def whole_numbers_as_floats(case: Case) -> None:
    assert case.column("playlist_items", "item_type") == ["track"] * 3
    assert case.column("songs", "duration_ms") == [200001, 200002, 200003]
    assert case.column("songs", "popularity")[0] == 50
    assert case.column("albums", "total_tracks")[0] == 9
    assert case.column("playlists", "follower_count") == [5190]
    assert case.unread == (0, 0)


def local_duration_is_an_object(case: Case) -> None:
    assert case.column("playlist_items", "item_type") == ["local", "track"]
    (local,) = [song for song in case.table("songs") if song["is_local"]]
    assert (local["song_id"], local["duration_ms"]) == ("spotify:local:Me:Home+tape:Tape+1:188", 188000)
    assert case.unread == (0, 0)


def spotify_backup_file(case: Case) -> None:
    assert sorted(case.column("playlists", "entry_count"), key=str) == [1, 2]
    (refused,) = [each for each in case.report.refused if "Liked Songs" in each.reason]
    assert "Nothing says of which playlist" in refused.reason


def limit_ignored_pages_overlap(case: Case) -> None:
    assert case.column("playlist_items", "position") == list(range(120))
    assert [(row["entry_count"], row["is_complete"]) for row in case.table("playlists")] == [(120, True)]


def fields_trimmed_tracks(case: Case) -> None:
    assert case.column("playlist_items", "item_type") == ["track", "track"]
    assert len(case.table("songs")) == 2


def audiobook_chapter_and_unknown(case: Case) -> None:
    kinds = case.column("playlist_items", "item_type")
    assert (kinds[:3], len(kinds), len(case.table("songs"))) == (["chapter", "episode", "track"], 4, 1)


def json_lines_of_pages(case: Case) -> None:
    assert case.column("playlist_items", "position") == [0, 1, 2]
    assert len(case.table("playlists")) == 1


def release_dates(case: Case) -> None:
    dates = {row["release_date_text"]: row["release_date"] for row in case.table("albums")}
    assert {text: dates[text] for text in ("0000", "1999-00", "2023-02-30", "2024-13")} == dict.fromkeys(
        ("0000", "1999-00", "2023-02-30", "2024-13")
    )
    assert dates["0001-01-01"] == dt.date(1, 1, 1)


def dated_folders(case: Case) -> None:
    assert [(day.day.isoformat(), day.tables["playlists"].rows) for day in case.built] == [
        ("2026-01-10", 1),
        ("2026-01-11", 1),
        ("2026-01-12", 1),
    ]


def two_wrappers_one_null(case: Case) -> None:
    assert len(case.table("songs")) == 2


def old_local_files(case: Case) -> None:
    assert set(case.column("playlist_items", "item_type")) == {"local"}
    assert all(str(song).startswith("spotify:local:") for song in case.column("songs", "song_id"))
    assert len(case.table("songs")) == 1
    assert case.table("artists") == case.table("albums") == []


RIGHT: dict[str, Callable[[Case], None]] = {
    "01": whole_numbers_as_floats,
    "02": local_duration_is_an_object,
    "05": spotify_backup_file,
    "10": limit_ignored_pages_overlap,
    "11": fields_trimmed_tracks,
    "13": audiobook_chapter_and_unknown,
    "16": json_lines_of_pages,
    "18": release_dates,
    "21": dated_folders,
    "22": two_wrappers_one_null,
    "23": old_local_files,
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_case_comes_to_its_right_value(store: ObjectStore, name: str) -> None:
    RIGHT[name](Case(store, name))


def test_no_case_is_left_out() -> None:
    assert {folder.name[:2] for folder in CASES.iterdir()} == set(RIGHT)


@pytest.mark.spark
def test_spark_comes_to_the_same_rows_of_every_case(spark: SparkSession, store: ObjectStore) -> None:
    import_files(store, [CASES], Rules(TODAY))

    by_duckdb, _ = assert_engines_agree(spark, store)

    assert sum(day.tables["playlists"].rows for day in by_duckdb) > len(RIGHT)


def test_dated_folders_that_land_are_of_their_days_and_never_of_today(store: ObjectStore) -> None:
    (folder,) = CASES.glob("21-*")
    for path in folder.rglob("*.json"):
        store.put(f"{layout.LANDING_INBOX_PREFIX}{path.relative_to(folder)}", path.read_bytes())

    landed = adopt_waiting(store, dt.datetime.now(dt.UTC).date())

    assert sorted(each.day.isoformat() for each in landed.snapshots) == ["2026-01-10", "2026-01-11", "2026-01-12"]
