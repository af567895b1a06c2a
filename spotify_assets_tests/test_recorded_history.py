"""Recorded payloads brought in as a person would, built, and compared with plain Python: entered, left, how long.

The payloads lie beside the project (`../shared/data`); without them these tests are skipped.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from spotify_assets.cli import main
from spotify_assets.lake import state
from spotify_assets.spotify.snapshot import read
from spotify_assets_tests.lakes import SHARED_DATA
from spotify_assets_tests.line import Home, new_home

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SHARED_DATA.is_dir(), reason=f"no recorded payloads at {SHARED_DATA}"),
]

HISTORY_ID = "4uUIK0akoRvnyhbK377brv"
HISTORY = SHARED_DATA / "history" / HISTORY_ID


def run_import(monkeypatch: pytest.MonkeyPatch, home: Home, *arguments: str) -> str:
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(home.settings.home))
    result = CliRunner().invoke(main, ["import", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def list_of(path: Path) -> list[tuple[str, int]]:
    """A recorded playlist's songs in order, each as (song id, which occurrence)."""
    seen: Counter[str] = Counter()
    found = []
    for entry in json.loads(gzip.decompress(path.read_bytes()))["tracks"]:
        track = entry["track"]
        song_id = track and (track["uri"] if track["is_local"] else track["id"])
        if song_id:
            seen[song_id] += 1
            found.append((song_id, seen[song_id]))
        else:
            found.append(("", 0))
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The 29 recorded days, imported and built once."""
    home = new_home(tmp_path_factory.mktemp("history"), PARTITIONS_START="2024-01-01")
    with pytest.MonkeyPatch.context() as monkeypatch:
        run_import(monkeypatch, home, *map(str, sorted(HISTORY.glob("*.json.gz"))))
    home.build()
    return home


def recorded() -> dict[dt.date, dict[tuple[str, int], int]]:
    """Per recorded day: (song, occurrence) to position."""
    return {
        dt.date.fromisoformat(path.name.split(".")[0]): {
            key: position for position, key in enumerate(list_of(path)) if key[0]
        }
        for path in sorted(HISTORY.glob("*.json.gz"))
    }


def test_every_day_of_the_history_is_there(home: Home) -> None:
    assert state.committed_days(home.store) == sorted(recorded())
    assert len(recorded()) == 29


def test_who_entered_left_and_moved_is_what_plain_python_finds(home: Home) -> None:
    days = recorded()
    want = set()
    for before, after in zip(sorted(days), sorted(days)[1:], strict=False):
        for song in days[before].keys() | days[after].keys():
            start, end = days[before].get(song), days[after].get(song)
            if start != end:
                change = "entered" if start is None else "left" if end is None else "moved"
                want.add((after, *song, change, before, start, end))

    rows = home.tables()["analytics.playlist_changes"]
    assert {(row[0], row[2], row[3], row[4], row[5], row[6], row[7]) for row in rows} == want
    assert {row[4] for row in rows} >= {"entered", "moved"}


def test_how_long_songs_stayed_is_what_plain_python_finds(home: Home) -> None:
    days = recorded()
    present: defaultdict[str, list[bool]] = defaultdict(lambda: [False] * len(days))
    best: dict[str, int] = {}
    for number, day in enumerate(sorted(days)):
        for (song_id, _), position in days[day].items():
            present[song_id][number] = True
            best[song_id] = min(position, best.get(song_id, position))
    want = set()
    for song_id, flags in present.items():
        runs = "".join("x" if flag else " " for flag in flags).split()
        on = [day for day, flag in zip(sorted(days), flags, strict=True) if flag]
        want.add((song_id, on[0], on[-1], len(on), max(map(len, runs)), best[song_id], len(runs) - 1, flags[-1]))

    rows = home.tables()["analytics.song_runs"]
    assert {tuple(row[1:9]) for row in rows} == want


def test_every_recorded_file_is_imported_as_it_is_and_twice_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = new_home(tmp_path, PARTITIONS_START="2024-01-01")
    pages = sorted((SHARED_DATA / "derived-new-shape").glob("*/items.offset-*.json.gz"))
    dated = [
        "--date",
        "2024-03-01",
        *map(str, sorted((SHARED_DATA / "playlists").glob("*.json.gz"))),
        *(str(path) for path in pages if "5At7uMb57j9ZTF18Bphaig" not in str(path)),
    ]
    dated_by_name = list(map(str, sorted((SHARED_DATA / "lambda-landing").glob("*.json.gz"))))

    run_import(monkeypatch, home, *dated)
    run_import(monkeypatch, home, *dated_by_name)
    first = {found.key: found.etag for found in home.store.list("raw/")}
    run_import(monkeypatch, home, *dated)
    run_import(monkeypatch, home, *dated_by_name)

    assert {found.key: found.etag for found in home.store.list("raw/")} == first
    day = dt.date(2024, 3, 1)
    assert state.raw_days(home.store) == [day, dt.date(2024, 4, 22), dt.date(2024, 5, 15)]
    sources = state.read_current_sources(home.store, [day])[day]
    imported = {read(home.store, source.key).playlist_id: read(home.store, source.key).entries for source in sources}
    for path in sorted((SHARED_DATA / "playlists").glob("*.json.gz")):
        playlist = json.loads(gzip.decompress(path.read_bytes()))
        assert imported[playlist["id"]] == len(playlist["tracks"]), path.name
