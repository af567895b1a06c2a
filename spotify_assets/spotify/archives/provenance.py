"""Of which day and of which playlist a file is: the one rule that `import` and landing share.

The day is in the file's name, else in its folders, else in its content, else it is the day of its commit or of its
upload; an upload says least, and is marked as such. Folders are Hive's and Athena's (`snapshot_date=2024-04-20`,
`year=2024/month=04/day=20`), those of Amazon Data Firehose (`2024/04/21/08`, UTC), dates, and epoch seconds or
milliseconds.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from spotify_assets.spotify.decoding import PayloadError
from spotify_assets.spotify.snapshot import DatedBy, Json, JsonObject

_ID_IN_NAME = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{22}(?![A-Za-z0-9])")
_ID_FOLDER = re.compile(r"(?:playlist_?id|playlist)=([A-Za-z0-9]{1,64})", re.IGNORECASE)
_TIME = re.compile(
    r"(?<![0-9A-Za-z])(?P<day>(?:19|20)\d\d-\d\d-\d\d|(?:19|20)\d{6})"
    r"(?:[T _-]+(?P<hour>\d\d)[:._-]?(?P<minute>\d\d)[:._-]?(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,6}))?"
    r"(?![-:]?\d))?(?!\d)"
)
_EPOCH = re.compile(r"(?<![0-9A-Za-z])(\d{10}|\d{13})(?![0-9A-Za-z])")
_FIRST_EPOCH, _LAST_EPOCH = 1_223_337_600, 4_102_444_800  # Spotify's launch, and the year 2100
_PARTS = re.compile(r"(?:^|/)year=(\d{4})/month=(\d{1,2})/day=(\d{1,2})(?:/hour=(\d{1,2}))?(?=/)", re.IGNORECASE)
_FIREHOSE = re.compile(r"(?:^|/)((?:19|20)\d\d)/(\d\d)/(\d\d)(?:/(\d\d))?(?=/)")
_HIVE = re.compile(r"[^=/]*=(.*)")

_CONTENT_KEYS = (
    "snapshot_date",
    "extracted_at",
    "fetched_at",
    "scraped_at",
    "retrieved_at",
    "downloaded_at",
    "exported_at",
    "_airbyte_extracted_at",
    "_airbyte_emitted_at",
    "_sdc_extracted_at",
    "time_extracted",
    "_dlt_load_id",
    "timestamp",
)
"""Keys under which pipelines (Airbyte, Singer, dlt and people's own) write when they read a thing."""


@dataclass(frozen=True)
class Dated:
    """The snapshot date of a file, when it was taken (UTC; midnight when nothing says), and what says so.

    `by` is None when a person said it.
    """

    day: dt.date
    taken_at: dt.datetime
    by: DatedBy | None


def dated(
    path: str,
    *,
    day: dt.date | None = None,
    content: dt.datetime | None = None,
    commit: dt.datetime | None = None,
    uploaded: dt.datetime | None = None,
) -> Dated:
    """The date of the file at `path`: `day` when a person says it, else by the first rule that knows.

    Raises PayloadError when nothing says it, or a name says several.
    """
    name = PurePosixPath(path).name
    commit, uploaded = (time and time.astimezone(dt.UTC) for time in (commit, uploaded))
    in_name = {*_times(name), *_epochs(name)}
    in_folders = list(_folder_times(path[: -len(name)] if name else path))
    known: list[tuple[DatedBy, set[dt.datetime]]] = [
        ("name", in_name if len(_days(in_name)) == 1 else set()),
        ("folder", set(in_folders[:1])),
        ("content", {content} if content else set()),
        ("commit", {commit} if commit else set()),
        ("upload", {uploaded} if uploaded else set()),
    ]
    by: DatedBy | None = None
    if day is None:
        by = next((kind for kind, times in known if times), None)
        if by is None:
            several = "Several dates stand in the name of" if in_name else "Nothing says of which day"
            raise PayloadError(f"{several} {path}{'' if in_name else ' is'}: give --date YYYY-MM-DD.")
        (day,) = _days(dict(known)[by])
    same_day = [time for _, times in known for time in sorted(times, reverse=True) if time.date() == day]
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    return Dated(day, next((time for time in same_day if time != midnight), midnight), by)


def is_dated(path: str) -> bool:
    """Whether the file's name or folders say of which day it is."""
    name = PurePosixPath(path).name
    in_name = _days((*_times(name), *_epochs(name)))
    return len(in_name) == 1 or next(_folder_times(path[: -len(name)] if name else path), None) is not None


def playlist_in_path(path: str) -> str | None:
    """The playlist's id where the file's name says one, else its folders, nearest first."""
    *folders, name = PurePosixPath(path).parts or ("",)
    named = set(_ID_IN_NAME.findall(name))
    if len(named) == 1:
        return named.pop()
    for folder in reversed(folders):
        given = _ID_FOLDER.fullmatch(folder)
        if given:
            return given[1]
        if _ID_IN_NAME.fullmatch(folder):
            return folder
    return None


def time_in_content(value: JsonObject) -> dt.datetime | None:
    """When a pipeline says it read this object, UTC."""
    for key in _CONTENT_KEYS:
        time = _moment(value.get(key))
        if time is not None:
            return time
    return None


def _moment(value: Json) -> dt.datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not re.fullmatch(r"\d{10,13}(\.\d+)?", value, re.ASCII):
        try:
            time = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
        return time.replace(tzinfo=time.tzinfo or dt.UTC).astimezone(dt.UTC)
    return _from_epoch(float(value))


def _from_epoch(seconds: float) -> dt.datetime | None:
    if seconds >= _FIRST_EPOCH * 1000:
        seconds /= 1000
    return dt.datetime.fromtimestamp(seconds, dt.UTC) if _FIRST_EPOCH <= seconds <= _LAST_EPOCH else None


def _days(times: Iterable[dt.datetime]) -> set[dt.date]:
    return {time.date() for time in times}


def _folder_times(folders: str) -> Iterator[dt.datetime]:
    """The dates of the folders, the surest first: of partitions, then Firehose's, then in names, the nearest first."""
    names = list(reversed(PurePosixPath(folders).parts))
    for folder in names:
        if hive := _HIVE.fullmatch(folder):
            yield from (*_times(hive[1]), *_epochs(hive[1]))
    for pattern in (_PARTS, _FIREHOSE):
        for year, month, day, hour in reversed(pattern.findall(folders)):
            try:
                yield dt.datetime(int(year), int(month), int(day), int(hour or 0), tzinfo=dt.UTC)
            except ValueError:
                continue
    for folder in names:
        times = {*_times(folder), *_epochs(folder)}
        if len(_days(times)) == 1:
            yield max(times)


def _epochs(text: str) -> Iterator[dt.datetime]:
    for digits in _EPOCH.findall(text):
        time = _from_epoch(int(digits))
        if time is not None:
            yield time


def _times(text: str) -> Iterator[dt.datetime]:
    for match in _TIME.finditer(text):
        try:
            day = dt.date.fromisoformat(match["day"])
            clock = dt.time()
            if match["hour"]:
                fraction = int((match["fraction"] or "0").ljust(6, "0"))
                clock = dt.time(int(match["hour"]), int(match["minute"]), int(match["second"]), fraction)
        except ValueError:
            continue
        yield dt.datetime.combine(day, clock, dt.UTC)
