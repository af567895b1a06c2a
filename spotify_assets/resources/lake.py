"""The lake as a Dagster resource: where the storage is opened, and nothing else.

What is stored where is `lake.layout`'s business, what needs doing is `lake.state`'s, and how bytes move is
`object_store`'s.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import cached_property

import dagster as dg
from pydantic import Field

from glue_scripts.commit import Commit, Source
from spotify_assets.lake import state
from spotify_assets.settings import Settings
from spotify_assets.storage.object_store import ObjectStore


class LakeResource(dg.ConfigurableResource):
    """The lake every asset reads and writes."""

    url: str = Field(description="file:///folder or s3://bucket/prefix")
    endpoint_url: str | None = Field(default=None, description="Instead of AWS's S3 endpoint, for a test server")

    @cached_property
    def store(self) -> ObjectStore:
        """The storage, opened on first use and kept for the life of the resource."""
        return ObjectStore.open(self.url, endpoint_url=self.endpoint_url)

    def commits(self, days: Iterable[dt.date]) -> dict[dt.date, Commit]:
        """The commit of each date that has one."""
        return state.read_commits(self.store, days)

    def sources(self, days: Iterable[dt.date]) -> dict[dt.date, tuple[Source, ...]]:
        """The current raw objects of each date; an empty tuple for a date without any."""
        return state.read_current_sources(self.store, days)


def lake_resource(settings: Settings) -> LakeResource:
    """The lake the settings name."""
    return LakeResource(url=settings.lake, endpoint_url=settings.aws_endpoint_url)
