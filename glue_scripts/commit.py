"""The commit record: the one small object that makes a run current for a snapshot date.

It says which run is current, the raw objects it was built from, and every file and row count. Whoever runs the
transformation (a Dagster step, or the Glue job by hand) writes it last, in one atomic put. The format belongs
here; where it is stored belongs in `spotify_assets.lake.layout`. Standard library only.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

FORMAT_VERSION = 1


class Source(NamedTuple):
    """A raw object as what a date is built from, as the store named it. `etag` changes when the content may have.

    Snapshot date and playlist are those of the key's folders, `snapshot_date=…/playlist_id=…`.
    """

    key: str
    etag: str

    @property
    def day(self) -> dt.date:
        return dt.date.fromisoformat(self._folder("snapshot_date"))

    @property
    def playlist_id(self) -> str:
        return self._folder("playlist_id")

    def _folder(self, name: str) -> str:
        for part in self.key.split("/"):
            if part.startswith(f"{name}="):
                return part.removeprefix(f"{name}=")
        raise ValueError(f"{self.key} is not a raw object's key: it has no folder {name}=…")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file of one table and date; `key` is relative to the lake's root. `size` in bytes."""

    key: str
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of one table and date. A table without rows has no files."""

    files: tuple[DataFile, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


def content_of(key: str, data: bytes) -> int:
    """What stands for one raw object in `content_digest`: its key and its bytes, whatever store they lie in."""
    return int.from_bytes(hashlib.sha256(key.encode() + b"\0" + hashlib.sha256(data).digest()).digest(), "big")


def content_digest(contents: Iterable[int]) -> str:
    """The identity of the raw objects of a date, from `content_of` each: equal for equal objects, in any order."""
    return f"{sum(contents) % 2**256:064x}"


def attempt_name(run_id: str) -> str:
    """A name that no other attempt has, and that begins with the run's: `<run id>-<8 hex digits>`.

    Whatever an attempt writes stands under its own name, so that a published folder holds one attempt's files.
    """
    return f"{run_id}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True, kw_only=True)
class BuiltDay:
    """What one attempt, named `run_id`, wrote for one snapshot date. Counts and `content` are those of `Commit`."""

    day: dt.date
    run_id: str
    entries: int
    quarantined: int
    quarantine_key: str | None
    tables: Mapping[str, TableFiles]
    unread_leaves: int = 0
    content: str = ""

    def commit(self, *, engine: str, code: str, sources: tuple[Source, ...], committed_at: dt.datetime) -> Commit:
        """The record that makes this build the current one of its date; `code` is `fingerprint.transformation`'s."""
        return Commit(
            day=self.day.isoformat(),
            run_id=self.run_id,
            engine=engine,
            committed_at=committed_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            sources=sources,
            entries=self.entries,
            quarantined=self.quarantined,
            quarantine_key=self.quarantine_key,
            tables=self.tables,
            unread_leaves=self.unread_leaves,
            content=self.content,
            code=code,
        )

    def to_record(self) -> dict[str, object]:
        """JSON-ready, for a message."""
        return {**asdict(self), "day": self.day.isoformat()}

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> BuiltDay:
        """Read what `to_record` made. Raises ValueError naming what is wrong."""
        try:
            day = dt.date.fromisoformat(str(record["day"]))
            tables = _tables(record["tables"])
            return cls(**{**record, "day": day, "tables": tables})  # pyright: ignore[reportArgumentType]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a report of a date: {error!r}") from error


class UnreadDays(Exception):
    """Dates that an attempt left out because the bytes of a raw object of theirs can't be had now; what is there and
    can't be decoded is damage, and part of what a date holds. `reasons` names the object and the cause, by date."""

    def __init__(self, reasons: Mapping[dt.date, str]) -> None:
        super().__init__(dict(reasons))
        self.reasons = dict(reasons)

    def __str__(self) -> str:
        return "; ".join(f"{day}: {reason}" for day, reason in sorted(self.reasons.items()))


@dataclass(frozen=True)
class Commit:
    """What is current for one snapshot date.

    `entries` is how many playlist entries the sources hold; it always equals the rows of `playlist_items` plus
    `quarantined`. `unread_leaves` counts values in entries (and playlists) that are kept without them; records written
    before they were counted have none. `day` is ISO (YYYY-MM-DD), `committed_at` ISO UTC. `content` is
    `content_digest` of the sources, which a copy of the lake shares; `code` the fingerprint of the transformation. Both
    are empty in older records.
    """

    day: str
    run_id: str
    engine: str
    committed_at: str
    sources: tuple[Source, ...]
    entries: int
    quarantined: int
    quarantine_key: str | None
    tables: Mapping[str, TableFiles]
    unread_leaves: int = 0
    content: str = ""
    code: str = ""

    def rows(self, table: str) -> int:
        """Rows of `table` on this date; 0 when it has none."""
        files = self.tables.get(table)
        return files.rows if files else 0

    def files(self, table: str) -> tuple[DataFile, ...]:
        """The Parquet files of `table` on this date."""
        files = self.tables.get(table)
        return files.files if files else ()

    def file_keys(self, table: str) -> tuple[str, ...]:
        """Keys of the Parquet files of `table` on this date, relative to the lake's root."""
        return tuple(file.key for file in self.files(table))

    def to_json(self) -> bytes:
        """The stored form, stable for equal commits."""
        sources = [source._asdict() for source in self.sources]
        record = {"version": FORMAT_VERSION, **asdict(self), "sources": sources}
        return json.dumps(record, indent=1, sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Commit:
        """Read the stored form. Raises ValueError saying what is wrong with it."""
        try:
            record = json.loads(data)
            version = record.pop("version")
            if version != FORMAT_VERSION:
                raise ValueError(f"commit record has format version {version}, this code reads {FORMAT_VERSION}")
            record["sources"] = tuple(sorted(Source(**source) for source in record["sources"]))
            record["tables"] = _tables(record["tables"])
            return cls(**record)
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"not a commit record: {error!r}") from error


def _tables(record: object) -> dict[str, TableFiles]:
    return {
        name: TableFiles(tuple(DataFile(**file) for file in table["files"]))
        for name, table in record.items()  # pyright: ignore[reportAttributeAccessIssue]
    }
