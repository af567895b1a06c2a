"""`spotify-assets digest`: what a week changed, in words."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from spotify_assets.commands.terminal import say, write
from spotify_assets.settings import load_settings


@click.command("digest")
@click.option("--week", type=click.DateTime(["%Y-%m-%d"]), help="A day of the week; the newest one by default.")
@click.option("--format", "form", type=click.Choice(["markdown", "html"]), default="markdown", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of the terminal.")
def command(week: dt.datetime | None, form: str, output: Path | None) -> None:
    """Print what a week changed in every playlist: new, gone, climbers, fallers, longest there.

    Reads the mart playlist_week of the configured warehouse; build first. A week begins on Monday.
    """
    from spotify_assets.resources.root import warehouse_resource
    from spotify_assets.warehouse import digest
    from spotify_assets.warehouse.marts import monday
    from spotify_assets.warehouse.session import QueryTag, Session

    def read(session: Session) -> digest.Digest | None:
        begins = monday(week.date()) if week else digest.latest_week(session)
        return digest.read(session, begins) if begins else None

    summary = warehouse_resource(load_settings()).run(read, QueryTag("digest"))
    if summary is None:
        say("There is no snapshot yet: run 'spotify-assets build' first.")
        return
    text = digest.to_html(summary) if form == "html" else digest.to_markdown(summary)
    if output is None:
        write(text)
    else:
        output.write_text(text, encoding="utf-8")
        say(f"Wrote {output}: {summary.title}.")
