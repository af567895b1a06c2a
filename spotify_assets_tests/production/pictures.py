"""Pictures of Dagster's pages of a deployment, for somebody to look at: graph, asset, checks, backfill, runs.

`PICTURES=<folder> pytest -m soak spotify_assets_tests/production/test_ui_backfill.py` draws them. Needs Chromium.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

LAID_OUT = 7_000
"""Milliseconds in which the UI loads and lays out a page; nothing says when it is done."""


def draw(address: str, backfill: str, run: str, folder: Path) -> None:
    """One PNG for each page, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "graph": "/asset-groups",
        "catalog": "/assets",
        "asset": "/assets/lake/songs?view=overview",
        "partitions": "/assets/lake/playlists?view=partitions&partition=2026-01-01",
        "events": "/assets/snowflake/lake/songs?view=events",
        "mart": "/assets/snowflake/analytics/playlist_changes?view=overview",
        "checks": "/assets/lake/playlists?view=checks",
        "check": "/assets/lake/playlists?view=checks&checkDetail=has_snapshots",
        "partitioned_check": "/assets/lake/songs?view=checks&checkDetail=contract_holds",
        "lineage": "/assets/lake/songs?view=lineage",
        "backfill": f"/runs/b/{backfill}?tab=overview",
        "backfills": "/runs?view=backfills",
        "run": f"/runs/{run}",
        "timeline": "/overview/activity/timeline",
        "automation": "/automation",
        "sensor": "/locations/spotify_assets/sensors/stale_dates",
        "job": "/locations/spotify_assets/jobs/build_history",
        "concurrency": "/deployment/concurrency",
        "daemons": "/deployment/daemons",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        for name, path in pages.items():
            _draw(page, f"{address}{path}", folder / f"{name}.png")
        browser.close()


def _draw(page: Page, address: str, path: Path) -> None:
    page.goto(address, timeout=60_000)
    page.wait_for_timeout(LAID_OUT)
    page.screenshot(path=path)
