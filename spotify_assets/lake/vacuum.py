"""The vacuum: files of superseded runs, found by comparing with the commits, and removed. Free of Dagster.

A file goes only when the commit of its date names another one in its place and it is older than `KEEP`. What no commit
says anything about stays: files of a date without a readable commit, foreign files, raw, landing. Old files under
`staging/` go too: they are left by Spark runs that were killed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from glue_scripts.commit import Commit
from glue_scripts.contract import LAKE_TABLES
from spotify_assets.lake import layout, watch
from spotify_assets.storage.object_store import ObjectStore, StoredObject

KEEP = dt.timedelta(days=7)
"""Younger files are never removed: a query, a load or a run may still be at them."""


@dataclass(frozen=True)
class Vacuumed:
    """What was looked at and removed: numbers of files, and bytes."""

    looked_at: int
    removed: int
    bytes: int


def day_of(key: str) -> dt.date | None:
    """The snapshot date of a data or quarantine file; None for anything else."""
    data = layout.parse_data_key(key)
    if data is not None:
        return data.day
    quarantine = layout.parse_quarantine_key(key)
    return quarantine[0] if quarantine else None


def superseded(files: Iterable[StoredObject], commits: Mapping[dt.date, Commit]) -> list[StoredObject]:
    """Those of `files` that their date's commit does not name, or that were staged."""
    named = {key for commit in commits.values() for key in _named(commit)}
    return [
        file
        for file in files
        if file.key.startswith(layout.STAGING_PREFIX) or (day_of(file.key) in commits and file.key not in named)
    ]


def vacuum(store: ObjectStore, now: dt.datetime, on_progress: Callable[[str], None] = lambda text: None) -> Vacuumed:
    """Remove the files of superseded runs. `now` is in UTC. Ending it at any point leaves nothing half done.

    The commits are read after the files are listed: a run that commits in between keeps what it names, and what it
    supersedes stays until the next time.
    """
    looked_at = removed = size = 0
    tables = (f"{layout.TABLES_PREFIX}{table}/" for table in LAKE_TABLES)
    for prefix in (*tables, layout.QUARANTINE_PREFIX, layout.STAGING_PREFIX):
        old = [file for file in store.list(prefix) if now - file.last_modified > KEEP]
        days = sorted({day for file in old if (day := day_of(file.key))})
        commits, unreadable = watch.readable_commits(store, days)
        for sentence in unreadable.values():
            on_progress(f"kept what is there: {sentence}")
        waste = superseded(old, commits)
        store.delete(file.key for file in waste)
        looked_at, removed = looked_at + len(old), removed + len(waste)
        size += sum(file.size for file in waste)
        if waste:
            on_progress(f"{prefix}: {len(waste)} files that no run needs removed")
    return Vacuumed(looked_at, removed, size)


def _named(commit: Commit) -> Iterable[str]:
    for table in commit.tables:
        yield from commit.file_keys(table)
    if commit.quarantine_key:
        yield commit.quarantine_key
