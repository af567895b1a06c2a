"""The `spotify-assets` command: which commands there are and how their failures read.

Each command lives in its own module of `spotify_assets.commands` as `command`, and is imported only when it is asked
for, so that `--help` is instant. A user's mistake ends in one sentence, never in a traceback.
"""

from __future__ import annotations

import importlib

import click
from dotenv import find_dotenv, load_dotenv

from spotify_assets.failures import PlatformError

COMMANDS: dict[str, str] = {
    "budget": "Show the Spotify calls spent in the last 24 hours, and what is left.",
    "build": "Bring everything that is stale up to date, through Dagster, as the sensors would.",
    "demo": "Run the whole pipeline on the sandbox: two weeks of snapshots to a dashboard.",
    "doctor": "Check the settings and reach every configured service; say what to fix.",
    "home": "Print the DAGSTER_HOME that this machine's runs are recorded in.",
    "glue": "Ship the Glue script and its job; write manifests for runs by hand.",
    "import": "Bring existing raw Spotify JSON (any shape) in as snapshots.",
    "login": "Give a one-time Spotify consent; print the refresh token and its expiry.",
    "snowflake": "Set up the Snowflake account, and have its pipes catch up.",
    "sql": "Ask the configured warehouse.",
}


class _Commands(click.Group):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"spotify_assets.commands.{cmd_name}_command")
        return module.command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        load_dotenv(find_dotenv(usecwd=True))
        try:
            return super().invoke(ctx)
        except PlatformError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="spotify-assets")
def main() -> None:
    """Spotify playlist history: daily snapshots, tables in a lake and a warehouse, and what changed."""
