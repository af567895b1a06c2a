"""`spotify-assets build`: everything that is stale, brought up to date."""

from __future__ import annotations

import datetime as dt

import click
from rich.console import Console

from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import open_lake


@click.command("build")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="Earliest snapshot date to look at.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Latest snapshot date to look at.")
def command(first: dt.datetime | None, last: dt.datetime | None) -> None:
    """Bring everything that is stale up to date, through Dagster, as the sensors would.

    Compares raw snapshots with the lake's commits and the commits with what the warehouse holds; builds, loads and
    computes what differs. Without dates it looks at the whole history. Running it twice changes nothing.
    """
    if first and last and first > last:
        raise click.UsageError(f"--from {first.date()} is after --to {last.date()}.")
    console = Console(highlight=False)
    settings = load_settings()
    with console.status("Comparing …") as status:
        from spotify_assets.local.runs import open_line
        from spotify_assets.local.updating import bring_up_to_date, why_nothing

        with open_line(settings, on_step=lambda step: status.update(f"{step.replace('__', '/')} …")) as line:
            stretches = bring_up_to_date(line, settings, first and first.date(), last and last.date())
            start = line.following_the_archive().start
        left_out = why_nothing(open_lake(settings), start, first and first.date(), last and last.date())
    for start, end in stretches:
        console.print(f"Built and loaded {start}" + (f" to {end}" if end != start else ""))
    if left_out:
        console.print(left_out, soft_wrap=True)
    elif not stretches:
        console.print("Everything is up to date.")
