"""The consent's age: a warning from 30 days before the token dies, a failure from 7."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from spotify_assets.checks.raw import judge_consent, raw_checks
from spotify_assets.markdown import plain
from spotify_assets.partitions import snapshot_dates
from spotify_assets.settings import load_settings

ACCOUNT = {"SPOTIFY_CLIENT_ID": "id", "SPOTIFY_CLIENT_SECRET": "secret", "SPOTIFY_PLAYLISTS": "mine"}
CONSENTED = ACCOUNT | {"SPOTIFY_REFRESH_TOKEN": "token", "SPOTIFY_CONSENTED_ON": "2026-06-18"}
ENDS = dt.date(2026, 12, 18)


@pytest.mark.parametrize(
    ("days_left", "passed", "severity"),
    [
        (180, True, dg.AssetCheckSeverity.WARN),
        (31, True, dg.AssetCheckSeverity.WARN),
        (30, False, dg.AssetCheckSeverity.WARN),
        (8, False, dg.AssetCheckSeverity.WARN),
        (7, False, dg.AssetCheckSeverity.ERROR),
        (0, False, dg.AssetCheckSeverity.ERROR),
        (-1, False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_the_consent_warns_before_it_dies(days_left: int, passed: bool, severity: dg.AssetCheckSeverity) -> None:
    result = judge_consent(load_settings(CONSENTED), ENDS - dt.timedelta(days=days_left))

    assert (result.passed, result.severity) == (passed, severity)
    assert ("spotify-assets login" in str(result.description)) == (not passed)


def test_an_unknown_day_of_consent_warns() -> None:
    result = judge_consent(load_settings(ACCOUNT | {"SPOTIFY_REFRESH_TOKEN": "token"}), ENDS)

    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "SPOTIFY_CONSENTED_ON is not set" in plain(str(result.description))


@pytest.mark.parametrize("environment", [{}, ACCOUNT])
def test_without_a_refresh_token_nothing_expires(environment: dict[str, str]) -> None:
    assert judge_consent(load_settings(environment), ENDS).passed


def test_the_check_runs_in_dagster() -> None:
    [check] = raw_checks(snapshot_dates(dt.date(2026, 1, 1)), load_settings(CONSENTED), today=lambda: ENDS)

    result = dg.materialize([check], selection=dg.AssetSelection.all_asset_checks())

    [evaluation] = result.get_asset_check_evaluations()
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
