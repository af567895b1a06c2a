"""The page in a real browser, offline: drawn, every address its page, nothing run that a name says, nothing loaded."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spotify_assets.dashboard.page import render_page
from spotify_assets.dashboard.report import build_report
from spotify_assets_tests.dashboard.browser import Seen, chromium, tab
from spotify_assets_tests.dashboard.world import World, day, fill_warehouse, read_data, warehouse_rows
from spotify_assets_tests.naughty import NAUGHTY

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

PAGES = {
    "overview": "",
    "playlist": "#/playlist/chart002",
    "song": "#/song/song00001",
    "artist": "#/artist/{artist}",
    "compare": "#/compare/chart000,quiet",
    "day": "#/day/chart001/2026-11-15",
    "search": "#/search?q=velvet",
}


IN_THE_DARK = ("overview", "compare", "day", "search")
"""The dark differs in its colours alone, which every page has from one list; each contrast is worked out below."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def file(page: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "dashboard.html"
    path.write_bytes(page)
    return path


@pytest.fixture(scope="module")
def opened(browser: Browser, file: Path) -> Seen:
    """The page, opened once: starting plotly.js takes longer than anything that is tried on it."""
    seen = tab(browser)
    seen.open(file)
    return seen


@pytest.fixture
def seen(opened: Seen) -> Seen:
    """The open page, in its size and its colours."""
    opened.page.emulate_media(color_scheme="light")
    opened.page.set_viewport_size({"width": 1280, "height": 900})
    return opened


def address(world: World, name: str) -> str:
    return PAGES[name].format(artist=world.songs["song00001"].artists[0])


def _page_of(folder: Path, world: World) -> Path:
    path = folder / "dashboard.html"
    warehouse = fill_warehouse(folder, warehouse_rows(world))
    path.write_bytes(render_page(build_report(read_data(warehouse))))
    return path


def _content(seen: Seen) -> str:
    return seen.page.inner_text("main")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_drawn_and_accessible_without_a_network(seen: Seen, world: World, name: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    seen.go(address(world, name), charts=name not in ("day", "search"))
    seen.settle()
    results = Axe().run(seen.page)
    assert results.violations_count == 0, results.generate_report()
    if name in IN_THE_DARK:
        seen.page.emulate_media(color_scheme="dark")
        results = Axe().run(seen.page, options={"resultTypes": ["violations"], "runOnly": ["color-contrast"]})
        assert results.violations_count == 0, results.generate_report()
    seen.page.set_viewport_size({"width": 390, "height": 844})
    seen.page.wait_for_function("document.documentElement.scrollWidth <= 390")
    assert seen.page.evaluate("document.documentElement.scrollHeight - document.body.scrollHeight") < 40, "empty room"

    assert (seen.console, seen.requests) == ([], [])
    assert seen.page.title().endswith("Playlist history")


def test_the_pages_say_what_the_history_holds(seen: Seen, file: Path, world: World) -> None:
    before, now = (set(world.snapshots["chart002"][day(number)]) for number in (12, 13))

    seen.go("#/playlist/chart002")
    assert f"Entered ({len(now - before)})" in _content(seen)
    assert seen.page.title() == "Late Shift Radio – Playlist history"

    seen.go("#/day/chart002/2026-11-21", charts=False)
    marks = [row.split("\t")[1] for row in seen.page.locator("tbody tr").all_inner_texts()]
    assert sum(mark in ("new", "back") for mark in marks) == len(now - before) > 0

    for fragment, sentence in (
        ("#/playlist/empty", "This playlist is empty."),
        ("#/playlist/today", "One whole snapshot so far, of 21 November 2026"),
        ("#/day/quiet/2026-11-12", "There is no snapshot of that day"),
        ("#/song/nobody", "This file holds nothing under that address."),
    ):
        seen.go(fragment, charts=False)
        assert sentence in _content(seen)
    seen.open(file, "#playlist=chart000", charts=False)
    assert seen.page.title() == "Global Pulse 100 – Playlist history"
    assert seen.console == []


def test_the_time_chosen_is_in_the_address_and_stays_on_the_way(seen: Seen, file: Path) -> None:
    seen.open(file, "#/playlist/chart000?from=2026-11-10&to=2026-11-14")

    assert "10 – 14 November 2026" in _content(seen)
    seen.page.click("text=Side by side")
    seen.page.wait_for_selector("h1:has-text('side by side')")
    assert "from=2026-11-10&to=2026-11-14" in seen.page.url
    seen.page.fill("#from", "2026-11-12")
    seen.page.dispatch_event("#from", "change")
    seen.page.wait_for_function("location.hash.includes('from=2026-11-12')")
    seen.page.click("button:has-text('All')")
    seen.page.wait_for_function("!location.hash.includes('from=')")


def test_the_keyboard_reaches_and_works_everything(seen: Seen) -> None:
    seen.go("#/playlist/chart000")
    seen.settle()
    wanted = seen.page.evaluate(
        """[...document.querySelectorAll('a, button, input, summary, [tabindex="0"]')]
        .filter((one) => one.checkVisibility() && !one.closest('details:not([open]) > :not(summary)')
          && (one.type !== 'radio' || one.checked)).length"""
    )
    reached = set()
    for _ in range(wanted + 40):
        seen.page.keyboard.press("Tab")
        place = seen.page.evaluate(
            """(() => { const one = document.activeElement, outline = getComputedStyle(one);
            const shown = one.type === 'radio' ? getComputedStyle(one.nextElementSibling) : outline;
            const place = [...document.querySelectorAll('*')].indexOf(one);
            return [place, shown.outlineStyle !== 'none', one.tagName]; })()"""
        )
        if place[2] != "BODY":
            assert place[1], f"{place[2]} shows no focus"
            reached.add(place[0])
    assert len(reached) >= wanted

    seen.page.focus("input[name=depth]:checked")
    seen.page.keyboard.press("ArrowLeft")
    seen.page.wait_for_function("location.hash.includes('top=50')")
    seen.page.focus("#find-song")
    seen.page.keyboard.type("of")
    seen.page.focus("#search")
    seen.page.keyboard.type("paper")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector("h1:has-text('“paper”')")
    assert seen.page.evaluate("document.activeElement.tagName") == "H1"


def test_a_table_is_downloaded_as_csv(seen: Seen, world: World) -> None:
    seen.go("#/day/chart000/2026-11-21", charts=False)

    with seen.page.expect_download() as download:
        seen.page.click("button[aria-label='Global Pulse 100 on 2026-11-21 as CSV']")

    lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "Rank,Move,Song,Artist,First seen here,song_id"
    assert [line.rsplit(",", 1)[1] for line in lines[1:]] == world.snapshots["chart000"][day(13)]


def test_a_page_without_data_says_so(browser: Browser, tmp_path: Path) -> None:
    seen = tab(browser)

    seen.open(_page_of(tmp_path, World()), charts=False)

    assert "No snapshot has been loaded yet" in _content(seen)
    assert seen.console == []
    seen.page.context.close()


def test_naughty_names_are_shown_exactly_and_do_nothing(browser: Browser, tmp_path: Path) -> None:
    world = World()
    songs = [world.song(text, f"{text} by") for text in NAUGHTY]
    for number, text in enumerate(NAUGHTY):
        world.playlist(f"p{number}", text, {day(0): [songs[number]], day(1): [songs[number], songs[number - 1]]})
    world.playlist("all", "All", {day(0): songs, day(1): songs[::-1]})
    file = _page_of(tmp_path, world)
    seen = tab(browser)

    seen.open(file, "#/day/all/2026-11-08", charts=False)
    if seen.page.locator("button.more").count():
        seen.page.click("button.more")
    shown = seen.page.locator("td .song > a > bdi").all_text_contents()
    assert shown == [text if text.strip() else "(no title)" for text in NAUGHTY]

    with seen.page.expect_download() as download:
        seen.page.click("button.csv")
    written = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    heading, *rows = csv.reader(io.StringIO(written, newline=""))
    cells = [row[heading.index("Song")] for row in rows]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    exact = [cell[1:] if re.match(r"'+[=+\-@\t\r\n]", cell) else cell for cell in cells]
    assert exact == [text if text.strip() else "(no title)" for text in NAUGHTY]

    for number in map(NAUGHTY.index, ("</script><script>window.owned=1</script>", "[/]", "\u202egnirts", "two\nlines")):
        seen.go(f"#/playlist/p{number}", charts=False)
        assert seen.page.locator("h1").text_content() in (NAUGHTY[number], NAUGHTY[number].strip() or "(no name)")
    seen.go("#/playlist/all")
    seen.go("")
    seen.settle()
    assert (seen.console, seen.requests) == ([], [])
    assert seen.page.evaluate(
        "[typeof window.owned, document.querySelectorAll('img, iframe, object, main script').length]"
    ) == ["undefined", 0]
    seen.page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_the_colours_of_text_and_lines_stand_out_from_the_paper(scheme: str) -> None:
    style = files("spotify_assets.dashboard").joinpath("web", "style.css").read_text(encoding="utf-8")
    start = {"light": 0, "dark": style.index("prefers-color-scheme: dark"), "print": style.index("@media print")}[
        scheme
    ]
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6})", style[start : style.index("}", start)]))

    contrast = {
        name: _contrast(colours[name], colours["paper"]) for name in ("ink", "muted", "up", "down", "pin", "edge")
    }

    assert min(contrast[name] for name in ("ink", "muted", "up", "down", "pin")) >= 4.5, json.dumps(contrast)
    assert contrast["edge"] >= 3
    assert all(_contrast(colours[name], colours["fill"]) >= 4.5 for name in ("ink", "muted"))


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two colours."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(letter * 2 for letter in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
