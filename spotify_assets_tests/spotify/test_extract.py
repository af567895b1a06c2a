"""Extraction over real sockets: complete, consistent, cheap, each playlist failing alone."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Any

import pytest

from spotify_assets.failures import PermanentError, TransientError
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.errors import AccountError
from spotify_assets.spotify.extract import require_today
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.conftest import Extract, TestClock
from spotify_assets_tests.spotify.spotify_server import Answer, SpotifyServer, entry, error

DAY = dt.timedelta(days=1)


def stored(store: ObjectStore, key: str | None) -> raw.Snapshot:
    assert key
    return raw.read(store, key)


def entries(snapshot: raw.Snapshot) -> list[Any]:
    return [item for page in snapshot.pages for item in page.items]


def test_ten_thousand_entries_are_read_in_two_hundred_pages(
    server: SpotifyServer, run: Extract, store: ObjectStore
) -> None:
    [playlist_id] = server.add(1, entries=10_000)

    [outcome] = run(playlist_id, concurrency=8).outcomes

    snapshot = stored(store, outcome.key)
    assert entries(snapshot) == server.playlists[playlist_id].entries
    assert [page.offset for page in snapshot.pages] == list(range(0, 10_000, 50))
    assert len(server.items_requests()) == 200


def test_every_line_is_complete_in_itself_and_verbatim(server: SpotifyServer, run: Extract, store: ObjectStore) -> None:
    [playlist_id] = server.add(1, entries=120)

    [outcome] = run(playlist_id).outcomes

    snapshot = stored(store, outcome.key)
    assert (snapshot.day, snapshot.source, snapshot.run_id) == (dt.date(2026, 11, 21), "api", "run-1")
    assert snapshot.playlist == server.playlists[playlist_id].metadata(server.api)
    assert snapshot.pages[1].body == server.playlists[playlist_id].page(server.api, 50, 50)
    assert snapshot.total == snapshot.entries == 120


def test_an_empty_playlist_has_one_line_with_no_entries(
    server: SpotifyServer, run: Extract, store: ObjectStore
) -> None:
    [playlist_id] = server.add(1, entries=0)

    [outcome] = run(playlist_id).outcomes

    snapshot = stored(store, outcome.key)
    assert [page.items for page in snapshot.pages] == [[]]
    assert snapshot.total == 0


def test_null_entries_count_towards_the_total(server: SpotifyServer, run: Extract, store: ObjectStore) -> None:
    [playlist_id] = server.add(1, entries=60)
    for number in (0, 20, 59):
        server.playlists[playlist_id].entries[number] = None

    [outcome] = run(playlist_id).outcomes

    assert (outcome.status, outcome.entries) == ("read", 60)
    assert entries(stored(store, outcome.key)).count(None) == 3


def test_a_playlist_without_a_total_is_read_until_its_last_page(server: SpotifyServer, run: Extract) -> None:
    [playlist_id] = server.add(1, entries=120, total=None)

    [outcome] = run(playlist_id).outcomes

    assert (outcome.status, outcome.entries) == ("read", 120)


def test_a_playlist_edited_between_pages_is_read_again(server: SpotifyServer, run: Extract, store: ObjectStore) -> None:
    [playlist_id] = server.add(1, entries=120)
    playlist = server.playlists[playlist_id]

    def edit_once(path: str, query: dict[str, list[str]]) -> None:
        if query.get("offset") == ["50"] and playlist.snapshot_id == "v1":
            playlist.entries.insert(0, entry(999))
            playlist.snapshot_id = "v2"

    server.on_request = edit_once
    [outcome] = run(playlist_id).outcomes

    snapshot = stored(store, outcome.key)
    assert (outcome.status, outcome.reads) == ("read", 2)
    assert entries(snapshot) == playlist.entries
    assert snapshot.playlist["snapshot_id"] == "v2"


def test_an_edit_that_keeps_the_total_is_seen_by_the_version_alone(server: SpotifyServer, run: Extract) -> None:
    [playlist_id] = server.add(1, entries=3)
    playlist = server.playlists[playlist_id]

    def reorder_once(path: str, query: dict[str, list[str]]) -> None:
        if path.endswith("/items") and playlist.snapshot_id == "v1":
            playlist.snapshot_id = "v2"

    server.on_request = reorder_once

    assert run(playlist_id).outcomes[0].reads == 2


def test_pages_that_overlap_are_read_again_along_their_entries(
    server: SpotifyServer, run: Extract, store: ObjectStore
) -> None:
    [playlist_id] = server.add(1, entries=120, shift=10)

    [outcome] = run(playlist_id).outcomes

    snapshot = stored(store, outcome.key)
    assert (outcome.status, outcome.reads, outcome.complete) == ("read", 2, True)
    assert entries(snapshot) == server.playlists[playlist_id].entries
    assert [page.offset for page in snapshot.pages] == [0, 50, 100]


def test_a_playlist_edited_during_every_reading_is_stored_as_it_last_was_whole(
    server: SpotifyServer, run: Extract, store: ObjectStore
) -> None:
    [restless] = server.add(1)
    playlist = server.playlists[restless]
    numbers = iter(range(100, 200))

    def edit_always(path: str, query: dict[str, list[str]]) -> None:
        if path.endswith(f"{restless}/items"):
            number = next(numbers)
            playlist.entries[0] = entry(number)
            playlist.snapshot_id = f"v{number}"

    server.on_request = edit_always
    [outcome] = run(restless).outcomes

    assert (outcome.status, outcome.reads, outcome.detail) == ("read", 2, "it was edited while it was read")
    assert entries(stored(store, outcome.key)) == playlist.entries
    assert len(server.items_requests()) == 2


def test_one_playlist_failing_fails_alone_and_the_partition_still_succeeds(server: SpotifyServer, run: Extract) -> None:
    gone, fine = server.add(2)
    del server.playlists[gone]

    report = run(gone, fine)

    assert [outcome.status for outcome in report.outcomes] == ["unreadable", "read"]
    report.raise_if_unfinished()


def test_after_a_transient_failure_a_retry_reads_only_what_is_missing(server: SpotifyServer, run: Extract) -> None:
    ids = server.add(4)
    server.forever[f"{ids[2]}/items"] = error(500, "Oops")
    first = run(*ids)
    with pytest.raises(TransientError, match="1 of 4 playlists of 2026-11-21 are still missing"):
        first.raise_if_unfinished()
    server.forever.clear()
    server.requests.clear()

    second = run(*ids, run_id="run-2")

    second.raise_if_unfinished()
    assert [outcome.status for outcome in second.outcomes] == ["kept", "kept", "read", "kept"]
    assert all(ids[2] in request for request in server.requests)


def test_refresh_reads_again_and_the_last_written_is_the_newest(
    server: SpotifyServer, run: Extract, store: ObjectStore, clock: TestClock
) -> None:
    [playlist_id] = server.add(1)
    first = run(playlist_id).outcomes[0]
    server.playlists[playlist_id].entries.append(entry(7))

    again = run(playlist_id, refresh=True, run_id="run-0").outcomes[0]

    assert again.key != first.key
    assert str(raw.newest_of_day(store, clock.now().date())[playlist_id]) == again.key
    assert stored(store, first.key).entries == 3


def test_the_next_links_of_a_foreign_host_are_not_followed(server: SpotifyServer, run: Extract) -> None:
    [playlist_id] = server.add(1, entries=120)
    page = server.playlists[playlist_id].page(server.api, 0, 50) | {"next": "http://192.0.2.1/v1/steal-the-token"}
    server.fail("/items", Answer(body=page))

    assert run(playlist_id).outcomes[0].entries == 120


class TestCheapDays:
    """A playlist whose version id is unchanged is carried forward without reading its pages."""

    def test_the_unchanged_next_day_costs_one_call_a_playlist(
        self, server: SpotifyServer, run: Extract, clock: TestClock, store: ObjectStore
    ) -> None:
        ids = server.add(5, entries=60)
        first = run(*ids)
        clock.advance(DAY)
        server.requests.clear()

        report = run(*ids, run_id="run-2")

        assert {outcome.status for outcome in report.outcomes} == {"carried"}
        assert len(server.requests) == 5
        before, carried = stored(store, first.outcomes[0].key), stored(store, report.outcomes[0].key)
        assert (carried.day, carried.source, carried.run_id) == (dt.date(2026, 11, 22), "carried", "run-2")
        assert carried.extracted_at == before.extracted_at
        assert carried.pages == before.pages

    def test_mine_costs_one_call_for_fifty_and_survives_holes(
        self, server: SpotifyServer, run: Extract, clock: TestClock
    ) -> None:
        ids = server.add(60, entries=1)
        server.mine = [None, *ids[:55], None, *ids[55:]]
        first = run(mine=True, concurrency=8)
        clock.advance(DAY)
        server.requests.clear()

        report = run(mine=True)

        assert (first.holes, len(first.having("read"))) == (2, 60)
        assert len(report.having("carried")) == 60
        assert len(server.requests) == 2

    def test_a_changed_playlist_is_read(self, server: SpotifyServer, run: Extract, clock: TestClock) -> None:
        [playlist_id] = server.add(1)
        run(playlist_id)
        clock.advance(DAY)
        server.playlists[playlist_id].snapshot_id = "v2"

        assert run(playlist_id).outcomes[0].status == "read"

    def test_playlists_of_spotify_itself_are_always_read(
        self, server: SpotifyServer, run: Extract, clock: TestClock
    ) -> None:
        [playlist_id] = server.add(1, owner_id="spotify")
        run(playlist_id)
        clock.advance(DAY)

        assert run(playlist_id).outcomes[0].status == "read"

    def test_a_full_read_happens_every_seventh_day(self, server: SpotifyServer, run: Extract, clock: TestClock) -> None:
        [playlist_id] = server.add(1)
        statuses = []
        for _ in range(15):
            statuses.append(run(playlist_id).outcomes[0].status)
            clock.advance(DAY)

        assert statuses == ["read", *["carried"] * 6] * 2 + ["read"]

    def test_a_snapshot_is_carried_over_missing_days(
        self, server: SpotifyServer, run: Extract, clock: TestClock
    ) -> None:
        [playlist_id] = server.add(1)
        run(playlist_id)
        clock.advance(4 * DAY)

        assert run(playlist_id).outcomes[0].status == "carried"

    def test_todays_metadata_is_kept_with_carried_pages(
        self, server: SpotifyServer, run: Extract, clock: TestClock, store: ObjectStore
    ) -> None:
        [playlist_id] = server.add(1)
        run(playlist_id)
        clock.advance(DAY)
        described = server.playlists[playlist_id].metadata(server.api) | {"description": "new words"}
        server.fail(playlist_id, Answer(body=described))

        [outcome] = run(playlist_id).outcomes

        assert (outcome.status, stored(store, outcome.key).playlist["description"]) == ("carried", "new words")


class TestConcurrency:
    """Bounded, shared, and finished at once when extraction stops."""

    def test_no_more_calls_are_in_flight_than_allowed(self, server: SpotifyServer, run: Extract) -> None:
        ids = server.add(12, entries=120)
        server.delay = 0.01

        report = run(*ids, concurrency=5)

        assert server.most_in_flight == report.most_in_flight == 5
        assert len(report.having("read")) == 12

    def test_a_429_halves_what_may_be_in_flight(self, server: SpotifyServer, make_client: Any) -> None:
        client = make_client(concurrency=8)
        server.add(1)
        server.fail("/items", error(429, "x", Retry_After="1"))

        client.items("Playlist00000000000000", 0)

        assert client.gate._allowed == 4

    def test_many_threads_share_one_token_refresh(self, server: SpotifyServer, run: Extract) -> None:
        ids = server.add(30)

        report = run(*ids, concurrency=16)

        assert len(server.token_requests) == report.token_refreshes == 1

    def test_an_expired_token_is_refreshed_once_for_all_threads(self, server: SpotifyServer, run: Extract) -> None:
        ids = server.add(8)
        server.tokens.append(Answer(body={"access_token": "old", "expires_in": 3600}))
        truth = server.answer

        def refuse_old(path: str, query: dict[str, list[str]]) -> Answer:
            old = server.authorizations[-1] == "Bearer old" and len(server.token_requests) == 1
            return error(401, "The access token expired") if old else truth(path, query)

        server.answer = refuse_old  # type: ignore[method-assign]
        report = run(*ids, concurrency=8)

        assert len(report.having("read")) == 8
        assert len(server.token_requests) == 2

    def test_a_cool_down_ends_the_step_at_once_while_other_calls_hang(
        self, server: SpotifyServer, run: Extract
    ) -> None:
        ids = server.add(6)
        released = threading.Event()

        def hang(path: str, query: dict[str, list[str]]) -> None:
            if not path.endswith(ids[0]):
                released.wait(5)

        server.on_request = hang
        server.fail(ids[0], error(429, "x", Retry_After="46800"))
        started = time.monotonic()

        report = run(*ids, concurrency=6)

        assert time.monotonic() - started < 1
        assert report.stopped_by is not None
        released.set()

    def test_progress_is_said_while_work_goes_on(self, server: SpotifyServer, run: Extract, clock: TestClock) -> None:
        ids = server.add(4)
        said: list[str] = []
        server.on_request = lambda path, query: clock.advance(dt.timedelta(seconds=3))

        run(*ids, concurrency=1, on_progress=said.append)

        assert any("of 4 playlists" in line and "calls" in line for line in said)


class TestDates:
    """Spotify serves only the present."""

    def test_today_is_allowed(self, store: ObjectStore) -> None:
        require_today(store, [dt.date(2026, 11, 21)], dt.date(2026, 11, 21))

    def test_another_date_names_what_is_stored_and_what_to_run(
        self, server: SpotifyServer, run: Extract, store: ObjectStore, clock: TestClock
    ) -> None:
        [outcome] = run(*server.add(1)).outcomes

        with pytest.raises(PermanentError) as caught:
            require_today(store, [dt.date(2026, 11, 21)], dt.date(2026, 11, 22))

        assert str(outcome.key) in str(caught.value)
        assert "spotify-assets build --from 2026-11-21 --to 2026-11-21" in str(caught.value)

    def test_a_date_without_snapshots_says_so(self, store: ObjectStore) -> None:
        with pytest.raises(PermanentError, match="nothing is stored for it"):
            require_today(store, [dt.date(2026, 11, 1), dt.date(2026, 11, 2)], dt.date(2026, 11, 22))


def test_mine_without_a_user_is_an_error_of_the_account(server: SpotifyServer, run: Extract, account: Account) -> None:
    server.forever["/me/playlists"] = error(403, "Forbidden")

    report = run(mine=True, account=Account(account.client_id, account.client_secret))

    with pytest.raises(AccountError, match="needs the consent of a user"):
        report.raise_if_unfinished()
