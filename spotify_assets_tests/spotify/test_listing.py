"""The account's list of playlists is read until it adds up, and compared with the days before."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from spotify_assets.spotify.errors import AccountRefusedError
from spotify_assets_tests.spotify.conftest import Extract, TestClock
from spotify_assets_tests.spotify.spotify_server import SpotifyServer, error

DAY = dt.timedelta(days=1)


@pytest.fixture
def ids(server: SpotifyServer) -> list[str]:
    known = server.add(60, entries=1)
    server.mine = [*known]
    return known


def changed(server: SpotifyServer, change: Any) -> None:
    server.changes.append(("/me/playlists", lambda body, query: change(body, int(query["offset"][0]))))


def test_pages_that_start_one_early_lose_nothing(server: SpotifyServer, ids: list[str], run: Extract) -> None:
    """spotipy#1084: from the second page on the list starts one early, and the last one never comes."""

    def early(body: dict[str, Any], offset: int) -> dict[str, Any]:
        start = max(0, offset - 1) if offset else 0
        shown = server.mine[start : start + 50]
        return body | {"items": [one and server.playlists[one].metadata(server.api) for one in shown]}

    changed(server, early)

    report = run(mine=True)

    assert {outcome.playlist_id for outcome in report.outcomes} == set(ids)
    assert report.listing.lacks == 0


def test_a_next_that_is_null_too_soon_loses_nothing(server: SpotifyServer, ids: list[str], run: Extract) -> None:
    """web-api#1200."""
    changed(server, lambda body, offset: body | {"next": None})

    assert len(run(mine=True).outcomes) == len(ids)


def test_the_same_playlist_on_two_pages_counts_once_and_is_said(
    server: SpotifyServer, ids: list[str], run: Extract
) -> None:
    """Parachord#579: one stands twice, one never comes, whatever is asked."""
    server.mine = [*ids[:50], ids[49], *ids[51:]]

    report = run(mine=True)

    assert len(report.outcomes) == 59
    assert report.listing.lacks == 1


def test_an_empty_list_after_days_with_some_loses_nothing(
    server: SpotifyServer, run: Extract, clock: TestClock
) -> None:
    """web-api#382: total 0 with playlists there."""
    known = server.add(3)
    server.mine = [*known]
    run(mine=True)
    for _ in range(5):
        clock.advance(DAY)
        changed(server, lambda body, offset: {"items": [], "total": 0, "next": None})

        report = run(mine=True)

        assert sorted(outcome.playlist_id for outcome in report.having("carried")) == known
        assert sorted(report.listing.missing) == known


def test_a_playlist_taken_off_the_list_is_read_three_more_days(
    server: SpotifyServer, run: Extract, clock: TestClock
) -> None:
    known = server.add(3)
    server.mine = [*known]
    run(mine=True)
    server.mine = [*known[:2]]
    read = []
    for _ in range(5):
        clock.advance(DAY)
        read.append(len(run(mine=True).outcomes))

    assert read == [3, 3, 3, 2, 2]


def test_a_list_refused_once_is_asked_again(server: SpotifyServer, ids: list[str], run: Extract) -> None:
    server.fail("/me/playlists", error(404, "Resource not found"))

    assert len(run(mine=True).outcomes) == len(ids)


def test_a_list_that_was_readable_before_is_tried_again_through_the_day(
    server: SpotifyServer, run: Extract, clock: TestClock
) -> None:
    server.mine = [*server.add(2)]
    run(mine=True)
    clock.advance(DAY)
    server.forever["/me/playlists"] = error(404, "Resource not found")

    report = run(mine=True)

    with pytest.raises(AccountRefusedError, match="does not list the account's playlists"):
        report.raise_if_unfinished()


def test_a_list_without_end_ends(server: SpotifyServer, run: Extract) -> None:
    known = server.add(2)
    server.mine = [*known]
    changed(server, lambda body, offset: body | {"total": 10**6, "next": "x"})

    report = run(mine=True)

    assert len(report.having("read")) == 2
    assert report.stats.calls["me/playlists"] < 10
