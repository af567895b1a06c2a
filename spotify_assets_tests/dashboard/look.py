"""`make look`: what the dashboard looks like, and what axe, the keyboard and a browser without a network find.

    python -m spotify_assets_tests.dashboard.look [FOLDER] [--only demo,history,large]

Three dashboards: of the sandbox's two weeks; of recorded snapshots with gaps, where the payloads lie beside the
project; of 60 playlists over 700 days. Every page of each is drawn light, dark, on a phone and printed into FOLDER
(`.look`), and timed; a busy machine's times are printed and not held against it. Ends with 1 when anything was found,
and says what could not be looked at.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright
from plotly.offline import get_plotlyjs

from spotify_assets.dashboard.page import render_page
from spotify_assets.dashboard.report import build_report
from spotify_assets.lake.layout import report_key
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.dashboard.browser import CHROMIUM, FLAGS, Seen, tab
from spotify_assets_tests.dashboard.large import LAST_DAY, large_warehouse
from spotify_assets_tests.dashboard.world import read_data
from spotify_assets_tests.lakes import SHARED_DATA

FIRST_CHART = 2.0
"""A page's first chart, in times of what plotly alone takes to start and draw three points in the same browser."""

BUILD_SECONDS = 60.0
BYTES = 6_000_000

_WAYS = {
    "light": {"width": 1280},
    "dark": {"width": 1280, "dark": True},
    "phone": {"width": 390, "height": 844},
}


def main() -> int:
    """Look at the dashboards named, and print one line for each page."""
    parser = argparse.ArgumentParser(description="Look at the dashboard in a headless Chromium.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(".look"))
    parser.add_argument("--only", default="demo,history,large")
    arguments = parser.parse_args()
    if CHROMIUM is None:
        print("No Chromium on this machine (`apt-get install chromium`): nothing was looked at.")
        return 1
    arguments.folder.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        barest = _barest(browser)
        print(f"plotly alone: first chart after {barest:.2f} s")
        for name in arguments.only.split(","):
            file, wrong = _MAKE[name](Path(scratch) / name)
            found += wrong
            if file is not None:
                found += [f"{name}: {one}" for one in _look(browser, file, arguments.folder, name, barest)]
        browser.close()
    print(*(found or ["Nothing was found."]), sep="\n")
    return 1 if found else 0


def _barest(browser: Browser) -> float:
    """Seconds that plotly takes to start and to draw three points, on a page with nothing else; the best of three."""
    seconds = []
    for _ in range(3):
        seen = tab(browser, width=1280)
        seen.page.set_content("<div id=chart></div>")
        seconds.append(
            seen.page.evaluate(
                """async (plotly) => { const began = performance.now(); (0, eval)(plotly);
                await Plotly.newPlot("chart", [{y: [1, 2, 3]}]); return performance.now() - began; }""",
                get_plotlyjs(),
            )
        )
        seen.page.context.close()
    return float(min(seconds)) / 1000


def _look(browser: Browser, file: Path, folder: Path, name: str, barest: float) -> Iterator[str]:
    for page, address in _addresses(file).items():
        for way, size in _WAYS.items():
            seen = tab(browser, **size)
            seconds = _timed(seen, file, address)
            seen.settle()
            seen.page.screenshot(path=folder / f"{name}-{page}-{way}.png", full_page=True)
            print(f"{name} {page} {way}: first chart after {seconds:.2f} s")
            if seconds > FIRST_CHART * barest and os.getloadavg()[0] < (os.cpu_count() or 1):
                yield f"{page} {way}: the first chart took {seconds / barest:.2f} times what plotly alone takes"
            if seen.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                yield f"{page} {way}: wider than the window"
            if seen.page.evaluate("document.documentElement.scrollHeight - document.body.scrollHeight") > 40:
                yield f"{page} {way}: empty room below the page"
            if way != "phone":
                yield from (f"{page} {way}: {one}" for one in _axe(seen))
            if way == "light":
                yield from (f"{page}: {one}" for one in _walk(seen))
                seen.page.pdf(path=folder / f"{name}-{page}-print.pdf", format="A4", print_background=True)
                seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
                seen.page.emulate_media(media="print")
                seen.page.set_viewport_size({"width": 700, "height": 1000})
                seen.page.wait_for_timeout(600)
                seen.page.screenshot(path=folder / f"{name}-{page}-print.png", full_page=True)
            yield from (f"{page} {way}: {one}" for one in [*seen.console, *seen.requests])
            seen.page.context.close()


def _timed(seen: Seen, file: Path, address: str) -> float:
    """Seconds from the start of loading to the first chart, as the page's own clock has it; to the page, where it has
    none: a list, or a song that was seen on one day."""
    seen.open(file, address, charts=False)
    if seen.page.locator(".plot").count():
        seen.page.wait_for_selector("[data-drawn]", state="attached", timeout=30_000)
    return float(seen.page.evaluate("Number(document.documentElement.dataset.first ?? performance.now()) / 1000"))


def _axe(seen: Seen) -> list[str]:
    seen.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    violations = Axe().run(seen.page).response["violations"]
    seen.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = false")
    return [f"axe: {one['id']} at {one['nodes'][0]['target']}" for one in violations]


def _walk(seen: Seen) -> list[str]:
    """Tab over the page until it comes round: every stop must show that it has the focus."""
    seen.page.evaluate("document.activeElement.blur()")
    hidden: list[str] = []
    for stop in range(2_000):
        seen.page.keyboard.press("Tab")
        tag, shows = seen.page.evaluate(
            """(() => { const one = document.activeElement;
            const shown = one.type === 'radio' ? one.nextElementSibling : one;
            return [one.tagName, getComputedStyle(shown).outlineStyle !== 'none']; })()"""
        )
        if tag == "BODY":
            return hidden if stop > 5 else ["the keyboard reaches nothing"]
        if not shows:
            hidden.append(f"{tag} shows no focus")
    return [*hidden, "the keyboard does not come round"]


def _addresses(file: Path) -> dict[str, str]:
    """One address of every kind of page, chosen from what the file holds."""
    index, songs = (_block(file, name) for name in ("index", "songs-0"))
    opening = index["opening"]
    other = next((one["id"] for one in index["playlists"] if one["id"] != opening), opening)
    playlist = next(one for one in index["playlists"] if one["id"] == opening)
    return {
        "overview": "",
        "playlist": f"#/playlist/{opening}",
        "zoomed": f"#/playlist/{opening}?from={max(playlist['first_on'], playlist['last_on'][:8] + '01')}",
        "song": f"#/song/{songs['ids'].split(' ')[0]}",
        "artist": f"#/artist/{songs['artist_ids'].split(' ')[0]}",
        "compare": f"#/compare/{opening},{other}",
        "day": f"#/day/{opening}/{playlist['last_on']}",
        "search": "#/search?q=a",
    }


def _block(file: Path, name: str) -> dict:
    text = file.read_text(encoding="utf-8")
    start = text.index(">", text.index(f'id="block-{name}"')) + 1
    return json.loads(gzip.decompress(base64.b64decode(text[start : text.index("<", start)])))


Made = tuple[Path | None, list[str]]
"""The dashboard's file, null when it could not be made, and what was found while it was."""


def _demo(folder: Path) -> Made:
    """The demo's own page, from its command."""
    return _of_home(folder, [["demo"]])


def _history(folder: Path) -> Made:
    """Recorded snapshots of one playlist with two weeks and a day left out, and many playlists of one day."""
    recorded = sorted((SHARED_DATA / "history" / "4uUIK0akoRvnyhbK377brv").glob("*.json.gz"))
    if not recorded:
        print(f"No recorded payloads at {SHARED_DATA}: the dashboard of real snapshots was not looked at.")
        return None, []
    kept = [path for number, path in enumerate(recorded) if not 8 <= number < 22 and number != 25]
    imports = [["import", *map(str, kept)]]
    imports += [
        ["import", str(path), "--date", "2024-02-12"] for path in sorted((SHARED_DATA / "playlists").glob("*"))[:12]
    ]
    return _of_home(folder, [*imports, ["build"]], PARTITIONS_START="2024-01-01")


def _of_home(folder: Path, commands: list[list[str]], **environment: str) -> Made:
    home = folder / "home"
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "spotify_assets", *command],
            env=os.environ | environment | {"SPOTIFY_ASSETS_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"`spotify-assets {command[0]}` ended with {done.returncode}: {(done.stdout + done.stderr)[-600:]}")
    file = home / "lake" / report_key("dashboard")
    return (file, []) if file.exists() else (None, [f"`spotify-assets {commands[-1][0]}` left no dashboard"])


def _large(folder: Path) -> Made:
    """60 playlists of 100 entries over 699 days, built; then again with the 700th."""
    folder.mkdir(parents=True)
    warehouse = large_warehouse(folder)
    store = ObjectStore.open((folder / "lake").as_uri())
    file = folder / "dashboard.html"
    found = []
    warehouse.execute("UPDATE LAKE.LOADS SET table_name = 'later ' || table_name WHERE snapshot_date = ?", [LAST_DAY])
    for turn in ("the first time", "with one day more"):
        started = time.monotonic()
        data = read_data(warehouse, store)
        file.write_bytes(render_page(build_report(data)))
        seconds, size = time.monotonic() - started, file.stat().st_size
        print(f"large, {turn}: {seconds:.1f} s, {size:,} bytes, {sum(map(len, data.windows))} dates read")
        if seconds > BUILD_SECONDS:
            found.append(f"large, {turn}: {seconds:.1f} s to build")
        if size > BYTES:
            found.append(f"large, {turn}: {size:,} bytes")
        warehouse.execute("UPDATE LAKE.LOADS SET table_name = REPLACE(table_name, 'later ', '')")
    return file, found


_MAKE = {"demo": _demo, "history": _history, "large": _large}

if __name__ == "__main__":
    sys.exit(main())
