"""The doctor of the Spotify end: what it finds, how to mend it, in a handful of calls."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import SecretStr

from spotify_assets.findings import Finding
from spotify_assets.spotify.auth import Account
from spotify_assets.spotify.budget import STATE_KEY, CallState, CoolDown
from spotify_assets.spotify.doctor import diagnose
from spotify_assets.spotify.playlists import PlaylistSelection
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.conftest import START, MakeClient
from spotify_assets_tests.spotify.spotify_server import Answer, SpotifyServer, error

FRESH = START.date() - dt.timedelta(days=10)


def look(
    make_client: MakeClient,
    *ids: str,
    mine: bool = False,
    grant: str = "refresh token",
    consented: dt.date | None = FRESH,
    account: Account | None = None,
) -> dict[str, Finding]:
    client = make_client(**({"account": account} if account else {}))
    findings = diagnose(client, PlaylistSelection(ids, mine), grant=grant, consented_on=consented)
    return {finding.subject: finding for finding in findings}


def test_a_healthy_account_costs_one_call_and_one_a_playlist(server: SpotifyServer, make_client: MakeClient) -> None:
    ids = server.add(3)

    findings = look(make_client, *ids)

    assert all(finding.ok for finding in findings.values())
    assert findings["Spotify sign-in"].detail == "signed in by refresh token as Listener"
    assert len(server.requests) == 4


def test_many_playlists_are_sampled(server: SpotifyServer, make_client: MakeClient) -> None:
    server.mine = [*server.add(60)]

    findings = look(make_client, mine=True)

    assert len(server.requests) == 1 + 2 + 10
    assert "50 more were not looked at" in findings["Spotify playlists"].detail


def test_an_unreadable_playlist_is_named_with_the_remedy(server: SpotifyServer, make_client: MakeClient) -> None:
    [playlist_id] = server.add(1)
    del server.playlists[playlist_id]

    finding = look(make_client, playlist_id)[f"Playlist {playlist_id}"]

    assert not finding.ok
    assert "HTTP 404" in finding.detail
    assert finding.remedy.startswith("Check the id")


def test_contents_that_are_not_ours_are_found_out(server: SpotifyServer, make_client: MakeClient) -> None:
    [playlist_id] = server.add(1)
    server.fail(playlist_id, Answer(body=server.playlists[playlist_id].metadata(server.api)))
    server.forever["/items"] = error(403, "Forbidden")

    finding = look(make_client, playlist_id)[f"Playlist {playlist_id}"]

    assert not finding.ok
    assert finding.remedy.startswith("Track a playlist the account owns")


@pytest.mark.parametrize(
    ("consented", "ok", "said"),
    [
        (FRESH, True, "dies on 2027-05-11"),
        (dt.date(2026, 6, 1), False, "dies on 2026-12-01, in 10 days"),
        (dt.date(2026, 1, 1), False, "died on 2026-07-01"),
        (None, False, "SPOTIFY_CONSENTED_ON is not set"),
    ],
)
def test_the_consents_age(
    consented: dt.date | None, ok: bool, said: str, server: SpotifyServer, make_client: MakeClient
) -> None:
    finding = look(make_client, consented=consented)["Spotify consent"]

    assert (finding.ok, said in finding.detail) == (ok, True)


def test_a_dead_token_says_to_consent_again(server: SpotifyServer, make_client: MakeClient) -> None:
    server.token_always = Answer(400, {"error": "invalid_grant"})

    finding = look(make_client, *server.add(3))["Spotify sign-in"]

    assert not finding.ok
    assert "spotify-assets login" in finding.remedy
    assert server.requests == []


def test_during_a_cool_down_nothing_is_called(
    server: SpotifyServer, make_client: MakeClient, store: ObjectStore
) -> None:
    until = START + dt.timedelta(hours=13)
    store.put(STATE_KEY, CallState(cool_down=CoolDown(until, "it answered HTTP 429")).to_json())

    findings = look(make_client, *server.add(1))

    assert server.requests == []
    assert findings["Spotify call budget"].remedy == "Wait until 2026-11-21 19:00:30 UTC."


def test_client_credentials_are_proved_by_their_token(server: SpotifyServer, make_client: MakeClient) -> None:
    account = Account("id", SecretStr("secret"))

    findings = look(make_client, grant=account.grant, account=account, consented=None)

    assert all(finding.ok for finding in findings.values())
    assert (len(server.token_requests), server.requests) == (1, [])
