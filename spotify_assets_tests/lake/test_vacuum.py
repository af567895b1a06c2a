"""The vacuum takes superseded files and nothing else."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue_scripts.commit import Commit, DataFile, TableFiles
from spotify_assets.lake import layout
from spotify_assets.lake.layout import DataKey
from spotify_assets.lake.vacuum import KEEP, Vacuumed, superseded, vacuum
from spotify_assets.resources.lake import LakeResource
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.stored_object import StoredObject
from spotify_assets_tests.moto_aws import write_commit

DAY = dt.date(2026, 3, 1)
NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
LATER = dt.datetime.now(dt.UTC) + KEEP + dt.timedelta(days=1)
RUNS = st.sampled_from(["r1", "r2", "r3"])


@given(st.sets(st.tuples(RUNS, st.integers(0, 5)), max_size=20), RUNS)
def test_only_files_that_the_commit_does_not_name_are_superseded(files: set[tuple[str, int]], current: str) -> None:
    objects = [StoredObject(str(DataKey("songs", run, DAY, f"{part}.parquet")), "e", 1, NOW) for run, part in files]
    named = tuple(DataFile(found.key, 1, 1) for found in objects if f"run={current}/" in found.key)
    commit = Commit(DAY.isoformat(), current, "duckdb", "", (), 0, 0, None, {"songs": TableFiles(named)})
    gone = {found.key for found in superseded(objects, {DAY: commit})}
    assert gone == {str(DataKey("songs", run, DAY, f"{part}.parquet")) for run, part in files if run != current}


def test_a_file_of_another_run_that_the_commit_names_stays() -> None:
    key = str(DataKey("songs", "r1", DAY, "a.parquet"))
    commit = Commit(DAY.isoformat(), "r2", "glue", "", (), 1, 0, None, {"songs": TableFiles((DataFile(key, 1, 1),))})
    assert superseded([StoredObject(key, "e", 1, NOW)], {DAY: commit}) == []


@pytest.fixture(params=["file", "s3"])
def lake(request: pytest.FixtureRequest, store: ObjectStore) -> LakeResource:
    """A lake in a folder, and one on S3."""
    return LakeResource(url=store.url().rstrip("/")) if request.param == "file" else request.getfixturevalue("s3_lake")


def test_superseded_runs_go_and_current_ones_stay(lake: LakeResource) -> None:
    write_commit(lake, DAY, "old")
    current = write_commit(lake, DAY, "new")
    lake.store.put(layout.quarantine_key(DAY, "old"), b"{}")
    said: list[str] = []
    done = vacuum(lake.store, LATER, said.append)
    left = [found.key for found in lake.store.list("tables/songs/")]
    assert left == list(current.file_keys("songs"))
    assert list(lake.store.list(layout.QUARANTINE_PREFIX)) == []
    assert (done.looked_at, done.removed) == (29, 15), "two files a table and run, and a quarantine"
    assert len(said) == 8, "each of seven tables' folders, and the quarantine"
    assert vacuum(lake.store, LATER, said.append).removed == 0
    assert len(said) == 8, "nothing to do is nothing to say"


def test_nothing_younger_than_a_week_goes(store: ObjectStore) -> None:
    lake = LakeResource(url=store.url().rstrip("/"))
    write_commit(lake, DAY, "old")
    write_commit(lake, DAY, "new")
    written = sorted(found.last_modified for found in store.list("tables/"))
    week = dt.timedelta(days=7)

    assert vacuum(store, written[0] + week) == Vacuumed(0, 0, 0)
    assert vacuum(store, written[-1] + week + dt.timedelta(microseconds=1)).removed == 14


def test_files_of_a_date_without_a_readable_commit_stay(lake: LakeResource) -> None:
    write_commit(lake, DAY, "one")
    lake.store.put(layout.commit_key(DAY), b"{")
    other = DAY + dt.timedelta(days=1)
    write_commit(lake, other, "two")
    lake.store.delete([layout.commit_key(other)])
    said: list[str] = []
    assert vacuum(lake.store, LATER, said.append).removed == 0
    assert any("not a commit record" in sentence for sentence in said)


def test_foreign_files_below_the_tables_stay(lake: LakeResource) -> None:
    write_commit(lake, DAY, "one")
    lake.store.put("tables/songs/notes.txt", b"mine")
    lake.store.put("tables/songs/run=x/day=never/a.parquet", b"mine")
    assert vacuum(lake.store, LATER).removed == 0


def test_what_a_killed_spark_run_had_staged_goes(lake: LakeResource) -> None:
    lake.store.put(f"{layout.staging_prefix('r1')}a/pass-000000.parquet", b"rows")
    assert vacuum(lake.store, dt.datetime.now(dt.UTC)).removed == 0
    assert vacuum(lake.store, LATER).removed == 1
    assert list(lake.store.list(layout.STAGING_PREFIX)) == []


def test_the_current_quarantine_and_whatever_a_commit_names_stay_however_old(lake: LakeResource) -> None:
    """A commit may name files of another run than its own, in any table, and a quarantine of any name."""
    commit = write_commit(lake, DAY, "one")
    quarantine = layout.quarantine_key(DAY, "another")
    lake.store.put(quarantine, b"{}")
    lake.store.put(layout.commit_key(DAY), replace(commit, run_id="two", quarantine_key=quarantine).to_json())
    before = {found.key for found in lake.store.list("")}

    assert vacuum(lake.store, LATER).removed == 0
    assert {found.key for found in lake.store.list("")} == before


def test_what_is_committed_while_the_vacuum_lists_stays(store: ObjectStore) -> None:
    """Commits are read after files are listed: read before, the files of a commit in between would be superseded."""
    lake = LakeResource(url=store.url().rstrip("/"))
    write_commit(lake, DAY, "old")
    runs = iter(["new", "newer", "newest"])

    class Committing(ObjectStore):
        """A store in which a run commits before every listing of its files."""

        def list(self, prefix: str, *, after: str | None = None):
            if prefix == "tables/songs/":
                write_commit(lake, DAY, next(runs))
            yield from super().list(prefix, after=after)

    vacuum(Committing.open(store.url()), LATER)

    current = Commit.from_json(store.get(layout.commit_key(DAY)))
    assert {found.key for found in store.list("tables/songs/")} == set(current.file_keys("songs"))
