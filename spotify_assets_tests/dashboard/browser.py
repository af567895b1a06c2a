"""A headless Chromium for the tests that look at the page: one per session, without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Seen:
    """A tab, what its console said, and every request it made beside the file itself."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, file: Path, fragment: str = "", *, charts: bool = True) -> None:
        """Load the file at the address and wait until it is drawn: its first chart, where `charts` are expected."""
        self.page.goto("about:blank")
        self.page.goto(file.as_uri() + fragment)
        self.page.wait_for_selector("html[data-ready]", state="attached", timeout=30_000)
        if charts:
            self.page.wait_for_selector("[data-drawn]", state="attached", timeout=30_000)

    def go(self, fragment: str, *, charts: bool = True) -> None:
        """Go to an address of the page that is open, as a link does, which starts nothing anew; wait as `open` does."""
        self.page.evaluate(
            "(hash) => { document.querySelector('h1').dataset.left = ''; location.hash = hash }", fragment or "#/"
        )
        self.page.wait_for_selector("h1:not([data-left])", state="attached", timeout=30_000)
        if charts:
            self.page.wait_for_selector("[data-drawn]", state="attached", timeout=30_000)

    def settle(self) -> None:
        """Wait until every chart of the page is drawn."""
        for unfinished in ("[aria-busy]", ".plot:not([data-drawn])"):
            self.page.wait_for_selector(unfinished, state="detached", timeout=60_000)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; skips where there is none, and says what that leaves unproven."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: that the page draws, is accessible and loads nothing stays unproven")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def tab(browser: Browser, *, width: int = 1280, height: int = 900, dark: bool = False) -> Seen:
    """A new tab in a context of its own, offline: whatever it asks for beside its file fails, and is noted."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        offline=True,
        accept_downloads=True,
    )
    seen = Seen(context.new_page())
    seen.page.on("console", lambda message: seen.console.append(f"{message.type}: {message.text}"))
    seen.page.on("pageerror", lambda error: seen.console.append(str(error)))
    seen.page.on("request", lambda request: seen.requests.extend(_outside(request.url)))
    return seen


def _outside(url: str) -> list[str]:
    return [] if url.startswith(("file:", "about:", "blob:")) else [url]
