"""`spotify-assets budget`: Spotify calls spent and left."""

from __future__ import annotations

import datetime as dt

import click

from spotify_assets.commands.terminal import say, show_table
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import open_lake


@click.command("budget")
def command() -> None:
    """Show the Spotify calls spent in the last 24 hours, and what is left.

    Counts every run on this lake, from whatever machine. Makes no call itself.
    """
    from spotify_assets.spotify import budget
    from spotify_assets.spotify.errors import in_utc

    settings = load_settings()
    store = open_lake(settings)
    now = dt.datetime.now(dt.UTC)
    limit = settings.spotify_daily_call_budget
    state = budget.pruned(budget.CallState.from_json(store.get_or_none(budget.STATE_KEY)), now)
    spent = budget.spent(state, now)
    say(f"{spent} of {limit} Spotify calls spent in the last 24 hours, {max(0, limit - spent)} left.")
    by_hour: dict[dt.datetime, int] = {}
    for minute, count in sorted(state.calls.items()):
        hour = minute.replace(minute=0)
        by_hour[hour] = by_hour.get(hour, 0) + count
    if by_hour:
        later = budget.WINDOW + dt.timedelta(hours=1)
        show_table(
            ["hour (UTC)", "calls", "free again by"],
            [(f"{hour:%Y-%m-%d %H:00}", n, f"{hour + later:%Y-%m-%d %H:00}") for hour, n in by_hour.items()],
        )
    free_at = budget.frees_at(state, now, limit)
    if free_at:
        say(f"The next call is free at {in_utc(free_at)}.")
    if state.cool_down:
        say(f"Cooling down until {in_utc(state.cool_down.until)}: {state.cool_down.reason}.")
    if settings.source == "sandbox":
        say("The sandbox is in use, which has no quota: its calls are not counted.")
