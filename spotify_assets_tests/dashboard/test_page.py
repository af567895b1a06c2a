"""The file: whole, the same every time, and found out when it is damaged."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from spotify_assets.dashboard.data import DashboardData
from spotify_assets.dashboard.integrity import inspect_page
from spotify_assets.dashboard.page import render_page
from spotify_assets.dashboard.report import build_report
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets_tests.dashboard.world import day, read_data


def _with_another_history(page: bytes) -> bytes:
    """One letter of a playlist's block is another."""
    at = page.index(b'id="block-playlist-3">') + 120
    return page[:at] + (b"A" if page[at : at + 1] != b"A" else b"B") + page[at + 1 :]


def _without_a_day(page: bytes) -> bytes:
    """The page with an index that says another date."""
    start = page.index(b">", page.index(b'id="block-index"')) + 1
    end = page.index(b"<", start)
    index = json.loads(gzip.decompress(base64.b64decode(page[start:end]))) | {"last_on": "2026-11-20"}
    return page[:start] + base64.b64encode(gzip.compress(json.dumps(index).encode())) + page[end:]


def test_the_page_is_whole_and_self_contained(page: bytes) -> None:
    contents = inspect_page(page)

    assert contents.problems == ()
    assert (contents.as_of, contents.playlists) == (day(13).isoformat(), 7)


def test_the_page_stays_within_its_size(page: bytes) -> None:
    assert len(page) < 2_600_000


def test_reading_and_drawing_again_gives_the_same_bytes(page: bytes, warehouse: EmbeddedWarehouse) -> None:
    assert render_page(build_report(read_data(warehouse))) == page


@pytest.mark.parametrize("kept", [None, b"", gzip.compress(b"another script")], ids=["none", "empty", "another"])
def test_a_script_kept_beside_the_page_is_used_only_when_it_is_the_pages(
    page: bytes, warehouse: EmbeddedWarehouse, tmp_path: Path, kept: bytes | None
) -> None:
    store = ObjectStore.open(tmp_path.as_uri())
    report = build_report(read_data(warehouse))
    assert render_page(report, store) == page
    (script,) = store.list("reports/parts/")
    if kept is not None:
        store.put(script.key, kept)

    assert render_page(report, store) == page
    assert gzip.decompress(store.get(script.key)).startswith(b"/**")


def test_a_page_without_any_snapshot_is_whole() -> None:
    contents = inspect_page(render_page(build_report(DashboardData())))

    assert contents.problems == ()
    assert (contents.as_of, contents.playlists) == (None, 0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda page: page[: len(page) // 2], "cut off"),
        (lambda page: page.replace(b"<body>", b'<body><img src="//example.com/x">'), "outside itself: <img src>"),
        (lambda page: page.replace(b"</style>", b"@import 'x.css';</style>"), "outside itself: <style>"),
        (lambda page: page.replace(b"<body>", b'<body><a href="//example.com">x</a>'), "outside itself: <a href>"),
        (lambda page: page.replace(b"<body>", b"<body><script>1</script>"), "2 scripts"),
        (lambda page: page.replace(b"const MONTHS =", b"let MONTHS ="), "not the ones"),
        (lambda page: page.replace(b"default-src 'none'", b"default-src *"), "does not forbid requests"),
        (_without_a_day, "its data of 2026-11-20"),
        (
            lambda page: page.replace(b'id="block-songs-0">H4sI', b'id="block-songs-0">H4sJ'),
            "block-songs-0 can't be read",
        ),
        (_with_another_history, "block-playlist-3 can't be read"),
        (lambda page: page.replace(b'id="block-playlist-3"', b'id="block-of-nothing"'), "lacks block-playlist-3"),
        (lambda page: page.replace(b"Playlist history", b"\xff"), "not UTF-8"),
    ],
)
def test_a_damaged_page_is_found_out(page: bytes, change: Callable[[bytes], bytes], problem: str) -> None:
    damaged = change(page)

    assert damaged != page
    assert problem in " ".join(inspect_page(damaged).problems)


def test_every_part_of_the_script_is_in_the_page(page: bytes) -> None:
    web = Path(__file__).parents[2] / "spotify_assets" / "dashboard" / "web"

    assert all(path.read_bytes().strip() in page for path in web.glob("*.js"))
