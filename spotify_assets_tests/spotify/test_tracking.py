"""When a playlist's day is over, when it is asked again, and what is remembered of it between runs."""

from __future__ import annotations

import datetime as dt

import pytest

from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify import tracking
from spotify_assets.spotify.errors import NothingStoredError
from spotify_assets.spotify.tracking import STATE_KEY, Playlists, Tracked, Tracking
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.conftest import Extract, TestClock
from spotify_assets_tests.spotify.spotify_server import SpotifyServer, error

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
ID = "Playlist00000000000000"


def standing(store: ObjectStore, playlist_id: str = ID) -> Tracked:
    return Tracking(store).read().tracked[playlist_id]


def test_a_verdict_needs_a_second_one_hours_later(
    server: SpotifyServer, run: Extract, store: ObjectStore, clock: TestClock
) -> None:
    gone, fine = server.add(2)
    del server.playlists[gone]
    run(gone, fine)
    first = standing(store, gone)
    clock.advance(2 * HOUR)
    run(gone, fine)
    second = standing(store, gone)
    clock.advance(1 * HOUR)
    run(gone, fine)
    asked = len(server.requests)
    clock.advance(1 * HOUR)
    report = run(gone, fine)

    assert (first.standing, second.standing, standing(store, gone).standing) == ("open", "open", "refused")
    assert len(server.requests) == asked
    assert "asked 3 times today" in report.outcomes[0].detail


def test_a_playlist_refused_for_days_is_asked_once_a_day_with_one_call(
    server: SpotifyServer, run: Extract, store: ObjectStore, clock: TestClock
) -> None:
    gone, fine = server.add(2)
    server.forever[f"{gone}/items"] = error(403, "Forbidden")
    for _ in range(3):
        run(gone, fine)
        clock.advance(3 * HOUR)
        run(gone, fine)
        clock.advance(DAY - 3 * HOUR)
    server.requests.clear()

    for _ in range(3):
        run(gone, fine)
        clock.advance(HOUR)

    assert len([request for request in server.requests if gone in request]) == 1
    assert standing(store, gone).standing == "refused"
    assert standing(store, gone).refused_since == dt.datetime(2026, 11, 21, 6, 1, 40, tzinfo=dt.UTC)


def test_a_playlist_that_can_be_read_again_after_days_is_stored(
    server: SpotifyServer, run: Extract, store: ObjectStore, clock: TestClock
) -> None:
    back, fine = server.add(2)
    server.forever[f"{back}/items"] = error(403, "Forbidden")
    for _ in range(5):
        run(back, fine)
        clock.advance(DAY)
    server.forever.clear()

    report = run(back, fine)

    assert report.outcomes[0].status == "read"
    assert (standing(store, back).refused_since, standing(store, back).refused_days) == (None, 0)


def test_a_run_in_which_everything_is_refused_fails(server: SpotifyServer, run: Extract) -> None:
    ids = server.add(3)
    server.playlists.clear()

    with pytest.raises(NothingStoredError, match="Not one of 3 tracked playlists could be read"):
        run(*ids).raise_if_unfinished()


def test_those_not_read_for_longest_come_first_and_those_refused_last(
    server: SpotifyServer, run: Extract, clock: TestClock
) -> None:
    fine, refused, new = server.add(3)
    server.forever[refused] = error(404, "Resource not found")
    run(fine, refused)
    clock.advance(DAY)
    server.requests.clear()

    run(fine, refused, new, concurrency=1)

    order = [next(one for one in (fine, refused, new) if one in request) for request in server.requests]
    assert list(dict.fromkeys(order)) == [new, fine, refused]


def test_an_incomplete_snapshot_is_read_again_and_replaced_by_a_whole_one(
    server: SpotifyServer, run: Extract, store: ObjectStore, clock: TestClock
) -> None:
    [playlist_id] = server.add(1, entries=120)
    server.changes.append(
        ("/items", lambda body, query: body | {"items": [] if query["offset"] == ["50"] else body["items"]})
    )
    first = run(playlist_id).outcomes[0]
    unchanged = run(playlist_id, run_id="run-2").outcomes[0]
    server.changes.clear()
    clock.advance(HOUR)

    whole = run(playlist_id, run_id="run-3").outcomes[0]

    assert (first.status, first.complete, first.entries) == ("read", False, 70)
    assert (unchanged.status, unchanged.key) == ("kept", first.key)
    assert (whole.status, whole.complete, whole.entries) == ("read", True, 120)
    assert standing(store).standing == "stored"


def test_a_refused_playlist_that_was_imported_meanwhile_is_kept(
    server: SpotifyServer, run: Extract, store: ObjectStore, clock: TestClock
) -> None:
    gone, fine = server.add(2)
    server.forever[gone] = error(404, "Resource not found")
    run(gone, fine)
    clock.advance(3 * HOUR)
    run(gone, fine)
    now = clock.now()
    raw.write(
        store,
        raw.Snapshot(
            day=now.date(),
            playlist_id=gone,
            extracted_at=now,
            run_id="import-1",
            source="import",
            playlist={},
            total=0,
            pages=(raw.Page(0, {"items": []}),),
        ),
        now,
    )

    report = run(gone, fine)

    assert [outcome.status for outcome in report.outcomes] == ["kept", "kept"]
    assert standing(store, gone).standing == "stored"


def test_an_incomplete_snapshot_is_not_carried_to_the_next_day(
    server: SpotifyServer, run: Extract, clock: TestClock
) -> None:
    [playlist_id] = server.add(1, entries=120)
    server.changes.append(
        ("/items", lambda body, query: body | {"items": [] if query["offset"] == ["50"] else body["items"]})
    )
    run(playlist_id)
    server.changes.clear()
    clock.advance(DAY)

    assert run(playlist_id).outcomes[0].status == "read"


def test_a_playlist_that_shrank_below_its_total_is_marked(
    server: SpotifyServer, run: Extract, clock: TestClock
) -> None:
    """A total that is always wrong is no trouble; fewer entries than yesterday and than the total are."""
    [playlist_id] = server.add(1, entries=120, total=130)
    playlist = server.playlists[playlist_id]
    days = []
    for remaining in (120, 120, 90, 90):
        playlist.entries = playlist.entries[:remaining]
        playlist.snapshot_id += "+"
        days.append(run(playlist_id).outcomes[0].complete)
        clock.advance(DAY)

    assert days == [True, True, False, True]


def test_a_day_that_ended_while_others_were_read_is_not_stored_under_its_date(
    server: SpotifyServer, run: Extract, clock: TestClock
) -> None:
    ids = server.add(2)
    clock.advance(dt.timedelta(hours=17, minutes=59, seconds=20))
    server.on_request = lambda path, query: clock.advance(dt.timedelta(seconds=20))

    report = run(*ids, concurrency=1)

    assert [outcome.status for outcome in report.outcomes] == ["read", "failed"]
    assert "ended before the playlist was read" in report.outcomes[1].detail


def test_what_is_remembered_reads_back(store: ObjectStore, clock: TestClock) -> None:
    now = clock.now()
    one = tracking.refused(
        Tracked(day=now.date(), read_on=now.date() - DAY, size=7, listed_on=now.date()),
        said="HTTP 404", where="items", name="Liste", now=now,
    )  # fmt: skip

    assert Playlists.from_json(Playlists({ID: one}).to_json()).tracked == {ID: one}


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"playlists": {"x": {"day": 7}}}', b'{"playlists": 1}'])
def test_damage_to_it_loses_no_day(damage: bytes, server: SpotifyServer, run: Extract, store: ObjectStore) -> None:
    store.put(STATE_KEY, damage)

    assert run(*server.add(1)).outcomes[0].status == "read"


def test_it_stays_small(store: ObjectStore, clock: TestClock) -> None:
    day = clock.now().date()
    shared = Tracking(store)
    shared.begin(day - dt.timedelta(days=61), clock.now(), [f"old{number}" for number in range(50)], [])

    shared.begin(day, clock.now(), [f"new{number}" for number in range(50)], [])

    assert sorted(shared.read().tracked) == sorted(f"new{number}" for number in range(50))
    assert len(store.get(STATE_KEY)) < 50 * 300
