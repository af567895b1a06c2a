"""The extraction as an AWS Lambda: today's snapshots, taken by the same library as the Dagster asset.

Free of Dagster, so that the bundle stays small. What the function may do and when it runs is in `infra/aws.yaml`, what
goes into its zip in `infra/build_lambda.py`. In Dagster the snapshots appear through the `stale_dates` sensor.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Protocol, TypedDict

from spotify_assets.failures import PermanentError
from spotify_assets.settings import Settings, load_settings
from spotify_assets.spotify.access import SpotifyAccess
from spotify_assets.spotify.report import ExtractionReport
from spotify_assets.storage.aws import aws_failures, client
from spotify_assets.storage.object_store import open_lake

log = logging.getLogger(__name__)

_FROM_SECRET = ("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET", "SPOTIFY_REFRESH_TOKEN", "SPOTIFY_CONSENTED_ON")


class LambdaContext(Protocol):
    """The part of the Lambda runtime's context used here."""

    aws_request_id: str


class Extracted(TypedDict):
    """What an invocation answers; `unreadable` says why, by playlist id."""

    snapshot_date: str
    snapshots: list[str]
    entries: int
    calls: int
    unreadable: dict[str, str]


def handle(event: Mapping[str, object], context: LambdaContext) -> Extracted:
    """Take the snapshots of today (UTC) that are missing; all of them anew when the event says `"refresh": true`.

    A second invocation of the day writes nothing new. Raises the failures of `spotify_assets.failures`, which makes the
    invocation a failed one: when a playlist could not be reached, or not one could be read.
    """
    logging.getLogger().setLevel(logging.INFO)
    settings = _with_secret(load_settings())
    store = open_lake(settings)
    spotify = SpotifyAccess.of(settings)
    report = spotify.extract(
        store,
        spotify.today(),
        run_id=f"lambda-{context.aws_request_id}",
        refresh=event.get("refresh") is True,
    )
    answer = _answer(report)
    log.info(json.dumps(answer))
    report.raise_if_unfinished()
    return answer


def _with_secret(settings: Settings) -> Settings:
    """The settings with the account that the secret holds. Its content is in no error and no log."""
    name = settings.spotify_secret_id
    if name is None:
        raise PermanentError("SPOTIFY_SECRET_ID is not set: name the Secrets Manager secret with the Spotify account.")
    with aws_failures(f"Secret {name}"):
        text = client("secretsmanager", settings.aws_endpoint_url).get_secret_value(SecretId=name)["SecretString"]
    try:
        content = json.loads(text)
        account = {key: content[key] for key in _FROM_SECRET if content.get(key)}
    except (ValueError, TypeError, AttributeError):
        raise PermanentError(
            f"Secret {name} is not a JSON object: put SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET into it."
        ) from None
    if not account.get("SPOTIFY_CLIENT_ID"):
        raise PermanentError(f"Secret {name} has no SPOTIFY_CLIENT_ID: put the Spotify account into it.")
    return load_settings(overrides={"SPOTIFY_SOURCE": "api", **account})


def _answer(report: ExtractionReport) -> Extracted:
    taken = report.having("read", "carried", "kept")
    return {
        "snapshot_date": report.day.isoformat(),
        "snapshots": [outcome.key for outcome in taken if outcome.key],
        "entries": sum(outcome.entries for outcome in report.outcomes),
        "calls": sum(report.stats.calls.values()),
        "unreadable": {outcome.playlist_id: outcome.detail for outcome in report.having("unreadable")},
    }
