"""Foreign text in Markdown: shown exactly, nothing loaded, nothing rendered."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from spotify_assets.assets.metadata import preview
from spotify_assets.markdown import escaped, plain
from spotify_assets_tests.naughty import NAUGHTY

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])

HOSTILE = (
    "![x](http://example.com/x.png)",
    "[click](javascript:alert(1))",
    '<img src="http://example.com/x.png">',
    "<http://example.com>",
    "http://example.com/a.png",
    "www.example.com",
    "**bold** _it_ ~~gone~~ `code`",
    "a | b \\| c \\\\| d",
    "# heading",
    "- item",
    "1. first",
    "2) second",
    "    code",
    "&lt;b&gt; &amp; &copy;",
    "$x^2$",
    "![x][y]",
    "\\![x](http://example.com)",
    "trailing \\",
    "[^1] [ ] [x]",
    "someone@example.com",
    "名前 ‮ reversed é́",
    "---",
    "===",
    "+ a",
    "> quote",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_is_one_paragraph_of_exactly_its_characters(text: str) -> None:
    paragraph, inline, end = MARKDOWN.parse(escaped(text))

    assert (paragraph.type, end.type) == ("paragraph_open", "paragraph_close")
    assert {token.type for token in inline.children or ()} <= {"text", "text_special"}
    assert "".join(token.content for token in inline.children or ()) == text.strip()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_in_a_preview_is_one_cell_of_exactly_its_characters(text: str) -> None:
    table = MARKDOWN.parse(preview(["name", "end"], [[text, 1]]).value)

    cells = [token for token in table if token.type == "inline"]

    assert len(cells) == 4
    assert {token.type for token in cells[2].children or ()} <= {"text", "text_special"}
    assert "".join(token.content for token in cells[2].children or ()) == text.strip()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_message_says_what_the_markdown_shows(text: str) -> None:
    assert plain(escaped(text)) == text.strip()


def test_a_name_of_several_lines_begins_no_block() -> None:
    assert escaped("one\n\n# two\r\n\tthree") == "one  \\# two   three"


@pytest.mark.parametrize("text", NAUGHTY)
def test_naughty_names_are_shown_exactly_in_a_preview(text: str) -> None:
    table = MARKDOWN.parse(preview(["name", "end"], [[text, 1]]).value)

    cells = [token for token in table if token.type == "inline"]

    shown = "".join(token.content for token in cells[2].children or ())
    assert len(cells) == 4
    assert {token.type for token in cells[2].children or ()} <= {"text", "text_special"}
    assert shown.removesuffix("…") == _on_one_line(text)[: 79 if len(text) > 80 else None]


def _on_one_line(text: str) -> str:
    """Line breaks, tabs and other controls as blanks; blanks around the text are Markdown's."""
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text).strip()


OWN_WORDS = {"warehouse.py": "links of query ids", "catalog.py": "the project's own named queries"}
"""Modules that make Markdown of nothing foreign."""


def test_whatever_makes_markdown_escapes_what_it_is_given() -> None:
    package = Path(__file__).parents[1] / "spotify_assets"

    unescaped = [
        path.name
        for path in package.rglob("*.py")
        if "MetadataValue.md(" in (text := path.read_text(encoding="utf-8")) and "escaped(" not in text
    ]

    assert set(unescaped) <= OWN_WORDS.keys()
