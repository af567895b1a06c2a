"""`spotify-assets budget`: what is spent, what is left, when it goes on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from click.testing import CliRunner

from spotify_assets.cli import main
from spotify_assets.spotify.budget import STATE_KEY, CallState, CoolDown, minute_of
from spotify_assets.storage.object_store import ObjectStore


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setenv("LAKE_URL", tmp_path.as_uri())
    monkeypatch.setenv("SPOTIFY_DAILY_CALL_BUDGET", "40")
    return ObjectStore.open(tmp_path.as_uri())


def said() -> str:
    result = CliRunner().invoke(main, ["budget"], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_nothing_is_spent_on_a_new_lake(store: ObjectStore) -> None:
    assert "0 of 40 Spotify calls spent in the last 24 hours, 40 left." in said()


def test_calls_of_the_last_24_hours_count(store: ObjectStore) -> None:
    now = minute_of(dt.datetime.now(dt.UTC))
    hours = {now - dt.timedelta(hours=1): 30, now - dt.timedelta(hours=30): 500}
    store.put(STATE_KEY, CallState(hours).to_json())

    assert "30 of 40 Spotify calls spent in the last 24 hours, 10 left." in said()


def test_a_spent_budget_and_a_cool_down_say_when_it_goes_on(store: ObjectStore) -> None:
    now = minute_of(dt.datetime.now(dt.UTC))
    until = now + dt.timedelta(hours=13)
    store.put(STATE_KEY, CallState({now: 40}, CoolDown(until, "it answered HTTP 429")).to_json())

    output = said()

    assert f"The next call is free at {now + dt.timedelta(hours=24, minutes=1):%Y-%m-%d %H:%M:%S} UTC." in output
    assert f"Cooling down until {until:%Y-%m-%d %H:%M:%S} UTC: it answered HTTP 429." in output
