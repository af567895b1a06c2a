"""What a Spark run is told, as data: the manifest. What it answers is one `commit.BuiltDay` per date.

Whoever starts a run decides where everything goes (keys and prefixes are `spotify_assets.lake.layout`'s business) and
writes the manifest as one JSON object in the lake; lists of raw objects are too long for arguments. Standard library
only: the module is shipped to Glue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from glue_scripts.commit import Source, attempt_name

FORMAT_VERSION = 3


class ManifestError(ValueError):
    """A manifest that this script can't work by. Its name is what a failed Glue run is known by afterwards."""


@dataclass(frozen=True)
class ManifestDay:
    """One snapshot date (ISO) to build: from which raw objects, and where its small files go."""

    day: str
    sources: tuple[Source, ...]
    quarantine_key: str
    commit_key: str


@dataclass(frozen=True)
class Manifest:
    """Everything a run needs to know. Keys and prefixes are relative to the lake's root.

    `table_prefixes` says for each table where its files go: `<prefix>day=<date>/<file>.parquet`. A build stages what
    it reads under `<staging_prefix><name of its own>/`. All of these hold `run=<run_id>`, in place of which an attempt
    has its own name. `engine` is the name the commits carry when the run writes them itself.
    """

    run_id: str
    engine: str
    staging_prefix: str
    table_prefixes: Mapping[str, str]
    days: tuple[ManifestDay, ...]

    def attempt(self) -> Manifest:
        """The same work under a name of its own: Glue, a person or a step may start a manifest any number of times."""
        old, name = f"run={self.run_id}", attempt_name(self.run_id)
        new = f"run={name}"
        return replace(
            self,
            run_id=name,
            staging_prefix=self.staging_prefix.replace(old, new),
            table_prefixes={table: prefix.replace(old, new) for table, prefix in self.table_prefixes.items()},
            days=tuple(replace(day, quarantine_key=day.quarantine_key.replace(old, new)) for day in self.days),
        )

    def to_json(self) -> bytes:
        """The stored form, the same for equal manifests."""
        days = [{**asdict(day), "sources": [source._asdict() for source in day.sources]} for day in self.days]
        return json.dumps({"version": FORMAT_VERSION, **asdict(self), "days": days}, sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Read the stored form. Raises ManifestError saying what is wrong with it."""
        try:
            record = json.loads(data)
            version = record.pop("version")
            if version != FORMAT_VERSION:
                raise ManifestError(f"manifest has format version {version}, this script reads {FORMAT_VERSION}")
            days = tuple(
                ManifestDay(**{**day, "sources": tuple(Source(**source) for source in day["sources"])})
                for day in record.pop("days")
            )
            return cls(**record, days=days)
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ManifestError(f"not a manifest: {error!r}") from error
