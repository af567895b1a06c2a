"""`spotify-assets dashboard`: where the dashboard is, and serving it to this machine's browsers."""

from __future__ import annotations

from threading import Event

import click

from spotify_assets.commands.terminal import say
from spotify_assets.failures import PermanentError
from spotify_assets.lake import layout
from spotify_assets.settings import load_settings
from spotify_assets.storage.object_store import open_lake


@click.command("dashboard")
@click.option("--serve", is_flag=True, help="Serve it on 127.0.0.1 until Ctrl-C, also from S3.")
@click.option("--port", type=click.IntRange(1, 65535), help="With --serve: DASHBOARD_URL's port, else 3001.")
def command(serve: bool, port: int | None) -> None:
    """Print where the dashboard's page is stored; with --serve, open it to this machine's browsers.

    `make dev` serves it too. The page is read from the lake for every request.
    """
    from spotify_assets.local.dashboard_server import HOST, port_of, served

    settings = load_settings()
    store = open_lake(settings)
    key = layout.report_key("dashboard")
    if not serve:
        if store.get_or_none(key) is None:
            raise PermanentError(
                f"There is no dashboard at {store.url(key)} yet", remedy="run `spotify-assets build`, which draws it"
            )
        say(store.url(key))
        return
    with served(store, port or port_of(settings.dashboard_address) or 3001) as chosen:
        say(f"http://{HOST}:{chosen}/dashboard.html   Ctrl-C ends it")
        Event().wait()
