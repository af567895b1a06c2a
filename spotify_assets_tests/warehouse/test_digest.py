"""The weekly digest on the twenty little playlists."""

from __future__ import annotations

import datetime as dt
import html
import unicodedata
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from spotify_assets.failures import PermanentError
from spotify_assets.resources.warehouse_embedded import EmbeddedWarehouse
from spotify_assets.storage.object_store import ObjectStore
from spotify_assets.warehouse import digest
from spotify_assets_tests.naughty import NAUGHTY
from spotify_assets_tests.warehouse.fixtures import kept_warehouse
from spotify_assets_tests.warehouse.histories import EXAMPLES, Example
from spotify_assets_tests.warehouse.lake_files import commit_day, day, open_lake, tables_of
from spotify_assets_tests.warehouse.test_histories import example_tables
from spotify_assets_tests.warehouse.use import build_all, load, merge_all

WEEK = dt.date(2026, 1, 5)


def entry(name: str, change: str, **values: object) -> digest.Entry:
    known = {"artist": "x", "before": 0, "now": 1, "places": -1, "in_since": WEEK, "longest_place": None, **values}
    return digest.Entry(name=name, change=change, **known)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def markdown(prepared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the second week of the twenty histories, the newest there is."""
    folder = tmp_path_factory.mktemp("digest")
    store = open_lake(folder / "lake")
    with kept_warehouse(prepared_folder, folder / "warehouse") as warehouse:
        load(warehouse, store, {on: commit_day(store, on, f"run-{on}", t) for on, t in example_tables().items()})
        merge_all(warehouse)
        build_all(warehouse)
        assert warehouse.run(digest.latest_week) == WEEK
        return digest.to_markdown(warehouse.run(lambda session: digest.read(session, WEEK)))


def sections(markdown: str) -> dict[str, dict[str, list[str]]]:
    """Of each playlist, the summary (under "") and the lists by their titles."""
    found: dict[str, dict[str, list[str]]] = {}
    for part in markdown.split("\n## ")[1:]:
        name, summary, *lists = part.strip().split("\n\n")
        titles = [title.strip("*") for title in lists[::2]]
        found[name] = {"": [summary], **{t: items.split("\n") for t, items in zip(titles, lists[1::2], strict=True)}}
    return found


TITLES = {"new": "New", "returned": "Back", "gone": "Gone", "climbed": "Climbers", "fell": "Fallers"}
COUNTED = {"new": "new", "returned": "back", "gone": "gone", "climbed": "climbed", "fell": "fell"}


def expected(example: Example) -> dict[str, list[str]]:
    """The section that the facts known by hand call for."""
    lists: dict[str, list[str]] = {}
    for fact in example.week:
        song, change, step, since = fact.split()
        before, to = (str(int(place) + 1) if place.isdecimal() else "" for place in step.split(">"))
        where = {
            "new": f"at {to}",
            "returned": f"at {to}",
            "gone": f"was at {before}, there since {day(int(since))}",
        }.get(change, f"from {before} to {to}")
        lists.setdefault(change, []).append(f"- {song} by artist {song}, {where}")
    counts = ", ".join(f"{len(lists[change])} {COUNTED[change]}" for change in TITLES if change in lists)
    longest = [f"- {one[0]} by artist {one[0]}, since {day(int(one[1:]))}" for one in example.longest.split()]
    return {
        "": [f"{counts}." if counts else "No change."],
        **{TITLES[change]: lists[change] for change in TITLES if change in lists},
        **({"There longest": longest} if longest else {}),
    }


@pytest.mark.parametrize(("name", "example"), EXAMPLES.items(), ids=EXAMPLES)
def test_the_digest_says_what_happened_in_each_of_the_known_histories(
    markdown: str, name: str, example: Example
) -> None:
    shown, wanted = sections(markdown)[name], expected(example)

    assert {title: sorted(items) for title, items in shown.items()} == {t: sorted(i) for t, i in wanted.items()}
    assert list(shown) == list(wanted)
    assert shown.get("There longest") == wanted.get("There longest")


def test_the_digest_has_a_section_for_each_playlist_and_names_what_was_left_out(markdown: str) -> None:
    assert markdown.startswith("# Playlists, week of 2026-01-05 to 2026-01-11\n")
    assert sections(markdown).keys() - EXAMPLES.keys() == {"Not compared, because incomplete"}
    left_out = markdown.split("## Not compared, because incomplete\n\n")[1].splitlines()
    assert left_out == [
        "- 2026-01-05: incomplete (1 of 1 entries)",
        "- 2026-01-07: incomplete at the end (1 of 1 entries)",
    ]


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


@pytest.mark.parametrize("text", NAUGHTY)
def test_naughty_names_are_shown_exactly_in_both_forms(text: str) -> None:
    week = digest.Digest(WEEK, (digest.PlaylistWeek(text, (entry(text, "new"),)),))

    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(digest.to_markdown(week))
    page = digest.to_html(week)

    one_line = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text).strip()
    inlines = [token for token in tokens if token.type == "inline"]
    said = ["".join(child.content for child in token.children or ()) for token in inlines]
    assert said == [
        f"Playlists, week of {WEEK} to 2026-01-11",
        one_line,
        "1 new.",
        "New",
        f"{one_line or '(no name)'} by x, at 2",
    ]
    assert {child.type for token in inlines for child in token.children or ()} <= {
        "text",
        "text_special",
        "strong_open",
        "strong_close",
    }
    assert f"<h2>{html.escape(text)}</h2>" in page
    assert f"<li>{html.escape(text) or '(no name)'} by x, at 2</li>" in page


def test_a_long_list_is_cut_and_says_so() -> None:
    entries = tuple(entry(f"song {number}", "new") for number in range(25))

    markdown = digest.to_markdown(digest.Digest(WEEK, (digest.PlaylistWeek("P", entries),)))

    assert "25 new." in markdown
    assert "- and 15 more" in markdown
