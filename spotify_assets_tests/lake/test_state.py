"""What needs doing, derived by comparing."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout, state, watch
from spotify_assets.lake.layout import RawKey
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.stored_object import StoredObject
from spotify_assets_tests.automation.world import commit, put_raw

DAY = dt.date(2026, 3, 1)
ANY_TIME = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def stored(playlist: str, hour: int, *, run: str = "r", etag: str = "e") -> StoredObject:
    at = dt.datetime.combine(DAY, dt.time(hour), dt.UTC)
    return StoredObject(str(RawKey(DAY, playlist, at, run)), etag, 1, ANY_TIME)


@given(st.permutations([stored("a", 1), stored("a", 5), stored("b", 3), stored("b", 2)]))
def test_the_newest_of_each_playlist_counts_in_whatever_order_they_are_listed(objects: list[StoredObject]) -> None:
    assert [source.key for source in state.current_sources(objects)] == [stored("a", 5).key, stored("b", 3).key]


def test_foreign_objects_do_not_count() -> None:
    foreign = StoredObject(f"{layout.raw_day_prefix(DAY)}notes.txt", "e", 1, ANY_TIME)
    assert state.current_sources([foreign]) == ()


def test_a_date_is_stale_until_its_commit_names_its_objects(store: ObjectStore) -> None:
    put_raw(store, DAY)
    assert watch.observe_dates(store, [DAY]).stale == [DAY]
    commit(store, DAY)
    assert watch.observe_dates(store, [DAY]).stale == []
    put_raw(store, DAY, "p2")
    assert watch.observe_dates(store, [DAY]).stale == [DAY]


def test_a_date_without_objects_is_never_stale(store: ObjectStore) -> None:
    assert watch.observe_dates(store, [DAY]).stale == []
    put_raw(store, DAY)
    commit(store, DAY)
    store.delete([found.key for found in store.list(layout.RAW_PREFIX)])
    assert watch.observe_dates(store, [DAY]).stale == []


def test_a_damaged_commit_names_itself_and_the_remedy(store: ObjectStore) -> None:
    store.put(layout.commit_key(DAY), b"{}")
    with pytest.raises(PermanentError, match=r"day=2026-03-01\.json.*delete it"):
        state.read_commits(store, [DAY])


DAYS = st.integers(0, 40).map(lambda count: DAY + dt.timedelta(days=count))


@given(st.sets(DAYS), st.sets(DAYS))
def test_stretches_cover_the_wanted_dates_and_only_allowed_ones(wanted: set[dt.date], allowed: set[dt.date]) -> None:
    ranges = state.stretches(wanted, through=allowed)
    covered = [day for first, last in ranges for day in watch.days_between(first, last)]
    assert len(covered) == len(set(covered))
    assert wanted <= set(covered) <= wanted | allowed
    assert all(first in wanted and last in wanted for first, last in ranges)


@given(st.sets(DAYS, min_size=1), st.integers(1, 9))
def test_the_sweep_comes_by_every_date_in_turn(days: set[dt.date], size: int) -> None:
    objects = [stored_on(day) for day in sorted(days)]
    store = Listing(objects)
    before = max(days) + dt.timedelta(days=1)
    at, seen = None, []
    for _ in range(len(days)):
        swept = watch.sweep(store, DAY, at, before, days=size, seconds=0)  # pyright: ignore[reportArgumentType]
        seen += swept.observation.days
        at = swept.next
        if at == DAY:
            break
    assert seen == sorted(days)


class Listing:
    """A store whose commits are those of its raw objects."""

    def __init__(self, objects: list[StoredObject]) -> None:
        self._objects = objects

    def list(self, prefix: str, *, after: str | None = None) -> list[StoredObject]:
        return [found for found in self._objects if found.key.startswith(prefix) and found.key > (after or "")]

    def get_many(self, keys: list[str]) -> dict[str, bytes | None]:
        return dict.fromkeys(keys)


def stored_on(day: dt.date) -> StoredObject:
    return StoredObject(str(RawKey(day, "p", dt.datetime.combine(day, dt.time(6), dt.UTC), "r")), "e", 1, ANY_TIME)
