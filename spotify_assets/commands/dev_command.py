"""`spotify-assets dev`: Dagster's UI and daemon on this machine, with the dashboard beside them."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack

import click

from spotify_assets.commands.terminal import say
from spotify_assets.settings import exported_dagster_home, load_settings
from spotify_assets.storage.object_store import open_lake


@click.command("dev")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Of the UI.")
def command(port: int) -> None:
    """Serve the Dagster UI on 127.0.0.1, with the daemon, in the project's folder; Ctrl-C ends both.

    The dashboard is served beside it, where DASHBOARD_URL says and the UI's link points.
    """
    from spotify_assets.local.dashboard_server import HOST, port_of, require_free, served
    from spotify_assets.local.instance import dagster_home

    settings = load_settings()
    require_free(port, "choose another with PORT=… (`make dev PORT=3010`, or `--port 3010`)")
    home = dagster_home(settings)
    with ExitStack() as stack:
        beside = port_of(settings.dashboard_address)
        if beside:
            stack.enter_context(served(open_lake(settings), beside))
            say(f"Dashboard: {settings.dashboard_address}")
        say(f"Dagster UI: http://{HOST}:{port}   runs are kept in {home}")
        ui = [sys.executable, "-m", "dagster_dg_cli.cli", "dev", "--use-active-venv", "-h", HOST, "-p", str(port)]
        stack.enter_context(exported_dagster_home(home))
        process = subprocess.Popen(ui)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())  # or it would outlive us
        while True:
            try:
                ended = process.wait()
            except KeyboardInterrupt:  # the terminal has told the child as well: it ends its own children first
                continue
            raise SystemExit(ended)
