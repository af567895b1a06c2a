"""Dates that `build` passes over because their folders are as they were: what that must not hide, and what it saves."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from spotify_assets.lake import known_dates, layout, state
from spotify_assets.local import updating
from spotify_assets.local.updating import Behind, behind
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests import entries as e
from spotify_assets_tests.lakes import put_raw
from spotify_assets_tests.line import Home, new_home
from spotify_assets_tests.reference_tables import Raw

pytestmark = pytest.mark.slow

DAY, OTHER, LATEST = (dt.date(2026, 1, day) for day in (1, 2, 3))


def put_day(store: ObjectStore, day: dt.date, playlist: str = "p", name: str = "A") -> str:
    page = (0, [e.entry(e.track(name))])
    return put_raw(store, Raw(e.spotify_id(playlist), {"name": "P"}, [page], day=day))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = new_home(tmp_path_factory.mktemp("built"))
    for day in (DAY, OTHER, LATEST):
        put_day(home.store, day)
    home.build()
    return home


@pytest.fixture
def home(built: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Three dates, of which the first two are known to be up to date."""
    shutil.copytree(built.settings.home, tmp_path / "home")
    monkeypatch.setattr(updating, "_ALWAYS_LOOKED_AT", 1)
    monkeypatch.setattr(known_dates, "SETTLES_IN", dt.timedelta(0))
    home = new_home(tmp_path / "home")
    assert looked(home) == Behind(passable=(DAY, OTHER, LATEST))
    assert [*known_dates.read(home.store)] == [DAY, OTHER]
    return home


def looked(home: Home, *, verify: bool = False, days: float = 0) -> Behind:
    """What is behind, that many days from now."""
    now = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    return behind(home.store, home.warehouse, verify=verify, now=now)


def path(home: Home, key: str) -> Path:
    return Path(home.settings.home, "lake", key)


def raw_object(home: Home) -> Path:
    (stored,) = home.store.list(layout.raw_day_prefix(DAY))
    return path(home, stored.key)


def data_file(home: Home) -> Path:
    return path(home, state.read_commits(home.store, [DAY])[DAY].file_keys("songs")[0])


def commit_file(home: Home) -> Path:
    return path(home, layout.commit_key(DAY))


def replace_by(file: Path, data: bytes) -> None:
    """As every tool does that does not write over what is there."""
    other = file.with_name("other")
    other.write_bytes(data)
    other.replace(file)


def execute(home: Home, sql: str) -> None:
    home.warehouse.execute(sql)


CHANGES: dict[str, tuple[str, Callable[[Home], object]]] = {
    "a newer object of the playlist": ("stale", lambda home: put_day(home.store, DAY, name="B")),
    "another playlist": ("stale", lambda home: put_day(home.store, DAY, "q")),
    "an object replaced": ("stale", lambda home: replace_by(raw_object(home), b"another")),
    "no object": ("", lambda home: raw_object(home).unlink()),
    "no folder of objects": ("", lambda home: shutil.rmtree(raw_object(home).parent)),
    "no raw folder": ("", lambda home: shutil.rmtree(raw_object(home).parent.parent)),
    "no commit": ("stale", lambda home: commit_file(home).unlink()),
    "another commit": ("unreadable", lambda home: replace_by(commit_file(home), b"{}")),
    "a commit written over": ("unreadable", lambda home: commit_file(home).write_bytes(b"{}")),
    "no Parquet file": ("lost", lambda home: data_file(home).unlink()),
    "a Parquet file replaced": ("lost", lambda home: replace_by(data_file(home), b"PAR1")),
    "no table": ("lost", lambda home: shutil.rmtree(path(home, "tables/songs"))),
    "no tables": ("stale", lambda home: shutil.rmtree(path(home, "tables"))),
    "not loaded": (
        "unloaded",
        lambda home: home.warehouse.execute("DELETE FROM LAKE.LOADS WHERE table_name = 'songs'"),
    ),
    "no table in the warehouse": ("unloaded", lambda home: home.warehouse.execute("DROP TABLE LAKE.SONGS")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_happens_to_a_date_is_seen_as_if_nothing_was_known(home: Home, name: str) -> None:
    kind, change = CHANGES[name]
    change(home)

    found = looked(home)

    assert not kind or DAY in getattr(found, kind)
    known_dates.write(home.store, {})
    assert found == looked(home)


def test_other_code_is_seen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updating, "transformation", lambda: "other")
    assert looked(home).outdated == (DAY, OTHER, LATEST)


@pytest.mark.parametrize("file", [raw_object, data_file])
def test_what_was_written_over_in_place_is_seen_a_week_later_or_when_all_is_verified(
    home: Home, file: Callable[[Home], Path]
) -> None:
    damaged = file(home)
    with damaged.open("r+b") as opened:
        opened.truncate(20)

    def is_seen(found: Behind) -> bool:
        return DAY in {*found.stale, *found.lost}

    assert not is_seen(looked(home, days=6.9)), "its folder is as it was"
    kept = known_dates.read(home.store)
    assert is_seen(looked(home, days=7.1))
    known_dates.write(home.store, kept)
    assert is_seen(looked(home, verify=True))
    assert [*known_dates.read(home.store)] == [OTHER], "what is behind is known no more"
    assert is_seen(looked(home))


def test_a_week_is_over_to_the_second(home: Home) -> None:
    kept = known_dates.read(home.store)
    week = dt.datetime.fromisoformat(kept[DAY].looked_at) + dt.timedelta(days=7)
    assert known_dates.unchanged(home.store, kept, [DAY], week - dt.timedelta(seconds=1)) == {DAY: kept[DAY]}
    assert known_dates.unchanged(home.store, kept, [DAY], week) == {}


def test_a_clock_that_was_set_back_makes_known_dates_unknown(home: Home) -> None:
    with raw_object(home).open("r+b") as opened:
        opened.truncate(20)
    assert looked(home, days=-1).stale == (DAY,)


def test_of_dates_that_are_known_nothing_is_read(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    get, listed = ObjectStore.get, ObjectStore.list
    monkeypatch.setattr(ObjectStore, "get", lambda store, key: asked.append(key) or get(store, key))
    monkeypatch.setattr(ObjectStore, "list", lambda store, prefix: asked.append(prefix) or listed(store, prefix))
    assert looked(home) == Behind(passable=(DAY, OTHER, LATEST))
    assert {layout.commit_key(LATEST), layout.raw_day_prefix(LATEST)} <= {*asked}
    assert not [key for key in asked if DAY.isoformat() in key or OTHER.isoformat() in key]


def test_a_range_that_is_asked_for_leaves_what_is_known_of_other_dates(home: Home) -> None:
    kept = known_dates.read(home.store)
    known_dates.write(home.store, {DAY: kept[DAY]})
    behind(home.store, home.warehouse, first=OTHER)
    assert [*known_dates.read(home.store)] == [DAY, OTHER]


def test_what_has_only_just_been_written_is_not_known(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a tick of the file system's clock another object would leave the folder's time as it is."""
    monkeypatch.setattr(known_dates, "SETTLES_IN", dt.timedelta(seconds=5))
    put_day(home.store, dt.date(2026, 1, 4))
    known_dates.write(home.store, {})
    assert looked(home).stale == (dt.date(2026, 1, 4),)
    assert known_dates.read(home.store) == {}
    looked(home, days=1)
    assert [*known_dates.read(home.store)] == [DAY, OTHER, LATEST]


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"null", b"[]", b'{"format":1}', b'{"format":1,"dates":{"x":[]}}', b'{"format":2,"dates":{}}',
     b'{"format":1,"dates":{"2026-01-01":["2026"]}}', b'{"format":1,"dates":[]}'],
)  # fmt: skip
def test_what_is_known_and_cant_be_read_is_learned_again(home: Home, data: bytes) -> None:
    kept = known_dates.read(home.store)
    home.store.put(known_dates.KEY, data)
    assert looked(home) == Behind(passable=(DAY, OTHER, LATEST))
    assert known_dates.read(home.store).keys() == kept.keys()


def test_what_is_known_is_kept_as_json(home: Home) -> None:
    content = json.loads(home.store.get(known_dates.KEY))
    one = known_dates.read(home.store)[DAY]
    assert content["format"] == 1
    assert content["dates"].keys() == {DAY.isoformat(), OTHER.isoformat()}
    assert content["dates"][DAY.isoformat()] == [one.looked_at, one.state, one.run_id, one.code]


def test_a_moved_or_copied_home_is_looked_at_once(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(home.settings.home, tmp_path / "copy")
    copy = new_home(tmp_path / "copy")
    before = known_dates.read(copy.store)
    assert looked(copy) == Behind(passable=(DAY, OTHER, LATEST))
    after = known_dates.read(copy.store)
    assert all(after[day].state != before[day].state for day in (DAY, OTHER))
    monkeypatch.setattr(state, "read_commits", _only_latest(state.read_commits))
    assert looked(copy) == Behind(passable=(DAY, OTHER, LATEST))


def _only_latest(read: Callable[..., object]) -> Callable[..., object]:
    def checked(store: ObjectStore, days: list[dt.date]) -> object:
        assert list(days) == [LATEST]
        return read(store, days)

    return checked
