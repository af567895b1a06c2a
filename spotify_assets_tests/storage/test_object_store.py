"""The lake's storage, the same on a folder and on S3 (moto's server on 127.0.0.1)."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.resources.lake import LakeResource
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.storage.s3_objects import S3Place
from spotify_assets_tests.counting_s3 import CountingBucket, serving


@pytest.fixture(params=["file", "s3"])
def anywhere(request: pytest.FixtureRequest) -> Iterator[ObjectStore]:
    """A lake in a folder, and one on S3."""
    if request.param == "file":
        yield request.getfixturevalue("store")
    else:
        lake: LakeResource = request.getfixturevalue("s3_lake")
        yield lake.store


def test_of_many_writers_of_one_key_exactly_one_creates_it(anywhere: ObjectStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: anywhere.create("raw/x", str(number).encode()), range(8)))
    assert sum(won) == 1
    assert anywhere.get("raw/x") == str(won.index(True)).encode()


def test_concurrent_updates_lose_nothing(anywhere: ObjectStore) -> None:
    def add() -> None:
        for _ in range(4):
            anywhere.update("state/n.json", lambda old: str(int(old or b"0") + 1).encode())

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert anywhere.get("state/n.json") == b"16"


def test_a_listing_is_in_the_order_of_keys_and_begins_after_one(anywhere: ObjectStore) -> None:
    keys = ["raw/b/1", "raw/a/2", "raw/a-/1", "raw/a.json", "raw/a/10", "raw/c", "rawer/x"]
    for key in keys:
        anywhere.put(key, b"1")
    inside = sorted(key for key in keys if key.startswith("raw/"))
    assert [found.key for found in anywhere.list("raw/")] == inside
    for after in [*inside, "raw/a", "raw/a/", "raw/zzz", "raw/"]:
        assert [found.key for found in anywhere.list("raw/", after=after)] == [key for key in inside if key > after]


def test_a_listing_of_nothing_is_empty(anywhere: ObjectStore) -> None:
    assert list(anywhere.list("nowhere/")) == []
    assert anywhere.folders("nowhere/") == []
    assert anywhere.head("nowhere/x") is None
    assert anywhere.get_or_none("nowhere/x") is None


def test_reading_what_is_not_there_is_a_file_not_found(anywhere: ObjectStore) -> None:
    with pytest.raises(FileNotFoundError):
        anywhere.get("nowhere/x")


def test_listing_and_head_agree_and_the_tag_changes_with_the_content(anywhere: ObjectStore) -> None:
    anywhere.put("a/x", b"one")
    (listed,) = anywhere.list("a/")
    assert anywhere.head("a/x") == listed
    anywhere.put("a/x", b"two")
    assert anywhere.head("a/x") != listed


def test_folders_are_those_directly_below(anywhere: ObjectStore) -> None:
    for key in ("raw/d=1/x/y", "raw/d=2/x", "raw/file"):
        anywhere.put(key, b"1")
    assert anywhere.folders("raw/") == ["d=1", "d=2"]


def test_many_are_read_written_copied_and_deleted(anywhere: ObjectStore, tmp_path: Path) -> None:
    files = {f"t/{number:03d}": tmp_path / f"{number}" for number in range(40)}
    for key, path in files.items():
        path.write_bytes(key.encode())
    assert anywhere.upload_many(files) == dict.fromkeys(files, 5)
    anywhere.copy("t/001", "u/001")
    assert anywhere.get_many(["t/000", "u/001", "t/gone"]) == {"t/000": b"t/000", "u/001": b"t/001", "t/gone": None}
    with anywhere.local_files(files) as paths:
        assert all(path.read_bytes() == key.encode() for key, path in paths.items())
    anywhere.delete([*files, "t/gone"])
    assert [found.key for found in anywhere.list("t/")] == []


def test_a_large_file_goes_up_in_parts(anywhere: ObjectStore, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * 60_000)
    assert anywhere.upload(path, "t/large.parquet") == 15_360_000
    assert anywhere.get("t/large.parquet") == path.read_bytes()


def test_foreign_files_in_a_folder_are_no_objects(store: ObjectStore, tmp_path: Path) -> None:
    place = store.place
    assert isinstance(place, Path)
    store.put("raw/a", b"1")
    (place / "raw" / "link").symlink_to(tmp_path)
    (place / "raw" / "new\nline").write_text("x")
    (place / "raw" / "a#1").write_text("half written")
    assert [found.key for found in store.list("raw/")] == ["raw/a"]


def test_a_key_that_obstore_cannot_express_hides_no_other(s3_lake: LakeResource) -> None:
    """obstore's listing ends with an error at the first of them; anybody who may write can write one."""
    store = s3_lake.store
    place = store.place
    assert isinstance(place, S3Place)
    for key in ("raw/a", "raw/m/../n", "raw/m//n", "raw/b", "raw/z"):
        place.client().put_object(  # pyright: ignore[reportAttributeAccessIssue]
            Bucket=place.bucket, Key=f"{place.prefix}{key}", Body=b"1"
        )
    assert [found.key for found in store.list("raw/")] == ["raw/a", "raw/b", "raw/z"]
    assert [found.key for found in store.list("raw/", after="raw/a")] == ["raw/b", "raw/z"]
    assert store.head("raw/b") in list(store.list("raw/"))


def test_a_bucket_that_does_not_exist_is_said_so(aws: str) -> None:
    store = ObjectStore.open("s3://no-such-bucket-anywhere/lake", endpoint_url=aws)
    with pytest.raises((FileNotFoundError, PermanentError, TransientError), match="no-such-bucket"):
        list(store.list("raw/"))


def test_another_kind_of_address_is_refused() -> None:
    with pytest.raises(PermanentError, match="use file:///folder or s3://bucket/prefix"):
        ObjectStore.open("gs://bucket/x")


def test_missing_credentials_name_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(PermanentError, match="AWS_ACCESS_KEY_ID"):
        ObjectStore.open("s3://bucket/prefix")


def test_a_store_that_says_slow_down_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    bucket = CountingBucket([], {"lake/raw/a": b"1"})
    with serving(bucket) as endpoint:
        lake = LakeResource(url="s3://bucket/lake", endpoint_url=endpoint)
        bucket.failures = 2
        assert lake.store.get("raw/a") == b"1"
        bucket.failures = 2
        assert [found.key for found in lake.store.list("raw/")] == ["raw/a"]
    assert bucket.counts["refused"] == 4


def wait_for_the_next_tick(probe: Path) -> None:
    """A file system's clock may stand still for some milliseconds; a look is not taken for proof within seconds."""
    probe.touch()
    first = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == first:
        probe.touch()


def test_a_folders_state_tells_whatever_is_made_removed_or_replaced(tmp_path: Path) -> None:
    store = ObjectStore.open(tmp_path.as_uri())
    for key in ("raw/d=1/p=a/1", "raw/d=1/p=b/1", "raw/d=1/x", "tables/t/1", "commit", "elsewhere/1"):
        store.put(key, b"1")

    def state() -> str | None:
        later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
        return store.folder_state("raw/d=1/", ["commit", "tables/t/", "tables/none/"], later)

    def tells(change: Callable[[], object]) -> bool:
        before = state()
        assert before == state() is not None
        wait_for_the_next_tick(tmp_path / "probe")
        change()
        return state() != before

    assert tells(lambda: store.put("raw/d=1/p=a/2", b"new"))
    assert tells(lambda: store.put("raw/d=1/p=a/2", b"again"))
    assert tells(lambda: store.delete(["raw/d=1/p=a/2"]))
    assert tells(lambda: store.put("raw/d=1/p=c/1", b"in a new folder"))
    assert tells(lambda: (tmp_path / "raw/d=1/p=c").rename(tmp_path / "raw/d=1/p=d"))
    assert tells(lambda: store.put("raw/d=1/x", b"again"))
    assert tells(lambda: store.put("commit", b"again"))
    assert tells(lambda: store.delete(["commit"]))
    assert tells(lambda: store.delete(["tables/t/1"]))
    assert tells(lambda: store.put("tables/none/1", b"now there is one"))
    assert tells(lambda: os.utime(tmp_path / "raw/d=1/p=a", (1, 1))), "whoever sets a folder's time changes its state"
    assert not tells(lambda: store.put("elsewhere/2", b"new"))
    assert tells(lambda: shutil.rmtree(tmp_path / "raw/d=1"))


def test_what_has_changed_since_a_time_and_what_has_no_folders_has_no_state(anywhere: ObjectStore) -> None:
    began = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    anywhere.put("raw/d=1/p=a/1", b"1")
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    assert anywhere.folder_state("raw/d=1/", [], began) is None
    assert anywhere.folder_state("raw/d=2/", [], later) is None
    assert (anywhere.folder_state("raw/d=1/", [], later) is not None) == anywhere.is_local


def test_sizes_are_those_of_the_objects_there_are(anywhere: ObjectStore) -> None:
    anywhere.put("tables/songs/run=a/day=1/f", b"12")
    anywhere.put("tables/songs/run=a/day=1/g", b"123")
    assert anywhere.sizes(["tables/songs/run=a/day=1/f", "tables/songs/run=b/day=1/f"]) == {
        "tables/songs/run=a/day=1/f": 2
    }
    assert anywhere.sizes([]) == {}


@pytest.mark.parametrize(("folders", "requests"), [(20, 20), (21, 1)])
def test_the_sizes_of_what_lies_in_many_folders_are_listed_together(
    monkeypatch: pytest.MonkeyPatch, folders: int, requests: int
) -> None:
    """A request for each folder would take minutes for years of dates; a listing of everything is too much for few."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    keys = [f"tables/songs/run={number}/day=1/f" for number in range(folders)]
    bucket = CountingBucket([], {f"lake/{key}": b"123" for key in [*keys, "tables/songs/run=0/day=2/f"]})
    with serving(bucket) as endpoint:
        lake = LakeResource(url="s3://bucket/lake", endpoint_url=endpoint)
        assert lake.store.sizes(keys) == dict.fromkeys(keys, 3)
    assert sum(bucket.counts.values()) == requests
