"""Foreign text in the Markdown that Dagster's UI renders: descriptions, check results, `MetadataValue.md`.

Whatever a playlist, a song, a file or another system's error says goes through `escaped` before it is put into
Markdown, so that it is shown as it is: an image in a song's name would make everybody's browser load it. The one place
that knows which characters mean something; `plain` takes the escapes out again where text is shown as text.
"""

from __future__ import annotations

import re
import unicodedata

_MEANS_SOMETHING = re.compile(
    r"""[\\`*_\[\]<>#!|~&$@{}]     # escapes, code, emphasis, links, images, raw HTML, headings, tables, entities, math
      | (?<=[A-Za-z]):(?=//)      # an address by itself becomes a link
      | (?<=[Ww])\.               # so does www.
      | ^[-+=]                    # at the start of a line: a list, a rule, an underlined heading
      | (?<=^[0-9])[.)]           # a numbered list
      | (?<=^[0-9]{2})[.)] | (?<=^[0-9]{3})[.)] | (?<=^[0-9]{4})[.)]
    """,
    re.VERBOSE,
)
_BREAKS = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories that are no part of a line: controls, lone surrogates, line and paragraph separators."""

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def escaped(text: object) -> str:
    r"""`text` as Markdown that shows exactly its characters, on one line.

    Punctuation that starts a construct of CommonMark or of GitHub's extensions (emphasis, links, images, raw HTML,
    tables, lists, math, bare addresses) gets a backslash, which CommonMark 0.31 (section 2.4) allows before any ASCII
    punctuation. Line breaks and control characters become spaces, as they could begin a block; spaces around the text
    go.
    """
    line = "".join(" " if unicodedata.category(letter) in _BREAKS else letter for letter in str(text)).strip()
    return _MEANS_SOMETHING.sub(lambda match: f"\\{match[0]}", line)


def plain(markdown: str) -> str:
    """The text that `escaped` was given, for a terminal or a message; other Markdown stays as it is."""
    return _ESCAPED.sub(r"\1", markdown)
