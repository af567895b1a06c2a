"""The command `build` killed at random moments: what was current stays sound, and the next build ends where it should.

The short form, which also kills adopting and vacuuming, is `automation/test_kill_drill.py`.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glue_scripts.contract import LAKE_TABLES
from spotify_assets.lake import quality, state
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.line import Home, new_home
from spotify_assets_tests.reference_tables import Raw

FIRST = dt.date(2026, 1, 1)


def add_day(home: Home, number: int, random_: random.Random) -> None:
    """A day of three playlists whose songs come and go."""
    for name in ("one", "two", "three"):
        songs = random_.sample(range(60), 40)
        items = [
            e.entry(e.track(f"Song {song}", f"Artist {song % 9}", popularity=(song + number) % 100)) for song in songs
        ]
        put_raw(home.store, Raw(e.spotify_id(name), {"name": name}, [(0, items)], FIRST + dt.timedelta(days=number)))


def build_and_kill(home: Home, seconds: float) -> bool:
    """Start a build, kill it after `seconds`; whether it was still running."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "spotify_assets", "build"],
        env={**os.environ, "SPOTIFY_ASSETS_HOME": str(home.settings.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def assert_what_is_current_is_sound(home: Home) -> None:
    commits = state.read_commits(home.store, state.committed_days(home.store))
    for table in LAKE_TABLES.values():
        assert quality.faults(home.store, table, commits) == []


def drill(tmp_path: Path, kills: int, seed: int) -> tuple[Home, Home]:
    """A home whose builds were killed, and one with the same snapshots built in peace."""
    random_ = random.Random(seed)
    home = new_home(tmp_path / "killed")
    add_day(home, 0, random_)
    started = time.monotonic()
    home.build()
    longest = 2.0 + time.monotonic() - started
    killed = 0
    for number in range(1, 4 * kills):
        add_day(home, number, random_)
        killed += build_and_kill(home, random_.uniform(1.0, longest))
        if number % 5 == 0:
            assert_what_is_current_is_sound(home)
        if killed == kills:
            break
    home.build()
    undisturbed = new_home(tmp_path / "undisturbed")
    shutil.copytree(home.settings.home / "lake" / "raw", undisturbed.settings.home / "lake" / "raw")
    undisturbed.build()

    assert killed == kills
    return home, undisturbed


@pytest.mark.soak
def test_a_build_killed_thirty_times_ends_where_an_undisturbed_one_does(tmp_path: Path) -> None:
    killed, undisturbed = drill(tmp_path, kills=30, seed=2)

    assert killed.tables(without_runs=True) == undisturbed.tables(without_runs=True)
    assert killed.build() == []
    assert_what_is_current_is_sound(killed)
