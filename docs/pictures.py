"""Draws README's pictures: `make pictures`. The dashboard and the graph of assets, of a demo in a folder of its own.

Needs Chromium on the PATH; everything runs on this machine. Whoever draws them looks at them.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

from spotify_assets.lake.layout import report_key

FOLDER = Path(__file__).resolve().parent / "pictures"
SIZE: ViewportSize = {"width": 1280, "height": 860}
UPSTREAM = "view=lineage&lineageScope=upstream&lineageDepth=100"
TALL: ViewportSize = {"width": 1280, "height": 1000}


def main() -> int:
    """Draw both into docs/pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("No Chromium on the PATH: install it, then run `make pictures` again.", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures_") as folder, sync_playwright() as playwright:
        home = Path(os.environ.get("PICTURES_HOME", folder))
        environment = {**os.environ, "SPOTIFY_ASSETS_HOME": str(home)}
        environment.pop("DAGSTER_HOME", None)  # the demo makes its own
        subprocess.run([sys.executable, "-m", "spotify_assets", "demo"], env=environment, check=True)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=SIZE)
        page.goto((home / "lake" / report_key("dashboard")).as_uri())
        page.wait_for_selector("[data-drawn]", state="attached", timeout=60_000)
        draw(page, "dashboard")
        with served({**environment, "DAGSTER_HOME": str(home / "dagster_home")}) as address:
            page.goto(f"{address}/assets/dashboard?{UPSTREAM}", timeout=120_000)
            page.wait_for_selector("text=playlist_items", timeout=120_000)
            page.wait_for_timeout(9_000)  # the graph is laid out, then moved into view: nothing says when
            page.set_viewport_size(TALL)  # it is fitted into more than is in view
            page.wait_for_timeout(1_000)
            draw(page, "graph")
        browser.close()
    return 0


def draw(page: Page, name: str) -> None:
    """A screenshot of what is in view."""
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    print(f"{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size:,} bytes")


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """The address of a Dagster UI on a free port of this machine, stopped on leaving."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dagster_webserver", "-m", "spotify_assets.definitions", "-h", "127.0.0.1"]
    server = subprocess.Popen([*command, "-p", str(port)], env=environment)
    try:
        wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until somebody listens on `port`. Raises RuntimeError when the server ends before."""
    from tenacity import retry_if_result, wait_fixed

    from spotify_assets.waiting import again

    def closed() -> bool:
        if server.poll() is not None:
            raise RuntimeError("Dagster's webserver ended by itself")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    again(retry_if_result(bool), wait=wait_fixed(0.5), seconds=180)(closed)


if __name__ == "__main__":
    raise SystemExit(main())
