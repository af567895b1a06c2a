"""`spotify-assets home`: where Dagster's own state lives on this machine."""

from __future__ import annotations

import click

from spotify_assets.commands.terminal import write
from spotify_assets.local.instance import dagster_home
from spotify_assets.settings import load_settings


@click.command("home")
def command() -> None:
    """Print the DAGSTER_HOME that runs are recorded in: yours, or one under SPOTIFY_ASSETS_HOME, made when missing."""
    write(f"{dagster_home(load_settings())}\n")
