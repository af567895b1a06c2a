"""The asset checks of the raw layer that need no extraction: how long the Spotify consent still lives.

Whether each playlist could be read is known only while reading, so that check stands with the asset itself.
"""

import datetime as dt
from collections.abc import Callable

import dagster as dg

from spotify_assets.assets.verdicts import Broken, verdict
from spotify_assets.names import PLAIN, Names
from spotify_assets.retries import retried
from spotify_assets.settings import Settings

FAIL_DAYS = 7


def raw_checks(
    partitions: dg.DailyPartitionsDefinition,
    settings: Settings,
    *,
    today: Callable[[], dt.date] = lambda: dt.datetime.now(dt.UTC).date(),
    names: Names = PLAIN,
) -> list[dg.AssetChecksDefinition]:
    """The checks of the raw layer. The consent's age is no matter of one date, so `partitions` go unused."""
    del partitions

    @dg.asset_check(
        asset=names.snapshots,
        name="spotify_consent_age",
        description=f"The Spotify consent lives on: warns 30 days before its refresh token dies, fails from "
        f"{FAIL_DAYS} (six months after the consent; refreshing does not extend it).",
    )
    @retried
    def spotify_consent_age() -> dg.AssetCheckResult:
        return judge_consent(settings, today())

    return [spotify_consent_age]


def judge_consent(settings: Settings, today: dt.date) -> dg.AssetCheckResult:
    """Pass, warn or fail by the days the consent has left on `today` (UTC)."""
    from spotify_assets.spotify.auth import CONSENT_REMEDY, CONSENT_UNKNOWN, consent_age

    remedy = f"{CONSENT_REMEDY}."
    if settings.source == "sandbox" or settings.spotify_refresh_token is None:
        return verdict([], fine="No refresh token is used: nothing expires.", remedy=remedy)
    if settings.spotify_consented_on is None:
        return verdict(
            [Broken("the day of the consent is known", 1, [CONSENT_UNKNOWN], "")],
            fine="",
            remedy="set it to the day of the consent (YYYY-MM-DD), as `spotify-assets login` prints it.",
            severity=dg.AssetCheckSeverity.WARN,
        )
    consent = consent_age(settings.spotify_consented_on, today)
    said = str(consent)[0].upper() + str(consent)[1:]
    return verdict(
        [Broken("the consent lives on", 1, [said], "")] if consent.is_ending else [],
        fine=f"{said}.",
        remedy=remedy,
        severity=dg.AssetCheckSeverity.ERROR if consent.days_left <= FAIL_DAYS else dg.AssetCheckSeverity.WARN,
        metadata={"days_left": consent.days_left, "ends": consent.ends.isoformat()},
    )
