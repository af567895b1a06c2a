"""Names that playlists and songs could have and that somebody's program would act on: shown exactly, run nowhere.

In the manner of the Big List of Naughty Strings, by what each would provoke. Tests put them into every place where a
person looks.
"""

from __future__ import annotations

NAUGHTY: tuple[str, ...] = (
    # rich's markup and emoji codes
    "[live]",
    "[/]",
    "[bold red]loud[/bold red]",
    "Song [feat. [/]]",
    ":warning: :smile:",
    "[link=https://example.org]x[/link]",
    # escape sequences: clear the screen, set the title, recolour, an 8-bit introducer, a hyperlink
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b[31mred\x1b[0m",
    "\x9b31mred",
    "\x1b]8;;https://example.org\x1b\\x\x1b]8;;\x1b\\",
    "bell\x07back\x08\x08\x7fspace",
    "carriage\rreturn",
    "form\x0cfeed\x0b",
    # lines and tabs
    "two\nlines",
    "dos\r\nlines",
    "tab\tbed",
    " spaces before and after ",
    "",
    " ",
    "\u2028line separator\u2029",
    # direction and width
    "\u202egnirts",
    "\u2066isolated\u2069",
    "العربية ‏RTL‏ שלום",
    "zero\u200bwidth\ufeff",
    "Z͑ͫa̴l͇g̡o̵",
    "全角の名前と長い長い長い題名",
    "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽",
    "Ünïcødé ẞ ﬁ ǅ",
    "𝕄𝕒𝕥𝕙",
    # CSV, spreadsheets, JSON
    'quote "inside", and comma',
    "semi;colon",
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(1)",
    "NULL",
    "null",
    "None",
    "NaN",
    "true",
    "1e309",
    "007",
    "{}",
    '{"$ref": "x"}',
    "\\N",
    "back\\slash \\n \\x1b",
    # SQL, shells, formats
    "'; drop table songs; --",
    "O'Brien's",
    "%s %d %(name)s {0} {name} ${HOME} $(id) `id`",
    "../../etc/passwd",
    "C:\\Windows\\con",
    # HTML, scripts, Markdown
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</textarea><b>bold",
    "&amp; &lt; &#x41;",
    "javascript:alert(1)",
    "![x](http://127.0.0.1:1/x.png)",
    "[click](javascript:alert(1))",
    "| a | b |",
    "# heading",
    # length
    "long " * 200,
    "x" * 500,
)
