"""`spotify-assets login`: the consent, by local redirect or by pasting the address, against a server of the tests."""

from __future__ import annotations

import datetime as dt
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from spotify_assets.cli import main
from spotify_assets.spotify import login
from spotify_assets.spotify.auth import consent_ends
from spotify_assets_tests.spotify.spotify_server import Answer, SpotifyServer, spotify_server

GRANTED = {"access_token": "a", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "refresh-1", "scope": "x"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SpotifyServer]:
    with spotify_server() as running:
        running.token_always = Answer(body=GRANTED)
        monkeypatch.setenv("SPOTIFY_CLIENT_ID", "client-id-1")
        monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", "client-secret-1")
        monkeypatch.setenv("SPOTIFY_TOKEN_URL", running.token_url)
        yield running


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the address to open asks for, filled in when the command makes it."""
    seen: dict[str, list[str]] = {}
    begin = login.begin

    def keep(*args: object, **options: str) -> login.Consent:
        consent = begin(*args, **options)  # pyright: ignore[reportArgumentType]
        seen.update(parse_qs(urlsplit(consent.url).query))
        return consent

    monkeypatch.setattr(login, "begin", keep)
    return seen


def paste(monkeypatch: pytest.MonkeyPatch, asked: dict[str, list[str]], query: str) -> str:
    monkeypatch.setattr("click.prompt", lambda *_, **__: f"http://127.0.0.1:8888/callback?{query.format(**asked)}")
    result = CliRunner().invoke(main, ["login", "--paste"], catch_exceptions=False)
    return f"{result.exit_code} {result.output}"


def test_pasting_the_address_prints_what_to_put_into_the_environment(
    server: SpotifyServer, monkeypatch: pytest.MonkeyPatch, asked: dict[str, list[str]]
) -> None:
    output = paste(monkeypatch, asked, "code=code-1&state={state[0]}")

    today = dt.datetime.now(dt.UTC).date()
    assert output.startswith("0 ")
    assert "SPOTIFY_REFRESH_TOKEN=refresh-1\n" in output
    assert f"SPOTIFY_CONSENTED_ON={today}" in output
    assert f"The token dies on {consent_ends(today)}" in output
    assert asked["scope"] == ["playlist-read-private playlist-read-collaborative"]
    assert "code=code-1" in server.token_requests[0]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("error=access_denied&state={state[0]}", "The consent was not given (access_denied)"),
        ("code=code-1&state=forged", "does not belong to this consent"),
        ("code=code-1", "does not belong to this consent"),
        ("state={state[0]}", "carries no code"),
    ],
)
def test_an_address_that_is_no_consent_is_refused_in_a_sentence(
    query: str, said: str, server: SpotifyServer, monkeypatch: pytest.MonkeyPatch, asked: dict[str, list[str]]
) -> None:
    output = paste(monkeypatch, asked, query)

    assert output.startswith("1 ")
    assert said in output
    assert server.token_requests == []


def test_a_refused_code_says_what_to_check(
    server: SpotifyServer, monkeypatch: pytest.MonkeyPatch, asked: dict[str, list[str]]
) -> None:
    server.token_always = Answer(400, {"error": "invalid_grant", "error_description": "Invalid authorization code"})

    output = paste(monkeypatch, asked, "code=code-1&state={state[0]}")

    assert "Spotify refused the code (invalid_grant)" in output


def test_the_browser_comes_back_to_this_machine(server: SpotifyServer, asked: dict[str, list[str]]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    redirect = f"http://127.0.0.1:{port}/callback"
    wait = login.wait_for_redirect

    def visit_when_ready(consent: login.Consent, **options: object) -> str:
        def browse() -> None:
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/favicon.ico", timeout=5)
            urllib.request.urlopen(f"{redirect}?code=code-2&state={consent.state}", timeout=5).read()

        return wait(consent, timeout=5, ready=threading.Thread(target=browse).start)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(login, "wait_for_redirect", visit_when_ready)
        result = CliRunner().invoke(main, ["login", "--redirect-uri", redirect], catch_exceptions=False)

    assert result.exit_code == 0
    assert "SPOTIFY_REFRESH_TOKEN=refresh-1" in result.output
    assert re.search(r"code=code-2", server.token_requests[0])


def test_a_redirect_spotify_refuses_is_refused_here(server: SpotifyServer) -> None:
    result = CliRunner().invoke(main, ["login", "--redirect-uri", "http://localhost:8888/callback"])

    assert result.exit_code == 1
    assert "is refused by Spotify since November 2025" in result.output


def test_without_an_app_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOTIFY_CLIENT_ID", raising=False)
    monkeypatch.delenv("SPOTIFY_CLIENT_SECRET", raising=False)

    result = CliRunner().invoke(main, ["login"])

    assert result.exit_code == 1
    assert "set SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET" in result.output
    assert "Traceback" not in result.output
