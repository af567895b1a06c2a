"""A copy of a lake is the same lake: what its raw objects hold decides, not how a store names them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from glue_scripts.commit import Commit, Source, content_digest, content_of
from spotify_assets.lake import layout, state, watch
from spotify_assets.resources.lake import LakeResource
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.automation.world import put_raw

DAY = dt.date(2026, 3, 1)
LARGE = 6 * 1024 * 1024
"""Bytes that S3's clients put in parts; such an object's etag is no digest of its bytes."""


def committed(store: ObjectStore) -> Commit:
    """Two raw objects, one of them large, and a commit that names them."""
    keys = [put_raw(store, DAY, "p1", content=b"first"), put_raw(store, DAY, "p2", content=bytes(LARGE))]
    sources = state.read_current_sources(store, [DAY])[DAY]
    commit = Commit(
        day=DAY.isoformat(),
        run_id="run",
        engine="duckdb",
        committed_at="",
        sources=sources,
        entries=0,
        quarantined=0,
        quarantine_key=None,
        tables={},
        content=content_digest(content_of(key, store.get(key)) for key in keys),
    )
    store.put(layout.commit_key(DAY), commit.to_json())
    return commit


def copy(source: ObjectStore, target: ObjectStore) -> None:
    for found in source.list(""):
        target.put(found.key, source.get(found.key))


@pytest.fixture(params=["folder to folder", "folder to S3", "S3 to S3"])
def copied(request: pytest.FixtureRequest, store: ObjectStore, tmp_path: Path) -> ObjectStore:
    """A lake that was copied."""
    other = ObjectStore.open((tmp_path / "copy").as_uri())
    if request.param == "folder to folder":
        committed(store)
        copy(store, other)
        return other
    lake: LakeResource = request.getfixturevalue("s3_lake")
    if request.param == "folder to S3":
        committed(store)
        copy(store, lake.store)
        return lake.store
    commit = committed(lake.store)
    named = tuple(Source(source.key, f"{source.etag}-2") for source in commit.sources)  # as another bucket named them
    lake.store.put(layout.commit_key(DAY), Commit(**{**commit.__dict__, "sources": named}).to_json())
    return lake.store


def test_a_copied_lake_is_up_to_date_and_read_once(copied: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch.observe_dates(copied, [DAY]).stale == []
    monkeypatch.setattr(ObjectStore, "get_many", _only_commits(ObjectStore.get_many))
    assert watch.observe_dates(copied, [DAY]).stale == []
    assert watch.observe_range(copied, DAY, DAY).stale == []


def test_an_object_of_a_copied_lake_that_holds_something_else_makes_its_date_stale(copied: ObjectStore) -> None:
    put_raw(copied, DAY, "p1", content=b"other")
    assert watch.observe_dates(copied, [DAY]).stale == [DAY]


def test_a_commit_of_before_contents_were_recorded_is_compared_by_etags(store: ObjectStore) -> None:
    commit = committed(store)
    store.put(layout.commit_key(DAY), Commit(**{**commit.__dict__, "content": ""}).to_json())
    assert watch.observe_dates(store, [DAY]).stale == []
    put_raw(store, DAY, "p1", content=b"first")
    assert watch.observe_dates(store, [DAY]).stale == [DAY]


def _only_commits(get_many):
    def read(self: ObjectStore, keys):
        keys = list(keys)
        assert all(key.startswith(layout.COMMITS_PREFIX) for key in keys), "raw objects are read a second time"
        return get_many(self, keys)

    return read
