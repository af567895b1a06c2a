"""Adopting what others drop: any shape becomes snapshots, anything else is set aside with its reason."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from spotify_assets.lake import layout
from spotify_assets.resources.lake import LakeResource
from spotify_assets.spotify import landing, snapshot
from spotify_assets.spotify.landing import Landed, adopt_waiting, target_name
from spotify_assets.storage.foreign_objects import ForeignObject, foreign_folder
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.s3_objects import S3Place
from spotify_assets.storage.stored_object import StoredObject
from spotify_assets_tests.entries import entry, track

INBOX = layout.LANDING_INBOX_PREFIX
PLAYLIST = "37i9dQZF1DXcBWIGoYBM5M"


def today() -> dt.date:
    """Asked for where it is used: the tests may run past midnight."""
    return dt.datetime.now(dt.UTC).date()


@pytest.fixture(params=["file", "s3"])
def anywhere(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    """A lake in a folder, and one on S3."""
    if request.param == "file":
        yield request.getfixturevalue("store")
    else:
        lake: LakeResource = request.getfixturevalue("s3_lake")
        yield lake.store


def page(*names: str, offset: int = 0, total: int | None = None, wrapper: str = "track") -> bytes:
    """An API page as a Lambda drops it."""
    return json.dumps(
        {
            "href": f"https://api.spotify.com/v1/playlists/{PLAYLIST}/tracks?offset={offset}&limit=50",
            "items": [entry(track(name), wrapper) for name in names],
            "limit": 50,
            "next": None,
            "offset": offset,
            "previous": None,
            "total": len(names) if total is None else total,
        }
    ).encode()


def drop(store: ObjectStore, name: str, content: bytes) -> None:
    """Write any key, as somebody with the bucket's credentials or a shell could."""
    place = store.place
    if isinstance(place, S3Place):
        place.client().put_object(  # pyright: ignore[reportAttributeAccessIssue]
            Bucket=place.bucket, Key=f"{place.prefix}{INBOX}{name}", Body=content
        )
    else:
        path = os.path.join(os.fsencode(place / INBOX), os.fsencode(name))  # noqa: PTH118
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(content)


def adopt(store: ObjectStore) -> Landed:
    return adopt_waiting(store, today())


def raw_snapshots(store: ObjectStore) -> list[snapshot.Snapshot]:
    return [snapshot.read(store, found.key) for found in store.list(layout.RAW_PREFIX)]


def keys(store: ObjectStore, prefix: str) -> list[str]:
    return [found.key for found in store.list(prefix)]


def test_a_page_becomes_a_snapshot_and_is_moved(anywhere: ObjectStore) -> None:
    drop(anywhere, "spotify_raw_2024-05-15 10:11:12.345.json", page("One", "Two"))
    landed = adopt(anywhere)
    (found,) = raw_snapshots(anywhere)
    assert (found.playlist_id, found.day, found.entries) == (PLAYLIST, dt.date(2024, 5, 15), 2)
    assert found.source == "landing"
    assert keys(anywhere, INBOX) == []
    assert keys(anywhere, layout.LANDING_PROCESSED_PREFIX) == [landed.outcomes[0].moved_to]


def test_pages_of_one_playlist_that_land_apart_become_one_whole(anywhere: ObjectStore) -> None:
    drop(anywhere, "spotify_raw_2024-05-15_101112.json", page("One", "Two", total=3))
    adopt(anywhere)
    drop(anywhere, "spotify_raw_2024-05-15_101113.json", page("Three", offset=2, total=3))
    adopt(anywhere)
    newest = max(raw_snapshots(anywhere), key=lambda each: each.entries)
    current = snapshot.newest_of_day(anywhere, dt.date(2024, 5, 15))[PLAYLIST]
    assert newest.entries == newest.total == 3
    assert snapshot.read(anywhere, current) == newest


def test_adopting_again_changes_nothing(anywhere: ObjectStore) -> None:
    drop(anywhere, "a_2024-05-15.json", page("One"))
    adopt(anywhere)
    before = {found.key: found.etag for found in anywhere.list(layout.RAW_PREFIX)}
    drop(anywhere, "a_2024-05-15.json", page("One"))
    landed = adopt(anywhere)
    assert landed.snapshots == []
    assert {found.key: found.etag for found in anywhere.list(layout.RAW_PREFIX)} == before
    assert keys(anywhere, INBOX) == []


def test_two_objects_of_one_name_are_both_kept(anywhere: ObjectStore) -> None:
    drop(anywhere, "latest_2024-05-15.json", page("One"))
    adopt(anywhere)
    drop(anywhere, "latest_2024-05-15.json", page("Two"))
    adopt(anywhere)
    assert len(keys(anywhere, layout.LANDING_PROCESSED_PREFIX)) == 2


def test_an_older_payload_is_kept_behind_the_current_one(anywhere: ObjectStore) -> None:
    drop(anywhere, "a_2024-05-15T10:00:00.json", page("New"))
    adopt(anywhere)
    drop(anywhere, "a_2024-05-15T07:00:00.json", page("Old"))
    adopt(anywhere)
    current = snapshot.newest_of_day(anywhere, dt.date(2024, 5, 15))[PLAYLIST]
    assert current.extracted_at.hour == 10
    assert len(raw_snapshots(anywhere)) == 2


def test_a_whole_playlist_with_gzip_is_adopted(anywhere: ObjectStore) -> None:
    whole = {
        "id": PLAYLIST,
        "name": "Chart",
        "type": "playlist",
        "owner": {"id": "o"},
        "items": {"items": [entry(track("One"), "item")], "total": 1, "offset": 0},
    }
    drop(anywhere, "whole_2024-05-15.json.gz", gzip.compress(json.dumps(whole).encode()))
    adopt(anywhere)
    (found,) = raw_snapshots(anywhere)
    assert found.playlist["name"] == "Chart"


HOSTILE = {
    "nothing": b"",
    "spaces": b" " * 10_000,
    "not json": b"hello",
    "half a page": page("One")[:200],
    "invalid UTF-8": b'{"items": ["\xff\xfe"]}',
    "NaN": b'{"items": [{"track": null, "added_at": NaN}], "total": 1}',
    "infinity": b'{"items": [{"track": {"popularity": 1e999}}]}',
    "duplicate keys": b'{"items": [], "items": [{"track": null}]}',
    "deep nesting": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"items":' * 5_000 + b"1" + b"}" * 5_000,
    "damaged gzip": gzip.compress(page("One"))[:-12],
    "a number": b"17",
    "a text": b'"items"',
    "null": b"null",
    "an error": b'{"error": {"status": 404, "message": "Resource not found"}}',
    "no playlist": b'{"items": [{"name": "x", "type": "album"}]}',
    "a huge total": b'{"href": "https://api.spotify.com/v1/playlists/abc/tracks", "items": [], '
    b'"total": 1' + b"0" * 5000 + b"}",
    "an executable": b"\x7fELF" + os.urandom(500),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_content_is_rejected_with_its_reason_and_hides_nothing(store: ObjectStore, what: str) -> None:
    assert_rejected_alone(store, HOSTILE[what])


def test_a_zip_bomb_is_rejected_with_its_reason_and_hides_nothing(store: ObjectStore) -> None:
    assert_rejected_alone(store, gzip.compress(b"\0" * 300_000_000, compresslevel=1))


def assert_rejected_alone(store: ObjectStore, content: bytes) -> None:
    drop(store, f"{PLAYLIST}_2024-05-14_bad.json", content)
    drop(store, "good_2024-05-15.json", page("One"))
    landed = adopt(store)
    assert len(raw_snapshots(store)) == 1
    (rejected,) = landed.rejected
    reason = json.loads(store.get(f"{rejected.moved_to}.reason.json"))
    assert reason["reason"] == rejected.rejected
    assert len(reason["reason"]) > 20
    assert store.get(str(rejected.moved_to)) == content
    assert keys(store, INBOX) == []


def test_an_object_is_rejected_with_its_reason_written_first(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ends in between must leave no object among the rejected ones that nobody knows the reason of."""

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    drop(store, "a_2026-05-15.json", b"{")
    monkeypatch.setattr(store, "put", killed)
    with pytest.raises(Killed):
        adopt(store)
    monkeypatch.undo()

    assert [found.key for found in store.list("landing/")] == [f"{layout.LANDING_INBOX_PREFIX}a_2026-05-15.json"]
    assert [each.moved_to is not None for each in adopt(store).outcomes] == [True]


def test_an_object_larger_than_any_playlist_is_rejected_unread(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "MAX_OBJECT_BYTES", 1000)
    folder = store.place
    assert isinstance(folder, Path)
    (folder / INBOX).mkdir(parents=True)
    with (folder / INBOX / "nothing_2024-05-15.json").open("wb") as file:
        file.truncate(1_000_000_000)  # a gigabyte of nothing that takes no room
    (rejected,) = adopt(store).rejected
    assert rejected.rejected
    assert "1000000000 bytes" in rejected.rejected


S3_KEYS = [
    "../../raw/x.json",
    "/etc/passwd",
    "a//b.json",
    "./c.json",
    "..",
    "sub/../../../d.json",
    "tab\tname.json",
    "percent%2e%2e%2f.json",
    "ünïcode ☃.json",
    "x" * 900 + ".json",
    "question?mark#hash.json",
    "back\\slash.json",
]


def test_a_hostile_key_on_s3_is_never_followed(s3_lake: LakeResource) -> None:
    store = s3_lake.store
    for number, name in enumerate(S3_KEYS):
        drop(store, name, page("One") if number % 2 else b"junk")
    landed = adopt(store)
    assert len(landed.outcomes) == len(S3_KEYS)
    assert all(
        outcome.moved_to
        and outcome.moved_to.startswith(("landing/processed/", "landing/rejected/"))
        and ".." not in outcome.moved_to
        for outcome in landed.outcomes
    )
    assert foreign_folder(store, INBOX).list(100) == []
    strangers = [found for found in keys(store, "raw/") if layout.parse_raw_key(found) is None]
    assert strangers == []


def test_links_and_devices_in_a_folder_are_never_opened(store: ObjectStore, tmp_path: Path) -> None:
    place = store.place
    assert isinstance(place, Path)
    inbox = place / INBOX
    inbox.mkdir(parents=True)
    secret = tmp_path / "secret_2024-05-15.json"
    secret.write_bytes(page("Secret"))
    (inbox / "link_2024-05-15.json").symlink_to(secret)
    (inbox / "folder").symlink_to(tmp_path)
    os.mkfifo(inbox / "pipe")
    landed = adopt(store)
    assert len(landed.rejected) == 3
    assert raw_snapshots(store) == []
    assert secret.read_bytes() == page("Secret")


def test_strange_file_names_are_rejected_or_adopted_but_never_fatal(store: ObjectStore) -> None:
    for name in ("new\nline_2024-05-15.json", "\udcff\udcfe_2024-05-15.json", "-rf_2024-05-15.json", "sp ace.json"):
        drop(store, name, page("One"))
    landed = adopt(store)
    assert len(landed.outcomes) == 4
    assert foreign_folder(store, INBOX).list(10) == []


def test_an_object_that_changes_while_it_is_read_is_left_for_the_next_look(store: ObjectStore) -> None:
    drop(store, "a_2024-05-15.json", page("One"))
    folder = foreign_folder(store, INBOX)
    (found,) = folder.list(10)
    drop(store, "a_2024-05-15.json", page("One", "Two"))
    outcome = landing.adopt_object(store, folder, found, today())
    assert outcome.moved_to is None
    assert len(adopt(store).snapshots) == 1


def test_a_date_in_the_future_is_rejected(store: ObjectStore) -> None:
    drop(store, "a_2099-05-15.json", page("One"))
    (rejected,) = adopt(store).rejected
    assert "2099-05-15" in str(rejected.rejected)


def test_only_the_objects_asked_for_are_adopted(store: ObjectStore) -> None:
    drop(store, "a_2024-05-15.json", page("One"))
    drop(store, "b_2024-05-16.json", page("One"))
    first = foreign_folder(store, INBOX).list(10)[0]
    landed = adopt_waiting(store, today(), only={first.digest})
    assert [outcome.name for outcome in landed.outcomes] == ["a_2024-05-15.json"]


@pytest.mark.parametrize("name", ["a/b/c/d/e/f.json", "..", "", "x" * 3000, "a\x00b", "%2e%2e/%2e%2e"])
def test_where_an_object_goes_is_harmless_and_its_own(name: str) -> None:
    stored = StoredObject(name, "etag", 1, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    other = StoredObject(name, "other", 1, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    target = target_name(ForeignObject(stored))
    assert target == target_name(ForeignObject(stored))
    assert target != target_name(ForeignObject(other))
    assert all(part.strip(".") and len(part) < 120 for part in target.split("/"))
    assert len(target.split("/")) <= 4


class TestDatesOfUploads:
    """When an object was put there says least of its day, and never overrules what Spotify or a name says."""

    def spotify_answered(self, store: ObjectStore) -> str:
        at = dt.datetime.combine(today(), dt.time(), dt.UTC)
        pages = (snapshot.Page(0, {"items": [entry(track("Real"))], "total": 1}),)
        answered = snapshot.Snapshot(
            day=today(),
            playlist_id=PLAYLIST,
            extracted_at=at,
            run_id="run",
            source="api",
            playlist={"id": PLAYLIST},
            total=1,
            pages=pages,
        )
        return snapshot.write(store, answered, at)[0]

    def test_an_undated_object_never_replaces_what_spotify_answered(self, anywhere: ObjectStore) -> None:
        """It became today's snapshot, and the real one was gone from the tables."""
        real = self.spotify_answered(anywhere)

        drop(anywhere, "latest.json", page("Old one"))
        (adopted,) = adopt(anywhere).snapshots

        assert str(snapshot.newest_of_day(anywhere, today())[PLAYLIST]) == real
        assert snapshot.read(anywhere, adopted.key).dated_by == "upload"

    def test_an_undated_object_gives_way_to_one_that_a_name_dates(self, anywhere: ObjectStore) -> None:
        drop(anywhere, "latest.json", page("Undated"))
        adopt(anywhere)
        drop(anywhere, f"{today()}.json", page("Dated"))
        adopt(anywhere)

        current = snapshot.read(anywhere, snapshot.newest_of_day(anywhere, today())[PLAYLIST])
        assert (current.dated_by, current.pages[0].items[0]["track"]["name"]) == ("name", "Dated")  # pyright: ignore[reportArgumentType, reportCallIssue, reportIndexIssue, reportOptionalSubscript]

    def test_the_folders_say_the_playlist_too(self, store: ObjectStore) -> None:
        entries = json.dumps([entry(track("One"))]).encode()
        drop(store, f"playlist_id={PLAYLIST}/dt=2024-04-20/part-0000.json", entries)

        (adopted,) = adopt(store).snapshots

        assert (adopted.playlist_id, adopted.day) == (PLAYLIST, dt.date(2024, 4, 20))


FOLDERS = {
    "snapshot_date=2024-04-20/top50.json": "2024-04-20",
    "year=2024/month=4/day=20/top50.json": "2024-04-20",
    "2024/04/21/08/stream-1-2024-04-21-08-15-00-abc": "2024-04-21",
    "2024/04/21/08/top50.json": "2024-04-21",
    "1713571200/top50.json": "2024-04-20",
    "top50_1713571200000.json": "2024-04-20",
    "backup 2024-04-20/top50.json": "2024-04-20",
    "2024-04-19/top50_2024-04-20.json": "2024-04-20",
}


@pytest.mark.parametrize(("name", "day"), FOLDERS.items(), ids=FOLDERS.keys())
def test_the_day_is_the_names_else_the_folders(store: ObjectStore, name: str, day: str) -> None:
    drop(store, name, page("One"))

    (adopted,) = adopt(store).snapshots

    assert adopted.day == dt.date.fromisoformat(day)


class TestWhatCantBeReached:
    """Each waits or is rejected with the reason, and the others go on."""

    def test_a_file_that_may_not_be_read_is_rejected(self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
        drop(store, "a_2024-05-15.json", page("Shut"))
        drop(store, "b_2024-05-16.json", page("Open"))
        opened = os.open

        def shut(path: object, *arguments: int) -> int:
            if "a_2024" in str(path):
                raise PermissionError(13, "Permission denied")
            return opened(str(path), *arguments)

        monkeypatch.setattr(os, "open", shut)
        landed = adopt(store)

        assert [each.day.isoformat() for each in landed.snapshots] == ["2024-05-16"]
        assert "can't be read" in str(landed.rejected[0].rejected)

    def test_a_folder_that_may_not_be_entered_waits(self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
        drop(store, "shut/a_2024-05-15.json", page("Shut"))
        drop(store, "b_2024-05-16.json", page("Open"))
        listed = os.scandir

        def shut(path: object) -> object:
            if str(path).rstrip("/").endswith("shut"):
                raise PermissionError(13, "Permission denied")
            return listed(str(path))

        monkeypatch.setattr(os, "scandir", shut)
        landed = adopt(store)

        assert [each.day.isoformat() for each in landed.snapshots] == ["2024-05-16"]
        (waiting,) = landed.left
        assert waiting.describe() == "shut/ waits: it can't be looked into (Permission denied)"
        assert landing.waiting(store) == []

    def test_folders_nested_without_end_wait(self, store: ObjectStore) -> None:
        drop(store, "/".join(["d"] * 200) + "/a_2024-05-15.json", page("Deep"))
        drop(store, "b_2024-05-16.json", page("Open"))

        landed = adopt(store)

        assert [each.day.isoformat() for each in landed.snapshots] == ["2024-05-16"]
        assert "nested deeper" in landed.left[0].describe()

    def test_a_name_that_looks_like_a_file_being_written_is_adopted_when_it_is_not(self, store: ObjectStore) -> None:
        drop(store, "list 2024-05-15 #40", page("Mine"))
        assert isinstance(store.place, Path)
        path = store.place / INBOX / "list 2024-05-15 #40"

        assert adopt(store).outcomes == []
        long_ago = path.stat().st_mtime - 120
        os.utime(path, (long_ago, long_ago))

        assert len(adopt(store).snapshots) == 1

    def test_a_bad_address_is_no_address(self, store: ObjectStore) -> None:
        value = {**json.loads(page("One")), "href": "http://[", "offset": None}
        drop(store, f"{PLAYLIST}_2024-05-15.json", json.dumps(value).encode())

        assert len(adopt(store).snapshots) == 1


def test_an_object_of_many_things_is_processed_with_what_was_refused_beside_it(store: ObjectStore) -> None:
    whole = {"id": PLAYLIST, "type": "playlist", "name": "P", "tracks": [entry(track("One"))]}
    backup = {"playlists": [{"name": "Liked Songs", "tracks": [entry(track("Two"))]}, whole]}
    drop(store, "backup_2024-05-15.json", json.dumps(backup).encode())

    (outcome,) = adopt(store).outcomes

    assert (len(outcome.adopted), len(outcome.refused), outcome.rejected) == (1, 1, None)
    beside = json.loads(store.get(f"{outcome.moved_to}.refused.json"))
    assert "'Liked Songs'" in beside["reason"]
