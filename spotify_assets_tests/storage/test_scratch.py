"""Scratch folders: gone when they are left, and gone at the next start when their process was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spotify_assets.storage.scratch import scratch_folder, sweep

HOLD = """
import sys
from spotify_assets.storage.scratch import scratch_folder
with scratch_folder("test") as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where scratch folders are made, by this process and by others it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    sweep.cache_clear()
    return tmp_path


def grown_old(folder: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(folder, (then, then))


def holder() -> tuple[subprocess.Popen[str], Path]:
    """A process with a scratch folder, and the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    folder = Path(process.stdout.readline().strip())
    grown_old(folder, 3600)
    return process, folder


def test_a_folder_is_gone_when_it_is_left(temporary: Path) -> None:
    with scratch_folder("test") as folder:
        assert folder.parent == temporary
        (folder / "below").mkdir()

    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_is_gone_at_the_next_start_and_a_living_ones_stays(temporary: Path) -> None:
    killed, left = holder()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert left.is_dir()

    living, used = holder()
    try:
        assert not left.exists()
        with scratch_folder("test"):
            assert (used / "file").read_text() == "x"
    finally:
        living.communicate()
    assert not used.exists()


def test_a_folder_without_a_lock_stays_for_a_day(temporary: Path) -> None:
    new, old, other = (temporary / name for name in ("spotify_assets_new", "spotify_assets_old", "somebody_elses"))
    for folder in (new, old, other):
        folder.mkdir()
        grown_old(folder, 3600 if folder == new else 200_000)

    sweep()

    assert sorted(path.name for path in temporary.iterdir()) == ["somebody_elses", "spotify_assets_new"]
