"""What exists in the lake and what needs doing: state derived by comparing, never from times.

The planning functions are pure; `read_current_sources` and `read_commits` are the thin shell that lists and reads.
Nothing here knows Dagster.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from glue_scripts.commit import Commit, Source
from glue_scripts.spans import days_between, iso_date
from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout
from spotify_assets.lake.layout import RawKey
from spotify_assets.storage.object_store import ObjectStore, StoredObject

_PARALLEL_LISTINGS = 16


def current_sources(objects: Iterable[StoredObject]) -> tuple[Source, ...]:
    """The raw objects that count, sorted: the newest of each snapshot date and playlist.

    Objects whose key is no raw object's (foreign or misplaced files) are left out.
    """
    newest: dict[tuple[dt.date, str], tuple[RawKey, Source]] = {}
    for found in objects:
        raw = layout.parse_raw_key(found.key)
        if raw is None:
            continue
        known = newest.get((raw.day, raw.playlist_id))
        if known is None or raw > known[0]:
            newest[raw.day, raw.playlist_id] = (raw, Source(found.key, found.etag))
    return tuple(sorted(source for _, source in newest.values()))


def is_stale(sources: tuple[Source, ...], commit: Commit | None) -> bool:
    """Whether a date needs building: it has raw objects, and they are not the ones its commit was built from."""
    if commit is None:
        return bool(sources)
    return bool(sources) and sources != commit.sources


def raw_days(store: ObjectStore) -> list[dt.date]:
    """Every snapshot date that has a raw folder, ascending; one delimited listing."""
    names = store.folders(layout.RAW_PREFIX)
    days = (iso_date(name.removeprefix("snapshot_date=")) for name in names if name.startswith("snapshot_date="))
    return sorted(day for day in days if day)


def committed_days(store: ObjectStore) -> list[dt.date]:
    """Every snapshot date that has a commit record, ascending."""
    days = (layout.parse_commit_key(found.key) for found in store.list(layout.COMMITS_PREFIX))
    return sorted(day for day in days if day)


def read_current_sources(store: ObjectStore, days: Iterable[dt.date]) -> dict[dt.date, tuple[Source, ...]]:
    """The current raw objects of each date; an empty tuple for a date without any. Dates are listed in parallel."""
    days = list(days)
    with ThreadPoolExecutor(_PARALLEL_LISTINGS) as pool:
        found = pool.map(lambda day: current_sources(store.list(layout.raw_day_prefix(day))), days)
        return dict(zip(days, found, strict=True))


def read_commits(store: ObjectStore, days: Iterable[dt.date]) -> dict[dt.date, Commit]:
    """The commit of each date that has one. Raises PermanentError naming a record that can't be read."""
    keys = {layout.commit_key(day): day for day in days}
    commits: dict[dt.date, Commit] = {}
    for key, data in store.get_many(keys).items():
        if data is None:
            continue
        try:
            commits[keys[key]] = Commit.from_json(data)
        except ValueError as error:
            raise PermanentError(f"{store.url(key)}: {error}; delete it and rebuild {keys[key]}.") from None
    return commits


def stale_days(sources: Mapping[dt.date, tuple[Source, ...]], commits: Mapping[dt.date, Commit]) -> list[dt.date]:
    """The dates of `sources` that need building, ascending."""
    return sorted(day for day, found in sources.items() if is_stale(found, commits.get(day)))


def stretches(days: Iterable[dt.date], *, through: Iterable[dt.date] = ()) -> list[tuple[dt.date, dt.date]]:
    """`days` as few inclusive ranges, ascending; a range may run through dates of `through` that lie between.

    Passing the dates that are up to date as `through` turns holes that cost nothing into one run.
    """
    wanted = sorted(set(days))
    allowed = {*wanted, *through}
    found: list[tuple[dt.date, dt.date]] = []
    for day in wanted:
        if found:
            first, last = found[-1]
            if all(other in allowed for other in days_between(last, day)):
                found[-1] = (first, day)
                continue
        found.append((day, day))
    return found
