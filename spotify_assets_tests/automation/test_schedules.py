"""Which date a tick means, and what is switched on where."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from spotify_assets.automation.root import Automation, automation
from spotify_assets.partitions import snapshot_dates
from spotify_assets.settings import SettingsError, load_settings

API = {"SPOTIFY_CLIENT_ID": "id", "SPOTIFY_CLIENT_SECRET": "secret", "SPOTIFY_PLAYLISTS": "mine"}


def at_six() -> dt.datetime:
    """Today's; asked for where it is used, as the tests may run past midnight."""
    return dt.datetime.now(dt.UTC).replace(hour=6, minute=0, second=0, microsecond=0)


def of(**environment: str) -> Automation:
    settings = load_settings(environment)
    return automation(settings, snapshot_dates(settings.partitions_start))


def request(name: str, at: dt.datetime, **environment: str) -> dg.RunRequest | dg.SkipReason:
    schedule = next(each for each in of(**environment).schedules if each.name == name)
    found = schedule(dg.build_schedule_context(scheduled_execution_time=at))
    assert isinstance(found, dg.RunRequest | dg.SkipReason)
    return found


def test_the_tick_at_six_takes_the_same_day() -> None:
    at = at_six()
    found = request("daily_extraction", at, **API)
    assert isinstance(found, dg.RunRequest)
    assert found.partition_key == at.date().isoformat()


def test_a_date_is_utc_whatever_the_time_zone() -> None:
    """23:00 in Los Angeles is already tomorrow in UTC, where the snapshot's date is counted."""
    from zoneinfo import ZoneInfo

    at = dt.datetime(2026, 3, 1, 23, tzinfo=ZoneInfo("America/Los_Angeles"))
    found = request("daily_extraction", at, SCHEDULE_TIMEZONE="America/Los_Angeles")
    assert isinstance(found, dg.RunRequest)
    assert found.partition_key == "2026-03-02"


def test_a_tick_of_the_past_is_skipped_because_spotify_serves_only_the_present() -> None:
    found = request("daily_extraction", at_six() - dt.timedelta(days=2), **API)
    assert isinstance(found, dg.SkipReason)
    assert "only the present" in str(found.skip_message)


def test_the_sandbox_catches_up() -> None:
    assert isinstance(request("daily_extraction", at_six() - dt.timedelta(days=2)), dg.RunRequest)


def test_a_day_before_the_first_partition_is_skipped_with_the_remedy() -> None:
    found = request("daily_extraction", dt.datetime(2020, 1, 1, 6, tzinfo=dt.UTC))
    assert isinstance(found, dg.SkipReason)
    assert "PARTITIONS_START" in str(found.skip_message)


def test_the_weekly_refresh_reads_everything_anew() -> None:
    found = request("weekly_refresh", at_six(), **API)
    assert isinstance(found, dg.RunRequest)
    assert found.run_config["ops"]["raw__playlist_snapshots"]["config"] == {"refresh": True}


def test_everything_is_off_unless_automation_is_on() -> None:
    for runs, on in ((of(), False), (of(SPOTIFY_ASSETS_AUTOMATION="on"), True)):
        assert {each.default_status.value == "RUNNING" for each in runs.schedules} == {on}
        assert {each.default_status.value == "RUNNING" for each in runs.sensors} == {on}


def test_cron_and_time_zone_are_settings() -> None:
    schedules = of(EXTRACT_CRON="30 5 * * *", VACUUM_CRON="0 1 * * 1", SCHEDULE_TIMEZONE="Europe/Berlin").schedules
    found = {each.name: (each.cron_schedule, each.execution_timezone) for each in schedules}
    assert found["daily_extraction"] == ("30 5 * * *", "Europe/Berlin")
    assert found["daily_vacuum"] == ("0 1 * * 1", "Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXTRACT_CRON", "at six"),
        ("VACUUM_CRON", "* * *"),
        ("SCHEDULE_TIMEZONE", "Mars/Base"),
        ("ALERT_WEBHOOK_URL", "hooks"),
        ("ALERT_SNS_TOPIC_ARN", "alerts"),
    ],
)
def test_a_mistake_names_the_variable_and_the_remedy(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}.*use "):
        load_settings({name: value})


def test_events_come_with_a_queue_and_listing_stays_the_net() -> None:
    queue = "https://sqs.eu-west-1.amazonaws.com/1/q"
    with_queue = of(LAKE_EVENTS_QUEUE_URL=queue, LAKE_URL="s3://b/p").sensors
    assert {each.name for each in with_queue} >= {"lake_events", "stale_dates", "landing"}
    assert "lake_events" not in {each.name for each in of().sensors}
