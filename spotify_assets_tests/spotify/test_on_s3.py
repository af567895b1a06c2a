"""Extraction, budget, cool-down and import on a lake in S3 (moto's server): the same as on a folder."""

from __future__ import annotations

import datetime as dt
import threading

from spotify_assets.resources.lake import LakeResource
from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.budget import STATE_KEY, CallState, Ledger, spent
from spotify_assets.spotify.client import RetryRules, SpotifyClient
from spotify_assets.spotify.errors import BudgetSpentError, CoolingDownError
from spotify_assets.spotify.extract import extract
from spotify_assets.spotify.playlists import PlaylistSelection
from spotify_assets.spotify.report import ExtractionReport
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.conftest import TestClock
from spotify_assets_tests.spotify.spotify_server import SpotifyServer, error
from spotify_assets_tests.spotify.test_adoption import read as payload_of
from spotify_assets_tests.spotify.test_adoption import take
from spotify_assets_tests.spotify.test_payloads import DAY, ENTRIES, ID, playlist


def run(server: SpotifyServer, store: ObjectStore, clock: TestClock, account: Account, *ids: str) -> ExtractionReport:
    client = SpotifyClient(
        account, store, api_url=server.api, token_url=server.token_url, budget=900, concurrency=4, clock=clock,
        rules=RetryRules(timeout=2.0),
    )  # fmt: skip
    return extract(client, store, clock.now().date(), PlaylistSelection(ids), run_id="run-1")


def test_snapshots_are_written_kept_and_carried(
    server: SpotifyServer, clock: TestClock, account: Account, s3_lake: LakeResource
) -> None:
    ids = server.add(4, entries=60)

    first = run(server, s3_lake.store, clock, account, *ids)
    again = run(server, s3_lake.store, clock, account, *ids)
    clock.advance(dt.timedelta(days=1))
    tomorrow = run(server, s3_lake.store, clock, account, *ids)

    assert [len(first.having("read")), len(again.having("kept")), len(tomorrow.having("carried"))] == [4, 4, 4]
    snapshot = raw.read(s3_lake.store, str(first.outcomes[0].key))
    assert [item for page in snapshot.pages for item in page.items] == server.playlists[ids[0]].entries
    assert tomorrow.spent == sum(first.stats.calls.values()) + 4


def test_a_cool_down_outlives_the_run(
    server: SpotifyServer, clock: TestClock, account: Account, s3_lake: LakeResource
) -> None:
    ids = server.add(2)
    server.fail("/items", error(429, "Too many requests", "QUOTA_EXCEEDED", Retry_After="46800"))
    run(server, s3_lake.store, clock, account, *ids)
    server.requests.clear()

    second = run(server, s3_lake.store, clock, account, *ids)

    assert isinstance(second.stopped_by, CoolingDownError)
    assert server.requests == []


def test_the_budget_holds_for_writers_that_race(clock: TestClock, s3_lake: LakeResource) -> None:
    made: list[int] = []

    def spend_all() -> None:
        ledger = Ledger(s3_lake.store, 60, clock)
        try:
            while True:
                ledger.spend()
                made.append(1)
        except BudgetSpentError:
            return

    threads = [threading.Thread(target=spend_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 60
    assert spent(CallState.from_json(s3_lake.store.get_or_none(STATE_KEY)), clock.now()) == 60


def test_an_import_is_taken_in_once(s3_lake: LakeResource) -> None:
    first = take(s3_lake.store, payload_of(playlist(tracks=ENTRIES)))
    second = take(s3_lake.store, payload_of(playlist(tracks=ENTRIES)))

    assert (first.written, second.written) == (True, False)
    assert list(raw.newest_of_day(s3_lake.store, DAY)) == [ID]
