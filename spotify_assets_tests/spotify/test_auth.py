"""Accounts and tokens: never interactive, one refresh for all, rotation kept, consent that dies."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import SecretStr

from spotify_assets.failures import TransientError
from spotify_assets.spotify.auth import TOKEN_KEY, Account, TokenVault, consent_ends
from spotify_assets.spotify.errors import AccountError
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.spotify.conftest import CLIENT_SECRET, REFRESH_TOKEN, Extract, TestClock
from spotify_assets_tests.spotify.spotify_server import SCOPES, Answer, SpotifyServer

TOKEN = {"access_token": "a", "expires_in": 3600, "scope": SCOPES}


@pytest.fixture(autouse=True)
def nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that asks a person hangs in production; here it fails."""

    def ask(*_: object) -> str:
        raise AssertionError("input() was called")

    monkeypatch.setattr("builtins.input", ask)


def test_the_refresh_token_is_the_default_grant(server: SpotifyServer, run: Extract) -> None:
    run(*server.add(1))

    assert server.token_requests == [f"refresh_token={REFRESH_TOKEN}&grant_type=refresh_token"]


def test_without_a_refresh_token_client_credentials_are_used(server: SpotifyServer, run: Extract) -> None:
    report = run(*server.add(1), account=Account("id", SecretStr(CLIENT_SECRET)))

    assert server.token_requests == ["grant_type=client_credentials"]
    assert len(report.having("read")) == 1


def test_a_static_token_is_never_refreshed(server: SpotifyServer, run: Extract) -> None:
    report = run(*server.add(1), account=Account(access_token=SecretStr("ready-made")))

    assert server.token_requests == []
    assert set(server.authorizations) == {"Bearer ready-made"}
    assert len(report.having("read")) == 1


def test_a_missing_scope_is_an_error_with_the_remedy_and_no_question(server: SpotifyServer, run: Extract) -> None:
    server.tokens.append(Answer(body=TOKEN | {"scope": "playlist-read-private"}))

    report = run(*server.add(1))

    with pytest.raises(
        AccountError, match=r"lacks the scope playlist-read-collaborative; consent again with `spotify-"
    ):
        report.raise_if_unfinished()


def test_invalid_grant_is_asked_twice_whatever_waits_for_the_token(server: SpotifyServer, run: Extract) -> None:
    server.token_always = Answer(400, {"error": "invalid_grant", "error_description": "Refresh token expired"})

    report = run(*server.add(20), concurrency=8)

    assert len(server.token_requests) == 2
    with pytest.raises(AccountError, match="consent again with `spotify-assets login`"):
        report.raise_if_unfinished()


def test_a_token_endpoint_that_is_down_is_not_asked_once_more_for_every_playlist(
    server: SpotifyServer, run: Extract, clock: TestClock
) -> None:
    server.token_always = Answer(503)

    report = run(*server.add(20), concurrency=8)

    assert len(server.token_requests) == 4
    assert sum(clock.slept) < 10
    with pytest.raises(TransientError, match="token endpoint gave no usable answer"):
        report.raise_if_unfinished()


def test_a_token_is_renewed_before_it_expires(server: SpotifyServer, run: Extract, clock: TestClock) -> None:
    server.token_always = Answer(body=TOKEN | {"expires_in": 61})
    server.on_request = lambda path, query: clock.advance(dt.timedelta(seconds=2))

    run(*server.add(1))

    assert len(server.token_requests) == 3


class TestRotation:
    """A rotated refresh token is kept where the deployment can read it; an empty one never replaces a good one."""

    def test_the_next_run_uses_the_rotated_token(self, server: SpotifyServer, run: Extract, clock: TestClock) -> None:
        server.tokens.append(Answer(body=TOKEN | {"refresh_token": "rotated-1"}))
        run(*server.add(1))
        clock.advance(dt.timedelta(days=1))
        server.tokens.append(Answer(body=TOKEN | {"refresh_token": "rotated-2"}))
        run(*server.add(1))
        clock.advance(dt.timedelta(days=1))
        run(*server.add(1))

        used = [request.split("&")[0] for request in server.token_requests]
        assert used == [f"refresh_token={REFRESH_TOKEN}", "refresh_token=rotated-1", "refresh_token=rotated-2"]

    @pytest.mark.parametrize("empty", ["", "  ", None, 7, REFRESH_TOKEN])
    def test_an_empty_or_equal_one_changes_nothing(
        self, empty: object, server: SpotifyServer, run: Extract, store: ObjectStore
    ) -> None:
        server.tokens.append(Answer(body=TOKEN | {"refresh_token": empty}))

        run(*server.add(1))

        assert store.head(TOKEN_KEY) is None

    def test_it_can_not_be_read_without_the_client_secret(self, store: ObjectStore, account: Account) -> None:
        TokenVault(store, account).save("rotated-1")

        assert b"rotated-1" not in store.get(TOKEN_KEY)
        other = Account(account.client_id, SecretStr("another"), account.refresh_token)
        assert TokenVault(store, other).load() is None
        assert TokenVault(store, account).load() == "rotated-1"

    def test_a_new_consent_wins_over_the_rotated_token(self, store: ObjectStore, account: Account) -> None:
        TokenVault(store, account).save("rotated-1")

        renewed = Account(account.client_id, account.client_secret, SecretStr("from-the-new-consent"))

        assert TokenVault(store, renewed).load() is None

    def test_a_refused_rotated_token_falls_back_to_the_configured_one(
        self, server: SpotifyServer, run: Extract, store: ObjectStore, account: Account
    ) -> None:
        TokenVault(store, account).save("rotated-1")
        server.tokens.extend([Answer(400, {"error": "invalid_grant"})] * 2)

        report = run(*server.add(1))

        assert len(report.having("read")) == 1

    @pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"rotated_from": 1, "token": "x"}'])
    def test_a_damaged_record_is_no_reason_to_stop(self, damage: bytes, store: ObjectStore, account: Account) -> None:
        store.put(TOKEN_KEY, damage)

        assert TokenVault(store, account).load() is None


@pytest.mark.parametrize(
    ("consented", "ends"),
    [
        ("2026-06-18", "2026-12-18"),
        ("2026-08-31", "2027-02-28"),
        ("2027-08-31", "2028-02-29"),
        ("2026-12-31", "2027-06-30"),
    ],
)
def test_a_consent_lives_six_months(consented: str, ends: str) -> None:
    assert consent_ends(dt.date.fromisoformat(consented)) == dt.date.fromisoformat(ends)
