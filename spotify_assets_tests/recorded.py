"""Payloads in every shape that Spotify was recorded in: those written for this repository, and recorded ones beside it.

`fixtures/shapes` holds invented playlists, laid out as the recorded ones are. The recorded
payloads (`../shared/data`) are Spotify's content and no part of the repository: where they lie, the same
tests run over them too, over some in `make test` and over all in `make soak`.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spotify_assets_tests.entries import spotify_id
from spotify_assets_tests.lakes import SHARED_DATA
from spotify_assets_tests.reference_tables import Raw

WRITTEN = Path(__file__).parent / "fixtures" / "shapes"
DAY = dt.date(2024, 3, 1)
"""The day of what carries none."""


def load(path: Path) -> Any:
    """The JSON of a file, packed or not."""
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


@dataclass(frozen=True)
class Payloads:
    """The payloads below `root`; of the many playlists and days, one in `every`. `shape_of` says what a shape is."""

    root: Path
    every: int = 1

    def files(self, pattern: str) -> list[Path]:
        return sorted(self.root.glob(pattern))

    def playlists(self) -> list[Path]:
        """Whole playlists, `tracks` a list of entries."""
        return self.files("playlists/*.json*")[:: self.every]

    def history(self) -> list[Path]:
        """One playlist's versions, named by their day."""
        return self.files("history/*/*.json*")[:: self.every]

    def landing(self) -> list[Path]:
        """A list of playlists, `tracks` a page, as other pipelines leave them."""
        return self.files("lambda-landing/*.json*")

    def client_pages(self) -> dict[str, list]:
        """The entries of every page that a client library recorded, by file."""
        pages = {}
        for path in self.files("clients/*/*.json*"):
            page = load(path)
            items = page.get("items") if isinstance(page, dict) else None
            if isinstance(items, list) and items and {"track", "item"} & items[0].keys() and "added_at" in items[0]:
                pages[path.name.split(".")[0]] = items
        return pages

    def new_shape(self) -> Iterator[Raw]:
        """Playlists in pages of the shape that `/items` has had since 2026."""
        for folder in self.files("derived-new-shape/*"):
            pages = [load(path) for path in sorted(folder.glob("items.*.json*"))]
            if pages:
                yield Raw(spotify_id(f"new{folder.name}"), {}, [(page["offset"], page["items"]) for page in pages], DAY)

    def raws(self) -> Iterator[Raw]:
        """All of them as raw objects, each on its day."""
        for path in self.playlists():
            yield whole_playlist(path, DAY)
        for path in self.history():
            yield whole_playlist(path, day_of(path))
        yield from self.new_shape()
        for number, items in enumerate(self.client_pages().values()):
            yield Raw(f"{number:022d}", {}, [(0, items)], DAY)
        for path in self.landing():
            yield from landed(path)


def day_of(path: Path) -> dt.date:
    """The day in the name of a version or of a landed file."""
    return next(dt.date.fromisoformat(part) for part in path.name.split(".") if part[:2] == "20")


def whole_playlist(path: Path, day: dt.date) -> Raw:
    """A playlist with its pages concatenated in a list, written here in pages of 50."""
    playlist = load(path)
    items = playlist.pop("tracks")
    pages = [(offset, items[offset : offset + 50]) for offset in range(0, len(items), 50)] or [(0, [])]
    return Raw(playlist["id"], playlist, pages, day, f"{day.isoformat()}T06:00:00Z")


def landed(path: Path) -> Iterator[Raw]:
    """The playlists of a file that another pipeline left."""
    for playlist in load(path):
        page = playlist.pop("tracks")
        day = day_of(path)
        yield Raw(playlist["id"], playlist, [(0, page["items"])], day, f"{day.isoformat()}T06:00:00Z")


def shape_of(value: object) -> set[tuple[str, str]]:
    """A payload's shape: every path in it and the kind of what stands there. What a list holds has one path."""
    found: set[tuple[str, str]] = set()

    def look(value: object, path: str) -> None:
        if isinstance(value, dict):
            found.add((path, "object"))
            for name, part in value.items():
                look(part, f"{path}.{name}")
        elif isinstance(value, list):
            found.add((path, "list" if value else "empty list"))
            for part in value:
                look(part, f"{path}[]")
        else:
            found.add((path, "null" if value is None else type(value).__name__))

    look(value, "")
    return found


there = pytest.mark.skipif(not SHARED_DATA.is_dir(), reason=f"no recorded payloads at {SHARED_DATA}")
EITHER = [
    pytest.param(Payloads(WRITTEN), id="written"),
    pytest.param(Payloads(SHARED_DATA, every=8), id="recorded, one in eight", marks=there),
    pytest.param(Payloads(SHARED_DATA), id="recorded", marks=[there, pytest.mark.soak]),
]
"""Parameters of tests over payloads: first the written ones."""
