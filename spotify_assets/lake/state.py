"""What exists in the lake and what needs doing: state derived by comparing, never from times.

The planning functions are pure; `read_current_sources` and `read_commits` are the thin shell that lists and reads.
Nothing here knows Dagster.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping

from glue_scripts.commit import Commit, Source, content_digest, content_of
from glue_scripts.contract import LAKE_TABLES
from glue_scripts.spans import days_between, iso_date, slices
from spotify_assets.failures import PermanentError, PlatformError
from spotify_assets.lake import layout, quality
from spotify_assets.lake.layout import RawKey
from spotify_assets.storage.object_store import ObjectStore, StoredObject

_READ_TOGETHER = 64


def current_sources(objects: Iterable[StoredObject]) -> tuple[Source, ...]:
    """The raw objects that count, sorted: the newest of each snapshot date and playlist.

    Objects whose key is no raw object's (foreign or misplaced files) are left out.
    """
    newest: dict[tuple[dt.date, str], tuple[RawKey, Source]] = {}
    for stored in objects:
        raw = layout.parse_raw_key(stored.key)
        if raw is None:
            continue
        known = newest.get((raw.day, raw.playlist_id))
        if known is None or raw > known[0]:
            newest[raw.day, raw.playlist_id] = (raw, Source(stored.key, stored.etag))
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
    days = (layout.parse_commit_key(stored.key) for stored in store.list(layout.COMMITS_PREFIX))
    return sorted(day for day in days if day)


def read_current_sources(store: ObjectStore, days: Iterable[dt.date]) -> dict[dt.date, tuple[Source, ...]]:
    """The current raw objects of each date; an empty tuple for a date without any."""
    days = list(days)
    listings = store.at_once(lambda day: current_sources(store.list(layout.raw_day_prefix(day))), days)
    return dict(zip(days, listings, strict=True))


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


def outdated_days(commits: Mapping[dt.date, Commit], code: str) -> list[dt.date]:
    """The dates whose commit was made by other code than `code`, ascending; a commit that does not say counts."""
    return sorted(day for day, commit in commits.items() if commit.code != code)


def recognised(
    store: ObjectStore, sources: Mapping[dt.date, tuple[Source, ...]], commits: Mapping[dt.date, Commit]
) -> dict[dt.date, tuple[Source, ...]]:
    """`sources`, with those of a date as its commit names them where the objects are the same under other etags.

    A copied or restored lake, and an object that was put again as it was, have other etags and the same content. Etags
    that agree cost nothing. Where they don't, the objects are read once and what they hold is remembered in the lake.
    """
    return {
        day: commits[day].sources if day in commits and _is_copy(store, day, current, commits[day]) else current
        for day, current in sources.items()
    }


def _is_copy(store: ObjectStore, day: dt.date, sources: tuple[Source, ...], commit: Commit) -> bool:
    if not commit.content or not sources or sources == commit.sources:
        return False
    if [source.key for source in sources] != [source.key for source in commit.sources]:
        return False
    return _content(store, day, sources) == commit.content


def _content(store: ObjectStore, day: dt.date, sources: tuple[Source, ...]) -> str:
    """`content_digest` of a date's raw objects; what was read is remembered under their etags. "" when one is gone."""
    etags = hashlib.sha256("\0".join(f"{source.key} {source.etag}" for source in sources).encode()).hexdigest()
    key = layout.contents_key(day)
    remembered = store.get_or_none(key)
    if remembered is not None:
        try:
            known = json.loads(remembered)
            if known["etags"] == etags:
                return str(known["content"])
        except (ValueError, KeyError, TypeError):
            pass  # somebody else's, or damaged: it only saves reading
    total = 0
    for some in slices(sources, _READ_TOGETHER):
        for name, data in store.get_many(source.key for source in some).items():
            if data is None:
                return ""
            total += content_of(name, data)
    content = content_digest([total])
    store.put(key, json.dumps({"etags": etags, "content": content}).encode())
    return content


def lost_files(
    store: ObjectStore, commits: Mapping[dt.date, Commit], tables: Iterable[str] = LAKE_TABLES
) -> dict[dt.date, str]:
    """The dates of which a file that the commit names is gone or has another size, each with a sentence that names it.

    Nothing is read.
    """
    lost: dict[dt.date, str] = {}
    for table in tables:
        named = [(day, file) for day, commit in commits.items() for file in commit.files(table)]
        sizes = store.sizes(file.key for _, file in named)
        for day, file in named:
            if sizes.get(file.key) != file.size and day not in lost:
                size = sizes.get(file.key)
                lost[day] = (
                    f"{file.key} is gone" if size is None else f"{file.key} has {size} bytes instead of {file.size}"
                )
    return lost


def broken_files(store: ObjectStore, commits: Mapping[dt.date, Commit]) -> dict[dt.date, str]:
    """The dates of which a file can't be read, or holds other rows than the commit says; every file is read."""
    import duckdb

    broken: dict[dt.date, str] = {}
    for day, commit in commits.items():
        for table in LAKE_TABLES.values():
            try:
                faults = quality.faults(store, table, {day: commit})
            except (duckdb.Error, OSError, PlatformError) as error:
                broken[day] = f"{table.name} can't be read: {str(error).splitlines()[0][:200]}"
                break
            if faults:
                broken[day] = f"{table.name}: {faults[0].rule} does not hold, such as {faults[0].example}"
                break
    return broken


def stale_days(sources: Mapping[dt.date, tuple[Source, ...]], commits: Mapping[dt.date, Commit]) -> list[dt.date]:
    """The dates of `sources` that need building, ascending."""
    return sorted(day for day, current in sources.items() if is_stale(current, commits.get(day)))


def shown(days: Iterable[dt.date], most: int = 5) -> str:
    """The dates as ranges, for people; only the first `most` ranges."""
    ranges = stretches(days)
    texts = [f"{first}" if first == last else f"{first} to {last}" for first, last in ranges[:most]]
    return ", ".join([*texts, *([f"and {len(ranges) - most} more ranges"] if len(ranges) > most else [])])


def stretches(days: Iterable[dt.date], *, through: Iterable[dt.date] = ()) -> list[tuple[dt.date, dt.date]]:
    """`days` as few inclusive ranges, ascending; a range may run through dates of `through` that lie between.

    Passing the dates that are up to date as `through` turns holes that cost nothing into one run.
    """
    wanted = sorted(set(days))
    allowed = {*wanted, *through}
    runs: list[tuple[dt.date, dt.date]] = []
    for day in wanted:
        if runs:
            first, last = runs[-1]
            if all(other in allowed for other in days_between(last, day)):
                runs[-1] = (first, day)
                continue
        runs.append((day, day))
    return runs
