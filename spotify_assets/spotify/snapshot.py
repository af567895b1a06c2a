"""The raw snapshot: its format on disk, writing it once, reading it back, finding the newest.

One gzip object of JSON lines per snapshot date × playlist × extraction, one line per API page, each line complete in
itself. Where pages come from belongs in `extract` (Spotify) and `payloads` (files of other systems).
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from spotify_assets.failures import PermanentError
from spotify_assets.lake.layout import RawKey, parse_raw_key, raw_day_prefix
from spotify_assets.storage.object_store import ObjectStore

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = "dict[str, Json]"
SourceName = Literal["api", "sandbox", "import", "landing", "carried"]
DatedBy = Literal["spotify", "upload", "name", "folder", "content", "commit"]
"""Who says of which day a snapshot is: Spotify itself, or what is known of a file of another system."""

_SOURCES: Mapping[str, SourceName] = {
    "api": "api",
    "sandbox": "sandbox",
    "import": "import",
    "landing": "landing",
    "carried": "carried",
}
_DATED_BY: Mapping[object, DatedBy] = {
    "spotify": "spotify",
    "upload": "upload",
    "name": "name",
    "folder": "folder",
    "content": "content",
    "commit": "commit",
}
_HEAD = ("snapshot_date", "extracted_at", "run_id", "source", "playlist")
_LINE = (*_HEAD, "offset", "total", "page", "complete", "dated_by")
_GZIP_LEVEL = 4  # half the time of the default for 5 % more bytes, measured on playlist pages


class SnapshotError(PermanentError):
    """A stored raw object that is not in the raw format."""


@dataclass(frozen=True)
class Page:
    """A page as the API sent it (`body`), and the 0-based position of its first entry."""

    offset: int
    body: JsonObject

    @property
    def items(self) -> list[Json]:
        """The page's entries, unreadable and null ones included."""
        items = self.body.get("items")
        return items if isinstance(items, list) else []


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One playlist on one day. `extracted_at` (UTC) is when its pages were read from Spotify.

    `playlist` is the API's playlist object without its paging; `total` is how many entries Spotify says there are.
    `complete` says whether the pages hold the whole playlist where that was judged by more than their count (None: the
    count decides); `dated_by` who says it is of this day. Both, and `notes` (other optional keys of a raw line, such as
    the name of an upload), are optional in the stored form.
    """

    day: dt.date
    playlist_id: str
    extracted_at: dt.datetime
    run_id: str
    source: SourceName
    playlist: JsonObject
    total: int
    pages: tuple[Page, ...]
    complete: bool | None = None
    dated_by: DatedBy | None = None
    notes: Mapping[str, Json] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """How many entries the pages hold."""
        return sum(len(page.items) for page in self.pages)


def without_paging(playlist: JsonObject) -> JsonObject:
    """The playlist object without its entries, under whatever name they came."""
    return {name: value for name, value in playlist.items() if name not in ("tracks", "items")}


def to_bytes(snapshot: Snapshot) -> bytes:
    """The stored form: the same bytes for equal snapshots."""
    start = _start(_head(snapshot.day, snapshot.extracted_at, snapshot.run_id, snapshot.source, snapshot.playlist))
    optional = {"complete": snapshot.complete, "dated_by": snapshot.dated_by, **snapshot.notes}
    said = "".join(f",{_dump(name)}:{_dump(value)}" for name, value in optional.items() if value is not None)
    lines = [
        f'{start},"offset":{page.offset},"total":{snapshot.total}{said},"page":{_dump(page.body)}}}\n'
        for page in sorted(snapshot.pages, key=lambda page: page.offset)
    ]
    return _compressed(_encode("".join(lines)))


def from_bytes(key: str, data: bytes) -> Snapshot:
    """Read the stored form of the object at `key`. Raises SnapshotError naming the key and what is wrong."""
    try:
        parts = parse_raw_key(key)
        if parts is None:
            raise ValueError("the key is not a raw object's")
        text = gzip.decompress(data).decode()
        lines = [json.loads(line) for line in text.split("\n") if line]
        first = lines[0]
        return Snapshot(
            day=parts.day,
            playlist_id=parts.playlist_id,
            extracted_at=parse_time(first["extracted_at"]),
            run_id=first["run_id"],
            source=_SOURCES[first["source"]],
            playlist=first["playlist"],
            total=first["total"],
            pages=tuple(Page(line["offset"], line["page"]) for line in lines),
            complete=_flag(first.get("complete")),
            dated_by=_DATED_BY.get(first.get("dated_by")),
            notes={name: value for name, value in first.items() if name not in _LINE},
        )
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _damaged(key, error) from error


def stored_line(value: Json) -> Snapshot | None:
    """What one decoded line of a stored snapshot says, with its one page; None for any other JSON."""
    if not isinstance(value, dict) or not {*_HEAD, "offset", "total", "page"} <= value.keys():
        return None
    playlist, offset, total, page = (value[name] for name in ("playlist", "offset", "total", "page"))
    if not (
        isinstance(playlist, dict) and isinstance(page, dict) and isinstance(offset, int) and isinstance(total, int)
    ):
        return None
    try:
        return Snapshot(
            day=dt.date.fromisoformat(str(value["snapshot_date"])),
            playlist_id=str(playlist["id"]),
            extracted_at=parse_time(str(value["extracted_at"])).astimezone(dt.UTC),
            run_id=str(value["run_id"]),
            source=_SOURCES[str(value["source"])],
            playlist=playlist,
            total=total,
            pages=(Page(offset, page),),
            complete=_flag(value.get("complete")),
            dated_by=_DATED_BY.get(value.get("dated_by")),
        )
    except (KeyError, ValueError):
        return None


def write(store: ObjectStore, snapshot: Snapshot, stamped: dt.datetime) -> tuple[str, int]:
    """Write the snapshot once, under a key that carries `stamped` (UTC); (key, size in bytes).

    Writing the same snapshot again under the same time and run changes nothing.
    """
    return write_bytes(store, RawKey(snapshot.day, snapshot.playlist_id, stamped, snapshot.run_id), to_bytes(snapshot))


def write_bytes(store: ObjectStore, key: RawKey, data: bytes) -> tuple[str, int]:
    """Write a snapshot's stored form once; (key, size in bytes)."""
    store.create(str(key), data)
    return str(key), len(data)


def read(store: ObjectStore, key: RawKey | str) -> Snapshot:
    """The stored snapshot. Raises FileNotFoundError or SnapshotError."""
    return from_bytes(str(key), store.get(str(key)))


def newest_of_day(store: ObjectStore, day: dt.date) -> dict[str, RawKey]:
    """The current raw object of each playlist on `day`; one listing."""
    return newest(parse_raw_key(stored.key) for stored in store.list(raw_day_prefix(day)))


def newest(keys: Iterable[RawKey | None]) -> dict[str, RawKey]:
    """The newest key of each playlist; keys that are no raw object's (None) are left out."""
    newest_keys: dict[str, RawKey] = {}
    for key in keys:
        if key is not None and (key.playlist_id not in newest_keys or key > newest_keys[key.playlist_id]):
            newest_keys[key.playlist_id] = key
    return newest_keys


UPLOAD = "upload"
"""What the run id of a snapshot begins with whose day is only that of its upload."""


def is_of_upload(key: RawKey) -> bool:
    """Whether the snapshot at `key` is of its day only because it was uploaded then: Spotify is asked all the same."""
    return key.run_id.startswith(f"{UPLOAD}-")


def after(stamp: dt.datetime, key: RawKey | None) -> dt.datetime:
    """`stamp`, moved past `key` where the clock was behind it, so that what is written last is the newest."""
    return stamp if key is None or stamp > key.extracted_at else key.extracted_at + dt.timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class StoredHead:
    """What the first line of a stored snapshot says about all of it; `start` is the text every line begins with."""

    extracted_at: dt.datetime
    source: SourceName
    playlist: JsonObject
    total: int
    start: bytes
    lines: tuple[bytes, ...]
    complete: bool | None = None

    @property
    def version(self) -> str | None:
        """Spotify's version id of the playlist."""
        value = self.playlist.get("snapshot_id")
        return value if isinstance(value, str) else None


def head_of(key: str, data: bytes) -> StoredHead:
    """Read a stored snapshot without parsing its pages. Raises SnapshotError."""
    try:
        lines = tuple(line for line in gzip.decompress(data).split(b"\n") if line)
        first = json.loads(lines[0])
        start = _encode(_start({name: first[name] for name in _HEAD}))
        if not all(line.startswith(start) for line in lines):
            raise ValueError("its lines are of different snapshots")
        return StoredHead(
            extracted_at=parse_time(first["extracted_at"]),
            source=_SOURCES[first["source"]],
            playlist=first["playlist"],
            total=first["total"],
            start=start,
            lines=lines,
            complete=_flag(first.get("complete")),
        )
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _damaged(key, error) from error


def carried(head: StoredHead, day: dt.date, run_id: str, playlist: JsonObject | None) -> bytes:
    """The stored form of the same pages on another day, said to be carried, with the original's extraction time.

    `playlist` is that day's metadata; None keeps the stored one.
    """
    start = _encode(_start(_head(day, head.extracted_at, run_id, "carried", playlist or head.playlist)))
    return _compressed(b"".join(start + line[len(head.start) :] + b"\n" for line in head.lines))


def format_time(time: dt.datetime) -> str:
    """ISO 8601 in UTC with microseconds and a Z."""
    return time.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> dt.datetime:
    """The time `format_time` wrote."""
    return dt.datetime.fromisoformat(text)


def _head(
    day: dt.date, extracted_at: dt.datetime, run_id: str, source: SourceName, playlist: JsonObject
) -> dict[str, object]:
    values = (day.isoformat(), format_time(extracted_at), run_id, source, playlist)
    return dict(zip(_HEAD, values, strict=True))


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _start(head: Mapping[str, object]) -> str:
    return _dump(head)[:-1]


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON may escape and no Parquet reader accepts
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _compressed(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=_GZIP_LEVEL, mtime=0)


def _damaged(key: str, error: Exception) -> SnapshotError:
    return SnapshotError(
        f"{key} is not a raw snapshot ({error!r})", remedy="remove the object, or import a sound one with --force"
    )


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
