"""Payloads brought in as a person would, built, and compared with plain Python: entered, left, how long."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from click.testing import CliRunner

from spotify_assets.cli import main
from spotify_assets.lake import state
from spotify_assets.spotify.snapshot import read
from spotify_assets_tests.line import Home, new_home
from spotify_assets_tests.recorded import EITHER, Payloads, day_of, load

pytestmark = pytest.mark.slow


def run_import(monkeypatch: pytest.MonkeyPatch, home: Home, *arguments: str) -> str:
    monkeypatch.setenv("SPOTIFY_ASSETS_HOME", str(home.settings.home))
    result = CliRunner().invoke(main, ["import", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def list_of(path: Path) -> list[tuple[str, int]]:
    """A recorded playlist's songs in order, each as (song id, which occurrence)."""
    seen: Counter[str] = Counter()
    found = []
    for entry in load(path)["tracks"]:
        track = entry["track"]
        song_id = track and (track["uri"] if track["is_local"] else track["id"])
        if song_id:
            seen[song_id] += 1
            found.append((song_id, seen[song_id]))
        else:
            found.append(("", 0))
    return found


Days = dict[dt.date, dict[tuple[str, int], int]]
"""Per day: (song, occurrence) to position."""


@pytest.fixture(scope="module", params=[EITHER[0], EITHER[-1]])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Days]:
    """One playlist's days, imported and built once; and what the files say."""
    files = request.param.history()
    home = new_home(tmp_path_factory.mktemp("history"), PARTITIONS_START="2024-01-01")
    with pytest.MonkeyPatch.context() as monkeypatch:
        run_import(monkeypatch, home, *map(str, files))
    home.build()
    days = {day_of(path): {key: place for place, key in enumerate(list_of(path)) if key[0]} for path in files}
    return home, days


def test_who_entered_left_and_moved_is_what_plain_python_finds(history: tuple[Home, Days]) -> None:
    home, days = history
    assert state.committed_days(home.store) == sorted(days)
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


def test_how_long_songs_stayed_is_what_plain_python_finds(history: tuple[Home, Days]) -> None:
    home, days = history
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


@pytest.mark.parametrize("payloads", EITHER)
def test_every_file_is_imported_as_it_is_and_twice_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, payloads: Payloads
) -> None:
    home = new_home(tmp_path, PARTITIONS_START="2024-01-01")
    playlists = {load(path)["id"]: path for path in payloads.playlists()}
    pages = payloads.files("derived-new-shape/*/items.offset-*")
    new = [str(path) for path in pages if path.parent.name not in playlists]
    dated = ["--date", "2024-03-01", *map(str, playlists.values()), *new]
    dated_by_name = list(map(str, payloads.landing()))

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
    for playlist_id, path in playlists.items():
        assert imported[playlist_id] == len(load(path)["tracks"]), path.name
