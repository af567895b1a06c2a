"""What a Spark run is told and what it answers, as data: the manifest in, one report per date out.

Whoever starts a run decides where everything goes (keys and prefixes are `spotify_assets.lake.layout`'s business) and
writes the manifest as one JSON object in the lake; lists of raw objects are too long for arguments. Standard library
only: the module is shipped to Glue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from glue_scripts.commit import Commit, DataFile, Source, TableFiles

FORMAT_VERSION = 2


@dataclass(frozen=True, order=True)
class ManifestSource:
    """A raw object to read, as the store named it."""

    key: str
    etag: str
    playlist_id: str


@dataclass(frozen=True)
class ManifestDay:
    """One snapshot date (ISO) to build: from which raw objects, and where its small files go."""

    day: str
    sources: tuple[ManifestSource, ...]
    quarantine_key: str
    commit_key: str


@dataclass(frozen=True)
class Manifest:
    """Everything a run needs to know. Keys and prefixes are relative to the lake's root.

    `table_prefixes` says for each table where its files go: `<prefix>day=<date>/<file>.parquet`. A build stages what
    it reads under `<staging_prefix><name of its own>/`. `engine` is the name the commits carry when the run writes them
    itself.
    """

    run_id: str
    engine: str
    staging_prefix: str
    table_prefixes: Mapping[str, str]
    days: tuple[ManifestDay, ...]

    def to_json(self) -> bytes:
        """The stored form, the same for equal manifests."""
        return json.dumps({"version": FORMAT_VERSION, **asdict(self)}, sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Read the stored form. Raises ValueError saying what is wrong with it."""
        try:
            record = json.loads(data)
            version = record.pop("version")
            if version != FORMAT_VERSION:
                raise ValueError(f"manifest has format version {version}, this script reads {FORMAT_VERSION}")
            days = tuple(
                ManifestDay(**{**day, "sources": tuple(ManifestSource(**source) for source in day["sources"])})
                for day in record.pop("days")
            )
            return cls(**record, days=days)
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"not a manifest: {error!r}") from error


@dataclass(frozen=True)
class DayReport:
    """What a run built for one date; the counts are those of `commit.Commit`."""

    day: str
    entries: int
    quarantined: int
    quarantine_key: str | None
    tables: Mapping[str, TableFiles]

    def to_record(self) -> dict[str, object]:
        """JSON-ready, for a message."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> DayReport:
        """Read what `to_record` made. Raises ValueError naming what is wrong."""
        try:
            tables = {
                name: TableFiles(tuple(DataFile(**file) for file in table["files"]))
                for name, table in record["tables"].items()  # pyright: ignore[reportAttributeAccessIssue]
            }
            return cls(**{**record, "tables": tables})  # pyright: ignore[reportArgumentType]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a report of a date: {error!r}") from error

    def commit(self, manifest: Manifest, sources: tuple[ManifestSource, ...], committed_at: str) -> Commit:
        """The record that makes this build current; `committed_at` is ISO UTC."""
        return Commit(
            day=self.day,
            run_id=manifest.run_id,
            engine=manifest.engine,
            committed_at=committed_at,
            sources=tuple(Source(source.key, source.etag) for source in sources),
            entries=self.entries,
            quarantined=self.quarantined,
            quarantine_key=self.quarantine_key,
            tables=self.tables,
        )
