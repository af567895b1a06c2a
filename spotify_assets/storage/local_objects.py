"""Listing a local folder as S3 would list it: what obstore's local storage does not do in order or in part.

Used by `object_store` and `foreign_objects` only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import stat as mode
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

from spotify_assets.storage.stored_object import StoredObject, is_addressable

STAGED = re.compile(r"#\d+$")
"""What obstore adds to a file's name while it writes it."""


def listing(root: Path, prefix: str, after: str | None) -> Iterator[StoredObject]:
    """Every object under `prefix` in the order of keys, those after `after` only; older folders are not opened.

    Links are not followed, and nothing but a file is an object. obstore's staging files are left out.
    """
    return _listing(f"{root}/", prefix, after)


def _listing(root: str, prefix: str, after: str | None) -> Iterator[StoredObject]:
    pending = _backwards(root, prefix)
    while pending:
        key, entry = pending.pop()
        if after is not None and key <= after and not (key[-1] == "/" and after.startswith(key)):
            continue
        if key[-1] == "/":
            pending += _backwards(root, key)
        elif not ("#" in key and STAGED.search(key)):
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if mode.S_ISREG(status.st_mode):
                yield described(key, status)


def _backwards(root: str, prefix: str) -> list[tuple[str, os.DirEntry[str]]]:
    """The keys in a folder and the folders in it, whose names end in `/`, last first."""
    entries = [
        (f"{prefix}{entry.name}/" if entry.is_dir(follow_symlinks=False) else f"{prefix}{entry.name}", entry)
        for entry in _entries(f"{root}{prefix}")
    ]
    if len(entries) > 1:
        entries.sort(reverse=True)
    return entries


def folders(root: Path, prefix: str) -> list[str]:
    """The names of the folders directly under `prefix`, sorted."""
    return sorted(entry.name for entry in _entries(root / prefix) if entry.is_dir(follow_symlinks=False))


def stat(root: Path, key: str) -> StoredObject | None:
    """The object at `key`, or None."""
    try:
        status = os.lstat(f"{root}/{key}")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return described(key, status) if mode.S_ISREG(status.st_mode) else None


def sizes(root: Path, keys: Iterable[str]) -> dict[str, int]:
    """The size in bytes of each of these objects that there is."""
    start = f"{root}/"
    known: dict[str, int] = {}
    for key in keys:
        try:
            status = os.lstat(start + key)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if mode.S_ISREG(status.st_mode):
            known[key] = status.st_size
    return known


def described(key: str, status: os.stat_result) -> StoredObject:
    """A local file as an object."""
    return StoredObject(key, _etag(status), status.st_size, dt.datetime.fromtimestamp(status.st_mtime, dt.UTC))


def _etag(status: os.stat_result) -> str:
    """Changes with the file, the time of writing and the size, as obstore's does."""
    return f"{status.st_ino:x}-{status.st_mtime_ns // 1000:x}-{status.st_size:x}"


def folder_state(root: Path, folder: str, others: Iterable[str], before: float) -> str | None:
    """What stands for a folder, each entry of it, and `others` (paths of files or folders): it changes when one of them
    is made, removed or replaced, and with whatever is made, removed or replaced in one that is a folder. None when one
    has changed since `before` (seconds since 1970), for it may again at what the file system takes for the same time.

    Told from the times that POSIX calls those of the last status change, which nobody can set.
    """
    start = f"{root}/"
    changed = array("q")
    try:
        changed.append(os.lstat(start + folder).st_ctime_ns)
        with os.scandir(start + folder) as entries:
            changed.extend([entry.stat(follow_symlinks=False).st_ctime_ns for entry in entries])
    except (FileNotFoundError, NotADirectoryError):
        return None
    for path in others:
        try:
            changed.append(os.lstat(start + path).st_ctime_ns)
        except (FileNotFoundError, NotADirectoryError):
            changed.append(0)
    return None if max(changed) >= before * 1e9 else hashlib.sha256(changed).hexdigest()[:16]


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    """What is in a folder under names that are keys; nothing when there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            # what is printable always is; that is told in a tenth of the time
            return [entry for entry in entries if entry.name.isprintable() or is_addressable(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
