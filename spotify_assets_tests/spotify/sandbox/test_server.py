"""The sandbox: Spotify's envelopes, deterministic, evolving, and breakable on demand."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from pydantic import SecretStr

from spotify_assets.spotify import snapshot as raw
from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.client import SpotifyClient
from spotify_assets.spotify.extract import extract
from spotify_assets.spotify.playlists import PlaylistSelection, parse_playlist
from spotify_assets.spotify.report import ExtractionReport
from spotify_assets.spotify.sandbox.server import API, Answer, Fault, Sandbox, SandboxAdapter, error_answer
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.conftest import TestClock

DAY = dt.date(2026, 11, 20)


def ask(sandbox: Sandbox, path: str, **query: str) -> Any:
    answer = sandbox.answer("GET", path, {name: [value] for name, value in query.items()})
    return answer.status, json.loads(answer.body)


def named(sandbox: Sandbox, name: str) -> str:
    return next(playlist.playlist_id for playlist in sandbox.playlists.values() if name in playlist.name)


def songs(day: dt.date, name: str) -> list[str]:
    sandbox = Sandbox(day)
    entries: list[str] = []
    while True:
        _, page = ask(sandbox, f"/playlists/{named(sandbox, name)}/items", limit="50", offset=str(len(entries)))
        for item in page["items"]:
            content = item and (item.get("item") or item.get("track"))
            entries.append((content or {}).get("uri", ""))
        if page["next"] is None:
            return entries


def extracted(store: ObjectStore, clock: TestClock, **options: Any) -> ExtractionReport:
    sandbox = Sandbox(DAY)
    client = SpotifyClient(
        Account(access_token=SecretStr("sandbox")), store, api_url=API, token_url="https://accounts.spotify.com/api/token",
        budget=None, concurrency=4, clock=clock, adapter=SandboxAdapter(sandbox, sleep=clock.sleep, **options),
    )  # fmt: skip
    selection = PlaylistSelection(tuple(sandbox.playlists))
    return extract(client, store, DAY, selection, run_id="run", source="sandbox", extracted_at=clock.now())


def test_the_same_seed_and_date_give_the_same_bytes() -> None:
    for playlist_id in Sandbox(DAY).playlists:
        path = f"/playlists/{playlist_id}"
        assert Sandbox(DAY).answer("GET", path, {}) == Sandbox(DAY).answer("GET", path, {})


def test_another_seed_is_another_spotify() -> None:
    assert not Sandbox(DAY).playlists.keys() & Sandbox(DAY, seed=8).playlists.keys()


def test_ids_look_like_spotifys() -> None:
    assert all(parse_playlist(playlist_id) == playlist_id for playlist_id in Sandbox(DAY).playlists)


@pytest.mark.parametrize("day", [dt.date(1999, 12, 31), dt.date(2026, 1, 1), DAY, dt.date(2040, 2, 29)])
def test_any_date_is_answered(day: dt.date) -> None:
    assert len(songs(day, "Northern Lights")) == 100
    assert len(songs(day, "Every Good Song")) == 2300


def test_the_chart_moves_every_day_but_not_wholly() -> None:
    for back in range(14):
        day = DAY - dt.timedelta(days=back)
        today, yesterday = songs(day, "Northern"), songs(day - dt.timedelta(days=1), "Northern")
        assert len(set(today)) == 100
        assert 1 <= len(set(today) - set(yesterday)) <= 15
        assert sum(today.index(song) != yesterday.index(song) for song in set(today) & set(yesterday)) > 20


def test_songs_come_back_to_the_chart() -> None:
    days = [set(songs(DAY - dt.timedelta(days=back), "Northern")) for back in range(30)]
    present = {song: [number for number, of_day in enumerate(days) if song in of_day] for song in set().union(*days)}

    assert any(numbers[-1] - numbers[0] >= len(numbers) for numbers in present.values())


def test_the_version_id_changes_exactly_when_the_entries_do() -> None:
    for number in range(8):
        for back in range(9):
            versions, entries = [], []
            for sandbox in (Sandbox(DAY - dt.timedelta(days=back)), Sandbox(DAY - dt.timedelta(days=back + 1))):
                playlist = list(sandbox.playlists.values())[number]
                versions.append(ask(sandbox, f"/playlists/{playlist.playlist_id}", fields="snapshot_id")[1])
                entries.append([(entry.song, entry.odd) for entry in playlist.entries(sandbox.seed, sandbox.day)])
            assert (versions[0] == versions[1]) == (entries[0] == entries[1]), (number, back)


@pytest.mark.parametrize(
    ("name", "wrappers", "collections"),
    [
        ("Long Drive", {"track"}, {"tracks"}),
        ("Kitchen", {"item"}, {"items"}),
        ("Northern", {"track", "item"}, {"tracks", "items"}),
    ],
)
def test_the_three_shapes(name: str, wrappers: set[str], collections: set[str]) -> None:
    sandbox = Sandbox(DAY)
    _, playlist = ask(sandbox, f"/playlists/{named(sandbox, name)}")
    _, page = ask(sandbox, f"/playlists/{named(sandbox, name)}/items", limit="50")

    assert {"tracks", "items"} & playlist.keys() == collections
    entry = page["items"][0]
    assert {"track", "item"} & entry.keys() == wrappers
    content = entry[next(iter(wrappers))]
    assert ("popularity" in content) == ("track" in wrappers)
    assert content["track"] is True


def test_the_envelope_has_spotifys_fields() -> None:
    sandbox = Sandbox(DAY)
    playlist_id = named(sandbox, "Every Good")
    _, page = ask(sandbox, f"/playlists/{playlist_id}/items", limit="50", offset="50", additional_types="track,episode")

    assert set(page) == {"href", "limit", "next", "offset", "previous", "total", "items"}
    assert (page["limit"], page["offset"], page["total"], len(page["items"])) == (50, 50, 2300, 50)
    assert page["next"] == f"{API}/playlists/{playlist_id}/items?offset=100&limit=50&additional_types=track,episode"
    assert page["previous"].startswith(f"{API}/playlists/{playlist_id}/items?offset=0&limit=50")


def test_the_embedded_page_of_a_playlist_stops_at_a_hundred() -> None:
    sandbox = Sandbox(DAY)
    _, playlist = ask(sandbox, f"/playlists/{named(sandbox, 'Every Good')}")

    assert (len(playlist["tracks"]["items"]), playlist["tracks"]["limit"], playlist["tracks"]["total"]) == (
        100,
        100,
        2300,
    )


@pytest.mark.parametrize("limit", ["0", "51", "100", "-1", "many"])
def test_a_limit_beyond_the_documented_is_refused(limit: str) -> None:
    sandbox = Sandbox(DAY)

    assert ask(sandbox, f"/playlists/{named(sandbox, 'Kitchen')}/items", limit=limit) == (
        400, {"error": {"status": 400, "message": "Invalid limit"}},
    )  # fmt: skip


def test_my_playlists_have_a_hole() -> None:
    _, page = ask(Sandbox(DAY), "/me/playlists", limit="50")

    assert page["items"].count(None) == 1
    assert page["total"] == len(page["items"])


def test_the_oddities_are_all_there(store: ObjectStore, clock: TestClock) -> None:
    report = extracted(store, clock)
    key = next(outcome.key for outcome in report.outcomes if "Lost" in outcome.name)
    entries: list[Any] = [item for page in raw.read(store, str(key)).pages for item in page.items]
    contents = [entry.get("item") for entry in entries]
    known = [content for content in contents if content]

    assert None in contents
    assert any("item" not in entry for entry in entries)
    assert {content["type"] for content in known} == {"track", "episode", "hologram"}
    assert sum(entry["is_local"] for entry in entries) == 2
    assert {entry["added_at"] for entry in entries} >= {None, "1970-01-01T00:00:00Z"}
    assert any(content.get("album", {}).get("release_date") == "0000" for content in known)
    assert max([content["uri"] for content in known].count(uri) for uri in (content["uri"] for content in known)) == 3


def test_partial_release_dates_are_there() -> None:
    sandbox = Sandbox(DAY)
    playlist_id = named(sandbox, "Every Good")
    precisions = set()
    for offset in range(0, 2300, 50):
        _, page = ask(sandbox, f"/playlists/{playlist_id}/items", limit="50", offset=str(offset))
        precisions |= {(item["track"]["album"]["release_date_precision"], len(item["track"]["album"]["release_date"]))
                       for item in page["items"]}  # fmt: skip

    assert precisions == {("day", 10), ("month", 7), ("year", 4)}


def test_it_is_read_whole_under_the_real_client(store: ObjectStore, clock: TestClock) -> None:
    report = extracted(store, clock)

    assert len(report.having("read")) == 8
    assert [outcome.detail.split("answers ")[1][:8] for outcome in report.having("unreadable")] == [
        "HTTP 404",
        "HTTP 403",
    ]
    assert sum(outcome.entries for outcome in report.outcomes) == 2652
    assert (report.limit, report.spent) == (None, None)
    report.raise_if_unfinished()


def test_it_can_be_made_to_fail_and_is_read_all_the_same(store: ObjectStore, clock: TestClock) -> None:
    faults = 2 * [
        Fault(answer=error_answer(429, "API rate limit exceeded", headers={"Retry-After": "3"})),
        Fault(answer=error_answer(503, "Unavailable")),
        Fault(answer=Answer(200, b'{"items": [')),
        Fault(delay=2.0),
    ]

    report = extracted(store, clock, fault=lambda request: faults.pop() if faults else None)

    assert faults == []
    assert len(report.having("read")) == 8
    assert sum(clock.slept) > 0
