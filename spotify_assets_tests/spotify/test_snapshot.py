"""The raw format: what is written reads back, equal snapshots give equal bytes, damage is named."""

from __future__ import annotations

import datetime as dt
import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotify_assets.lake.layout import RawKey
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.snapshot import Json, JsonObject, Page, Snapshot, SnapshotError
from spotify_assets.storage.object_store import ObjectStore

ID = "4uUIK0akoRvnyhbK377brv"
DAY = dt.date(2026, 11, 21)
AT = dt.datetime(2026, 11, 21, 6, 0, 1, 250, tzinfo=dt.UTC)
KEY = str(RawKey(DAY, ID, AT, "run-1"))

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values: st.SearchStrategy[Json] = st.none() | st.integers() | text | st.lists(text, max_size=2).map(list[Json])
objects: st.SearchStrategy[JsonObject] = st.dictionaries(text, values, max_size=4)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    pages, offset = [], 0
    for size in sizes:
        items: list[Json] = [*draw(st.lists(st.none() | objects, min_size=size, max_size=size))]
        pages.append(Page(offset, {**draw(objects), "items": items}))
        offset += max(1, size)
    playlist: JsonObject = {**draw(objects), "snapshot_id": draw(text)}
    return Snapshot(
        day=DAY,
        playlist_id=ID,
        extracted_at=AT,
        run_id="run-1",
        source="api",
        playlist=playlist,
        total=draw(st.integers(0, 99)),
        pages=tuple(pages),
        complete=draw(st.none() | st.booleans()),
        dated_by=draw(st.sampled_from([None, "spotify", "upload"])),
        notes=draw(st.just({}) | st.just({"name": "upload.json"})),
    )


@settings(max_examples=150, deadline=None)
@given(snapshots())
def test_what_is_written_reads_back(snapshot: Snapshot) -> None:
    assert raw.from_bytes(KEY, raw.to_bytes(snapshot)) == snapshot
    assert raw.to_bytes(snapshot) == raw.to_bytes(snapshot)


@settings(max_examples=80, deadline=None)
@given(snapshots())
def test_a_carried_snapshot_is_the_same_pages_on_another_day(snapshot: Snapshot) -> None:
    tomorrow = DAY + dt.timedelta(days=1)

    data = raw.carried(raw.head_of(KEY, raw.to_bytes(snapshot)), tomorrow, "run-2", {"name": "new"})

    carried = raw.from_bytes(str(RawKey(tomorrow, ID, AT, "run-2")), data)
    kept = ("pages", "total", "extracted_at", "complete", "dated_by", "notes")
    assert [getattr(carried, name) for name in kept] == [getattr(snapshot, name) for name in kept]
    assert (carried.day, carried.run_id, carried.source, carried.playlist) == (
        tomorrow,
        "run-2",
        "carried",
        {"name": "new"},
    )


def test_every_line_says_everything() -> None:
    snapshot = Snapshot(
        day=DAY,
        playlist_id=ID,
        extracted_at=AT,
        run_id="run-1",
        source="api",
        playlist={"id": ID},
        total=2,
        pages=(Page(0, {"items": [1]}), Page(1, {"items": [2]})),
    )

    lines = [json.loads(line) for line in gzip.decompress(raw.to_bytes(snapshot)).splitlines()]

    head = {
        "snapshot_date": "2026-11-21",
        "extracted_at": "2026-11-21T06:00:01.000250Z",
        "run_id": "run-1",
        "source": "api",
    }
    about = {**head, "playlist": {"id": ID}, "total": 2}
    assert lines == [{**about, "offset": 0, "page": {"items": [1]}}, {**about, "offset": 1, "page": {"items": [2]}}]


def test_a_snapshot_is_written_once(store: ObjectStore) -> None:
    first = Snapshot(
        day=DAY,
        playlist_id=ID,
        extracted_at=AT,
        run_id="run-1",
        source="api",
        playlist={},
        total=0,
        pages=(Page(0, {"items": []}),),
    )
    raw.write(store, first, AT)

    raw.write(
        store,
        Snapshot(
            day=DAY,
            playlist_id=ID,
            extracted_at=AT,
            run_id="run-1",
            source="api",
            playlist={"changed": True},
            total=0,
            pages=first.pages,
        ),
        AT,
    )

    assert raw.read(store, KEY) == first


DAMAGED = {
    "empty": b"",
    "not gzip": b"plain",
    "no lines": gzip.compress(b""),
    "an empty object": gzip.compress(b"{}\n"),
    "a list": gzip.compress(b"[1]\n"),
    "no text": gzip.compress(b"\xff\n"),
    "another object": gzip.compress(b'{"extracted_at": 1}\n'),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_object_is_named_with_what_to_do(damage: str) -> None:
    for read in (raw.from_bytes, raw.head_of):
        with pytest.raises(SnapshotError, match=f"{KEY} is not a raw snapshot"):
            read(KEY, DAMAGED[damage])
