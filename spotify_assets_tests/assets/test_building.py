"""Dates that can't be built, and dates that wait for a raw object, beside one that is fine: each is told for itself."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from glue_scripts.commit import Commit
from spotify_assets.assets.lake import POISONED_TAG, lake_assets
from spotify_assets.engines import duckdb_engine
from spotify_assets.engines.duckdb_engine import DuckDBEngine, build_day
from spotify_assets.failures import TransientError
from spotify_assets.lake import state
from spotify_assets.partitions import snapshot_dates
from spotify_assets.resources.lake import LakeResource
from spotify_assets.retries import failure_kind, own_tag
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import day_sources, put_raw
from spotify_assets_tests.reference_tables import Raw

POISONED, WAITING, FINE = DAYS = [dt.date(2026, 1, number) for number in (1, 2, 3)]
PAGE = (0, [e.entry(e.track("A"))])


def snapshot(store: ObjectStore, day: dt.date) -> str:
    """A playlist of one entry; on the first day twice, which no table can hold."""
    pages = [PAGE, PAGE] if day == POISONED else [PAGE]
    return put_raw(store, Raw(e.spotify_id("p"), {"name": "P"}, pages, day=day))


def test_what_cant_be_built_is_for_good_and_what_waits_is_not(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {day: snapshot(store, day) for day in DAYS}
    read_bytes = Path.read_bytes

    def refusing(path: Path) -> bytes:
        if path.name == Path(keys[WAITING]).name and str(WAITING) in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refusing)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            lake_assets(snapshot_dates(POISONED), "duckdb"),
            resources={"lake": LakeResource(url=store.url()), "engine": DuckDBEngine()},
            instance=instance,
            raise_on_error=False,
            tags={
                "dagster/asset_partition_range_start": str(POISONED),
                "dagster/asset_partition_range_end": str(FINE),
            },
        )
        run = instance.get_run_by_id(result.run_id)

    assert run is not None
    assert failure_kind(run) == "permanent"
    assert own_tag(run, POISONED_TAG) == str(POISONED)
    assert state.committed_days(store) == [FINE]
    (failed,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failed.user_failure_data is not None
    said = str(failed.user_failure_data.description)
    assert f"Dates that wait for raw objects: {WAITING}: " in said
    assert f"Dates that can't be built: {POISONED}: " in said


def built(store: ObjectStore) -> tuple[bool, Commit]:
    """Whether a run for FINE succeeds, and the commit it leaves."""
    result = dg.materialize(
        lake_assets(snapshot_dates(POISONED), "duckdb"),
        resources={"lake": LakeResource(url=store.url()), "engine": DuckDBEngine()},
        partition_key=str(FINE),
        raise_on_error=False,
    )
    return result.success, state.read_commits(store, [FINE])[FINE]


def put(store: ObjectStore, name: str) -> str:
    return put_raw(store, Raw(e.spotify_id(name), {"name": name}, [PAGE], day=FINE))


def cut(store: ObjectStore, key: str, size: int = 40) -> None:
    store.put(key, store.get(key)[:size])


def test_an_object_damaged_after_its_date_was_built_is_restored_or_removed_before_it_is_built_again(
    store: ObjectStore,
) -> None:
    old = put(store, "p")
    _, before = built(store)
    whole = store.get(old)
    put(store, "q")
    cut(store, old)

    assert built(store) == (False, before)

    store.put(old, whole)
    assert built(store)[1].entries == 2
    cut(store, old)
    assert not built(store)[0]
    store.delete([old])
    assert (built(store)[0], built(store)[1].entries) == (True, 1)


def test_an_object_that_was_damaged_all_along_keeps_nothing_from_being_built(store: ObjectStore) -> None:
    put(store, "p")
    damaged = put(store, "q")
    cut(store, damaged)
    assert built(store)[1].quarantined == 1
    cut(store, damaged, 30)
    put(store, "r")

    succeeds, commit = built(store)

    assert (succeeds, commit.entries, commit.quarantined) == (True, 3, 1)


def test_what_other_code_cant_read_is_quarantined(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the object of before, beside a new one."""
    old = put(store, "p")
    built(store)
    put(store, "q")
    monkeypatch.setattr("spotify_assets.assets.building.transformation", lambda: "stricter")
    monkeypatch.setattr(
        "spotify_assets.assets.building.quality.unreadable",
        lambda _store, commit: {old: "not to its liking"} if commit.code == "stricter" else {},
    )

    succeeds, commit = built(store)

    assert (succeeds, commit.code) == (True, "stricter")


def test_an_object_that_becomes_unreadable_while_it_is_read_is_transient(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(str(store.place)) / snapshot(store, FINE)
    contents = duckdb_engine._contents

    def then_gone(*given: Any) -> dict[dt.date, str]:
        known = contents(*given)
        path.unlink()
        path.mkdir()
        return known

    monkeypatch.setattr(duckdb_engine, "_contents", then_gone)

    with pytest.raises(TransientError, match=r"can't be read \(Is a directory\)"):
        build_day(store, "run-1", day_sources(store, FINE))
