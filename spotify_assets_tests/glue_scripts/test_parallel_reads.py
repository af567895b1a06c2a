"""A worker of the Glue job fetches its raw objects several at once; one at a time, waiting is all it would do."""

from __future__ import annotations

import threading
from pathlib import Path

from glue_scripts.commit import Source
from glue_scripts.lake_files import PARALLEL_READS, LakeFiles
from glue_scripts.spark_reader import stage_pass
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.reference_tables import Raw


class Together(LakeFiles):
    """A lake whose reads wait until as many are under way as may be: one at a time none would ever come back."""

    waiting = threading.Barrier(PARALLEL_READS, timeout=20)

    def local_path(self, key: str) -> Path | None:
        return None

    def read(self, key: str, etag: str | None = None) -> bytes:
        self.waiting.wait()
        return super().read(key)


def test_as_many_objects_are_read_at_once_as_the_client_keeps_connections(store: ObjectStore) -> None:
    page = [e.entry(e.track("A"))]
    raws = [Raw(e.spotify_id(f"p{number:02}x"), {"name": "P"}, [(0, page)]) for number in range(PARALLEL_READS)]
    sources = [Source(put_raw(store, raw), "any") for raw in raws]

    (counted,) = stage_pass(Together(store.url()), sources, "staging/x.parquet")

    assert counted.entries == len(raws)
