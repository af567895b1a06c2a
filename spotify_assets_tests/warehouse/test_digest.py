"""The weekly digest on the twenty little playlists."""

from __future__ import annotations

import datetime as dt

import pytest

from spotify_assets.failures import PermanentError
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import digest
from spotify_assets_tests.warehouse.lake_files import commit_day, day, tables_of
from spotify_assets_tests.warehouse.test_histories import example_tables
from spotify_assets_tests.warehouse.use import build_all, load, merge_all

WEEK = dt.date(2026, 1, 5)


def entry(name: str, change: str, **values: object) -> digest.Entry:
    known = {"artist": "x", "before": 0, "now": 1, "places": -1, "in_since": WEEK, "longest_place": None, **values}
    return digest.Entry(name=name, change=change, **known)  # pyright: ignore[reportArgumentType]


def section(markdown: str, name: str) -> str:
    """A playlist's part of the digest, as one line."""
    return " ".join(markdown.split(f"## {name}\n")[1].split("\n## ", maxsplit=1)[0].split())


def test_the_digest_says_what_happened_in_each_of_the_known_histories(
    warehouse: EmbeddedWarehouse, store: ObjectStore
) -> None:
    load(warehouse, store, {on: commit_day(store, on, f"run-{on}", t) for on, t in example_tables().items()})
    merge_all(warehouse)
    build_all(warehouse)

    latest = warehouse.run(digest.latest_week)
    markdown = digest.to_markdown(warehouse.run(lambda session: digest.read(session, WEEK)))

    assert latest == WEEK
    assert markdown.startswith("# Playlists, week of 2026-01-05 to 2026-01-11\n")
    assert section(markdown, "entered").startswith("1 new. **New** - b by artist b, at 2")
    assert section(markdown, "left").startswith("1 gone. **Gone** - b by artist b, was at 2, there since 2026-01-01")
    assert section(markdown, "re-entered").startswith("1 back. **Back** - b by artist b, at 2")
    assert "**Climbers** - c by artist c, from 3 to 1" in section(markdown, "moved")
    assert section(markdown, "still").startswith("No change. **There longest** - a by artist a, since 2026-01-01")
    assert section(markdown, "incomplete").startswith("No change.")
    assert "- 2026-01-05: incomplete (1 of 1 entries)" in markdown


def test_a_week_without_snapshots_is_one_sentence(warehouse: EmbeddedWarehouse, store: ObjectStore) -> None:
    load(warehouse, store, {day(0): commit_day(store, day(0), "run", tables_of({"P": ["a"]}))})

    with pytest.raises(PermanentError, match="no whole snapshot in the week of 2026-01-05"):
        warehouse.run(lambda session: digest.read(session, WEEK))


def test_names_are_shown_exactly_and_run_nothing() -> None:
    hostile = "<img src=x onerror=alert(1)> ![x](http://evil.example/a.png)"
    week = digest.Digest(WEEK, (digest.PlaylistWeek(hostile, (entry(hostile, "new"),)),))

    markdown, page = digest.to_markdown(week), digest.to_html(week)

    assert "<img" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "![x](" not in markdown
    assert "\\<img" in markdown


def test_a_long_list_is_cut_and_says_so() -> None:
    entries = tuple(entry(f"song {number}", "new") for number in range(25))

    markdown = digest.to_markdown(digest.Digest(WEEK, (digest.PlaylistWeek("P", entries),)))

    assert "25 new." in markdown
    assert "- and 15 more" in markdown
