"""The file: whole, the same every time, safe with any text, and drawn without an error by a real browser."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from spotify_assets.dashboard.data import DashboardData, read_dashboard_data
from spotify_assets.dashboard.integrity import inspect_page
from spotify_assets.dashboard.page import json_for_script, render_page
from spotify_assets.dashboard.report import Report, build_report
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets_tests.dashboard.world import World, day, fill_warehouse, warehouse_rows

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">&amp;'\u2028"

CHROMIUM = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def page(data: DashboardData) -> bytes:
    return render_page(build_report(data))


def hostile_world(days: int = 2) -> World:
    """Every text Spotify could send is an attack."""
    world = World()
    songs = [world.song(f"{HOSTILE}{number}", f"{HOSTILE} artist") for number in range(6)]
    world.playlist("evil", HOSTILE, {day(number): songs[number:] for number in range(days)})
    world.playlist("other", f"{HOSTILE} too", {day(number): songs for number in range(days)})
    return world


def _report(folder: Path, world: World) -> Report:
    return build_report(fill_warehouse(folder, warehouse_rows(world)).run(read_dashboard_data))


def test_the_page_is_whole_and_self_contained(page: bytes) -> None:
    found = inspect_page(page)

    assert found.problems == ()
    assert (found.as_of, found.playlists) == (day(13).isoformat(), 7)


def test_the_page_stays_within_its_size(page: bytes) -> None:
    assert len(page) < 7_000_000


def test_reading_and_drawing_again_gives_the_same_bytes(page: bytes, warehouse: EmbeddedWarehouse) -> None:
    assert render_page(build_report(warehouse.run(read_dashboard_data))) == page


def test_foreign_text_cannot_end_the_data_block(tmp_path: Path) -> None:
    page = render_page(_report(tmp_path, hostile_world()))

    assert inspect_page(page).problems == ()
    assert page.count(b"document.title='owned'") > 0
    assert b"<img" not in page
    assert b"</script><script>document" not in page


@pytest.mark.parametrize("text", ["</script>", "<!--<script>", "]]>", "&lt;", "\u2028\u2029", "\x00\x1f", "é😀"])
def test_json_for_a_script_holds_no_markup(text: str) -> None:
    written = json_for_script({"name": text})

    assert not re.search("[<>&\u2028\u2029\x00]", written)
    assert json.loads(written) == {"name": text}


def test_a_page_without_any_snapshot_is_whole(tmp_path: Path) -> None:
    found = inspect_page(render_page(_report(tmp_path, World())))

    assert found.problems == ()
    assert (found.as_of, found.playlists) == (None, 0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda page: page[: len(page) // 2], "cut off"),
        (lambda page: page.replace(b"<body>", b'<body><img src="//example.com/x">'), "outside itself: <img src>"),
        (lambda page: page.replace(b"</style>", b"@import 'x.css';</style>"), "outside itself: <style>"),
        (lambda page: page.replace(b"<body>", b'<body><a href="//example.com">x</a>'), "outside itself: <a href>"),
        (lambda page: page.replace(b"<body>", b"<body><script>1</script>"), "3 scripts"),
        (lambda page: page.replace(b"const report =", b"let report ="), "not the ones"),
        (lambda page: page.replace(b"default-src 'none'", b"default-src *"), "does not forbid requests"),
        (lambda page: page.replace(b'"last_on":"2026-11-21"', b'"last_on":"2026-11-20"'), "its data of 2026-11-20"),
        (lambda page: page.replace(b'"first_on"', b"first_on"), "can't be read"),
        (lambda page: page.replace(b"Playlist history", b"\xff"), "not UTF-8"),
    ],
)
def test_a_damaged_page_is_found_out(page: bytes, change: Callable[[bytes], bytes], problem: str) -> None:
    damaged = change(page)

    assert damaged != page
    assert problem in " ".join(inspect_page(damaged).problems)


def _browse(page: bytes, folder: Path, fragment: str = "") -> tuple[str, str]:
    """The document after the page's scripts have run, and what the browser's console said."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine to open the page in")
    file = folder / "page.html"
    file.write_bytes(page)
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={folder / 'profile'}",
        "--dump-dom",
        "--virtual-time-budget=4000",
        "--enable-logging=stderr",
        "--v=0",
        file.as_uri() + fragment,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL), console


@pytest.mark.slow
def test_a_browser_draws_the_playlist_its_address_names(page: bytes, world: World, tmp_path: Path) -> None:
    before, now = (set(world.snapshots["chart002"][day(number)]) for number in (12, 13))

    document, console = _browse(page, tmp_path, "#playlist=chart002")

    assert console == ""
    assert "<title>Late Shift Radio – Playlist history</title>" in document
    assert document.count('class="main-svg"') >= 10
    assert "by The Desk, 100 entries, 14 snapshots" in document
    assert len(re.findall(">(?:new|back)</span>", document)) == len(now - before) > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("playlist_id", "sentence"),
    [
        ("empty", "This playlist is empty."),
        pytest.param("today", "One snapshot so far, of 21 November 2026", marks=pytest.mark.soak),
        pytest.param("quiet", "No song entered, left or moved.", marks=pytest.mark.soak),
        ("archive", "The first 100 of 299 places are in this file."),
    ],
)
def test_a_browser_says_why_there_is_nothing_to_draw(
    page: bytes, tmp_path: Path, playlist_id: str, sentence: str
) -> None:
    document, console = _browse(page, tmp_path, f"#playlist={playlist_id}")

    assert console == ""
    assert sentence in html.unescape(document)


@pytest.mark.slow
def test_a_browser_runs_nothing_that_a_playlist_says(tmp_path: Path) -> None:
    document, console = _browse(render_page(_report(tmp_path, hostile_world())), tmp_path)

    assert console == ""
    assert "<title>owned" not in document
    assert "<img" not in document
    assert "&lt;img src=x" in document


@pytest.mark.slow
def test_a_browser_shows_a_page_without_data(tmp_path: Path) -> None:
    document, console = _browse(render_page(_report(tmp_path, World())), tmp_path)

    assert console == ""
    assert "No snapshot has been loaded yet" in document


def test_a_report_of_other_data_is_another_page(data: DashboardData, page: bytes) -> None:
    other = dataclasses.replace(data, playlists=data.playlists[1:])

    assert render_page(build_report(other)) != page
