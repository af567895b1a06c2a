"""The `spotify-assets` command: which commands there are and how their failures read.

Each command lives in its own module of `spotify_assets.commands` as `command`, and is imported only when it is asked
for, so that `--help` is instant. A user's mistake ends in one sentence, never in a traceback.
"""

from __future__ import annotations

import errno
import importlib
import io
import sys
from pathlib import Path
from typing import IO, Any

import click
from dotenv import load_dotenv
from dotenv.parser import parse_stream

from spotify_assets.failures import PermanentError, PlatformError, of_system

COMMANDS: dict[str, str] = {
    "budget": "Show the Spotify calls spent in the last 24 hours, and what is left.",
    "build": "Bring everything that is stale up to date, through Dagster, as the sensors would.",
    "dashboard": "Print where the dashboard is; serve it to this machine's browsers.",
    "demo": "Run the whole pipeline on the sandbox: two weeks of snapshots to a dashboard.",
    "dev": "Serve the Dagster UI on this machine, and the dashboard beside it.",
    "digest": "Print what a week changed in every playlist, as Markdown or HTML.",
    "doctor": "Check the settings and reach every configured service; say what to fix.",
    "home": "Print the DAGSTER_HOME that runs of the command line are recorded in.",
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
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a name that the terminal has no letters for is written out
                stream.reconfigure(errors="backslashreplace")
        try:
            read_env_file(Path(".env"))
            return super().invoke(ctx)
        except PlatformError as error:
            raise Told(error) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read the output has had enough: click ends quietly
                raise
            raise Told(of_system(error)) from None


class Told(click.ClickException):
    """A failure as the command line tells it: what it is, and below it what to do."""

    def __init__(self, error: PlatformError) -> None:
        super().__init__(str(error))
        self.error = error

    def show(self, file: IO[Any] | None = None) -> None:
        for part in self.error.parts:
            click.echo(f"Error: {part.what}.", err=True, file=file)
            if part.remedy:
                click.echo(f"  {part.remedy[:1].upper()}{part.remedy[1:]}.", err=True, file=file)


def read_env_file(path: Path) -> None:
    """Put the variables of `path` that are not set into the environment; a missing file changes nothing.

    Raises PermanentError for a file that can't be read, and for every line that is no assignment: dotenv itself would
    pass over it.
    """
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise PermanentError(
            f"{path.absolute()} can't be read: {why}", remedy="make it a readable text file in UTF-8"
        ) from None
    bound = list(parse_stream(io.StringIO(text)))
    wrong = [str(one.original.line) for one in bound if one.error or (one.key is not None and one.value is None)]
    if wrong:
        raise PermanentError(
            f"Line {', '.join(wrong)} of {path.absolute()} is no NAME=value",
            remedy="write it as NAME=value, with quotes around a value of several lines, or begin it with #",
        )
    load_dotenv(stream=io.StringIO(text))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="spotify-assets")
def main() -> None:
    """Spotify playlist history: daily snapshots, tables in a lake and a warehouse, and what changed."""
