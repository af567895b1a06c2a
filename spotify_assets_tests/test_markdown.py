"""Foreign text in Markdown: shown exactly, nothing loaded, nothing rendered."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from spotify_assets.assets.metadata import preview
from spotify_assets.markdown import escaped, plain

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
