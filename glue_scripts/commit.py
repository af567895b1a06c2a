"""The commit record: the one small object that makes a run current for a snapshot date.

It says which run is current, the raw objects it was built from, and every file and row count. Whoever runs the
transformation (a Dagster step, or the Glue job by hand) writes it last, in one atomic put. The format belongs
here; where it is stored belongs in `spotify_assets.lake.layout`. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

FORMAT_VERSION = 1


@dataclass(frozen=True, order=True)
class Source:
    """A raw object a date was built from, as the store named it. `etag` changes when the content may have."""

    key: str
    etag: str


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of one table and date; `key` is relative to the lake's root. `size` in bytes."""

    key: str
    rows: int
    size: int


@dataclass(frozen=True)
class TableFiles:
    """The files of one table and date. A table without rows has no files."""

    files: tuple[DataFile, ...]

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


@dataclass(frozen=True)
class Commit:
    """What is current for one snapshot date.

    `entries` is how many playlist entries the sources hold; it always equals the rows of `playlist_items` plus
    `quarantined`. `day` is ISO (YYYY-MM-DD), `committed_at` ISO UTC.
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

    def rows(self, table: str) -> int:
        """Rows of `table` on this date; 0 when it has none."""
        files = self.tables.get(table)
        return files.rows if files else 0

    def file_keys(self, table: str) -> tuple[str, ...]:
        """Keys of the Parquet files of `table` on this date, relative to the lake's root."""
        files = self.tables.get(table)
        return tuple(file.key for file in files.files) if files else ()

    def to_json(self) -> bytes:
        """The stored form, stable for equal commits."""
        return json.dumps({"version": FORMAT_VERSION, **asdict(self)}, indent=1, sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Commit:
        """Read the stored form. Raises ValueError saying what is wrong with it."""
        try:
            record = json.loads(data)
            version = record.pop("version")
            if version != FORMAT_VERSION:
                raise ValueError(f"commit record has format version {version}, this code reads {FORMAT_VERSION}")
            record["sources"] = tuple(sorted(Source(**source) for source in record["sources"]))
            record["tables"] = {
                name: TableFiles(tuple(DataFile(**file) for file in table["files"]))
                for name, table in record["tables"].items()
            }
            return cls(**record)
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"not a commit record: {error!r}") from error
