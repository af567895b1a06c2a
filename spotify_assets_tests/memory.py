"""Where tests keep their temporary files: in memory, where there is room.

A run of Dagster waits for the disk a thousand times (fsync), which proves nothing in a test and takes two thirds of its
time.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 2**30


def new_folder() -> str | None:
    """A new folder in memory; None where there is none: too small, not writable, or nothing there can be executed."""
    if not _MEMORY.is_dir() or not os.access(_MEMORY, os.W_OK):
        return None
    there = os.statvfs(_MEMORY)
    if there.f_bavail * there.f_frsize < _ROOM_BYTES or there.f_flag & os.ST_NOEXEC:
        return None
    return tempfile.mkdtemp(prefix="spotify_assets_tests_", dir=_MEMORY)


def use(folder: str | None) -> None:
    """Have this process and its children put their temporary files there; None: where they would."""
    if folder is None:
        os.environ.pop("TMPDIR", None)
    else:
        os.environ["TMPDIR"] = folder
    tempfile.tempdir = None
