"""No secret in anything a run leaves behind: logs at DEBUG, errors, tracebacks, reprs, metadata, the lake."""

from __future__ import annotations

import logging
import traceback
from base64 import b64encode
from pathlib import Path

import dagster as dg
import pytest

from spotify_assets.assets.raw import listed, raw_assets, readable, report_metadata
from spotify_assets.partitions import snapshot_dates
from spotify_assets.resources.lake import lake_resource
from spotify_assets.resources.spotify import spotify_resource
from spotify_assets.settings import load_settings
from spotify_assets.spotify.doctor import diagnose
from spotify_assets_tests.spotify.conftest import CLIENT_SECRET, REFRESH_TOKEN, TestClock
from spotify_assets_tests.spotify.spotify_server import ACCESS_TOKEN, SCOPES, Answer, SpotifyServer, error

ROTATED = "rotated-token-31d0"
BASIC = b64encode(f"client-id-1:{CLIENT_SECRET}".encode()).decode()
SECRETS = (CLIENT_SECRET, REFRESH_TOKEN, ACCESS_TOKEN, ROTATED, BASIC)

SITUATIONS = {
    "success": {},
    "invalid grant": {"token": Answer(400, {"error": "invalid_grant", "error_description": REFRESH_TOKEN})},
    "token refused with an echo": {"token": Answer(403, f"{CLIENT_SECRET} {REFRESH_TOKEN}")},
    "token endpoint gone": {"token": Answer(cut="before")},
    "access token refused": {"page": error(401, "Access token missing")},
    "forbidden": {"page": error(403, "Forbidden")},
    "forbidden with an echo": {"page": error(403, f"Forbidden: Authorization: Bearer {ACCESS_TOKEN}")},
    "a text with an echo": {"page": Answer(400, f"bad token {ACCESS_TOKEN} of {BASIC}, {REFRESH_TOKEN}")},
    "a page with an echo": {"page": Answer(404, f"<html>{ACCESS_TOKEN}&nbsp;{CLIENT_SECRET}</html>")},
    "the account with an echo": {"page": Answer(403, f"User not registered: {ACCESS_TOKEN} {ROTATED}")},
    "broken JSON with an echo": {"page": Answer(body=f'{{"items": [NaN], "echo": "{ACCESS_TOKEN} {BASIC}"}}')},
    "a quota with an echo": {"page": error(429, f"quota {ACCESS_TOKEN}", "QUOTA_EXCEEDED", Retry_After="46800")},
    "a token answer with an echo": {"token": Answer(400, {"error": f"bad_{REFRESH_TOKEN}".replace("-", "_")})},
    "server errors": {"page": error(500, "Oops")},
    "quota": {"page": error(429, "Too many requests", "QUOTA_EXCEEDED", Retry_After="46800")},
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_secret_is_left_behind(
    situation: str, server: SpotifyServer, clock: TestClock, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    faults = SITUATIONS[situation]
    [playlist_id] = server.add(1)
    server.token_always = faults.get("token") or Answer(
        body={"access_token": ACCESS_TOKEN, "expires_in": 3600, "scope": SCOPES, "refresh_token": ROTATED}
    )
    if "page" in faults:
        server.forever["/items"] = faults["page"]
    settings = load_settings(
        {
            "SPOTIFY_ASSETS_HOME": str(tmp_path / "home"), "SPOTIFY_CLIENT_ID": "client-id-1",
            "SPOTIFY_CLIENT_SECRET": CLIENT_SECRET, "SPOTIFY_REFRESH_TOKEN": REFRESH_TOKEN,
            "SPOTIFY_PLAYLISTS": playlist_id, "SPOTIFY_API_URL": server.api, "SPOTIFY_TOKEN_URL": server.token_url,
        }
    )  # fmt: skip
    spotify = spotify_resource(settings, clock=clock)
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        result = dg.materialize(
            [_without_step_retries(asset) for asset in raw_assets(snapshot_dates(settings.partitions_start))],
            resources={"spotify": spotify, "lake": lake_resource(settings)},
            instance=instance,
            partition_key="2026-11-21",
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "DEBUG"}}}},
        )
        events = [str(record) for record in instance.all_logs(result.run_id)]
        run = repr(instance.get_run_by_id(result.run_id))
    errors = []
    report = spotify.extract(lake_resource(settings).store, clock.now().date(), run_id="r", on_progress=print)
    try:
        report.raise_if_unfinished()
    except Exception as failure:
        errors = [repr(failure), *traceback.format_exception(failure)]

    checks = [str(one) for report_of in (readable, listed) for one in (report_of([report]), repr(report_of([report])))]
    found = diagnose(
        spotify.access.client(lake_resource(settings).store, clock.now().date()),
        spotify.access.selection(clock.now().date()),
        grant="refresh token",
        consented_on=clock.now().date(),
    )
    shown = [*checks, repr(found), str(report_metadata(report)), str(report.stopped_by)]
    output = capfd.readouterr()
    files = [path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    left = [
        caplog.text,
        output.out,
        output.err,
        *events,
        run,
        *errors,
        *shown,
        *files,
        repr(spotify),
        repr(spotify.access),
    ]
    left += [repr(settings), repr(report), str(spotify.model_dump()), repr(vars(spotify))]
    assert len(server.requests) + len(server.token_requests) > 0
    for secret in SECRETS:
        assert not [text[:200] for text in left if secret in text], secret


def _without_step_retries(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """Retries of the step would wait for real."""
    object.__setattr__(asset.op, "_retry_policy", None)
    return asset
