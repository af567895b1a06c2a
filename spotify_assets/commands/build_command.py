"""`spotify-assets build`: everything that is stale, brought up to date."""

from __future__ import annotations

import datetime as dt

import click

from spotify_assets.commands.terminal import progress, say
from spotify_assets.lake import state
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import open_lake


@click.command("build")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="Earliest snapshot date to look at.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Latest snapshot date to look at.")
@click.option("--outdated", is_flag=True, help="Also build dates again that other code built.")
@click.option("--verify", is_flag=True, help="Read every file that the commits name, and build again what is damaged.")
def command(first: dt.datetime | None, last: dt.datetime | None, outdated: bool, verify: bool) -> None:
    """Bring everything that is stale up to date, through Dagster, as the sensors would.

    Compares raw snapshots with the lake's commits, what the commits name with what lies there, and the commits with
    what the warehouse holds; builds, loads and computes what differs. Without dates it looks at the whole history. A
    date that can't be built fails alone and is named at the end. Running it twice changes nothing.
    """
    if first and last and first > last:
        raise click.UsageError(f"--from {first.date()} is after --to {last.date()}.")
    settings = load_settings()
    with progress("Comparing …") as shown:
        from spotify_assets.local.runs import open_line
        from spotify_assets.local.updating import bring_up_to_date, why_nothing

        with open_line(settings, shown) as line:
            dates = (first and first.date(), last and last.date())
            update = bring_up_to_date(line, settings, *dates, outdated=outdated, verify=verify, on_dates=shown.dates)
            start = line.following_the_archive().start
        left_out = why_nothing(open_lake(settings), start, *dates)
    for sentence in update.healed:
        say(f"Built again {sentence}")
    for text, ranges in (("Built and loaded", update.built), ("Loaded", update.loaded)):
        for begin, end in ranges:
            say(f"{text} {begin}" + (f" to {end}" if end != begin else ""))
    if update.computed:
        say(f"Computed what was behind: {', '.join(update.computed)}")
    if update.outdated:
        say(
            f"{len(update.outdated)} dates were built by other code than this ({state.shown(update.outdated)}): "
            "`spotify-assets build --outdated` builds them again.",
        )
    if left_out:
        say(left_out)
    elif not update.did_something:
        say("Everything is up to date.")
    update.raise_failures()
