"""What every transform engine is: the interface the lake assets are written against.

An engine turns the raw objects of any set of dates into Parquet files of the seven tables. It writes data under a run's
own prefixes, which nobody reads yet; making them current (the commit record) is the caller's business.
"""

from __future__ import annotations

import abc
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from glue_scripts.commit import BuiltDay, Source

if TYPE_CHECKING:
    from spotify_assets.storage.object_store import ObjectStore


@dataclass(frozen=True)
class DaySources:
    """One snapshot date to build and the raw objects to build it from."""

    day: dt.date
    sources: tuple[Source, ...]

    @property
    def keys(self) -> list[str]:
        """The objects' keys."""
        return [source.key for source in self.sources]


class TransformEngine(dg.ConfigurableResource, abc.ABC):
    """Builds the seven tables of any set of dates."""

    @property
    @abc.abstractmethod
    def engine_name(self) -> str:
        """`duckdb`, `spark` or `glue`; recorded in every commit."""

    @property
    def builds_dates_apart(self) -> bool:
        """Whether a build that failed may be tried in halves at once, to find the date that it failed for."""
        return True

    @abc.abstractmethod
    def examine(self) -> str:
        """What the engine runs on, in a few words. Raises PermanentError with the remedy when it is not there."""

    @abc.abstractmethod
    def build(
        self, context: dg.AssetExecutionContext, store: ObjectStore, run_id: str, days: Sequence[DaySources]
    ) -> Iterator[BuiltDay]:
        """Build each of `days` and yield it as soon as its files are complete, in any order, under a name of the
        attempt's own that begins with `run_id`.

        Memory does not grow with the number of dates. Raises UnreadDays, once the others are yielded, for dates that a
        raw object of theirs can't be read for, and the failures of `spotify_assets.failures`; dates already
        yielded stay built.
        """
