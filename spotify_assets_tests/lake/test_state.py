"""What needs doing, derived by comparing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue_scripts.commit import Source, TableFiles, content_digest, content_of
from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout, quality, state, watch
from spotify_assets.lake.layout import RawKey
from spotify_assets.resources.lake import LakeResource
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.stored_object import StoredObject
from spotify_assets_tests.automation.world import commit, put_raw
from spotify_assets_tests.moto_aws import write_commit
from spotify_assets_tests.warehouse.lake_files import commit_day, tables_of

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
    assert [source.key for source in state.current_sources([foreign, stored("a", 1)])] == [stored("a", 1).key]


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


def test_a_date_without_a_commit_has_none_and_hides_no_other(store: ObjectStore) -> None:
    later = DAY + dt.timedelta(days=1)
    kept = commit(store, later)
    assert state.read_commits(store, [DAY, later]) == {later: kept}


DAYS = st.integers(0, 40).map(lambda count: DAY + dt.timedelta(days=count))


@given(st.sets(DAYS), st.sets(DAYS))
def test_stretches_cover_the_wanted_dates_and_only_allowed_ones(wanted: set[dt.date], allowed: set[dt.date]) -> None:
    ranges = state.stretches(wanted, through=allowed)
    covered = [day for first, last in ranges for day in watch.days_between(first, last)]
    assert len(covered) == len(set(covered))
    assert wanted <= set(covered) <= wanted | allowed
    assert all(first in wanted and last in wanted for first, last in ranges)


def test_stretches_are_as_few_as_can_be() -> None:
    one, two, three, four, five, six = (DAY + dt.timedelta(days=count) for count in range(6))
    assert state.stretches([six, one, three, four, four]) == [(one, one), (three, four), (six, six)]
    assert state.stretches([six, one, three, four], through=[five]) == [(one, one), (three, six)]
    assert state.stretches([one, six], through=[two, three, four, five]) == [(one, six)]
    assert state.stretches([], through=[two]) == []


def test_dates_are_shown_as_ranges() -> None:
    days = [DAY, DAY + dt.timedelta(days=1), DAY + dt.timedelta(days=5)]
    assert state.shown(days) == "2026-03-01 to 2026-03-02, 2026-03-06"
    apart = [DAY + dt.timedelta(days=2 * count) for count in range(7)]
    assert state.shown(apart[:5]).endswith("2026-03-07, 2026-03-09")
    assert state.shown(apart) == "2026-03-01, 2026-03-03, 2026-03-05, 2026-03-07, 2026-03-09, and 2 more ranges"
    assert state.shown(apart, most=1) == "2026-03-01, and 6 more ranges"


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


def test_dates_are_read_off_folders_and_records_and_nothing_else_is(store: ObjectStore) -> None:
    for day in (DAY + dt.timedelta(days=1), DAY):
        put_raw(store, day)
        commit(store, day)
    for key in ("raw/snapshot_date=soon/x", "raw/2026-03-05/x", "tables/_commits/notes.json"):
        store.put(key, b"?")

    assert state.raw_days(store) == state.committed_days(store) == [DAY, DAY + dt.timedelta(days=1)]


def test_what_other_code_built_is_outdated_and_so_is_what_does_not_say(store: ObjectStore) -> None:
    this, other, silent = (DAY + dt.timedelta(days=count) for count in range(3))
    commits = {
        day: replace(commit(store, day), code=code) for day, code in ((silent, ""), (other, "c0de"), (this, "new"))
    }

    assert state.outdated_days(commits, "new") == [other, silent]


def test_a_remembered_content_is_used_for_its_own_etags_only(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered only saves reading: a foreign or damaged record may not decide."""
    key = put_raw(store, DAY, content=b"first")
    (source,) = state.read_current_sources(store, [DAY])[DAY]
    named = Source(key, "the etag in another bucket")
    built = replace(commit(store, DAY), sources=(named,), content=content_digest([content_of(key, b"first")]))

    for damage in (b"", b"{", b"[]", b"7", b'{"etags": "other", "content": "x"}', b'{"content": "x"}'):
        store.put(layout.contents_key(DAY), damage)
        assert state.recognised(store, {DAY: (source,)}, {DAY: built}) == {DAY: (named,)}

    with monkeypatch.context() as patch:
        patch.delattr(ObjectStore, "get_many")  # the objects are not read a second time
        assert state.recognised(store, {DAY: (source,)}, {DAY: built}) == {DAY: (named,)}

    assert state.recognised(store, {DAY: (source,)}, {}) == {DAY: (source,)}, "no commit, nothing to compare with"
    put_raw(store, DAY, content=b"second")
    (changed,) = state.read_current_sources(store, [DAY])[DAY]
    assert state.recognised(store, {DAY: (changed,)}, {DAY: built}) == {DAY: (changed,)}


def test_what_etags_and_keys_tell_costs_no_reading(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_raw(store, DAY)
    sources = state.read_current_sources(store, [DAY])[DAY]
    named = tuple(Source(source.key, "elsewhere") for source in sources)
    same = replace(commit(store, DAY), content="0f")
    without_content = replace(same, sources=named, content="")
    of_fewer = replace(same, sources=())
    monkeypatch.delattr(ObjectStore, "get_many")
    monkeypatch.delattr(ObjectStore, "get_or_none")

    for built in (same, without_content, of_fewer):
        assert state.recognised(store, {DAY: sources}, {DAY: built}) == {DAY: sources}


def test_the_content_of_a_date_counts_every_object_however_many(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "_READ_TOGETHER", 2)
    keys = [put_raw(store, DAY, f"p{number}", content=f"{number}".encode()) for number in range(5)]
    sources = state.read_current_sources(store, [DAY])[DAY]
    named = tuple(Source(source.key, "elsewhere") for source in sources)
    contents = [content_of(key, store.get(key)) for key in keys]

    def is_same(content: str) -> bool:
        built = replace(commit(store, DAY), sources=named, content=content)
        return state.recognised(store, {DAY: sources}, {DAY: built}) == {DAY: named}

    assert is_same(content_digest(contents))
    assert not is_same(content_digest(contents[:-1]))


def test_what_is_gone_while_it_is_compared_is_no_copy(store: ObjectStore) -> None:
    key = put_raw(store, DAY, content=b"first")
    sources = state.read_current_sources(store, [DAY])[DAY]
    built = replace(commit(store, DAY), sources=(Source(key, "elsewhere"),), content=content_digest([]))
    store.delete([key])

    assert state.recognised(store, {DAY: sources}, {DAY: built}) == {DAY: sources}


def test_the_first_lost_file_of_a_date_is_named(store: ObjectStore) -> None:
    lake = LakeResource(url=store.url().rstrip("/"))
    commits = {day: write_commit(lake, day, "run") for day in (DAY, DAY + dt.timedelta(days=1))}
    assert state.lost_files(store, commits) == {}
    first, second = commits[DAY].file_keys("songs")
    store.delete([second])
    assert state.lost_files(store, commits) == {DAY: f"{second} is gone"}
    store.put(first, b"longer than it was")
    store.delete(commits[DAY].file_keys("artists"))

    assert state.lost_files(store, commits, ["songs"]) == {DAY: f"{first} has 18 bytes instead of 3"}
    assert state.lost_files(store, commits, ["albums"]) == {}


def test_files_that_are_there_and_wrong_are_found_by_reading_them(store: ObjectStore) -> None:
    days = [DAY + dt.timedelta(days=count) for count in range(3)]
    commits = {day: commit_day(store, day, "run", tables_of({"P": ["a", "b"]})) for day in days}
    assert state.broken_files(store, commits) == {}
    damaged, wrong, _ = days
    for table in ("playlist_items", "songs"):
        (key,) = commits[damaged].file_keys(table)
        store.put(key, b"no Parquet")
    (file,) = commits[wrong].files("playlists")
    commits[wrong] = replace(
        commits[wrong], tables={**commits[wrong].tables, "playlists": TableFiles((replace(file, rows=7),))}
    )

    broken = state.broken_files(store, commits)

    assert set(broken) == {damaged, wrong}
    assert broken[damaged].startswith("playlist_items can't be read: ")
    assert broken[wrong] == (
        f"playlists: rows equal the commit's does not hold, such as {wrong}: 1 rows in the files, 7 in the commit"
    )


def test_of_a_long_error_the_first_line_is_said_as_far_as_200_characters(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faults(*_: object) -> None:
        raise OSError("x" * 300 + "\nat line 7\nin a driver")

    monkeypatch.setattr(quality, "faults", faults)

    assert state.broken_files(store, {DAY: commit(store, DAY)}) == {DAY: "playlists can't be read: " + "x" * 200}


def test_of_several_broken_rules_the_first_is_said(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [quality.Fault("one rule", 2, ("row a", "row b")), quality.Fault("another", 1, ("row c",))]
    monkeypatch.setattr(quality, "faults", lambda *_: broken)

    assert state.broken_files(store, {DAY: commit(store, DAY)}) == {
        DAY: "playlists: one rule does not hold, such as row a"
    }
