"""Taking payloads in: new, known, partial, contradicting."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from spotify_assets.lake.layout import RAW_PREFIX, RawKey
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.adoption import Adopted, adopt, joined
from spotify_assets.spotify.decoding import PayloadError
from spotify_assets.spotify.payloads import Payload, read_payloads
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.test_payloads import DAY, ENTRIES, ID, entry, paging, playlist

TODAY = dt.date(2026, 11, 21)


def read(value: Any, name: str = "file.json", day: dt.date | None = DAY, **options: Any) -> Payload:
    return read_payloads(json.dumps(value).encode(), name, day=day, **options)[0]


def take(store: ObjectStore, payload: Payload, **options: Any) -> Adopted:
    return adopt(store, payload, **{"source": "import", "today": TODAY, **options})


def objects(store: ObjectStore) -> list[str]:
    return sorted(found.key for found in store.list(RAW_PREFIX))


def current(store: ObjectStore) -> raw.Snapshot:
    return raw.read(store, raw.newest_of_day(store, DAY)[ID])


def page(start: int, end: int, total: int = 120) -> dict[str, Any]:
    return paging([entry(number) for number in range(start, end)], offset=start, total=total)


def test_a_payload_becomes_a_snapshot(store: ObjectStore) -> None:
    adopted = take(store, read(playlist(tracks=ENTRIES)))

    snapshot = raw.read(store, adopted.key)
    assert (snapshot.source, snapshot.extracted_at) == ("import", dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    assert snapshot.playlist["name"] == "A list"
    assert not {"tracks", "items"} & snapshot.playlist.keys()


def test_taking_the_same_in_again_changes_nothing(store: ObjectStore) -> None:
    take(store, read(playlist(tracks=ENTRIES)))
    before = objects(store)

    again = take(store, read(playlist(tracks=ENTRIES), "renamed.json"))

    assert (again.written, objects(store)) == (False, before)


def test_a_different_snapshot_of_the_same_time_is_refused_and_force_replaces_it(store: ObjectStore) -> None:
    first, other = read(playlist(tracks=ENTRIES)), read(playlist(tracks=ENTRIES[:2]))
    take(store, first)

    with pytest.raises(PayloadError, match="differs from the snapshot stored"):
        take(store, other)
    take(store, other, force=True)

    assert current(store).entries == 2
    assert take(store, other, force=True).written is False
    assert len(objects(store)) == 2


def test_a_later_one_becomes_current_and_an_older_one_can_be_kept_behind_it(store: ObjectStore) -> None:
    morning = read(playlist(tracks=ENTRIES[:1]), "raw_2026-03-01 06:00:00.json", day=None)
    noon = read(playlist(tracks=ENTRIES[:2]), "raw_2026-03-01 12:00:00.json", day=None)

    take(store, noon)
    take(store, morning, keep_older=True, source="landing")

    assert current(store).entries == 2
    assert len(objects(store)) == 2
    assert take(store, morning, keep_older=True, source="landing").written is False


def test_what_spotify_said_is_not_replaced_by_an_undated_file(store: ObjectStore) -> None:
    known = read(playlist(tracks=ENTRIES[:1]))
    at_six = dt.datetime(2026, 3, 1, 6, tzinfo=dt.UTC)
    snapshot = raw.Snapshot(
        day=DAY,
        playlist_id=ID,
        extracted_at=at_six,
        run_id="run",
        source="api",
        playlist=known.playlist,
        total=1,
        pages=known.pages,
    )
    raw.write(store, snapshot, at_six)

    with pytest.raises(PayloadError, match="use --force"):
        take(store, read(playlist(tracks=ENTRIES)))


class TestPages:
    """Single pages of a playlist are put together."""

    def test_pages_of_one_import_are_one_snapshot(self, store: ObjectStore) -> None:
        [payload] = joined([read(page(100, 120)), read(page(0, 50)), read(page(50, 100))])

        adopted = take(store, payload)

        assert (adopted.entries, adopted.total, adopted.note) == (120, 120, "")
        assert len(objects(store)) == 1

    def test_pages_that_come_one_by_one_in_any_order_end_as_one_snapshot(self, store: ObjectStore) -> None:
        notes = [take(store, read(part)).note for part in (page(50, 100), page(0, 50), page(100, 120))]

        snapshot = current(store)
        assert notes == ["holds 50 of 120 entries", "holds 100 of 120 entries", ""]
        assert [item for part in snapshot.pages for item in part.items] == [entry(number) for number in range(120)]
        assert take(store, read(page(50, 100))).written is False

    def test_the_playlist_object_brings_the_metadata_its_pages_lack(self, store: ObjectStore) -> None:
        take(store, read(page(0, 50, total=50)))

        take(store, read(playlist(tracks=page(0, 50, total=50))))

        assert current(store).playlist["name"] == "A list"
        assert take(store, read(page(0, 50, total=50))).written is False

    def test_overlapping_pages_count_once(self, store: ObjectStore) -> None:
        [payload] = joined([read(playlist(tracks=page(0, 100))), read(page(50, 120))])

        take(store, payload)

        assert current(store).entries == 120

    def test_pages_that_contradict_are_not_put_together(self, store: ObjectStore) -> None:
        other = paging([entry(999)], offset=0, total=120)

        assert len(joined([read(page(0, 50)), read(other)])) == 2

    def test_pages_read_hours_apart_are_not_put_together(self, store: ObjectStore) -> None:
        morning = read(page(0, 50), "raw_2026-03-01 06:00:00.json", day=None)
        evening = read(page(50, 100), "raw_2026-03-01 18:00:00.json", day=None)
        take(store, morning)

        assert take(store, evening).entries == 50


@pytest.mark.parametrize("day", ["2026-11-22", "1999-01-01"])
def test_a_date_no_snapshot_can_have_is_refused(day: str, store: ObjectStore) -> None:
    with pytest.raises(PayloadError, match="a snapshot's date lies between"):
        take(store, read(playlist(tracks=ENTRIES), day=dt.date.fromisoformat(day)))


def test_a_damaged_snapshot_is_replaced_by_force(store: ObjectStore) -> None:
    key = str(RawKey(DAY, ID, dt.datetime(2026, 3, 1, 6, tzinfo=dt.UTC), "run"))
    store.put(key, b"not gzip")

    with pytest.raises(raw.SnapshotError, match="import a sound one with --force"):
        take(store, read(playlist(tracks=ENTRIES)))
    take(store, read(playlist(tracks=ENTRIES)), force=True)

    assert current(store).entries == 3


def test_half_a_surrogate_pair_is_stored_as_text_every_reader_accepts(store: ObjectStore) -> None:
    take(store, read(playlist(tracks=[{**entry(1), "note": "\ud83d"}])))

    [item] = current(store).pages[0].items
    assert isinstance(item, dict)
    assert item["note"] == "\N{REPLACEMENT CHARACTER}"
