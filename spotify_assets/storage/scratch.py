"""Folders for files that are needed for a moment, and their removal when the process that made them was killed.

Each is locked for as long as it is in use. The system lets go of a dead process's locks, so a folder whose lock can be
had is nobody's any more. Every process looks once, before it makes its first.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "spotify_assets_"
_LOCK = ".in_use"
_BEING_MADE_SECONDS = 60
"""A folder this young may be without its lock yet."""

_WITHOUT_LOCK_SECONDS = 24 * 3600
"""A folder that never had a lock (Spark's workers make such) is taken for left behind after this."""


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A new folder under the system's temporary one, named after `purpose` and removed on leaving."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}_")).resolve()
    try:
        with FileLock(folder / _LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def sweep() -> None:
    """Remove what killed processes left, once a process. What can't be removed stays."""
    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            with suppress(OSError, Timeout):
                if _is_abandoned(folder):
                    shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    """Whether nobody uses `folder`. Raises OSError and Timeout where it can't be said."""
    about = folder.lstat()
    if folder.is_symlink() or not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    lock, age = folder / _LOCK, time.time() - about.st_mtime
    if not lock.exists():
        return age > _WITHOUT_LOCK_SECONDS
    if age < _BEING_MADE_SECONDS:
        return False
    with FileLock(lock, timeout=0):
        return True
