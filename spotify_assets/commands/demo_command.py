"""`spotify-assets demo`: the whole line on the sandbox, two weeks of snapshots to a dashboard."""

from __future__ import annotations

import datetime as dt
import time

import click

from glue_scripts.spans import days_between
from spotify_assets.commands.terminal import progress, say, show_table
from spotify_assets.lake import layout, state
from spotify_assets.settings import Settings, load_settings
from spotify_assets.storage.object_store import ObjectStore, open_lake

DAYS = 14

_LOCAL_ENDS = {"SPOTIFY_SOURCE": "sandbox", "WAREHOUSE": "embedded"}


@click.command("demo")
def command() -> None:
    """Run the whole pipeline on the sandbox: two weeks of snapshots to a dashboard.

    Needs no account and no network. Running it again extracts only the days that are missing and changes no table.
    """
    started = time.monotonic()
    configured = load_settings()
    settings = demo_settings(configured)
    apart = settings.home != configured.home
    today = dt.datetime.now(dt.UTC).date()
    first = max(settings.partitions_start, today - dt.timedelta(days=DAYS - 1))
    say(f"Two weeks of a fictional Spotify, {first} to {today}, into {settings.home}")
    if apart:
        say("Your own settings, lake, warehouse and Dagster instance are left alone.")
    with progress("Loading Dagster …") as shown:
        from spotify_assets.local.runs import open_line
        from spotify_assets.local.updating import bring_up_to_date

        with open_line(settings, shown, apart=apart) as line:
            missing = missing_days(open_lake(settings), first, today)
            for stretch in state.stretches(missing):
                line.run("extract_playlists", stretch)
                shown.keep(f"snapshots    {stretch[0]} to {stretch[1]}")
            update = bring_up_to_date(line, settings, first, today, on_dates=shown.dates)
            update.raise_failures()
            for stretch in update.built:
                shown.keep(f"tables       {stretch[0]} to {stretch[1]}")
    _report(settings, time.monotonic() - started)


def demo_settings(settings: Settings) -> Settings:
    """The settings with every end on this machine, in a home of its own when any end is configured otherwise.

    A configured engine stays when it runs here, so that Spark can be tried too.
    """
    configured = (
        settings.source != "sandbox"
        or settings.lake_is_on_s3
        or settings.warehouse_name != "embedded"
        or settings.lake_url is not None
    )
    home = settings.home / "demo" if configured else settings.home
    engine = "duckdb" if settings.transform_engine == "glue" else settings.transform_engine
    return load_settings(
        {
            **_LOCAL_ENDS,
            "TRANSFORM_ENGINE": engine,
            "SPOTIFY_ASSETS_HOME": str(home),
            "PARTITIONS_START": settings.partitions_start.isoformat(),
        }
    )


def missing_days(store: ObjectStore, first: dt.date, last: dt.date) -> list[dt.date]:
    """The dates from `first` to `last` without a raw snapshot."""
    present = set(state.raw_days(store))
    days = days_between(first, last)
    return [day for day in days if day not in present]


def _report(settings: Settings, seconds: float) -> None:
    from spotify_assets.dashboard.facts import changed_yesterday
    from spotify_assets.local.updating import row_counts
    from spotify_assets.resources.root import warehouse_resource

    warehouse = warehouse_resource(settings)
    show_table(["table", "rows"], list(row_counts(warehouse).items()))
    ((latest,),) = warehouse.execute("select max(snapshot_date) from lake.playlists")
    say(f"\nWhat changed on {latest}, against each playlist's snapshot before")
    for fact in changed_yesterday(warehouse):
        say(f"  · {fact}")
    say(f"\nDashboard: {open_lake(settings).url(layout.report_key('dashboard'))}")
    say(
        "Next: open it in a browser; `make dev` shows the assets, runs and checks; "
        '`.venv/bin/spotify-assets sql "select * from analytics.playlist_changes limit 5"` asks the warehouse; '
        "README says how to put your own playlists, S3, Glue and Snowflake in."
    )
    say(f"Done in {seconds:.0f} s.")
